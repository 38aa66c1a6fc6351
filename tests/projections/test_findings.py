"""Findings: each rule finds what it says and not what only looks like it, on a real ledger."""

from dataclasses import replace
from datetime import timedelta
from secrets import token_hex

import pytest

from ledger import approval, correction, result, supervision
from ledger.case import Actor, Event, replay
from projections import findings_after, findings_order
from projections.findings_case import Looked
from projections.findings_measures import MEASURES
from projections.findings_rules import PARAMETERS, RULES
from tests.projections.conftest import (
    CHEN,
    FORM,
    HE,
    HUANG,
    LICENCE,
    LIN,
    MO,
    TANG,
    WU,
    ZHOU,
    beside_others,
    content,
    instant,
    making,
    person,
)

WANG = {role: person("wang-lan", role) for role in ("clerk", "handler", "approver")}
KE = person("ke-jun", "enforcer", "qh-zfj")
APPLICANT = Actor(role="applicant", client="hpj")


bureau = beside_others("2026-03-02 08:00")


async def one(bureau, rule, **more):
    """The one finding of a rule."""
    page = await bureau.findings(rule=rule, **more)
    assert len(page.items) == 1, [(f["measure"], f["part"]) for f in page.items]
    return page.items[0]


async def measures(bureau, rule, **more):
    return sorted(f["measure"] for f in (await bureau.findings(rule=rule, **more)).items)


async def positions(bureau, stream, *kinds):
    case = await bureau.case(stream)
    return [e.position for e in case.events if e.type in kinds]


# -- the table ---------------------------------------------------------------------------------


def test_every_rule_that_is_computed_has_a_measure_and_the_policy_its_numbers():
    policy = content("policies", "findings-default")
    rules = {m.rule for m in MEASURES.values()}

    assert rules == {r.id for r in RULES.values() if r.why_not is None}
    assert {k: v for k, v in policy.items() if k in PARAMETERS} == PARAMETERS
    assert set(policy) == {*PARAMETERS, "id", "kind", "supervisors"}
    assert {p for r in RULES.values() for p in r.parameters} == set(PARAMETERS)
    named = {t[1] for m in MEASURES.values() for t in (m.test, m.beside) if t}
    assert {n for n in named if isinstance(n, str)} <= set(PARAMETERS)


@pytest.fixture(scope="module")
async def ordinary(shared):
    """A ledger with one case, as they are; it is only read."""
    async with making(*shared) as made:
        bureau = await made("2026-03-02 08:00")
        await bureau.at("2026-03-02 09:00")
        stream = await bureau.accepted()
        await bureau.at("2026-03-03 09:00")
        await bureau.handed_to(stream)
        await bureau.at("2026-03-03 10:00")
        for level, by in (("handle", CHEN), ("check", LIN)):
            await bureau.act(
                stream, approval.review, by, level=level, opinion="同意", recommend="grant"
            )
        await bureau.at("2026-03-04 10:00")
        await bureau.act(stream, result.decide, HUANG, outcome="grant", document=LICENCE)
        await bureau.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE)
        await bureau.act(
            stream, result.issue, TANG, document=LICENCE, method="window", recipient={"name": "c"}
        )
        await bureau.act(stream, result.push, CHEN, to="qh-wjw")
        await bureau.act(stream, supervision.claim, MO)
        await bureau.act(stream, result.publish, CHEN, what="decision", where="网站")
        await bureau.act(stream, result.close, CHEN)
        yield bureau


@pytest.mark.parametrize(
    "rule", [r for r in RULES.values() if r.why_not is None], ids=lambda r: r.id
)
async def test_an_ordinary_case_is_no_finding(ordinary, rule):
    found = await ordinary.findings(rule=rule.id)

    # Bottlenecks are figures of every case.
    assert rule.id == "bottleneck" or not found.items, found.items


# -- who ---------------------------------------------------------------------------------------


async def alone(bureau, last=WANG["approver"]):
    """An instant case, received and accepted by one person, decided by somebody."""
    stream = await bureau.received("QH-001", WANG["clerk"])
    await bureau.act(stream, approval.accept, WANG["clerk"])
    await bureau.act(stream, result.decide, last, outcome="grant", document=LICENCE)
    return stream


