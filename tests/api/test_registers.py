"""Who reads the register of a seal, and a seal that was counted (DECISIONS 32), over HTTP."""

import pytest

from projections import timeout_alerts
from projections.rebuild import check
from tests.api.serving import LICENCE, serve, sha

PATH = "/seals/QH-S1/register"


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


async def used(here, item="QH-002", day="2026-03-02"):
    case = await here.accepted(item, day)
    await here.granted(case, day)
    await here.done(case, "seal", {"seal": "QH-S1", "document": LICENCE}, by="he-yan")
    return case


async def serials(here, by, path=PATH):
    answer = await here.get(path, by=by)
    if answer.status == 200:
        return [row["serial"] for row in answer.body["items"]]
    return answer.refusal[:2]


async def test_a_register_is_for_the_keeper_the_head_and_those_above_and_beside(here):
    await used(here)
    await used(here, "QH-008", "2026-03-03")

    for by in ("he-yan", "wu-jun", "shi-lei", "jiang-he", "yan-qing"):
        assert [1, 2] == await serials(here, by), by
    # A department reads the uses in cases under its own supervision.
    assert [1] == await serials(here, "mo-li")
    assert [2] == await serials(here, "zheng-kai")
    assert [] == await serials(here, "li-na")
    # The seal of a delegating organ: in the bureau's keeping.
    assert [] == await serials(here, "wu-jun", "/seals/QH-S2/register")
    for by in ("xing-tao", "chen-zhi", "huang-qiang", "tang-li", "lu-qian", "ke-jun", "fang-ke"):
        assert (403, "action-not-allowed") == await serials(here, by), by


async def test_who_keeps_a_seal_no_more_reads_its_register_no_more(here):
    await here.at("2026-03-02 09:00")
    post = {"person": "tang-li", "name": "唐丽", "role": "sealer", "organ": "qh-xzsp",
            "from": "2026-03-01"}  # fmt: skip
    assert 201 == (await here.post("/appointments", post, by="fang-ke")).status
    approve = await here.post("/appointments/tang-li-sealer/approve", by="wu-jun")
    assert 201 == approve.status, approve.body
    assert (403, "action-not-allowed") == await serials(here, "tang-li")
    for act, by, body in (
        ("hand-over", "he-yan", {"to": "tang-li"}),
        ("take-over", "tang-li", {}),
        ("approve", "wu-jun", {}),
    ):
        assert 201 == (await here.post(f"/seals/QH-S1/{act}", body, by=by)).status

    assert [] == await serials(here, "tang-li")
    assert (403, "action-not-allowed") == await serials(here, "he-yan")


async def test_filters_and_pages_of_a_register(here):
    first = await used(here)
    await used(here, "QH-008", "2026-03-03")

    for query, expected in (
        ("from=2026-03-03", [2]),
        ("to=2026-03-02", [1]),
        ("kind=licence", [1, 2]),
        ("kind=decision", []),
        ("void=true", []),
        ("item=QH-008", [2]),
        (f"case={first}", [1]),
    ):
        assert expected == await serials(here, "wu-jun", f"{PATH}?{query}"), query
    page = (await here.get(f"{PATH}?limit=1&count=exact", by="wu-jun")).body
    assert 2 == page["total"]
    assert [2] == await serials(here, "wu-jun", f"{PATH}?limit=1&after={page['next']}")


COUNT = {"as_of": "2026-03-02", "paper_register_sha256": sha("paper")}


async def reconciled(here, counter, by="he-yan", **more):
    return await here.post("/seals/QH-S1/reconcile", COUNT | {"counter": counter} | more, by=by)


async def cards(here, by="xing-tao", **filters):
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    await here.service.caught_up(here.ledger, -1)
    found = (await here.get(f"/alerts?{query}", by=by)).body["items"]
    return [card for card in found if card["rule"] == "seal.reconciliation"]


async def test_a_count_that_agrees_is_recorded_and_raises_nothing(here):
    await used(here)

    answer = await reconciled(here, 1)

    assert (201, "reconciled") == (answer.status, answer.body["state"])
    row = await audited(here)
    assert ("he-yan", "administration") == (row["actor"]["person"], row["responsibility"])
    assert [] == await cards(here)


async def audited(here):
    rows = (await here.get("/audit/administration?limit=500", by="xing-tao")).body["items"]
    return next(row for row in reversed(rows) if row["action"] == "seal-reconciled")


async def test_a_difference_is_a_red_card_on_the_keeper_and_the_head(here):
    await used(here)
    await here.at("2026-03-02 17:00")

    assert 201 == (await reconciled(here, 3)).status

    (card,) = await cards(here)
    assert ("red", None, None, "raised", "2026-03-04") == tuple(
        card[name] for name in ("level", "deadline", "case", "state", "answer_by")
    )
    assert ["he-yan", "wu-jun"] == card["addressees"]
    assert "alerts-default@1" == card["policy"]
    for by in ("he-yan", "wu-jun"):
        assert [card["id"]] == [c["id"] for c in await cards(here, by=by)]
    # Counted again, it agrees: the card is closed, and stays.
    await here.at("2026-03-03 09:00")
    assert 201 == (await reconciled(here, 1, by="wu-jun", as_of="2026-03-03")).status
    assert ["closed"] == [c["state"] for c in await cards(here)]
    same = await check(
        timeout_alerts.PROJECTION, here.ledger, here.service.store, here.service.reads
    )
    assert same.same is True, same.differing


