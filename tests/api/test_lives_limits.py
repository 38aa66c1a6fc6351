"""Whole lives of cases over HTTP, with other dates than the scenarios: calendars and clocks.

Every date was counted by hand, from the calendar files and the rules, before the service was
asked; the comments say how.  In them `31 (4)` means: the 31st is the fourth day that counts.
"""

import pytest

from api.setup import example
from tests.api.living import (
    HEAD,
    adopted,
    as_of,
    cards,
    dues,
    figure,
    findings,
    moves,
    positions,
    published,
    resumed,
    stopped,
    told,
    year,
)
from tests.api.serving import application, last, part, serve, sha
from tests.ledger.given import CALENDARS


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


# -- calendars -------------------------------------------------------------------------------

NATION = "国办发明电〔2020〕1号"


@pytest.mark.parametrize(
    ("ledger", "before", "meanwhile", "after", "labels"),
    [
        # Statutory 45, cn@1 (off 24-30 Jan, Saturday 1 Feb at work): 23 Jan (3), 31 (4),
        # 1 Feb (5), 7 (10), 28 (25), 20 Mar (40), 25 (43), then the county's 26 and 27 off:
        # 30 (44), 31 (45).  cn@2 (off to 2 Feb) takes out 31 Jan and 1 Feb: 25 Mar (41),
        # 31 (43), 2 Apr (45).  Without the county's days: 26 (42), 31 (45).
        ("469028", "2020-03-31", "2020-04-02", "2020-03-31",
         ("cn@1+469028@1", "cn@2+469028@1", "cn@2+469028@2")),
        # The neighbour has no days of its own: 27 Mar (45); then 27 (43), 31 (45).
        ("469002", "2020-03-27", "2020-03-31", "2020-03-31", ("cn@1", "cn@2", "cn@2")),
    ],
)  # fmt: skip
async def test_a_county_keeps_its_days_while_the_nation_changes_its_own(
    database, tmp_path, ledger, before, meanwhile, after, labels
):
    documents = {ledger: {**example(), "calendars": ["cn-2020-first"]}}
    async for here in serve(database, tmp_path, ledgers=(ledger,), documents=documents):
        festival = ("2020-03-26", "2020-03-27")  # 三月三, by the county's own notice
        ours = year("示例〔2020〕1号", festival, calendar="469028", issued="2020-01-08")
        await adopted(here, ours, "2020-01-10 10:00")
        case = await here.accepted("QH-005", "2020-01-20")
        state = await here.state(case)
        # Promise 12: 1 Feb (5), 7 (10), 11 (12).
        assert [before, "2020-02-11"] == dues(state, "statutory", "promised")
        first = {"calendar_version": labels[0], "moved_by": []}
        assert first == part(last(state, "statutory"), **first)

        nation = await adopted(here, published("cn-2020", NATION), "2020-01-27 10:30")
        state = await here.state(case)
        # Promise 12: 23 Jan (3), 7 Feb (8), 13 (12).
        assert [meanwhile, "2020-02-13"] == dues(state, "statutory", "promised")
        assert labels[1] == last(state, "promised")["calendar_version"]
        moved = [("calendar", NATION, before, meanwhile)]
        assert moved == moves(last(state, "statutory"))
        assert [nation] == [m["position"] for m in last(state, "statutory")["moved_by"]]

        # The county gives its festival up: its second version says no day of that year.
        withdrawn = ours | {"off": [], "notice": ours["notice"] | {"number": "示例〔2020〕2号"}}
        county = await adopted(here, withdrawn, "2020-03-20 10:00")
        state = await here.state(case)
        assert [after, "2020-02-13"] == dues(state, "statutory", "promised")
        assert labels[2] == last(state, "statutory")["calendar_version"]
        if meanwhile != after:
            moved = [*moved, ("calendar", "示例〔2020〕2号", meanwhile, after)]
        assert moved == moves(last(state, "statutory"))

        # Asked as of before, the ledger answers as it did before.
        for moment, due, label in (
            ("2020-01-25T12:00", before, labels[0]),
            (nation - 1, before, labels[0]),
            (nation, meanwhile, labels[1]),
            (county - 1, meanwhile, labels[1]),
            (county, after, labels[2]),
        ):
            then = last(await as_of(here, case, moment), "statutory")
            expected = {"due": due, "calendar_version": label}
            assert expected == part(then, **expected), moment
        # Early from nine days used, yellow from eleven: under cn@2, nothing was raised before.
        found = await cards(here, case, deadline="promised")
        raised = [("early", "2020-02-10"), ("yellow", "2020-02-12"), ("red", "2020-02-14")]
        assert raised == told(found, "level", "raised_at")


