"""What a conversation is about.

A vocabulary written by hand says which words speak for which scenario; to it the words of the
customer and of the agent add what was fitted on the project's corpus
(:mod:`stream.recognition.scenario_weights`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, pairwise, repeat
from typing import NamedTuple, TypeVar

from stream.recognition.context import Context
from stream.recognition.customer_lexicon import Cue
from stream.recognition.labels import SCENARIOS
from stream.recognition.lexicon import FUNCTION
from stream.recognition.scenario_weights import ANSWERED, BIAS, PAIRS, PRIOR, SAID, WEIGHTS
from stream.recognition.text import code, codes
from stream.recognition.weights import Pair, packed, pair_weights, unpacked, word_weights

_WORDS: dict[str, str] = {
    "billing": """
        charge:2 charged:2 charges:2 refund:2 overcharged:3 payment:2 pay:1.5 paid:1.5 price:1.8
        prices:1.8 pricing:1.5 fee:2 fees:2 money:1.5 debit:2 credit:1 bank:1 subscription:1
        overdraft:3 cashback:3 deposit:2 voucher:1 expensive:1.5 transaction:2 transactions:2
        tariff:1.5 premium:0.5 euro:1 pounds:1 dollars:1 rent:1 deduct:3 deducted:3 balance:2
        direct:0.3 statement:2 card:0.7 coupon:1.5 promo:1 renew:1.5 renewal:1.5 surcharge:3
        pound:1 quid:1.5 euros:1 claim:1 month:0.4 cancel:0.8 contract:0.8 salary:1.5 wage:1.5
        receipt:0.7 expense:1 owe:2 debt:2 instalment:2 overpaid:3 refunded:2 deal:1 rupees:1.5
        credited:2 airtime:1 topup:1.5 recharge:0.8 cheaper:1.5 penalty:1.5 cancelled:0.3
        twice:0.5 quote:1 quoted:1.5 reimburse:2 compensation:1 tax:2 why:0.1 charging:2
        overcharging:3 triple:1 match:0.7 offer:0.7 ticket:0.4 fare:1.8 cost:1.5 ripoff:2
        rip:1.2 rate:0.8 spend:1 spent:1 reward:1 bonus:1.2 points:1 sale:0.8 cheap:1 half:0.4
        tier:0.5 discounted:1.5 billed:2.5 invoice:3 dispute:1.5 overpriced:2.5 afford:2
        worth:0.6 hidden:1 taken:0.5 gift:0.3 value:0.8
    """,
    "delivery": """
        delivery:3 deliver:2.5 delivered:3 courier:3 shipping:2.5 shipped:2.5 ship:2
        tracking:2.5 order:1 ordered:1 driver:1 postman:2 neighbour:1 post:1 box:0.5 missing:0.8
        address:0.7 warehouse:1.5 received:1 depot:2 van:1 sent:0.4 damaged:0.7 wrong:0.5
        collect:1 collection:1 letterbox:2 carrier:1.5 transit:2 sofa:0.4 gift:0.7 birthday:0.4
        instead:0.5 piece:0.7 pieces:0.7 size:0.7 suitcase:0.5 porch:2 label:0.7 packaging:3
        hermes:2 dpd:2 ups:1.5 fedex:2 usps:2 customs:1.5 shipment:2.5 undelivered:3 doorstep:2
        handed:0.4 dispatch:2.5 arrive:0.9
        rider:1.5 slot:1 subbed:2 substitution:1.5
    """,
    "account_access": """
        login:3 log:2 logged:2 logging:2 password:3 locked:2 unlock:2 signin:3 pin:1.5
        verification:2.5 verify:2 authenticator:3 account:1 access:1.5 code:1 reset:1 sign:1
        hacked:3 2fa:3 otp:3 captcha:3 email:0.4 suspended:2 blocked:1.5 authentication:3
        identity:1.5 disabled:1.5 fingerprint:2 portal:1 recover:2 registration:1 lock:1.2
        lockout:3 memorable:2 membership:0.5 forgot:2 forgotten:2 biometric:2 recognised:0.8
        credentials:3 signing:1.5 expired:0.5 link:0.5 turnstile:1.5 card:0.2 checkin:0.8
        passcode:3 reactivate:2.5 reinstate:2 ban:2 suspension:2 unsuspend:2 deactivate:2
        authorise:1 signup:1 registering:1.5 confirmation:0.3 activate:1 activation:1.2
        username:3 profile:0.8 merge:1.2
    """,
    "service_interruption": """
        down:2 broadband:2.5 signal:2.5 network:2 website:2 site:1.7 train:1.2 trains:1.2
        flight:1 flights:1 offline:2 server:2 servers:2 working:0.5 bus:1.2 buses:1.2 line:0.7
        3g:2 data:1 plane:1 station:0.6 gate:0.7 buffering:1.5 streaming:1 crew:0.4 coverage:2
        disconnecting:1.5 slow:1 speed:1.2 speeds:1.5 service:0.6 router:1.5 electricity:2
        water:1 heating:1 stops:0.4 mast:2 departure:1.5 departed:1.5 fault:0.5 blackout:3
        supply:1 boiler:0.5 heat:0.7 error:0.5 declined:1 dark:1 hotspot:1 tram:2 ferry:2
        sailing:2 pages:0.5 freezes:0.5 screen:0.2 spinning:1.2 timeout:2 unavailable:1.2
        dead:0.5 broadcast:1.2 maintenance:1.5 live:0.5 streams:1.2 skips:1 reboot:0.8
        rebooted:0.8 tv:0.3 area:0.5 everyone:0.5 everybody:0.5 airport:0.3 commute:1.5 page:0.6
        checkout:1.2 unable:0.4 link:0.6 rebooked:1 missed:0.5 app:0.9 4g:1.4 lte:1.4 internet:2
        power:1.3 channels:1 wifi:1.3 connection:1.3 reception:1.5 outage:3 platform:0.9
        rail:0.8 tube:1.2 diverted:1.8 rerouted:1.5 rescheduled:1.2 runway:2 grounded:2 tarmac:2
        cancellation:1.6 delayed:2 disruption:2 replacement:0.3 checkin:1 crashed:0.7 loads:1
        glitch:0.6
        loading:1 terminated:1.2
    """,
    "product_fault": """
        phone:1.2 screen:1.5 battery:2.2 broken:1.5 faulty:2.5 crash:1.5 crashes:1.5
        crashing:1.5 freezes:1.5 freezing:2 device:1.5 controller:2 software:1.5 version:1
        windows:1.5 tv:1 song:1.5 songs:1.5 install:1.2 installed:1.2 error:1 bug:2 feature:1.5
        features:1.5 watch:0.7 keyboard:2 bluetooth:2 printer:2.5 camera:2 sound:1.2 button:1.5
        model:1 leak:1.5 leaking:1.5 melted:2 defective:2.5 quality:1.5 taste:1 mouldy:2.5
        stale:2 shoes:1 machine:1 motor:2 fix:0.7 glitch:2 game:1.2 upgrade:0.7 upgraded:1
        album:1.5 artist:1.2 download:1 downloaded:1 video:0.8 file:1 files:1 snapped:2
        cracked:2 blank:1.5 charger:2 charging:1.5 cable:1 speaker:1.5 fault:1.5 ripped:1
        dishwasher:2 fridge:1.5 oven:2 washer:2 sofa:1 drawer:1.5 plastic:1 mold:2 bought:0.5
        sensor:2 prints:1 mic:1.5 volume:1.2 squeak:2.5 squeaks:2.5 rattle:2.5 blink:1
        blinking:1 flashing:1 flickers:2 sticks:1.5 stuck:0.7 stops:0.8 found:0.4 date:0.3
        gluten:0.6 ingredients:1 burst:1.5 popped:1.5 peeling:2 torn:1.5 zip:1.5 strap:1.5
        wheel:1 lamp:1.5 engine:1.5 kettle:2 blender:2 heater:1.5 pump:1.5 lens:1.5 headphones:2
        earbuds:2 pods:1 pen:1 export:1.2 render:1.5 plugin:1.5 save:0.7 sync:1.2
        notification:1.2 notifications:1.2 search:0.6 skip:0.6 subtitles:1.5 drive:1.2
        firmware:2 noise:1.5 keeps:0.6 music:1 podcast:1 works:0.3 meal:0.8 food:1 piece:0.4
        pieces:0.4 best:0.2 ios:2 android:2 iphone:2 ipad:2 mac:1.5 macbook:2 os:1.5 xbox:1.5
        reinstall:1.5 uninstall:1.5 restart:1 pc:1 setting:1 app:1 laptop:1.5 sandwich:1.5
        bread:1.2 milk:1 chicken:1 meat:1.2 beef:1.2 pork:1.2 fish:1 cheese:1 yoghurt:1.2
        cereal:1.2 crisp:1.2 chocolate:1 cake:1 biscuit:1.2 salad:1.2 pizza:1 fruit:1
        vegetable:1 egg:1 packet:1.5 wrapper:1.5 hair:1 insect:2 maggot:2.5 raw:1.5
        undercooked:2 rotten:2 trainer:1.2 boot:1.2 sole:1.5 jacket:1.2 jeans:1.2 dress:1
        shirt:1.2 coat:1 jumper:1.2 stitching:2 seam:2 hole:1.5 fabric:1.5 monitor:1.5
        display:1.2 headset:1.5 mouse:1.2 usb:1.5 hdmi:1.5 port:1 remote:1.5 joystick:2
        trigger:1 disc:1.2 cartridge:1.5 tablet:1.2 console:1.5 dock:1.2 movie:1.2 film:1 show:1
        series:1 season:1 episode:1.5 advert:1 ad:1 ads:1 lyrics:2 shuffle:2 playlist:2
        soundtrack:1.5 channel:0.6 demand:0.8 folder:1.5 excel:1.5 menu:1 icon:1.5 toolbar:2
        widget:2 emoji:1.5 font:1.5 template:1.5 bios:2 backup:1.5 restore:1 format:1 ps4:1.5
        ps5:1.5 playstation:1.5 desktop:1.2 update:1.5 troubleshoot:1.5 scratch:1.2 dent:1.5
        stain:1.5 colour:0.6 worn:1.2 wash:1 assembly:1 instruction:0.8 part:0.6 tap:0.8 toy:1
        doll:1 pram:1.2 bike:0.8 mattress:1.5 chair:1 table:0.8
        extender:2 thermostat:1.5 radiator:1.5 radiators:1.5 doorbell:1.5 voicemail:1.5
        reader:0.8 thermometer:2 earbud:2
    """,
    "service_experience": """
        staff:3.5 rude:3 manager:2 attitude:3 unprofessional:3 experience:2 service:1
        customer:0.8 treated:3 driver:1.2 crew:1.5 queue:1.5 complaint:2.5 complain:2.5 hung:2
        ignored:1.5 waiting:0.7 waited:1 hold:1 hours:0.5 apology:2 dirty:1.5 disgusting:1
        disrespectful:3 employee:2.5 employees:2.5 shouted:3 lied:2 disgrace:1 store:0.7
        checkout:1 cashier:2.5 colleague:1 member:0.7 discrimination:3 assistant:1.5 polite:2
        unhelpful:2 spoke:0.7 told:0.5 refused:1 advisor:1.2 agent:1 worst:0.8 luggage:1.5
        bag:0.8 lounge:1 reception:1.5 waiter:2.5 laughed:2.5 parking:0.8 humiliated:3
        rudeness:3 response:0.8 helpline:1 laugh:2 laughing:2 shout:2.5 yelled:3 swore:3
        guard:1.5 engineer:1 technician:1 cleaner:2 nurse:1.5 doctor:1 receptionist:2.5 clerk:2
        menu:1.5 chef:1.5 restaurant:1.2 hotel:1 room:1 toilet:1.5 toilets:1.5 queued:1.5
        queues:1.2 noise:0.4 lost:0.3 policy:0.5 insulting:2 dismissive:3 ignoring:1.5 chased:1
        chasing:1 promised:0.7 transferred:1 passenger:1 passengers:1 carriage:1.5 attendant:2.5
        walked:0.5 humiliating:3 booked:0.4 appointment:1 bags:0.8 incompetent:1 safety:1
        station:0.6 journey:1 treat:2.5 people:0.5 customers:0.7 email:0.2 emails:0.7 reply:0.8
        pathetic:0.8 resolve:0.5 escalate:1 escalating:1.5 complained:2 nobody:0.6 disabled:1.5
        conductor:1.5 steward:2 stewardess:2 host:1 rep:1 supervisor:1.5 crowded:2
        overcrowded:2.5 packed:1.5 standing:1.5 smell:1.2 filthy:2 cramped:2 flights:0.3
        trains:0.4 plane:0.6 airport:0.5 seat:1 class:0.5 callback:1.2 kindness:1 arrogant:3
        condescending:3 patronising:3 bullying:3 sexist:3 racist:3 useless:0.5 abandoned:1.5
        stranded:1 apologise:0.8 apologize:0.8 courtesy:2 manners:2.5 professionalism:2.5
        tech:1 technicians:1 chatting:1.2
    """,
    "other": """
        loan:1 fraud:1.5 thief:1 stolen:1 theft:1.5 fake:2 suggestion:2 advert:1.5
        advertising:1.5 advertised:1 ad:1 ads:0.7 feedback:1 idea:0.7 compliment:2.5 charity:2
        donate:2 donation:2 job:1 career:1.5 sponsor:2 environment:1.5 traffic:1.5 lights:0.5
        council:1.5 neighbour:0.7 report:0.7 seller:1 buyer:1.2 privacy:1.5 spam:1.5
        unsubscribe:2 marketing:1.5 deceased:1.5 died:1 late:0.1 father:0.2 mother:0.2 pension:1
        will:0.1 insurance:0.5 thank:0.2 praise:2 wonderful:0.7 accident:1.2 petition:2
        misleading:1.5 dangerous:1 wallet:1.5 purse:1.5 handbag:1.5 umbrella:1.5 found:0.3
        cheating:1.5 cheater:2 hacker:1 police:1 scammer:1.5 scam:1.5 partnership:2
        sponsorship:2 volunteer:2 vacancy:2 interview:1.5 congratulations:1 competition:1
        giveaway:1.5 religion:1 politics:1 offensive:1.5 union:1 strike:0.3 copyright:1.5
        impersonating:2 belongings:1.5
        shoutout:2.5 kudos:2.5 legend:1.5 deserves:1.2 raise:0.7 hiring:2.5 recruitment:2.5
        applied:0.8 leaflet:2 leaflets:2 vote:1.2 voted:1.2 request:0.7 collab:2
    """,
    "information": """
        stock:1.5 available:1.2 how:0.5 where:0.4 open:0.7 opening:1 hours:0.3 wondering:2
        wonder:1.5 question:1 know:0.4 info:1 information:1 advice:1 does:0.5 difference:1.5
        plans:0.7 release:1 launch:1 policy:0.7 which:0.4 long:0.4 use:0.4 work:0.2 cover:0.6
        whether:1 between:0.6 would:0.3 need:0.2 bring:0.7 accept:1 include:1 included:1
        compatible:2 support:0.8 schedule:1 timetable:1 return:0.2 buy:0.5 order:0.1 season:0.6
        released:1 coming:0.5 suitable:1.5 upgrade:0.5 anyone:0.3 looking:0.5 any:0.2 can:0.2
        tell:0.3 trial:0.7 will:0.3 is:0.1 discontinued:1.5 range:0.6 restock:2 stocked:2
        stores:0.8 link:0.3 address:0.2 date:0.6 when:0.7 sold:0.4 timing:1 valid:0.6
        confirm:0.5 clarify:1 explain:0.5 eligible:1.5 possible:1.2 requirement:1.5 apply:0.6
        limit:0.8 allowed:1.5 alternative:0.7 advise:0.7 recommend:1.2 vegan:1.8 halal:1.5
        kosher:1.5 allergy:1 ingredient:1 colour:0.5 sizes:0.6 next:0.4 contact:0.3 office:0.5
        passport:1 visa:1.2 baggage:0.5 suitcase:0.3 weight:0.6
    """,
}  # fmt: skip

_LONG = 20.0
"""Weight of words up to which each counts in full. From there their sum grows by the root: a long
conversation says more, but mostly more of the same."""

_FUNCTION = codes(FUNCTION)
GRAMMAR = 7
"""Weight, in tenths, of a function word: how people talk, more than what about."""

_TOP = 6.0
"""Score from which more words of one scenario add nothing."""


class _Tables(NamedTuple):
    """Weights per scenario, packed (:func:`stream.recognition.weights.packed`)."""

    vocabulary: dict[int, int]
    """Word -> how much it speaks for each scenario, in tenths."""
    said: dict[int, int]
    """Word of the customer -> its fitted weights, in thousandths; those of a function word are
    weighed as such."""
    answered: dict[int, int]
    """The same, of the agent's words."""
    pairs: dict[Pair, int]
    """Neighbouring words of the customer -> their fitted weights, in hundredths."""


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    vocabulary: dict[int, list[int]] = {}
    for place, name in enumerate(SCENARIOS):
        for item in _WORDS[name].split():
            word, _, weight = item.partition(":")
            row = vocabulary.setdefault(code(word), [0] * len(SCENARIOS))
            row[place] = max(row[place], round(10 * float(weight)))
    return _Tables(
        {word: packed(row) for word, row in vocabulary.items()},
        _in_thousandths(word_weights(SAID)),
        _in_thousandths(word_weights(ANSWERED)),
        pair_weights(PAIRS),
    )


