"""The vocabulary of customer turns, written as :mod:`stream.recognition.lexicon` is."""

from __future__ import annotations

import enum


class Cue(enum.IntFlag):
    """What the words of a customer turn show, taken alone."""

    QUESTION = 1 << 0
    EXCLAIMS = 1 << 1
    SHOUTS = 1 << 2
    """Words in capitals, or several exclamation marks."""
    PROBLEM = 1 << 3
    """Something goes wrong."""
    WISH = 1 << 4
    """Wants, needs or asks for something."""
    ASKS = 1 << 5
    """Asks, with or without a mark."""
    ANNOYED = 1 << 6
    """Mildly negative words."""
    ANGRY = 1 << 7
    """Strongly negative words, insults, threats to leave."""
    THANKS = 1 << 8
    CONTENT = 1 << 9
    """Says that it is well or solved."""
    ACK = 1 << 10
    """Acknowledges, agrees, complies."""
    GIVEN = 1 << 11
    """Says that something was already said, sent or tried."""
    CHASES = 1 << 12
    """Asks for an answer that has not come."""
    CONTRADICTS = 1 << 13
    """Corrects the agent."""
    UNHEARD = 1 << 14
    """Says that it was not heard, answered or helped."""
    AGAIN = 1 << 15
    """Again, still, already, times."""
    EARLIER = 1 << 16
    """Tells of earlier contacts."""
    COMPLIES = 1 << 17
    """Opens with yes or no, or hands over what was asked."""
    NEGATION = 1 << 18
    FEELS = 1 << 19
    """Names the own displeasure."""


