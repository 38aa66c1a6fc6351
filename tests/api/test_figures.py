"""Who reads figures and evaluations, and how hostile questions are turned away, over HTTP."""

import pytest

from tests.api.serving import LICENCE, serve

MARCH = "from=2026-03-01&to=2026-03-31"
FIGURES = f"/performance?{MARCH}"
OVERDUE = f"/performance/cases?{MARCH}&definition=kpi.overdue@1"
UNITS = f"/reviews/units?{MARCH}"
CALL = {"grade": 2, "channel": "12345", "call_reference": "1"}


@pytest.fixture
async def here(database, tmp_path):
    async for one in serve(database, tmp_path):
        yield one


@pytest.fixture(scope="module")
async def shared(lasting, tmp_path_factory):
    """One with a case that is decided, for all who only read."""
    async for one in serve(lasting, tmp_path_factory.mktemp("shared")):
        await decided(one, "QH-002")
        yield one


async def decided(here, *items):
    """A case a day from Monday 2 March, granted that day, and a bad rating of the first."""
    cases = []
    for day, item in enumerate(items, 2):
        case = await here.accepted(item, f"2026-03-{day:02}")
        await here.granted(case, f"2026-03-{day:02}")
        cases.append(case)
    await here.done(cases[0], "evaluate", CALL, by="lu-qian")
    return cases


PATHS = (FIGURES, OVERDUE, "/reviews", UNITS)


@pytest.mark.parametrize(
    ("by", "figures", "reviews"),
    [
        ("huang-qiang", 200, 200),  # approver O
        ("wu-jun", 200, 200),  # bureau-head O
        ("shi-lei", 200, 200),  # bureau-head A
        ("mo-li", 200, 200),  # supervisor S
        ("xing-tao", 200, 200),  # supervisor J
        ("jiang-he", 200, 200),  # inspector J
        ("lu-qian", 403, 200),  # hotline J
        ("chen-zhi", 403, 403),
        ("zhou-min", 403, 403),
        ("lin-bo", 403, 403),
        ("he-yan", 403, 403),
        ("tang-li", 403, 403),
        ("ke-jun", 403, 403),
        ("yan-qing", 403, 403),
        ("fang-ke", 403, 403),
        ("guo-an", 403, 403),
        ("qin-yu", 403, 403),
    ],
)
async def test_who_reads_them(shared, by, figures, reviews):
    for path, status in zip(PATHS, (figures, figures, reviews, reviews), strict=True):
        answer = await shared.get(path, by=by)
        assert status == answer.status, (path, answer.body)
        if status == 403:
            assert "action-not-allowed" == answer.slug


async def test_each_reader_is_told_of_their_own_cases(here):
    licence, waste = await decided(here, "QH-002", "QH-008")

    async def told(by):
        rows = (await here.get(OVERDUE, by=by)).body["items"]
        rated = (await here.get("/reviews", by=by)).body["items"]
        return [row["case"] for row in rows], [row["case"] for row in rated]

    assert ([licence, waste], [licence]) == await told("wu-jun")
    assert ([licence], [licence]) == await told("mo-li")
    assert ([waste], []) == await told("zheng-kai")
    assert ([], []) == await told("li-na")


async def test_the_answer_says_what_was_asked_and_as_of_when(here):
    await decided(here, "QH-002")

    body = (await here.get(f"{FIGURES}&organ=qh-xzsp", by="wu-jun")).body

    assert ("2026-03-01", "2026-03-31", "qh-xzsp", None) == tuple(
        body[name] for name in ("from", "to", "organ", "source")
    )
    assert body["as_of"].startswith("2026-03-02T16:00:")
    assert (await here.service.store.head(here.ledger)).size - 1 == body["position"]
    ids = [figure["definition"] for figure in body["items"]]
    assert [
        "kpi.window@1",
        "kpi.compression@1",
        "kpi.compression-pooled@1",
        "kpi.no-visit@1",
        "kpi.no-visit-realised@1",
        "kpi.instant@1",
        "kpi.instant-average@1",
        "kpi.elements@1",
        "kpi.overdue@1",
        "kpi.early@1",
        "kpi.early-with-instant@1",
        "kpi.bad-review-on-time@1",
    ] == ids
    assert all(figure["text"]["zh"] and figure["text"]["en"] for figure in body["items"])