def _in_thousandths(table: dict[int, int]) -> dict[int, int]:
    return {
        word: weights * (GRAMMAR if word in _FUNCTION else 10) for word, weights in table.items()
    }


def is_grammar(word: int) -> bool:
    """Whether the word of this code is a function word."""
    return word in _FUNCTION


T = TypeVar("T")
Weighed = list[tuple[int, set[T]]]
"""Sets that share nothing, each with the weight of what is in it."""


def _by_turn(turns: Iterable[tuple[int, Iterable[T]]]) -> Weighed[T]:
    """What turns hold, each under the weight of the earliest turn that has it: what comes first
    says most about the concern. ``turns`` are a weight and what it holds, in order."""
    found: Weighed[T] = []
    known: set[T] = set()
    for weight, held in turns:
        new = set(held)
        new -= known
        known |= new
        if found and found[-1][0] == weight:
            found[-1][1].update(new)
        else:
            found.append((weight, new))
    return found


_FADE = (4, 4, 2, 2)
"""Weight, in quarters, of the words of the first turns; of those that follow it is 1."""


def _turns(context: Context) -> Iterable[tuple[int, tuple[int, ...]]]:
    """The customer's turns: weight and words."""
    weights = chain(_FADE, repeat(1))
    return (
        (weight, reading.words) for weight, reading in zip(weights, context.customers, strict=False)
    )


