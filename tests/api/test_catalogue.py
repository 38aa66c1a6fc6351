"""The catalogue over HTTP: files of items and baselines, and how a ledger stands to them."""

import csv
import io
import json

import pytest

from api.api_keys import ApiKeys
from api.issuing import API_KEYS_FILE
from ledger.office.elements import ELEMENTS
from tests.api.serving import serve
from tests.api.test_imports import committed, rows, upload

BASELINES = {"system": "hn-catalogue", "catalogue": "baselines"}
ITEMS = {"system": "hn-catalogue", "catalogue": "items"}
COMMON = {
    "main_name": "公共场所卫生许可",
    "sub_name": "公共场所卫生许可（新办）",
    "type": "行政许可",
    "main_code": "HN-WJ-001",
    "sub_code": "HN-WJ-001-01",
    "legal_basis": "《公共场所卫生管理条例》第四条、第八条",
    "materials": "申请表",
    "acceptance_conditions": "符合国家卫生标准",
    "process": "申请、受理、审查、决定、送达",
    "fees": "不收费",
    "statutory_limit": "20个工作日",
    "form": "申请表",
    "complaint_telephone": "12345",
}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path, start="2026-03-02"):
        yield serving


def lines(*found):
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found)


def baseline(code="HN-WJ-001-01", **elements):
    return {"code": code, "name": "公共场所卫生许可（新办）", "elements": {**COMMON, **elements}}


def item(code="QH-101", **more):
    content = {
        "code": code,
        "name": "公共场所卫生许可（新办）",
        "kind": "promised",
        "limits": {"statutory": 20, "promised": 5},
        "organs": {"approving": "qh-xzsp", "supervising": ["qh-wjw"]},
        "documents": ["decision", "licence"],
        "result": "licence",
        "policies": {"link": "link-default"},
        "elements": COMMON,
    }
    return content | more


async def brought(here, text, mapping, **more):
    """Upload a file and let it in, by two persons."""
    answer = await upload(here, text, mapping=mapping, name=more.pop("name", "c.ndjson"), **more)
    assert 201 == answer.status, answer.body
    done = await committed(here, answer.body["id"])
    return answer.body, done


async def listed(here, query="", by="wu-jun"):
    answer = await here.get(f"/conformity{query}", by=by)
    assert 200 == answer.status, answer.body
    return answer.body["items"]


async def states(here, query=""):
    return {(row["standard"], row["item"]): row["state"] for row in await listed(here, query)}


async def compared(here, code):
    answer = await here.get(f"/conformity/items/{code}", by="wu-jun")
    assert 200 == answer.status, answer.body
    return answer.body, {e["element"]: e["verdict"] for e in answer.body["elements"]}


async def test_without_a_baseline_every_item_says_so(here):
    assert {"no-baseline"} == set((await states(here)).values())

    told = (await here.get("/conformity/summary", by="wu-jun")).body

    assert (0, 8) == (told["baselines"], told["items"])
    assert 8 == told["states"]["no-baseline"]


async def test_a_baseline_comes_by_two_persons_and_is_compared(here):
    text = lines(baseline(), baseline("HN-WJ-001-09", sub_code="HN-WJ-001-09"))
    answer = await upload(here, text, mapping=BASELINES, name="b.ndjson")
    refused = await here.post(f"/imports/{answer.body['id']}/commit", by="guo-an")
    assert (403, "action-not-allowed") == (refused.status, refused.slug)
    assert "no-baseline" == (await states(here, "?standard=HN-WJ-001-01"))["HN-WJ-001-01", "QH-002"]

    done = await committed(here, answer.body["id"])

    assert (2, 0, 2) == (done["recorded"], done["quarantined"], done["events"])
    found = await states(here)
    assert "conforming" == found["HN-WJ-001-01", "QH-002"]
    assert "not-offered" == found["HN-WJ-001-09", None]
    told = (await here.get("/baselines/HN-WJ-001-01")).body
    assert (COMMON, 1, False) == (told["elements"], told["version"], told["ended"])


