"""Weights of the customer features, per value: concern, negative, strongly negative, repeat.

Log-odds, rounded to one decimal, of logistic regressions over the features of
:func:`stream.recognition.customer.features`, fitted on the project's own corpus.
``FEELS`` is set by hand: the corpus shows displeasure and rarely names it.
"""

from __future__ import annotations

BIAS = (1.1, -0.8, -3.1, -1.6)
"""Log-odds without any feature."""

FROM = (-0.8, -0.4, -0.4, -0.5)
"""Log-odds from which the value is given."""

WEIGHTS: dict[str, tuple[float, float, float, float]] = {
    "ACK": (-0.1, -0.3, -0.3, -0.2),
    "AGAIN": (0.5, 0.2, -0.1, 0.5),
    "ANGRY": (-0.2, 1.0, 1.8, -0.1),
    "ANNOYED": (-0.2, 0.8, 0.0, 0.0),
    "ASKS": (1.2, 0.1, 0.1, 0.1),
    "CHASES": (0.7, 0.1, -0.2, 0.0),
    "COMPLIES": (-0.3, 0.0, -0.1, 0.0),
    "CONTENT": (-0.5, -0.4, -0.6, -0.7),
    "CONTRADICTS": (0.5, 0.3, 0.3, 0.4),
    "EARLIER": (0.5, 1.3, 0.9, 0.8),
    "EXCLAIMS": (-0.7, -0.6, -0.1, -0.3),
    "FEELS": (0.3, 2.0, 0.8, 0.0),
    "GIVEN": (0.8, 0.8, 0.5, 1.8),
    "NEGATION": (0.7, 0.9, 0.2, 0.4),
    "PROBLEM": (0.5, 0.3, 0.3, 0.3),
    "QUESTION": (1.3, 0.6, 0.2, 0.9),
    "SHOUTS": (1.1, 0.9, 1.7, 1.0),
    "THANKS": (-2.2, -1.7, -1.2, -1.6),
    "UNHEARD": (0.4, 0.6, 1.2, 0.9),
    "WISH": (0.5, -0.4, -0.2, -0.2),
    "asked": (-1.2, -1.1, -0.8, -0.5),
    "content": (-0.2, 0.5, 0.5, -0.3),
    "ever_angry": (-0.4, 0.3, 0.3, 0.2),
    "ever_negative": (0.1, 0.1, 0.5, -0.2),
    "first": (2.5, 1.8, 0.3, -2.6),
    "first&ASKS": (-0.1, -1.9, -0.6, -0.9),
    "first&PROBLEM": (0.3, 0.0, -0.1, -0.7),
    "first&QUESTION": (-0.4, -1.3, -0.7, -0.4),
    "first&WISH": (-0.1, -0.3, 0.0, 0.3),
    "glad": (-0.3, -0.1, -0.3, 0.1),
    "moved": (0.0, 0.4, 0.8, 0.9),
    "negative_before": (-0.1, -0.1, 0.1, 0.5),
    "own": (0.2, 0.4, 0.0, 1.5),
    "own_share": (0.8, 1.1, 0.6, 1.3),
    "problem_before": (-0.4, 0.3, 0.2, 0.1),
    "refused": (0.1, 0.6, 0.9, 0.1),
    "sorry": (-0.2, 0.5, 0.5, 0.6),
    "told": (0.0, -0.2, -0.4, 0.3),
    "turn": (-1.7, 1.6, 1.7, 0.5),
    "words<=3": (-2.3, -1.7, -1.0, -2.2),
    "words<=8": (-1.0, -0.8, -0.5, -1.2),
    "words>16": (0.3, 0.5, 0.8, 0.2),
    "words>30": (-0.1, 0.3, 0.0, 0.3),
}
