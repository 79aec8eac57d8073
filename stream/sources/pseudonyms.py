"""Keyed pseudonyms in place of the references that events carry.

HMAC-SHA-256 (RFC 2104), cut to 128 bits, of what is replaced, with its kind before it so that an
agent and a session of the same name have nothing in common. The events are replaced as they are
read: what follows from them (state, records, gaps) knows the pseudonyms alone, and the same event
has the same pseudonyms whenever it is read. Without the key nobody can tell, by trying out the
references there are, whose pseudonym it is.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from stream.events import Event, EventType, Rejected
from stream.sources.base import Headers, Mapped, Source

_BYTES = 16
_KNOWN = 16_384
"""References whose pseudonyms are kept at hand."""

AGENT, SESSION, EVENT = "agent", "session", "event"


class Pseudonyms:
    """Replaces agents, and sessions too if ``sessions``, by ``key``."""

    def __init__(self, key: bytes, *, sessions: bool) -> None:
        self._key = key
        self._sessions = sessions
        # Agents and sessions come again with each turn, an event's id does not.
        self._known = lru_cache(_KNOWN)(self.of)

    def of(self, kind: str, reference: str) -> str:
        """32 hexadecimal digits for a reference; an empty one has none."""
        if not reference:
            return ""
        message = f"{kind}\0{reference}".encode()
        return hmac.digest(self._key, message, "sha256")[:_BYTES].hex()

    def event(self, event: Event) -> Event:
        """The event with pseudonyms. A transfer's target counts as an agent: it may be one."""
        agent = self._known(AGENT, event.agent)
        name = self._known(AGENT, event.name) if event.type is EventType.TRANSFER else event.name
        if not self._sessions:
            return event._replace(agent=agent, name=name)
        return event._replace(
            agent=agent,
            name=name,
            session_id=self._known(SESSION, event.session_id),
            # It mostly holds the session's id, and its hash is kept to know duplicates by.
            event_id=self.of(EVENT, event.event_id),
        )

    def source(self, source: Source) -> Source:
        """What ``source`` reads, with pseudonyms."""

        def read(
            key: bytes | None,
            value: bytes | None,
            headers: Headers,
            log_ms: int | None,
            max_bytes: int,
        ) -> Event | Mapped | Rejected:
            found = source(key, value, headers, log_ms, max_bytes)
            if isinstance(found, Event):
                return self.event(found)
            if isinstance(found, Mapped):
                return found._replace(events=[self.event(event) for event in found.events])
            return found

        return read