def said(context: Context) -> Weighed[int]:
    """The customer's words, weighed in quarters."""
    return _by_turn(_turns(context))


def answered(context: Context) -> Weighed[int]:
    """The agent's words, weighed in quarters."""
    return _by_turn((4 if n < 2 else 2, words) for n, words in enumerate(context.agents))


_PAIRS_FADE = (10, 6, 4, 3)


def neighbours(context: Context) -> Weighed[Pair]:
    """Neighbouring words of the customer's first turns, weighed in tenths: "is there", "not
    working" and "log in" say what their words do not."""
    first = zip(_PAIRS_FADE, context.customers, strict=False)
    return _by_turn((weight, pairwise(reading.words)) for weight, reading in first)


def damping(words: Weighed[int]) -> float:
    """What to multiply the weights of words by: many words weigh less each."""
    total = sum([weight * len(held) for weight, held in words]) / 4
    return math.sqrt(_LONG / total) if total > _LONG else 1.0


def _summed(table: dict[T, int], weighed: Weighed[T]) -> Sequence[int]:
    """Per scenario what a table's words add, in its unit times that of their weights."""
    total = 0
    for weight, held in weighed:
        total += weight * sum(filter(None, map(table.get, held)))
    return unpacked(total, len(SCENARIOS))


def vocabulary_scores(context: Context) -> list[float]:
    """Per scenario what the vocabulary says of the customer's words, early turns most, and that an
    opening which asks and names nothing wrong is a question."""
    table = _tables().vocabulary
    counts = _summed(table, [(weight, set(words)) for weight, words in _turns(context)])
    total = sum(counts)
    if total:
        scores = [min(count / 40, _TOP) / _TOP + count / total / 2 for count in counts]
    else:
        scores = [0.0] * len(SCENARIOS)
    if context.customers:
        opening = context.customers[0].cues
        if opening & _ASKS and not opening & _TROUBLED:
            scores[_INFORMATION] += _ONLY_ASKED
    return scores


