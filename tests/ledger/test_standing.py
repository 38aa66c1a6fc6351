"""What posts give: today's, the ended ones', and never more than the office says now."""

import pytest

from ledger import standing
from ledger.errors import Refused
from ledger.lifecycle import Action
from ledger.standing import Caller, subject
from tests.ledger.given import refuses

DAY = "2026-03-02"


def post(role, organ="qh-xzsp", **more):
    return {"person": "ou", "name": "欧", "role": role, "organ": organ, "from": DAY, **more}


def appoint(bureau, name, content):
    bureau.propose("appointment", name, content, by="fang-ke")
    bureau.approve("appointment", name, by="wu-jun")


@pytest.fixture
def case(bureau):
    return bureau.case(bureau.received("QH-002", DAY))


def sees(bureau, case):
    standing.visible(Caller("ou"), case, bureau.office, bureau.now)
    return True


def test_who_never_had_a_post_here_sees_no_case(bureau, case):
    with refuses("case-not-found"):
        sees(bureau, case)


def test_who_had_a_post_here_is_told_that_it_has_ended(bureau, case):
    appoint(bureau, "ou-clerk", post("clerk"))
    assert sees(bureau, case)

    bureau.end("ou-clerk", by="wu-jun")

    with refuses("appointment-ended"):
        sees(bureau, case)


def test_an_ended_post_does_not_hide_the_one_that_is_left(bureau, case):
    appoint(bureau, "ou-clerk", post("clerk"))
    appoint(bureau, "ou-handler", post("handler"))
    bureau.end("ou-clerk", by="wu-jun")

    assert sees(bureau, case)
    with refuses("appointment-ended"):
        standing.candidates(Action.ACCEPT, Caller("ou"), subject(case), bureau.office, bureau.now)


def test_a_post_that_begins_later_gives_nothing_yet(bureau, case):
    appoint(bureau, "ou-clerk", post("clerk", **{"from": "2026-03-03"}))

    with refuses("case-not-found"):
        sees(bureau, case)

    assert sees(bureau.at("2026-03-03 00:00"), case)


def test_what_was_worked_out_before_does_not_outlive_the_office_it_was_read_from(bureau, case):
    before = bureau.office
    asked = (Caller("ou"), subject(case))
    assert {} == standing.standing(*asked, before, bureau.now).acts

    appoint(bureau, "ou-clerk", post("clerk"))

    assert Action.ACCEPT in standing.standing(*asked, bureau.office, bureau.now).acts
    # What is asked as of then is answered as it was then.
    assert {} == standing.standing(*asked, before, bureau.now).acts


def test_control_without_the_office_the_earlier_answer_would_be_given(bureau, case):
    remembered = bureau.office.remembered
    asked = (Caller("ou"), subject(case))
    standing.standing(*asked, bureau.office, bureau.now)
    appoint(bureau, "ou-clerk", post("clerk"))
    bureau.office.__dict__["remembered"] = remembered

    with pytest.raises(Refused):
        standing.candidates(Action.ACCEPT, *asked, bureau.office, bureau.now)
