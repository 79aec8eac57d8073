"""Confluent's wire format, and what is asked of a schema registry."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.events import Event, Rejected, RejectReason
from stream.settings import SettingError, Settings
from stream.sources import read_event
from stream.sources.framing import framed, header, payload, schema_id
from stream.worker import registry as client
from stream.worker.output import Dropped
from stream.worker.registry import Frames, Registry, RegistryError, schema_text
from tests.registry import FakeRegistry

EVENT = json.dumps(
    {"type": "session.ended", "event_id": "1", "session_id": "s", "time": 1_772_442_847_310}
).encode()
LIMIT = 10_000


# -- frames ----------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_a_frame_is_a_zero_byte_the_id_and_the_payload(number: int, value: bytes) -> None:
    data = header(number) + value
    assert data[:1] == b"\0"
    assert int.from_bytes(data[1:5], "big") == number
    assert schema_id(data) == number
    assert payload(data) == value


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\0", b"\0\0\0\1"])
def test_what_is_no_frame_names_no_schema(value: bytes | None) -> None:
    assert schema_id(value) is None


def test_framed_and_plain_events_are_read() -> None:
    read = framed(read_event, {7: "JSON"})
    plain = read(b"s", EVENT, (), None, LIMIT)
    assert isinstance(plain, Event)
    assert read(b"s", header(7) + EVENT, (), None, LIMIT) == plain
    # The limit is on the event, not on its frame.
    assert read(b"s", header(7) + EVENT, (), None, len(EVENT)) == plain


@pytest.mark.parametrize(
    ("value", "reason", "says"),
    [
        (header(8) + EVENT, RejectReason.UNKNOWN_SCHEMA, "no schema with the id 8"),
        (header(9) + b"avro", RejectReason.UNSUPPORTED_SCHEMA, "schema 9 is of the type AVRO"),
        (b"\0\0", RejectReason.UNKNOWN_SCHEMA, "too short"),
        (header(7), RejectReason.EMPTY, "no value"),
        (header(7) + b"{", RejectReason.MALFORMED_JSON, "line 1"),
        (header(7) + header(7) + EVENT, RejectReason.MALFORMED_JSON, "zero byte"),
    ],
)
def test_a_frame_that_cannot_be_read_is_named(
    value: bytes, reason: RejectReason, says: str
) -> None:
    found = framed(read_event, {7: "JSON", 9: "AVRO"})(b"s", value, (), None, LIMIT)
    assert isinstance(found, Rejected)
    assert found.reason is reason
    assert says in found.detail


@given(
    st.binary(max_size=60), st.dictionaries(st.integers(0, 3), st.sampled_from(["JSON", "AVRO"]))
)
def test_any_bytes_have_an_answer(value: bytes, types: dict[int, str]) -> None:
    read = framed(read_event, types)
    assert isinstance(read(b"s", value, (), None, LIMIT), (Event, Rejected))


def test_without_a_registry_a_framed_event_tells_what_to_set() -> None:
    found = read_event(b"s", header(7) + EVENT, (), None, LIMIT)
    assert isinstance(found, Rejected)
    assert "EMPATHY_SCHEMA_REGISTRY_URL" in found.detail


# -- the registry ----------------------------------------------------------------------------------


def settings_for(fake: FakeRegistry, **changes: Any) -> Settings:
    return replace(Settings(schema_registry_url=fake.url), **changes)


def with_registry(
    settings: Settings, work: Callable[[Registry], Coroutine[Any, Any, Any]]
) -> Registry:
    async def run() -> Registry:
        registry = Registry(settings)
        try:
            await work(registry)
        finally:
            await registry.close()
        return registry

    return asyncio.run(run())


def prepare(registry: Registry) -> Coroutine[Any, Any, None]:
    return registry.prepare()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_RETRY_SECONDS", 0.01)


def test_what_is_written_is_registered_by_topic() -> None:
    with FakeRegistry() as fake:
        settings = settings_for(fake, schema_registry_output=True, gaps_topic="my/gaps")
        registry = with_registry(settings, prepare)
        again = with_registry(settings, prepare)
    assert set(fake.subjects) == {
        "empathy.interactions-value",
        "my/gaps-value",
        "empathy.rollups-value",
    }
    (number,) = fake.subjects["my/gaps-value"]
    assert registry.frames.gaps == header(number)
    assert json.loads(fake.schemas[number]["schema"])["title"] == "Gap event"
    assert again.frames == registry.frames
    assert len(set(registry.frames)) == 3


def test_reading_alone_registers_nothing() -> None:
    with FakeRegistry() as fake:
        registry = with_registry(settings_for(fake), prepare)
    assert registry.frames == Frames()
    assert not fake.subjects
    assert fake.asked == [("GET", "/schemas/types")]


def test_registered_by_others() -> None:
    with FakeRegistry() as fake:
        settings = settings_for(fake, schema_registry_output=True, schema_registry_register=False)
        with pytest.raises(RegistryError, match=r"interactions\.schema\.json is not"):
            with_registry(settings, prepare)
        assert not fake.schemas
        for name in Frames._fields:
            number = fake.add(schema_text(f"empathy.{name}"))
            fake.subjects[f"empathy.{name}-value"] = [number]
        registry = with_registry(settings, prepare)
    assert all(registry.frames)


def test_a_refusal_says_what_to_do() -> None:
    with FakeRegistry() as fake:
        fake.incompatible.add("empathy.gaps-value")
        with pytest.raises(RegistryError, match=r"409 .*gaps\.schema\.json is not compat"):
            with_registry(settings_for(fake, schema_registry_output=True), prepare)


def test_an_address_of_something_else() -> None:
    with FakeRegistry() as fake:
        settings = settings_for(fake, schema_registry_url=f"{fake.url}/elsewhere")
        with pytest.raises(RegistryError, match=r"404 .*_REGISTRY_URL its address\?"):
            with_registry(settings, prepare)


def test_credentials() -> None:
    with FakeRegistry("key", "sécret") as fake:
        known = {"schema_registry_username": "key", "schema_registry_password": "sécret"}
        with_registry(settings_for(fake, **known), prepare)
        with pytest.raises(SettingError, match=r"SCHEMA_REGISTRY_USERNAME.*401"):
            with_registry(settings_for(fake, **known | {"schema_registry_password": "no"}), prepare)


def test_a_registry_that_is_away_is_waited_for() -> None:
    with FakeRegistry() as fake:
        fake.failing = 3
        with_registry(settings_for(fake), prepare)
        assert len(fake.asked) == 4


def test_ids_are_learnt_once() -> None:
    with FakeRegistry() as fake:
        known, avro = fake.add("{}"), fake.add('"string"', "AVRO")

        async def work(registry: Registry) -> None:
            for _ in range(3):
                values = [EVENT, None, *(header(n) + EVENT for n in (known, avro, 5)), b"\0"]
                await registry.learn(values, lambda: True)

        registry = with_registry(settings_for(fake), work)
        assert registry.types == {known: "JSON", avro: "AVRO"}
        assert sorted(fake.asked) == sorted(
            ("GET", f"/schemas/ids/{number}") for number in (known, avro, 5)
        )


def test_an_unknown_id_is_asked_for_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_UNKNOWN_SECONDS", 0.0)
    with FakeRegistry() as fake:

        async def work(registry: Registry) -> None:
            number = 100_001
            await registry.learn([header(number)], lambda: True)
            assert number not in registry.types
            assert fake.add("{}") == number
            await registry.learn([header(number)], lambda: True)
            assert registry.types == {number: "JSON"}

        with_registry(settings_for(fake), work)


def test_a_partition_that_is_lost_while_waiting_is_let_go() -> None:
    with FakeRegistry() as fake:
        fake.failing = 10**6
        with pytest.raises(Dropped):
            with_registry(settings_for(fake), lambda r: r.learn([header(1)], lambda: False))


def test_the_wheel_holds_what_is_registered(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    root = Path(__file__).parents[2]
    (wheel,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        for name in Frames._fields:
            held = archive.read(f"stream/schemas/empathy.{name}.schema.json")
            assert json.loads(held) == json.loads(schema_text(f"empathy.{name}"))
