"""`caseledger witness`: what supervisors and discipline inspectors run, apart from the bureau."""

import asyncio
from pathlib import Path

import click

from api.commands import failing, run, say

FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def witness() -> None:
    """Run a witness of logs, apart from the bureau.

    It cosigns checkpoints, and never two histories of one log.  It has a key and a store of its
    own, needs no database, and knows logs by the verifier keys that its operator puts into a
    file.  Give its own key to the bureau.
    """


@witness.command()
@FOLDER
@click.option("--name", required=True, help="What it is called, such as jw.example/469002.")
def init(*, folder: Path, name: str) -> None:
    """Make a witness in FOLDER, and print its verifier key."""
    from api.witness.server import made
    from ledger.tlog.errors import TlogError

    with failing():
        try:
            click.echo(made(folder, name).key.text)
        except TlogError as error:
            raise click.UsageError(str(error)) from error


@witness.command()
@FOLDER
@click.option(
    "--logs",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of `log <verifier key>` lines, as the log serves them under /log/policy.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8090, show_default=True, type=int, help="Where to listen.")
def serve(*, folder: Path, logs: Path, host: str, port: int) -> None:
    """Serve the witness in FOLDER: the bureau's ledger posts its checkpoints here.

    SIGTERM and SIGINT end it.  The log goes to standard error, one JSON object a line.
    """
    from aiohttp import web

    from api import logs as logging
    from api.operate import until_asked
    from api.witness.server import Witness, build
    from ledger.tlog.errors import TlogError

    async def work() -> None:
        logging.configure("info")
        try:
            one = Witness(folder, logs)
            count = len(one.logs)
        except TlogError as error:
            raise click.UsageError(f"{logs}: {error}") from error
        runner = web.AppRunner(build(one), access_log=None)
        await runner.setup()
        try:
            async with until_asked() as asked:
                await web.TCPSite(runner, host, port).start()
                click.echo(f"http://{host}:{runner.addresses[0][1]}  ({count} logs)")
                await asked.wait()
        finally:
            await runner.cleanup()
            await asyncio.to_thread(one.memory.close)

    run(work())


@witness.command()
@FOLDER
def show(*, folder: Path) -> None:
    """Print who the witness in FOLDER is, what it last saw of each log, and what it refused."""
    from api.witness.server import STORE_FILE, identity
    from api.witness.store import Memory

    with failing():
        click.echo(identity(folder).key.text)
        memory = Memory(folder / STORE_FILE)
        for kept in memory.logs():
            click.echo(f"{kept.origin}  size {kept.size}")
        aside = memory.put_aside()
        memory.close()
    for one in aside:
        say(f"conflict: {one.origin}: {one.why}")
