"""The command line: `caseledger`.

Exit codes: 0 done, 1 refused or failed, 2 used wrongly.  Heavy imports stand inside the
functions, so that `--help` answers at once.
"""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api import cli_key, cli_proof, cli_recover, cli_upkeep, cli_witness
from api.commands import EXITS, LEDGER, failing, run, say, settings

if TYPE_CHECKING:
    from api.api_keys import ApiKeys

TIME = click.DateTime(["%Y-%m-%dT%H:%M:%S%z"])
# What can be made anew by itself; a test holds it against what the service follows.
VIEWS = (
    "current_state", "timeout_alerts", "audit_trail", "seal_register", "reviews", "performance",
    "complaints", "matters", "conformity", "readings", "findings",
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="caseledger")
def main() -> None:
    """An event-sourced ledger of administrative cases.

    Settings come from the environment: CASELEDGER_HOME is the folder of everything that is
    kept here, CASELEDGER_DATABASE_URL a PostgreSQL that somebody else runs.  The README lists
    them all.
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
@click.option(
    "--start",
    type=TIME,
    metavar="TIME",
    help="Where a simulated clock starts, such as 2026-01-05T09:00:00+08:00.",
)
@click.option("--example", is_flag=True, help="Set up the invented example bureau.")
@click.option(
    "--setup",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file of organs, posts, items, seals; see ledger/data/example.json.",
)
@click.option("--origin", help="The name of its log among all logs, never used before.")
@click.option(
    "--follows",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The closing statement of the ledger that it follows.",
)
@click.option("--digest", help="With --follows: what `caseledger recover close` printed.")
def init(
    *,
    ledger: str,
    zone: str | None,
    simulated: bool,
    start: datetime | None,
    example: bool,
    setup: Path | None,
    origin: str | None,
    follows: Path | None,
    digest: str | None,
) -> None:
    """Make database, roles and keys, and open a ledger.

    One of --example and --setup says what its first events are.  A ledger that is set up
    already is left as it is, and exits with 1.
    """
    if example == (setup is not None):
        raise click.UsageError("one of --example and --setup is needed")
    if simulated != (start is not None):
        raise click.UsageError("--simulated and --start go together")
    if digest is not None and follows is None:
        raise click.UsageError("--digest goes with --follows")
    import json

    from api import closing, operate
    from api import setup as setups

    document = setups.example() if setup is None else json.loads(setup.read_text("utf-8"))
    if zone is not None:
        document = {**document, "zone": zone}

    statement = follows.read_bytes() if follows is not None else None

    async def work() -> None:
        chosen = settings()
        at = operate.home(chosen)
        async with operate.database(chosen, at, say) as found:
            await operate.migrate(found, at, say)
            before = None
            if statement is not None:
                before = closing.followed(chosen, statement, digest, say)
            count = await operate.create(
                found,
                at,
                ledger,
                simulated=start,
                document=document,
                origin=origin,
                follows=before,
            )
        click.echo(f"ledger {ledger}: {count} events of set-up; everything lies in {at.folder}")

    run(work())


@main.command()
@click.option("--host", help="Where to listen; CASELEDGER_HOST by default.")
@click.option("--port", type=int, help="Where to listen; CASELEDGER_PORT by default.")
def serve(*, host: str | None, port: int | None) -> None:
    """Run the service, and its PostgreSQL where no other is set.

    From its start on no other deployment writes to the same ledgers.  SIGTERM and SIGINT end
    it, after what was being recorded.  The log goes to standard error, one JSON object a line.
    """
    from api import logs, operate

    async def work() -> None:
        chosen = operate.at_port(settings(), host, port)
        # Standard error holds the log and nothing else: one JSON object a line.
        logs.configure(chosen.log_level)
        async with operate.until_asked() as asked, operate.serving(chosen, click.echo) as running:
            names = ", ".join(running.service.ledgers) or "no ledger yet: caseledger init"
            click.echo(f"{running.url}  ({names})")
            operate.at_rest()
            await asked.wait()
            click.echo("stopping")

    run(work())


@main.command()
@click.argument("person")
@click.option("--name", help="How the person is called; the id by default.")
@click.option("--client", default="caseledger", show_default=True, help="Through which system.")
@click.option(
    "--hours", type=click.IntRange(1, 24), default=8, show_default=True, help="How long it is good."
)
def token(*, person: str, name: str | None, client: str, hours: int) -> None:
    """Print a token for PERSON, for trying out.

    It says who somebody is; what they may do comes from their appointments in the ledger.
    The local issuer counts only where CASELEDGER_ISSUERS names no other.
    """
    from api import operate

    with failing():
        click.echo(operate.own_token(settings(), person, name or person, client, hours))


@main.group("api-key")
def api_key() -> None:
    """Make, list and revoke the keys of client systems.

    A key says which system calls; the person it calls for is named in On-Behalf-Of, and what
    both may do comes from the ledger.  A running service knows of a change within a second.
    """


def keys() -> "ApiKeys":
    """Reach the file of keys in the keys folder."""
    from api import operate
    from api.api_keys import ApiKeys
    from api.issuing import API_KEYS_FILE

    return ApiKeys(operate.home(settings()).keys / API_KEYS_FILE)


@api_key.command()
@click.argument("client")
@click.option("--note", default="", help="What the key is for; shown by `list`.")
def add(*, client: str, note: str) -> None:
    """Make a key for CLIENT, a client system of a ledger, and print it.

    Only its digest is kept: nobody can show it again.
    """
    if not client.isprintable() or not note.isprintable() or not client.strip():
        raise click.UsageError("a client system and a note are one line of text each")
    with failing():
        click.echo(keys().add(client, note))
    say(f"a key of {client}; it is shown this once")


@api_key.command("list")
def list_() -> None:
    """List the keys that are good.

    Each line: the key's id, its client system, when it was made, its note.
    """
    with failing():
        found = keys().listed()
    for entry in found:
        click.echo("  ".join((entry["id"], entry["client"], entry["created"], entry["note"])))


@api_key.command()
@click.argument("key_id", metavar="ID")
def revoke(*, key_id: str) -> None:
    """Let the key of that ID, as listed, be good no longer."""
    with failing():
        removed = keys().remove(key_id)
    if not removed:
        raise click.ClickException(f"no key {key_id}")
    say(f"{key_id} is good no longer")


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@LEDGER
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file that says which column is what; needed for CSV, not for XES.",
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
    """Bring in FILE (NDJSON, CSV or XES) of another system.

    A running service judges and reports its rows; with --commit-by they are taken in.
    Interrupted, the same command goes on.  Rows that cannot be are set aside with a code, and
    exit with 1.
    """
    from api import remote

    done = run(remote.imported(settings(), file, ledger, mapping, url, by, commit_by, say))
    click.echo(done.text())
    sys.exit(0 if done.clean else 1)


@main.command()
@click.argument("case")
@click.option("--ledger", help="Which ledger; that of the number by default.")
@click.option("--to", type=click.IntRange(min=1), help="Up to this version only.")
@click.option(
    "--lang",
    type=click.Choice(["zh-CN", "en"]),
    default="zh-CN",
    show_default=True,
    help="In which language.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line a step.")
def replay(*, case: str, ledger: str | None, to: int | None, lang: str, as_json: bool) -> None:
    """Print CASE step by step, each step as it was known then.

    Reads only, and works beside a running service, on the database itself.
    """
    from api import retold

    name = ledger or case.rsplit("-", 2)[0]
    for line in run(retold.steps(settings(), name, case, to, lang, say, as_json=as_json)):
        click.echo(line)


@main.command()
@click.argument("view", type=click.Choice(["all", *VIEWS]))
@LEDGER
@click.option("--check", is_flag=True, help="Only compare: change nothing of what is shown.")
def rebuild(*, view: str, ledger: str, check: bool) -> None:
    """Make VIEW anew from the ledger, compare, and switch.

    It is made beside the one shown, which readers see until then.  With --check nothing is
    switched, and a difference exits with 1.
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
@click.option(
    "--log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Bring in an event log in XES (also .gz) as well, and tell what is found in it.",
)
@click.option(
    "--attack",
    "attacked",
    is_flag=True,
    help="Instead: attack a small ledger as the database's owner, and show who sees it.",
)
@click.option(
    "--counties",
    "anchored",
    is_flag=True,
    help="Instead: anchor 20 counties in a province, rewrite one whole, and show who sees it.",
)
def demo(
    *,
    leave: bool,
    host: str | None,
    port: int | None,
    log: Path | None,
    attacked: bool,
    anchored: bool,
) -> None:
    """Do the main job on real and invented data, then serve it.

    Everything is made where it is missing; a second run goes on where the first one ended.
    Whatever does not come out as planned exits with 1.
    """
    from api import logs, operate
    from api.demo import START, DemoError, run_demo
    from api.demo.attack import attack
    from api.demo.counties import counties

    if attacked or anchored:
        logs.configure("error")
        job_of = attack if attacked else counties
        sys.exit(0 if run(job_of(sys.stdout)) else 1)

    async def job(running: operate.Running) -> bool:
        def token_for(person: str) -> str:
            return running.issuer.token(person, person)

        try:
            return (await run_demo(running.url, token_for, sys.stdout, log=log)).good
        except DemoError as error:
            raise click.ClickException(str(error)) from error

    # The demo's people are few and busy: nobody is to be slowed down.
    chosen = replace(operate.at_port(settings(), host, port), rate_person=0, rate_client=0)
    logs.configure("error")
    good = run(operate.demonstrate(chosen, START, job, say, leave=leave))
    sys.exit(0 if good else 1)


for _added in (
    cli_proof.export,
    cli_proof.verify,
    cli_upkeep.fsck,
    cli_upkeep.confirm,
    cli_key.key,
    cli_recover.recover,
    cli_witness.witness,
):
    main.add_command(_added)
for _command in (
    main,
    *main.commands.values(),
    *api_key.commands.values(),
    *cli_key.key.commands.values(),
    *cli_recover.recover.commands.values(),
    *cli_witness.witness.commands.values(),
):
    _command.epilog = EXITS

if __name__ == "__main__":
    main()
