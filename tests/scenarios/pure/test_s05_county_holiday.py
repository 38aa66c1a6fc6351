"""S05: a county's own holiday (Lingshui, 三月三)."""

import pytest

from tests.ledger import given
from tests.ledger.given import last, part

OVERLAY = {
    "calendar": "469028",
    "year": 2023,
    "off": ["2023-04-20", "2023-04-21"],
    "work": [],
    "notice": {"number": "陵府办〔2023〕1号", "issued": "2023-04-01", "sha256": given.sha("c")},
}


@pytest.mark.parametrize(
    ("ledger", "promised", "statutory", "version", "light"),
    [
        ("469028", "2023-04-24", "2023-05-17", "cn@1+469028@1", (3, "green")),
        ("469002", "2023-04-21", "2023-05-15", "cn@1", (5, "red")),
    ],
)
def test_a_county_counts_by_its_overlay(ledger, promised, statutory, version, light):
    bureau = given.bureau(ledger=ledger, calendars=["cn-2023"])
    if ledger == "469028":
        bureau.propose("calendar", "469028", OVERLAY, by="fang-ke", at="2023-04-10 09:00")
        bureau.approve("calendar", "469028", by="wu-jun")
    case = bureau.accepted("QH-002", "2023-04-14")

    state = bureau.state(case, at="2023-04-22 12:00")

    due = {"due": promised, "calendar_version": version}
    assert due == part(last(state, "promised"), due)
    due = {"due": statutory, "calendar_version": version}
    assert due == part(last(state, "statutory"), due)
    assert [light] == given.lights(state, "promised")