async def test_what_a_policy_lets_one_person_do_is_a_sole_handler_and_four_eyes(bureau):
    stream = await alone(bureau)
    accepted, decided = await positions(bureau, stream, "accepted", "decided")

    sole = await one(bureau, "sole-handler")
    eyes = await one(bureau, "four-eyes")

    assert [decided] == sole["positions"]
    assert ("wang-lan", "duty-sole-handler@1") == (sole["officer"], sole["part"])
    assert [accepted, decided] == eyes["positions"]
    assert "SOD-1: accept → decide" == eyes["part"]
    assert "findings-default@1" == eyes["policy"]


async def test_two_persons_are_four_eyes_and_no_sole_handler(bureau):
    await alone(bureau, HUANG)

    assert [] == await measures(bureau, "sole-handler")
    assert [] == await measures(bureau, "four-eyes")


async def test_two_responsibilities_are_those_of_posts_not_of_acts(bureau):
    stream = await bureau.accepted()
    await bureau.granted(stream)
    await bureau.act(stream, result.push, CHEN, to="qh-wjw")
    await bureau.act(stream, supervision.claim, MO)
    case = await bureau.case(stream)
    claimed = next(e for e in case.events if e.type == "claimed")
    await bureau.act(
        stream, correction.correct, MO, event_id=claimed.id, evidence="e" * 64,
        fields={"occurred_at": "2026-03-02T08:00:00+08:00"},
    )  # fmt: skip
    assert [] == await measures(bureau, "two-responsibilities")

    other = await bureau.accepted()
    await bureau.granted(other)
    await bureau.act(other, result.push, CHEN, to="qh-wjw")
    await bureau.act(other, supervision.claim, CHEN_SUPERVISING)
    page = await bureau.findings(
        rule="two-responsibilities", case=bureau.number(await bureau.case(other))
    )
    found = next(f for f in page.items if f["measure"] == "two-responsibilities.case")

    assert ("two-responsibilities.case", "chen-zhi", 2) == (
        found["measure"], found["officer"], found["measured"],
    )  # fmt: skip


CHEN_SUPERVISING = person("chen-zhi", "supervisor", "qh-wjw")


async def claimed_by_chen(bureau):
    """Another case of the applicant, in which he is on the supervisor's side."""
    stream = await bureau.accepted()
    await bureau.act(stream, result.decide, HUANG, outcome="grant", document=LICENCE)
    await bureau.act(stream, result.push, TANG, to="qh-wjw")
    await bureau.act(stream, supervision.claim, CHEN_SUPERVISING)
    return stream


async def test_two_responsibilities_on_one_applicant_count_for_twelve_months(bureau):
    first = await bureau.accepted()
    await bureau.handed_to(first)
    await bureau.at("2027-03-02 07:59")
    second = await claimed_by_chen(bureau)
    case_numbers = [bureau.number(await bureau.case(s)) for s in (first, second)]

    found = await one(bureau, "two-responsibilities")

    assert case_numbers == found["cases"]
    assert ("approval, supervision", "chen-zhi") == (found["part"], found["officer"])
    assert "12 months" in found["text"]["en"]


async def test_two_responsibilities_a_day_later_or_on_another_applicant_are_none(bureau):
    first = await bureau.accepted()
    await bureau.handed_to(first)
    await bureau.at("2027-03-02 09:01")
    await claimed_by_chen(bureau)

    assert [] == await measures(bureau, "two-responsibilities")


async def opinions(bureau, stream, *levels, recommend="grant"):
    for level in levels:
        by = CHEN if level == "handle" else LIN
        await bureau.act(
            stream, approval.review, by, level=level, opinion="意见", recommend=recommend
        )


async def test_a_level_is_skipped_where_the_policy_asks_for_it(bureau):
    stream = await bureau.accepted()
    await bureau.handed_to(stream)
    await opinions(bureau, stream, "handle")
    await bureau.act(stream, result.decide, HUANG, outcome="grant", document=LICENCE)
    expected = await positions(bureau, stream, "reviewed", "decided")

    found = await one(bureau, "skipped-level")

    assert expected == found["positions"]
    assert "huang-qiang" == found["officer"]


