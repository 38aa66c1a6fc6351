"""What is noted of posts as they stand: what must stay apart, runs out, or is not used."""

from dataclasses import replace
from datetime import date

import pytest

from ledger.office.upkeep import RULES, noted
from tests.ledger.given import local
from tests.ledger.test_delegation import lent
from tests.ledger.test_pairs_of_acts import put
from tests.ledger.test_posts import ASKED, granted, post

ON = date(2026, 3, 2)


@pytest.fixture
def here(bureau):
    """The example bureau on 2 March 2026; posts of years ago are no matter of these tests."""
    bureau.at("2026-03-02 08:00")
    return bureau


def found(bureau, rule, *, on=ON, used=None):
    """What is noted by a rule: persons, appointments, day."""
    return [
        (n.person, n.appointments, n.day)
        for n in noted(bureau.office, on, used or {})
        if n.rule == rule
    ]


def test_the_example_joins_nothing(here):
    assert [] == found(here, "SOD-6") == found(here, "SOD-7") == found(here, "SOD-17")


def test_posts_in_two_branches_are_noted_while_they_meet(here):
    """As an earlier set-up had them, before anybody refused it."""
    put(here, "a", "two", "handler", since="2026-01-01")
    put(here, "b", "two", "enforcer", since="2026-04-01")

    assert [("two", ("a", "b"), date(2026, 4, 1))] == found(here, "SOD-6")
    here.end("a", by="wu-jun")
    assert [] == found(here, "SOD-6")


def test_an_organ_that_changes_its_part_joins_what_was_apart(here):
    """The head of a supervising organ supervises; nobody approved a post anew."""
    put(here, "a", "two", "handler")
    put(here, "b", "two", "bureau-head")
    assert [] == found(here, "SOD-6")
    organ = here.office.organs["qh-xzsp"]
    moved = {**here.office.organs, "qh-xzsp": {**organ, "part": "supervising"}}
    here.office = replace(here.office, organs=moved)

    assert [("two", ("a", "b"), date(2020, 1, 1))] == found(here, "SOD-6")


def test_what_is_lent_joins_like_a_post(here):
    lent(here)
    put(here, "chen-zhi-elsewhere", "chen-zhi", "enforcer")

    ids = [ids for _, ids, _ in found(here, "SOD-6")]

    assert ("chen-zhi-elsewhere", "lent") in ids
    assert ("chen-zhi-elsewhere", "chen-zhi-handler") in ids
    on = date(2026, 3, 21)
    assert [("chen-zhi-elsewhere", "chen-zhi-handler")] == [
        ids for _, ids, _ in found(here, "SOD-6", on=on)
    ]


def test_an_administrator_with_another_post_is_noted(here):
    put(here, "another", "fang-ke", "clerk")

    assert [("fang-ke", ("another", "fang-ke-security-admin"), date(2020, 1, 1))] == found(
        here, "SOD-7"
    )


def test_a_system_with_a_post_is_noted(here):
    put(here, "machine", "zc", "approver")

    assert [("zc", ("machine",), date(2020, 1, 1))] == found(here, "SOD-17")


def test_an_emergency_is_noted_until_it_is_reviewed(here):
    granted(here, "flood", ASKED)

    later = date(2026, 3, 9)
    assert [("lin-bo", ("flood",), ON)] == found(here, "break-glass.review", on=later)


@pytest.mark.parametrize(("to", "is_noted"), [("2026-04-01", True), ("2026-04-02", False)])
def test_a_post_that_ends_within_a_month_is_noted(here, to, is_noted):
    granted(here, "short", post("new", "clerk", to=to))

    expected = [("new", ("short",), date.fromisoformat(to))] if is_noted else []
    assert expected == found(here, "post.expiring")


def test_when_it_is_noted_is_policy(here):
    granted(here, "short", post("new", "clerk", to="2026-04-20"))
    assert [] == found(here, "post.expiring")
    content = {"kind": "posts", "delegation_days": 30, "expiring_days": 60, "unused_days": 10}
    here.propose("policy", "posts-default", content, by="fang-ke")
    here.approve("policy", "posts-default", by="xing-tao")

    assert ["new"] == [person for person, _, _ in found(here, "post.expiring")]
    assert "new" in [p for p, _, _ in found(here, "post.unused", on=date(2026, 3, 12))]


@pytest.mark.parametrize(
    ("last", "day"),
    [
        (None, date(2020, 1, 1)),
        ("2025-12-02 23:59", date(2025, 12, 2)),
        ("2025-12-03 00:00", None),
    ],
)
def test_a_post_nobody_acted_in_for_ninety_days_is_noted(here, last, day):
    used = {} if last is None else {"lin-bo-checker": local(last)}

    mine = [n for n in found(here, "post.unused", used=used) if n[0] == "lin-bo"]

    assert ([("lin-bo", ("lin-bo-checker",), day)] if day else []) == mine


def test_who_only_reads_is_not_unused_and_a_new_post_is_not_yet(here):
    granted(here, "fresh", post("new", "clerk"))

    unused = [person for person, _, _ in found(here, "post.unused")]

    assert not {"jiang-he", "new"} & set(unused)
    assert "yan-qing" in unused


def test_what_is_worst_comes_first(here):
    put(here, "another", "fang-ke", "clerk")
    put(here, "b", "lin-bo", "enforcer")

    order = [n.rule for n in noted(here.office, ON, {})]

    assert sorted(order, key=RULES.index) == order
    assert "SOD-6" == order[0]
