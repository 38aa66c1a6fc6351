"""An embedded PostgreSQL: made, started, watched and stopped by us, reachable by a socket only.

It never outlives us: a watcher (`watcher.py`) ends it when we are gone.  A folder has one
owner; other processes of ours attach through the socket.  All of it lies in one folder:

    owner          locked while somebody runs the cluster; says who
    superuser      the password of PostgreSQL's superuser: for `init` and `migrate`
    roles          the passwords of the ledger's roles
    data/ socket/  PostgreSQL's
    log            what PostgreSQL says
    postgresql-N/  the programs it was made with, for a later upgrade
"""

import asyncio
import fcntl
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path

from ledger import watcher
from ledger.account import (
    BIN,
    MARK,
    SYSTEM,
    account,
    cannot_start,
    copied,
    prepare_folder,
    programs,
    proposed_folder,
)
from ledger.errors import Unavailable

SUPERUSER = "postgres"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET = 90
LOG_KEPT = 64 * 1024 * 1024
MAJORS = ("17", "18")

# Failing statements and their details would write personal data into the log.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "cluster_name": "caseledger",
    # A restore from archived WAL is waited for to its end: nobody reads half of one, and what
    # starts here writes.
    "hot_standby": "off",
}
# For tests: a power cut would lose everything.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Cluster:
    """One PostgreSQL of ours in one folder.

    `trouble` is None while it runs, else the slug of what keeps it from running.
    """

    def __init__(
        self,
        folder: Path,
        *,
        binaries: Path | None = None,
        fast: bool = False,
        patience_s: float = 30,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.socket = self.folder / "socket"
        self.trouble: str | None = "store-unavailable"
        self._account = account()
        self._binaries = binaries
        self._bin = Path()
        self._fast = fast
        self._patience_s = patience_s
        self._progress = progress
        self._lock = self._pipe = self._status = -1
        self._watcher: subprocess.Popen[bytes] | None = None
        self._log_from = 0

    async def start(self) -> bool:
        """Runs the cluster, making it first where there is none; False when another owns it."""
        prepare_folder(self.folder, self._account)
        if not self._own():
            return False
        try:
            self._bin = programs(self._binaries, self._account)
            major = await self._major()
            if not self.data.exists():
                await self._make(major)
            self._check_data(major)
            await self._launch()
        except BaseException:
            self._disown()
            raise
        return True

    async def stop(self) -> None:
        """Ends it as quickly as is clean, and returns when it has ended."""
        self.trouble = "store-unavailable"
        self._let_go()
        if self._watcher is not None:
            await _finished(self._watcher)
        self._disown()

    async def keep(self) -> None:
        """Starts it again, after growing pauses, whenever it ends by itself; never returns."""
        while True:
            await self._gone()
            pause_s = 0
            while self.trouble is not None:
                self._progress(f"PostgreSQL ended ({self.trouble}): again in {pause_s} s")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s + 1, 30)
                try:
                    await self._launch()
                except Unavailable as error:
                    self.trouble = error.slug
                except OSError as error:
                    self.trouble = "storage-full" if error.errno == ENOSPC else self.trouble
            self._progress("PostgreSQL runs again")

    def owner(self) -> str:
        """Who runs the cluster, in words."""
        return (self.folder / MARK).read_text().strip() or "another process"

    def _own(self) -> bool:
        # The lock goes with the process, however that ends; the file stays.
        lock = os.open(self.folder / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return False
        self._lock = lock
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()}\n".encode())
        return True

    def _disown(self) -> None:
        self._let_go()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _let_go(self) -> None:
        for descriptor in (self._pipe, self._status):
            if descriptor >= 0:
                os.close(descriptor)
        self._pipe = self._status = -1

    async def _major(self) -> str:
        try:
            asked = self._start(self._bin / "postgres", "--version")
        except OSError as error:
            raise cannot_start(
                f"PostgreSQL's programs in {self._bin} cannot be run by its account "
                f"({error.strerror}): they lie where only their owner may look"
            ) from error
        said = await _finished(asked)
        major = said.split()[2].partition(".")[0] if asked.returncode == 0 else said
        if major not in MAJORS:
            raise cannot_start(f"PostgreSQL {' or '.join(MAJORS)} is needed, not {major}")
        return major

    async def _make(self, major: str) -> None:
        """A crash in here leaves `data.new`, and the next start begins again."""
        self._progress("making the database cluster")
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        self._account.give(new)
        self._assert_within_reach(new)
        secret = self.folder / "superuser"
        secret.unlink(missing_ok=True)
        write_secret(secret, secrets.token_urlsafe(24) + "\n")
        self._account.give(secret)
        making = self._start(
            *(self._bin / "initdb", "-D", new, "-U", SUPERUSER, f"--pwfile={secret}"),
            *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--data-checksums"),
            # Without these the order of text would differ between machines.
            *("-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--locale=C", "--no-instructions", *(["--no-sync"] if self._fast else [])),
        )
        said = await _finished(making)
        if making.returncode != 0:
            raise cannot_start(f"initdb failed: {said.strip()}")
        if self._account.foreign:
            os.chown(secret, os.getuid(), os.getgid())
        if self._keeps_programs():
            # A later pg_upgrade needs the programs that the data were made with.
            copied(self._bin, self.folder / f"postgresql-{major}")
        new.rename(self.data)

    def _check_data(self, major: str) -> None:
        theirs = (self.data / "PG_VERSION").read_text().strip()
        if theirs == major:
            return
        kept = SYSTEM if self._account.foreign else self.folder
        old = next(kept.glob(f"postgresql-{theirs}*"), kept / f"postgresql-{theirs}") / BIN
        checksums = "" if theirs in MAJORS else f"{old}/pg_checksums --enable -D {self.data}; then "
        raise cannot_start(
            f"the data in {self.data} are of PostgreSQL {theirs}, the programs of {major}; "
            f"to upgrade, make an empty cluster with `initdb` and the new programs, then: "
            f"{checksums}{self._bin}/pg_upgrade --link --old-bindir {old} "
            f"--new-bindir {self._bin} --old-datadir {self.data} --new-datadir <new>"
        )

    def _keeps_programs(self) -> bool:
        # As root they are kept already, in the system's folder.
        return self._binaries is None and not self._fast and not self._account.foreign

    async def _launch(self) -> None:
        self._let_go()
        self._assert_within_reach(self.data)
        stale = await self._previous()
        temporary = self._make_socket_folder()
        log = self._open_log()
        settings = SETTINGS | (FAST if self._fast else {})
        quoted = str(self.socket).replace('"', '""')
        settings["unix_socket_directories"] = f'"{quoted}"'
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        ours_to_close, self._pipe = os.pipe()
        self._status, theirs_to_tell = os.pipe()
        try:
            self._watcher = subprocess.Popen(  # noqa: ASYNC220  it returns at once
                (
                    *(sys.executable, "-I", "-S", watcher.__file__),
                    *(str(self._account.uid), str(self._account.gid), str(self._patience_s)),
                    *(str(self.socket) if temporary else "", stale),
                    *(str(self._bin / "postgres"), "-D", str(self.data), *options),
                ),
                stdin=ours_to_close,
                stdout=theirs_to_tell,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us
            )
        finally:
            for descriptor in (ours_to_close, theirs_to_tell, log):
                os.close(descriptor)
        await self._ready(self._watcher)
        self.trouble = None

    async def _ready(self, watching: "subprocess.Popen[bytes]") -> None:
        await self._heard()
        told = os.read(self._status, 64).decode().strip()
        said, waited_s = 0.0, 0.0
        # No limit: recovery after a crash may take minutes, and ends.
        while not told or self._line(8) != "ready" or self._line(1) != told:
            if not told or watching.poll() is not None:
                await _finished(watching)
                raise self._failed()
            if waited_s - said > 5:
                said = waited_s
                self._progress(f"PostgreSQL is starting ({self._line(8) or 'recovering'})")
            await asyncio.sleep(0.01)
            waited_s += 0.01

    async def _heard(self) -> None:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._status, heard.set)
        try:
            await heard.wait()
        finally:
            loop.remove_reader(self._status)

    async def _gone(self) -> None:
        await self._heard()  # end of file: the watcher has nothing left to watch
        if self._watcher is not None:
            await _finished(self._watcher)
        self.trouble = self._failed().slug

    def _failed(self) -> Unavailable:
        with (self.folder / "log").open("rb") as log:
            log.seek(self._log_from)
            last = log.read()[-4096:].decode(errors="replace").strip()
        if "No space left on device" in last:
            return Unavailable("storage-full", f"PostgreSQL found no space left for {self.data}")
        return cannot_start(f"PostgreSQL did not start; its log ends with: {last[-1000:]}")

    async def _previous(self) -> str:
        """Waits for a server that is still ending; returns a stale pid that is no server's.

        PostgreSQL refuses to start while its `postmaster.pid` names a living process, which
        after the restart of a container may be anybody's.  The file is never deleted.
        """
        waited_s = 0.0
        while (pid := self._line(1)).isdecimal() and (name := _program(pid)) is not None:
            if name != "postgres":
                return pid
            if not self._serves_us(pid):
                raise cannot_start(
                    f"{self.data}/postmaster.pid names process {pid}, another PostgreSQL: "
                    f"when it is not serving {self.data}, remove that file"
                )
            if waited_s == 0:
                self._progress(f"waiting for the previous PostgreSQL (process {pid}) to end")
            if waited_s > self._patience_s + 10:
                raise cannot_start(f"the previous PostgreSQL (process {pid}) does not end")
            await asyncio.sleep(0.02)
            waited_s += 0.02
        return ""

    def _serves_us(self, pid: str) -> bool:
        try:
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.data
        except OSError:
            return True  # it may be: then waiting is the safe answer

    def _line(self, number: int) -> str:
        return pid_line(self.data, number)

    def _make_socket_folder(self) -> bool:
        """A socket's whole path is short; a long one gets a private folder of its own."""
        self.socket = self.folder / "socket"
        temporary = len(os.fsencode(self.socket / SOCKET)) > LONGEST_SOCKET
        if temporary:
            self.socket = Path(tempfile.mkdtemp(prefix="caseledger-", dir="/tmp"))
        self.socket.mkdir(mode=0o700, exist_ok=True)
        self._account.give(self.socket)
        return temporary

    def _open_log(self) -> int:
        path = self.folder / "log"
        if path.exists() and path.stat().st_size > LOG_KEPT:
            path.rename(self.folder / "log.1")
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._log_from = os.fstat(log).st_size
        return log

    def _assert_within_reach(self, folder: Path) -> None:
        if self._account.foreign and not self._account.may_write(folder):
            raise cannot_start(
                f"the account that PostgreSQL runs as cannot reach {folder}: a folder above it is "
                f"closed; choose another place, for example {proposed_folder('ledger')}"
            )

    def _start(self, *command: str | Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
            **self._account.arguments,
        )


def pid_line(data: Path, number: int) -> str:
    """A line of `postmaster.pid`, which may be missing or half written: then it is empty."""
    try:
        lines = (data / "postmaster.pid").read_text().split("\n")
    except OSError:
        return ""
    # What has no line end yet is not a line yet.
    return lines[number - 1].strip() if number < len(lines) else ""


def write_secret(path: Path, text: str) -> None:
    """Writes a new file that only we may read; an existing one is an error."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _program(pid: str) -> str | None:
    """What a living process runs; None when there is none, or only its remains."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except OSError:
        return None
    # A zombie is a pid in use, but not a server.
    return "zombie" if rest.split()[0] == "Z" else name.partition("(")[2]


async def _finished(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> str:
    # Asked, not waited for: the loop goes on, and no child watcher is needed.
    while process.poll() is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    if process.stdout is None:
        return ""
    with process.stdout as said:
        return str(said.read())