PATTERNS: dict[Cue, str] = {
    Cue.PROBLEM: """
        broken|broke|damaged|faulty|defective|wrong|missing|lost|late|delayed|delays|cancelled|
        canceled|stuck|stopped|stops|failed|fails|fail|failing|error|errors|crash|crashes|
        crashing|crashed|freezing|froze|freezes|frozen|slow|leak|leaking|leaks|cracked|torn|
        dead|died|dies|drops|dropping|dropped|blank|locked|blocked|overcharged|unable|
        difficulty|trouble|problem|problems|issue|issues|fault|bug|glitch|refused|refuses|
        rejected|denied|expired|empty|mouldy|stale|dirty|unavailable|offline|disconnected|
        disconnects|buffering|vanished|disappeared|stolen|hacked|incorrect|down|complaint|queue|
        queues|fraud|scam|lag|hung
        isnt|wasnt|arent|hasnt|havent|didnt|doesnt|wont|cant|cannot|couldnt|wouldnt|dont|aint|
        never
        not working|received|arrived|able|showing|loading|happy|good|getting|had|been|sent|
        connecting|delivered|playing
        no signal|service|internet|reply|response|one|power|water|sign|answer|info|sound|
        picture|update|refund|email
        charged|billed|twice|double
        charged me|us|twice|for
        keeps|keep|kept
        supposed to
        should be|have
        instead of
        waiting for|since|on
        waited
        what happened
    """,
    Cue.WISH: """
        i|we want|need|would|wanted|wish|require|expect
        id|wed like|love|want|need|appreciate
        want|need|trying|looking|hoping|like to|for|a|my
        please|pls|plz
        can|could|would|will you|u|i|we|someone|anyone|somebody
        help|assist
        any|an idea|ideas|way|chance|help|advice|suggestion|suggestions|plans|info
        refund|compensation|replacement
    """,
    Cue.ASKS: """
        ^ what|which|whats|wheres|where|when|whens|who|whos|how|why|whose|y
        ^ is|are|do|does|did|can|could|will|would|has|have|should|was|were|any|am
        how|what|why|when|where do|does|did|can|could|is|are|am|was|long|much|many|about|come
        is there|it|that|this
        do|does|did|can|will|would you|u|i|we|it|they|the
        wondering|wonder if|how|what|why|when
        my question
    """,
    Cue.ANNOYED: """
        disappointment|disappoint|worry|concerned|confusing|stress|inconvenient|inconvenience|
        bad|sad|sadly|unhelpful|shame|sucks|mess|silly|unimpressed|impossible|struggling|fed|
        tired|sick|lame|crap|pointless|bother|painful|bored|struggle|wasted|waste|wasting|hate|
        ffs|smh|ugh|sigh|argh|grr|wtf|wth|omg|seriously|misleading|misled|ignored|ignoring|rude|
        delay|delays|delayed|waiting|stuck|tricked|lies|lie|unbelievable|excuse|excuses|
        nonsense|chaos|cruel|unprofessional|incompetent|stupid|damn|bloody
        not cool|great|impressive|amused|ideal|fun|
        what
        no help|use|idea|good|luck|response|reply|answer|one
        fed|messed|screwed up
        come on
        cmon
        let down
        for days|weeks|months|hours|ages|years
        really now
        thanks for nothing
        what the
        how hard|difficult|can|is
        why are|is|do|does|would|did|cant|dont|wont|has|have|am|not|on|you|the
        still no|not|nothing|waiting|havent|hasnt|isnt|doesnt|dont|cant|wont
        nothing works|worked|has|happens
        again and|and
        not again
        i cant believe
        wont let
        doesnt work|help|make
    """,
    Cue.FEELS: """
        annoying|annoyed|frustrating|frustrated|frustration|disappointed|disappointing|upset|
        upsetting|unhappy|worried|worrying|stressful|stressed|irritating|irritated|unacceptable|
        shocking|shocked|appalled|horrible|awful|terrible|ridiculous|fuming|furious|angry|livid|
        disgusted|embarrassing|unfair|rubbish|useless|nightmare|joke|poor|confused|scared|
        anxious
        not happy|good|impressed|amused|helpful|acceptable|fair
        fed up
        sick of
        let down
    """,
    Cue.ANGRY: """
        worst|disgusting|disgusted|disgrace|disgraceful|pathetic|appalling|appalled|atrocious|
        outrageous|furious|fuming|livid|angry|raging|fuck|fucking|fuckin|fck|fkn|wtaf|bullshit|
        shit|shitty|bs|bastards|bastard|idiots|idiot|morons|clowns|crooks|thieves|robbery|theft|
        ripoff|scam|scammers|con|conned|cheats|cheating|cheated|liars|lying|lies|joke|shambles|
        useless|incompetent|inept|ridiculous|unbelievable|unacceptable|horrendous|horrific|
        shocking|shameful|shame|dickheads|arse|sue|lawyer|solicitor|court|ombudsman|trading|
        despicable|criminal|abysmal|infuriating|despair|distressing|desperate|outraged|insane|
        shaking|sobbing|begging|terrified|scared|heartbroken|devastated|humiliated|humiliating|
        insulting|insult|honestly|enough|obviously|dire|awful|terrible|horrible|disaster|rip
        never again|using|buying|flying|ordering|shopping|coming
        switching|switch|moving to|from|over|elsewhere
        leaving you|for|and|your
        going elsewhere
        cancel my|the|it|our contract|subscription|account|membership|everything|service
        taking|take my business|money|custom elsewhere
        lost|losing|lose a|my|your customer|patience|faith|trust
        last time i|we|you|im|ill
        ripped|ripping off|customers|us|me
        how dare
        are you kidding|serious|joking
        fed up
        sick of|and
        had enough
        no excuse
        waste of
        wont be buying|using|back|returning|coming|flying|shopping
        worse than|and
        beyond a? joke|words|belief
        so angry|mad|upset
        legal action
        report you|this to
        shame on
        money back
        sort it out
        done with
    """,
    Cue.THANKS: """
        thanks|thank|thx|cheers|ty|tks|thankyou|appreciate|appreciated|ta
    """,
    Cue.CONTENT: """
        great|perfect|brilliant|awesome|excellent|lovely|wonderful|amazing|fantastic|legend|
        star|sorted|solved|fine|yay|relief|helpful|nice|cool
        works|working now|again|fine|perfectly|great
        it|that worked|helped
        all good|sorted|set|fine|ok
        no worries|problem|probs
        good to know|news
    """,
    Cue.ACK: """
        ok|okay|k|sure|alright|right|yes|yep|yeah|no|nope|done|correct|exactly|fine|got|sounds|
        understood|noted|bye|hi|hello|will
        will do|try|send|let|check|have|dm|be
        ill dm|send|try|check|do|give|let|have|wait|call|message|email|see
        just sent|messaged|dmed|dmd|did|emailed
        sent|send you|a|it|the|via|my dm|message|private|pm
        dm|dms|message sent|you
        have|ive|i sent|dmed|dmd|messaged|emailed|followed
        following you
    """,
    Cue.GIVEN: """
        already|previously did|done|tried|sent|said|told|gave|given|have|had|been|explained|
        asked|called|provided|dmd|dmed|replied|answered|contacted|spoken|spoke|emailed|reported|
        know|checked|messaged|shared
        i|ive|we|weve|have already|previously
        did|done|tried|sent|said|told|been|explained|asked|called|provided|answered|gave that|
        this|it|them|you|all|everything|those already|twice|before|several|many|multiple|three|
        loads
        tried|done|checked|restarted|reinstalled|reset|rebooted|called|emailed that|this|it|all|
        everything|those|already|them|both|twice|several|loads|multiple|many
        did that|this|all|everything already|twice|and|but|yesterday|before|first|no|not|still
        did already|twice|yesterday|that
        in|per my first|last|earlier|previous|original|dm|mail|message|msg|email|tweet|post|
        report
        my first|last|earlier|previous|original message|msg|email|mail|tweet|post|dm|letter|
        question
        i wrote|asked|said
        i did|have
        read it|my|the|what|again|that|please
        that|it is|was what i
        thats what i
        been swapped|replaced|there|through|told|asked|passed
        already
        as i|we said|mentioned|told|explained|wrote|stated|have
        like i|we said|mentioned|told|explained|wrote
        i|we|ive said|told|mentioned|explained|wrote|stated|just that|this|you|it|so|in|told|
        said|above|already|earlier|twice|before
        i just|literally|did|have told|said|sent|gave|explained|did|answered|tried|say|send|tell
        told|said you|u|them|twice|already|before
        second|third|fourth|fifth|10th|nth time
        again and again
        how many times
        once again|more
        for the * time
        repeat|repeating|repeated myself|it|that|this|asking|again
        asked|told|contacted|called|emailed|messaged|tweeted|written|sent|rung|phoned|
        explained twice|three|four|five|several|many|multiple|numerous|2|3|4|5|already|before
        keep|kept asking|telling|saying|getting|sending|being|asked
        still the same|not|no|nothing|doesnt|wont|isnt|cant
        same problem|issue|thing|again|reply|answer|response|message|error
        didnt|doesnt|not|hasnt|havent|dont|isnt help|work|helped|worked|fix|solve|answer|working
        nothing changed|works|worked|has|happened|yet
    """,
    Cue.CHASES: """
        any update|updates|news|progress|answer|reply|response|joy|luck
        are|is you|anyone|anybody|someone still? there|listening|reading|here|available
        hello|hi anyone
        still waiting|no|nothing|havent|hasnt|not|never
        waiting for|on|still a|an|your|the|my? reply|response|answer|call|callback|update|refund
        no|any|havent|never|not|without|zero|nobody|noone|didnt had|got|a|an|heard|gotten|been|
        any|get|received? reply|response|answer|called|answered|replied|back|contacted|responded
        when will|can|are|is|do|am i|you|it|someone|this|my
        havent|hasnt|not|never|nobody|noone heard|replied|answered|responded|called|contacted|
        come
        please|pls reply|respond|answer|update
        reply|respond|answer me|please|pls|to
        its been over|days|weeks|months|1|2|3|4|5|6|7|8|9|10|a|two|three|four|five|six|hours
        been waiting
        how much longer
        how long will|do|must|am|more|does|is|should|until
        days|weeks|hours|months|day|week now|later
        whats|what is happening|going
        hello|hi|helo any|are|is|still|can|again
        ^ and|so|well|hello|hi|hey
        still there
        nobody|noone|no one has|came|called|rang|answered|replied
    """,
    Cue.CONTRADICTS: """
        ^ no i|its|it|that|not|the|we|im|ive|my|this|there|thats|you
        thats|this|that not|isnt|wasnt|is|wont|doesnt not? what|the|my|true|correct|right|how|
        helpful|it|an|good|answer|going
        not what i|the|we
        not the|my issue|point|problem|question|case
        isnt|wasnt|not the|my|what|that|an issue|problem|point|question|i|answer
        i|we didnt|never|dont|havent|wasnt|did|do|am|was ask|say|said|asked|mean|want|need|
        talking|not|have|order|mention
        i mean|meant
        you|u didnt|havent|dont|arent|wont|never|still answer|answered|read|listen|listening|
        understand|get|say|said|told|tell|seem|help
        wrong|different thing|person|one|issue|account|question|order|item
        but i|it|the|you|that|we|your|why|im|ive|my|they|this|now|when|how|its
        again? not
        read my|the|what|again
        so why|what|how|you|youre|when
        thats the|what|why point|i|whole
        if you|u read|look|had|check|see
        your|the link|form|page|website|answer|bot|reply does|doesnt|is|isnt|did|didnt|just|only
    """,
    Cue.UNHEARD: """
        nobody|noone|no|none|never|not|dont|doesnt|didnt|arent|isnt|wont one? listens|listen|
        listening|cares|care|helps|helped|helping|answers|answering|reads|reading|bothered|
        hears|heard|understand|understands|respond|responds|responding
        not helpful|helping|answering|listening|an answer|going
        no|not|any|without help|answer|solution|resolution|use|reply|response
        copy|copied|copying and? paste|pasted|pasting
        copypaste
        automated|canned|scripted|generic|standard|bot|robot|same|template response|reply|
        answer|replies|responses|answers|message
        answer|answering my|the question
        didnt|not|never|havent answer|answered my|the|me
        going|go|sent|send|sending|passed|pass|run|running round|around|in|from|me|us * circles|
        pillar|person|department|roundabout|pass
        in circles
        ignored|ignoring|ignore
        fobbed off
        hung|hang|hangs up
        cut me|off
        no one
    """,
    Cue.AGAIN: """
        again|still|already|twice|multiple|several|numerous|repeatedly|constantly|always|keep|
        keeps|kept|everytime|another
        every|each|third|second|fourth|3rd|2nd|4th|5th time
        days|weeks|months|hours now|ago|later
    """,
    Cue.EARLIER: """
        i|ive|we|weve|have|had|been called|emailed|contacted|spoken|spoke|rang|rung|phoned|
        written|wrote|messaged|tweeted|chatted|complained|reported|been|raised|visited
        called|emailed|contacted|rang|phoned|complained|reported|spoke|spoken|chatted customer|
        your|you|support|them|with|to|twice|several|three|many|multiple|again
        on|the phone|hold|chat|line for|with|to|an|over|1|2|3|an
        i was|ive|have been? told|promised|asked|advised|sent|passed|transferred
        they|you|he|she|your said|told|promised|keep|kept|just|hung|refused|never|dont
        told me|us
        promised
        your|the agent|rep|team|staff|people|advisor|colleague|colleagues|agents|executive|
        reps said|told|promised|hung|are|were|is|keep|has|have|just|did|didnt|couldnt
        last time|week|month
        live chat
    """,
    Cue.COMPLIES: """
        ^ yes|yep|yeah|no|nope|sure|ok|okay|correct|done|sent|its|nah
    """,
    Cue.NEGATION: """
        not|no|dont|doesnt|didnt|isnt|wasnt|wont|cant|cannot|couldnt|havent|hasnt|never|nobody|
        nothing|none|without
    """,
}  # fmt: skip