@pytest.mark.parametrize(
    ("element", "wanted", "verdict"),
    [
        ("legal_basis", "《行政许可法》第十二条", "differs"),
        ("main_name", "卫生许可", "differs"),
        ("type", "行政确认", "differs"),
        ("main_name", " 公共场所 卫生许可 。", "same"),
        ("statutory_limit", "20 工作日", "allowed"),
        ("statutory_limit", "30个工作日", "allowed"),
        ("statutory_limit", "15个工作日", "differs"),
        ("statutory_limit", "1个月", "differs"),
        ("materials", "申请书", "allowed"),
        ("complaint_telephone", "0898-12345", "allowed"),
    ],
)
async def test_each_element_is_held_against_the_baseline_by_its_rule(
    here, element, wanted, verdict
):
    await brought(here, lines(baseline(**{element: wanted})), BASELINES)

    told, found = await compared(here, "QH-002")

    assert verdict == found[element]
    assert ("differing" if verdict == "differs" else "conforming") == told["state"]
    assert [e["element"] for e in told["elements"]] == list(ELEMENTS)
    (row,) = await listed(here, "?standard=HN-WJ-001-01")
    assert ([element] if verdict == "differs" else []) == row["differs"]


async def test_an_item_that_lacks_elements_is_incomplete_and_one_that_differs_is_differing(here):
    short = {k: v for k, v in COMMON.items() if k != "fees"}
    other = {**short, "legal_basis": "另有依据"}
    await brought(
        here, lines(item("QH-101", elements=short), item("QH-102", elements=other)), ITEMS
    )
    await brought(here, lines(baseline()), BASELINES)

    found = await states(here, "?standard=HN-WJ-001-01")

    assert "incomplete" == found["HN-WJ-001-01", "QH-101"]
    assert "differing" == found["HN-WJ-001-01", "QH-102"]
    assert ["QH-101", "QH-102"] == [r["item"] for r in await listed(here, "?element=fees")]
    told = (await here.get("/conformity/summary", by="wu-jun")).body
    by_name = {e["element"]: e for e in told["elements"]}
    assert (1, 2) == (by_name["legal_basis"]["differs"], by_name["fees"]["lacking"])
    assert {"conforming": 1, "differing": 1, "incomplete": 1} == {
        k: told["states"][k] for k in ("conforming", "differing", "incomplete")
    }


async def test_what_either_side_becomes_is_compared_anew(here):
    await brought(here, lines(baseline()), BASELINES)
    await brought(here, lines(baseline(legal_basis="新法第三条")), BASELINES)
    assert "differing" == (await states(here))["HN-WJ-001-01", "QH-002"]
    changed = (await here.get("/items/QH-002", by="wu-jun")).body["content"]
    changed = {**changed, "elements": {**changed["elements"], "legal_basis": "新法第三条"}}
    await brought(here, lines(changed), ITEMS)
    assert "conforming" == (await states(here))["HN-WJ-001-01", "QH-002"]

    moved = {**changed, "elements": {**changed["elements"], "sub_code": "HN-WJ-001-77"}}
    await brought(here, lines(moved), ITEMS)
    found = await states(here)
    assert "not-offered" == found["HN-WJ-001-01", None]
    assert "no-baseline" == found["HN-WJ-001-77", "QH-002"]

    await brought(here, lines({"code": "HN-WJ-001-01", "ended": True}), BASELINES)
    assert ("HN-WJ-001-01", None) not in await states(here)
    assert (await here.get("/baselines/HN-WJ-001-01")).body["ended"]


async def test_the_item_of_a_file_is_in_force_with_who_proposed_and_who_let_it_in(here):
    _, done = await brought(here, lines(item()), ITEMS)

    told = (await here.get("/items/QH-101", by="wu-jun")).body

    (version,) = told["versions"]
    assert ("guo-an", "wu-jun") == (version["proposed_by"], version["approved_by"])
    assert done["position"] == version["position"]
    case = await here.received("QH-101", "2026-03-02")
    assert (
        5
        == (await here.done(case, "accept", by="zhou-min")).body["state"]["terms"]["limits"][
            "promised"
        ]
    )
    trail = (await here.get("/audit/administration?limit=500", by="jiang-he")).body["items"]
    (row,) = [r for r in trail if r["position"] == done["position"]]
    assert ("item-set", "wu-jun") == (row["action"], row["actor"]["person"])


