"""The command line. Every command imports what it needs when it runs, so that --help is quick."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

import click

from stream import __version__

if TYPE_CHECKING:
    from stream.settings import Settings

EXIT_FAILED = 1
"""The command ran and its result is a failure."""
EXIT_USAGE = 2
"""A wrong option, setting or input file (click's own code for wrong options)."""
EXIT_DATA = 65
"""Too much of what the worker reads was rejected (EX_DATAERR)."""
EXIT_UNAVAILABLE = 69
"""What the command needs is missing: topics, the embedded broker (EX_UNAVAILABLE)."""
EXIT_CRASHED = 70
"""The worker stopped because of an internal error (EX_SOFTWARE); restart it."""

# No check here, for a message that names what is wrong; the type is what a shell completes by.
FILE = click.Path(allow_dash=True)
FILES = click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)


def stop(message: str, code: int) -> NoReturn:
    """End the command with one clear line."""
    click.echo(f"empathy-stream: {message}", err=True)
    sys.exit(code)


def load_settings() -> Settings:
    """The settings from the environment, or the command ends and names the wrong one."""
    from stream.settings import SettingError, Settings

    try:
        return Settings.from_environment()
    except SettingError as error:
        stop(str(error), EXIT_USAGE)


class _Commands(click.Group):
    """Says which command was most likely meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            for meant in get_close_matches(args[0], self.list_commands(ctx), 1):
                error.message += f" Did you mean '{meant}'?"
            raise


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="empathy-stream")
def main() -> None:
    """Tells a contact center, live, whether its customers have reason to feel understood.

    \b
    Try it:             empathy-stream demo
    On your own Kafka:  EMPATHY_BOOTSTRAP_SERVERS=broker:9092 empathy-stream worker
    Without Kafka:      empathy-stream score transcripts.jsonl

    A transcript is one JSON line:
    {"id", "turns": [{"speaker", "text", "at"?}], "queue"?, "channel"?, "agent"?, "started_at"?}

    Settings are EMPATHY_* environment variables; 'empathy-stream config' shows them.
    """


@main.command()
@click.option("--once", is_flag=True, help="Replay each sample once, check the records, and exit.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="How many times faster than real time the samples are replayed.",
)
@click.option(
    "--ops-port",
    type=click.IntRange(0, 65_535),
    default=9464,
    show_default=True,
    help="Port of /metrics, /healthz and /readyz; 0 takes a free one.",
)
def demo(once: bool, speed: float, ops_port: int) -> None:
    """Run everything on this machine: broker, worker, metrics, and sample conversations.

    \b
    Without options, conversations are replayed until Ctrl-C, with a live view.
    With --once: exit code 0 if each conversation has exactly one record, else 1.
    """
    from stream.cli.demo import run_demo

    sys.exit(run_demo(once=once, speed=speed, ops_port=ops_port))


@main.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=9092,
    show_default=True,
    help="Port on 127.0.0.1.",
)
def broker(port: int) -> None:
    """Run a Kafka-compatible broker for development, in memory, until Ctrl-C.

    What it holds is gone when it stops. Needs the extra 'embedded'.
    """
    from stream.cli.broker import run_broker

    sys.exit(run_broker(port))


@main.command()
def worker() -> None:
    """Consume conversation events and emit empathy records, until SIGTERM or Ctrl-C.

    \b
    Exit codes: 0 stopped and drained; 2 wrong setting, or the brokers refuse it (credentials,
    certificates); 69 topics missing or unfit;
    70 internal error (restart: no conversation is lost or doubled).
    """
    from stream.worker.main import run_worker

    sys.exit(run_worker(load_settings()))


@main.command()
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option(
    "--samples",
    is_flag=True,
    help="Instead of FILEs: the sample conversations for ever, until SIGTERM or Ctrl-C.",
)
@click.option(
    "--speed",
    default=None,
    metavar="FACTOR|max",
    help="1 is real time by the conversations' own times, 10 ten times faster; max: no waiting. "
    "Default: max, of samples 1.",
)
@click.option(
    "--now",
    "shift",
    is_flag=True,
    help="Move all times so that the earliest conversation starts now, keeping the gaps.",
)
def produce(files: tuple[str, ...], samples: bool, speed: str | None, shift: bool) -> None:
    """Send transcripts or events from FILEs ('-': standard input) to the events topic.

    The events are keyed by session id and have ids derived from the transcript, so that sending
    a file twice adds nothing.

    With --samples, as 'demo' tells it: a queue whose agents stop recognising, and take it up again.
    An empty events topic gets two weeks of the queue's past first, which a worker must judge.
    """
    from stream.cli.produce import run_produce
    from stream.cli.replay import run_replay

    if samples == bool(files):
        raise click.UsageError("give either FILEs ('-': standard input) or --samples")
    speed = speed or ("1" if samples else "max")
    if speed == "max" and not samples:
        factor = None
    else:
        try:
            factor = float(speed)
        except ValueError:
            factor = 0.0
        if factor <= 0:
            wanted = "a number above 0" if samples else "a number above 0, or max"
            raise click.BadParameter(f"must be {wanted}", param_hint="--speed")
    if samples:
        assert factor is not None
        sys.exit(run_replay(load_settings(), factor))
    sys.exit(run_produce(load_settings(), files, factor, shift))


@main.command()
@FILES
@click.option("--json/--table", "as_json", default=None, help="Default: a table on a terminal.")
def score(files: tuple[str, ...], as_json: bool | None) -> None:
    """Turn transcripts, events or Contact Lens analysis files into interaction records, without
    Kafka.

    The records, one JSON line each, are the bytes that the worker emits for the same events.
    """
    from stream.cli.offline import run_score

    sys.exit(run_score(load_settings(), files, _json(as_json)))


@main.command()
@FILES
def label(files: tuple[str, ...]) -> None:
    """Label transcripts by the codebook: one JSON line per conversation.

    \b
    {"id", "agent": {turn: [labels]}, "customer": {turn: {concern, emotion, repeat}},
     "scenario", "recognized_first", "empathy_score"}
    """
    from stream.cli.offline import run_label

    sys.exit(run_label(load_settings(), files))


@main.command()
@click.argument("gold", type=FILE)
@click.argument("file", type=FILE)
@click.option("--json/--table", "as_json", default=None, help="Default: a table on a terminal.")
def evaluate(gold: str, file: str, as_json: bool | None) -> None:
    """Compare the labels of the transcripts in FILE with the gold labels in GOLD.

    GOLD has a line per conversation in the format that 'label' writes, labelled by people, with
    'felt_understood' (1 to 5) where they judged it. Each measure comes with its 95 % interval
    (bootstrap over conversations): see what to trust before you alert on it.
    """
    from stream.cli.evaluate import run_evaluate

    sys.exit(run_evaluate(load_settings(), gold, file, _json(as_json)))


@main.group(cls=_Commands)
def source() -> None:
    """Try how the payloads of your bus are read (EMPATHY_SOURCE)."""


@source.command()
@click.argument("file", type=FILE)
@click.option(
    "--source",
    "name",
    type=click.Choice(["contact-lens", "genesys", "twilio", "mapping", "events", "auto"]),
    default="auto",
    show_default=True,
    help="What the payloads are; auto: by the marks of each.",
)
@click.option("--mapping", metavar="FILE", type=FILE, help="The mapping file of --source mapping.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Payloads that the table shows; the summary counts all.",
)
@click.option("--json/--table", "as_json", default=None, help="Default: a table on a terminal.")
def check(file: str, name: str, mapping: str | None, limit: int, as_json: bool | None) -> None:
    """Show what the payloads in FILE ('-': standard input) become, what is dropped and why.

    FILE holds a payload a line, one payload, a JSON list of them, or what 'kcat -C -J' prints
    (with keys, headers and times).

    \b
    Exit codes: 0 every payload is understood; 1 some are invalid, or none becomes an event;
    2 the file or the mapping cannot be used.
    """
    from stream.cli.source import run_check

    settings = load_settings()
    sys.exit(run_check(name, mapping, file, settings.max_event_bytes, limit, _json(as_json)))


@main.group(cls=_Commands)
def topics() -> None:
    """Create the topics of the service, or check those that there are.

    \b
    Which ones, with how many partitions and replicas, say the settings: EMPATHY_*_TOPIC,
    EMPATHY_GROUP_ID, EMPATHY_PARTITIONS, EMPATHY_REPLICATION_FACTOR.
    """


@topics.command("create", short_help="Create the topics that are missing.")
@click.option("--dry-run", is_flag=True, help="Print the commands of Apache Kafka's instead.")
@click.option("--json/--table", "as_json", default=None, help="Default: a table on a terminal.")
def create_topics(dry_run: bool, as_json: bool | None) -> None:
    """Create the topics that are missing; those that there are stay as they are.

    \b
    With --dry-run nothing is asked or changed: hand the commands to who may run them.
    Exit codes: 0 all there and fit; 1 some are unfit; 69 they cannot be created.
    """
    from stream.cli.topics import run_create

    sys.exit(run_create(load_settings(), dry_run, _json(as_json)))


@topics.command("check", short_help="Tell whether each topic is there and fit.")
@click.option("--json/--table", "as_json", default=None, help="Default: a table on a terminal.")
def check_topics(as_json: bool | None) -> None:
    """Tell whether each topic is there and fit, and what to do where it is not.

    \b
    Looks at partitions, cleanup.policy, retention, replicas and min.insync.replicas, and changes
    nothing.
    Exit codes: 0 all fit, perhaps with warnings; 1 some are missing or unfit; 69 no broker answers.
    """
    from stream.cli.topics import run_check

    sys.exit(run_check(load_settings(), _json(as_json)))


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what completes this command in a shell.

    \b
    bash:  echo 'eval "$(empathy-stream completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(empathy-stream completion zsh)"' >> ~/.zshrc
    fish:  empathy-stream completion fish > ~/.config/fish/completions/empathy-stream.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "empathy-stream", "_EMPATHY_STREAM_COMPLETE").source())


@main.command()
@click.option("--json/--table", "as_json", default=None, help="Default: a table on a terminal.")
def config(as_json: bool | None) -> None:
    """Show the effective settings, secrets masked, with what each means."""
    from stream.cli.offline import run_config

    sys.exit(run_config(load_settings(), _json(as_json)))


@main.command()
@click.argument("kind", type=click.Choice(["agent", "session"]))
@click.argument("references", nargs=-1, required=True, metavar="REFERENCE...")
def pseudonym(kind: str, references: tuple[str, ...]) -> None:
    """Show the pseudonyms of agents or sessions, one a line.

    \b
    Needs EMPATHY_PSEUDONYMS and EMPATHY_PSEUDONYM_KEY as the workers have them. It is the way to
    find somebody's records, or the key under which to delete a conversation's.
    """
    from stream.cli.offline import run_pseudonym

    sys.exit(run_pseudonym(load_settings(), kind, references))


def _json(choice: bool | None) -> bool:
    return not sys.stdout.isatty() if choice is None else choice


def json_lines(values: Any) -> None:
    """Write each value as a line of JSON; bytes are written as they are."""
    import orjson

    out = sys.stdout.buffer
    for value in values:
        out.write(value if isinstance(value, bytes) else orjson.dumps(value))
        out.write(b"\n")
    out.flush()
