"""S11: sealed twice."""

import pytest

from tests.ledger.given import refuses, sealing, sha

VOID = {
    "document": {"kind": "licence", "version": 1},
    "reason": "打印污损",
    "approved_by": "huang-qiang",
    "replacement": {"version": 2, "sha256": sha("licence-2")},
}


@pytest.fixture
def case(bureau):
    case = bureau.accepted("QH-002", "2026-03-02")
    bureau.act(case, "seal", sealing("acceptance-notice", text="notice"), by="he-yan")
    bureau.granted(case, "2026-03-05")
    bureau.at("2026-03-06 09:00")
    return case


def seal(bureau, case, **more):
    (used,) = bureau.act(case, "seal", sealing(**more), by="he-yan")
    return used


def test_one_use_per_document_and_a_register_without_a_gap(bureau, case):
    n = bureau.case(case).seals[0]["serial"]

    first = seal(bureau, case)
    assert {"seal/QH-S1": n + 1} == first.registers
    assert "sealed" == bureau.state(case)["stage"]
    with refuses("already-done", "seal.once", earlier=first.position):
        seal(bureau, case)
    with refuses("document-mismatch", "seal.digest"):
        seal(bureau, case, text="other", medium="electronic")
    with refuses("already-done", "seal.void-first"):
        seal(bureau, case, version=2)
    bureau.act(case, "void-seal", VOID, by="he-yan")
    assert "decided" == bureau.state(case)["stage"]
    again = seal(bureau, case, version=2)
    assert {"seal/QH-S1": n + 2} == again.registers
    with refuses("already-done", "seal.once", earlier=again.position):
        seal(bureau, case, version=2)

    uses = bureau.case(case).seals
    assert [
        (n, "acceptance-notice", 1, False),
        (n + 1, "licence", 1, True),
        (n + 2, "licence", 2, False),
    ] == [(u["serial"], u["document"]["kind"], u["document"]["version"], u["void"]) for u in uses]
    assert "打印污损" == uses[1]["void_reason"]
    assert n + 2 == bureau.numbers["seal/QH-S1"]


def test_the_same_version_on_the_other_medium_is_another_use(bureau, case):
    seal(bureau, case)

    electronic = seal(bureau, case, medium="electronic")

    assert "electronic" == electronic.data["medium"]
