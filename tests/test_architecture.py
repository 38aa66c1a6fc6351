"""The arrows of the tree, the purity of the domain, and where SQL and the outside may be.

Each rule is a function from a path and its text to what is wrong there; its control is a
sample of wrong code that it must find.
"""

import ast
import re
import zipfile
from functools import cache
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parent.parent
PACKAGES = ("api", "ledger", "migrations", "projections")
FOLDERS = {*PACKAGES, "tests"}
MADE_BY_TOOLS = {"__pycache__", "build", "dist", "var"}

MAY_IMPORT = {
    "api": {"api", "projections", "ledger", "migrations"},
    "projections": {"projections", "ledger"},
    "ledger": {"ledger"},
    "migrations": {"migrations"},
}
RESPONSIBILITIES = {"approval", "supervision", "enforcement"}
OUTSIDE = {"aiohttp", "click", "jinja2", "prometheus_client", "structlog", "swagger_ui_bundle"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}

# Modules of `ledger/` that may wait, read, write or ask the time; every other one is pure.
INPUT_OUTPUT = {
    "access_log", "account", "cluster", "database", "watcher",  # PostgreSQL
    "loop_thread", "recorder",  # the `eventsourcing` library
    "clock", "durable", "keyring", "ledger", "log", "privacy", "publish", "queries", "signing",
    "store", "writer",
    # What must hold before anything is appended.
    "confirmed", "fsck", "fsck_ranges", "proved", "shape", "startup",
}  # fmt: skip
IMPURE = {
    "asyncio", "asyncpg", "io", "os", "pathlib", "random", "secrets", "shutil", "socket",
    "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
ASKS_THE_TIME = re.compile(r"\b(datetime|date)\.(now|utcnow|today)$")

SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|WITH \w+ AS|CREATE|ALTER|DROP|GRANT"
    r"|REVOKE|TRUNCATE|LOCK TABLE|SET (LOCAL|ROLE|SESSION)|RESET|LISTEN|NOTIFY|COPY|CALL|VACUUM)"
    r"\b(?!:)"
)
SQL_IN_PYTHON: dict[str, str] = {
    # path: why its SQL cannot stand in a file
}
ITEM_CODE = re.compile(r"\bQH-\w+")


def arrows(path, text):
    package = path.split("/")[0]
    allowed = MAY_IMPORT.get(package, set())
    for line, name in imports(path, text):
        top = name.split(".")[0]
        if top in {*PACKAGES, "tests"} and top not in allowed:
            yield f"{path}:{line}: {package} imports {name}"
        if path.startswith("ledger/tlog/") and top == "ledger" and not within(name, "ledger.tlog"):
            yield f"{path}:{line}: the log knows nothing of cases, and imports {name}"


def responsibilities(path, text):
    ours = Path(path).stem
    if Path(path).parent == Path("ledger") and ours in RESPONSIBILITIES:
        for line, name in imports(path, text):
            for other in RESPONSIBILITIES - {ours}:
                if within(name, f"ledger.{other}"):
                    yield f"{path}:{line}: {ours} imports {other}"


def purity(path, text):
    if not is_pure(path):
        return
    for line, name in imports(path, text):
        if name.split(".")[0] in IMPURE:
            yield f"{path}:{line}: imports {name}"
    for node in ast.walk(tree(text)):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith | ast.AsyncFor):
            yield f"{path}:{node.lineno}: awaits"
        if isinstance(node, ast.Attribute) and ASKS_THE_TIME.search(ast.unparse(node)):
            yield f"{path}:{node.lineno}: asks what time it is"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"open", "print", "input"}:
            yield f"{path}:{node.lineno}: {ast.unparse(node.func)}()"


def doors(path, text):
    if path.startswith("api/"):
        return
    for line, name in imports(path, text):
        if name.split(".")[0] in OUTSIDE or name in {f"os.{word}" for word in ENVIRONMENT}:
            yield f"{path}:{line}: imports {name}"
    for node in ast.walk(tree(text)):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT:
            yield f"{path}:{node.lineno}: reads the environment"


def sql_in_python(path, text):
    if path not in SQL_IN_PYTHON:
        for line, value in strings(text):
            if SQL.match(value):
                yield f"{path}:{line}: SQL: {value.strip()[:60]}"


def item_codes(path, text):
    if path.startswith("ledger/"):
        for line, value in strings(text):
            if found := ITEM_CODE.search(value):
                yield f"{path}:{line}: the code of an item, {found[0]}: items are data"


