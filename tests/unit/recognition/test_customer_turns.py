"""What a customer turn carries, on invented turns."""

from __future__ import annotations

import pytest

from tests.unit.recognition.conversation import customer

SOFA = "My sofa came with a torn cushion and two legs missing"
ASKED = "A: Can you send me the order number?"


@pytest.mark.parametrize(
    "text",
    [
        SOFA,
        "is there any way to move my appointment to thursday",
        "you charged me twice for the same ticket",
        "um hi yeah the heating it just stopped working last night",
    ],
)
def test_an_opening_with_a_problem_or_a_goal_is_a_concern(text: str) -> None:
    assert customer(text).concern


@pytest.mark.parametrize("text", ["thanks!", "ok", "4471902", "perfect thank you", "will do"])
def test_thanks_and_bare_answers_are_no_concern(text: str) -> None:
    assert not customer(text, SOFA, ASKED).concern


@pytest.mark.parametrize(
    "text",
    [
        "This is pathetic, worst company ever, I'm cancelling my contract!!",
        "you people are useless, I have called five times and NOBODY helps, I'm furious",
    ],
)
def test_anger_and_threats_are_strong(text: str) -> None:
    assert customer(text, SOFA, ASKED).emotion == 2


def test_annoyance_is_mild() -> None:
    turn = customer("still waiting, this is really annoying and disappointing", SOFA, ASKED)
    assert turn.emotion >= 1


@pytest.mark.parametrize("text", ["thanks so much, that worked!", "ok great", "4471902"])
def test_good_news_and_facts_are_neutral(text: str) -> None:
    assert customer(text, SOFA, ASKED).emotion == 0


@pytest.mark.parametrize(
    "text",
    [
        "I already sent you the order number in my first message",
        "as I said, the cushion is torn and two legs are missing",
        "I told you that twice already, why do you keep asking?",
        "still no answer, I have been waiting for a reply about the sofa for days",
    ],
)
def test_repeat_is_not_having_been_heard(text: str) -> None:
    assert customer(text, SOFA, ASKED).repeat


@pytest.mark.parametrize("text", ["4471902", "thank you", "it is the grey model", "ok will do"])
def test_an_answer_is_no_repeat(text: str) -> None:
    assert not customer(text, SOFA, ASKED).repeat


@pytest.mark.parametrize("text", ["", "  ", "👍", "<LINK>"])
def test_a_turn_without_words_carries_nothing(text: str) -> None:
    assert customer(text, SOFA, ASKED) == (False, 0, False, False)


@pytest.mark.parametrize("text", ["thanks so much, that worked!", "perfect, thank you"])
def test_thanks_and_good_news_are_content(text: str) -> None:
    assert customer(text, SOFA, ASKED).content


@pytest.mark.parametrize(
    "text",
    ["4471902", "This is pathetic, worst company ever, I'm furious, thanks for nothing!!"],
)
def test_facts_and_sarcasm_are_not_content(text: str) -> None:
    assert not customer(text, SOFA, ASKED).content
