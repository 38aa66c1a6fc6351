"""Corrections: two acts by two people, the old record stays, and none can spoil a case."""

import pytest

from ledger import privacy
from ledger.lifecycle import Stage
from ledger.records import encode
from tests.ledger.given import application, last, refuses, sha
from tests.ledger.lives import do, led_to

SLIP = {"evidence": sha("slip"), "reason": "以纸质为准"}


def event_of(bureau, case, kind):
    return next(e for e in bureau.cases[case].events if e.type == kind)


def propose(bureau, case, kind, fields, *, by="zhou-min", **more):
    body = {"event": event_of(bureau, case, kind).id, "fields": fields, **SLIP, **more}
    return bureau.act(case, "correct", body, by=by)[0]


def approve(bureau, case, proposal, *, by="huang-qiang"):
    return bureau.act(case, "approve-correction", {"event": proposal.id}, by=by)[0]


def test_it_names_its_evidence(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("schema", "correction.evidence", pointer="/evidence"):
        propose(bureau, case, "received", {"channel": "online"}, evidence=None)


def test_it_names_an_event_of_this_case(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    body = {"event": "f" * 32, "fields": {"channel": "online"}, **SLIP}

    with refuses("unknown-reference", pointer="/event"):
        bureau.act(case, "correct", body, by="zhou-min")
    with refuses("unknown-reference", pointer="/event"):
        bureau.act(case, "approve-correction", {"event": "f" * 32}, by="huang-qiang")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "declined"},
        {"actor": {"person": "li-si"}},
        {"recorded_at": "2026-03-01T00:00:00+08:00"},
        {"position": 1},
        {"void": True},
    ],
)
def test_actor_type_and_time_of_recording_are_not_corrected(bureau, fields):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, "accepted", fields)


@pytest.mark.parametrize("fields", [{"occurred_at": "2026-03-02T10:00:00+08:00"}, {"terms": {}}])
def test_what_the_law_did_is_only_made_void(bureau, fields):
    case = bureau.received("QH-002", "2026-03-02")
    bureau.at("2026-03-10 09:00").case(case)

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, "deemed-accepted", fields)


@pytest.mark.parametrize(
    ("kind", "fields", "pointer"),
    [
        ("accepted", {"occurred_at": "yesterday"}, "/fields/occurred_at"),
        ("accepted", {"occurred_at": 20260302}, "/fields/occurred_at"),
        ("accepted", {"occurred_at": "2026-03-02T10:00:00"}, "/fields/occurred_at"),
        ("accepted", {"occurred_at": None}, "/fields/occurred_at"),
        ("received", {"materials": 5}, "/fields/materials"),
        ("received", {"materials": ["申请表"]}, "/fields/materials"),
        ("received", {"applicant": "海南示例餐饮有限公司"}, "/fields/applicant"),
        ("supplement-requested", {"served_at": "soon"}, "/fields/served_at"),
        ("supplement-requested", {"missing": [{"name": "x"}]}, "/fields/missing"),
    ],
)
def test_what_cannot_be_folded_is_not_proposed(bureau, kind, fields, pointer):
    case = led_to(bureau, Stage.SUPPLEMENTING)
    do(bureau, case, "accept")

    with refuses("schema", pointer=pointer):
        propose(bureau, case, kind, fields)


def test_what_happened_is_not_moved_into_the_future(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    with refuses("occurred-in-future", pointer="/fields/occurred_at"):
        propose(bureau, case, "accepted", {"occurred_at": "2026-03-03T10:00:00+08:00"})


def test_nothing_changes_until_it_is_approved(bureau):
    case = led_to(bureau, Stage.ACCEPTED)

    proposal = propose(bureau, case, "received", {"channel": "online"})

    assert "window" == bureau.state(case)["channel"]
    assert [False] == [c["approved"] for c in bureau.state(case)["corrections"]]
    approve(bureau, case, proposal)
    assert "online" == bureau.state(case)["channel"]
    assert "huang-qiang" == bureau.state(case)["corrections"][0]["approved_by"]


def test_it_is_approved_once(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    proposal = propose(bureau, case, "received", {"channel": "online"})
    approve(bureau, case, proposal)

    with refuses("already-done", "correction.once"):
        approve(bureau, case, proposal, by="wu-jun")


def test_only_the_own_line_corrects_and_approves(bureau):
    case = led_to(bureau, Stage.DECIDED)
    do(bureau, case, "push")
    do(bureau, case, "claim")

    with refuses("action-not-allowed"):
        propose(bureau, case, "claimed", {"occurred_at": "2026-03-02T09:00:00+08:00"})
    proposal = propose(
        bureau, case, "claimed", {"occurred_at": "2026-03-02T09:00:00+08:00"}, by="mo-li"
    )
    with refuses("action-not-allowed"):
        approve(bureau, case, proposal)


def test_a_later_correction_wins(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    first = propose(bureau, case, "received", {"channel": "online"})
    second = propose(bureau, case, "received", {"channel": "post"})

    approve(bureau, case, first)
    approve(bureau, case, second)

    assert "post" == bureau.state(case)["channel"]


def test_two_corrections_move_a_limit_one_after_the_other(bureau):
    case = bureau.accepted("QH-002", "2026-03-04")
    bureau.at("2026-03-05 09:00")
    for day in ("03", "02"):
        fields = {"occurred_at": f"2026-03-{day}T15:00:00+08:00"}
        approve(bureau, case, propose(bureau, case, "accepted", fields))

    moved = last(bureau.state(case), "statutory")["moved_by"]

    assert [("2026-04-01", "2026-03-31"), ("2026-03-31", "2026-03-30")] == [
        (m["from"], m["to"]) for m in moved
    ]


def test_a_correction_can_be_corrected_in_its_reason_only_by_another_one(bureau):
    case = led_to(bureau, Stage.ACCEPTED)
    proposal = propose(bureau, case, "received", {"channel": "online"})
    approve(bureau, case, proposal)

    with refuses("rule-refused", "correction.fields"):
        propose(bureau, case, "correction-proposed", {"fields": {"channel": "post"}})


def test_the_new_values_belong_to_whom_the_old_ones_belong_to(bureau, tmp_path):
    case = led_to(bureau, Stage.ACCEPTED)
    applicant = {**application("QH-002")["applicant"], "name": "张三"}
    proposal = propose(bureau, case, "received", {"applicant": applicant})
    keyring = privacy.Keyring(tmp_path)

    stored = privacy.encrypted(proposal, keyring, "469002")

    assert "张三" not in encode(stored).decode()
    assert "91469002MA5X00014X" not in encode(stored).decode()
    fields = stored.data["fields"]
    assert "张三" == privacy.opened(fields["applicant"]["name"], keyring, "469002", proposal.id)
    assert "organisation" == fields["applicant"]["kind"]
    keyring.close()