async def test_a_year_without_its_notice_is_provisional_and_the_notice_moves_what_is_due(here):
    case = await here.accepted("QH-005", "2026-12-30")
    state = await here.state(case)
    # Statutory 45: 31 Dec (1), without New Year's Day 8 Jan (6), 29 (21), 4 Feb (25), without
    # 5-8 Feb, which the law itself names, 12 (29), 26 (39), 5 Mar (44), 8 (45).
    # Promise 12: 8 Jan (6), 15 (11), 18 (12).
    assert ["2027-03-08", "2027-01-18"] == dues(state, "statutory", "promised")
    for name in ("statutory", "promised"):
        uncertain = {"provisional": True, "calendar_version": "cn@4", "moved_by": []}
        assert uncertain == part(last(state, name), **uncertain)

    # Invented: off 5-12 February, at work Sunday 31 January and Saturday 20 February.
    festival = [f"2027-02-{day:02}" for day in range(5, 13)]
    rest = [day for day in CALENDARS["cn-2027"]["off"] if not day.startswith("2027-02")]
    number = "示例〔2027〕1号"
    notice = year(number, rest + festival, ("2027-01-31", "2027-02-20"), of=2027)
    position = await adopted(here, notice, "2027-01-06 10:00")

    # 29 Jan (21), Sunday 31 (22), 4 Feb (26), 19 (31), Saturday 20 (32), 26 (37), 5 Mar (42),
    # 10 (45).
    state = await here.state(case)
    assert ["2027-03-10", "2027-01-18"] == dues(state, "statutory", "promised")
    statutory = last(state, "statutory")
    assert [("calendar", number, "2027-03-08", "2027-03-10")] == moves(statutory)
    assert [position] == [m["position"] for m in statutory["moved_by"]]
    for name in ("statutory", "promised"):
        assert "provisional" not in last(state, name)
        assert "cn@5" == last(state, name)["calendar_version"]
    assert [] == last(state, "promised")["moved_by"]
    then = last(await as_of(here, case, "2027-01-05T12:00"), "statutory")
    expected = {"due": "2027-03-08", "provisional": True, "calendar_version": "cn@4"}
    assert expected == part(then, **expected)
    # Early from 34 used: Friday 19 February by the old count, Tuesday 23 by the new one.
    await here.state(case, at="2027-02-22 12:00")
    assert [] == await cards(here, case, deadline="statutory")
    await here.state(case, at="2027-02-23 12:00")
    found = await cards(here, case, deadline="statutory")
    assert [("early", "2027-02-23")] == told(found, "level", "raised_at")


