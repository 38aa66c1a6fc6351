"""The catalogue of the pages' texts, in both languages."""

import re
import string
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from api.web.texts import DEFAULT, LANGUAGES, Texts, catalogue
from api.web.trouble import trouble_of
from ledger import limit
from ledger.errors import Refused
from ledger.lifecycle import (
    AUTHORISING,
    BY_LAW,
    RULES,
    SEPARATIONS,
    SUSPENSION_KINDS,
    Action,
    Responsibility,
    Role,
    Stage,
)
from ledger.office import upkeep

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
    *(f"basis.{basis}" for basis in (*limit._BASIS.values(), "local rules")),
    *(f"rule.{row.rule}" for row in SEPARATIONS),
    *(f"light.{light}" for light in ("green", "yellow", "red", "stopped", "met", "met-late")),
    *(f"level.{level}" for level in ("early", "yellow", "red")),
    *(f"cause.{cause}" for cause in ("suspension", "extension", "calendar", "correction")),
}


@pytest.mark.parametrize("key", sorted(CODED))
def test_every_word_of_the_tables_is_translated(key):
    assert key in catalogue()


def test_every_rule_by_which_something_is_refused_is_in_words():
    named = {
        rule
        for package in ("api", "ledger")
        for path in sorted(Path(str(files(package))).rglob("*.py"))
        for rule in re.findall(r'\brule="([A-Za-z0-9.-]+)"', path.read_text("utf-8"))
    } | set(upkeep.RULES)

    assert {"SOD-12", "seal.once", "stage.claim"} <= named
    assert [] == sorted(rule for rule in named if CHINESE.rule(rule) == rule)
    assert "目前的环节或情形不能办理" == CHINESE.rule("stage.decline")


def test_why_a_form_was_not_taken_is_told_in_one_language():
    missing = Refused("schema", "it is missing", pointer="/applicant")
    late = Refused("already-done", "this document is sealed already", rule="seal.once")

    told = [trouble_of(missing, texts) for texts in (CHINESE, ENGLISH)]

    assert ("请更正标红的各项；带 * 的为必填。", "有必填项未填。") == (told[0].todo, told[0].detail)
    assert "Something that is needed is not filled in." == told[1].detail
    assert "" == trouble_of(late, CHINESE).detail
    assert late.why == trouble_of(late, ENGLISH).detail
    assert [missing.why, ""] == [one.original for one in told]
    assert late.why == trouble_of(late, CHINESE).original
    assert "" == trouble_of(Refused("internal", "a secret"), CHINESE).original


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
