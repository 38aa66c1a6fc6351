"""Log lines hold what is listed, one JSON object each, and nothing of a person."""

import io
import json
import logging
import re
from pathlib import Path

import pytest
import structlog

from api import logs


@pytest.fixture
def lines():
    before, handlers = structlog.get_config(), [*logging.root.handlers]
    file = io.BytesIO()
    logs.configure("info", file)
    yield lambda: [json.loads(line) for line in file.getvalue().splitlines()]
    structlog.configure(**before)
    logging.root.handlers = handlers


def test_only_listed_fields_are_logged(lines):
    structlog.get_logger().info("request", route="/v1", person="张三", body={"id": "4600"})

    (told,) = lines()
    assert {"timestamp", "level", "event", "route"} == told.keys()


def test_lines_are_short_and_hold_no_control_characters(lines):
    structlog.get_logger().warning(
        "a\nb\x1b[31m\u2028\u202e\x7f", why="x" * 10_000, where=["a"] * 99
    )

    (told,) = lines()
    assert 200 == len(told["why"])
    assert 20 == len(told["where"])
    assert told["event"].startswith("a\nb")


def test_a_line_is_ascii():
    written = logs.line({"event": "\x1b\x7f\u2028\u202e汉\n"})

    assert written.isascii()
    assert all(32 <= byte < 127 for byte in written)


def test_below_the_level_nothing_is_logged(lines):
    structlog.get_logger().debug("x")

    assert [] == lines()


def a_library_logs():
    error = ValueError("张三")
    logging.getLogger("asyncpg.pool").warning("of %s", "张三", exc_info=error)


def test_the_newest_configuration_is_the_only_one(lines):
    logs.configure("info", io.BytesIO())
    a_library_logs()
    assert [] == lines()


def test_what_a_library_logs_is_a_line_without_its_words(lines):
    a_library_logs()
    logging.getLogger("aiohttp").info("not worth it")

    (told,) = lines()
    assert {"timestamp", "level", "event", "where", "error"} == told.keys()
    assert ("warning", "ValueError") == (told["level"], told["error"])
    assert "asyncpg.pool" == told["where"][0]
    assert "张" not in str(told)


def test_it_is_configured_in_one_place_and_with_listed_fields_only():
    api = Path(logs.__file__).parent
    written = {path: path.read_text("utf-8") for path in api.rglob("*.py")}

    assert [Path(logs.__file__)] == [
        p for p, text in written.items() if "structlog.configure" in text
    ]
    calls = re.compile(r"\blog\.(?:debug|info|warning|error|critical)\((.*?)\)\n", re.DOTALL)
    for path, text in written.items():
        for call in calls.findall(text):
            named = set(re.findall(r"\b(\w+)=", call))
            assert named <= set(logs.FIELDS), path
            assert "str(" not in call, f"{path}: the words of an error may quote a value"
