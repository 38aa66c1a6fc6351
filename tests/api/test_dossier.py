"""The dossier of a case over HTTP: who may have it, what is in it, and what is not."""

import io
import re

import orjson
import pytest

from api import dossier as made
from api import takeout
from ledger import archive, dossier, evidence, records
from ledger.stored import read
from ledger.tlog import cosignature, note
from ledger.tlog.policy import parse as parse_policy
from tests.api import test_imports, test_lives_acts
from tests.api.serving import LICENCE, serve, sha
from tests.ledger.tlog import keys

NOTICE = {"Purpose": "inspection; JW-2026-001"}
APPLICANT = ("海南示例餐饮有限公司", "91469002MA5X00014X")


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


async def policy_of(here):
    """What somebody pins who takes the keys of both logs from the service, beforehand."""
    raw = b""
    for line in ("log", "open/log"):
        answer = await here.get(f"/{line}/vkey", by=None)
        assert answer.status == 200, answer.body
        raw += b"".join(b"log " + key + b"\n" for key in answer.raw.splitlines())
    return parse_policy(raw + b"quorum none\n")


async def taken(here, case, by="jiang-he", headers=NOTICE):
    answer = await here.get(f"/cases/{case}/dossier", by=by, headers=headers)
    assert answer.status == 200, answer.body
    return answer


def opened(raw):
    return archive.opened(io.BytesIO(raw))


def files_of(raw):
    found = opened(raw)
    return {name: found.read(name) for name in found.members}


async def granted(here, day="2026-04-14"):
    case = await here.accepted("QH-002", "2026-04-13")
    await here.granted(case, day)
    return case


async def test_it_proves_itself_and_is_the_bytes_as_stored(here):
    case = await granted(here)

    answer = await taken(here, case)

    assert "application/zip" == answer.headers["Content-Type"]
    assert f'attachment; filename="{case}.zip"' == answer.headers["Content-Disposition"]
    found = evidence.check(opened(answer.raw), await policy_of(here))
    newest = found.manifest["completeness"]["last_position"]
    assert ('"7"', str(newest)) == (answer.headers["ETag"], answer.headers["Ledger-Position"])
    assert ("469002", case, 7, True) == (
        found.ledger, found.number, found.versions, found.simulated,
    )  # fmt: skip
    files = files_of(answer.raw)
    history = await here.get(f"/cases/{case}/events", by="jiang-he")
    for event in history.body["items"]:
        row = await here.service.store.row(here.ledger, event["position"])
        assert row.record == files[dossier.event_name("case", event["position"])]
    rests_on = {one["stream"] for one in found.manifest["relied_on"]}
    assert {"item:QH-002", "policy:duty-standard", "appointment:huang-qiang-approver"} <= rests_on
    assert {sha("form"), LICENCE["sha256"]} == set(found.missing)


async def test_two_under_the_same_checkpoints_are_the_same_bytes(here):
    case = await granted(here)
    await here.act(case, "seal", {}, by="chen-zhi")  # refused, and on record

    first = await taken(here, case)
    await taken(here, case)
    again = await taken(here, case)

    assert first.raw == again.raw
    assert evidence.check(opened(first.raw), await policy_of(here)).refusals >= 1


async def test_control_a_later_checkpoint_makes_another_one(here):
    case = await granted(here)
    first = await taken(here, case)

    await here.received("QH-002", "2026-04-15")
    await published(here)
    later = await taken(here, case)

    manifests = [orjson.loads(files_of(one.raw)["manifest.json"]) for one in (first, later)]
    assert manifests[0]["checkpoint"]["size"] < manifests[1]["checkpoint"]["size"]
    assert manifests[0]["events"] == manifests[1]["events"]


async def published(here):
    head = await here.service.store.head(here.ledger)
    assert await here.service.publishers[here.ledger].published(head.size, 30)


async def test_only_the_first_refusals_are_in_it_and_it_says_so(here, monkeypatch):
    case = await granted(here)
    for _ in range(3):
        assert 403 == (await here.act(case, "archive", {}, by="he-yan")).status
    assert 403 == (await here.get(f"/cases/{case}/events", by="he-yan")).status
    whole = await taken(here, case)
    monkeypatch.setattr(made, "MOST_REFUSALS", 2)

    answer = await taken(here, case)

    both = [evidence.check(opened(raw.raw), await policy_of(here)) for raw in (whole, answer)]
    assert [(3, False), (2, True)] == [
        (one.refusals, one.manifest["more_refusals"]) for one in both
    ]


