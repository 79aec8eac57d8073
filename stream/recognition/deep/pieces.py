"""Turns as wordpieces, and wordpieces as the encoder's input. Pure; nothing heavy is imported.

What the encoder sees of a turn is the turn itself, what stood before it, and, marked per piece,
whether the customer has said that piece before: what a turn shares with the account is in the
input, and does not have to be found.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Sequence

_CHARS = 1_000
"""Characters of a turn that are looked at: more than its wordpieces hold."""
TURN_PIECES = 64
"""Wordpieces of a turn that are kept."""
ACCOUNT_PIECES = 40
"""The customer's last wordpieces that an agent turn is read against."""
EARLIER_PIECES = 24
"""The customer's last wordpieces before the agent's, that a customer turn is read against."""
AGENT_BEFORE_PIECES = 24
"""The agent's last wordpieces that a customer turn is read against."""
OPENING_PIECES, FIRST_ANSWER_PIECES = 80, 40
"""The customer's and the agent's first wordpieces, which the scenario is read from."""

POSITIONS = 128
"""Wordpieces of the longest input that the encoder takes."""

CLS, SEP = 101, 102
"""The encoder's marks of begin and boundary."""

ACCOUNT, AGENT, AGENT_SHARED, AGENT_BEFORE, CUSTOMER, CUSTOMER_AGAIN, OPENING = range(7)
"""What a piece of the input is; see the functions below."""
ROLES = 7

Input = tuple[list[int], list[int]]
"""Wordpieces and their roles, of the same length."""

_URL = re.compile(r"(?:https?://|www\.)\S+|<link>", re.IGNORECASE)
_NOISE = re.compile(r"@\w+|\^\w+|[#*_]|\(?\b[1-5]/[1-5]\)?")
_APOSTROPHES = re.compile("['’‘`´]")


def plain(text: str) -> str:
    """``text`` without what differs between channels and says nothing: apostrophes, handles,
    signatures after a caret, addresses of links, the numbering of parts."""
    text = _URL.sub(" link ", text[:_CHARS])
    return _APOSTROPHES.sub("", _NOISE.sub(" ", text))


def agent_input(turn: Sequence[int], account: Sequence[int], said: set[int]) -> Input:
    """An agent turn after the customer's ``account``; ``said`` are all the customer's pieces."""
    before = list(account[-ACCOUNT_PIECES:])
    pieces = [CLS, *before, SEP, *turn, SEP]
    roles = [ACCOUNT] * (len(before) + 2)
    roles += [AGENT_SHARED if piece in said else AGENT for piece in turn]
    return pieces, [*roles, AGENT]


def customer_input(
    turn: Sequence[int], account: Sequence[int], answered: Sequence[int], said: set[int]
) -> Input:
    """A customer turn after the customer's ``account`` and the agent's words since the customer
    last spoke; ``said`` are the pieces of the customer's earlier turns."""
    earlier, before = account[-EARLIER_PIECES:], answered[-AGENT_BEFORE_PIECES:]
    pieces = [CLS, *earlier, SEP, *before, SEP, *turn, SEP]
    roles = [ACCOUNT] * (len(earlier) + 2) + [AGENT_BEFORE] * (len(before) + 1)
    roles += [CUSTOMER_AGAIN if piece in said else CUSTOMER for piece in turn]
    return pieces, [*roles, CUSTOMER]


def opening_input(opening: Sequence[int], answers: Sequence[int]) -> Input:
    """What customer and agent said first of all."""
    opening, answers = opening[:OPENING_PIECES], answers[:FIRST_ANSWER_PIECES]
    pieces = [CLS, *opening, SEP, *answers, SEP]
    return pieces, [OPENING] * (len(opening) + 2) + [AGENT_BEFORE] * (len(answers) + 1)


def pack(pieces: Sequence[int]) -> str:
    """Two bytes per piece, as text."""
    return base64.b64encode(struct.pack(f">{len(pieces)}H", *pieces)).decode()


def unpack(packed: str) -> tuple[int, ...]:
    """What :func:`pack` was given. :class:`ValueError` for anything else."""
    raw = base64.b64decode(packed, validate=True)
    if len(raw) % 2:
        raise ValueError("wordpieces are two bytes each")
    return struct.unpack(f">{len(raw) // 2}H", raw)
