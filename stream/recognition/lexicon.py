"""The vocabulary, as data: which wordings are cues of what.

A pattern is words between blanks. ``a|b`` is one of several words, ``a?`` may be missing, ``*``
is any one word, ``NAME`` in capitals is a list of :data:`LISTS`, and ``^`` in front ties the
pattern to the start of a clause. Words are normalised as in :mod:`stream.recognition.text`: lower
case, no apostrophes. So "were" is also "we're" and "well" also "we'll"; patterns with them say
enough to tell.

Nothing here is about an industry; words of an industry belong to the customer's account.
"""

from __future__ import annotations

import enum


class Cue(enum.IntFlag):
    """What the words of a clause show, taken alone. One bit each, so that a reading stays small."""

    CHECKS = 1 << 0
    """A verb of looking at the case: a step when it is what something is for."""
    QUESTION = 1 << 1
    """Ends in a question mark."""
    WH = 1 << 2
    """Asks what, which, when, where, who, how or why."""
    INVERTED = 1 << 3
    """Asks by inversion: "did you", "is it"."""
    ASK = 1 << 4
    """Asks to be given, told or shown something."""
    FACT = 1 << 5
    """Names what agents need to proceed: identifiers, documents, diagnostics."""
    PRIVATE = 1 << 6
    """Names a private channel."""
    CONTACT = 1 << 7
    """Sends the customer to another place, person or channel."""
    PASS_ON = 1 << 8
    """Passes the case to somebody else."""
    LINK = 1 << 9
    """Holds a link."""
    IMPERATIVE = 1 << 10
    """Instructs."""
    ADVICE = 1 << 11
    """Says what the customer can, should or may do."""
    ACTION = 1 << 12
    """The agent's side has acted on the case."""
    OUTCOME = 1 << 13
    """Tells a state or an outcome of the case."""
    INABILITY = 1 << 14
    """Says that something cannot be had or done."""
    RULE = 1 << 15
    """Cites a rule, limit or term."""
    HOLD = 1 << 16
    """Makes the customer wait."""
    FUTURE = 1 << 17
    """The agent's side will do something."""
    STEP = 1 << 18
    """A verb that names a step of handling a case."""
    VAGUE = 1 << 19
    """Handling that names no step: look into, see what we can do, help."""
    TIME = 1 << 20
    """A time or a term in the future."""
    PURPOSE = 1 << 21
    """Says what something is for."""
    BECAUSE = 1 << 22
    """Gives a cause or a ground."""
    SORRY = 1 << 23
    """Apologises or regrets."""
    FORMULA = 1 << 24
    """A stock formula of sympathy or understanding."""
    UNDERSTAND = 1 << 25
    """Says that it understands, knows, sees, hears."""
    FEELING = 1 << 26
    """Names a feeling or a strain."""
    IMAGINE = 1 << 27
    """Puts itself in the customer's place: must be, no wonder, I can imagine."""
    GLAD = 1 << 28
    """Good news is welcomed."""
    THANKS = 1 << 29
    """Thanks."""
    CONFIRM = 1 << 30
    """Marks that what follows is the customer's own account, played back."""
    SAID = 1 << 31
    """Refers to what the customer said or did: "as you say", "I see you have"."""
    YOU = 1 << 32
    """Speaks of the customer: you, your."""
    GOAL = 1 << 33
    """Speaks of the customer's outcome: "let's get you back", "you want", "hope you find"."""
    OFFER = 1 << 34
    """Offers help in general, or asks openly how to help."""
    CHECK_BACK = 1 << 35
    """Asks whether it worked, or to be kept posted."""
    GREETING = 1 << 36
    """Greets, signs off, wishes a good day."""
    PROBLEM = 1 << 37
    """A word for something going wrong."""
    NEGATION = 1 << 38
    """A negation."""
    COMPANY = 1 << 39
    """The clause's subject is the agent's side."""
    TOPIC = 1 << 40
    """A noun that a whole scenario shares: order, account, delay."""
    NUMBER = 1 << 41
    """Holds a number."""
    DEGREE = 1 << 42
    """Colours an account: only, still, again, even, already, every."""
    REMARK = 1 << 43
    """Remarks on an account: "that is a", "what a", "oh no"."""
    CONDITION = 1 << 44
    """Depends on a condition: if, once, when, as long as."""
    ASSENT = 1 << 45
    """Opens with yes, no, correct: the answer to a question."""
    SUGGEST = 1 << 46
    """Suggests a step in the form of a question."""
    WANT = 1 << 47
    """Says that somebody wants or needs something: an outcome if it is the customer's."""
    FINITE = 1 << 48
    """Asserts: is, are, will, can. What lacks it is a fragment, as people play things back."""
    PLAIN = 1 << 49
    """Holds a word with weight that is no name."""
    PLAINS = 1 << 50
    """Holds two or more such words."""
    PLAYBACK = 1 << 51
    """Announces or closes a confirmation: "just to confirm", "is that right"."""
    OPENS = 1 << 53
    """The words open a clause, also where no mark does. Used in reading only."""
    SENTENCE = 1 << 52
    """Opens a sentence: a mark stands before it."""
    FEEDBACK = 1 << 54
    """Names what a customer thinks, not the case: feedback, comments, a suggestion."""
    RECIPIENT = 1 << 55
    """Names the people of the agent's side whom something goes to."""
    # 56 is agent.ASKED.
    OWNS = 1 << 57
    """Says that it should have gone otherwise."""
    REACHED = 1 << 58
    """Says that the customer has got there: "you made it", "you managed to"."""
    EITHER = 1 << 59
    """Offers alternatives, as questions for something new do."""
    NOTED = 1 << 60
    """Acknowledges what stands before it: "noted", "I see"."""
    UNKNOWN = 1 << 61
    """Says that nothing is known yet: "we don't have a date"."""


LISTS: dict[str, str] = {
    "MODAL": "can|could|would|will|may|might|cud|cld",
    "POLITE": "please|pls|plz|kindly|just|also|possibly|maybe",
    "GIVE": "send|share|provide|give|tell|confirm|advise|message|email|supply|attach|upload|"
    "specify|clarify|describe|explain|elaborate|forward|verify|spell",
    "US": "us|me",
    "WE": "we|i|weve|ive|well|ill|were|im|wed|id",
    "WEHAVE": "weve|ive",
    "WEWILL": "well|ill",
    "THEY": "they|he|she|someone|somebody|technician|engineer|courier|driver|team|colleague|"
    "manager|specialist|agent|rep|advisor|they|warehouse|bank",
    "TEAM": "team|department|dept|manager|managers|management|colleague|colleagues|specialist|"
    "specialists|supervisor|engineers|engineering|developers|billing|accounts|warehouse|agent|"
    "advisor|expert|experts|branch|desk|crew|office|depot|technicians|teams|staff|buyers|"
    "supplier|suppliers|group",
    "DONE": "sent|booked|refunded|credited|reset|cancelled|canceled|arranged|added|removed|"
    "updated|changed|fixed|corrected|issued|raised|placed|ordered|reserved|opened|closed|"
    "unlocked|blocked|restored|replaced|reversed|waived|applied|activated|deactivated|"
    "reported|logged|scheduled|created|extended|moved|switched|upgraded|taken|put|asked|"
    "requested|noted|made|set|checked|processed|released|registered|approved|stopped|"
    "reopened|resent|returned|paused|deleted|merged|linked|turned|dispatched|posted|marked|"
    "emailed|mailed|messaged|spoken|found|shared|contacted|written|filed|submitted|"
    "resolved|lifted|told|called|forwarded|completed|confirmed|adjusted|flagged|topped|pushed|"
    "passed|fed|escalated|relayed|alerted|notified|informed|advised|replied|responded",
    "STEPV": "check|investigate|log|reset|book|refund|call|ring|email|mail|send|contact|notify|"
    "report|forward|pass|raise|escalate|arrange|replace|repair|ship|deliver|credit|issue|"
    "locate|find|trace|track|review|record|register|cancel|verify|confirm|process|update|"
    "speak|ask|tell|follow|feed|feedback|reply|respond|message|text|write|add|apply|order|"
    "restore|unlock|activate|test|collect|pick|visit|reach|phone|return|release|transfer|"
    "share|advise|request|submit|create|schedule|post|match|compare|pull|open|file|discuss|"
    "reissue|mark|swap|switch|remove|tweet|announce|drop|rebook|waive|rerun",
    "LEADS": "will|well|ill|can|could|to|and|theyll|shell|hell|shall|id|wed|may|itll",
    "ALSO": "also|then|now|just|be|get|have|please|further",
    "ADV": "also|then|now|just|certainly|definitely|however|gladly|happily|surely|further|"
    "absolutely|always|still|again",
    "PASSV": "pass|feed|forward|flag|log|raise|report|record|relay|escalate|share|mention",
    "PASSED": "passed|fed|forwarded|flagged|logged|raised|reported|recorded|relayed|escalated|"
    "shared|mentioned",
    "SOLID": "log|reset|book|refund|call|ring|email|mail|send|contact|notify|report|forward|"
    "pass|raise|escalate|arrange|replace|repair|ship|deliver|credit|issue|record|register|"
    "cancel|process|update|speak|ask|tell|follow|feed|feedback|reply|respond|message|text|write|"
    "add|apply|order|restore|unlock|activate|test|collect|pick|visit|reach|phone|return|release|"
    "transfer|share|request|submit|create|schedule|post|match|compare|pull|open|file|let|fix|"
    "remove|move|stop|give|direct|touch|come|bring",
    "INFO": "info|information|details|detail|deets",
    "TRIES": "restart|reboot|reset|unplug|plug|press|tap|click|clear|reinstall|uninstall|"
    "install|update|log|sign|turn|switch|open|close|select|choose|enter|scan|delete|remove|"
    "hold|push|pull|connect|disconnect|go|head|use|check|try|make|keep|follow|download|"
    "refresh|charge|move|put|take|leave|wait|add|type|set|change|swap|return|bring|cancel|"
    "register|request|see|look|read|ensure|insert|replace|loosen|tighten|clean|wipe|run|start|"
    "stop|force|enable|disable|allow|present|show|print|pop|give|get|avoid|ignore|bin|unlock|"
    "fill|complete|apply|pick|book|order|pay|find|note|attempt|scroll|hit|drop|let|place",
}
"""Word lists that patterns name in capitals."""

