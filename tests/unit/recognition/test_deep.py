"""The deep recogniser keeps the fast one's promises; see the benchmarks for what it is worth."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.recognition import (
    AgentReading,
    AgentTurn,
    CustomerReading,
    Label,
    Recognizer,
    fast,
)
from stream.recognition.deep.decision import Sum, decide_agent, is_clear
from stream.recognition.deep.pieces import (
    ACCOUNT,
    AGENT,
    AGENT_BEFORE,
    AGENT_SHARED,
    CUSTOMER,
    CUSTOMER_AGAIN,
    POSITIONS,
    TURN_PIECES,
    agent_input,
    customer_input,
    opening_input,
    pack,
    plain,
    unpack,
)
from stream.recognition.reading import read_agent
from stream.samples import sample_conversations
from stream.session import ClosingRules, score_events
from stream.settings import SettingError, Settings


@given(st.lists(st.integers(0, 65_535)))
def test_wordpieces_come_back_from_the_wire(pieces: list[int]) -> None:
    assert unpack(pack(pieces)) == tuple(pieces)


@pytest.mark.parametrize("packed", ["A", "AAAA", "äöü", "AA=A"])
def test_what_is_no_wordpieces_is_refused(packed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (whatever it is that base64 says)
        unpack(packed)


def test_the_input_marks_what_the_customer_has_said() -> None:
    pieces, roles = agent_input([7, 8, 9], [1, 8], {1, 8})
    assert pieces == [101, 1, 8, 102, 7, 8, 9, 102]
    assert roles == [ACCOUNT] * 4 + [AGENT, AGENT_SHARED, AGENT, AGENT]
    pieces, roles = customer_input([5, 6], [1, 5], [9], {1, 5})
    assert pieces == [101, 1, 5, 102, 9, 102, 5, 6, 102]
    assert roles == [ACCOUNT] * 4 + [AGENT_BEFORE] * 2 + [CUSTOMER_AGAIN, CUSTOMER, CUSTOMER]


def test_every_input_fits_the_encoder() -> None:
    long = list(range(1_000, 1_000 + TURN_PIECES))
    for pieces, roles in (
        agent_input(long, long, set()),
        customer_input(long, long, long, set()),
        opening_input(long * 2, long),
    ):
        assert len(pieces) == len(roles) <= POSITIONS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Don’t worry @kim_1 ^JM", "Dont worry"),
        ("see https://example.org/x (1/2)", "see link"),
        ("we're <LINK>", "were link"),
    ],
)
def test_what_differs_between_channels_is_left_out(text: str, shown: str) -> None:
    assert plain(text).split() == shown.split()


def test_a_sum_is_of_the_places_it_names() -> None:
    assert Sum(-1.0, ((2, 2.0), (0, 0.5))).of([2.0, 9.0, 3.0]) == 6.0


@pytest.mark.parametrize(
    ("labels", "clear"),
    [
        (Label.DATA_REQUEST | Label.TRANSFER | Label.SITUATION, True),
        (Label.GENERIC_EMPATHY, True),
        (Label.TRANSFER, False),
        (Label.DATA_REQUEST | Label.RESOLUTION, False),
        (Label(0), False),
        (Label.SITUATION, False),
    ],
)
def test_the_gate_lets_the_fast_recogniser_settle_what_asks_and_sympathises(
    labels: Label, clear: bool
) -> None:
    told = AgentTurn(labels, False, 0.0, 0)
    short, long = (read_agent("which one is it " * n) for n in (5, 6))
    assert is_clear(short, told) is clear
    assert not is_clear(long, told)


def test_the_encoder_corrects_process_and_leaves_recognition() -> None:
    told = AgentTurn(Label.SITUATION | Label.RESOLUTION, False, 0.5, 2)
    never, always = Sum(-1.0, ()), Sum(1.0, ())
    adds = decide_agent([always if bit == 10 else never for bit in range(4, 11)], [], told)
    assert adds == AgentTurn(Label.SITUATION | Label.REASON, True, 0.5, 2)
    keeps = decide_agent([always if bit == 5 else never for bit in range(4, 11)], [], told)
    assert keeps == told


def test_a_missing_extra_is_told_with_the_setting_and_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.settings.find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"EMPATHY_RECOGNIZER.*empathy-stream\[deep"):
        Settings.from_environment({"EMPATHY_RECOGNIZER": "deep"})
    assert Settings.from_environment({}).recognizer == "fast"


@pytest.fixture(scope="module")
def deep() -> Recognizer:
    for library in ("numpy", "onnxruntime", "tokenizers"):
        pytest.importorskip(library, reason="the extra 'deep' is not installed")
    from stream.recognition.deep import deep

    return deep()


def test_a_reading_comes_back_from_the_wire(deep: Recognizer) -> None:
    agent = deep.read_agent("Sorry your kettle leaks. Which model is it?")
    customer = deep.read_customer("my kettle leaks!!")
    for read, from_wire in (
        (agent, deep.agent_from_wire),
        (customer, deep.customer_from_wire),
    ):
        again = from_wire(orjson.loads(orjson.dumps(read.to_wire())))
        assert again == read
        assert again.pieces == read.pieces != ()


def test_sessions_that_are_open_outlast_a_change_of_the_setting(deep: Recognizer) -> None:
    text = "Sorry your kettle leaks. Which model is it?"
    slow, quick = deep.read_agent(text), fast().read_agent(text)
    assert fast().agent_from_wire(slow.to_wire()) == AgentReading(quick.clauses, quick.words)
    heard = fast().read_customer(text)
    assert fast().customer_from_wire(deep.read_customer(text).to_wire()) == CustomerReading(
        heard.cues, heard.words
    )
    known = deep.agent_from_wire(quick.to_wire())
    told = deep.relate_agent(known, deep.new_context())
    assert told == fast().relate_agent(quick, fast().new_context())
    assert deep.customer_from_wire(heard.to_wire()).words == heard.words


def test_records_are_the_same_again_and_in_a_recogniser_of_their_own(deep: Recognizer) -> None:
    from stream.recognition.deep.recognizer import fresh

    samples = sample_conversations()[:12]

    def records(recognizer: Recognizer) -> list[bytes]:
        return [
            closed.value
            for sample in samples
            for closed in score_events(sample.events(), recognizer, ClosingRules())
        ]

    first = records(deep)
    assert records(deep) == first
    assert records(fresh()) == first
    assert {orjson.loads(record)["recognizer"] for record in first} == {deep.version}


def test_turns_without_words_are_left_to_the_fast_recogniser(deep: Recognizer) -> None:
    context = deep.new_context()
    for text in ("", "...", "👍", "@a ^KL"):
        assert not deep.relate_agent(deep.read_agent(text), context).labels & ~Label(0)
        assert not deep.relate_customer(deep.read_customer(text), context).concern
    assert deep.scenario(context) == "other"


def test_recognition_and_its_order_agree(deep: Recognizer) -> None:
    """Without recognition nothing is first, copied or shown back."""
    for sample in sample_conversations()[:12]:
        context = deep.new_context()
        for turn in sample.turns:
            if turn.speaker == "agent":
                reading = deep.read_agent(turn.text)
                told = deep.relate_agent(reading, context)
                if not told.labels & (Label.SITUATION | Label.GOAL | Label.IMPACT):
                    assert (told.recognition_first, told.copied, told.particulars) == (False, 0, 0)
                context.add_agent(reading)
            elif turn.speaker == "customer":
                context.add_customer(deep.read_customer(turn.text))
