"""The command line: `caseledger`.

Exit codes: 0 done, 1 refused or failed, 2 used wrongly.  Heavy imports stand inside the
functions, so that `--help` answers at once.
"""

import asyncio
import sys
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from api.settings import Settings

T = TypeVar("T")

A_TIME = "2025-12-01T08:00:00+08:00"
LEDGER = click.option("--ledger", default="469002", show_default=True, help="Which ledger.")


class Instant(click.ParamType[datetime]):
    """A time with its offset, such as 2026-01-05T09:00:00+08:00."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the time, or say what one looks like."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            self.fail(f"{value!r} is no time with offset, such as {A_TIME}", param, ctx)
        return at


def say(text: str) -> None:
    """Tell what is being done, beside what the command answers."""
    click.echo(text, err=True)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something to its end on the fast loop; refusals and failures exit with 1."""
    import asyncpg

    from ledger.errors import LedgerError
    from migrations import MigrationError

    try:
        import uvloop
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(work)
    except (LedgerError, MigrationError) as error:
        raise click.ClickException(str(error) or type(error).__name__) from error
    except (OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from error


def settings() -> "Settings":
    """Read the environment, or say which setting is wrong."""
    from api.settings import from_environment

    try:
        return from_environment()
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def quiet(level: str) -> None:
    """Log one JSON line an event to standard error, from that level on."""
    import logging

    import orjson
    import structlog

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="caseledger")
def main() -> None:
    """An event-sourced ledger of administrative cases.

    Settings come from the environment: CASELEDGER_HOME is the folder of everything that is
    kept here, CASELEDGER_DATABASE_URL a PostgreSQL that somebody else runs.
    """


@main.command()
def migrate() -> None:
    """Bring the database to the shape this program expects."""
    from api import operate

    async def work() -> None:
        chosen = settings()
        at = operate.home(chosen)
        async with operate.database(chosen, at, say) as found:
            count = await operate.migrate(found, at, say)
        click.echo(f"{count} applied" if count else "nothing to do")

    run(work())


@main.command()
@LEDGER
@click.option("--zone", help="Its time zone; that of the set-up by default.")
@click.option("--simulated", is_flag=True, help="Its clock can be set: for trying out.")
@click.option("--start", type=Instant(), help="Where a simulated clock starts.")
@click.option("--example", is_flag=True, help="Set up the invented example bureau.")
@click.option(
    "--setup",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file of organs, posts, items, seals; see ledger/data/example.json.",
)
def init(
    *,
    ledger: str,
    zone: str | None,
    simulated: bool,
    start: datetime | None,
    example: bool,
    setup: Path | None,
) -> None:
    """Make database, roles and keys, and open a ledger with its first events."""
    if example == (setup is not None):
        raise click.UsageError("one of --example and --setup is needed")
    if simulated != (start is not None):
        raise click.UsageError("--simulated and --start go together")
    import json

    from api import operate
    from api import setup as setups

    document = setups.example() if setup is None else json.loads(setup.read_text("utf-8"))
    if zone is not None:
        document = {**document, "zone": zone}

    async def work() -> None:
        chosen = settings()
        at = operate.home(chosen)
        async with operate.database(chosen, at, say) as found:
            await operate.migrate(found, at, say)
            count = await operate.create(found, at, ledger, simulated=start, document=document)
        click.echo(f"ledger {ledger}: {count} events of set-up; everything lies in {at.folder}")

    run(work())


@main.command()
@click.option("--host", help="Where to listen; CASELEDGER_HOST by default.")
@click.option("--port", type=int, help="Where to listen; CASELEDGER_PORT by default.")
def serve(*, host: str | None, port: int | None) -> None:
    """Run the service, and the embedded PostgreSQL where no other is set."""
    from api import operate

    async def work() -> None:
        chosen = operate.at_port(settings(), host, port)
        quiet(chosen.log_level)
        async with operate.until_asked() as asked, operate.serving(chosen, say) as running:
            names = ", ".join(running.service.ledgers) or "no ledger yet: caseledger init"
            say(f"{running.url}  ({names})")
            await asked.wait()
            say("stopping")

    run(work())