async def test_applied_for_on_a_day_of_rest_and_accepted_at_night(here):
    # Spring Festival 2026: off 15-23 February, at work Saturday 14 and Saturday 28.
    await here.at("2026-02-22 22:30")
    body = application("QH-002") | {"channel": "online"}
    who = here.tokens.token(body["applicant"]["id"], "x", client="zwfw")
    headers = {"Authorization": f"Bearer {who}"}
    answer = await here.post("/cases", body, by=None, headers=headers)
    assert 201 == answer.status, answer.body
    case = answer.body["case"]
    state = await here.state(case)
    # 24, 25, 26, 27, Saturday 28 (5).
    supplement = {"start": "2026-02-22", "due": "2026-02-28"}
    assert supplement == part(last(state, "supplement"), **supplement)

    await here.done(case, "accept", by="zhou-min", at="2026-02-23 23:10")
    # The day on which it was accepted is day 0, at whatever hour, at work or not.
    # Statutory: 28 (5), 6 Mar (10), 13 (15), 20 (20).
    state = await here.state(case, at="2026-02-23 23:59")
    assert ["2026-03-20", "2026-02-28"] == dues(state, "statutory", "promised")
    assert ("2026-02-23", 0) == (last(state, "statutory")["start"], last(state, "promised")["used"])
    for at, used, light in (
        ("2026-02-24 00:00", 1, "green"),
        ("2026-02-26 12:00", 3, "green"),
        ("2026-02-27 00:00", 4, "yellow"),
        ("2026-02-28 12:00", 5, "yellow"),
    ):
        promised = {"used": used, "light": light}
        assert promised == part(last(await here.state(case, at=at), "promised"), **promised), at
    await here.granted(case, "2026-02-28")

    state = await here.state(case)
    met = {"met_at": "2026-02-28", "light": "met"}
    assert met == part(last(state, "promised"), **met)
    # From Saturday 28: push 2 Mar (1); publish 6 (5), 10 (7); issue 6 (5), 13 (10).
    named = ("push", "stage:publish", "issue")
    assert ["2026-03-02", "2026-03-10", "2026-03-13"] == dues(state, *named)
    found = await findings(here, case, "batch")
    assert await positions(here, case, "accepted") == found[0]["positions"]
    assert ["batch.day-off"] == [f["measure"] for f in found], "a make-up day is none"
    # On the day itself is on time, and not early.
    period = ("2026-02-01", "2026-02-28")
    assert (0, 1) == (await figure(here, "kpi.overdue@1", *period))[:2]
    assert (0, 1) == (await figure(here, "kpi.early@1", *period))[:2]


# -- stopped and lengthened ------------------------------------------------------------------


async def test_the_same_procedure_twice_in_one_case_and_once_without_notice(here):
    case = await here.accepted("QH-002", "2026-03-02")
    assert ["2026-03-30", "2026-03-09"] == dues(await here.state(case), "statutory", "promised")

    # Without a written notice nothing stops.
    bare = {"notice": None, "served_at": None}
    done = await stopped(here, case, "testing", "2026-03-03 10:00", 3, **bare)
    flag = {"flag": "suspension-without-notice", "rule": "suspension.notice"}
    assert flag in done.body["events"][0]["flags"]
    state = await here.state(case)
    assert ("accepted", "green") == (state["stage"], last(state, "promised")["light"])
    assert ["2026-03-30", "2026-03-09", None] == dues(state, "statutory", "promised", "special")
    (card,) = [c for c in await cards(here, case) if c["rule"] == "suspension.notice"]
    told_to = ("yellow", None, ["chen-zhi"], "2026-03-05")
    assert told_to == tuple(card[n] for n in ("level", "deadline", "addressees", "answer_by"))

    await stopped(here, case, "testing", "2026-03-04 10:00", 3)
    # Taken out are 5, 6 and 9 March.  Promise: 3, 4 (2), 12 (5).  Statutory: three days more.
    state = await here.state(case, at="2026-03-05 12:00")
    assert ["2026-04-02", "2026-03-12", "2026-03-09"] == dues(
        state, "statutory", "promised", "special"
    )
    assert "stopped" == last(state, "promised")["light"]
    refused = await here.act(case, "suspend", {"kind": "testing", "notice": sha("n")},
                             by="chen-zhi")  # fmt: skip
    assert (409, "already-done", "suspension.kind") == refused.refusal
    await resumed(here, case, "testing", "2026-03-09 15:00")

    # A second test, planned to Friday 13: on Monday 16 its own limit is over.  12, 13 and 16 are
    # taken out until now.  Promise: 10, 11 (4), 17 (5).  Statutory: 17 (5), 3 Apr (18), without
    # Qingming 7, 8 (20).
    await stopped(here, case, "testing", "2026-03-11 10:00", 2)
    state = await here.state(case, at="2026-03-16 12:00")
    assert ["2026-04-08", "2026-03-17", "2026-03-13"] == dues(
        state, "statutory", "promised", "special"
    )
    assert ("red", "stopped") == (
        last(state, "special")["light"],
        last(state, "statutory")["light"],
    )
    await resumed(here, case, "testing", "2026-03-17 15:00")

    # 12, 13, 16 and 17 are taken out: 18 (5); 3 Apr (17), 7, 8, 9 (20).
    state = await here.state(case)
    statutory = {"due": "2026-04-09", "paused_days": 7, "used": 4}
    assert statutory == part(last(state, "statutory"), **statutory)
    rule = "suspension.after-start"
    assert [
        ("suspension", rule, "2026-03-30", "2026-04-02"),
        ("suspension", rule, "2026-04-02", "2026-04-09"),
    ] == moves(last(state, "statutory"))
    assert [
        ("suspension", rule, "2026-03-09", "2026-03-12"),
        ("suspension", rule, "2026-03-12", "2026-03-18"),
    ] == moves(last(state, "promised"))
    special = [d for d in state["deadlines"] if d["name"] == "special"]
    assert [("2026-03-04", "met"), ("2026-03-11", "met-late")] == [
        (d["start"], d["light"]) for d in special
    ]
    noticed, overdue = await findings(here, case, "pause-overrun")
    assert ("pause-overrun.without-notice", "pause-overrun.overdue", 2) == (
        noticed["measure"],
        overdue["measure"],
        overdue["measured"],
    )
    # Four of the promise's five days were used when it was stopped again.
    (convenient,) = await findings(here, case, "convenient-pause")
    third = (await positions(here, case, "suspended"))[2]
    assert (1, [third]) == (convenient["measured"], convenient["positions"])


