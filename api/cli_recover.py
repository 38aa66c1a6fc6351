"""`caseledger recover`: the ceremony for a ledger that is behind what it signed (STORE 10).

Exit codes as in `cli.py`.  Heavy imports stand inside the functions.
"""

import sys
from pathlib import Path

import click

from api.commands import LEDGER, failing, run, say, settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
KEPT = click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=FILE,
    help="A checkpoint that a witness or a mirror holds: it may be newer than those here.",
)


@click.group()
def recover() -> None:
    """See what is missing of a ledger, and what has it; else close it.

    For a ledger that is behind what it signed, or has another history.  First `status`, then
    `copy` before anything is touched, then `try` whatever may hold the missing events.  Where
    nothing holds them: `draft` a closing statement, let two people of two organs `sign` it,
    `close` the ledger, and open one that follows it: `caseledger init --follows`.
    """


@recover.command()
@LEDGER
@KEPT
def status(*, ledger: str, kept: tuple[Path, ...]) -> None:
    """Tell which checkpoints were signed, what is there, and how much is missing by each.

    Of the ledger and of both lines of its access log, by all that is at hand: the database, the
    file outside, what is passed, the witnesses of the policy.  It exits with 1 where something is
    missing, where checkpoints are of two histories, and where all that were signed are lost.
    """
    from api import recovery

    told = run(recovery.status(settings(), ledger, say, kept))
    for one in told:
        click.echo(one.text())
    sys.exit(0 if all(one.good for one in told) else 1)


@recover.command("copy")
@LEDGER
@click.argument("folder", type=click.Path(path_type=Path))
def copy_(*, ledger: str, folder: Path) -> None:
    """Copy what is there into FOLDER, which is new: records, checkpoints, the files outside."""
    from api import recovery

    count = run(recovery.copied(settings(), ledger, folder, say))
    click.echo(f"{count} records in {folder}, and SHA256SUMS over every file")


@recover.command("try")
@LEDGER
@click.argument("candidate", type=click.Path(exists=True, path_type=Path))
@KEPT
def try_(*, ledger: str, candidate: Path, kept: tuple[Path, ...]) -> None:
    """Try CANDIDATE, a file of records (as `copy` writes it) or a folder of a log's bundles.

    Of the ledger or of a line of its access log, whichever its first record is of.  It is right
    where its records lead to the root of every checkpoint that is at hand, as in `status`, and
    reach as far as a witness has seen.
    """
    from api import recovery

    told = run(recovery.tried(settings(), ledger, candidate, say, kept))
    click.echo(told.text())
    sys.exit(0 if told.right else 1)


@recover.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--organ", required=True, help="In which organ.")
@click.option("--person", required=True, help="Who signs with it.")
def key(*, file: Path, organ: str, person: str) -> None:
    """Make a person's key for closing statements, and print its public half.

    Each of the two makes their own, on a machine of their own; only the public half is handed on.
    """
    from api import closing

    with failing():
        click.echo(closing.made_key(file, organ, person))


@recover.command()
@LEDGER
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--reason", required=True, help="Why it is closed, in one line.")
@click.option(
    "--signer", "signers", multiple=True, required=True, metavar="KEY", help="Who signs; twice."
)
@KEPT
def draft(
    *, ledger: str, file: Path, reason: str, signers: tuple[str, ...], kept: tuple[Path, ...]
) -> None:
    """Write a closing statement into FILE: what was signed, held, missing."""
    from api import closing

    text = run(closing.drafted(settings(), ledger, reason, signers, kept, say))
    with failing():
        file.write_text(text, "utf-8")
    click.echo(text, nl=False)


@recover.command()
@click.argument("file", type=FILE)
@click.option("--key", "key_file", required=True, type=FILE, help="The file of the key.")
def sign(*, file: Path, key_file: Path) -> None:
    """Sign the statement in FILE.  It needs neither database nor settings."""
    from api import closing

    with failing():
        click.echo(f"{closing.signed(file, key_file)} of 2 have signed")


@recover.command()
@LEDGER
@click.argument("file", type=FILE)
@KEPT
def close(*, ledger: str, file: Path, kept: tuple[Path, ...]) -> None:
    """Close a ledger for ever by the statement in FILE; print its digest.

    Both have signed it, and it is compared with what is there once more.  Nothing is appended
    under that origin again, whatever backup is put back; what is held is read and proved.
    Refused where nothing is missing and nothing contradicts what was signed.
    """
    from api import closing

    click.echo(run(closing.closed(settings(), ledger, file.read_bytes(), kept, say)))