@pytest.mark.parametrize(("at", "count"), [("00:58", 1), ("01:01", 0)])
async def test_a_stamp_is_of_rubber_below_sixty_seconds(bureau, at, count):
    stream = await bureau.accepted()
    await bureau.handed_to(stream)
    await opinions(bureau, stream, "handle")
    await bureau.at("2026-03-02 10:00")
    await opinions(bureau, stream, "check")
    await bureau.store.set_clock(bureau.ledger, instant("2026-03-02 10:00") + clock(at))
    await bureau.act(stream, result.decide, HUANG, outcome="grant", document=LICENCE)

    found = (await bureau.findings(rule="rubber-stamp")).items

    assert count == len(found)
    if found:
        assert (False, "huang-qiang", 60, "<") == (
            found[0]["same_person"], found[0]["officer"], found[0]["threshold"],
            found[0]["compare"],
        )  # fmt: skip


def clock(at):
    minutes, seconds = at.split(":")
    return timedelta(minutes=int(minutes), seconds=int(seconds))


async def test_an_instant_case_is_granted_at_once(bureau):
    await alone(bureau)

    assert [] == await measures(bureau, "quick-grant")


async def test_any_other_case_granted_at_once_is_a_finding(bureau):
    stream = await bureau.accepted()
    await bureau.granted(stream)
    accepted, decided = await positions(bureau, stream, "accepted", "decided")

    found = await one(bureau, "quick-grant")

    assert [accepted, decided] == found["positions"]
    assert found["measured"] < 120 == found["threshold"]


async def test_a_denial_at_once_is_no_quick_grant(bureau):
    stream = await bureau.accepted()
    await bureau.reviewed(stream)
    await bureau.act(
        stream, result.decide, HUANG, outcome="deny", reasons="不符合",
        document=LICENCE | {"kind": "decision"},
    )  # fmt: skip

    assert [] == await measures(bureau, "quick-grant")


@pytest.mark.parametrize("reason", [None, "复核后符合"])
async def test_an_overridden_opinion_is_found_with_and_without_its_reason(bureau, reason):
    stream = await bureau.accepted()
    await bureau.handed_to(stream)
    await opinions(bureau, stream, "handle", "check", recommend="deny")
    await bureau.act(
        stream, result.decide, HUANG, outcome="grant", document=LICENCE,
        differs_from_opinion=reason,
    )  # fmt: skip
    expected = await positions(bureau, stream, "reviewed", "decided")

    found = await one(bureau, "overridden-opinion")

    assert expected == found["positions"]
    assert f"overridden-opinion.{'with' if reason else 'without'}-reason" == found["measure"]


async def test_an_intervention_on_record_is_a_finding(bureau):
    stream = await bureau.accepted()
    await bureau.act(stream, result.record_intervention, ZHOU, person="x", text="t")

    assert ["intervention.recorded"] == await measures(bureau, "intervention")


@pytest.mark.parametrize(
    ("day", "by", "count"), [("03", HUANG, 1), ("04", HUANG, 0), ("03", WU, 0)]
)
async def test_a_refused_act_is_done_by_another_within_a_day(bureau, day, by, count):
    stream = await bureau.accepted()
    await bureau.reviewed(stream)
    await bureau.at("2026-03-02 10:00")
    refused = await bureau.refused(stream, "decide", WU, "separation-of-duties", "SOD-1")
    await bureau.at(f"2026-03-{day} 09:59")
    await bureau.act(stream, result.decide, by, outcome="grant", document=LICENCE)

    found = (await bureau.findings(rule="intervention")).items

    assert count == len(found)
    for one in found:
        assert {
            "refused_position": refused.position,
            "refused_person": "wu-jun",
            "refused_rule": "SOD-1",
        } == one["figures"]


@pytest.mark.parametrize(("now", "count"), [("03-03 23:59", 0), ("03-04 00:00", 1)])
async def test_a_transfer_nobody_takes_is_a_finding_after_a_working_day(bureau, now, count):
    stream = await bureau.accepted()
    await bureau.act(stream, approval.transfer, ZHOU, to={"unit": "qh-xzsp", "person": "chen-zhi"})

    found = (await bureau.findings(now=f"2026-{now}", rule="handover")).items

    assert count == len(found)
    if found:
        assert (2, 1, "chen-zhi", "2026-03-04T00:00:00+08:00") == (
            found[0]["measured"], found[0]["threshold"], found[0]["officer"], found[0]["came_at"],
        )  # fmt: skip


