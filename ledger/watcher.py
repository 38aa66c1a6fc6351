"""Runs one program and ends it when we are gone, however we went.

Started by `cluster.py` as a process of its own, by its path and with nothing imported but the
standard library.  Standard input is the read end of a pipe whose other end only our process
holds: end of file there means that we closed it or died, even by SIGKILL.  Standard output
tells the program's pid, and its end tells that the program has ended.

    watcher.py <uid> <gid> <seconds> <folder to remove or ""> <stale pid or ""> <program> …
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

FOR_THE_PROGRAM = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Runs the program to its end, and returns its exit code."""
    uid, gid, patience_s, folder, stale, *command = arguments
    for number in FOR_THE_PROGRAM:
        signal.signal(number, signal.SIG_IGN)
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    libc = ctypes.CDLL(None)
    foreign = int(uid) != os.getuid()
    program = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        cwd="/",
        env={"LC_ALL": "C"} | ({"PG_GRANDPARENT_PID": stale} if stale else {}),
        start_new_session=True,
        preexec_fn=lambda: _as_it_was(libc),  # noqa: PLW1509  no threads here
        user=int(uid) if foreign else None,
        group=int(gid) if foreign else None,
        extra_groups=[] if foreign else None,
    )
    os.write(sys.stdout.fileno(), b"%d\n" % program.pid)
    _until_either(sys.stdin.fileno(), ended, program)
    if program.poll() is None:
        program.send_signal(signal.SIGINT)  # fast shutdown
        try:
            program.wait(float(patience_s))
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGQUIT)  # as after a crash: the next start recovers
    code = program.wait()
    if folder:
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
    return abs(code)


def _until_either(owner: int, ended: int, program: "subprocess.Popen[bytes]") -> None:
    # Nobody writes to the pipe: readable means end of file.
    while program.poll() is None:
        readable, _, _ = select.select([owner, ended], [], [])
        if owner in readable:
            return
        os.read(ended, 4096)


def _as_it_was(libc: ctypes.CDLL) -> None:
    for number in FOR_THE_PROGRAM:
        signal.signal(number, signal.SIG_DFL)
    # Should the watcher itself be killed, the kernel ends the program in its stead.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
