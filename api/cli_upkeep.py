"""The commands of who keeps a ledger: check everything again, and confirm.

Exit codes as in `cli.py`.  Heavy imports stand inside the functions.
"""

import os
import sys
from pathlib import Path

import click

from api.commands import LEDGER, run, say, settings

# The role that verifies may have eight connections, and a check has two beside.
MOST_JOBS = 4


@click.command()
@LEDGER
@click.option("--from", "begin", type=click.IntRange(min=0), default=0, help="Begin at a position.")
@click.option("--resume", is_flag=True, help="Go on where a check was cut short.")
@click.option("--views", is_flag=True, help="Also make every view anew, and compare.")
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that somebody kept: the ledger has to be its continuation.",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A policy that names the witnesses whose lines are checked.",
)
@click.option(
    "--tsa-cert",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certificates (PEM) that time stamps lead to; else those of the settings.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    default=lambda: min(os.cpu_count() or 1, MOST_JOBS),
    help="How many processes read a large ledger; else one for each processor, four at most.",
)
def fsck(
    *,
    ledger: str,
    begin: int,
    resume: bool,
    jobs: int,
    views: bool,
    kept: tuple[Path, ...],
    policy: Path | None,
    tsa_cert: Path | None,
) -> None:
    """Derive everything of a ledger again, and compare.

    Events, columns, official numbers, requests, tree, checkpoints, what witnesses and authorities
    signed, what is anchored of other logs, and the file outside.  It reads only, beside a running
    service.  The first bad position of each kind is told; anything found exits with 1.
    """
    from api import upkeep

    good = run(
        upkeep.checked(
            settings(),
            ledger,
            begin,
            kept,
            policy,
            say,
            resume=resume,
            tsa_cert=tsa_cert,
            jobs=jobs,
        )
    )
    if views:
        from api import retold

        for one in run(retold.rebuilt(settings(), ledger, "all", say, switch=False)):
            if one.same is not True:
                click.echo(f"view {one.projection}: {', '.join(one.differing) or 'not compared'}")
                good = False
    click.echo("all is as it should be" if good else "not all is as it should be")
    sys.exit(0 if good else 1)


@click.command()
@click.argument("code", type=click.Choice(["ST-10", "ST-11"]))
@LEDGER
@click.option("--by", required=True, help="Who has looked.")
@click.option("--reason", required=True, help="What was looked at.")
def confirm(*, code: str, ledger: str, by: str, reason: str) -> None:
    """Confirm a new timeline or a clock, after looking.

    It is written down beside the checkpoints and counts from the next start.
    """
    from api import upkeep

    value = run(upkeep.confirmed(settings(), code, ledger, by, reason, say))
    click.echo(f"{code} of ledger {ledger}: {value} is confirmed by {by}")