@pytest.mark.parametrize("turns", [3, 4])
async def test_to_and_fro_twice_is_a_finding(bureau, turns):
    stream = await bureau.accepted()
    for n in range(turns):
        to, by = (CHEN, ZHOU) if n % 2 == 0 else (ZHOU, CHEN)
        await bureau.act(stream, approval.transfer, by, to={"unit": "qh-xzsp", "person": to.person})
        await bureau.act(stream, approval.acknowledge_transfer, to)
    await bureau.act(stream, approval.transfer, CHEN if turns % 2 else ZHOU, to={"unit": "qh-xzsp"})

    found = await measures(bureau, "handover")

    assert (["handover.returns"] if turns == 4 else []) == found


# -- time --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "count"), [("05", 0), ("06", 1)])
async def test_a_receipt_is_parked_after_four_working_days(bureau, day, count):
    await bureau.at("2026-03-02 09:00")
    stream = await bureau.received()
    await bureau.at(f"2026-03-{day} 16:00")
    await bureau.act(stream, approval.accept, ZHOU)

    assert ["parked-receipt.receipt"] * count == await measures(bureau, "parked-receipt")


async def test_a_receipt_still_parked_is_found_when_it_is_asked(bureau):
    await bureau.received()

    assert [] == await measures(bureau, "parked-receipt", now="2026-03-05 23:59")
    assert 4 == (await one(bureau, "parked-receipt", now="2026-03-06 00:00"))["measured"]


async def test_a_supplement_asked_for_parks_nothing(bureau):
    stream = await bureau.received()
    await bureau.act(
        stream, approval.request_supplement, ZHOU, missing=[{"material": "图"}],
        served_at="2026-03-02", notice="n",
    )  # fmt: skip

    assert [] == await measures(bureau, "parked-receipt", now="2026-03-20 12:00")


async def asked(bureau, stream, material):
    await bureau.act(
        stream, approval.request_supplement, ZHOU, missing=[{"material": material}],
        served_at="2026-03-02", notice="n",
    )  # fmt: skip


async def test_supplements_are_repeated_from_the_second_on(bureau):
    stream = await bureau.received()
    await asked(bureau, stream, "图")
    assert [] == await measures(bureau, "repeated-supplement")

    await asked(bureau, stream, "申请表")

    assert [
        "repeated-supplement.not-all-at-once",
        "repeated-supplement.requests",
    ] == await measures(bureau, "repeated-supplement")


@pytest.mark.parametrize(("at", "left", "count"), [("03-13 09:00", 1, 1), ("03-12 09:00", 2, 0)])
async def test_a_pause_is_convenient_when_a_day_is_left(bureau, at, left, count):
    stream = await bureau.accepted("QH-003")
    await bureau.handed_to(stream)
    await bureau.at(f"2026-{at}")
    await bureau.act(
        stream, approval.suspend, CHEN, kind="expert-review", planned_days=5,
        approved_by="huang-qiang", notice="n", served_at=f"2026-{at[:5]}",
    )  # fmt: skip

    found = (await bureau.findings(rule="convenient-pause")).items

    assert count == len(found)
    if found:
        assert (left, 1, "chen-zhi") == (
            found[0]["measured"], found[0]["threshold"], found[0]["officer"],
        )  # fmt: skip


async def suspended(bureau, **more):
    stream = await bureau.accepted("QH-003")
    await bureau.handed_to(stream)
    given = {"notice": "n", "served_at": "2026-03-02"} | more
    await bureau.act(
        stream, approval.suspend, CHEN, kind="expert-review", planned_days=5,
        approved_by="huang-qiang", **given,
    )  # fmt: skip
    return stream


@pytest.mark.parametrize(("now", "count"), [("03-09 23:59", 0), ("03-10 00:00", 1)])
async def test_a_pause_overruns_its_planned_days(bureau, now, count):
    await suspended(bureau)

    found = await measures(bureau, "pause-overrun", now=f"2026-{now}")

    assert ["pause-overrun.overdue"] * count == found


async def test_a_pause_without_notice_or_result_is_a_finding(bureau):
    await suspended(bureau, notice=None, served_at=None)
    stream = await suspended(bureau)
    await bureau.act(stream, approval.resume, CHEN, kind="expert-review")

    assert ["pause-overrun.without-notice", "pause-overrun.without-result"] == await measures(
        bureau, "pause-overrun"
    )


