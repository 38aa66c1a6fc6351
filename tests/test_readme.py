"""The README keeps its word: its tour runs, and it leaves no setting, command or reason out.

`python -m tests.test_readme` writes its two tables from the code.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import pytest

from api import cli, settings
from api.slugs import SLUGS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CHINESE = ROOT / "README.zh.md"
BLOCKS = re.compile(r"^```shell\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MARK = "<!-- {}: written by python -m tests.test_readme -->\n"
REFUSED = re.compile(r'"type":"/problems/([a-z-]+)"')


def blocks():
    return BLOCKS.findall(README.read_text("utf-8"))


# -- the tour --------------------------------------------------------------------------------


def test_the_make_lines_are_targets():
    asked = {line.split()[1] for line in "".join(blocks()).splitlines() if line.startswith("make")}
    assert asked == {"demo", "test"}
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in asked | set(re.findall(r"`make ([a-z]+)", README.read_text("utf-8"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.fixture
def home():
    """A folder that PostgreSQL's account can reach: those above it are open."""
    folder = Path(tempfile.mkdtemp(prefix="caseledger-readme-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def environment(home):
    own = {name: text for name, text in os.environ.items() if not name.startswith("CASELEDGER_")}
    bound = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [str(one.getsockname()[1]) for one in bound]
    for one in bound:
        one.close()
    path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    at = {"CASELEDGER_PORT": ports[0], "CASELEDGER_ADMIN_PORT": ports[1]}
    return own | at | {"PATH": path, "CASELEDGER_HOME": str(home), "PYTHONWARNINGS": ""}


@pytest.fixture
def run(environment):
    def ran(script):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            check=False,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr
        return done.stdout

    return ran


@pytest.fixture
def serving(environment):
    """Starts the service as the README says, and waits for the line with its address."""
    started = []

    def start(command):
        service = subprocess.Popen(
            command.split(), cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        started.append(service)
        told = []
        assert service.stdout is not None
        for line in service.stdout:
            told.append(line)
            if "(469002)" in line:
                return service
        pytest.fail("".join(told))

    yield start
    for service in started:
        service.send_signal(signal.SIGTERM)
        service.communicate(timeout=60)
        assert service.returncode == 0


def test_the_tour_runs(run, serving):
    tour = [block for block in blocks() if not block.startswith("make ")]
    first, service, *others = tour
    assert "caseledger init" in first
    # A copy of the log of an earlier run is one of another ledger: it is kept, never overwritten.
    shutil.rmtree(ROOT / "build" / "log", ignore_errors=True)
    assert service == "caseledger serve\n"
    run(first)
    serving(service)
    said = run("echo\n".join(others))
    # One refusal is meant: the approver has no seal; the audit shows it once more.
    assert REFUSED.findall(said) == ["action-not-allowed"]
    assert "Idempotency-Replayed: true" in said
    assert '"stage":"sealed"' in said
    assert '"serial":1' in said
    assert "set aside    0" in said
    assert "taken in     20" in said
    assert '"level":"red"' in said
    assert '"slug":"action-not-allowed"' in said
    assert "approval,seal,469002-2026-000001,QH-002,huang-qiang" in said
    assert "  8  2026-03-03 09:0" in said
    assert '"type":"alert-answered"' in said
    assert '"definition":"kpi.overdue@1"' in said
    assert '"rule":"rubber-stamp"' in said
    assert "called to window 3" in said
    assert said.count('"type":"library"') == 2


# -- in Chinese --------------------------------------------------------------------------------


def test_what_the_chinese_one_says_to_type_is_in_the_tour():
    typed = "".join(BLOCKS.findall(CHINESE.read_text("utf-8"))).splitlines()
    assert typed
    assert set(typed) <= set("".join(blocks()).splitlines())


def test_what_the_chinese_one_names_is_there():
    text = CHINESE.read_text("utf-8")
    assert set(re.findall(r"`caseledger ([a-z-]+)", text)) <= set(cli.main.commands)
    known = {settings.PREFIX + one.name.upper() for one in fields(settings.Settings)}
    assert set(re.findall(rf"{settings.PREFIX}[A-Z_]+", text)) <= known
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (ROOT / link).is_file(), link
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"`make ([a-z]+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


# -- nothing is left out -----------------------------------------------------------------------


def reasons():
    """The comment above each setting; a setting without one is not explained."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in Path(settings.__file__).read_text("utf-8").splitlines():
        text = line.strip()
        if text.startswith("# "):
            above.append(text.removeprefix("# "))
        else:
            if match := re.match(r"([a-z_]+): .* = ", text):
                found.setdefault(match[1], " ".join(above).replace("None:", "none:"))
            above = []
    return found


def settings_table():
    why = reasons()
    lines = ["| setting | default | why |", "|---|---|---|"]
    for one in fields(settings.Settings):
        default = "none" if one.default in (None, ()) else f"`{one.default}`"
        name = settings.PREFIX + one.name.upper()
        lines.append(f"| `{name}` | {default} | {why[one.name]} |")
    return "\n".join(lines)


def problems_table():
    lines = ["| problem | status | what it is | what to do |", "|---|---|---|---|"]
    lines += [f"| `{s.name}` | {s.status} | {s.title_en} | {s.todo_en} |" for s in SLUGS.values()]
    return "\n".join(lines)


def written(text):
    """The README with its tables made anew."""
    for name, table in (("settings", settings_table()), ("problems", problems_table())):
        before, mark, rest = text.partition(MARK.format(name))
        _, end, after = rest.partition("<!-- end -->")
        assert mark, name
        assert end, name
        text = f"{before}{mark}\n{table}\n\n{end}{after}"
    return text


def test_the_tables_are_those_of_the_code():
    text = README.read_text("utf-8")
    assert text == written(text), "run python -m tests.test_readme"


def test_a_table_that_lacks_a_row_is_found():
    text = README.read_text("utf-8")
    lacking = re.sub(r"^\| `wrong-stage` .*\n", "", text, flags=re.MULTILINE)
    assert lacking != text == written(lacking)


@pytest.mark.parametrize("setting", [one.name for one in fields(settings.Settings)])
def test_every_setting_has_its_reason(setting):
    assert reasons()[setting]


def test_every_command_is_named():
    named = re.findall(r"^\| `caseledger ([a-z-]+)`", README.read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(cli.main.commands)


if __name__ == "__main__":
    README.write_text(written(README.read_text("utf-8")), "utf-8")