async def test_a_seal_is_counted_up_to_the_end_of_a_day(here):
    await used(here)
    await used(here, "QH-008", "2026-03-03")

    for as_of, counter in (("2026-03-01", 0), ("2026-03-02", 1), ("2026-03-03", 2)):
        assert 201 == (await reconciled(here, counter, as_of=as_of)).status
    assert [] == await cards(here)


async def test_a_counter_may_be_as_high_as_a_number_can_be(here):
    await here.at("2026-03-02 09:00")

    assert 201 == (await reconciled(here, 2**53 - 1)).status


async def test_a_void_use_was_a_use(here):
    case = await used(here)
    void = {"document": {"kind": "licence", "version": 1}, "reason": "打印污损",
            "approved_by": "huang-qiang"}  # fmt: skip
    await here.done(case, "void-seal", void, by="he-yan")

    assert 201 == (await reconciled(here, 1)).status
    assert [] == await cards(here)


async def test_who_counts_a_seal(here):
    await here.at("2026-03-02 09:00")
    for by, refusal in (
        ("shi-lei", (403, "action-not-allowed")),  # a head, of another organ
        ("chen-zhi", (403, "action-not-allowed")),
        ("xing-tao", (403, "action-not-allowed")),
        ("jiang-he", (403, "action-not-allowed")),
    ):
        assert refusal == (await reconciled(here, 0, by=by)).refusal[:2], by
    post = {"person": "tang-li", "name": "唐丽", "role": "sealer", "organ": "qh-xzsp",
            "from": "2026-03-01"}  # fmt: skip
    await here.post("/appointments", post, by="fang-ke")
    await here.post("/appointments/tang-li-sealer/approve", by="wu-jun")
    answer = await reconciled(here, 0, by="tang-li")
    assert (409, "seal-not-held", "seal.custody") == answer.refusal
    for by in ("he-yan", "wu-jun"):
        assert 201 == (await reconciled(here, 0, by=by)).status


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"as_of": "2026-03-03"}, (422, "schema", "seal.reconciliation")),
        ({"as_of": "9999-12-31"}, (422, "schema", None)),
        ({"as_of": "2026-02-30"}, (422, "schema", None)),
        ({"counter": -1}, (422, "schema", None)),
        ({"counter": 2**53}, (422, "integer-range", None)),
        ({"paper_register_sha256": "0" * 63}, (422, "schema", None)),
        ({"uses": 1}, (422, "unknown-field", None)),
    ],
)
async def test_a_count_that_cannot_be_is_refused_and_recorded_nowhere(here, body, refusal):
    await here.at("2026-03-02 09:00")
    before = (await here.service.store.head(here.ledger)).size

    answer = (
        await reconciled(here, 0, **body)
        if "counter" not in body
        else await here.post("/seals/QH-S1/reconcile", COUNT | body, by="he-yan")
    )

    assert refusal == answer.refusal
    assert before == (await here.service.store.head(here.ledger)).size
    missing = await here.post("/seals/nothing/reconcile", COUNT | {"counter": 0}, by="he-yan")
    assert (404, "not-found") == missing.refusal[:2]


async def test_the_same_count_again_is_the_same_answer(here):
    await here.at("2026-03-02 09:00")
    first = await here.post("/seals/QH-S1/reconcile", COUNT | {"counter": 0}, by="he-yan", key="k")
    again = await here.post("/seals/QH-S1/reconcile", COUNT | {"counter": 0}, by="he-yan", key="k")

    assert first.raw == again.raw
    assert "true" == again.headers["Idempotency-Replayed"]


async def test_who_asked_for_the_seal_and_where_it_was_used(here):
    case = await here.accepted("QH-002", "2026-03-02")
    await here.granted(case, "2026-03-03")
    told = {"requester": "chen-zhi", "terminal": "YZ-01", "place": "政务大厅二楼印章室"}
    body = {"seal": "QH-S1", "document": LICENCE}
    answer = await here.act(case, "seal", body | told | {"requester": "nobody"}, by="he-yan")
    assert (422, "unknown-reference", "/requester") == (
        answer.status, answer.slug, answer.body["pointer"])  # fmt: skip

    await here.done(case, "seal", body | told, by="he-yan")

    state = await here.state(case)
    assert told == {name: state["seals"][0][name] for name in told}
    path = f"{PATH}?at_least={state['position']}&case={case}"
    row = (await here.get(path, by="he-yan")).body["items"][0]
    assert told == {name: row[name] for name in told}
    history = (await here.get(f"/cases/{case}/events")).body["items"]
    data = next(event["data"] for event in history if event["type"] == "sealed")
    assert told == {name: data[name] for name in told}