async def test_a_pause_ended_in_time_with_a_result_is_none(bureau):
    stream = await suspended(bureau)
    await bureau.act(stream, approval.resume, CHEN, kind="expert-review", result="r")

    assert [] == await measures(bureau, "pause-overrun", now="2026-06-01 12:00")


@pytest.mark.parametrize(
    ("day", "item", "count"),
    [("04-01", "QH-002", 1), ("04-02", "QH-002", 0), ("03-03", "QH-003", 0)],
)
async def test_what_was_withdrawn_is_filed_again_within_thirty_days(bureau, day, item, count):
    await bureau.at("2026-03-02 09:00")
    stream = await bureau.received()
    await bureau.act(stream, approval.withdraw, ZHOU, request="r")
    await bureau.at(f"2026-{day} 10:00")
    await bureau.received(item)

    found = (await bureau.findings(rule="withdraw-refile")).items

    assert count == len(found)
    if found:
        assert (30, 30, 2) == (
            found[0]["measured"], found[0]["threshold"], len(found[0]["cases"])
        )  # fmt: skip


@pytest.mark.parametrize(("occurred", "count"), [("03-02 09:00", 1), ("03-02 11:00", 0)])
async def test_back_dating_is_more_than_seven_days(bureau, occurred, count):
    stream = await bureau.accepted()
    await bureau.at("2026-03-09 10:00")
    await bureau.act(
        stream, approval.review, CHEN, level="handle", opinion="o", recommend="grant",
        occurred_at=instant(f"2026-{occurred}"), reason="补录",
    )  # fmt: skip

    assert ["back-dating.late-entry"] * count == await measures(bureau, "back-dating")


async def test_an_act_recorded_after_the_close_is_back_dating_but_not_what_belongs_there(bureau):
    stream = await bureau.finished()
    await bureau.act(stream, supervision.evaluate, APPLICANT, grade=5, channel="online")
    assert [] == await measures(bureau, "back-dating")
    await bureau.at("2026-03-03 09:00")
    await bureau.act(
        stream, approval.review, LIN, level="check", opinion="o", recommend="grant",
        occurred_at=instant("2026-03-02 08:00"), reason="补录",
    )  # fmt: skip

    found = await one(bureau, "back-dating")

    assert ("back-dating.after-close", "review:check") == (found["measure"], found["part"])


@pytest.mark.parametrize(("minutes", "count"), [(1, 1), (2, 0)])
async def test_ten_late_entries_of_a_system_in_ten_minutes_are_a_burst(bureau, minutes, count):
    streams = [await bureau.accepted() for _ in range(10)]
    by = replace(CHEN, client="zc")
    for n, stream in enumerate(streams):
        await bureau.store.set_clock(
            bureau.ledger, instant("2026-03-03 09:00") + timedelta(minutes=minutes * n)
        )
        await bureau.act(
            stream, approval.review, by, level="handle", opinion="o", recommend="grant",
            occurred_at=instant("2026-03-02 10:00"), reason="补录",
        )  # fmt: skip

    found = (await bureau.findings(rule="backfill-burst")).items

    assert count == len(found)
    if found:
        assert ("zc", 10, 10) == (found[0]["part"], found[0]["measured"], len(found[0]["cases"]))


@pytest.mark.parametrize("times", [2, 3])
async def test_an_act_three_times_is_a_loop_with_its_cost(bureau, times):
    stream = await bureau.accepted()
    for n in range(times):
        await bureau.at(f"2026-03-{3 + n:02d} 09:00")
        await opinions(bureau, stream, "handle")

    found = (await bureau.findings(rule="loops")).items

    assert (times == 3) == bool(found)
    if found:
        assert ("review:handle", 3, 2, "working-day") == (
            found[0]["part"], found[0]["measured"], found[0]["beside"], found[0]["beside_unit"],
        )  # fmt: skip


