"""SCENARIOS.md over HTTP, where a dossier is taken and verified elsewhere (S14, S17)."""

import io

import orjson
import pytest

from ledger import archive
from ledger.dossier import CHECKPOINT, MANIFEST, event_name
from ledger.stored import written
from ledger.tlog import note
from ledger.tlog.note import Note, VerifierKey
from tests.api.living import overridden
from tests.api.serving import GRANT, opinion, serve, sha
from tests.api.verifying import verified
from tests.ledger.tlog import keys

NOTICE = {"Purpose": "inspection; JW-2026-001"}


@pytest.fixture
async def here(database, tmp_path):
    async for serving in serve(database, tmp_path):
        yield serving


async def taken(here, case):
    answer = await here.get(f"/cases/{case}/dossier", by="jiang-he", headers=NOTICE)
    assert answer.status == 200, answer.body
    found = archive.opened(io.BytesIO(answer.raw))
    return answer.raw, {name: found.read(name) for name in found.members}


async def pinned(here):
    return (await here.get("/log/vkey", by=None)).raw.decode().strip()


async def places(here, case, *types):
    history = (await here.get(f"/cases/{case}/events", by="jiang-he")).body["items"]
    return [event["position"] for event in history if not types or event["type"] in types]


async def test_s14_evidence_after_the_fact_is_not_the_decisions(here, tmp_path):
    case = await here.accepted("QH-002", "2026-03-09")
    to = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}, "handed_over": [sha("form")]}
    await here.done(case, "transfer", to, by="zhou-min", at="2026-03-11 10:00")
    await here.done(case, "acknowledge-transfer", by="chen-zhi")
    await here.done(case, "review", opinion("handle", "符合条件"), by="chen-zhi")
    await here.done(case, "decide", GRANT, by="huang-qiang", at="2026-03-12 15:00")
    late = opinion("check", "同意") | {
        "adopts": True,
        "occurred_at": "2026-03-11T16:00:00+08:00",
        "reason": "当日未上传",
    }
    done = await here.done(case, "review", late, by="lin-bo", at="2026-03-13 09:20")

    raw, files = await taken(here, case)

    (position,) = [event["position"] for event in done.body["events"]]
    told = orjson.loads(files[MANIFEST])
    assert [position] == told["after_decision"]
    assert position not in told["at_decision"]
    assert [p for p in await places(here, case) if p != position] == told["at_decision"]
    at = tmp_path / "case.zip"
    at.write_bytes(raw)
    code, out, err = await verified(at, "--key", await pinned(here))
    assert 0 == code, out + err
    assert f"after        {position}" in out


async def test_s17_the_inspectors_dossier_on_a_machine_of_its_own(here, tmp_path):
    case = await overridden(here)
    await here.at("2026-04-20 09:00")

    raw, files = await taken(here, case)
    at = tmp_path / "case.zip"
    at.write_bytes(raw)
    key = await pinned(here)
    code, out, err = await verified(at, "--key", key)

    assert 0 == code, out + err
    told = orjson.loads(files[MANIFEST])
    checkpoint = note.parse(files[CHECKPOINT]).text.split("\n")
    assert ("469002", checkpoint[1]) == (told["ledger"], str(told["checkpoint"]["size"]))
    for named in (case, "ledger        469002", checkpoint[0], f"size {checkpoint[1]}",
                  told["checkpoint"]["root"], "events        5,"):  # fmt: skip
        assert named in out
    assert out.endswith("OK\n")
    assert await places(here, case) == told["at_decision"]
    assert set(await places(here, case, "reviewed", "decided")) <= set(told["at_decision"])

    for name, (copy, position) in spoiled(files, await places(here, case)).items():
        at.write_bytes(archive.packed(copy))
        code, out, err = await verified(at, "--key", key)
        assert (1, "") == (code, err), (name, out)
        assert f"position {position}:" in out, (name, out)
        assert "OK" not in out


def spoiled(files, positions):
    """The copies of S17 that fail, each with the position that is to be named."""
    first, *_, before, last = positions
    middle = positions[2]

    def event(position, what="event"):
        return event_name("case", position, what)

    def without(position):
        gone = (event(position), event(position, "tlog-proof"))
        return {name: content for name, content in files.items() if name not in gone}

    def told_so(copy, position):
        told = orjson.loads(copy[MANIFEST])
        told["events"] = [one for one in told["events"] if one["position"] != position]
        told["at_decision"].remove(position)
        told["completeness"] |= {"versions": len(told["events"]), "last_position": before}
        for what in ("event", "tlog-proof"):
            del told["files"][event(position, what)]
        return copy | {MANIFEST: written(told)}

    signed = note.parse(files[CHECKPOINT])
    thief = VerifierKey(signed.text.split("\n")[0], keys.public("thief"))
    by_thief = Note(signed.text, (note.sign(signed.text, thief, keys.signer("thief")),)).raw
    changed = files[event(middle)].replace(b"deny", b"dena", 1)
    assert changed != files[event(middle)]
    return {
        "one byte of one event": (files | {event(middle): changed}, middle),
        "one event left out": (without(middle), middle),
        "the last event cut off": (without(last), last),
        "the last event cut off, and told so": (told_so(without(last), last), last),
        "two events swapped": (
            files | {event(middle): files[event(last)], event(last): files[event(middle)]},
            middle,
        ),
        "the checkpoint's signature by another key": (
            {name: raw.replace(files[CHECKPOINT], by_thief) for name, raw in files.items()},
            first,
        ),
    }
