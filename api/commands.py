"""What every command of the command line does around its work."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from api.settings import Settings

T = TypeVar("T")

EXITS = "Exit codes: 0 done, 1 refused or failed, 2 used wrongly."
LEDGER = click.option("--ledger", default="469002", show_default=True, help="Which ledger.")


def say(text: str) -> None:
    """Tell what is being done, beside what the command answers."""
    click.echo(text, err=True)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run something to its end on the fast loop."""
    try:
        import uvloop
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with failing(), asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


@contextmanager
def failing() -> Iterator[None]:
    """Turn refusals and failures into a line, and exit code 1."""
    import asyncpg

    from ledger.errors import LedgerError
    from migrations import MigrationError

    try:
        yield
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