PATTERNS: dict[Cue, str] = {
    Cue.OPENS: """
        MODAL you|u
        please|pls|kindly
        let me|us
        lets
        im|were so|very|really|truly|terribly|deeply? sorry|afraid|glad
        i|we understand|apologize|apologise|appreciate|realise|realize
        so sorry
        sorry about|for|to|you|youve|your|that|this
        apologies
        thank you
        thanks for
        what|which is|was|are|were|did|do|does|has|have|would
        whats|wheres|whens|whos|hows
        which *  are|is|did|do|does|was
        how long|many|much|often|did|do|does|is|are|was
        where|when|why|who did|do|does|is|are|was|were|have|has|can|could
        have|had you|u|they|we
        did|do|does|dont|didnt|havent you|u|it|they|he|she|the|that|this|your|anyone
        is|are|was|were it|you|they|there|this|these|that the|a|your|still|on|in
        has it|this|the|there|anyone|anything
        but
        because
        so that
        so we|i|you|your|it|the|its|thats
        which means
        and then? i|ill|ive|we|well|weve|you|youve|youll|your|then|they
        or you|is|are|did|do
        i|we will|can|could|have|cant|would|see|know|need|want|just|also|do|dont
        ill|ive|weve|wed|youll|youd|theyll|shell|hell
        you can|could|need|should|may|will|might|must
        if you|your|it|the|not|this|that|so
        once|when|until|unless|while|as you|your|the|we|i|it|they|its|theyre|weve|ive
        unfortunately|however|regrettably|sadly|otherwise|meanwhile|alternatively
        okay|ok|alright
        right so|okay|ok|then|well|yeah
        our|the team|system|engineers|technician|courier|driver
        hope|hopefully|hoping
        in order to
        one|a moment|minute|second|sec please
        bear with
        hold on
        reach out
        could|can|may|might|shall i|we
        in the meantime
        no wonder
    """,
    Cue.WH: """
        ^ and|so|okay|ok|right|sure|great|thanks? what|which|whats|wheres|where|when|whens|who|
        whos|how|why|whose
        ^ what|which|whats|wheres|where|when|whens|who|whos|how|why|whose
        what|which|where|when|how|who|why did|do|does|is|are|was|were|would|has|have|can you|
        your|it|the|this|that|they|there
        whats|wheres the|your
        what kind|type|sort|model|version|device|time|date|error|name|colour|size|browser|phone
        what is|was|are the|your
        which one|of|version|model|device|store|branch|phone|browser|number
        for|at|in|on|from|to|under which|what
        how long|many|much|often|far
        what exactly
    """,
    Cue.INVERTED: """
        ^ is|are|was|were|do|does|did|has|any|am|havent|didnt|isnt|doesnt|arent|have|had|will|
        would you|u|it|they|there|this|that|the|your|anything|anyone|these|those|he|she|we|i|
        any|a|my|our|all|both|other
        ^ is|are|was|does|did|has|any|am|havent|didnt|isnt|doesnt|arent|wasnt
        have you tried|been|already|had|got|checked|received|spoken|contacted|seen|noticed|
        changed|a|any|the|ever|recently
        did|do|are|were you|they
        any chance|luck
    """,
    Cue.ASK: """
        MODAL you|u|ya please|pls|also|just|kindly? GIVE|dm|pm|let|get|have
        can|could|may we|i please|also? have|get|take
        POLITE GIVE|dm|pm
        POLITE let us|me know
        ^ GIVE|dm|pm us|me|over|your|the|a|through|along
        ^ dm|pm your|the|me|us|a
        ^ and|so|just|then|okay|also send|share|dm|give|tell us|me|your|the|over
        let us|me know the|what|which|your|where|when|how|more|who|whats|why|exactly
        i|we|ill|well|youll|just|also|and|would need|require your|the|a|some|more|you|to know|
        have|see|get?
        can|could|may|might i|we POLITE? have|get|ask|take|confirm|grab|know
        would you mind|be
        do you have|know|remember|recall|happen
        looking for your|the
        what|whats your|the name|number|address|postcode|email
        mind sharing|sending|telling|giving
        help us|me with|understand|by
        dm|message|send|email us|me? with|your|the|a|over|some
        dming|sending|sharing us|me|your|the
        include your|the|a
        like|love|want to know|hear more|what
        if you could|can|would GIVE|dm|pm|let
        if you GIVE|dm|pm
        ill|well|i|we will? need
        fill in|out your|the
        tell us|me
        be able to GIVE|dm
    """,
    Cue.FACT: """
        order|account|reference|booking|customer|phone|mobile|contact|tracking|ticket|case|
        serial|meter|card|policy|item|model|flight|card|member|membership|registration|claim|
        invoice|cat|loyalty|telephone number|numbers|no|num|nr
        order|account|booking|member|membership|customer|user|contract|policy|invoice|claim|
        case|ticket|tracking|loyalty|store id|ref|reference|code
        full name
        your|the|account|first|last|family|holder|holders? name
        surname|username|userid|login
        email|emails
        email|home|delivery|billing|full|postal|your|shipping address
        address|addresses|postcode|postcodes|zip|zipcode|postal
        screenshot|screenshots|screengrab|screencap
        screen shot|shots|grab
        a|the|some photo|photos|picture|pictures|image|pic|pics|video|clip
        serial|barcode|imei|pnr|vin
        model|version|os|firmware|browser
        date of? birth|purchase
        dob|birthday
        INFO
        receipt|invoice
        proof of
        last four|4|3|5|6|digits
        error message|code|messages
        phone|contact|telephone|mobile number
        booking|confirmation|case|claim|order|your ref|reference|code
        reference|ref
        operating system
        location|city|country|region|device|carrier|provider|ip|station
        name
        make and model
        steps you|taken|so
        troubleshooting
        member|account|customer id
        dm|dming us|me? your|the|what|whats|which|when|where|with
        send us|me? your|the
        let us|me know the|your|which|why|what|whats|where
        versions|surnames|numbers|nos|numbr
    """,
    Cue.PRIVATE: """
        dm|dms|dming|inbox
        pm us|me|your|with|the|please
        direct|private|privately|offline message|messages|chat|dm
        message us|me
        send|drop|shoot|slide|pop us|me a|an? dm|message|private|direct|pm|line|email|note
        sending|dropping us|me? a dm|message|line
        follow us|me
        follow and dm
        via|by|through|over dm|direct|private|message|messenger|pm
        in a? dm|direct|private|pm
    """,
    Cue.CONTACT: """
        get|put|bring you|him|her over|through? to our|the|my|a TEAM
        get|put|bring you|him|her over|through? to our|the|my|a * TEAM
        have|get|like you to? reach|call|contact|speak|chat|visit|dm|ring|email
        connect|connecting with us|our|the|an|one
        contacting|forum|forums
        filing|raising|opening a|an
        recommend|suggest|advise calling|speaking|reaching|asking|visiting|emailing
        continue our|this|the? conversation|chat
        put|post|submit your query|question|issue here|via|through|in|on|at
        ask your|the|a supervisor|dentist|doctor|pharmacist|driver|dealer|retailer|bank|seller|
        carrier|landlord|host
        appealed|reported|claimed|requested|submitted via|through|at|with|in
        ^ call|phone|ring|contact|email|text|dial|message us|our|them|the|this|on|in|0|1|
        support|customer|your|him|her
        POLITE call|phone|ring|contact|reach|write|chat|speak
        POLITE email|text|message|visit us|our|them|the|your|at|to|team|support
        call|phone|ring|contact|email|dial us|our|them|the|this|your|on|0800
        contact|contacting|call|calling|speak|speaking|talk|chat|chatting to|with|out|our|us|the|
        your|them|directly
        reach|reaching our|us|them|someone|somebody
        reach|reaching out to|here|via|through|us
        reach us|them|our
        give us|them|our a call|ring|shout
        get in touch with|via|through|directly|on
        get|be in contact with
        use|fill|complete|submit|via|through the|this|our|out|a|in form|contact|chat|portal|
        webform|link|feedback|claim
        contact form|us|page
        webchat|livechat|helpline|hotline|helpdesk
        live chat|agent
        online chat|form
        visit * shop|store|branch|office|centre|outlet
        visit * * shop|store|branch|office|centre|outlet
        start|open|begin|join a|the|our chat
        chat with|here|to us|an|our|the|one
        visit|to|at the|our|your|any? nearest|local store|shop|branch|office|desk|centre
        visit|use|click|via|through|at the|our|this help|support|contact|feedback|complaints|
        claims|form|chat page|centre|team|link|site
        link so|where our|a|the|we|you
        here so we|our
        here where our|a|the|we|you
        raise|open|submit|file|lodge a|an ticket|case|complaint|claim|request
        call|number|line|phone|on|us|ring at|is|on 0|1
        available|open|opens|reach|call at|on|24 7
        our phone|support|chat|customer|care|technical team|line|number|page|agents
        to|with|from|via|through|at|call|contact our|the|your? customer service|services|care|
        relations|support
        take this|it offline|private|privately
        speak|talk privately|private
        ask the|at|in? store|shop|branch|desk|reception|counter|pharmacist
        pop into|in|to
        go to the|your counter|desk|branch|store|shop|reception|nearest
        email|write to|at|us
        email them|us at
        they|team will|should|would|may be able to help|assist|advise
        they|team will|can|may|should help|assist|advise
        the manufacturer
        using the button|link below
        to make|raise|leave|give|send|share a|your? complaint|feedback|claim|suggestion here|at|
        via
        leave|send|submit|share your|a? feedback|comments here|at|via
        apply here
        their|our|the|helpline|contact|phone number is
        fill|complete|fill in|out our|the|this|a|your? *? form
        need|needs|have|want|best|able|like to contact|call|ring|visit|email|phone
        our|the|this? *? form|page here|below
        please|pls|kindly|could|can|just|you report this|it|that|your|the|them here|to|by|via|using
        report|apply|register|chat|callchat|complain here|online
        chat|call us|me here|via|through|on|by
        chat securely|online|live|privately
        secure|private chat|link|form
        share|leave|send|give|provide|post|submit us|your|the|any|some? feedback|thoughts|
        suggestion|suggestions|idea|ideas|comments here|there|at|via|through|on|using
        hear|read your feedback|thoughts|suggestions here|at|via|on
        over|by|via|on the? phone
        give|giving the|our|their * *? a ring|call|shout|bell|buzz
        have|having a word|chat with
        pop|head|go in|back|down to store|the * desk
        ^ reach out
        follow up with us|me
    """,
    Cue.PASS_ON: """
        feed|pass|passing|fed this|it|that|these? back|along
        alerted|informed|notified|advised|contacted our|the TEAM|store|branch|depot|hotel|
        warehouse|courier
        alerted|informed|notified|advised our|the * TEAM
        logged|raised|lodged this|it|that|a|your with|to the|our|my
        have someone|somebody|engineer|technician|specialist|colleague answer|call|contact|look
        WEHAVE|have|ill|well|will|can|was|been|were|im|we|i now|also|just? passed|pass|passing|
        forwarded|forward|escalated|escalate|escalating|forwarding|transferred|transfer|
        referred|raised|relayed|relay|shared|share|reported|flagged
        passed|pass|passing|forward|forwarded|forwarding|relay|relayed|feed|fed|share|shared|
        sharing * * * to|on|with|along|onto|back
        passed|pass|passing|forward|forwarded|forwarding|relay|relayed|feed|fed|share|shared|
        sharing * * to|on|with|along|onto|back
        passed|pass|passing|forward|forwarded|forwarding|relay|relayed|feed|fed|share|shared|
        sharing|sent|handed|reported|raised|referred|send|flagged|put * to|on|with|along|onto|
        back the|our|a|their|my
        passed|handed|reported|raised|referred|escalated|flagged|sent|put * * to|with the|our|my
        passed|pass|passing|forward|forwarded|relay|relayed|feed|fed|handed|shared|share|
        escalated|escalate|reported to|on|with|along|onto|back
        passing|putting|transferring|connecting|handing|moving|sending|routing|put|transfer|
        connect you|u|your|this|it over? through|to|with
        put you through
        through to the? TEAM
        looping|loop|bringing|bring in
        escalated|escalating|escalate
        was|is|been given|passed|forwarded|sent|handed to the|our|a|your
        to our|the|my * TEAM
        to our|the|my * * TEAM
        to our|the|my TEAM
        with our|the|my TEAM
        to our? relevant|concerned|appropriate|right
        let the|our|my|your|their|her|his *? *? TEAM|folks|leader|chef|kitchen know|have
        passed|sent|shared|forwarded|fed|put it|this|that|them|back? over|on|along|to
        raise|log|report|mention|chase this|it|that|these|both|your * *? with|to the|our|their|his|
        her
        raise|log|report|mention|chase|flag this|it|that|these|both with|to|for the|our|their|his|
        her
        take this|it|that up with
    """,
    Cue.IMPERATIVE: """
        ^ TRIES the|your|it|a|an|this|that|on|off|in|out|to|up|back|them|any|all|both|sure|for|
        down|again|into|through|one|with|over|here|these|those|from|and|only|under|by|two|at|as|
        not|no
        ^ TRIES restarting|reinstalling|logging|clearing|turning|using|another
        POLITE TRIES
        lets try|start|do|check|go|begin
        MODAL you POLITE? try|restart|reboot|reset|go|unplug|plug|press|tap|click|clear|
        reinstall|uninstall|update|log|sign|turn|switch|open|select|remove|delete|connect|hold|
        charge|clean|run|use|make
        have you tried|checked|worked|attempted
        install|download|update|try our|newest|latest|another|these
        see|check if this|these|that works|helps
        try|tried restarting|resetting|reinstalling|logging|clearing|turning|using|updating|
        switching|unplugging|rebooting|signing|connecting|removing|deleting|another|a
        dont|do not use|try|open|delete|press|pay|send
        go to|ahead|into
        make sure the|your|you|its|it|that
        head|hop to|over|back
        you have|need to
        settings
        keep|stay|have an? tuned|eye|look
        visit|click|follow|see|check|view|read|use this|the|our|on|below|here|your|
        following link|page|website|site|guide|article|steps|app|instructions
        feel free to
        and|then|or press|tap|click|select|choose|restart|enter|hold|turn|plug|open|go|log|sign
        trying|restarting|reinstalling|logging|clearing|resetting|rebooting the|your|a|another|
        it|out|is|should|usually|may|can|does
        worth a
    """,
    Cue.ADVICE: """
        be|rest assured
        we|i meant|mean
        you|u can|could|may|might|should|will|must|need|dont|wont|would|want
        youll|youd need|have|be|get|see|find|want|receive|like|only|then
        we|i|id|wed would|always|also|strongly? recommend|suggest|advise|encourage|request
        best to|if
        advisable|worth
        can be * in|on|by|at|here|from|online
        best|easiest|quickest|fastest thing|way|to|option
        should be|work|do|fix|help|see|get|have|appear|show|arrive|take
        it|this|that|they|which will|should|would|can|takes|take|may|might|wont|shouldnt|only
        is|are available|required|included|possible|valid|needed|open|located|free|suitable
        there is|are|will|should|may|wont
        theres|theyre|heres
        here is|are
        please be|note|know informed|advised|aware|that
        more information|info|details|help
        find|found|see|check|view|read * here|at|on|below|under
        costs|cost
        available
        instead * for|on|at|in
        if * * you can|could
    """,
    Cue.ACTION: """
        WEHAVE|have|has|had|been|i|were also|just|now|already|been|all? DONE
        has|have|was|were|been|is|are now|already|just|been|all DONE
        WEHAVE gone ahead
        ive|weve|i|we got|gave|refunded|credited|took|put|sent|moved|stopped|added|checked|
        changed|set|made|switched|opened|reserved|asked|escalated|paused|reset
        im|were sending|issuing|refunding|crediting|adding|removing|replacing|cancelling|
        booking|waiving|moving|putting|taking|raising|arranging|ordering|opening
        ^ refunded|credited|cancelled|reset|booked|upgraded|moved|fixed|switched|stopped|done|
        found|added|unlocked|restored|corrected|resent|removed the|your|it|a|both|all|that|this|
        another|two|one|from|and|for|to|over|now|by
        on its|their|the way
        is|are|goes|leaves|leaving|coming|comes going|back|out|tomorrow|tonight|today|off
        heres|here is|are|it|the|your
        attached
    """,
    Cue.OUTCOME: """
        is|are|was|were|been|has|should now|be|all|already|back|just|fully? fixed|resolved|
        sorted|restored|working|back|ready|done|live|available|complete|completed|active|
        removed|closed|approved|paused|off|unlocked|due|booked|reserved|gone
        goes|went through|out|back
        shows|showing as|that|up|delivered|on|in
        i|we can? see|found|find that|a|an|the|it|two|one|no|nothing
        ive|weve checked|looked|seen|found
        replied|responded|answered to|via|in|by|back
        according to
        aware of
        known issue|bug|problem
        new|replacement one|unit|set|box|card
        is|are|now in|into|to your dms|dm|inbox|email|mailbox|account
        discontinued
        out of stock
        sold out
    """,
    Cue.INABILITY: """
        WE|be|is|are|were|am unable|not to|able|possible
        unable to
        not able to
        WE|it|they|you|system|us|there cant|cannot|couldnt|wont|wouldnt|dont|doesnt|arent|isnt|
        havent|didnt have|be|do|offer|access|provide|guarantee|support|change|share|accept|give|
        allow|sell|stock|own|make|take|discuss|confirm|comment|carry|ship|view|say|refund|
        available|possible|currently|process|price|allowed|supported|issue|waive|extend|release|
        cover|disclose|add|cancel|book|swap|exchange
        cannot
        wont|wouldnt be able|possible
        isnt|not possible|available|something|allowed|an|supported|currently|eligible|covered|
        included|refundable|permitted|valid
        no way|longer|plans|option|access
        there|theres is? nothing|no|isnt
        nothing|not we|i|much can|more
        unfortunately|regrettably|sadly|afraid we|i|this|its|not|no|there|our|that|you
        dont|doesnt|do|does not? have|offer|allow|support|provide|accept
        not currently|yet|at|in
        out of our
        arent|isnt|wasnt|werent able to
        WE|they|you|system cant|cannot|couldnt|wont move|switch|chase|promise|recover|keep|raise|
        restore|transfer|replace|reset|unlock|help|see|exchange|put|send|check|go
        cant|cannot|wont be moved|changed|recovered|refunded|exchanged|returned|cancelled|combined|
        used|transferred|extended|reversed|shipped|shared|guaranteed|added|removed|taken
    """,
    Cue.RULE: """
        policy|policies
        terms and? conditions?
        terms
        not|isnt|arent allowed|permitted|eligible|entitled|permit|obliged|refundable|
        transferable|covered|included|valid
        mandatory
        rules|rule|regulations|law|legally|guidelines|requirement|requirements
        must not|be|have|bring|present|show|provide|purchase|buy|return|apply|stay|go|come
        you|it|they|tickets|customers must
        required|requires
        can|may only be|for|if|when|on|with|at|once|offer|take|accept|do|go
        only for|if|valid|available|when|applies|apply|once|with|allowed|accept|be
        within|after|minimum|least|until|every of? * business|working|calendar? days|hours|hrs|
        months|weeks|day
        up to * days|hours|hrs|months|weeks|day
        non refundable|transferable
        nonrefundable|nontransferable
        as|so long as
        subject to
        at the? store|stores|managers|own|their|staff discretion
        needs|need|has|have to be still|in|made|paid|opened|unopened|returned|booked|signed|
        used|sent|done
        fee|deposit|surcharge|charge applies|apply|is|of|for
        by default|law
        unless
        in order to be|get|receive|qualify|return
        your|the contract|tariff|plan|fare|warranty|cover|policy says|requires|covers|includes|
        allows|states|excludes
        for security|privacy|legal|data|safety reasons|purposes|protection
        does|do|is|are not cover|include|apply|covered|included|allowed
        doesnt|dont|wont cover|include|apply|accept|refund|price|match
        first come
        you will? need|have to pay|purchase|buy|present|show|have|give
        youd|youll need|have to pay|purchase|buy|present|show|have|give
        cancellations|returns|refunds|tickets|claims|exchanges|bookings are|need|must|require|
        can|take|have|only
        written? notice
        restrictions|restricted|limit|limited|limits
        no refunds|exceptions|returns
        eligible|entitled|allowed|covered
        same for|to all|both|everyone
        ^ for security|safety|privacy|legal we|i|our|and|or
        excluded|compulsory|forbidden|prohibited|obligatory
        for * customers|members|orders|accounts only
        for * * customers|members|orders|accounts only
        are|is|at|on estimates|final|full only|charge
        must live|match|match|carry|hold|travel|arrive|wear|sign|agree
        all|both|each|every * must
        max|maximum|minimum of|is|size|weight
        never ask|asks|request
        has|have to agree|be|apply|come|go|match
        per household|person|booking|customer|child|account|order|family|passenger|device
        doesnt|dont|isnt|arent|not guarantee|guaranteed
        only held|kept|open|valid|made|offered for|until|on|at|with
        weeks|days|hours|working in advance
        at no charge|cost
        free of charge
        minimum spend|fare|charge
        do|only ask that|for
    """,
    Cue.HOLD: """
        bear|bare with
        hold on|tight
        hold the? line|please
        one|1|a|just|few|couple moment|sec|mo|tick|moments please?
        just|one second|minute please?
        just a moment|sec|second|minute|tick|min|few|mo|bit
        give me|us a|one|two|just|some|five moment|sec|second|minute|min|couple|few|minutes|
        time|mo
        a|one|1|two|2 moment|sec|second|mo|tick|minute|min please
        allow|give|grant me|us a|one|some|few moment|time|minute|minutes|moments
        let me quickly|just|first|go|see|also? check|look|see|find|pull|review|open|read|go|dig|
        verify|bring|load|grab|ask|confirm|get|have|take|try
        let us quickly|just? check|see|find|ask
        lemme check|see|look|pull|get|ask|find
        allow me to|a|one|some
        looking into|at this|that|it|your|the|what|why|whats|now
        we|were|im|i|am|are|currently|still|team|is|now looking|investigating|checking|working|
        reviewing|researching into|on|with|this|it|that|the|your|deeper|and|now|at
        were|im|is|are|am|we|team|now on it|the case
        ^ on it
        ^ checking|chasing|looking|pulling|tracing|reviewing|ringing|asking|searching|
        processing|locking|opening|calling|fetching
        ^ one|two|five|three|2|5|1|a|couple of? minutes|mins|ticks|secs|minute|min|seconds|sec|
        moment
        were|im|just|now|still chasing|checking|pulling|tracing|bringing|waiting
        please|just hold|wait while|for|on
        will need? more? time
        ill|well|i|we|ill be back
        be right back
        be|being resolved|investigated|addressed|looked|worked|reviewed|rectified into|on|by|for|
        now|at
        is|are being resolved|investigated|addressed|reviewed|rectified
        going to check|look|have|see|ask your|the|into|at|a|what|why|our
        give|allow|provide|need us|me? a|some|two|three|ten|five|ten|bit|little|another * minutes|
        mins|
        time|moments
        give|allow|provide us|me? a? bit|little more? time
        leave it with me|us
        lets see what|why|how|when
        ^ will look|check now|into|at
        i|we|im|were look|asking|calling|ringing|checking it|control|the up|now|whether|if|station
        pop|put|place you on hold
        be back in touch
        back in touch
        be|please|kindly|remain patient
        hang on|tight
        stand by
        please wait
        kindly wait|bear|hold
        while i|we check|look|pull|find|get|investigate|sort|load|do|finish|fetch|open|read
        will review|advise|address your|this|the|you|it|shortly|soon|asap
        still waiting|checking|looking|investigating for|on|into
        as we investigate|look|check|work
        thats loading
        its loading
        ^ we|were|im|i still|currently|now? looking|checking|searching for
        still|currently|now looking|checking|searching for
    """,
    Cue.FUTURE: """
        i|we|they|he|she|team|colleague|manager|technician|engineer|which|somebody|someone|
        courier|driver|bank|who|department|store|staff will|shall
        well|ill also|then|just|now? STEPV|be|get|have|make|take|let|see|give|look|do|need|pop|
        put|go|keep|work
        theyll|hell|shell|itll|thatll
        will also|then|now|just|be|not|only|receive? STEPV|be|get|receive|have|come|arrive|let|
        take|appear|show
        will be able to
        going|gonna to? STEPV|be
        is|are|were|im going|due|coming to|by|today|tomorrow|on|out|back
        i|we can also|then|just|further? STEPV|get
        im|were|is|are sending|booking|passing|raising|calling|arranging|ordering|asking|
        getting|moving|opening|refunding|crediting|emailing|forwarding|taking|putting|reaching
        calls|texts|emails|rings|comes|goes|leaves|arrives|ships|reaches|picks|brings|delivers|
        writes|posts|lands|drives|lifts|releases|phones|follows|lets|collects|gets|sends|books|
        answers|repairs|swaps|reviews|sits you|to|by|on|at|out|it|tomorrow|tonight|today|from|
        in|within|up|back|this|the|a|your|him|her
        next step|steps
        within * * hours|hrs|days|minutes
        should see|get|receive|have|appear|reach the|it|a|your|an|you|within|in|by
        wholl|crewll|teamll
        crew|supplier|partner|branch|depot|moderator|specialist|specialists|supervisor|security|
        carrier|buyers|agents|engineers|team will|shall
        should|will|be|itll|theyll be? with you
        takes|take|allow|need|needs up? to? * days|working|business|hours|hrs|weeks|minutes
        takes|take|allow|need|needs up? to? * * days|working|business|hours|hrs|weeks|minutes
        youll|will then|also|just|still? get|receive a|an|another|our|the|your *? email|mail|text|
        call|letter|confirmation|code|notification|reply|response|update|message
        youll|will then|also|just? hear from|back|by|within|on
        is|are|its|hes|shes|theyre going|coming|heading|leaving out|up|over|round|on|tonight|
        tomorrow
        shes|hes|theyre calling|ringing|coming|bringing|sending|putting|walking|opening|adding|
        looking
        we|they expect|estimate|plan|aim
        planned|scheduled|expected|estimated for|to|by|on|at|time|date
        should be back|up|there|fixed|resolved|live|restored at|by|on|in|shortly|soon|before|within
        will|to go out|live|up|back by|on|in|at|tomorrow|tonight
        i|we|ill|well want|ask|asked|get|have|need the|our|my|a * *? to
        they|team|agent|manager|engineer|specialist|desk call|ring|email|reply|replies|respond|
        contact|review you|to|within|by|tomorrow|today|in|before
        opens|starts|begins|resumes|returns in|on|at|from|next
        lands|arrives|shows|appears in|within|by|on your|a|the|*
        well|ill|will ADV PASSV|be|make|get|let
        well|ill|will ADV? PASSV this|it|that|these|your|on|back|to|the|along|with|up|over
        will|well|ill ADV? be passing|feeding|forwarding|raising|logging|reporting|sharing|
        relaying|flagging|escalating|recording
        will|well|ill ADV? be|make sure|certain to|we|i|its|this|it|that|your
        id|wed|i|we do|would|will? like|love|want|happy|glad to ADV? PASSV
        id|wed be happy|glad to ADV? PASSV
        like|love|want|happy|glad to make a log|note|record
        make|making|be sure|certain this|it|that|your|to|its|we|i *? PASSV|PASSED
        they|team|someone|somebody|colleague|engineer|expert|specialist|manager should|can|may|
        could|might respond|reply|answer|contact|review|investigate|call|email|arrange
        it|this|that|which will|can|could|may|might|should take * to *? days|working|business|
        hours|hrs|weeks|minutes
        keep|keeping you updated|posted|informed
        you|youll will? be updated|notified|informed|contacted
    """,
    Cue.STEP: """
        LEADS ALSO? SOLID
        get|have|getting|be|been this|it|that|you|your|them? logged|booked|refunded|sent|raised|
        recorded|passed|fed|reported|registered|sorted|arranged|collected|replaced|repaired|
        cancelled|reset|shipped|delivered|processed|credited|contacted|directed|notified|
        emailed|called
        get|have * * logged|booked|refunded|sent|raised|recorded|passed|registered|collected|
        replaced
        sends|calls|texts|emails|rings|ships|reaches|picks|brings|delivers|books|writes|posts|
        contacts|phones|collects|lets|drives|lifts|gets|comes|goes|leaves|arrives|repairs|tells|
        follows
        sending|booking|calling|shipping|emailing|raising|arranging|logging|posting|reaching
        be in touch
        get back
        be? with you by|on|in|within|before|tomorrow|tonight|today|thurs|tues|weds|shortly|soon|the
        on|to|off|in|onto your *? account|card|statement|bank|bill
        get|receive a|an|another|our|the|your *? email|mail|text|call|letter|confirmation|code|
        notification|reply|response|update|message
        hear from|back|by|within
        LEADS ALSO? set|take|sort|follow it|this|that? up|off|over|down
        LEADS ALSO? reissue|mark|switch|swap|redeliver|chase|waive|rerun|compare|announce|dispatch|
        rebook|reverse|unfreeze|reopen|fit|drop|push|offer|pay|bag|hold|keep|interview
        LEADS ALSO? announced|redelivered|delivered|reviewed|contacted|refunded|credited|sent|
        emailed|posted|shipped|processed|returned|released|collected|replaced
        be passing|feeding|forwarding|raising|logging|reporting|sharing|relaying|flagging|
        escalating|recording
        keep|keeping you updated|posted|informed
        be updated|notified|informed
        give|provide feedback|an update
        make a log|note|record
        PASSV|PASSED this|it|that|these|your|on|back|to|along|with|up
        be back in touch
    """,
    Cue.VAGUE: """
        look|looking|looked|dig|digging into|in|further|at|this|deeper|closer|it|more|things
        look
        see|find|suggest|check what|how|if we|i|there can|could|is
        help|helping|assist|assisting|support
        get|got|have this|it|that|you|things sorted|resolved|looked|fixed
        sort|resolve|fix this|it|that|things|out
        assistance
        do|try our|my best
        take it|this from|further|up|action
        improve|improvements
    """,
    Cue.TIME: """
        within|in|after|over|next|about|another a|the|next|up|few|1|2|3|4|5|6|7|8|10|14|24|48|
        72|one|two|three|four|five|ten|few|couple|to? hours|hour|hrs|days|day|minutes|weeks|
        week|business|working
        within * * hours|hrs|days|minutes|business|working|weeks
        within * hours|hrs|days|minutes|business|working|weeks
        by|on|until|before|from|this|next monday|tuesday|wednesday|thursday|friday|saturday|
        sunday|tomorrow|tonight|noon|end|morning|afternoon|evening|week
        tomorrow|tonight|shortly|soon|asap|today
        as soon as
        this afternoon|morning|evening|week
        hours|days|minutes
        business|working days|day|hours
        once
        by|before|until|around|at|from|about|after 1pm|2pm|3pm|4pm|5pm|6pm|7pm|8pm|9pm|10pm|11pm|
        12pm|7am|8am|9am|10am|11am|midnight
        thurs|weds|wed|tues|tue|fri|mon|sat|sun
        later this|today|tonight
        this|next|by|of|end month|year|summer|spring|autumn|winter
        a few mins|minutes|days|hours|weeks
        in|by|until|before january|february|march|april|may|june|july|august|september|october|
        november|december
    """,
    Cue.PURPOSE: """
        so|so that? i|we|they|the|our|a|he|she can|could|will|may|team|colleague|might|ill
        so ill|well
        so * can|could|will
        so that
        so our|the|my TEAM can|could|may|to|will
        in order for|to
        for us|me to
        for our|the|my * TEAM to
        for our|the|my TEAM to
        for the|further|our|internal|your|future investigation|check|review|reviews|records
        number|details|name|dm|info|information|it|this|screenshot|photo|id|email|account|order|
        need|needed|required|us|me to STEPV
        and|then ill|well STEPV|get|have|see|be|make|take|look
        then i|we|ill|well can|will|STEPV|get|have
        for check|investigation|review
        let me|us research|check|investigate|log|raise|report
        to be|get|have this|it|that|logged|investigated|checked|looked|able
        enable|allow|help us|me to|check|investigate
        id|wed|i|we would? want|like to|this STEPV|ensure|get|have
        so our|the|my *? TEAM can|could|may|to|will
        that way i|we|they|our
    """,
    Cue.BECAUSE: """
        because|cause|cos|coz|bcoz|cuz
        due to
        since the|your|its|it|this|there|they|our|these|not|some|an|a
        as the|your|its|it|this|there|they|our|these|not|some|theyre|theres|your
        very|so|extremely|really|busiest busy|period
        not|wasnt|isnt|werent|never designed|intended|meant|made
        it|this seems|appears|looks that|like|as
        since we|you|i
        as we|you|i dont|are|cant|had|only|did|need|expect|currently|wont|couldnt|havent
        thats|this|that|which is? why|because
        the reason
        reason is|for|being|was|why
        caused|triggered by
        cause|causes|causing
        results|resulted|resulting in|from
        means|meant that|the|your|you|we|it|its|theres|there|no|a
        owing|thanks to
        which means|meant
        this|that|it happens|happened when|because|if|as|after
        to prevent|avoid|protect
        for security|safety|privacy|legal|technical|operational reasons|purposes
        explains
        it|this|that|which may|might|could|can|must|would be|have due|a|an|because|been|that|
        related|caused
        comes from
        its|is|was|thats a|an known|temporary|technical|popular|system? bug|glitch|hold|
        reservation|promotion|mistake|error|fault|precaution|outage
        fault|bug|glitch|outage|strike|storm|shortage|backlog in|on|with|at|after|by|between
        in demand
        high demand|volume|volumes
        gets|got|was|were|been removed|blocked|flagged|triggered|overwritten|switched|misread|
        swapped|put|sent|moved by|when|because|as|after
        was|had|were|is a|an|some bug|mistake|glitch|error|hold|promotion|outage|shortage|power|
        fault
        has|have|had|card|it|which|is|promotion|contract|subscription|code expired|ended
        the|our|a|your *? *? failed|broke|broken|crashed|dropped|tripped|lost|bounced down|out|off|
        power|connection|its|link|because
        was|were|is|had|has not|never|wrongly|already|still? registered|scanned|linked|readable|
        updated|generated|recorded|entered|closed|placed|printed|loaded|saved|applied|
        installed
        wasnt|werent|isnt|hasnt|hadnt|havent|arent been? registered|scanned|linked|readable|updated|
        generated|recorded|entered|closed|placed|printed|loaded|saved|applied|in|
        installed
        by mistake|accident|error
        had|has|lost its|the|their|all|a|an power|connection|fault|failure|flat|breakdown|puncture
        a|an|the|known typo|bug|fault|failure|glitch|mixup|outage|burst in|with|on|at|from|near|
        between
        overloaded|overbooked|understaffed
        too many|much|high|cold|low|old people|requests|orders|customers|calls|devices
        blocks|blocking|needs|requires|expects|triggers|holds
        called|marked|flagged|typed|keyed|entered|registered|read as|with|for|under|instead
        so|therefore we|i|you|they cant|cannot|couldnt|wont|unable
        as|since * *? is|are|was|were|has|had|do|does|dont|cant|end|finished|failed
        an|a|the? pre? authorisation|authorization|preauthorisation
        is|was|are the|a|an|your *? tax|fee|vat|customs|deposit|hold|charge for|on|from|when|as
        based on
        depends|depend|dependent|depending on
        sounds|looks|seems like a|an * *? issue|problem|fault|error|outage|glitch
        weve|have|has|been|were|had experiencing|having|had|seeing some|a|an|technical|* *? issues|
        problems|delays|outages|difficulties with|on|at|in|across|today
        determines|determine|decides|decide|controls|control|sets|set the|their|its|when|what|how|
        which|whether
        decision|decisions of|by|from
        set|decided|determined|controlled|provided|handled|managed|operated by the|our|a|an|each
        is|are|been kept|held|reserved back? for
        is|are|run|handled different|separate parts|part|companies|company|departments|routes|route|
        systems|businesses|teams
        takes|take|using a different route
        is|are|very|extremely|so|really|quite popular
        sells|sell|selling|sold out? fast|quickly
        busiest|busy|peak time|times|day|days|season|shopping|periods|hours
        we consider|class|treat it|this|that|these as? personal|private|sensitive
        own|have|hold the rights
        rights to|holder|holders
        indicates|indicate|suggests|points a|an|that|to
        was|were|been used for|up|by|on|to
        so theyll|these|those|prices|times|some|most
        so it|they|this|that will|wont|may|might|can|cant|should|had
        it|that|this|which may|might|could be the|your|by|held|stuck|in
        sounds|looks like the|your
        with demand
        demand is|was|has
        weve|we got|had|have|seen a|an|some|few|* *? problem|problems|issue|issues with|at|on|in
        related to a|an|the|your
        on account of
        was|were|been held in|at|by|for
        sold|run|owned|operated by a|an|another|the
        faulty
    """,
    Cue.SORRY: """
        sorry|apologies|apologise|apologize|apologizes|apology|apologising|apologizing|
        apologised|apologized|regret|oops|whoops
        sry
        pardon
        forgive us|me
        unhappy|disappointed|sad|upset|gutted|dismayed|concerned|saddened to hear|see|learn|
        read|that
        hate|hates to|that|hearing see|hear
    """,
    Cue.FORMULA: """
        isnt|not|never|wasnt the|an|a *? *? experience|service|impression|journey|standard|level|
        record we|wed|
        you|i
        not|isnt what|how we|you like|want|wanted|aim|hope|expect|hear
        not great|good|nice to hear
        does|can|must sound|seem|be frustrating|annoying|worrying
        hate that this|it
        understand|understood|appreciate your|the|how|why|you|completely|totally frustration|
        frustrations|concern|concerns|disappointment|annoyance|situation|position|predicament|
        you|your|feel|frustrating|annoying|disappointing|upset
        understand|appreciate how|that|why * * be|is|are|feel|frustrating|annoying|disappointing
        understand|appreciate how|that|why * be|is|are|feel|frustrating|annoying|disappointing
        i|we do|can|completely|totally|fully|definitely|certainly|absolutely|really? understand
        i|we do|can|completely|totally|fully|definitely|certainly|absolutely|really get how|it|
        that|why
        inconvenience|inconveniences|inconvenienced
        for|about|of any|the|all|this|that|your|these|such trouble|confusion|frustration|
        frustrations|hassle|upset|disappointment|issue|issues|bother|problem|problems|mixup|
        experience|upset|difficulties
        we|i hear you|your|ya|the
        feel|share your frustration|pain|disappointment
        not what|the|how|an|our|up we|i|experience|service|impression|standard|to like|want|
        expect|aim|strive|our|you|leave
        thats|this|that|its is? certainly|really|definitely|absolutely|obviously|just? not good|
        great|ideal|fun|cool|ok|okay|what|the|how|right|something
        thats|this|that is? never|no our|the|good|fun|what|intention
        doesnt|dont|not sound|seem|look|feel too? good|great|right|fun|ideal|like|fair
        definitely|certainly|absolutely not good|what|the|ideal
        never our|the|my intention|intent
        rest assured
        oh|uh no|dear
        eek|yikes|ugh|oops|uhoh|gosh|crikey|oof|ouch
        thats|that|this|how sounds|is|really|so|very|quite|such|a? strange|odd|weird|
        frustrating|annoying|unfortunate|disappointing|awful|terrible|horrible|upsetting|
        stressful
        feel this|that way
        take|taken this|these|matters|your|it|such matters|concerns|very|seriously|extremely
        let|letting you down
        know|get|understand|realise|realize|appreciate how|this|its|that|it is|can|must|how|so|
        very|isnt? frustrating|annoying|disappointing|be|important|stressful|inconvenient|
        upsetting|ideal|not|it|this|much|you
        valued|valuable customer
        wish|have we|i|had better news
        bad|poor|negative|disappointing|frustrating|unpleasant|terrible|awful experience
        not happy|pleased|satisfied
        your|the frustration|frustrations|disappointment|annoyance
        this|that|it must be|feel frustrating|annoying|disappointing|so|very
    """,
    Cue.UNDERSTAND: """
        understand|understood|understandable|appreciate|realise|realize|recognise|recognize
        i|we know|see|hear|get|realise|realize
        i|we can|do|really see|hear|imagine|understand|appreciate
        i|we get it|that|how|why
        noted|gotcha
    """,
    Cue.FEELING: """
        frustrating|frustrated|annoying|annoyed|disappointing|disappointed|exhausting|exhausted|
        awful|terrible|horrible|stressful|stress|stressed|upsetting|upset|worrying|worried|
        worry|scary|scared|frightening|fright|infuriating|livid|angry|fuming|humiliating|
        embarrassing|embarrassed|heartbreaking|heartbroken|painful|nightmare|miserable|rotten|
        unsettling|alarming|alarm|anxious|tiring|tired|unfair|cruel|shameful|dreadful|
        distressing|rough|maddening|galling|insult|insulting|belittling|sleepless|excited|
        exciting|disruptive|inconvenient|unpleasant|unacceptable|rubbish|silly|daft|nasty|grim|
        shock|shocking|daunting|lonely|helpless|raging|handy|tears|robbed|ruined|spoiled|spoilt|
        shame|pity|headache|muddle|mess|humiliated|anxiety|fear|grief|livid|gutting|gutted|
        heartless|painful|sad|crushing|hell|ordeal
        hard|tough|rough|difficult time|day|week|night|spot|for|on|to|one
        so|too|very|how|really|been|be hard|tough|difficult
    """,
    Cue.IMAGINE: """
        must|mustve have|feel|been
        that|this|it|you|which|he|she|they must be
        must be so|very|really|a|an|hard|tough|awful|exhausting|frustrating|stressful|worrying|such|
        no
        cant|can|could|only|easily|just|hardly|well imagine|picture
        can|cant|could only|just|easily|hardly|well? imagine
        imagine|picture what|how|the|that|your|it
        no|small|little wonder|surprise
        anyone|anybody|nobody|everyone|everybody would|wants|likes|deserves|enjoys|needs|
        expects|should
        no|any one|couple|customer|child|parent|patient|guest|family|traveller|mother|
        father|person should|would|wants|likes|deserves|needs
        wouldnt|dont|not blame you
        wouldnt want|like|wish
        id|i|we would? have been|be|feel|hate
        id|i|we be|feel|hate|dread too|the|as|livid|fuming|furious|upset|scared|worried|
        annoyed|cross
        understandably|rightly|sensible|every right|reason
        would|will|make|makes|made|to make anyone|anybody|any|you|me
        break|breaks|broke my|anyones|your heart
        leaves|leaving|left|costing|cost|costs|robbed|robs you|your|him|her|them
        the last thing
        on top of
        worst|bad|awful|terrible|rotten|cruel possible? time|timing|moment
        can|could see how|why
        hopefully|hope this? isnt|not too
        know|realise|realize|understand what|how you|your|it|excited|much|hard|that|
        long
        take a breath
        thats|that|its|it|is|be a|quite|some|such? a|quite|some worry|bother|pain|fright|wait|
        headache|nuisance|
        struggle|relief|weight|blow|nightmare
        that|it|this|thatd|itd would? be|feel so|very|really|not? easy|nice|great|handy|pleasant|fun
        thats|that|its|it|isnt|arent|not|never no|much|any|very|so? use|good|fun|ideal|easy|nice|
        handy|pleasant|great|help when|with|for|on|to|at|having|being|if|after|in
        isnt|arent|not|never ideal|handy|fun|pleasant
        not|isnt|hardly what you|anyone|he|she|they need|needs|want|wants|needed|wanted
        dont|doesnt need|want|deserve that|this|him|her|them|to
        bad|poor|wrong day|time|moment for|to
        last thing you|anyone|he|she|they
        sorry for|about the|your|his|her sprint|dash|run|exercise|walk|queue|trek|night|nights|
        scare|shock|fright|stress|worry
        see why|how it|that|this|youd|youre|they|your
        poor thing|you|little|lad|girl|soul|boy
        never|not|nobody|shouldnt|should have|be to
        deserve|deserved|deserves
    """,
    Cue.GLAD: """
        ^ good|nice|glad that|it|you|they|he|she|its|youre|youve|the|your
        glad|great|good|nice|happy|lovely|pleased|delighted|wonderful|relieved|fantastic|
        brilliant to hear|know|see|that|you|its|read|news
        glad|pleased|thrilled|delighted|hurrah|hooray|phew|yay|brilliant|excellent|awesome|
        congrats|congratulations
        great|good|fantastic|excellent|wonderful news|stuff|one|job|work
        enjoy your|the|that|it
        have fun
        happy reading|playing|cooking|travels
        there we go
        fingers crossed
        welcome back
        safe travels
    """,
    Cue.THANKS: """
        thanks|thank|thx|cheers|ty|tks|thankyou
        appreciate you|your|the|it
    """,
    Cue.CONFIRM: """
        to|just|can|i|we|may? confirm
        confirm|confirming that|you
        ^ so you|youre|youve|your|it|its|the|that|thats|this|they|theyre|a|an|only|just|both|
        all|now|no|even|after|when|every|he|she|hes|shes|we|there|theres|one|two|three|four|
        five|six|in|on
        okay|ok|right|ah|oh|alright|got|gotcha so|you|your|youre|youve|thats|its|a|an
        right so|okay|ok
        is|does|do|have that|i|this right|correct|sound|got|understand
        if i|we|ive|im understand|understood|got|read|hear|understanding|reading
        sounds|seems|looks like|as
        do|did i understand|get|have|hear
        you|u mean|meant
        youre|are|you so? saying|telling|stating|mean
        are you saying|stating|telling|trying|looking|referring|talking
        in other words
        am|have i right|got|understood
        let me repeat|recap|summarise|summarize|see|make|read if|back|that|sure
        recap
        meaning
        just? to be|make sure
        just to check
        just so ive|we
        got it|you|that
    """,
    Cue.SAID: """
        you|youve|u said|say|mentioned|told|described|wrote|report|reported|stated|explained|
        noted|describe|tell|mention|pointed
        as|like you|your said|say|mentioned|describe|described|told|wrote
        i|we can see|read|understand|hear|note|gather|notice that? you|your|youve|youre
        i|we noticed|note|noted|gather|read that|your|you|youve|the|in|all|both
        see|understand|hear|noticed that? youve|youre|you|your
        i|we do? agree
        i|we do see
        i|we can? see that? she|he|they|both|its|theyre|hes|shes
        from what you
        reading your|the|through
        your description|message|letter|post|tweet|account|photo|story|note|words|screenshot|
        video
        from your|what|the description|message|you|photo|screenshot|letter
        given your|that|what
        since|as|seeing|seeing you|youve|youre|your
        youre|were|was|you are|absolutely|quite|so? right
        thanks|thank|cheers you? for explaining|confirming|checking|testing|clarifying|trying|
        telling|describing|spotting|pointing|flagging|bringing|the
        clarification|heads up
        if|that youre|you|your|youve are? running|having|seeing|getting|experiencing|unable|
        still|trying
        you did
    """,
    Cue.YOU: "you|u|your|youre|youve|youd|youll|yours|ur|yourself",
    Cue.GOAL: """
        lets|let get|have|see|make|keep|find|bring you|your|that|the|those|it|her|him|them|
        a back|up|to|on|in|into|out|home|running|working|playing|there|going|moving|connected|
        online|through|off|again|started|ready|reach|roll|fly|ride
        lets|let|well|ill get|have|see|keep|bring you|your|that|those|her|him|the
        get|getting|have|having|keep|bring|see|help you|your|her|him|them|those back|up|to|on|
        in|into|home|running|working|playing|there|going|moving|connected|online|off|away|again|
        started
        get|have|getting|see|bring your|you|those|her|him * back|up|to|on|in|into|home|running|
        working|playing|online|connected|again|before|going|off
        get|have|getting|see|bring your|you|those|her|him * * back|up|to|on|in|into|home|
        running|working|playing|online|connected|again|before|going|off
        have|get you|her|him back|on|in|up|home|out|there|flying|riding
        i|we|id do|really|all|just|sincerely|truly? hope that? you|your|youre|youll|he|she|they
        hope|hopefully|hoping that? you|youre|youll|your can? get|find|make|can|will|are|is|
        have|enjoy|reach|arrive|arrives|soon|reunited|back|gets|it
        dont|didnt|wouldnt|never|not want you|your|her|him|anyone|them to|miss|missing|without|
        left|waiting|going|stuck
        want|wants|wanted|like|love your|that|those|her|him|the * back|be|running|working|on|in|
        gone|well|ready|great|out
        want|wants|wanted|like|love your|that|those|her|him|the back|be|running|working|on|in|
        gone|well|ready|great|out
        want|like|love you back|on|in|there|running|home|up
        we|id|i want|like|love your|her|him
        make|making|be sure|certain you|your|he|she get|gets|have|has|arrives|receive|can|
        are|dont|make
        ensure|ensuring you|your * arrives|arrive|get|gets|receive|reaches|works
        ensure|ensuring you|your arrives|arrive|get|gets|receive|reaches|works
        youll|you|she|he|they|shell|hell will? be|have|get|make in|at|back|there|it|up|riding|
        watching|home|running|on|train|sleep
        so|in|that you|your|she|he can|get|arrives|arrive|order|will|have enjoy|sleep|watch|fly|
        travel|train|finish|play|drive|cook|present|wear|use|there|time
        in|right|well|bang time for|to|before
        well|long|hours before
        something youd|you like|want
        reunited|reunite
        all|what that|you matters|want|need
        you came to|for
        hope|hoping|hopefully that? you both|all|two|soon|still|do|did? get|find|make|have|enjoy|
        reach|can|manage
        hope|hopefully|hoping the|it|that|those|he|she|they|your *? *? fits|fit|arrives|arrive|
        suits|lasts|turns|finds|reaches|loves|enjoys|makes
        lets make sure|certain you|your|she|he|they|it|that
        lets get|have|see|bring|put|find * *? *? *? back|to|on|in|into|out|home|running|working|
        playing|online|again|across|over
        hope|hopefully|hoping we|i can|will get|find|have|keep|save|bring you|your|that|those|him|
        her|it|
        them|the
        well|ill|we|i try|do|trying for|what|everything|all *? *? *? back|home|there|to
        we|i|id|wed|well|ill want|need|like|love your|that|those|his|her|the *? *? safe|back|home|
        there|
        working|standing|charged|paid|kept|saved|with
        we|i|id|wed want|like|love you|him|her|them|your|everyone both? *? to? have|get|be|see|
        reach|keep|
        stay|watch|play
        you|he|she|they should be able to
        you|he|she|they wont|dont|wouldnt want|like to|him|her|them|it|your
        hope|hopefully|hoping that? youre|your|hes|shes|theyre out|home|back|up|on|in|sorted|there
        hope|hoping * gets|makes|arrives|reaches|finds|fits
        want|like|try|trying|aim|aiming|hope|hoping to|and get|have|keep|bring|find|see you|him|
        her|them|your
        well|ill|we|i get|find|have you|him|her your|his|her|a|the|that|an|one|another
        so|that you|he|she|they can * again|tonight|today|tomorrow
        lets get|have|find|put some|your|that|those|the * *? standing|done|open|charged|swapped|
        paid|moving
        lets|well see about getting|having|keeping
        lets|well see if we|i can get|have|save|keep|put|find
        ^ to have|get|keep|spare|bring you|her|him|them|it there|back|home|in|on|up|working|the|
        any|to
        hope|hoping theres|theyre|its a|off|not|no|working|back
        lovely|nice|great|good for you|him|her|mum|mom|dad to have|get|see|be
        know|that you|youd|youre|they|hed|shed? want|like|love|prefer|hoping|missing
    """,
    Cue.WANT: """
        you|u|he|she|they|and|who wanted|hoped|wished|want|wants|needed|need|needs to|it|that|
        this|the|a|your|in|them|back|an|those|someone|something|her|him|one|only|and|for|these
        you|youd|u|he|she would? like|love|rather|prefer|hope|hoped to|it|that|a|your|the|them|
        an|for|this|these
        youre|you|youve are|were|been? after|hoping|aiming|keen|looking|trying|waiting for|to|
        on|the|a
        youre|you are? waiting|looking|longing for
        youll be? want|wanting
        like your|him|her|them * to
        device|one|what youre|you looking|want|after
        youd|you love|like|want|prefer|need the|to|a|it|that|more|your|some|free
    """,
    Cue.FINITE: """
        is|are|was|were|will|can|could|should|would|has|have|do|does|may|might|apply|applies|
        depends|takes|needs|must|its|thats|theres|theyre|itll|cant|wont|isnt|arent|doesnt|dont
    """,
    Cue.PLAYBACK: """
        to|can|i|we|may confirm
        just confirming
        is|was|do|does|have that|this|i|it all? right|correct|accurate|understood
        is that|this it|so|true
        am i right|correct|understanding|reading
        correct|right
        to be clear|certain
        if i|ive|im understand|understood|get|got|read|reading
        did i understand|get|read|hear
        are you saying|stating|telling|referring|describing
        you|so|youre|are saying|stating|telling that|your|the|you|it|us|me
        let me repeat|recap|summarise|summarize|see if
        to recap|summarise|summarize|repeat
        sounds like
        it seems|sounds like|as|that
        in other words
        so you|your|youre|youve|it|its|the|that|both|only
        you mean|meant
        clarify|clarifying
        just? to be|make sure
        just to check
        just so ive|we
        have|ive|weve got this|it|that right
    """,
    Cue.OFFER: """
        happy|here|glad|love|like|ready|keen|eager|pleased to|for help|assist|be|look|take|chat|
        see|hear|check|investigate|discuss|sort|get|review
        how|what can|may|could|might|else i|we|can
        can|could|may i|we help|assist|offer
        help|assist|assisting|helping you|with with|this|that|further|out|today|anyway|any|more|
        in
        anything else
        any other|further|more questions|question|help|issues|queries
        here to|if
        help in any
        let us|me help|assist
        if you need|have|want|require any|anything|further|help|else|assistance|more|us
        if there|theres? is? anything|any|further
        feel free to reach|contact|call|message|get|let|dm|write|ask|drop|tweet|give
        need any|anything|further|more help|else|assistance|questions
        at your service
        dont hesitate
        get|have|getting this|it|that|things|you sorted|resolved|fixed|looked|right
        lets take|have|look|see|dig|figure|sort|work|fix
        let us|me take|have|look|see|dig a|closer|into|what
        would|id|wed like|love|want to help|look|take|see|investigate|learn|hear|know|get
        best to|help
        willing to
        what is|seems|appears to? be? the trouble|problem|issue|matter
        whats the|your trouble|problem|issue|matter|question|query|going
        looking for anything|something|any
        is|are there a|any|an|something|anything *? *? *? you|youre were|are? looking|after
        answer|outcome|one you|youre were|are? looking|after|hoping
    """,
    Cue.CHECK_BACK: """
        feel free to reach|contact|call|message|get|let|dm|write|ask|drop|tweet|give
        dont hesitate to
        did|does|has|is|hows that|this|it|everything help|work|helped|worked|solve|fix|sort|
        working|resolved|do|ok|now
        let us|me know if|how|once|when|whether|should
        let us|me know
        keep us|me posted|updated|in|informed
        is there anything|something else
        anything else
        any better|joy|luck
        hope|hopes that|this|it helps|helped
        give us|me a|an shout|update
        get back to us
        still there
        are you still
        how did|does|is it|that|everything go|look|work|going
        does that|this make|help|work|answer
    """,
    Cue.GREETING: """
        ^ hi|hello|hey|dear|hiya|howdy|greetings|morning|afternoon|evening|hallo
        good|lovely|nice|great|wonderful morning|afternoon|evening|day|weekend|night|one|trip|
        flight|week
        have a
        best|kind|warm|kindest|warmest wishes|regards
        regards|sincerely|cheers|warmly|yours
        take care
        youre|your|very|most|youre very? welcome
        no problem|probs|worries|prob
        anytime
        my pleasure
        all the best
        thank|thanks you for|choosing|contacting|calling|reaching|messaging|writing|patience|
        waiting|getting
        for reaching|contacting|calling|getting|waiting|your patience|out|in|us
        welcome
        happy to help
        bye|goodbye
    """,
    Cue.PROBLEM: """
        broken|broke|break|damaged|faulty|defective|wrong|missing|lost|late|delayed|cancelled|
        canceled|stuck|stopped|stops|failed|fails|fail|failing|failure|down|off|out|error|
        errors|crash|crashes|crashing|crashed|freezing|froze|freezes|frozen|slow|leak|leaking|
        leaks|cracked|torn|dead|died|dies|dying|drops|dropping|dropped|blank|locked|blocked|
        charged|overcharged|double|twice|unable|difficulty|difficulties|trouble|problem|
        problems|issue|issues|fault|bug|glitch|refused|rejected|denied|ignored|rude|unhelpful|
        expired|empty|spoiled|mouldy|stale|dirty|cold|smell|noise|noisy|burnt|burned|melted|
        bent|split|ripped|snapped|scratched|unavailable|offline|disconnect|disconnected|
        disconnects|disconnecting|buffering|loose|short|shut|vanished|disappeared|gone|stolen|
        hacked|waiting|waited|wait|waits|unanswered|unexpected|incorrect|misled|confusing|
        inaccurate|past|bad|playing|playing up|quits|quit|refuses|refusing|jammed|stranded|
        turned|bounced|declined|kicked|thrown|shattered|struggling|instead|nothing|none
        hasnt|havent|didnt|wont|isnt|doesnt|cant|couldnt|wasnt|arent|never arrived|received|
        turned|come|work|working|load|loading|open|play|showing|show|charge|connect|start|shown|
        appeared|delivered|registering
        not working|received|arrived|showing|able|loading|connecting|getting|recognised|
        recognized|available|possible|find|finding
        running|run into
        having|had issues|problems|trouble|difficulty
        without
        only * of
        only received|got|had|one|half|part
    """,
    Cue.NEGATION: """
        not|no|dont|doesnt|didnt|isnt|wasnt|wont|cant|cannot|couldnt|havent|hasnt|hadnt|never|
        nobody|nothing|none|without|arent|neither|nor|wouldnt|shouldnt|werent|hardly
    """,
    Cue.COMPANY: """
        ^ and|but|so|then|also? we|i|weve|ive|our|my|ill|im|wed|id|the
        ^ well|were STEPV|be|get|have|able|here|happy|sorry|unable|looking|sending|not
    """,
    Cue.TOPIC: """
        order|orders|delivery|delay|delays|flight|flights|bill|account|service|services|issue|
        issues|problem|problems|trouble|wait|matter|case|experience|query|concern|concerns|
        refund|payment|package|parcel|train|trains|booking|app|website|product|item|purchase|
        feedback|complaint
    """,
    Cue.DEGREE: """
        only|still|again|even|already|every|each|just|all|since|twice|both|ever|yet|always|
        whole|entire|half|exactly|straight|until|ago|another|same|instead|after|before
    """,
    Cue.REMARK: """
        thats|that a|an|quite|some|really|awful|silly|odd|weird|cruel|unfair|bad|no|too|far|
        just|plain
        that|this is|was a|an|quite|no|not|really|awful|silly|odd|cruel|unfair|just|plain|far
        what a|an
        oh|ah my|goodness|wow|boy
        good grief
        ha|haha|lol|wow|ouch|blimey|crikey|oof|ah|aw|aww|sheesh|yikes|hurrah
        no way
        fair enough|point
        isnt|aint on|right|fair|good|okay|ok|acceptable
        no wonder
        is|are|was|does beyond|a|an bit|joke|insult|disgrace|long|lot|odd|strange|jump|pattern|
        pain
        is|are|was too|way|far|plenty
        is|are|was|isnt|arent|not|definitely|certainly * ok|okay|great|acceptable
        is|are|was a|an lot|long|big|great
        in a row
        three|four|five|six|seven|eight|nine|ten|two days|weeks|months|hours|years|times|visits|
        calls
        doesnt|dont add|make sense|up
        of all
        no fun|way|joke|good
        all the way|day|night
    """,
    Cue.CONDITION: """
        if|once|unless|when|whenever|provided|until|should
        ^ to|for
    """,
    Cue.ASSENT: """
        ^ yes|yep|yeah|no|nope|correct|exactly|sure|certainly|absolutely|indeed|unfortunately|
        true|yea|right
        that|thats is? correct|right
    """,
    Cue.SUGGEST: """
        can|could|would|will you|u please|pls|also|just? TRIES
        have|did you tried|checked|worked|attempted|try|rebooted|restarted|reset|reinstalled|
        unplugged
        are|would you be? able to try|restart|reset|reboot|test|use|turn|unplug|reinstall|sign|log
        can|could you test|try
        is it possible for you to
        help|better|work|persist|continue|remain|happen|same|change if|when you TRIES
        would logging|restarting|resetting|reinstalling|clearing|turning|switching
        would you like to try
        any luck if
    """,
    Cue.FEEDBACK: """
        feedback|feedbacks|comments|suggestion|suggestions|thoughts|idea|ideas|opinion
        feed|feeding this|it|that|these? back
        the|your|this request|interest
        flag|share|mention this|it|that with|to
    """,
    Cue.OWNS: """
        they|he|she|it|that|this|we|someone|somebody|nobody|those|these should|shouldnt have|of|ve
        they|he|she|it|that|this|we|someone|somebody|nobody shouldve|shouldntve
        the|your|our|his|her|a * should|shouldnt|shouldve have|of|not|been|told|given|refunded|let
        the|your|our|his|her|a * * should|shouldnt have|of
        should|shouldnt have|of been|had|got|come|taken|told|sent|left|touched|gone|caught|given|
        refunded|swapped|let|said|happened|done|kept|reached|arrived|worked|stopped
        that|this|it should never
        ought to have
        not|isnt|wasnt the|a|what * we|wed|you had|have|were? planned|intended|promised|promise|
        hoped
        not|isnt|wasnt the|a * * we|wed|you had|have|were? planned|intended|promised|promise|hoped
        not|isnt|wasnt what|how we|wed|you had|have|were? planned|intended|promised|promise|hoped
    """,
    Cue.REACHED: """
        you|youve|u|they|theyve|he|hes|she|shes both|all|did? made|managed|found|reached|caught it|
        to|
        there|back|home|one|your|the|them
        you|youve|u|they|theyve|he|hes|she|shes both|all|have? got it|there|home|back|on|in|out|
        through|
        your|them|one|an|the|to
        we|i could|can get|find you|your|him|her|them
    """,
    Cue.EITHER: """
        or
    """,
    Cue.NOTED: """
        noted|understood|gotcha
        ^ ok|okay|right
        ^ i see
        ^ got it|that|you
    """,
    Cue.UNKNOWN: """
        dont|doesnt|havent|no have|got any|a|an|the|more|further|confirmed *? info|information|
        date|dates|news|update|updates|word|eta|timeframe|timescale|details
        have no info|information|date|dates|news|update|updates|word|eta|timeframe|timescale
        no date|news|word|eta|timeframe|timescale yet|as|at|for|on
        not aware of|that|any
        dont|doesnt|not have|got a|an|any * time|timeline|timescale|date
        cant say for|when|yet
    """,
    Cue.RECIPIENT: """
        to|onto|with|let the|our|my|your? right|relevant|appropriate|concerned|correct? TEAM
        to|onto|with|let the|our|my * TEAM|leadership
        to|onto|with|let the|our|my * * TEAM|leadership
    """,
    Cue.CHECKS: """
        LEADS ALSO? check|investigate|review|research|confirm|verify|locate|find|trace|
        track|see|discuss|address|advise|understand
        to|for check|investigation|review|checking|reviewing|further
        get|have|getting it|this|that checked|investigated|looked|reviewed
        get|have * * checked|investigated|reviewed
    """,
}  # fmt: skip

