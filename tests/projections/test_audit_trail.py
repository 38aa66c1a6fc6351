"""The audit: every act and every refusal, by whom, in which post, with both times."""

import pytest

from ledger import approval
from ledger.case import Actor
from ledger.errors import Refused
from projections import audit_trail
from tests.projections.conftest import CHEN, HE, HUANG, MO, ZHOU, beside_others, instant

bureau = beside_others()


def first(bureau):
    """The number of its first case."""
    return f"{bureau.ledger}-2025-000001"


def column(page, name):
    return [row[name] for row in page.items]


async def test_every_act_is_one_row_in_the_order_of_recording(bureau):
    await bureau.finished()

    page = await bureau.audit(case=first(bureau))

    assert [
        "receive", "accept", "transfer", "acknowledge-transfer", "review", "review", "decide",
        "seal", "issue", "push", "claim", "publish", "close",
    ] == column(page, "action")  # fmt: skip
    assert column(page, "position") == sorted(column(page, "position"))
    assert {first(bureau)} == set(column(page, "case"))
    assert {"QH-002"} == set(column(page, "item"))
    decided = page.items[6]
    assert {
        "kind": "person", "person": "huang-qiang", "name": "huang-qiang", "role": "approver",
        "organ": "qh-xzsp", "client": None, "delegator": None,
    } == decided["actor"]  # fmt: skip
    assert ("approval", "decided", 7) == (
        decided["responsibility"], decided["type"], decided["version"],
    )  # fmt: skip
    assert page.position == decided["position"] + 6


async def test_responsibilities_are_kept_apart(bureau):
    await bureau.finished()

    assert ["claim"] == column(await bureau.audit("supervision"), "action")
    assert [] == column(await bureau.audit("enforcement"), "action")
    assert 12 == len((await bureau.audit("approval")).items)
    office = column(await bureau.audit("administration", limit=500), "action")
    assert "ledger-opened" == office[0]
    assert "seal-enabled" in office


async def test_what_the_law_does_has_nobodys_name(bureau):
    stream = await bureau.received()
    await bureau.at("2025-09-29 08:00")
    await bureau.act(stream, lambda case, on: (), ZHOU)

    row = (await bureau.audit(case=first(bureau))).items[-1]

    assert ("deemed-accepted", "by-law", None) == (
        row["action"], row["actor"]["kind"], row["actor"]["person"],
    )  # fmt: skip
    assert not row["late_entry"]


async def test_a_late_entry_shows_both_times(bureau):
    stream = await bureau.received()
    await bureau.at("2025-09-23 08:30")
    await bureau.act(
        stream, approval.accept, ZHOU, reason="系统停机", occurred_at=instant("2025-09-22 15:10")
    )

    (row,) = (await bureau.audit(late_entry="true")).items

    assert ("accept", "系统停机") == (row["action"], row["reason"])
    assert "2025-09-22T07:10:00.000000Z" == row["occurred_at"]
    assert row["recorded_at"].startswith("2025-09-23T00:30:00")
    assert ["receive"] == column(await bureau.audit("approval", late_entry="false"), "action")


async def test_a_refusal_stands_beside_the_acts(bureau):
    stream = await bureau.accepted()
    earlier = (await bureau.case(stream)).position
    await bureau.at("2025-09-23 10:00")
    await bureau.refused(
        stream, "decide", ZHOU, "separation-of-duties", "SOD-1", earlier_position=earlier
    )
    await bureau.at("2025-09-23 11:00")
    await bureau.handed_to(stream)

    (row,) = (await bureau.audit("approval", case=first(bureau), refused="true")).items
    mixed = await bureau.audit("approval", case=first(bureau))

    assert ("decide", "separation-of-duties", "SOD-1", earlier) == (
        row["action"], row["slug"], row["rule"], row["earlier_position"],
    )  # fmt: skip
    assert ("zhou-min", first(bureau), "QH-002", 0) == (
        row["actor"]["person"], row["case"], row["item"], row["position"],
    )  # fmt: skip
    assert [
        "receive", "accept", "decide", "transfer", "acknowledge-transfer"
    ] == column(mixed, "action")  # fmt: skip
    assert 4 == len((await bureau.audit("approval", refused="false")).items)


async def test_a_refused_act_counts_for_its_responsibility(bureau):
    stream = await bureau.accepted()
    await bureau.refused(stream, "claim", CHEN, "action-not-allowed")
    await bureau.refused(None, "appointment-approve", HUANG, "separation-of-duties", "SOD-8")

    async def refused(which):
        return column(await bureau.audit(which, refused="true"), "action")

    assert ["claim"] == await refused("supervision")
    assert ["appointment-approve"] == await refused("administration")
    assert [] == await refused("approval")


