"""What readings promise: no text, a faithful wire form, any string, the same everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.recognition import (
    SCENARIOS,
    AgentReading,
    Context,
    CustomerReading,
    Label,
    fast,
    label_names,
    wording,
    wording_similarity,
)

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=300)
VOCABULARY = (
    "sorry we're your kettle leaks ? . , can you send us the order number 12 <LINK> DM so that "
    "I'll check It's 3 😬 ^JT @brand #fail must because please -"
)
WORDS = st.lists(st.sampled_from(VOCABULARY.split()), max_size=40).map(" ".join)
TEXT = ANY_TEXT | WORDS


@given(TEXT)
def test_an_agent_reading_survives_the_wire(text: str) -> None:
    reading = fast().read_agent(text)
    wire = json.loads(json.dumps(reading.to_wire()))
    assert AgentReading.from_wire(wire) == reading


@given(TEXT)
def test_a_customer_reading_survives_the_wire(text: str) -> None:
    reading = fast().read_customer(text)
    wire = json.loads(json.dumps(reading.to_wire()))
    assert CustomerReading.from_wire(wire) == reading


@given(st.lists(st.tuples(st.booleans(), TEXT), max_size=6))
def test_any_conversation_is_judged(turns: list[tuple[bool, str]]) -> None:
    recognizer = fast()
    context = Context()
    for by_agent, text in turns:
        if by_agent:
            reading = recognizer.read_agent(text)
            turn = recognizer.relate_agent(reading, context)
            context.add_agent(reading)
            assert 0.0 <= turn.copied <= 1.0
            assert turn.particulars >= 0
            if not label_names(turn.labels & Label(7)):
                assert not turn.recognition_first
                assert turn.copied == 0.0
        else:
            said = recognizer.read_customer(text)
            found = recognizer.relate_customer(said, context)
            context.add_customer(said)
            assert found.emotion in (0, 1, 2)
    assert recognizer.scenario(context) in SCENARIOS


@given(TEXT, TEXT)
def test_relating_a_read_back_reading_is_the_same(said: str, text: str) -> None:
    recognizer = fast()
    first, second = Context(), Context()
    customer = recognizer.read_customer(said)
    first.add_customer(customer)
    second.add_customer(CustomerReading.from_wire(customer.to_wire()))
    reading = recognizer.read_agent(text)
    again = AgentReading.from_wire(reading.to_wire())
    assert recognizer.relate_agent(reading, first) == recognizer.relate_agent(again, second)


@given(WORDS, WORDS)
def test_wording_similarity_is_a_share(one: str, other: str) -> None:
    a, b = (wording(fast().read_agent(text)) for text in (one, other))
    assert 0.0 <= wording_similarity(a, b) <= 1.0
    assert wording_similarity(a, b) == wording_similarity(b, a)
    assert wording_similarity(a, a) == float(bool(a))


def test_a_macro_with_another_number_is_the_same_wording() -> None:
    one, other, apart = (
        wording(fast().read_agent(text))
        for text in (
            "Your case 48213 was passed to our repair team today.",
            "Your case 99120 was passed to our repair team today.",
            "So the lamp flickers whenever the fridge starts?",
        )
    )
    assert wording_similarity(one, other) == 1.0
    assert wording_similarity(one, apart) < 0.2


@given(WORDS)
def test_numbers_on_the_wire_are_exact_in_any_json(text: str) -> None:
    _, cues, lengths, _ = fast().read_agent(text).to_wire()
    assert all(0 <= number < 2**53 for number in [*cues, *lengths])


def test_no_text_in_the_wire_form() -> None:
    secret = "My password is Tr0ub4dor and I live in Quartz Lane with aunt Wilhelmina"
    for wire in (fast().read_agent(secret).to_wire(), fast().read_customer(secret).to_wire()):
        written = json.dumps(wire).lower()
        for word in ("tr0ub4dor", "quartz", "lane", "wilhelmina", "password", "aunt"):
            assert word not in written


def test_a_reading_of_another_version_is_refused() -> None:
    wire = fast().read_agent("hello there").to_wire()
    with pytest.raises(ValueError, match="version"):
        AgentReading.from_wire([wire[0] + 1, *wire[1:]])
    with pytest.raises(ValueError, match="version"):
        CustomerReading.from_wire([0, 0, ""])


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "kettle ",
        "? ",
        "so sorry can you please ",
        "1/",
        "<",
        "((",
        "😬",
        "@",
        "-",
        "http://x ",
    ],
)
def test_a_huge_turn_is_read_in_linear_time(unit: str) -> None:
    huge = unit * (100_000 // len(unit))
    recognizer = fast()
    began = time.process_time()
    reading = recognizer.read_agent(huge)
    said = recognizer.read_customer(huge)
    context = Context()
    context.add_customer(said)
    recognizer.relate_agent(reading, context)
    recognizer.relate_customer(said, context)
    # Far above what it takes, far below what quadratic work would.
    assert time.process_time() - began < 5


def test_readings_are_the_same_in_another_process() -> None:
    program = (
        "import json; from stream.recognition import fast; r = fast(); "
        "print(json.dumps([r.read_agent('So the lamp flickers since Monday? DM us.').to_wire(), "
        "r.read_customer('the lamp flickers, I told you twice!!').to_wire()]))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(seen) == 1


@settings(max_examples=50)
@given(TEXT)
def test_reading_keeps_no_state(text: str) -> None:
    assert fast().read_agent(text) == fast().read_agent(text)
    assert fast().read_customer(text) == fast().read_customer(text)


def test_labels_are_named_in_the_codebooks_order() -> None:
    everything = Label(0)
    for label in Label:
        everything |= label
    assert label_names(everything) == [
        "situation",
        "goal",
        "impact",
        "generic_empathy",
        "data_request",
        "resolution",
        "policy",
        "transfer",
        "hold",
        "next_step",
        "reason",
    ]
    assert label_names(Label(0)) == []
