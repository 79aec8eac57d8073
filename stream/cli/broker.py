"""``broker``: the embedded broker on its own, for working with several commands."""

from __future__ import annotations

import signal
import threading

import click

from stream.cli import EXIT_FAILED, EXIT_UNAVAILABLE, stop
from stream.embedded import EmbeddedBroker, EmbeddedBrokerError
from stream.settings import variable

_LOOK_SECONDS = 0.5


def run_broker(port: int) -> int:
    try:
        broker = EmbeddedBroker(port)
        broker.start()
    except EmbeddedBrokerError as error:
        stop(str(error), EXIT_UNAVAILABLE)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        click.echo("The broker runs until Ctrl-C. In another terminal:")
        click.echo(f"  export {variable('bootstrap_servers')}={broker.bootstrap_servers}")
        # Joining a group takes half of it on this broker.
        click.echo(f"  export {variable('session_timeout_seconds')}=2")
        click.echo("  empathy-stream worker")
        while not stopped.wait(_LOOK_SECONDS):
            if not broker.running:
                stop(f"the broker ended by itself:\n{broker.log_tail()}", EXIT_FAILED)
    finally:
        broker.stop()
    return 0