async def test_the_same_file_again_records_only_what_changed(here):
    found = [item(f"QH-{n}") for n in range(101, 106)]
    await brought(here, lines(*found), ITEMS)
    found[2] = item("QH-103", limits={"statutory": 20, "promised": 4})

    told, done = await brought(here, lines(*found), ITEMS)

    assert (5, 1) == (done["recorded"], done["events"])
    assert 2 == (await here.get("/items/QH-103", by="wu-jun")).body["version"]
    assert 1 == (await here.get("/items/QH-104", by="wu-jun")).body["version"]
    assert 5 == len(await rows(here, told["id"], "?state=recorded"))


@pytest.mark.parametrize(
    ("row", "code", "note"),
    [
        (item(code=""), "missing-id", None),
        ({"name": "x"}, "missing-id", None),
        (item(code="a b"), "bad-value", "/code:"),
        (item(limits={"statutory": 5, "promised": 9}), "bad-value", "/limits/promised:"),
        (item(limits={"statutory": "20", "promised": 1}), "bad-value", "/limits/statutory:"),
        (item(organs={"approving": "nobody", "supervising": ["qh-wjw"]}), "unknown-reference",
         "/organs/approving:"),
        (item(policies={"link": "none"}), "unknown-reference", "/policies/link:"),
        (item(opinions=["nobody"]), "unknown-reference", "/opinions:"),
        (item(colour="red"), "unknown-field", "/colour:"),
        (item(name="x\u202e"), "forbidden-character", "/name:"),
        (item(name="x" * 201), "too-long", "/name:"),
    ],
)  # fmt: skip
async def test_a_row_that_cannot_be_is_set_aside_and_says_where(here, row, code, note):
    told, done = await brought(here, lines(row, item("QH-199")), ITEMS)

    (aside,) = told["problems"]

    assert (1, code) == (aside["row"], aside["code"])
    assert (aside["note"] or "").startswith(note or "")
    assert note is not None or aside["note"] is None
    assert (1, 1) == (done["recorded"], done["quarantined"])
    assert 200 == (await here.get("/items/QH-199", by="wu-jun")).status


OTHER = {"approving": "qh-wjw", "supervising": ["qh-wjw"]}


@pytest.mark.parametrize(
    ("row", "note"),
    [
        (item(organs=OTHER), "/organs/approving:"),
        (item(policies={"link": "link-default", "duty": "duty-sole-handler"}, kind="instant",
              limits={"statutory": 20, "promised": 0}), "/policies/duty:"),
        (item("QH-002", organs={"approving": "qh-xzsp", "supervising": ["qh-scjg"]}),
         "/organs/supervising:"),
    ],
)  # fmt: skip
async def test_what_the_head_may_not_set_alone_is_left_to_supervision(here, row, note):
    told, done = await brought(here, lines(row), ITEMS)

    assert (0, 1, {"not-allowed": 1}) == (done["recorded"], done["quarantined"], done["codes"])
    (aside,) = await rows(here, told["id"])
    assert aside["note"].startswith(note)


async def test_of_two_rows_with_one_code_the_first_counts(here):
    told, done = await brought(here, lines(item(), item(name="另一项")), ITEMS)

    assert {"duplicate": 1} == told["codes"]
    assert (1, 1) == (done["recorded"], done["events"])
    content = (await here.get("/items/QH-101", by="wu-jun")).body["content"]
    assert "公共场所卫生许可（新办）" == content["name"]


async def test_a_catalogue_is_uploaded_by_a_person(here):
    key = ApiKeys(here.service.keys / API_KEYS_FILE).add("zwfw")
    headers = {"Authorization": f"Bearer {key}"}

    answer = await upload(here, lines(item()), mapping=ITEMS, name="i.ndjson", by=None,
                          headers=headers)  # fmt: skip

    assert (403, "action-not-allowed", "SOD-17") == answer.refusal


@pytest.mark.parametrize(
    "elements",
    [{"sub_code": "x" * 9_000}, {"sub_code": "a b"}, {"statutory_limit": "1" * 5_000}],
    ids=["long", "words", "digits"],
)
async def test_what_is_no_code_and_no_limit_stops_no_view(here, elements):
    await brought(here, lines(item(elements={**COMMON, **elements})), ITEMS)

    (row,) = [r for r in await listed(here) if r["item"] == "QH-101"]
    assert set(elements) <= set(row["lacking"])
    assert 200 == (await here.get("/performance?from=2026-01-01&to=2026-12-31", "wu-jun")).status


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"code": "HN-1", "elements": {}}, "bad-value"),
        (baseline(colour="red"), "unknown-field"),
        ({"code": "HN-1", "name": "x", "limits": {}}, "unknown-field"),
    ],
)
async def test_a_baseline_that_cannot_be_is_set_aside(here, row, code):
    told = await upload(here, lines(row, baseline()), mapping=BASELINES, name="b.ndjson")

    assert {code: 1} == told.body["codes"]


