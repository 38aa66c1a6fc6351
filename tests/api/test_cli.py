"""The command line as an operator uses it: each command in a process of its own."""

import contextlib
import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import VIEWS, main
from api.service import PROJECTIONS

COMMANDS = (*main.commands, "api-key add", "api-key list", "api-key revoke", "key sm2")
START = "2026-01-05T08:00:00+08:00"
DATA = files("api.demo") / "data"


# The command, and how much it has taken out of the reach of the collector when it ends.
COUNTING = (
    "import atexit, gc, runpy\n"
    "atexit.register(lambda: print(gc.get_freeze_count(), 'objects at rest'))\n"
    "runpy.run_module('api.cli', run_name='__main__')"
)


class Shell:
    """A home folder, and the commands that are run on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as made:
            made.bind(("127.0.0.1", 0))
            self.port = made.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if "CASELEDGER" not in name}
        own = {"HOME": home, "PORT": self.port, "ADMIN_PORT": 0}
        self.env = kept | {f"CASELEDGER_{name}": str(value) for name, value in own.items()}
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, *words, how=("-m", "api.cli")):
        return subprocess.Popen(
            (sys.executable, *how, *words),
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    @contextlib.contextmanager
    def serving(self):
        process = self.start("serve", how=("-c", COUNTING))
        try:
            while self.get("/healthz")[0] != 200:
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)

    def get(self, path, token=None):
        asked = urllib.request.Request(self.url + path)
        if token:
            asked.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 0, b""

    def token(self, person):
        return self.run("token", person)[1].strip()

    @property
    def running(self):
        return (self.home / "postgresql" / "data" / "postmaster.pid").exists()


@pytest.fixture(scope="module")
def shell():
    # Not pytest's own folder: PostgreSQL's account, where we are root, cannot pass through it.
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() else Path(tempfile.gettempdir())
    home = Path(tempfile.mkdtemp(prefix="caseledger-cli-", dir=place))
    found = Shell(home / "home")
    home.chmod(0o755)
    code, out, err = found.run("init", "--example", "--simulated", "--start", START)
    assert 0 == code, err
    assert "70 events of set-up" in out
    yield found
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def served(shell):
    with shell.serving():
        yield shell


# -- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command):
    group, _, word = command.rpartition(" ")
    said = CliRunner().invoke(main, [*command.split(), "--help"])
    above = CliRunner().invoke(main, [*group.split(), "--help"])

    assert 0 == said.exit_code
    assert said.output.startswith(f"Usage: main {command}")
    assert word in above.output
    assert "..." not in above.output.split("Commands:")[1], "a first sentence is cut off"
    assert "Exit codes: 0" in said.output
    for line in said.output.split("Options:")[1].splitlines():
        assert not re.fullmatch(r"  -\S.*--\S+( [A-Z]+)?\s*", line), f"{line} is not explained"


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("init",),
        ("init", "--example", "--setup", __file__),
        ("init", "--example", "--simulated"),
        ("init", "--example", "--simulated", "--start", "2026-01-05"),
        ("token",),
        ("rebuild", "nothing"),
        ("export", "--events", "--format", "csv"),
        ("replay",),
        ("api-key", "add"),
        ("api-key", "add", " "),
        ("api-key", "add", "zc", "--note", "two\nlines"),
        ("api-key", "revoke"),
    ],
)
def test_what_is_used_wrongly_exits_with_2(words):
    assert 2 == CliRunner().invoke(main, list(words)).exit_code


def test_an_unknown_setting_is_said():
    said = CliRunner().invoke(main, ["token", "x"], env={"CASELEDGER_NONSENSE": "1"})

    assert 2 == said.exit_code
    assert "CASELEDGER_NONSENSE" in said.output


@pytest.mark.parametrize("setting", ["LOG_LEVEL", "PORT", "AT_LEAST_S"])
def test_a_setting_that_cannot_be_read_is_said(setting):
    said = CliRunner().invoke(main, ["token", "x"], env={f"CASELEDGER_{setting}": "loud"})

    assert 2 == said.exit_code
    assert f"CASELEDGER_{setting}" in said.output


def test_help_needs_nothing_heavy():
    heavy = ("aiohttp", "asyncpg", "jinja2", "orjson", "structlog")
    command = f"import sys, api.cli; print([m for m in {heavy} if m in sys.modules])"

    said = subprocess.run(
        [sys.executable, "-c", command], check=True, capture_output=True, text=True
    )

    assert "[]\n" == said.stdout


# -- what is made -----------------------------------------------------------------------------


def test_what_is_made_is_ours_alone_and_written_down(shell):
    def mode(path):
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(shell.home) in (0o700, 0o710)
    assert 0o700 == mode(shell.home / "keys")
    assert all(mode(path) in (0o400, 0o600) for path in (shell.home / "keys").iterdir())
    made = (shell.home / "made.log").read_text()
    assert "migrated by" in made
    assert "ledger 469002 opened, simulated from 2026-01-05T08:00:00+08:00, 70 events" in made
    assert not shell.running


def test_a_ledger_is_set_up_once(shell):
    code, _, err = shell.run("init", "--example", "--simulated", "--start", START)

    assert 1 == code
    assert "ledger 469002 is set up" in err


def test_a_second_ledger_lies_beside_the_first(shell):
    code, out, _ = shell.run("init", "--example", "--ledger", "469005", "--zone", "Asia/Urumqi")

    assert 0 == code
    assert "ledger 469005" in out


def test_there_is_nothing_to_migrate_twice(shell):
    assert (0, "nothing to do\n") == shell.run("migrate")[:2]


# -- ending, before anything is kept running ---------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_ends_when_asked_and_leaves_nothing_running(shell, number):
    with shell.serving() as process:
        assert shell.running
        process.send_signal(number)
        out, err = process.communicate(timeout=60)

    assert 0 == process.returncode, err
    assert "stopping" in out
    # A service holds some hundred thousand objects, and most of them for ever.
    assert int(re.search(r"(\d+) objects at rest", out)[1]) > 50_000
    lines = [json.loads(line) for line in err.splitlines()]
    assert {"request"} == {line["event"] for line in lines}
    assert not shell.running


# -- beside a running service -------------------------------------------------------------------


def test_a_token_of_ours_lets_in(served):
    status, body = served.get("/v1/ledgers/469002/cases", served.token("jiang-he"))

    assert 200 == status, body
    assert [] == json.loads(body)["items"]


def test_two_services_do_not_share_a_home(served):
    code, _, err = served.run("serve", "--port", "0")

    assert 1 == code
    assert "is in use by process" in err


def test_a_file_is_brought_in_listed_told_and_rebuilt(served, tmp_path):
    with gzip.open(DATA / "calgary_building_permits.csv.gz", "rt", encoding="utf-8") as whole:
        lines = [next(whole) for _ in range(31)]
    (tmp_path / "permits.csv").write_text("".join(lines), encoding="utf-8")
    mapping = DATA / "calgary_building_permits.mapping.json"
    words = ("import", str(tmp_path / "permits.csv"), "--mapping", str(mapping))

    judged = served.run(*words)
    taken = served.run(*words, "--commit-by", "wu-jun")
    again = served.run(*words, "--commit-by", "wu-jun")

    assert "rows         30" in judged[1], judged
    assert "taken in     0" in judged[1]
    assert "state" not in taken[2]
    assert taken[1] == again[1]
    recorded = int(taken[1].split("taken in")[1].split()[0])
    assert recorded >= 25

    listed = served.run("export", "--format", "csv")
    assert 0 == listed[0], listed
    assert recorded + 1 == len(listed[1].strip().splitlines())
    events = served.run("export", "--events")
    assert recorded <= sum(
        json.loads(line)["type"] == "received" for line in events[1].splitlines()
    )

    number = listed[1].splitlines()[1].split(",")[0]
    told = served.run("replay", number, "--lang", "en")
    assert 0 == told[0], told
    assert number in told[1]
    assert "received" in told[1]
    steps = [json.loads(line) for line in served.run("replay", number, "--json")[1].splitlines()]
    assert [n + 1 for n in range(len(steps))] == [step["act"]["version"] for step in steps]

    rebuilt = served.run("rebuild", "all")
    assert 0 == rebuilt[0], rebuilt
    assert 11 == rebuilt[1].count("the same"), rebuilt
    assert 0 == served.run("rebuild", "current_state", "--check")[0]


def test_every_view_can_be_made_anew_by_its_name():
    assert {*VIEWS} == {*(one.name for one in PROJECTIONS), "findings"}


def test_a_case_that_is_not_there_is_said(served):
    code, _, err = served.run("replay", "469002-2026-999999")

    assert 1 == code
    assert "no case 469002-2026-999999" in err
    assert 1 == served.run("replay", "x-2026-000001")[0]


@pytest.mark.parametrize(
    "words",
    [("replay", "nowhere-2026-000001"), ("rebuild", "findings"), ("key", "rotate"), ("fsck",)],
)
def test_a_ledger_that_is_not_there_is_said(served, words):
    code, _, err = served.run(*words, "--ledger", "nowhere")

    assert 1 == code
    assert "no ledger nowhere here: name another with --ledger" in err


# -- keys of client systems -----------------------------------------------------------------------


def test_a_key_is_shown_once_lets_in_and_is_revoked(served):
    added = served.run("api-key", "add", "zc", "--note", "window hall")
    key = added[1].strip()
    assert (0, True) == (added[0], key.startswith("clk_")), added
    kept = (served.home / "keys" / "api-keys.json").read_text()
    assert key not in kept
    assert hashlib.sha256(key.encode()).hexdigest() in kept

    listed = served.run("api-key", "list")[1]
    key_id, client, *_ = listed.split()
    assert ("zc", True) == (client, listed.endswith("window hall\n"))
    assert key not in listed
    assert 200 == served.get("/v1/ledgers/469002/items", key)[0]

    assert 0 == served.run("api-key", "revoke", key_id)[0]

    assert "" == served.run("api-key", "list")[1]
    while served.get("/v1/ledgers/469002/items", key)[0] == 200:
        pass  # the file is looked at once a second
    assert 401 == served.get("/v1/ledgers/469002/items", key)[0]


def test_a_key_that_is_not_there_cannot_be_revoked(shell):
    code, _, err = shell.run("api-key", "revoke", "0" * 16)

    assert 1 == code
    assert "no key 0000" in err


def test_keys_made_at_the_same_time_are_all_kept(shell):
    making = [shell.start("api-key", "add", f"c{n}") for n in range(6)]
    for process in making:
        process.communicate(timeout=60)

    listed = [line.split()[:2] for line in shell.run("api-key", "list")[1].splitlines()]

    assert {f"c{n}" for n in range(6)} == {client for _, client in listed}
    for key_id, _ in listed:
        assert 0 == shell.run("api-key", "revoke", key_id)[0]


def test_others_may_not_read_the_file_of_keys(shell):
    path = shell.home / "keys" / "api-keys.json"
    path.touch()
    path.chmod(0o644)
    code, _, err = shell.run("api-key", "list")
    path.unlink()

    assert 1 == code
    assert err.startswith("Error: PermissionError: others may read")


def test_a_command_that_needs_a_service_says_so(shell, tmp_path):
    (tmp_path / "rows.ndjson").write_text("{}\n")
    url = ("--url", "http://127.0.0.1:9")

    for words in (("export", *url), ("import", str(tmp_path / "rows.ndjson"), *url)):
        code, _, err = shell.run(*words)
        assert 1 == code
        assert "caseledger serve" in err