async def test_back_to_an_earlier_stage_is_a_loop(bureau):
    stream = await bureau.accepted()
    await bureau.granted(stream)
    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE)
    await bureau.at("2026-03-04 09:00")
    await bureau.act(
        stream, result.void_seal, HE, document={"kind": "licence", "version": 1}, reason="污损",
        approved_by="huang-qiang", replacement={"version": 2, "sha256": "2" * 64},
    )  # fmt: skip
    await bureau.at("2026-03-05 09:00")
    new = LICENCE | {"version": 2, "sha256": "2" * 64}
    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=new)

    found = await one(bureau, "loops")

    assert ("loops.back", "sealed → decided", 1) == (
        found["measure"], found["part"], found["beside"],
    )  # fmt: skip


# -- order -------------------------------------------------------------------------------------


async def sealed(bureau):
    stream = await bureau.accepted()
    await bureau.granted(stream)
    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE)
    return stream


async def tampered(bureau, stream, **changes):
    """The case with events as they would stand had somebody got past what refuses them."""
    case = await bureau.case(stream)
    events = tuple(replace(e, **changes.get(e.type.replace("-", "_"), {})) for e in case.events)
    return Looked(replay(events, bureau.office.zone), bureau.office)


def names(found):
    return sorted(one.measure for one in found)


async def test_a_close_is_hollow_without_issue_or_with_a_duty_open(bureau):
    whole = await bureau.finished()
    assert [] == names(findings_order.hollow_close(await tampered(bureau, whole)))

    case = await bureau.case(await sealed(bureau))
    closed = event_of(case, "closed", CHEN)
    looked = Looked(case.following((closed,)), bureau.office)

    found = list(findings_order.hollow_close(looked))

    assert "hollow-close.before-issue" in names(found)
    assert {"issue", "push", "stage:publish"} == {f.part for f in found if f.part}


async def test_times_claimed_in_an_impossible_order_are_found(bureau):
    stream = await bureau.finished()
    good = await tampered(bureau, stream)
    early = {"occurred_at": instant("2026-03-01 09:00")}
    earlier = {"occurred_at": instant("2026-02-28 09:00")}
    bad = await tampered(bureau, stream, decided=early, sealed=earlier, issued={
        "occurred_at": instant("2026-02-27 09:00")
    })  # fmt: skip
    opened = event_of(bad.case, "investigation-opened", KE)
    case = bad.case.following((opened,))
    seen = event_of(case, "finding-recorded", KE, officers=["ke-jun", "gao-yuan"])
    seen = replace(seen, occurred_at=instant("2026-02-28 10:00"))

    assert [] == names(findings_order.impossible_order(good))
    assert [
        "impossible-order.activity-before-grant",
        "impossible-order.decided-before-accepted",
        "impossible-order.issued-before-sealed",
        "impossible-order.sealed-before-decided",
    ] == names(findings_order.impossible_order(Looked(case.following((seen,)), bureau.office)))


def event_of(case, kind, by, *, responsibility="enforcement", after=timedelta(), **data):
    """An event of an act that others bring, as it would stand next in the case."""
    at = case.recorded_at + after
    return Event(
        stream=case.stream, version=case.version + 1, type=kind, occurred_at=at, recorded_at=at,
        actor=by, responsibility=responsibility, data=data, position=case.position + 1,
        id=token_hex(16),
    )  # fmt: skip


async def test_evidence_after_the_decision_is_found_and_what_was_owed_is_not(bureau):
    stream = await bureau.accepted()
    await bureau.act(
        await tolerated(bureau),
        approval.receive_supplement,
        ZHOU,
        materials=[FORM | {"name": "图"}],
    )
    await bureau.granted(stream)
    await bureau.at("2026-03-03 09:00")
    await bureau.act(
        stream, approval.review, LIN, level="check", opinion="o", recommend="grant",
        occurred_at=instant("2026-03-02 08:00"), reason="补录",
        site={"persons": ["lin-bo", "chen-zhi"], "place": "p"},
    )  # fmt: skip

    found = await one(bureau, "evidence-after")

    assert "evidence-after.site-check" == found["measure"]


async def tolerated(bureau):
    stream = await bureau.received()
    await bureau.act(stream, approval.accept, ZHOU, tolerant=[{"material": "图"}])
    await bureau.granted(stream)
    return stream


