"""What a conversation is about.

A vocabulary written by hand says which words speak for which scenario; to it the words of the
customer and of the agent add what was fitted on the project's corpus
(:mod:`stream.recognition.scenario_weights`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from stream.recognition.context import Context
from stream.recognition.customer_lexicon import Cue
from stream.recognition.labels import SCENARIOS
from stream.recognition.scenario_weights import ANSWERED, BIAS, PRIOR, SAID, WEIGHTS
from stream.recognition.text import code
from stream.recognition.weights import word_weights

_WORDS: dict[str, str] = {
    "billing": """
        bill:2 billed:2 billing:2 charge:2 charged:2 charges:2 refund:2 overcharged:3 invoice:3
        payment:2 pay:1.5 paid:1.5 price:1.8 prices:1.8 pricing:1.5 fee:2 fees:2 money:1.5 debit:2
        credit:1 bank:1 cost:1 costs:1 subscription:1 overdraft:3 cashback:3 deposit:2
        discount:1.5
        voucher:1 expensive:1.5 transaction:2 transactions:2 tariff:1.5 premium:0.5 euro:1
        pounds:1
        dollars:1 rent:1 deduct:3 deducted:3 balance:2 direct:0.3 statement:2 card:0.7 coupon:1.5
        promo:1 renew:1.5 renewal:1.5 surcharge:3 pound:1 quid:1.5 euros:1 claim:1 month:0.4
        cancel:0.8 contract:0.8 salary:1.5 wage:1.5 taken:0.5 receipt:0.7 expense:1 owe:2 debt:2
        instalment:2 overpaid:3 refunded:2 deal:1 rupees:1.5 points:0.7 bonus:1 credited:2
        airtime:1 topup:1.5 recharge:0.8 cheaper:1.5 penalty:1.5 cancelled:0.3 twice:0.5 quote:1
        quoted:1.5 reimburse:2 compensation:1 tax:2 why:0.1 charging:2 overcharging:3
        triple:1 match:0.7 offer:0.7
    """,
    "delivery": """
        delivery:3 deliver:2.5 delivered:3 parcel:3 package:3 courier:3 shipping:2.5 shipped:2.5
        ship:2 tracking:2.5 dispatched:2.5 order:1 ordered:1 arrive:1 arrived:1.5 arriving:1
        driver:1
        postman:2 doorstep:2 neighbour:1 post:1 box:0.5 missing:0.7 address:0.7 warehouse:1.5
        parcels:3 packages:3 received:1 depot:2 van:1 sent:0.4 damaged:0.7 wrong:0.5 collect:1
        collection:1 courier:3 letterbox:2 carrier:1.5 transit:2 sofa:0.4 gift:0.7
        birthday:0.4 instead:0.5 piece:0.7 pieces:0.7 dispatch:2.5 shipment:2.5 missing:0.8
        size:0.7 suitcase:0.5 porch:2 label:0.7
    """,
    "account_access": """
        login:3 log:2 logged:2 logging:2 password:3 locked:2 unlock:2 signin:3 username:3 pin:1.5
        verification:2.5 verify:2 authenticator:3 account:1 access:1.5 code:1 reset:1 register:1
        sign:1 hacked:3 2fa:3 otp:3 captcha:3 email:0.4 suspended:2 blocked:1.5 passcode:3
        authentication:3 identity:1.5 deactivated:2 disabled:1.5 fingerprint:2 portal:1 recover:2
        registered:1 registration:1 lock:1.2 lockout:3 memorable:2 membership:0.5 forgot:2
        forgotten:2 biometric:2 recognised:0.8 profile:0.7 credentials:3 signing:1.5 expired:0.5
        link:0.5 turnstile:1.5 card:0.2
    """,
    "service_interruption": """
        down:2 outage:3 internet:2 broadband:2.5 signal:2.5 network:2 connection:1.5 website:2
        site:1.7 app:0.9 train:1.2 trains:1.2 flight:1 flights:1 delayed:2 cancelled:1.7 power:1.5
        wifi:1.5 offline:2 server:2 servers:2 working:0.5 bus:1.2 buses:1.2 line:0.7 loading:1.5
        4g:2
        3g:2 data:1 plane:1 platform:0.7 station:0.6 runway:2.5 gate:0.7 buffering:1.5 streaming:1
        crew:0.4 coverage:2 disconnecting:1.5 slow:1 speed:1.2 speeds:1.5 delay:1.7 delays:2
        service:0.6 router:1.5 electricity:2 water:1 heating:1 connect:1 lte:2 stops:0.4 mast:2
        departure:1.5 departed:1.5 fault:0.5 blackout:3 supply:1 boiler:0.5 heat:0.7 error:0.5
        declined:1 dark:1 hotspot:1 tram:2 ferry:2 sailing:2 pages:0.5 crashing:0.7 freezes:0.5
        channel:1 channels:1.5 screen:0.2 spinning:1.2 timeout:2 unavailable:1.2 dead:0.5
        broadcast:1.2 maintenance:1.5 live:0.5 streams:1.2 skips:1 reboot:0.8 rebooted:0.8
        tv:0.3 area:0.5 everyone:0.5 everybody:0.5 airport:0.3 commute:1.5 late:0.6
        page:0.6 checkout:1.2 unable:0.4 link:0.6 rebooked:1 missed:0.5
    """,
    "product_fault": """
        phone:1.2 screen:1.5 battery:2.2 update:1.3 broken:1.5 faulty:2.5 crash:1.5
        crashes:1.5 crashing:1.5 freezes:1.5 freezing:2 device:1.5 laptop:1.5 console:1.5
        controller:2 software:1.5 version:1 windows:1.5 tv:1 app:1 playlist:2 song:1.5 songs:1.5
        install:1.2 installed:1.2 error:1 bug:2 feature:1.5 features:1.5 watch:0.7 keyboard:2
        bluetooth:2 printer:2.5 camera:2 sound:1.2 button:1.5 model:1 leak:1.5 leaking:1.5
        melted:2
        defective:2.5 quality:1.5 taste:1 mouldy:2.5 stale:2 packet:1 shoes:1 machine:1 motor:2
        fix:0.7 glitch:2 game:1.2 upgrade:0.7 upgraded:1
        album:1.5 artist:1.2 download:1 downloaded:1 video:0.8 episode:1 file:1 files:1
        snapped:2 cracked:2 blank:1.5 charger:2 charging:1.5 cable:1 speaker:1.5 fault:1.5
        ripped:1
        dishwasher:2 fridge:1.5 oven:2 washer:2 mattress:1.5 sofa:1 drawer:1.5
        plastic:1 mold:2 bought:0.5 sensor:2 printer:2 prints:1 mic:1.5
        volume:1.2 squeak:2.5 squeaks:2.5 rattle:2.5 blink:1 blinking:1 flashing:1 flickers:2
        sticks:1.5 stuck:0.7 stops:0.8 found:0.4 date:0.3 gluten:0.6 ingredients:1
        burst:1.5 popped:1.5 peeling:2 torn:1.5 zip:1.5 strap:1.5 wheel:1 lamp:1.5 engine:1.5
        kettle:2 blender:2 heater:1.5 pump:1.5 lens:1.5 headphones:2 earbuds:2 pods:1 tablet:1.2
        pen:1 export:1.2 render:1.5 plugin:1.5 save:0.7 sync:1.2 notification:1.2
        notifications:1.2 search:0.6 settings:1 skip:0.6 subtitles:1.5 drive:1.2 files:1
        sensor:2 firmware:2 noise:1.5 keeps:0.6 music:1 podcast:1 works:0.3 meal:0.8
        food:1 piece:0.4 pieces:0.4 best:0.2 ios:2 android:2 iphone:2 ipad:2 mac:1.5 macbook:2
        os:1.5 xbox:1.5 reinstall:1.5 uninstall:1.5 restart:1 pc:1
    """,
    "service_experience": """
        staff:3.5 rude:3 manager:2 attitude:3 unprofessional:3 experience:2 service:1 customer:0.8
        treated:3 driver:1.2 crew:1.5 queue:1.5 complaint:2.5 complain:2.5 hung:2 ignored:1.5
        waiting:0.7 waited:1 hold:1 hours:0.5 apology:2 seat:1.5 seats:1.5 dirty:1.5 disgusting:1
        disrespectful:3 employee:2.5 employees:2.5 shouted:3 lied:2 disgrace:1 store:0.7
        checkout:1
        cashier:2.5 colleague:1 member:0.7 discrimination:3 assistant:1.5 polite:2 unhelpful:2
        spoke:0.7 told:0.5 refused:1 advisor:1.2 agent:1 worst:0.8 luggage:1.5 bag:0.8 lounge:1
        reception:1.5 waiter:2.5 laughed:2.5 parking:0.8 humiliated:3 rudeness:3 response:0.8
        helpline:1 laugh:2 laughing:2 shout:2.5 yelled:3 swore:3 guard:1.5 engineer:1
        technician:1 cleaner:2 nurse:1.5 doctor:1 receptionist:2.5 clerk:2 menu:1.5 chef:1.5
        restaurant:1.2 hotel:1 room:1 toilet:1.5 toilets:1.5 queued:1.5 queues:1.2
        noise:0.4 lost:0.3 policy:0.5 insulting:2
        dismissive:3 ignoring:1.5 chased:1 chasing:1 promised:0.7 transferred:1 passenger:1
        passengers:1 carriage:1.5 flight:0.8 attendant:2.5 walked:0.5 humiliating:3 booked:0.4
        appointment:1 bags:0.8 incompetent:1 safety:1 train:0.8 trains:0.6 flights:0.6 plane:1
        airport:0.9 station:0.6 journey:1 class:0.8 treat:2.5 people:0.5 customers:0.7 email:0.2
        emails:0.7 reply:0.8 pathetic:0.8 resolve:0.5 escalate:1 escalating:1.5 complained:2
        nobody:0.6 disabled:1.5
    """,
    "other": """
        loan:1 fraud:1.5 thief:1 stolen:1 theft:1.5 fake:2 suggestion:2 advert:1.5
        advertising:1.5 advertised:1 ad:1 ads:0.7 feedback:1 idea:0.7 compliment:2.5 charity:2
        donate:2 donation:2 job:1 career:1.5 sponsor:2 environment:1.5 traffic:1.5 lights:0.5
        council:1.5
        neighbour:0.7 report:0.7 seller:1 buyer:1.2 privacy:1.5 spam:1.5 unsubscribe:2
        marketing:1.5
        deceased:1.5 died:1 late:0.1 father:0.2 mother:0.2 pension:1 will:0.1
        insurance:0.5
        thank:0.2 praise:2 wonderful:0.7 accident:1.2 petition:2 misleading:1.5 dangerous:1
    """,
    "information": """
        stock:1.5 available:1.2 when:0.5 how:0.5 where:0.4 open:0.7 opening:1 hours:0.3 possible:1
        wondering:2 wonder:1.5 question:1 know:0.4 info:1 information:1 advice:1 recommend:1.5
        does:0.5 allowed:1.5 difference:1.5 plans:0.7 release:1 launch:1 sell:1 policy:0.7
        which:0.4
        long:0.4 use:0.4 work:0.2 cover:0.6 whether:1 between:0.6 would:0.3 need:0.2
        bring:0.7 accept:1 include:1 included:1 compatible:2 support:0.8
        schedule:1 timetable:1 return:0.2 size:0.5 buy:0.5 order:0.1 when:0.5 season:0.6
        released:1 coming:0.5 suitable:1.5 vegan:1.5 upgrade:0.5 anyone:0.3 looking:0.5
        eligible:1 any:0.2 can:0.2 tell:0.3 trial:0.7 will:0.3 is:0.1 discontinued:1.5 range:0.6
        restock:2 stocked:2 stores:0.8 link:0.3 address:0.2
    """,
}  # fmt: skip

_LONG = 20.0
"""Weight of words up to which each counts in full. From there their sum grows by the root: a long
conversation says more, but mostly more of the same."""

_TOP = 6.0
"""Score from which more words of one scenario add nothing."""


class _Tables(NamedTuple):
    vocabulary: dict[int, list[tuple[int, float]]]
    """Word -> scenarios (by their place) that it speaks for, and how much."""
    said: dict[int, tuple[float, ...]]
    """Word of the customer -> its fitted weight per scenario."""
    answered: dict[int, tuple[float, ...]]
    """The same, of the agent's words."""


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    vocabulary: dict[int, list[tuple[int, float]]] = {}
    for name, line in _WORDS.items():
        best: dict[int, float] = {}
        for item in line.split():
            word, _, weight = item.partition(":")
            key = code(word)
            best[key] = max(best.get(key, 0.0), float(weight))
        for key, value in best.items():
            vocabulary.setdefault(key, []).append((SCENARIOS.index(name), value))
    return _Tables(vocabulary, word_weights(SAID), word_weights(ANSWERED))


