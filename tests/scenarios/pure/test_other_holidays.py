"""S01, S03 and S08 with other dates: every holiday of eight years, and their make-up days.

The dates are those of `chinese_calendar`, which other people made from the notices of the State
Council; our calendars were made from the notices, too, and neither knows the other.
"""

from datetime import date, timedelta

import pytest

from tests.ledger import given
from tests.ledger.given import EXAMPLE, last, part
from tests.scenarios.oracle import oracle

YEARS = [f"cn-{year}" for year in range(2019, 2028)]

# QH-002 accepted; of the promise (5 days) early, yellow, due, red; of the law (20) the same.
LINES = """
accepted early  yellow due    red    early  yellow due    red
190924   190927 190929 190930 191001 191018 191023 191025 191026
191226   191231 200102 200103 200104 200117 200121 200123 200124
200117   200121 200122 200123 200124 200214 200219 200221 200222
200429   200507 200508 200509 200510 200522 200527 200529 200530
200925   200929 200930 201009 201010 201022 201027 201029 201030
201230   210105 210106 210107 210108 210121 210126 210128 210129
210205   210209 210210 210218 210219 210303 210308 210310 210311
210426   210429 210430 210506 210507 210519 210524 210526 210527
210916   210922 210923 210924 210925 211013 211018 211020 211021
220126   220129 220130 220207 220208 220221 220224 220228 220301
220428   220506 220507 220509 220510 220523 220526 220530 220531
220929   221009 221010 221011 221012 221025 221028 221101 221102
230117   230120 230128 230129 230130 230210 230215 230217 230218
230620   230626 230627 230628 230629 230712 230717 230719 230720
230927   231008 231009 231010 231011 231024 231027 231031 231101
240206   240209 240218 240219 240220 240304 240307 240311 240312
240402   240408 240409 240410 240411 240424 240428 240430 240501
240912   240918 240919 240920 240921 241010 241014 241016 241017
241230   250103 250106 250107 250108 250121 250124 250127 250128
250122   250126 250127 250205 250206 250218 250221 250225 250226
251230   260105 260106 260107 260108 260121 260126 260128 260129
260210   260213 260214 260224 260225 260309 260312 260316 260317
260617   260623 260624 260625 260626 260709 260714 260716 260717
260929   261009 261010 261012 261013 261026 261029 261102 261103
"""


def written(line):
    """Dates of a line, such as 190924, as the ledger writes them."""
    return [f"20{d[:2]}-{d[2:4]}-{d[4:]}" for d in line.split()]


DATES = [written(line) for line in LINES.strip().splitlines()[1:]]
IDS = [row[0] for row in DATES]


def before_2020():
    """The example bureau as it would have been opened in December 2018."""
    posts = [{**post, "from": "2018-12-01"} for post in EXAMPLE["appointments"]]
    document = {**EXAMPLE, "appointments": posts}
    return given.bureau(document=document, calendars=YEARS, at="2018-12-01 00:00")


@pytest.mark.parametrize("row", DATES, ids=IDS)
def test_the_dates_are_what_others_count(row):
    day, early, yellow, due, red, law_early, law_yellow, law_due, law_red = row
    after = timedelta(days=1)

    assert [oracle(day, n) for n in (3, 4, 5)] == [early, yellow, due]
    assert [oracle(day, n) for n in (15, 18, 20)] == [law_early, law_yellow, law_due]
    assert red == (date.fromisoformat(due) + after).isoformat()
    assert law_red == (date.fromisoformat(law_due) + after).isoformat()


@pytest.mark.parametrize("row", DATES, ids=IDS)
def test_a_case_accepted_before_a_holiday(row):
    day, early, yellow, due, red, law_early, law_yellow, law_due, law_red = row
    bureau = before_2020()
    case = bureau.accepted("QH-002", day)

    state = bureau.state(case)
    promised = {"start": day, "due": due, "rule": "acceptance.accepted", "moved_by": []}
    assert promised == part(last(state, "promised"), promised)
    statutory = {"start": day, "due": law_due, "rule": "acceptance.accepted", "moved_by": []}
    assert statutory == part(last(state, "statutory"), statutory)

    seen = {}
    for name, instant, light in [
        ("promised", f"{yellow} 00:00", "yellow"),
        ("promised", f"{due} 23:59:59", "yellow"),
        ("promised", f"{red} 00:00", "red"),
        ("statutory", f"{law_yellow} 00:00", "yellow"),
        ("statutory", f"{law_due} 23:59:59", "yellow"),
        ("statutory", f"{law_red} 00:00", "red"),
    ]:
        seen[name, instant] = last(bureau.state(case, at=instant), name)["light"]
        assert light == seen[name, instant], (name, instant)
    cards = [
        (card.deadline, card.level, card.raised_at.isoformat())
        for card in bureau.alerts(case)
        if card.deadline in ("promised", "statutory")
    ]
    midnight = "T00:00:00+08:00"
    assert [
        ("promised", "early", early + midnight),
        ("promised", "yellow", yellow + midnight),
        ("promised", "red", red + midnight),
        ("statutory", "early", law_early + midnight),
        ("statutory", "yellow", law_yellow + midnight),
        ("statutory", "red", law_red + midnight),
    ] == cards


@pytest.mark.parametrize("row", DATES, ids=IDS)
def test_a_case_nobody_spoke_about_before_a_holiday(row):
    day, _early, _yellow, due, red, *_, law_due, _law_red = row
    bureau = before_2020()
    case = bureau.received("QH-002", day)
    assert due == last(bureau.state(case), "supplement")["due"]
    assert "received" == bureau.state(case, at=f"{due} 23:59:59")["stage"]

    state = bureau.state(case, at=f"{red} 00:00")

    assert "accepted" == state["stage"]
    supplement = {"met_at": red, "light": "met-late"}
    assert supplement == part(last(state, "supplement"), supplement)
    statutory = {"start": day, "due": law_due, "rule": "acceptance.deemed"}
    assert statutory == part(last(state, "statutory"), statutory)
    assert "red" == last(state, "promised")["light"]
