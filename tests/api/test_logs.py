"""Log lines hold what is listed, one JSON object each, and nothing of a person."""

import io
import json

import pytest
import structlog

from api import logs


@pytest.fixture
def lines():
    before = structlog.get_config()
    file = io.BytesIO()
    logs.configure("info", file)
    yield lambda: [json.loads(line) for line in file.getvalue().splitlines()]
    structlog.configure(**before)


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