FUNCTION = """
a an the and or but so if then than that this these those there here it its itself they them their
he him his she her hers we us our ours i me my mine you your yours yourself who whom whose which
what when where why how is are was were be been being am do does did done doing have has had having
can could will would shall should may might must not no nor of to in on at by for from with without
about into onto over under up down out off as because while until since between through during per
just also too very really quite so such more most much many any some all each every both either
neither one ones other another own same few lot lots still again ever never always already yet now
im ive id ill youre youve youd youll hes shes weve wed were well theyre theyve theyll thats theres
whats lets dont doesnt didnt isnt arent wasnt werent wont wouldnt cant cannot couldnt havent hasnt
hadnt shouldnt aint oh ah uh um er hmm okay ok yes yeah yep no nope right like mean know please pls
thanks thank hi hello hey dear sorry u ur r im its amp only even maybe perhaps though although
however actually basically literally else gonna got get gets getting go goes going went gone come
comes coming make makes made let say says said see seen way thing things something anything nothing
everything someone anyone everyone bit sure well good great around across along also back
"""
"""Words that carry no particular of a case."""

TOPICS = """
order delivery delay flight bill account service issue problem trouble wait matter case experience
query question concern refund payment charge package parcel train booking product item purchase
feedback complaint customer support help team contact call email phone message dm link details info
information number address reference name website site app store shop company staff agent website
online care system device update inconvenience frustration confusion situation request response
reply thank patience regard wish team hear understand apology apologise apologize happen look
sort resolve fix investigate confirm provide send share need want able use try work happy receive
assist report follow ensure advise find tell ask let keep give take put know visit reach touch
oversight disruption discomfort hiccup satisfaction satisfy journey purchase alert visit
opportunity standard level
encounter recent face cause negative positive poor annoy disappoint frustrate upset concern bother
transaction expect expectation impress standard fully truly sincere deep extreme certainly
definitely absolute total complete complain attention raise bring improve quality matter attend
aware comment
additional further possible available unfortunate valued value opportunity future member advise mind
detail clarify assistance difficulty hassle unhappy dissatisfy hesitate choose appreciate regret
anyway moment convenience feel manager management department expert specialist agent advisor
"""
"""Words that every case of a scenario shares, or that belong to handling a case."""

COMMON = """
check day days week weeks month months year years time times today tomorrow yesterday morning night
evening afternoon hour hours minute minutes moment new old last next first long people person man
woman place home work working start stop open close right wrong bad better best big small little
high low new free full part end side line point money pay paid price cost card bank date set show
turn move run play watch read write speak talk think feel believe seem mean want need leave stay
wait buy sell bring hold add change live hope love hate enjoy help start able different same
please since ago later soon early late far near away together already almost enough half whole
"""
"""Frequent words: a weak sign of a particular each, a sign together."""