@main.command()
@click.argument("person")
@click.option("--name", help="How the person is called; the id by default.")
@click.option("--client", default="caseledger", show_default=True, help="Through which system.")
@click.option("--hours", type=click.IntRange(1, 24), default=8, show_default=True)
def token(*, person: str, name: str | None, client: str, hours: int) -> None:
    """Print a token of the local issuer for PERSON, for trying out.

    It says who somebody is; what they may do comes from their appointments in the ledger.
    """
    from api import operate
    from ledger.errors import LedgerError

    try:
        click.echo(operate.own_token(settings(), person, name or person, client, hours))
    except LedgerError as error:
        raise click.ClickException(str(error)) from error


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@LEDGER
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file that says which column is what; needed for CSV.",
)
@click.option("--url", help="Where the service runs; this machine by default.")
@click.option("--by", default="guo-an", show_default=True, help="Who uploads.")
@click.option("--commit-by", help="The head of the bureau who lets it in; without: only judged.")
def import_(
    *,
    file: Path,
    ledger: str,
    mapping: Path | None,
    url: str | None,
    by: str,
    commit_by: str | None,
) -> None:
    """Bring in FILE (NDJSON or CSV) of another system through a running service.

    Its rows are judged and reported; with --commit-by they are taken in.  Interrupted, the
    same command goes on.  Rows that cannot be are set aside with a code, and exit with 1.
    """
    from api import remote

    done = run(remote.imported(settings(), file, ledger, mapping, url, by, commit_by, say))
    click.echo(done.text())
    sys.exit(0 if done.clean else 1)


@main.command()
@LEDGER
@click.option("--format", "form", type=click.Choice(["ndjson", "csv"]), default="ndjson")
@click.option("--url", help="Where the service runs; this machine by default.")
@click.option("--by", default="jiang-he", show_default=True, help="Who reads.")
@click.option("--events", is_flag=True, help="Every event, not the list of cases (NDJSON only).")
@click.option("--after", type=int, default=-1, help="With --events: behind this position.")
def export(*, ledger: str, form: str, url: str | None, by: str, events: bool, after: int) -> None:
    """Write the list of cases, or every event, to standard output from a running service."""
    if events and form != "ndjson":
        raise click.UsageError("events are exported as NDJSON")
    from api import remote

    out = sys.stdout.buffer
    count = run(remote.exported(settings(), ledger, form, url, by, events, after, out))
    say(f"{count} bytes")


@main.command()
@click.argument("case")
@click.option("--ledger", help="Which ledger; that of the number by default.")
@click.option("--to", type=click.IntRange(min=1), help="Up to this version only.")
@click.option("--lang", type=click.Choice(["zh-CN", "en"]), default="zh-CN", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON line a step.")
def replay(*, case: str, ledger: str | None, to: int | None, lang: str, as_json: bool) -> None:
    """Print CASE step by step, each step as it was known then.  Reads only.

    Works beside a running service, on the database itself.
    """
    from api import retold

    name = ledger or case.rsplit("-", 2)[0]
    for line in run(retold.steps(settings(), name, case, to, lang, say, as_json=as_json)):
        click.echo(line)


@main.command()
@click.argument(
    "view", type=click.Choice(["all", "current_state", "timeout_alerts", "audit_trail"])
)
@LEDGER
@click.option("--check", is_flag=True, help="Only compare: change nothing of what is shown.")
def rebuild(*, view: str, ledger: str, check: bool) -> None:
    """Make VIEW anew from the ledger beside the one shown, compare, and switch.

    With --check a difference exits with 1.
    """
    from api import retold

    found = run(retold.rebuilt(settings(), ledger, view, say, switch=not check))
    for one in found:
        same = "the same" if one.same else "different: " + ", ".join(one.differing)
        if one.same is None:
            same = "not compared"
        click.echo(f"{one.projection}: {one.events} events, {same}")
    sys.exit(1 if check and any(one.same is False for one in found) else 0)


@main.command()
@click.option("--exit", "leave", is_flag=True, help="End after the work instead of serving on.")
@click.option("--host", help="Where to listen; CASELEDGER_HOST by default.")
@click.option("--port", type=int, help="Where to listen; CASELEDGER_PORT by default.")
def demo(*, leave: bool, host: str | None, port: int | None) -> None:
    """Do the main job on real and invented data, then serve it.

    Everything is made where it is missing; a second run goes on where the first one ended.
    """
    from api import operate
    from api.demo import START, DemoError, run_demo

    async def job(running: operate.Running) -> bool:
        def token_for(person: str) -> str:
            return running.issuer.token(person, person)

        try:
            return (await run_demo(running.url, token_for, sys.stdout)).good
        except DemoError as error:
            raise click.ClickException(str(error)) from error

    # The demo's people are few and busy: nobody is to be slowed down.
    chosen = replace(operate.at_port(settings(), host, port), rate_person=0, rate_client=0)
    quiet("error")
    good = run(operate.demonstrate(chosen, START, job, say, leave=leave))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