async def test_refusals_on_the_case_are_in_it_under_their_own_log(here):
    case = await granted(here)
    other = await here.accepted("QH-002", "2026-04-16")
    seal = {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": "paper"}
    assert 403 == (await here.act(case, "seal", seal, by="huang-qiang")).status
    assert 403 == (await here.act(other, "seal", seal, by="huang-qiang")).status

    answer = await taken(here, case)

    found = evidence.check(opened(answer.raw), await policy_of(here))
    files = files_of(answer.raw)
    refused = [read(one) for name, one in files.items() if re.match(r"refusal-.*event", name)]
    assert [(case, "seal")] == [(one.data["case"], one.data["action"]) for one in refused]
    assert (1, True) == (found.refusals, found.refusals_proved)
    assert "被拒绝的操作" in files["index.html"].decode()


LIVES = (
    test_lives_acts.test_a_promise_that_was_false_is_found_proposed_answered_and_revoked,
    test_imports.test_a_case_that_another_file_brought_is_not_taken_twice,
)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
async def test_whatever_a_case_went_through_its_dossier_proves_itself(here, life):
    await life(here)
    await here.service.caught_up(here.ledger, -1)

    cases = [row["case"] for row in (await here.get("/cases", by="jiang-he")).body["items"]]

    assert cases
    for case in cases:
        answer = await taken(here, case)
        found = evidence.check(opened(answer.raw), await policy_of(here))
        assert case == found.number


# -- the page --------------------------------------------------------------------------------


async def test_the_page_stands_alone_in_two_languages(here):
    case = await granted(here)

    page = files_of((await taken(here, case)).raw)["index.html"].decode()

    assert case in page
    for word in (
        "证据包",
        "Dossier",
        "办理时限",
        "Deadlines",
        "第一调取人"[:0] + "调取人",
        "Holder",
    ):
        assert word in page
    for leaf in [one["leaf_hash"] for one in (await history(here, case))]:
        assert 2 == page.count(leaf)
    assert 2 <= page.count(LICENCE["sha256"])
    assert "模拟台账" in page
    lower = page.lower()
    for reaching in (
        "<script",
        "<link",
        "<img",
        "<iframe",
        "src=",
        "href=",
        "url(",
        "@import",
        "<form",
    ):
        assert reaching not in lower, reaching
    assert "default-src 'none'" in page


async def history(here, case):
    return (await here.get(f"/cases/{case}/events", by="jiang-he")).body["items"]


async def test_what_was_written_to_steer_the_page_is_text(here):
    case = await here.accepted("QH-002", "2026-04-13")
    payload = "</td><script>alert(1)</script><!-- рermit"  # a Cyrillic letter first
    await here.done(
        case, "review", {"level": "handle", "opinion": payload, "recommend": "grant"},
        by="chen-zhi", at="2026-04-14 10:00",
    )  # fmt: skip

    raw = (await taken(here, case)).raw

    page = files_of(raw)["index.html"].decode()
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    assert 'class="odd"' in page
    assert evidence.check(opened(raw), await policy_of(here))


async def test_personal_fields_are_ciphertext_in_the_records_and_masked_on_the_page(here):
    case = await granted(here)

    files = files_of((await taken(here, case)).raw)

    for name, content in files.items():
        for clear in APPLICANT:
            assert clear not in content.decode("utf-8", "replace"), name
    first = await here.service.store.of_stream(
        here.ledger, (await history(here, case))[0]["stream"]
    )
    assert "enc" in str(records.decode(first[0]).data["applicant"]["name"])
    assert "海南" in files["index.html"].decode()


# -- who may -----------------------------------------------------------------------------------


async def test_an_inspector_says_what_for(here):
    case = await granted(here)

    plain = await here.get(f"/cases/{case}/dossier", by="jiang-he")
    wrong = await here.get(f"/cases/{case}/dossier", by="jiang-he", headers={"Purpose": "because"})

    assert (403, "purpose-required") == plain.refusal[:2]
    assert (403, "purpose-required") == wrong.refusal[:2]


READERS = {
    "jiang-he": 200, "wu-jun": 200, "mo-li": 200, "ke-jun": 200, "xing-tao": 403, "yan-qing": 403,
    "chen-zhi": 403, "zhou-min": 403, "huang-qiang": 403, "lu-qian": 403, "nobody": 404,
}  # fmt: skip


async def test_who_may_have_it(here):
    case = await granted(here)

    told = {}
    for by in READERS:
        headers = NOTICE if by == "jiang-he" else None
        answer = await here.get(f"/cases/{case}/dossier", by=by, headers=headers)
        told[by] = answer.status

    assert READERS == told


async def test_the_checkpoint_is_the_newest_one_that_a_witness_has_seen(here):
    case = await granted(here)
    await published(here)
    log = here.service.publishers[here.ledger].log
    seen = await log.newest()
    line = cosignature.cosign(
        note.parse(seen.note).text, keys.INSPECTION, 1_790_000_000, keys.signer("inspection")
    )
    assert await log.keep_cosignature(seen.size, "inspection", line.line, 1_790_000_000)
    await here.received("QH-002", "2026-04-20")
    await published(here)

    answer = await taken(here, case)

    known = (await policy_of(here)).raw.replace(
        b"quorum none", f"witness i {keys.INSPECTION.text}\nquorum i".encode()
    )
    found = evidence.check(opened(answer.raw), parse_policy(known))
    assert (seen.size, {"i": 1_790_000_000}) == (found.checkpoint.size, found.cosigned)
    assert seen.size < (await log.newest()).size


async def test_where_no_checkpoint_covers_the_case_in_time_it_says_behind(here, monkeypatch):
    case = await granted(here)
    publisher = here.service.publishers[here.ledger]

    async def late(size, patience_s):
        assert patience_s == made.PATIENCE_S
        return False

    monkeypatch.setattr(publisher, "published", late)
    answer = await here.get(f"/cases/{case}/dossier", by="jiang-he", headers=NOTICE)

    assert (503, "behind") == answer.refusal[:2]


# -- documents ---------------------------------------------------------------------------------


async def test_documents_are_packed_by_their_bytes_and_leave_the_statement_good(here, tmp_path):
    case = await granted(here)
    folder = tmp_path / "documents" / "2026"
    folder.mkdir(parents=True)
    (folder / "申请表.pdf").write_bytes(b"form")
    (folder / "of another case.pdf").write_bytes(b"other")
    raw = (await taken(here, case)).raw
    steps = []

    done = takeout._packed(
        opened(raw), folder.parent, tmp_path / "case.zip", lambda *step: steps.append(step)
    )

    assert (1, (LICENCE["sha256"],)) == (done.packed, done.missing)
    assert (2, 2) == steps[-1]
    with done.at.open("rb") as file:
        found = evidence.check(archive.opened(file), await policy_of(here))
    assert ((sha("form"),), (LICENCE["sha256"],)) == (found.packed, found.missing)
