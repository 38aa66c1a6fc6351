"""Figures as of a position: what was told then is told again later, whatever has moved since."""

import pytest

from ledger import approval, correction, result, supervision
from ledger.errors import Refused
from projections import as_of, performance, reviews
from projections.as_of import Then
from tests.projections.conftest import (
    CHEN,
    EVERYTHING,
    HE,
    LEDGER,
    LICENCE,
    TANG,
    WU,
    ZHOU,
    person,
)

SEPTEMBER = {"from": "2025-09-01", "to": "2025-09-30"}
AUTUMN = {"from": "2025-09-01", "to": "2025-11-30"}
APPLICANT = person(None, "applicant", None)
LU = person("lu-qian", "hotline", "qh-12345")
VIEWS = (performance.PROJECTION, reviews.PROJECTION)
DEFINITIONS = ("kpi.overdue@1", "kpi.early@1", "kpi.bad-review-on-time@1")


async def told(bureau, then=None, now=None, scopes=EVERYTHING):
    """Everything that figures say: of two periods, the cases behind them, the rates."""
    for view in VIEWS:
        await bureau.follow(view)
    office = then.office if then else bureau.office
    now = then.at if then else now
    found = []
    for period in (SEPTEMBER, AUTUMN):
        figures = await performance.figures(bureau.reads, office, scopes, period, now, then)
        found.append({k: figures[k] for k in ("as_of", "position", "items")})
        for name in DEFINITIONS:
            asked = {**period, "definition": name}
            page = await performance.cases(
                bureau.reads, office, scopes, asked, None, 50, now, then=then
            )
            found.append([page.items, page.position])
        found.append(await reviews.units(bureau.reads, LEDGER, scopes, period, then))
    return found


async def known(bureau, position, at):
    return Then.of(bureau.office, bureau.store, position, at)


class Kept:
    """What was told at each moment, to be asked for again."""

    def __init__(self, bureau):
        self.bureau, self.moments = bureau, []

    async def moment(self):
        now = await self.bureau.store.now(LEDGER)
        found = await told(self.bureau, now=now)
        self.moments.append((found[0]["position"], now, found))


async def lived(bureau, kept):
    """Live through what moves figures: late, on time, given up, rated, corrected, a calendar."""
    late = await bureau.accepted()
    await kept.moment()
    await bureau.granted(late)
    await kept.moment()
    decided = next(e for e in (await bureau.case(late)).events if e.type == "decided")
    for n in range(6):
        stream = await bureau.accepted("QH-008" if n % 2 else "QH-002")
        if n:
            await bureau.granted(stream)
        await bureau.act(
            stream, supervision.evaluate, APPLICANT, grade=1 + n % 3, channel="terminal", text="…"
        )
    await kept.moment()
    await bureau.act(late, result.seal, HE, seal="QH-S1", document=LICENCE)
    await bureau.at("2025-09-29 10:00")
    await kept.moment()
    await bureau.act(late, result.issue, TANG, document=LICENCE, method="window")
    await bureau.act(
        late, correction.correct, CHEN, event_id=decided.id, evidence="2" * 64,
        fields={"occurred_at": "2025-09-29T09:00:00+08:00"},
    )  # fmt: skip
    proposed = (await bureau.case(late)).events[-1]
    await kept.moment()
    await bureau.act(late, correction.approve_correction, WU, event_id=proposed.id)
    await kept.moment()
    await bureau.adopt(2025, off=["2025-09-24", "2025-09-25"], work=[], notice="另行通知")
    await kept.moment()
    silent = await bureau.received()
    await bureau.at("2025-10-20 10:00")
    await bureau.act(silent, approval.decline, ZHOU, kind="not-needed", reasons="无需许可")
    await kept.moment()
    await bureau.at("2025-11-20 10:00")
    await kept.moment()


async def test_what_was_told_at_a_position_is_told_again(bureau):
    kept = Kept(bureau)
    await lived(bureau, kept)

    for position, at, found in kept.moments:
        assert found == await told(bureau, await known(bureau, position, at)), position
    # And something did move.
    assert len({str(found[0]["items"]) for _, _, found in kept.moments}) > 4


async def test_control_without_the_cases_told_anew_the_figures_are_others(bureau, monkeypatch):
    kept = Kept(bureau)
    await lived(bureau, kept)

    async def nothing(self, *_):
        return self.position, (), "[]"

    monkeypatch.setattr(Then, "known", nothing)
    again = [await told(bureau, await known(bureau, p, at)) for p, at, _ in kept.moments]

    assert [found for _, _, found in kept.moments] != again


async def test_rows_without_a_position_are_told_anew(bureau):
    kept = Kept(bureau)
    await lived(bureau, kept)
    async with bureau.pool.acquire() as connection:
        for table in ("figure_case", "review"):
            await connection.execute(f"UPDATE projections.{table} SET moved_position = NULL")

    for position, at, found in kept.moments:
        assert found == await told(bureau, await known(bureau, position, at)), position


async def test_more_cases_than_can_be_told_anew_are_refused(bureau, monkeypatch):
    kept = Kept(bureau)
    await lived(bureau, kept)
    position, at, _ = kept.moments[2]
    monkeypatch.setattr(as_of, "MOST", 2)

    with pytest.raises(Refused) as refused:
        await told(bureau, await known(bureau, position, at))

    assert "invalid-parameter" == refused.value.slug
