"""The register of a seal: every use, gapless, and what became of it."""

import pytest

from ledger import result
from ledger.errors import Refused
from projections import seal_register
from projections.rebuild import rebuild
from tests.projections.conftest import CHEN, EVERYTHING, HE, LICENCE, beside_others

SECOND = {"kind": "licence", "version": 2, "sha256": "4" * 64}


bureau = beside_others()


async def register(
    bureau, seal="QH-S1", scopes=EVERYTHING, after=None, limit=50, counted=False, **filters
):
    await bureau.follow(seal_register.PROJECTION)
    filters = {name.rstrip("_"): value for name, value in filters.items()}
    return await seal_register.listed(
        bureau.reads, bureau.ledger, seal, scopes, filters, after, limit, counted=counted
    )


async def used(bureau):
    """Four uses over two days: a notice, a licence made void, its replacement, one more."""
    stream = await bureau.accepted()
    notice = {"kind": "acceptance-notice", "version": 1, "sha256": "5" * 64}
    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=notice, copies=2)
    await bureau.granted(stream)
    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE, reason="打印")
    await bureau.at("2025-09-23 09:00")
    await bureau.act(
        stream, result.void_seal, HE, document={"kind": "licence", "version": 1},
        approved_by="huang-qiang", reason="打印污损",
        replacement={"version": 2, "sha256": SECOND["sha256"]},
    )  # fmt: skip
    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=SECOND)
    other = await bureau.accepted("QH-008")
    await bureau.granted(other)
    await bureau.act(other, result.seal, HE, seal="QH-S1", document=LICENCE)
    return stream, other


async def test_every_use_stands_there_once_in_order_and_without_gap(bureau):
    stream, other = await used(bureau)
    decided = next(e for e in (await bureau.case(stream)).events if e.type == "decided")

    rows = (await register(bureau)).items

    assert [1, 2, 3, 4] == [row["serial"] for row in rows]
    assert [False, True, False, False] == [row["void"] for row in rows]
    assert ["acceptance-notice", "licence", "licence", "licence"] == [
        row["document"]["kind"] for row in rows
    ]
    assert [2, 1, 1, 1] == [row["copies"] for row in rows]
    void = rows[1]
    assert ("he-yan", "chen-zhi", "打印", "QH-002") == tuple(
        void[name] for name in ("keeper", "requester", "reason", "item")
    )
    assert {
        "event": decided.id,
        "type": "decided",
        "position": decided.position,
        "approver": "huang-qiang",
    } == void["authorised_by"]
    assert ("打印污损", "he-yan", "huang-qiang") == tuple(
        void[name] for name in ("void_reason", "voided_by", "void_approved_by")
    )
    assert void["void_position"] < rows[2]["position"]
    assert {"version": 2, "sha256": "4" * 64} == {
        k: v for k, v in void["replacement"].items() if v is not None
    }
    # Before anybody took it over, who received it had it in hand.
    assert "zhou-min" == rows[0]["requester"]
    assert bureau.number(await bureau.case(other)) == rows[3]["case"]
    assert [] == list((await register(bureau, "QH-S2")).items)


async def test_who_asked_at_which_terminal_and_where(bureau):
    stream = await bureau.accepted()
    await bureau.granted(stream)
    told = {"requester": "lin-bo", "terminal": "YZ-01", "place": "政务大厅二楼印章室"}
    await bureau.act(stream, result.seal, HE, seal="QH-S1", document=LICENCE, **told)
    other = await bureau.accepted("QH-008")
    await bureau.granted(other)
    await bureau.act(other, result.seal, HE, seal="QH-S1", document=LICENCE)

    said, silent = (await register(bureau)).items

    assert told == {name: said[name] for name in told}
    assert told == {n: v for n, v in (await bureau.case(stream)).seals[0].items() if n in told}
    # Nobody was named: who had the case in hand, and nothing is made up besides.
    assert ("chen-zhi", None, None) == tuple(silent[name] for name in told)
    assert not told.keys() & (await bureau.case(other)).seals[0].keys()


async def test_who_asked_is_a_member_of_staff(bureau):
    stream = await bureau.accepted()
    await bureau.granted(stream)

    with pytest.raises(Refused) as refused:
        await bureau.act(
            stream, result.seal, HE, seal="QH-S1", document=LICENCE, requester="460000199001010013"
        )

    assert ("unknown-reference", "/requester") == (refused.value.slug, refused.value.pointer)


async def test_every_filter_finds_its_uses(bureau):
    stream, _ = await used(bureau)
    case = bureau.number(await bureau.case(stream))

    async def serials(**filters):
        return [row["serial"] for row in (await register(bureau, **filters)).items]

    assert [1, 2] == await serials(to="2025-09-22")
    assert [3, 4] == await serials(from_="2025-09-23")
    assert [1] == await serials(kind="acceptance-notice")
    assert [2] == await serials(void="true")
    assert [1, 3, 4] == await serials(void="false")
    assert [4] == await serials(item="QH-008")
    assert [1, 2, 3] == await serials(case=case)
    for wrong in ({"void": "yes"}, {"from_": "2025"}, {"kind": ""}):
        with pytest.raises(Refused):
            await serials(**wrong)


async def test_pages_and_the_total(bureau):
    await used(bureau)
    first = await register(bureau, limit=3, counted=True)
    rest = await register(bureau, limit=3, after=first.next, counted=True)

    assert [1, 2, 3, 4] == [row["serial"] for row in (*first.items, *rest.items)]
    assert (4, 4, None) == (first.total, rest.total, rest.next)


async def test_a_supervisor_sees_the_uses_in_cases_under_their_supervision(bureau):
    await used(bureau)

    async def serials(*scopes):
        return [row["serial"] for row in (await register(bureau, scopes=scopes)).items]

    assert [1, 2, 3] == await serials(("S", "qh-wjw", None))
    assert [4] == await serials(("S", "qh-zjj", None))
    assert [] == await serials(("S", "qh-scjg", None))
    assert [1, 2, 3] == await serials(("O", "qh-xzsp", ("QH-002",)))


@pytest.mark.parametrize("limit", [1, 4, 500])
async def test_rows_are_the_same_however_the_ledger_is_cut(bureau, limit):
    stream, _ = await used(bureau)
    await bureau.act(stream, result.publish, CHEN, what="decision", where="网站")
    await bureau.follow(seal_register.PROJECTION, limit)

    done = await rebuild(seal_register.PROJECTION, bureau.ledger, bureau.store, bureau.pool)

    assert done.same is True, done.differing
    assert 4 == len((await bureau.rows(seal_register.PROJECTION, done.generation))["seal_use"])
