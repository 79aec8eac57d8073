"""Text into words: normalised, stemmed, hashed.

Transcripts differ in punctuation, case and apostrophes. Apostrophes are dropped everywhere, so
that "don't" and "dont" are one word; the vocabulary is written in that form. Words leave this
module as 24-bit codes, so that nothing kept later holds text.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

MAX_CHARS = 20_000
"""Characters of a turn that are read. Far above any real turn; bounds the work of a hostile one."""

NUMBER_CODES = 0x10000
"""Codes below this are numbers (modulo the range); all other words lie at or above."""

LINK = "<link>"

_TOKENS = re.compile(
    r"[^\W_]+(?:[.:]\d+|-(?:fi|mail|mails|in|on|out|up)\b)*"
    r"|[.?!;,:()\n…]+|\s[-–—/]\s?|—|&(?:amp;)?"
    r"|<\w+>|[@^#][\w^]+|[\u2600-\u27bf\U0001f300-\U0001faff]+"
)
_URLS = re.compile(r"(?:https?://|www\.)\S+")
_NAMES = re.compile(r"[A-Z](?<=[\w,] [A-Z])[\w-]*")
_PART_OPENERS = frozenset("(12345")
_APOSTROPHES = str.maketrans("", "", "'’‘`´*_")
_PART_START = re.compile(r"\(?[1-5] ?/ ?[1-5]\)?(?!\w)")
_PART_END = re.compile(r"(?<!\S)\(?[1-4] ?/ ?[2-5]\)?\W*$|(?<=[.!?] )[1-4][2-4](?: [a-z]{2})?$")
"""The numbering of a message that was split over several posts, also where its slash is lost."""

_NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100, "twice": 2, "both": 2}
_NUMBER_WORDS |= {"thrice": 3, "double": 2, "first": 1, "second": 2, "third": 3, "fourth": 4}

_IRREGULAR = {
    "sent": "send", "paid": "pay", "broke": "break", "broken": "break", "bought": "buy",
    "lost": "lose", "took": "take", "taken": "take", "got": "get", "gotten": "get",
    "told": "tell", "said": "say", "came": "come", "went": "go", "gone": "go", "left": "leave",
    "fell": "fall", "fallen": "fall", "froze": "freeze", "frozen": "freeze", "stole": "steal",
    "stolen": "steal", "woke": "wake", "gave": "give", "given": "give", "wrote": "write",
    "written": "write", "kept": "keep", "held": "hold", "stuck": "stick", "children": "child",
    "kid": "child", "kids": "child", "son": "child", "sons": "child", "mobile": "phone",
    "cell": "phone", "telly": "tv", "television": "tv", "pic": "photo", "pics": "photo",
    "picture": "photo", "mum": "mother", "mom": "mother", "dad": "father", "spoke": "speak",
    "spoken": "speak", "rang": "ring", "rung": "ring", "shook": "shake", "torn": "tear",
    "tore": "tear", "burnt": "burn", "drove": "drive", "driven": "drive", "flew": "fly",
    "flown": "fly", "chose": "choose", "chosen": "choose", "found": "find", "felt": "feel",
    "heard": "hear", "met": "meet", "ran": "run", "sat": "sit", "slept": "sleep", "sold": "sell",
    "stood": "stand", "taught": "teach", "thought": "think", "threw": "throw", "thrown": "throw",
    "wore": "wear", "worn": "wear", "men": "man", "women": "woman", "feet": "foot",
    "delivery": "deliver", "deliveries": "deliver", "begun": "begin", "began": "begin",
    "quit": "quit", "leaking": "leak", "arrival": "arrive", "payment": "pay", "payments": "pay",
    "delayed": "late", "delay": "late", "delays": "late", "cancellation": "cancel",
    "cancelled": "cancel", "canceled": "cancel", "cancelling": "cancel", "app": "app",
    "apps": "app", "application": "app", "missed": "miss", "missing": "miss", "laptop": "laptop",
    "shut": "close", "closed": "close", "died": "die", "dead": "die", "dying": "die",
    "stopped": "stop", "hrs": "hour", "hr": "hour", "mins": "minute", "min": "minute",
    "secs": "second", "wks": "week", "yrs": "year", "yr": "year", "ppl": "people",
    "pkg": "package", "parcel": "package", "parcels": "package", "acct": "account",
    "tmrw": "tomorrow", "mon": "monday", "tues": "tuesday", "thurs": "thursday",
    "connection": "connect", "replacement": "replace", "grandson": "grandson",
    "wireless": "wifi", "pics.": "photo", "bday": "birthday", "xmas": "christmas",
}  # fmt: skip
_VOWEL = re.compile("[aeiouy]")


def _undouble(word: str) -> str:
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        return word[:-1]
    return word


def stem(word: str) -> str:
    """The form under which inflections of ``word`` meet: a light suffix stripper."""
    known = _IRREGULAR.get(word)
    if known is not None:
        word = known
    if len(word) < 4 or not word.isascii():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word[-1] == "s" and word[-2] not in "su":
        word = word[:-1]
    if word.endswith("ing") and len(word) > 5 and _VOWEL.search(word[:-3]):
        word = _undouble(word[:-3])
    elif word.endswith("ied") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("ed") and len(word) > 4 and _VOWEL.search(word[:-2]):
        word = _undouble(word[:-2])
    elif word.endswith("ly") and len(word) > 5:
        word = word[:-2]
    if word.endswith("ation") and len(word) > 8:
        word = word[:-5]
    elif word.endswith(("tion", "sion")) and len(word) > 7:
        word = word[:-3]
    if word[-1] in "ey" and len(word) > 3:
        word = word[:-1]
    if word.endswith("ll") and len(word) > 4:
        word = word[:-1]
    return word


@lru_cache(maxsize=1 << 16)
def code(word: str) -> int:
    """The 24-bit code of a normalised word: equal for inflections, and for a number in digits
    and in words."""
    number = _NUMBER_WORDS.get(word)
    if number is not None:
        return number
    if word.isdigit() and word.isascii():
        return int(word[-9:]) % NUMBER_CODES
    return (zlib.crc32(stem(word).encode()) & 0xFFFFFF) | NUMBER_CODES


def vocabulary(words: str) -> frozenset[str]:
    """The blank-separated ``words`` as a set."""
    return frozenset(words.split())


def codes(words: str) -> frozenset[int]:
    """The codes of the blank-separated ``words``: how vocabularies are written."""
    return frozenset(code(word) for word in words.split())


def names(text: str) -> set[str]:
    """The words that are written as names, in lower case: with a capital, though nothing new
    begins."""
    text = text[:MAX_CHARS].translate(_APOSTROPHES)
    return {name.lower() for name in _NAMES.findall(text)}


def tokens(text: str) -> list[str]:
    """Words and marks of ``text`` in order, in lower case and without apostrophes."""
    text = text[:MAX_CHARS].translate(_APOSTROPHES).strip()
    if "://" in text or "www." in text:
        text = _URLS.sub(LINK, text)
    text = text.lower()
    if text[:1] in _PART_OPENERS:
        text = _PART_START.sub("", text, count=1)
    tail = _PART_END.search(text, max(0, len(text) - 12))
    if tail is not None:
        text = text[: tail.start()]
    return _TOKENS.findall(text)
