"""The commands about evidence: taking it out of a service, and verifying it without one.

`verify` imports neither the database nor the server: it is to run where there is neither.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.commands import LEDGER, failing, run, say, settings

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from api.takeout import Asking

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class Bar:
    """Shows on standard error how far something is; how long it takes is known as it begins."""

    def __init__(self, label: str) -> None:
        """Take what is being done."""
        self._label = label
        self._shown: ProgressBar[int] | None = None

    def __call__(self, done: int, of: int) -> None:
        """Show that so many steps of so many are done."""
        if self._shown is None:
            self._shown = click.progressbar(length=of, label=self._label, file=sys.stderr)
            self._shown.render_progress()
        self._shown.update(done - self._shown.pos)
        if done >= of:
            self._shown.render_finish()


@click.command()
@click.argument("place", metavar="FILE|FOLDER|URL")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="VKEY",
    help="A verifier key of the log; one by SM2 beside it.",
)
@click.option("--policy", type=FILE, help="Whose signatures are wanted (C2SP tlog-policy).")
@click.option("--origin", help="The log has to be this one.")
@click.option("--older", type=FILE, help="A checkpoint kept before: the log only grew since.")
@click.option("--statement", type=FILE, help="The closing statement of the ledger it follows.")
@click.option("--tsa-cert", type=FILE, help="Certificates (PEM) that a time stamp leads to.")
@click.option("--token-file", type=FILE, help="With a URL: who may read entries has a token.")
@click.option(
    "--anchored-in", metavar="FOLDER|URL", help="Another ledger's log: every anchor there agrees."
)
@click.option("--anchored-key", "anchored_keys", multiple=True, metavar="VKEY", help="Its key.")
@click.option("--anchored-policy", type=FILE, help="Or whose signatures are wanted there.")
@click.option("--anchored-token-file", type=FILE, help="With a URL there: its entries are read.")
def verify(
    *,
    place: str,
    keys: tuple[str, ...],
    policy: Path | None,
    origin: str | None,
    older: Path | None,
    statement: Path | None,
    tsa_cert: Path | None,
    token_file: Path | None,
    anchored_in: str | None,
    anchored_keys: tuple[str, ...],
    anchored_policy: Path | None,
    anchored_token_file: Path | None,
) -> None:
    """Verify a dossier, a copy of a log, or a log at an address.

    It takes no database, no settings, and no network but for an address.  Keys or a policy have
    to come from somewhere else than what is verified: with those it brings along, everything is
    checked and nothing is proven, and it exits with 1.  What is bad first is named with its
    position.
    """
    from api import trust, verify_anchored
    from api import verify as verifying

    try:
        trusted = trust.trust(keys, policy, origin, older, statement)
        if tsa_cert is not None:
            trusted = trust.with_stamps(trusted, tsa_cert)
        anchoring = None
        if anchored_in is not None:
            there = trust.trust(anchored_keys, anchored_policy, None, None, None)
            token = _token(anchored_token_file)
            anchoring = verify_anchored.Anchoring(anchored_in, there, token, Bar("anchors"))
        elif anchored_keys or anchored_policy or anchored_token_file:
            raise click.UsageError("--anchored-key, -policy and -token-file go with --anchored-in")
        token = _token(token_file)
        outcome = verifying.verified(place, trusted, token, Bar("verifying"), anchoring)
    except trust.WronglyUsed as error:
        raise click.UsageError(str(error)) from error
    for line in outcome.lines:
        click.echo(line)
    sys.exit(0 if outcome.good else 1)


def _token(file: Path | None) -> str | None:
    return file.read_text("ascii").strip() if file is not None else None


@click.command()
@LEDGER
@click.option(
    "--format",
    "form",
    type=click.Choice(["ndjson", "csv"]),
    default="ndjson",
    show_default=True,
    help="One JSON object a line, or a table.",
)
@click.option("--url", help="Where the service runs; this machine by default.")
@click.option("--by", default="jiang-he", show_default=True, help="Who reads.")
@click.option("--token-file", type=FILE, help="Or a file with a token to ask with.")
@click.option("--events", is_flag=True, help="Every event, not the list of cases (NDJSON only).")
@click.option("--after", type=int, default=-1, help="With --events: behind this position.")
@click.option("--dossier", "case", metavar="CASE", help="The evidence bundle of a case, a zip.")
@click.option("--purpose", help="With --dossier: what for, such as 'inspection; <number>'.")
@click.option(
    "--documents",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --dossier: a folder whose files are packed if the case names their digests.",
)
@click.option("--out", type=click.Path(path_type=Path), help="With --dossier: the file to write.")
@click.option("--log", "folder", type=FOLDER, help="Copy the log into this folder, or go on there.")
@click.option(
    "--line",
    type=click.Choice(["ledger", "open", "sealed"]),
    default="ledger",
    show_default=True,
    help="With --log: which of the ledger's logs.",
)
def export(
    *,
    ledger: str,
    form: str,
    url: str | None,
    by: str,
    token_file: Path | None,
    events: bool,
    after: int,
    case: str | None,
    purpose: str | None,
    documents: Path | None,
    out: Path | None,
    folder: Path | None,
    line: str,
) -> None:
    """Write cases, events, a dossier, or a copy of the log.

    It is read from a running service, as one of its readers; the list of cases, which is written
    unless another is asked for, and events go to standard output.  A
    copy that was interrupted goes on.  `caseledger verify` checks dossiers and copies.
    """
    if sum((events, case is not None, folder is not None)) > 1:
        raise click.UsageError("one of --events, --dossier and --log")
    if case is None and (documents or out or purpose):
        raise click.UsageError("--documents, --out and --purpose go with --dossier")
    if events and form != "ndjson":
        raise click.UsageError("events are exported as NDJSON")
    from api import remote, takeout

    with failing():
        asking = takeout.Asking(settings(), url, by, token_file)
        if case is not None:
            _dossier(asking, ledger, case, purpose, documents, out)
        elif folder is not None:
            _copy(asking, ledger, line, folder)
        else:
            token = asking.token
            work = remote.exported(asking.at, token, ledger, form, events, after, sys.stdout.buffer)
            say(f"{run(work)} bytes")


def _dossier(
    asking: "Asking",
    ledger: str,
    case: str,
    purpose: str | None,
    documents: Path | None,
    out: Path | None,
) -> None:
    """Write the dossier of a case, and tell which documents it lacks."""
    from api import takeout

    packing = Bar("documents")
    work = takeout.dossier_of(asking, ledger, case, purpose, documents, out, packing)
    taken = run(work)
    for digest in taken.missing:
        say(f"missing {digest}")
    say(f"{taken.packed} documents packed, {len(taken.missing)} missing")
    click.echo(taken.at)


def _copy(asking: "Asking", ledger: str, line: str, folder: Path) -> None:
    """Bring a folder up to the newest checkpoint of a log."""
    from api import takeout
    from api.copies import Unread

    try:
        done = takeout.log_of(asking, ledger, line, folder, Bar("copying"))
    except Unread as error:
        raise click.ClickException(str(error)) from error
    if not done.entries:
        say("entries are not given to this reader: the hashes alone were copied")
    click.echo(f"{done.checkpoint.origin}: {done.checkpoint.size} events in {folder}")