async def test_every_filter_finds_its_rows(bureau):
    await bureau.finished("QH-002")
    await bureau.at("2025-09-24 09:00")
    await bureau.accepted("QH-003")

    async def count(**filters):
        return len((await bureau.audit("approval", limit=500, **filters)).items)

    assert 14 == await count()
    assert 5 == await count(actor="chen-zhi")
    assert 2 == await count(actor="zhou-min", action="accept")
    assert 2 == await count(action="receive")
    assert 14 == await count(organ="qh-xzsp")
    assert 0 == await count(organ="qh-wjw")
    assert 2 == await count(item="QH-003")
    assert 2 == await count(case=f"{bureau.ledger}-2025-000002")
    assert 2 == await count(from_="2025-09-23")
    assert 12 == await count(to="2025-09-23")
    assert 12 == await count(from_="2025-09-22", to="2025-09-22")
    assert 2 == await count(from_="2025-09-24T09:00:00+08:00")
    assert 12 == await count(to="2025-09-24T08:59:59+08:00")
    assert 0 == await count(from_="2025-09-25")


@pytest.mark.parametrize(
    "filters",
    [{"from_": "yesterday"}, {"to": "2025-09-24T09:00:00"}, {"refused": "1"}, {"late_entry": ""}],
)
async def test_a_filter_that_cannot_be_read_is_refused(bureau, filters):
    with pytest.raises(Refused) as refused:
        await bureau.audit(**filters)

    assert "invalid-parameter" == refused.value.slug


async def test_pages_follow_each_other_across_both_sequences(bureau):
    stream = await bureau.accepted()
    for hour in (10, 11, 12):
        await bureau.at(f"2025-09-23 {hour}:00")
        await bureau.refused(stream, "seal", HE, "wrong-stage", "seal.authorising-event")
        await bureau.received()
    whole = (await bureau.audit("approval", limit=500)).items

    found, after = [], None
    while True:
        page = await bureau.audit("approval", after=after, limit=3)
        found += page.items
        after = page.next
        if after is None:
            break

    assert list(whole) == found
    assert 8 == len(found)


@pytest.mark.parametrize(
    ("scope", "case", "office", "refused"),
    [
        (("O", "qh-xzsp", None), 12, 0, 2),
        (("O", "qh-xzsp", ("QH-002",)), 12, 0, 1),
        (("O", "qh-xzsp", ("QH-001",)), 0, 0, 0),
        (("S", "qh-wjw", None), 12, 0, 1),
        (("S", "qh-zjj", None), 0, 0, 0),
        (("E", "qh-zfj", None), 12, 0, 1),
        (("A", "qh-gov", None), 12, 0, 1),
        (("J", "qh-jw", None), 12, 1, 2),
        (("N", "", None), 0, 1, 2),
    ],
)
async def test_a_reader_sees_what_the_relations_of_their_posts_give(
    bureau, scope, case, office, refused
):
    stream = await bureau.finished()
    await bureau.refused(stream, "claim", MO, "already-done", "stage.claim")
    await bureau.refused(None, "seal-hand-over", HE, "seal-not-held", "seal.custody")

    async def count(which, **filters):
        page = await bureau.audit(which, scopes=(scope,), **filters)
        return len(page.items)

    assert case == await count("approval", refused="false")
    assert office == bool(await count("administration", refused="false"))
    assert refused == await count("all", refused="true")


async def test_who_administers_the_audit_sees_no_case(bureau):
    stream = await bureau.accepted()
    await bureau.refused(stream, "decide", ZHOU, "separation-of-duties", "SOD-1")

    (row,) = (await bureau.audit("all", scopes=(("N", "", None),), refused="true")).items

    assert (None, None, None) == (row["case"], row["item"], row["reason"])
    assert ("decide", "SOD-1", "zhou-min") == (row["action"], row["rule"], row["actor"]["person"])


async def test_who_has_no_post_is_never_named(bureau):
    personal = "460000199001010013"
    applicant = Actor(person=personal, name=personal, role="applicant", client="zwfw")
    stream = await bureau.received(by=applicant)
    stranger = Actor(person=personal, client="zwfw")
    await bureau.refused(stream, "withdraw", stranger, "action-not-allowed")
    await bureau.act(stream, approval.withdraw, applicant, reason=personal)

    page = await bureau.audit("approval")

    assert ["receive", "withdraw", "withdraw"] == column(page, "action")
    assert "zwfw" == page.items[0]["actor"]["client"]
    assert personal not in repr(await bureau.rows(audit_trail.PROJECTION))


async def test_an_organ_that_joined_later_sees_what_was_done_before(bureau):
    stream = await bureau.accepted()
    await bureau.follow(audit_trail.PROJECTION)
    await bureau.act(stream, approval.transfer, ZHOU, to={"unit": "qh-zjj"})

    page = await bureau.audit("approval", scopes=(("P", "qh-zjj", None),))

    assert ["receive", "accept", "transfer"] == column(page, "action")