async def test_an_organ_that_is_not_there_has_no_figures(shared):
    bodies = set()
    for organ in ("qh-wjw", "nowhere"):
        body = (await shared.get(f"{FIGURES}&organ={organ}", by="wu-jun")).body
        bodies.add(str({**body, "organ": None, "as_of": None}))

    assert 1 == len(bodies)


@pytest.mark.parametrize(
    "path",
    [
        "/performance",
        "/performance?from=2026-03-01",
        "/performance?from=2026-03-31&to=2026-03-01",
        "/performance?from=2026-3-1&to=2026-03-31",
        "/performance?from=2026-03-01T00:00:00Z&to=2026-03-31",
        "/performance?from=0000-01-01&to=2026-03-31",
        f"{FIGURES}&limit=5",
        f"{FIGURES}&organ=",
        f"{FIGURES}&organ=a&organ=b",
        f"{FIGURES}&as_of=99999",
        f"{FIGURES}&as_of=-1",
        f"{FIGURES}&as_of=2027-01-01T00:00:00Z",
        f"{FIGURES}&as_of=2026-03-02",
        f"{OVERDUE}&as_of=99999",
        f"{UNITS}&as_of=yesterday",
        "/reviews?as_of=1",
        f"/performance/cases?{MARCH}",
        f"/performance/cases?{MARCH}&definition=kpi.window@1",
        f"/performance/cases?{MARCH}&definition=%27%20OR%201=1--",
        f"{OVERDUE}&counted=yes",
        "/reviews?grade=6",
        "/reviews?grade=%D9%A1",
        "/reviews?bad=1",
        "/reviews?state=done",
        "/reviews?from=yesterday",
        "/reviews?evaluator=c",
        "/reviews/units",
        "/reviews/units?from=2026-03-31&to=2026-03-01",
        f"{UNITS}&limit=5",
    ],
)
async def test_a_question_that_is_none_is_refused(shared, path):
    answer = await shared.get(path, by="xing-tao")

    assert (400, "invalid-parameter") == (answer.status, answer.slug), answer.body


async def test_all_cases_behind_a_figure_are_listed(here):
    cases = await decided(here, "QH-002", "QH-008")

    first = (await here.get(f"{OVERDUE}&limit=1&count=exact", by="xing-tao")).body
    rest = (await here.get(f"{OVERDUE}&limit=1&after={first['next']}", by="xing-tao")).body

    assert 2 == first["total"]
    assert cases == [row["case"] for row in (*first["items"], *rest["items"])]
    assert None is rest["next"]
    counted = (await here.get(f"{OVERDUE}&counted=true", by="xing-tao")).body["items"]
    assert [] == counted


@pytest.mark.parametrize("as_of", ["{position}", "2026-03-03T18:00:00%2B08:00"])
async def test_figures_as_of_a_position_or_an_instant_stay_what_they_were(here, as_of):
    first, second = await decided(here, "QH-002", "QH-008")
    position = max(
        [(await here.get(f"/cases/{case}")).body["position"] for case in (first, second)]
    )
    await here.at("2026-03-04 09:00")
    as_of = as_of.format(position=position)
    urls = [f"{path}&as_of={as_of}" for path in (FIGURES, OVERDUE, UNITS)]
    before = [(await here.get(url, by="xing-tao")).body for url in urls]
    now = (await here.get(FIGURES, by="xing-tao")).body

    third = await here.accepted("QH-002", "2026-03-05")
    await here.done(first, "seal", {"seal": "QH-S1", "document": LICENCE}, by="he-yan")
    await here.at("2026-04-20 09:00")

    after = [(await here.get(url, by="xing-tao")).body for url in urls]
    assert before == after
    assert [first, second] == [row["case"] for row in after[1]["items"]]
    later = (await here.get(FIGURES, by="xing-tao")).body
    overdue = next(f for f in later["items"] if f["definition"] == "kpi.overdue@1")
    assert third in overdue["causes"]["open"]
    assert now["items"] == after[0]["items"] != later["items"]


async def test_few_ratings_are_not_told_by_unit(shared):
    (row,) = (await shared.get(UNITS, by="xing-tao")).body["items"]

    assert ("qh-xzsp", True, None, None) == tuple(
        row[name] for name in ("unit", "suppressed", "ratings", "bad")
    )
