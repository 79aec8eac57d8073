"""Which source a topic has, by name; ``auto`` looks at each payload."""

from __future__ import annotations

from stream.events import Event, EventType, Rejected, RejectReason, decode
from stream.events.decode import Refused, event_of
from stream.sources.base import Headers, Mapped, Payload, Source, Vendor, open_payload
from stream.sources.contact_lens import CONTACT_LENS
from stream.sources.genesys import GENESYS
from stream.sources.twilio import TWILIO

VENDORS = (CONTACT_LENS, GENESYS, TWILIO)
EVENTS, MAPPING, AUTO = "events", "mapping", "auto"
SOURCES = (EVENTS, *(vendor.name for vendor in VENDORS), MAPPING, AUTO)
"""The names of all sources."""

_TYPES = frozenset(member.value for member in EventType)


def make_source(name: str, mapping: Vendor | None = None, *, need_key: bool = True) -> Source:
    """The source of a name in :data:`SOURCES`; ``mapping`` is what ``mapping`` reads by.

    ``need_key`` is for topics, where a record without a key has no place of its own.
    """
    if name == EVENTS:
        return read_event if need_key else _Payloads((_CANONICAL,), need_key=False)
    if name == MAPPING:
        assert mapping is not None
        return _Payloads((mapping,), need_key=need_key)
    if name == AUTO:
        return _Payloads((_CANONICAL, *VENDORS), need_key=need_key)
    return _Payloads(tuple(vendor for vendor in VENDORS if vendor.name == name), need_key=need_key)


def read_event(
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    log_ms: int | None,
    max_bytes: int,
) -> Event | Rejected:
    """The source of canonical events, keyed by their session id.

    The envelope of a CloudEvent is looked for only where there is no event without it, so that
    events on their own cost nothing more.
    """
    event = decode(key, value, max_bytes)
    if isinstance(event, Rejected) and _enveloped(value, headers):
        try:
            payload = open_payload(key, value, headers, log_ms, max_bytes)
            return event_of(key, _completed(payload))
        except Refused as refused:
            return refused.rejected
    return event


def _enveloped(value: bytes | None, headers: Headers) -> bool:
    return b'"specversion"' in (value or b"") or any(
        name.lower() == "ce_specversion" for name, _ in headers
    )


def _completed(payload: Payload) -> dict[str, object]:
    """An event's data with what its envelope says."""
    envelope = payload.envelope
    said = {"event_id": envelope.id, "time": envelope.time}
    return {name: value for name, value in said.items() if value} | payload.data


class _Payloads:
    """A source whose records may have any key that keeps a conversation in one partition."""

    def __init__(self, vendors: tuple[Vendor, ...], *, need_key: bool) -> None:
        self._vendors = vendors
        self._need_key = need_key

    def __call__(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        log_ms: int | None,
        max_bytes: int,
    ) -> Mapped | Rejected:
        try:
            payload = open_payload(key, value, headers, log_ms, max_bytes, need_key=self._need_key)
            return self._vendor(payload).translate(payload)
        except Refused as refused:
            return refused.rejected

    def _vendor(self, payload: Payload) -> Vendor:
        if len(self._vendors) == 1:
            return self._vendors[0]
        claims = [vendor for vendor in self._vendors if vendor.claims(payload)]
        if len(claims) == 1:
            return claims[0]
        if claims:
            names = ", ".join(vendor.name for vendor in claims)
            raise Refused(
                RejectReason.UNKNOWN_PAYLOAD, f"looks like several sources: {names}; name one"
            )
        raise Refused(RejectReason.UNKNOWN_PAYLOAD, "looks like none of the sources")


def _translate_event(payload: Payload) -> Mapped:
    data = _completed(payload)
    session_id = data.get("session_id")
    key = session_id.encode() if isinstance(session_id, str) else payload.key
    return Mapped([event_of(key or b"", data)], [])


def _claims_event(payload: Payload) -> bool:
    kind = payload.data.get("type")
    return isinstance(kind, str) and kind in _TYPES and "session_id" in payload.data


_CANONICAL = Vendor(EVENTS, _claims_event, _translate_event)