_ASKS = int(Cue.QUESTION | Cue.ASKS)
_TROUBLED = int(Cue.PROBLEM | Cue.ANNOYED | Cue.FEELS | Cue.ANGRY)
_INFORMATION = SCENARIOS.index("information")
_ONLY_ASKED = 0.5
"""What a conversation that opens with a question and no trouble adds to ``information``."""

_HEARD = (
    (int(Cue.PROBLEM), "problem"),
    (int(Cue.ANNOYED | Cue.FEELS), "annoyed"),
    (int(Cue.ANGRY), "angry"),
    (int(Cue.QUESTION | Cue.ASKS), "asks"),
    (int(Cue.WISH), "wish"),
    (int(Cue.EARLIER), "earlier"),
    (int(Cue.UNHEARD), "unheard"),
)
"""Cues of the customer's first two turns, and the feature's name."""


def heard(context: Context) -> list[str]:
    """What the customer's first two turns carry, by name."""
    return _named(_opening_cues(context))


def _opening_cues(context: Context) -> int:
    cues = 0
    for reading in context.customers[:2]:
        cues |= reading.cues
    return cues


def _named(cues: int) -> list[str]:
    found = [name for bits, name in _HEARD if cues & bits]
    if cues & _ASKS and not cues & _TROUBLED:
        found.append("only_asks")
    return found


@lru_cache(maxsize=1 << 10)
def _start(cues: int) -> tuple[float, ...]:
    """The scores of a conversation whose customer's first two turns carry ``cues``, but for its
    words."""
    rows = [BIAS, *(WEIGHTS[name] for name in _named(cues) if name in WEIGHTS)]
    return tuple(map(sum, zip(*rows, strict=True)))


def scenario(context: Context) -> str:
    """The scenario of a conversation: from what the customer said first of all."""
    if not context.customers:
        return "other"
    scores = scenario_scores(context)
    return SCENARIOS[scores.index(max(scores))]


def scenario_scores(context: Context) -> list[float]:
    """How much speaks for each of :data:`SCENARIOS`."""
    tables = _tables()
    customer, agent = said(context), answered(context)
    own, theirs = damping(customer) / 4_000, damping(agent) / 4_000
    return [
        start + PRIOR * by_hand + own * a + theirs * b + pairs / 1_000
        for start, by_hand, a, b, pairs in zip(
            _start(_opening_cues(context)),
            vocabulary_scores(context),
            _summed(tables.said, customer),
            _summed(tables.answered, agent),
            _summed(tables.pairs, neighbours(context)),
            strict=True,
        )
    ]
