"""What a conversation is about, on invented openings."""

from __future__ import annotations

import pytest

from stream.recognition import SCENARIOS, Context, fast
from stream.recognition.scenario import damping, neighbours, said, vocabulary_scores
from tests.unit.recognition.conversation import context


@pytest.mark.parametrize(
    ("scenario", "opening"),
    [
        ("billing", "you charged my card twice and the invoice is wrong, I want a refund"),
        ("billing", "why did my bill go up, the fee was never mentioned"),
        ("delivery", "my parcel was due on monday and the courier never delivered it"),
        ("delivery", "the package says delivered but nothing arrived on my doorstep"),
        ("account_access", "cant log in, the password reset code never comes, locked out"),
        ("account_access", "my account is blocked and verification keeps failing at login"),
        ("service_interruption", "internet is down again, the whole network has an outage"),
        ("service_interruption", "the train is cancelled, no trains from this station"),
        ("product_fault", "the screen is cracked and the battery of this phone is faulty"),
        ("product_fault", "my printer is broken, the motor makes a noise and it is defective"),
        ("service_experience", "your staff were rude, the manager shouted, terrible attitude"),
        ("information", "do you sell vegan candles, and are they available in store?"),
    ],
)
def test_the_main_concern_decides(scenario: str, opening: str) -> None:
    assert fast().scenario(context(opening)) == scenario


def test_without_a_customer_it_is_other() -> None:
    assert fast().scenario(Context()) == "other"


def test_it_is_one_of_the_scenarios() -> None:
    assert fast().scenario(context("zzz", "...", "")) in SCENARIOS


def test_an_opening_that_only_asks_speaks_for_information() -> None:
    place = SCENARIOS.index("information")
    asks = vocabulary_scores(context("does the zobble fit a flurb?"))[place]
    tells = vocabulary_scores(context("the zobble does fit a flurb"))[place]
    in_trouble = vocabulary_scores(context("does the broken zobble fit a flurb?"))[place]
    assert asks > tells
    assert asks > in_trouble


def test_small_talk_does_not_drown_the_concern() -> None:
    talk = said(context(*(f"word{n} other{n} more{n}" for n in range(60))))
    assert damping(said(context("zobble"))) == 1
    assert damping(talk) * sum(weight * len(words) / 4 for weight, words in talk) < 40


def test_what_comes_first_weighs_most() -> None:
    ((weight, words),) = said(context("zobble flurb", "again zobble"))
    assert (weight, len(words)) == (4, 3)
    earlier, later = said(context("zobble", "flurb", "again zobble"))
    assert earlier[0] > later[0]
    assert len(later[1]) == 1
    (first, (_, rest)) = neighbours(context("zobble flurb", "again zobble flurb"))
    ((_, pairs),) = neighbours(context("zobble flurb"))
    assert first[1] == pairs
    assert not rest & pairs
