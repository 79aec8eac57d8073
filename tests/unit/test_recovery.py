"""Restoring goes on after what a lost broker does to Faust's task."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError
from faust.tables.recovery import Recovery

from stream.worker import recovery
from stream.worker.recovery import SteadyRecovery


def restored(monkeypatch: pytest.MonkeyPatch, *fates: BaseException | None) -> tuple[int, bool]:
    """How often restoring began, where each time it ends by one of ``fates``, and whether it was
    asked to begin again."""
    begun = 0

    async def restart(service: Any) -> None:
        nonlocal begun
        fate = fates[begun]
        begun += 1
        if fate is not None:
            raise fate
        service.should_stop = begun == len(fates)

    monkeypatch.setattr(Recovery, "_restart_recovery", restart)
    monkeypatch.setattr(recovery, "_RETRY_SECONDS", 0.0)
    service = SimpleNamespace(should_stop=False, signal_recovery_start=asyncio.Event())
    asyncio.run(SteadyRecovery._restart_recovery.fun(service))
    return begun, service.signal_recovery_start.is_set()


@pytest.mark.parametrize(
    "fate", [asyncio.CancelledError(), asyncio.TimeoutError(), KafkaConnectionError(), None]
)
def test_what_a_lost_broker_interrupts_begins_again(
    fate: BaseException | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by chaos: a cancelled request, or one that took too long, ended Faust's task, and the
    worker waited for ever."""
    assert restored(monkeypatch, fate, None) == (2, True)


def test_what_the_brokers_refuse_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        restored(monkeypatch, GroupAuthorizationFailedError())