async def test_extended_on_the_last_day_that_a_suspension_gave_and_suspended_again(here):
    case = await here.accepted("QH-002", "2026-08-31")
    # Statutory: 4 Sep (4), 18 (14), Sunday 20 (15), 24 (19), 28 (20).  Promise: 7 Sep (5).
    assert ["2026-09-28", "2026-09-07"] == dues(await here.state(case), "statutory", "promised")
    await stopped(here, case, "testing", "2026-09-03 10:00", 5)
    await resumed(here, case, "testing", "2026-09-09 15:00")
    # 4, 7, 8, 9 September are taken out: 3 (3), 11 (5), 18 (10), 20 (11), 24 (15), 30 (18),
    # 8, 9 October (20).
    assert ["2026-10-09", "2026-09-11"] == dues(await here.state(case), "statutory", "promised")

    # Eleven days after the due date that it had at first, and in time.
    extended = await here.done(
        case, "extend", {"days": 10, **HEAD}, by="chen-zhi", at="2026-10-09 17:00"
    )
    assert not extended.body["events"][0].get("flags")
    # Saturday 10 (21), 16 (26), 22 (30).
    statutory = {"budget": 30, "due": "2026-10-22", "light": "green"}
    assert statutory == part(last(await here.state(case), "statutory"), **statutory)

    await stopped(here, case, "inspection", "2026-10-13 10:00", 3)
    await resumed(here, case, "inspection", "2026-10-16 15:00")
    # 14, 15, 16 are taken out: 13 (23), 19 (24), 23 (28), 26, 27 (30).
    state = await here.state(case, at="2026-10-20 12:00")
    statutory = {"budget": 30, "due": "2026-10-27", "paused_days": 7, "used": 25}
    assert statutory == part(last(state, "statutory"), **statutory)
    assert "2026-09-11" == last(state, "promised")["due"], "a broken promise stays broken"
    assert [
        ("suspension", "2026-09-28", "2026-10-09"),
        ("extension", "2026-10-09", "2026-10-22"),
        ("suspension", "2026-10-22", "2026-10-27"),
    ] == [(m["cause"], m["from"], m["to"]) for m in last(state, "statutory")["moved_by"]]
    # Of 20 days early is from 15 used (24 September), yellow from 18 (30); the extension lifts
    # both.  Of 30 early is from 23 used: 13 October.
    found = await cards(here, case, deadline="statutory")
    assert [
        ("early", "2026-09-24", "withdrawn", "extension"),
        ("yellow", "2026-09-30", "withdrawn", "extension"),
        ("early", "2026-10-13", "raised", "None"),
    ] == told(found, "level", "raised_at", "state", "reason")
    then = last(await as_of(here, case, "2026-10-09T16:00"), "statutory")
    assert (20, "2026-10-09") == (then["budget"], then["due"])

    await here.granted(case, "2026-10-27")

    state = await here.state(case)
    met = {"met_at": "2026-10-27", "used": 30, "light": "met"}
    assert met == part(last(state, "statutory"), **met)
    causes = {"promised": [case]}
    assert (1, 1, causes) == await figure(here, "kpi.overdue@1", "2026-10-01", "2026-10-31")


