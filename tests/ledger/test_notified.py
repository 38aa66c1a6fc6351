"""One certificate in the place of several (多证合一): others are told, and sign for it."""

import pytest

from ledger import standing
from ledger.lifecycle import Stage
from ledger.standing import Caller
from tests.ledger import given
from tests.ledger.given import last, part, refuses
from tests.ledger.lives import do, led_to

TOLD = ("qh-scjg", "qh-zjj")  # QH-002 is supervised by qh-wjw


def item(bureau, code="QH-002", **organs):
    old = bureau.office.existing(f"item:{code}").current.content
    return {**old, "organs": {**old["organs"], **organs}}


@pytest.fixture
def bureau():
    here = given.bureau()
    here.propose("item", "QH-002", item(here, notified=list(TOLD)), by="wu-jun")
    here.approve("item", "QH-002", by="mo-li")
    return here


def reads(bureau, case, person):
    of = bureau.cases[case]
    return standing.reads("case", Caller(person), of, bureau.office, bureau.now)


def test_a_grant_is_pushed_to_everybody_who_is_told_of_it(bureau):
    case = led_to(bureau, Stage.ISSUED)
    do(bureau, case, "publish")
    pushes = [d for d in bureau.state(case)["deadlines"] if d["name"] == "push"]
    assert ["green"] * 3 == [d["light"] for d in pushes]

    for organ in ("qh-wjw", *TOLD):
        with refuses("rule-refused", "close.duty-open"):
            do(bureau, case, "close")
        do(bureau, case, "push", to=organ)
    with refuses("already-done", "push.once"):
        do(bureau, case, "push", to="qh-zjj")
    do(bureau, case, "close")

    told = {p["to"]: p["responsible"] for p in bureau.state(case)["pushes"]}
    assert {"qh-wjw": "supervisor", "qh-scjg": "notified", "qh-zjj": "notified"} == told


def test_who_is_told_signs_for_it_and_takes_nothing_over(bureau):
    case = led_to(bureau, Stage.DECIDED)
    with refuses("action-not-allowed"):
        do(bureau, case, "claim", by="li-na")
    do(bureau, case, "push", to="qh-scjg")
    claim = {"budget": 2, "light": "green"}
    assert claim == part(last(bureau.state(case), "claim"), claim)

    do(bureau, case, "claim", by="li-na")

    (push,) = bureau.state(case)["pushes"]
    assert ("notified", True) == (push["responsible"], push["claimed_at"] is not None)
    assert "met" == last(bureau.state(case), "claim")["light"]
    for action in ("inspect", "propose-revocation", "supervise", "record-remedy"):
        with refuses("action-not-allowed"):
            do(bureau, case, action, by="li-na")


def test_the_case_is_theirs_to_see_once_they_are_told(bureau):
    case = led_to(bureau, Stage.DECIDED)
    assert not reads(bureau, case, "li-na")

    do(bureau, case, "push", to="qh-scjg")

    assert reads(bureau, case, "li-na")
    assert not reads(bureau, case, "zheng-kai")
    of = bureau.cases[case]
    for what in ("history", "audit", "alerts", "export", "feed"):
        assert not standing.reads(what, Caller("li-na"), of, bureau.office, bureau.now)


@pytest.mark.parametrize(
    ("link", "signs"), [("link-default", True), ("link-deemed", False), ("link-signed", True)]
)
def test_whether_it_is_signed_for_or_deemed_says_the_link_policy(bureau, link, signs):
    new = item(bureau)
    new = {**new, "policies": {**new["policies"], "link": link}}
    bureau.propose("item", "QH-002", new, by="wu-jun")
    bureau.approve("item", "QH-002", by="mo-li")
    case = led_to(bureau, Stage.ISSUED)
    do(bureau, case, "publish")
    for organ in ("qh-wjw", *TOLD):
        do(bureau, case, "push", to=organ)

    if signs:
        do(bureau, case, "claim", by="li-na")
        return
    with refuses("wrong-stage", "stage.claim"):
        do(bureau, case, "claim", by="li-na")


def test_a_denial_tells_nobody(bureau):
    case = led_to(bureau, Stage.IN_REVIEW)
    denial = {"outcome": "deny", "reasons": "选址不符", "document": given.document("decision")}
    bureau.act(case, "decide", denial, by="huang-qiang")

    with refuses("wrong-stage", "stage.push"):
        do(bureau, case, "push", to="qh-scjg")


@pytest.mark.parametrize("notified", [["qh-wjw"], ["qh-xzsp"], ["qh-zfj"], ["qh-zjj", "qh-zjj"]])
def test_who_has_another_part_is_not_told_besides(bureau, notified):
    with refuses("schema", "notification.others", pointer="/organs/notified"):
        bureau.propose("item", "QH-002", item(bureau, notified=notified), by="wu-jun")


def test_an_organ_that_is_not_there_is_not_told(bureau):
    with refuses("unknown-reference", pointer="/organs/notified"):
        bureau.propose("item", "QH-002", item(bureau, notified=["qh-nobody"]), by="wu-jun")


def test_cases_that_were_received_before_tell_whom_their_terms_name():
    here = given.bureau()
    case = led_to(here, Stage.DECIDED)
    here.propose("item", "QH-002", item(here, notified=list(TOLD)), by="wu-jun")
    here.approve("item", "QH-002", by="mo-li")

    with refuses("unknown-reference", pointer="/to"):
        do(here, case, "push", to="qh-scjg")