SAMPLES = [
    (arrows, "ledger/store.py", "from projections import follow"),
    (arrows, "ledger/store.py", "import api.app"),
    (arrows, "projections/follow.py", "def f():\n    from api.app import x"),
    (arrows, "migrations/__init__.py", "from ledger.errors import Refused"),
    (arrows, "ledger/tlog/tile.py", "from ledger.case import Case"),
    (arrows, "ledger/tlog/tile.py", "from ..case import Case"),
    (arrows, "api/app.py", "from tests.conftest import begin"),
    (responsibilities, "ledger/approval.py", "from ledger.supervision import inspect"),
    (responsibilities, "ledger/enforcement.py", "from ledger import approval"),
    (responsibilities, "ledger/supervision.py", "from . import enforcement"),
    (purity, "ledger/case.py", "import asyncpg"),
    (purity, "ledger/office/seal.py", "from time import monotonic"),
    (purity, "ledger/deadline.py", "due = datetime.now(UTC)"),
    (purity, "ledger/workdays.py", "first = date.today()"),
    (purity, "ledger/workdays.py", "first = datetime.datetime.utcnow()"),
    (purity, "ledger/approval.py", "async def seal(): ..."),
    (purity, "ledger/records.py", "text = open('x').read()"),
    (purity, "ledger/a_new_module.py", "import random"),
    (doors, "ledger/database.py", "import os\nurl = os.environ['X']"),
    (doors, "ledger/database.py", "from os import getenv"),
    (doors, "projections/follow.py", "import structlog"),
    (doors, "ledger/store.py", "from aiohttp import web"),
    (sql_in_python, "ledger/store.py", "QUERY = 'SELECT 1'"),
    (sql_in_python, "projections/follow.py", "q = f'''\n  UPDATE {table} SET x = 1'''"),
    (sql_in_python, "api/app.py", "q = ' INSERT INTO ledger.event VALUES ($1)'"),
    (item_codes, "ledger/approval.py", "if item == 'QH-003':\n    pass"),
    (item_codes, "ledger/office/item.py", "x = f'QH-S1{y}'"),
]
RULES = (arrows, responsibilities, purity, doors, sql_in_python, item_codes)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_it(rule):
    wrong = [what for path, text in modules() for what in rule(path, text)]

    assert [] == wrong


@pytest.mark.parametrize(("rule", "path", "text"), SAMPLES)
def test_control_a_breach_is_found(rule, path, text):
    assert list(rule(path, text))


def test_every_rule_has_a_control():
    assert set(RULES) == {rule for rule, _, _ in SAMPLES}


def test_documentation_is_not_code():
    text = '"""SELECT what QH-001 says."""\n\ndef f():\n    """DROP it."""\n'

    assert [] == [*sql_in_python("ledger/x.py", text), *item_codes("ledger/x.py", text)]


def test_exceptions_are_still_needed():
    for path in SQL_IN_PYTHON:
        assert any(SQL.match(value) for _, value in strings((ROOT / path).read_text("utf-8")))


def test_top_level_folders_are_those_of_the_layout():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    visible = {name for name in folders if not name.startswith(".")}

    assert FOLDERS == {name for name in visible - MADE_BY_TOOLS if not name.endswith(".egg-info")}


def lock_flaws(text):
    """Hosts, and requirements without a hash, in a lock file."""
    if "://" in text:
        yield "names a host"
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        if "==" not in requirement or "--hash=sha256:" not in requirement:
            yield requirement.split("\n")[0]


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-dev.lock", "requirements-sm.lock"]
)
def test_locks_hold_versions_and_hashes_and_no_hosts(name):
    assert [] == list(lock_flaws((ROOT / name).read_text()))


@pytest.mark.parametrize("sample", ["a==1 \\\n    --hash=sha256:0\nb==2", "--index-url http://x/y"])
def test_control_a_flawed_lock_is_found(sample):
    assert list(lock_flaws(sample))


def test_the_wheel_carries_sql_data_and_pages(tmp_path):
    wheel = next(iter(WheelBuilder(str(ROOT)).build(directory=str(tmp_path))))
    carried = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    shipped = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == carried


@cache
def modules():
    found = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return tuple((path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in found)


@cache
def tree(text):
    return ast.parse(text)


def is_pure(path):
    folder, _, rest = path.partition("/")
    return folder == "ledger" and rest.removesuffix(".py") not in INPUT_OUTPUT


def within(name, module):
    return f"{name}.".startswith(f"{module}.")


def imports(path, text):
    """Each imported name with its line, spelled out from the top; `from a import b` is `a.b`."""
    parents = Path(path).parent.parts
    for node in ast.walk(tree(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = parents[: len(parents) - node.level + 1] if node.level else ()
            module = ".".join([*up, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def strings(text):
    """Each string of the code with its line, without documentation."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree(text))
        if isinstance(node, described) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree(text)):
        if not isinstance(node, ast.Constant) or id(node) in documentation:
            continue
        if isinstance(node.value, str):
            yield node.lineno, node.value
