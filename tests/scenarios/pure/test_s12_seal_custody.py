"""S12: sealed before the decision, or without custody."""

import pytest

from tests.ledger.given import GRANT, refuses, sealing

POST = {
    "id": "tang-li-sealer",
    "person": "tang-li",
    "name": "唐丽",
    "role": "sealer",
    "organ": "qh-xzsp",
    "from": "2026-03-04",
}


@pytest.fixture
def case(bureau):
    bureau.propose("appointment", "tang-li-sealer", POST, by="fang-ke", at="2026-03-01 09:00")
    bureau.approve("appointment", "tang-li-sealer", by="wu-jun")
    case = bureau.accepted("QH-002", "2026-03-02")
    bureau.reviewed(case, "2026-03-04")
    return case


def test_nothing_is_sealed_before_it_is_decided(bureau, case):
    with refuses("wrong-stage", "seal.authorising-event"):
        bureau.act(case, "seal", sealing(), by="he-yan", at="2026-03-04 16:00")

    assert 0 == bureau.numbers["seal/QH-S1"]


def test_custody_counts_by_the_instant(bureau, case):
    bureau.at("2026-03-04 17:00")
    bureau.custody("QH-S1", "hand-over", by="he-yan", data={"to": "tang-li"})
    bureau.custody("QH-S1", "take-over", by="tang-li")
    bureau.at("2026-03-04 17:30")
    complete = bureau.custody("QH-S1", "approve", by="wu-jun")
    bureau.act(case, "decide", GRANT, by="huang-qiang", at="2026-03-05 10:00")

    with refuses("seal-not-held", "seal.custody"):
        bureau.act(case, "seal", sealing(), by="he-yan", at="2026-03-05 11:00")
    (sealed,) = bureau.act(case, "seal", sealing(), by="tang-li", at="2026-03-05 11:05")

    assert complete.version == sealed.relied_on["seal:QH-S1"]
    assert "huang-qiang" == sealed.data["authorised_by"]["approver"]
    assert {"seal/QH-S1": 1} == sealed.registers


def test_until_the_hand_over_is_complete_the_keeper_keeps_it(bureau, case):
    bureau.at("2026-03-04 17:00")
    bureau.custody("QH-S1", "hand-over", by="he-yan", data={"to": "tang-li"})
    bureau.custody("QH-S1", "take-over", by="tang-li")
    bureau.act(case, "decide", GRANT, by="huang-qiang", at="2026-03-05 10:00")

    with refuses("seal-not-held", "seal.custody"):
        bureau.act(case, "seal", sealing(), by="tang-li")
    bureau.act(case, "seal", sealing(), by="he-yan")

    assert 1 == bureau.numbers["seal/QH-S1"]
