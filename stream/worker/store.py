"""Storage of Faust's tables: encoded states by partition, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from faust.stores.base import Store
from faust.types import TP, EventT

from stream.session import WATERMARK_KEY, StateError, encoded_offset, newest_mark


class ChangelogStore(Store):  # type: ignore[misc]
    """What the changelog holds, for each partition owned or stood by for.

    It also knows up to which changelog offset it holds it, so that a partition that stays with
    its worker through a rebalance is not read again.
    """

    def __post_init__(self) -> None:
        self._partitions: dict[int, dict[bytes, bytes]] = {}
        self._offsets: dict[TP, int] = {}
        self._assigned: set[TP] = set()
        self._disputed: set[TP] = set()

    def partition(self, partition: int) -> dict[bytes, bytes]:
        """Encoded states by changelog key; the session processor writes to it."""
        return self._partitions.setdefault(partition, {})

    def apply_changelog_batch(
        self,
        batch: Iterable[EventT],
        to_key: Callable[[Any], Any],
        to_value: Callable[[Any], Any],
    ) -> None:
        """Apply changelog records: each event's value is a Batch of them."""
        for event in batch:
            if event.message.tp not in self._assigned:
                # Read before the partition was lost: a fragment, to be taken for the whole later.
                continue
            follows = event.message.value.follows
            if follows is not None and follows > self._offsets.get(event.message.tp, -1) + 1:
                # What came before it got lost on the way, and is read again.
                continue
            held = self.partition(event.message.partition)
            for record in event.message.value.records:
                key, value = record.key, record.value
                if key is None:
                    continue
                if value is None:
                    held.pop(key, None)
                elif not _older(key, value, held.get(key)):
                    held[key] = value
            self._offsets[event.message.tp] = event.message.offset

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog offset up to which it is held; None for a partition that is not ours.

        -1 where nothing is held, not None: for None, Faust would take what it remembers of an
        earlier assignment.
        """
        return self._offsets.get(tp, -1) if tp in self._assigned else None

    def acknowledge(self, tp: TP, offsets: list[int], everything: bool = False) -> None:
        """Our own writes are acknowledged at ``offsets``; with ``everything``, these are all that
        is held of the partition.

        They count only where they follow what is held. A gap is what somebody else wrote, who owned
        the partition while this process was stopped or does not know yet that it lost it: once
        compacted, it may hide what is held here.
        """
        if tp not in self._assigned or not offsets:
            return
        follows = offsets[0] if everything else self._offsets.get(tp, -1) + 1
        if offsets == list(range(follows, follows + len(offsets))):
            self._offsets[tp] = offsets[-1]
            if everything:
                self._disputed.discard(tp)
        elif offsets[-1] > self._offsets.get(tp, -1):
            self._disputed.add(tp)

    def acknowledge_fenced(self, tp: TP, offset: int) -> None:
        """Our own writes end at ``offset``, and nobody else can have written before it."""
        if tp in self._assigned:
            self._offsets[tp] = offset

    def disputed(self, tp: TP) -> bool:
        """Whether somebody else wrote to a changelog of ours, so that all of it that is held
        should be written again."""
        return tp in self._disputed

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        changelog = self.table.changelog_topic_name
        self._assigned = {tp for tp in assigned if tp.topic == changelog}
        self._disputed.clear()
        for tp in set(self._offsets) - self._assigned:
            del self._offsets[tp]
        for number in set(self._partitions) - {tp.partition for tp in self._assigned}:
            del self._partitions[number]

    async def backup_partition(self, *_: Any, **__: Any) -> None:
        """Nothing: the changelog is the backup."""

    def restore_backup(self, *_: Any, **__: Any) -> None:
        """Nothing: the changelog is the backup."""

    def reset_state(self) -> None:
        self._partitions.clear()
        self._offsets.clear()

    def _clear(self) -> None:
        self.reset_state()

    def __iter__(self) -> Iterator[bytes]:
        for held in self._partitions.values():
            yield from held

    def __len__(self) -> int:
        return sum(map(len, self._partitions.values()))

    def __getitem__(self, key: bytes) -> bytes:
        for held in self._partitions.values():
            if key in held:
                return held[key]
        raise KeyError(key)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        raise NotImplementedError("states are written by partition")

    __delitem__ = __getitem__


def _older(key: bytes, value: bytes, held: bytes | None) -> bool:
    """Whether ``value`` is older than the one held: a write of a worker that did not know yet that
    it had lost the partition."""
    if held is None:
        return False
    offset = newest_mark if key == WATERMARK_KEY else encoded_offset
    try:
        return offset(value) < offset(held)
    except StateError:
        # Raised here, Faust would log it and wait for ever. Whatever it is, it is taken: the
        # session processor refuses to start from it, which ends the worker.
        return False