FROM, AFTER, WHOLE = (f"suspension.{rule}" for rule in ("from-start", "after-start", "whole-days"))


@pytest.mark.parametrize(
    ("rule", "promised", "statutory", "light", "red"),
    [
        # Stopped on Monday 10 August, the last day of the promise: that day counts, so the
        # promise runs out.  Taken out 11-14: 10 (5), 21 (10), 4 Sep (20).
        (AFTER, "2026-08-10", "2026-09-04", "red", ["2026-08-11"]),
        # That day is taken out: 10-14.  7 (4), 17 (5); 4 Sep (19), 7 (20).
        (FROM, "2026-08-17", "2026-09-07", "stopped", []),
        # Only whole days, 11-13: 10 (5), 14 (6), 28 (16), 3 Sep (20).
        (WHOLE, "2026-08-10", "2026-09-03", "red", ["2026-08-11"]),
    ],
)
async def test_whether_the_first_day_of_a_suspension_counts_decides_over_the_promise(
    here, rule, promised, statutory, light, red
):
    await stopping_by(here, rule, "2026-07-31 09:00")
    case = await here.accepted("QH-002", "2026-08-03")
    assert ["2026-08-31", "2026-08-10"] == dues(await here.state(case), "statutory", "promised")

    await stopped(here, case, "testing", "2026-08-10 10:00", 5)
    state = await here.state(case, at="2026-08-12 12:00")
    assert light == last(state, "promised")["light"]
    await resumed(here, case, "testing", "2026-08-14 15:00")

    state = await here.state(case)
    assert [statutory, promised] == dues(state, "statutory", "promised")
    assert [("suspension", rule, "2026-08-31", statutory)] == moves(last(state, "statutory"))
    found = await cards(here, case, deadline="promised", level="red")
    assert red == [raised for (raised,) in told(found, "raised_at")]


@pytest.mark.parametrize(
    ("rule", "promised", "statutory", "paused"),
    [
        # Stopped on the day of acceptance, which is never counted: 4 and 5 are taken out.
        (AFTER, "2026-08-12", "2026-09-02", 2),
        (FROM, "2026-08-12", "2026-09-02", 2),
        # Only the 4th.
        (WHOLE, "2026-08-11", "2026-09-01", 1),
    ],
)
async def test_on_the_day_of_acceptance_both_rules_give_the_same(
    here, rule, promised, statutory, paused
):
    await stopping_by(here, rule, "2026-07-31 09:00")
    case = await here.accepted("QH-002", "2026-08-03")
    await stopped(here, case, "testing", "2026-08-03 11:00", 5)
    await resumed(here, case, "testing", "2026-08-05 15:00")

    state = await here.state(case)

    assert [statutory, promised] == dues(state, "statutory", "promised")
    assert paused == last(state, "statutory")["paused_days"]


async def stopping_by(here, rule, at):
    """Put the rule of suspensions in force before a case is accepted."""
    await here.at(at)
    policies = (await here.get("/policies")).body["items"]
    current = next(p["content"] for p in policies if p["id"] == "deadlines-default")
    await here.post("/policies", current | {"suspension": rule}, by="fang-ke")
    done = await here.post("/policies/deadlines-default/approve", by="wu-jun")
    assert 201 == done.status, done.body