def weighed_words(context: Context) -> tuple[dict[int, float], dict[int, float]]:
    """The customer's and the agent's words, each with the weight of the earliest turn that has it:
    what comes first says most about the concern. Many words weigh less each."""
    said: dict[int, float] = {}
    for turn, reading in enumerate(context.customers):
        weight = 1.0 if turn < 2 else 0.5 if turn < 4 else 0.25
        for word in reading.words:
            if word not in said:
                said[word] = weight
    answered: dict[int, float] = {}
    for turn, words in enumerate(context.agents):
        weight = 1.0 if turn < 2 else 0.5
        for word in words:
            if word not in answered:
                answered[word] = weight
    return _damped(said), _damped(answered)


def _damped(words: dict[int, float]) -> dict[int, float]:
    total = sum(words.values())
    if total <= _LONG:
        return words
    share = math.sqrt(_LONG / total)
    return {word: weight * share for word, weight in words.items()}


def vocabulary_scores(context: Context) -> list[float]:
    """Per scenario what the vocabulary says of the customer's words, early turns most."""
    vocabulary = _tables().vocabulary
    scores = [0.0] * len(SCENARIOS)
    for turn, reading in enumerate(context.customers):
        weight = 1.0 if turn < 2 else 0.5 if turn < 4 else 0.25
        for word in set(reading.words):
            for place, value in vocabulary.get(word, ()):
                scores[place] += value * weight
    total = sum(scores)
    if not total:
        return scores
    return [min(score, _TOP) / _TOP + score / total / 2 for score in scores]


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

_ASKS = int(Cue.QUESTION | Cue.ASKS)
_TROUBLED = int(Cue.PROBLEM | Cue.ANNOYED | Cue.FEELS | Cue.ANGRY)


def heard(context: Context) -> list[str]:
    """What the customer's first two turns carry, by name."""
    cues = 0
    for reading in context.customers[:2]:
        cues |= reading.cues
    found = [name for bits, name in _HEARD if cues & bits]
    if cues & _ASKS and not cues & _TROUBLED:
        found.append("only_asks")
    return found


def scenario(context: Context) -> str:
    """The scenario of a conversation: from what the customer said first of all."""
    if not context.customers:
        return "other"
    tables = _tables()
    scores = [a + PRIOR * b for a, b in zip(BIAS, vocabulary_scores(context), strict=True)]
    for name in heard(context):
        for place, value in enumerate(WEIGHTS.get(name, ())):
            scores[place] += value
    for words, table in zip(weighed_words(context), (tables.said, tables.answered), strict=True):
        for word, weight in words.items():
            weights = table.get(word)
            if weights is not None:
                for place, value in enumerate(weights):
                    scores[place] += value * weight
    return SCENARIOS[scores.index(max(scores))]