async def test_a_seal_out_of_order_is_found(bureau):
    stream = await sealed(bureau)
    good = await tampered(bureau, stream)
    case = good.case
    again = event_of(case, "sealed", HUANG, **{**case.events[-1].data, "medium": "paper"})
    notice = event_of(case, "sealed", HE, seal="QH-S1", medium="paper",
                      document={"kind": "extension-notice", "version": 1})  # fmt: skip

    assert [] == names(findings_order.seal_order(good))
    assert ["seal-order.decider", "seal-order.twice"] == names(
        findings_order.seal_order(Looked(case.following((again,)), bureau.office))
    )
    assert ["seal-order.unauthorised"] == names(
        findings_order.seal_order(Looked(case.following((notice,)), bureau.office))
    )


async def test_a_case_off_its_route_is_found(bureau):
    stream = await sealed(bureau)
    case = (await tampered(bureau, stream)).case
    claimed = event_of(case, "claimed", MO, responsibility="supervision")
    withdrawn = event_of(case, "withdrawn", ZHOU)
    undecided = (await tampered(bureau, await bureau.accepted())).case
    closed = event_of(undecided, "closed", CHEN)
    issued = event_of(undecided, "issued", TANG, document=LICENCE, method="window")

    def off(case, *events):
        return names(findings_order.route(Looked(case.following(events), bureau.office)))

    assert [] == off(case)
    assert ["route.claimed-without-push"] == off(case, claimed)
    assert ["route.withdrawn-and-sealed"] == off(case, withdrawn)
    assert ["route.accepted-without-outcome"] == off(undecided, closed)
    assert ["route.issued-without-seal"] == off(undecided, issued)


@pytest.mark.parametrize(("now", "count"), [("03-09 23:59", 0), ("03-10 00:00", 1)])
async def test_a_bad_rating_wants_feedback_in_time(bureau, now, count):
    stream = await bureau.finished()
    await bureau.act(stream, supervision.evaluate, APPLICANT, grade=2, channel="terminal")

    found = await measures(bureau, "route", now=f"2026-{now}")

    assert ["route.bad-rating-without-feedback"] * count == found


# -- what follows --------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "count"), [("03-04 23:59", 0), ("03-05 00:00", 1)])
async def test_what_nobody_claims_in_time_is_unsupervised(bureau, now, count):
    stream = await bureau.accepted()
    await bureau.granted(stream)
    await bureau.act(stream, result.push, CHEN, to="qh-wjw")

    found = (await bureau.findings(now=f"2026-{now}", rule="unsupervised")).items

    assert count == len(found)
    if found:
        assert ("unsupervised.unclaimed", "qh-wjw") == (found[0]["measure"], found[0]["unit"])


@pytest.mark.parametrize(("now", "count"), [("2027-03-02 23:59", 0), ("2027-03-03 00:00", 1)])
async def test_what_is_claimed_is_inspected_within_twelve_months(bureau, now, count):
    await bureau.finished()

    found = (await bureau.findings(now=now, rule="unsupervised")).items

    assert count == len(found)
    if found:
        assert ("unsupervised.uninspected", 13, 12) == (
            found[0]["measure"], found[0]["measured"], found[0]["threshold"],
        )  # fmt: skip


async def test_an_inspection_in_time_ends_the_waiting(bureau):
    case = await bureau.case(await bureau.finished())
    said = {"responsibility": "supervision", "purpose": "routine", "outcome": "compliant"}
    inspected = event_of(case, "inspected", MO, **said)
    late = event_of(case, "inspected", MO, after=timedelta(400), **said)

    def months(event):
        (found,) = findings_after.unsupervised(Looked(case.following((event,)), bureau.office))
        return found.measured

    assert 0 == months(inspected)
    assert 14 == months(late)


async def test_enforcement_is_late_by_days_service_and_officers(bureau):
    case = await bureau.case(await bureau.finished())
    opened = event_of(case, "investigation-opened", KE)
    begun = case.following((opened,))
    penalised = event_of(
        begun, "penalised", KE, after=timedelta(91), officers=["ke-jun"], served_at="2026-06-12"
    )

    def found(case):
        looked = Looked(case, bureau.office)
        return {f.measure: f for f in findings_after.enforcement_late(looked)}

    assert ("day", None) == (
        found(begun)["enforcement-late.penalty"].step,
        found(begun)["enforcement-late.penalty"].measured,
    )
    after = found(begun.following((penalised,)))
    assert 91 == after["enforcement-late.penalty"].measured
    assert 1 == after["enforcement-late.officers"].measured
    assert 9 == after["enforcement-late.served"].measured