async def test_a_baseline_that_was_never_there_cannot_be_struck_off(here):
    told, done = await brought(here, lines({"code": "HN-0", "ended": True}), BASELINES)

    assert (0, 1) == (done["recorded"], done["quarantined"])
    (row,) = await rows(here, told["id"])
    assert ("unknown-reference", "/code: nothing to end") == (row["code"], row["note"])


async def test_a_table_is_read_by_the_members_that_its_columns_are(here):
    mapping = ITEMS | {
        "members": {
            "code": "编码",
            "name": "名称",
            "limits.statutory": "法定",
            "limits.promised": "承诺",
            "organs.supervising": "监管",
            "no_visit": "不见面",
            "elements.sub_code": "子项编码",
        },
        "defaults": {
            "kind": "promised",
            "organs": {"approving": "qh-xzsp"},
            "documents": ["decision", "licence"],
            "result": "licence",
        },
    }
    text = (
        "编码,名称,法定,承诺,监管,不见面,子项编码\n"
        "QH-201,某项,20,7,qh-wjw、qh-scjg,是,HN-1\n"
        "QH-202,另一项,二十,7,qh-wjw,否,HN-2\n"
    )

    told, _ = await brought(here, text, mapping, name="items.csv")

    content = (await here.get("/items/QH-201", by="wu-jun")).body["content"]
    assert {"statutory": 20, "promised": 7} == content["limits"]
    assert {"approving": "qh-xzsp", "supervising": ["qh-wjw", "qh-scjg"]} == content["organs"]
    assert content["no_visit"] is True
    assert {"sub_code": "HN-1"} == content["elements"]
    (aside,) = told["problems"]
    assert (2, "bad-value") == (aside["row"], aside["code"])
    assert aside["note"].startswith("/limits/statutory:")


@pytest.mark.parametrize(
    ("mapping", "name", "status", "slug"),
    [
        (ITEMS | {"catalogue": "cases"}, "x.ndjson", 422, "schema"),
        (ITEMS | {"members": {"Code": "x"}}, "x.ndjson", 422, "schema"),
        (ITEMS | {"colour": "red"}, "x.ndjson", 422, "unknown-field"),
        (ITEMS | {"members": {"limits": "a", "limits.statutory": "b"}}, "x.csv", 422, "schema"),
        (ITEMS, "x.csv", 422, "import-format"),
    ],
)
async def test_a_mapping_that_cannot_be_is_refused(here, mapping, name, status, slug):
    answer = await upload(here, lines(item()), mapping=mapping, name=name)

    assert (status, slug) == (answer.status, answer.slug)


async def test_the_report_is_a_table_too_and_goes_on_behind_a_page(here):
    await brought(here, lines(*(baseline(f"HN-{n:02}") for n in range(5))), BASELINES)

    first = await here.get("/conformity?limit=6&format=csv&count=exact", by="wu-jun")
    assert "text/csv" == first.headers["Content-Type"].partition(";")[0]
    after = first.headers["X-Next"]
    rest = await here.get(f"/conformity?limit=50&format=csv&count=exact&after={after}", by="wu-jun")

    read = [
        row
        for answer in (first, rest)
        for row in csv.DictReader(io.StringIO(answer.raw.decode("utf-8-sig")))
    ]
    assert 13 == len(read) == (await here.get("/conformity?count=exact", by="wu-jun")).body["total"]
    assert sorted(r["standard"] for r in read) == [r["standard"] for r in read]
    assert 5 == sum(r["state"] == "not-offered" for r in read)


async def test_what_is_not_there_is_not_found(here):
    for path in ("/conformity/items/QH-999", "/baselines/HN-0"):
        assert 404 == (await here.get(path, by="wu-jun")).status
    assert 400 == (await here.get("/conformity?state=good", by="wu-jun")).status
