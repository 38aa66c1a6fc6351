"""`caseledger verify` as on a machine without database, server and network."""

import asyncio
import subprocess
import sys

# What would reach for a database or the network fails, however it is imported.
ALONE = """
import sys

def watched(event, arguments):
    if event.startswith("socket.") and event not in {"socket.__new__", "socket.gethostname"}:
        raise OSError("there is no network here")

for name in ("asyncpg", "aiohttp"):
    sys.modules[name] = None
sys.addaudithook(watched)
from api.cli import main
main(prog_name="caseledger")
"""


def verify(*words, alone=True):
    """Run it; return exit code, standard output and standard error."""
    how = ("-c", ALONE) if alone else ("-m", "api.cli")
    done = subprocess.run(
        [sys.executable, *how, "verify", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONIOENCODING": "utf-8", "PATH": "/usr/bin:/bin"},
    )
    return done.returncode, done.stdout, done.stderr


async def verified(*words, alone=True):
    """The same, while a service of the test goes on beside it."""
    return await asyncio.to_thread(verify, *words, alone=alone)
