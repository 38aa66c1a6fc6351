"""The catalogue of the pages' texts, in both languages."""

import re
import string
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from api.web.texts import DEFAULT, LANGUAGES, Texts, catalogue
from ledger import limit
from ledger.lifecycle import (
    AUTHORISING,
    BY_LAW,
    RULES,
    SUSPENSION_KINDS,
    Action,
    Responsibility,
    Role,
    Stage,
)

ZONE = ZoneInfo("Asia/Shanghai")
CHINESE, ENGLISH = (Texts(language, ZONE) for language in LANGUAGES)

CODED = {
    *(f"stage.{stage}" for stage in Stage),
    *(f"role.{role}" for role in Role),
    *(f"action.{action}" for action in Action),
    *(f"responsibility.{responsibility}" for responsibility in Responsibility),
    *(f"event.{rule.event}" for rule in RULES.values()),
    *(f"event.{kind}" for kind in BY_LAW),
    *(f"document.{kind}" for kind in AUTHORISING),
    *(f"procedure.{kind}" for kind in SUSPENSION_KINDS),
    *(f"deadline.{name}" for name in limit._BASIS),
    *(f"light.{light}" for light in ("green", "yellow", "red", "stopped", "met", "met-late")),
    *(f"level.{level}" for level in ("early", "yellow", "red")),
    *(f"cause.{cause}" for cause in ("suspension", "extension", "calendar", "correction")),
}


@pytest.mark.parametrize("key", sorted(CODED))
def test_every_word_of_the_tables_is_translated(key):
    assert key in catalogue()


def test_every_text_is_there_in_both_languages_with_the_same_places():
    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, (chinese, english) in catalogue().items():
        assert chinese.strip(), key
        assert english.strip(), key
        assert places(chinese) == places(english), key


def test_every_text_that_a_template_asks_for_is_there():
    asked = set()
    for template in files("api.web").joinpath("templates").iterdir():
        asked |= set(re.findall(r"\bt\('([a-z.-]+)'", template.read_text("utf-8")))

    assert set() == asked - set(catalogue())


def test_an_unknown_word_is_shown_as_it_is():
    assert "brand-new" == CHINESE.of("event", "brand-new")


def test_times_are_those_of_the_ledgers_zone():
    assert "2026-03-02 09:00:00" == CHINESE.instant(datetime(2026, 3, 2, 1, tzinfo=UTC))
    assert "2026-03-02 09:00:00" == ENGLISH.instant("2026-03-02T01:00:00.000000Z")


@pytest.mark.parametrize(
    ("gap", "chinese", "english"),
    [
        (timedelta(seconds=59), "", ""),
        (timedelta(minutes=5), "5 分钟后", "5 min later"),
        (timedelta(hours=47), "47 小时后", "47 h later"),
        (timedelta(days=3), "3 天后", "3 d later"),
    ],
)
def test_the_gap_between_act_and_record_is_told(gap, chinese, english):
    occurred = datetime(2026, 3, 2, 1, tzinfo=UTC)

    assert (chinese, english) == (
        CHINESE.gap(occurred, occurred + gap),
        ENGLISH.gap(occurred, occurred + gap),
    )


def test_chinese_comes_first():
    assert "zh-CN" == DEFAULT == LANGUAGES[0]
