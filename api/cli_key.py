"""`caseledger key`: the keys that sign the logs of a ledger, and how one takes over.

Exit codes as in `cli.py`.  Heavy imports stand inside the functions.
"""

import click

from api.commands import LEDGER, run, say, settings


@click.group()
def key() -> None:
    """Rotate the keys that sign the logs of a ledger.

    `rotate` lets a new key sign beside the old one and names it in an event; hand the new key to
    the witnesses, and to whoever pinned the old one. `retire` ends the old one, once checkpoints
    bear both signatures. A running service follows by itself. `sm2` adds a line by SM2 with SM3.
    """


@key.command()
@LEDGER
def rotate(*, ledger: str) -> None:
    """Make a new key for each log, let both sign, and print the new ones."""
    from api import rotating

    for text in run(rotating.rotated(settings(), ledger, say)):
        click.echo(text)


@key.command()
@LEDGER
def retire(*, ledger: str) -> None:
    """Let the old key of each log sign no more.

    Its file may be destroyed then. A log that has signed nothing with both keys yet is left as
    it is, and told.
    """
    from api import rotating

    for name, told in run(rotating.retired(settings(), ledger, say)).items():
        click.echo(f"{name}: {told}")


@key.command("sm2")
@LEDGER
def by_sm2(*, ledger: str) -> None:
    """Make an SM2 key for each log, and print those that sign.

    Every checkpoint bears a line by SM2 with SM3 from then on, as long as the file of the key
    lies in the folder of keys. It stands beside the log's own line and never for it. It takes
    the library gmssl-pyx: pip install 'caseledger[sm]'.
    """
    from api import sm2_key

    for text in run(sm2_key.made(settings(), ledger, say)):
        click.echo(text)
