"""What a dossier proves, and more than a hundred forged ones, each refused at the first bad place.

Some forgers have no key, some have another log's, and the last ones have the log's own: those
can only be caught by what the log itself says.
"""

from dataclasses import replace

import metamorphic_log
import orjson
import pytest

from ledger import archive, dossier, evidence, rotation
from ledger.dossier import CHECKPOINT, MANIFEST, OPEN_CHECKPOINT, STATEMENT
from ledger.evidence import Unfit
from ledger.order import Order
from ledger.stored import written
from ledger.tlog import merkle, note, proof
from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import leaf_hash
from ledger.tlog.note import Note, Signature, VerifierKey
from tests.ledger import dossiers
from tests.ledger.dossiers import (
    CASE,
    FORM,
    LICENCE,
    LINE,
    LOG,
    MAIN_ONLY,
    OPEN,
    ORIGIN,
    OTHER,
    POLICY,
    POST,
    WITNESSED,
    Making,
    beginning,
    opened,
    pair,
    record,
    steps,
    zipped,
)  # fmt: skip
from tests.ledger.tlog import keys

FILES = Making().files()
DOCUMENT = f"document-{FORM}"


def check(files, policy=POLICY, origin=None):
    return evidence.check(opened(zipped(files)), policy, origin)


def bad(files, policy=POLICY, origin=None):
    """What is told of a bad dossier: the thing, and its position."""
    with pytest.raises(Unfit) as refused:
        check(files, policy, origin)
    assert "\n" not in str(refused.value)
    return refused.value


def test_a_true_one_is_accepted_and_says_what_it_is_of():
    found = check(FILES, origin=ORIGIN)

    assert ("469002", dossiers.NUMBER, CASE) == (found.ledger, found.number, found.stream)
    assert (5, 3, 2, True) == (found.versions, found.rules, found.refusals, found.refusals_proved)
    assert (13, ORIGIN, True) == (found.checkpoint.size, found.checkpoint.origin, found.simulated)
    assert ((), tuple(sorted((FORM, LICENCE)))) == (found.packed, found.missing)


def test_the_manifest_parts_what_was_recorded_before_and_after_the_decision():
    told = check(FILES).manifest

    assert [5, 7, 8, 9] == told["at_decision"]
    assert [11] == told["after_decision"]
    assert {OTHER: 2} == told["relied_on_elsewhere"]
    assert [("appointment:chen-zhi-handler", 2, [2, 4]), ("item:QH-002", 1, [1])] == [
        (one["stream"], one["version"], one["positions"]) for one in told["relied_on"]
    ]
    assert ["document: licence"] == told["documents"][0 if LICENCE < FORM else 1]["as"]


def test_where_nothing_was_decided_nothing_came_after():
    one = Making(case=(5, 7, 8))
    one.entries = one.entries[:9]
    one.rules = (1, 2, 4)

    told = check(one.files()).manifest

    assert ([5, 7, 8], []) == (told["at_decision"], told["after_decision"])


def test_it_is_made_the_same_twice():
    assert zipped(Making().files()) == zipped(FILES)


def test_documents_are_packed_afterwards_and_checked_by_their_digests():
    found = check(FILES | {DOCUMENT: b"form"})

    assert ((FORM,), (LICENCE,)) == (found.packed, found.missing)
    assert DOCUMENT == bad(FILES | {DOCUMENT: b"another"}).what
    assert "no event names" in bad(FILES | {f"document-{'0' * 64}": b""}).why


def test_witnesses_are_asked_for_where_the_policy_says_so():
    found = check(Making(witnesses=("inspection",)).files(), WITNESSED)

    assert {"inspection": dossiers.NOON} == found.cosigned
    told = bad(FILES, WITNESSED)
    assert (CHECKPOINT, 5) == (told.what, told.position)
    assert "quorum" in told.why


def test_refusals_of_a_log_without_a_known_key_are_vouched_for_by_the_statement_alone():
    assert not check(FILES, MAIN_ONLY).refusals_proved
    other = dict(FILES)
    name = dossier.event_name("refusal", 2)
    other[name] = other[name].replace(b"issue", b"seals")

    assert ("event", 2) == ((told := bad(other, MAIN_ONLY)).what, told.position)


def test_the_statement_is_no_checkpoint_and_no_checkpoint_is_a_statement():
    signed = note.parse(FILES[STATEMENT])

    with pytest.raises(Malformed):
        dossier.parse_checkpoint(signed.text)
    with pytest.raises(Malformed):
        dossier.Statement.parse(note.parse(FILES[CHECKPOINT]).text)
    assert signed.text == dossier.Statement.parse(signed.text).text
    assert f"{ORIGIN}/dossier" == signed.signatures[0].name


def test_proofs_and_checkpoint_are_accepted_by_somebody_elses_verifier():
    for name, content in FILES.items():
        if name.endswith(".tlog-proof"):
            given = proof.parse(content)
            key = LINE if name.startswith("refusal") else LOG
            entry = FILES[name.replace("tlog-proof", "event")]
            metamorphic_log.checkpoint_verify_inclusion(
                given.checkpoint.raw.decode(), [key.text], given.index, leaf_hash(entry),
                list(given.path),
            )  # fmt: skip


# -- forged without a key --------------------------------------------------------------------


def case(position, what="event"):
    return dossier.event_name("case", position, what)


def without(*names):
    return {name: content for name, content in FILES.items() if name not in names}


def changed(name, change):
    return FILES | {name: change(FILES[name])}


def flipped(at):
    return lambda raw: raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]


def swapped(one, other):
    return FILES | {one: FILES[other], other: FILES[one]}


def told(change, files=None):
    """Change what the manifest tells, in its own spelling."""
    files = dict(files or FILES)
    manifest = orjson.loads(files[MANIFEST])
    change(manifest)
    return files | {MANIFEST: written(manifest)}


def cut(position, *, told_so):
    """Leave an event out; `told_so`: the manifest agrees."""
    files = without(case(position), case(position, "tlog-proof"))

    def leave_out(manifest):
        manifest["events"] = [e for e in manifest["events"] if e["position"] != position]
        manifest["after_decision"] = [p for p in manifest["after_decision"] if p != position]
        manifest["completeness"]["versions"] -= 1
        manifest["completeness"]["last_position"] = manifest["events"][-1]["position"]
        for what in ("event", "tlog-proof"):
            del manifest["files"][case(position, what)]

    return told(leave_out, files) if told_so else files


def proof_with(**changed):
    def change(raw):
        return replace(proof.parse(raw), **changed).raw

    return change


def path_with(change):
    return lambda raw: replace(proof.parse(raw), path=change(proof.parse(raw).path)).raw


def signature(change, name=CHECKPOINT):
    """Change the lines under a checkpoint, in the file and in each proof."""
    files = dict(FILES)
    before = FILES[name]
    signed = note.parse(before)
    after = Note(signed.text, change(signed)).raw
    return {one: content.replace(before, after) for one, content in files.items()}


def by_another_key(signed):
    other = VerifierKey(ORIGIN, keys.public("thief"))
    return (note.sign(signed.text, other, keys.signer("thief")),)


def text_of(change, name=CHECKPOINT):
    """Change the text of a checkpoint under its old signature."""
    before = FILES[name]
    signed = note.parse(before)
    after = Note(change(signed.text), signed.signatures).raw
    return {one: content.replace(before, after) for one, content in FILES.items()}


def statement(change):
    signed = note.parse(FILES[STATEMENT])
    return FILES | {STATEMENT: Note(change(signed.text), signed.signatures).raw}


P8, P9 = case(8, "tlog-proof"), case(9, "tlog-proof")
RULE4, RULE4P = dossier.event_name("rule", 4), dossier.event_name("rule", 4, "tlog-proof")
REF2, REF2P = dossier.event_name("refusal", 2), dossier.event_name("refusal", 2, "tlog-proof")

FORGED = {
    # name: (files, what is told, its position)
    "a byte of an event": (changed(case(8), flipped(40)), "event", 8),
    "the last byte of an event": (changed(case(8), flipped(-2)), "event", 8),
    "a byte behind an event": (changed(case(8), lambda raw: raw + b" "), "event", 8),
    "an event that is empty": (changed(case(8), lambda _: b""), "event", 8),
    "an event of one line": (changed(case(8), lambda raw: raw.replace(b"\n", b"")), "event", 8),
    "an event with two line feeds": (
        changed(case(8), lambda r: r.replace(b"\n", b"\n\n")),
        "event",
        8,
    ),
    "an event spelled with spaces": (
        changed(case(8), lambda r: r.replace(b",", b", ")),
        "event",
        8,
    ),
    "two events swapped": (swapped(case(7), case(8)), "event", 7),
    "two events swapped with their proofs": (
        swapped(case(7), case(8))
        | {P8: FILES[case(7, "tlog-proof")], case(7, "tlog-proof"): FILES[P8]},
        "proof",
        7,
    ),
    "an event left out": (cut(8, told_so=False), case(8), 8),
    "an event left out, and told so": (cut(8, told_so=True), "event", 9),
    "the first event left out, and told so": (cut(5, told_so=True), "event", 7),
    "the last event cut off": (cut(11, told_so=False), case(11), 11),
    "the last event cut off, and told so": (cut(11, told_so=True), "event", 11),
    "all but the first": (
        without(*(case(p, what) for p in (7, 8, 9, 11) for what in ("event", "tlog-proof"))),
        case(7),
        7,
    ),
    "an event of the office as the case's": (
        FILES | {case(4): FILES[RULE4], case(4, "tlog-proof"): FILES[RULE4P]},
        "event",
        4,
    ),
    "an event without its proof": (without(P8), P8, 8),
    "a proof without its event": (without(case(8)), case(8), 8),
    "a byte of a proof": (changed(P8, flipped(-3)), "event", 8),
    "a byte of a path": (changed(P8, flipped(45)), "event", 8),
    "a proof of another event": (changed(P8, lambda _: FILES[P9]), "proof", 8),
    "a proof with another index": (changed(P8, proof_with(index=9)), "proof", 8),
    "a proof beyond the tree": (changed(P8, proof_with(index=2**40)), "proof", 8),
    "a path that is cut": (changed(P8, path_with(lambda path: path[:-1])), "event", 8),
    "a path without its first": (changed(P8, path_with(lambda path: path[1:])), "event", 8),
    "an empty path": (changed(P8, path_with(lambda _: ())), "event", 8),
    "a padded path": (changed(P8, path_with(lambda path: (*path, path[0]))), "event", 8),
    "a path in another order": (changed(P8, path_with(lambda path: path[::-1])), "event", 8),
    "a path of zeroes": (changed(P8, path_with(lambda path: (bytes(32),) * len(path))), "event", 8),
    "a path of 64 hashes": (
        changed(
            P8,
            lambda raw: raw.replace(
                b"index 8\n", b"index 8\n" + b"A" * 43 + b"=\n" * 1 + (b"A" * 43 + b"=\n") * 63
            ),
        ),
        "event",
        8,
    ),
    "a proof with something beside it": (changed(P8, proof_with(extra=b"x")), "proof", 8),
    "a proof of another version": (changed(P8, lambda r: r.replace(b"@v1", b"@v2")), "event", 8),
    "a proof with carriage returns": (changed(P8, lambda r: r.replace(b"\n", b"\r\n")), "event", 8),
    "a proof with a zero before the index": (
        changed(P8, lambda r: r.replace(b"index 8", b"index 08")),
        "event",
        8,
    ),
    "a proof with loose bits": (changed(P8, lambda r: r.replace(b"=\n", b"B=\n", 1)), "event", 8),
    "a proof that is cut": (changed(P8, lambda r: r[:60]), "event", 8),
    "a proof with something behind it": (changed(P8, lambda r: r + b"x"), "event", 8),
    "a proof that is empty": (changed(P8, lambda _: b""), "event", 8),
    "a proof under the other log's checkpoint": (
        changed(P8, lambda r: r.replace(FILES[CHECKPOINT], FILES[OPEN_CHECKPOINT])),
        "proof",
        8,
    ),
    "the signature by another's key": (signature(by_another_key), CHECKPOINT, 5),
    "the signature of the other log": (
        signature(lambda _: note.parse(FILES[OPEN_CHECKPOINT]).signatures),
        CHECKPOINT,
        5,
    ),
    "the signature twice": (signature(lambda s: s.signatures * 2), CHECKPOINT, 5),
    "a signature of zeroes": (
        signature(lambda s: (Signature(ORIGIN, LOG.key_id, bytes(64)),)),
        CHECKPOINT,
        5,
    ),
    "a short signature": (
        signature(lambda s: (Signature(ORIGIN, LOG.key_id, bytes(63)),)),
        CHECKPOINT,
        5,
    ),
    "the statement's signature": (
        signature(lambda _: note.parse(FILES[STATEMENT]).signatures),
        CHECKPOINT,
        5,
    ),
    "a checkpoint of another size": (
        text_of(lambda t: t.replace("\n13\n", "\n14\n")),
        CHECKPOINT,
        5,
    ),
    "a checkpoint of size 0": (text_of(lambda t: t.replace("\n13\n", "\n0\n")), CHECKPOINT, 5),
    "a checkpoint of another origin": (text_of(lambda t: "x" + t), CHECKPOINT, 5),
    "a checkpoint with one line more": (text_of(lambda t: t + "more\n"), CHECKPOINT, 5),
    "a checkpoint with carriage returns": (
        {
            n: c.replace(FILES[CHECKPOINT], FILES[CHECKPOINT].replace(b"\n", b"\r\n"))
            for n, c in FILES.items()
        },
        CHECKPOINT,
        5,
    ),
    "a checkpoint with something behind it": (
        {n: c.replace(FILES[CHECKPOINT], FILES[CHECKPOINT] + b"x") for n, c in FILES.items()},
        CHECKPOINT,
        5,
    ),
    "a checkpoint that is empty": (FILES | {CHECKPOINT: b""}, CHECKPOINT, 5),
    "the open line's checkpoint in its place": (
        FILES | {CHECKPOINT: FILES[OPEN_CHECKPOINT]},
        "proof",
        5,
    ),
    "no checkpoint": (without(CHECKPOINT), CHECKPOINT, None),
    "no manifest": (without(MANIFEST), MANIFEST, None),
    "no statement": (without(STATEMENT), STATEMENT, None),
    "no events": (without(*(n for n in FILES if n.startswith("case"))), "events", None),
    "a statement of fewer versions": (
        statement(lambda t: t.replace("versions 5", "versions 4")),
        STATEMENT,
        None,
    ),
    "a statement of another case": (
        statement(lambda t: t.replace("aaaa", "aaab", 1)),
        STATEMENT,
        None,
    ),
    "a statement of another manifest": (
        statement(lambda t: t[:-65] + "0" * 64 + "\n"),
        STATEMENT,
        None,
    ),
    "a checkpoint as the statement": (FILES | {STATEMENT: FILES[CHECKPOINT]}, STATEMENT, None),
    "a statement of one line": (statement(lambda _: "caseledger-dossier/v1\n"), STATEMENT, None),
    "a statement that is empty": (FILES | {STATEMENT: b""}, STATEMENT, None),
    "a manifest that is no JSON": (FILES | {MANIFEST: b"{"}, MANIFEST, None),
    "a manifest that is deep": (FILES | {MANIFEST: b"[" * 100_000}, MANIFEST, None),
    "a manifest that is a list": (FILES | {MANIFEST: b"[]"}, MANIFEST, None),
    "a manifest that is a number": (FILES | {MANIFEST: b"7"}, MANIFEST, None),
    "a manifest with a member twice": (
        changed(MANIFEST, lambda r: r.replace(b'{"after', b'{"format":"x","after', 1)),
        MANIFEST,
        None,
    ),
    "a manifest with spaces": (changed(MANIFEST, lambda r: r + b" "), MANIFEST, None),
    "a manifest of another format": (told(lambda m: m.update(format="v2")), MANIFEST, None),
    "a manifest without a number": (told(lambda m: m.pop("case")), MANIFEST, None),
    "a manifest with a list as its number": (told(lambda m: m.update(case=[])), MANIFEST, None),
    "another number of the case": (
        told(lambda m: m.update(case="469002-2026-000008")),
        "refusal",
        0,
    ),
    "another ledger": (told(lambda m: m.update(ledger="469003")), "refusal", 0),
    "another origin": (told(lambda m: m.update(origin="x")), OPEN_CHECKPOINT, 0),
    "a clock that is said to be real": (told(lambda m: m.update(simulated=False)), MANIFEST, None),
    "evidence moved before the decision": (
        told(lambda m: m.update(at_decision=[5, 7, 8, 9, 11], after_decision=[])),
        MANIFEST,
        None,
    ),
    "a type in the manifest": (
        told(lambda m: m["events"][2].update(type="accepted")),
        MANIFEST,
        None,
    ),
    "a member too many": (told(lambda m: m.update(more=1)), MANIFEST, None),
    "a member too few": (told(lambda m: m.pop("documents")), MANIFEST, None),
    "more refusals, in another word": (
        told(lambda m: m.update(more_refusals="no")),
        MANIFEST,
        None,
    ),
    "a document left out": (told(lambda m: m["documents"].pop()), MANIFEST, None),
    "an event that is told and not there": (
        told(lambda m: m["events"].append({"position": 12, "version": 6, "type": "x"})),
        case(12),
        12,
    ),
    "positions that are no numbers": (
        told(lambda m: m.update(events=[{"position": "x"}, 7, None, {"position": True}])),
        MANIFEST,
        None,
    ),
    "a position beyond all": (
        told(lambda m: m["events"].append({"position": 2**62})),
        MANIFEST,
        None,
    ),
    "another page": (FILES | {"index.html": b"<p>granted</p>"}, MANIFEST, None),
    "another README": (FILES | {"README.txt": b"trust us"}, MANIFEST, None),
    "another policy": (FILES | {"policy": b"quorum none\n"}, MANIFEST, None),
    "no page": (without("index.html"), MANIFEST, None),
    "a file that no dossier has": (FILES | {"setup.exe": b""}, "setup.exe", None),
    "a name that looks like an event": (FILES | {"case-8.event": b""}, "case-8.event", None),
    "a time stamp by another name": (
        FILES | {f"time-stamp-{'0' * 64}.tsr": b"x"},
        f"time-stamp-{'0' * 64}.tsr",
        None,
    ),
    "a byte of a rule": (changed(RULE4, flipped(40)), "event", 4),
    "a rule left out": (without(RULE4, RULE4P), RULE4, 4),
    "a rule without its proof": (without(RULE4P), RULE4P, 4),
    "an event as a rule": (
        FILES
        | {
            dossier.event_name("rule", 8): FILES[case(8)],
            dossier.event_name("rule", 8, "tlog-proof"): FILES[P8],
        },
        "rule",
        8,
    ),
    "a byte of a refusal": (changed(REF2, flipped(40)), "event", 2),
    "a refusal left out": (without(REF2, REF2P), REF2, 2),
    "refusals without their checkpoint": (without(OPEN_CHECKPOINT), OPEN_CHECKPOINT, 0),
    "the signature under refusals by another's key": (
        signature(
            lambda s: (
                note.sign(s.text, VerifierKey(OPEN, keys.public("thief")), keys.signer("thief")),
            ),
            OPEN_CHECKPOINT,
        ),
        OPEN_CHECKPOINT,
        0,
    ),
    "refusals under the ledger's checkpoint": (
        FILES | {OPEN_CHECKPOINT: FILES[CHECKPOINT]},
        OPEN_CHECKPOINT,
        0,
    ),
    "an event of the case as a refusal": (
        FILES | {REF2: FILES[case(8)], REF2P: FILES[P8]},
        "proof",
        2,
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_it_is_refused_at_the_first_bad_place(forged):
    files, what, position = FORGED[forged]

    told = bad(files)

    assert (what, position) == (told.what, told.position), told.why


@pytest.mark.parametrize("forged", FORGED)
def test_it_is_refused_without_a_key_of_the_open_line_too(forged):
    if forged != "the signature under refusals by another's key":
        assert bad(FORGED[forged][0], MAIN_ONLY)


@pytest.mark.parametrize("name", FILES)
def test_no_byte_of_any_file_can_be_another_one(name):
    size = len(FILES[name])
    for at in {0, 1, size // 3, size // 2, size - 2, size - 1}:
        for bit in (1, 0x20, 0x80):
            raw = bytearray(FILES[name])
            raw[at] ^= bit
            assert bad(FILES | {name: bytes(raw)}), (at, bit)


@pytest.mark.parametrize("name", FILES)
def test_no_file_can_be_missing(name):
    assert bad(without(name))


def strangers(forged):
    """Whether somebody else's verifier finds all proofs in a dossier good."""
    for name, content in forged.items():
        if not name.endswith(".tlog-proof") or name.startswith("refusal"):
            continue
        event = forged.get(name.replace("tlog-proof", "event"))
        try:
            given = proof.parse(content)
            metamorphic_log.checkpoint_verify_inclusion(
                forged.get(CHECKPOINT, b"").decode(), [LOG.text], given.index,
                leaf_hash(event or b""), list(given.path),
            )  # fmt: skip
        except (metamorphic_log.VerifyError, Malformed, ValueError):
            return False
        if given.index != int(name[5:17]):
            return False
    return True


def test_where_formats_overlap_somebody_elses_verifier_refuses_as_well():
    """Proofs, checkpoint and signatures: what is forged there a stranger refuses too."""
    theirs = [name for name, (files, *_) in FORGED.items() if not strangers(files)]

    assert strangers(FILES)
    assert len(theirs) >= 40, theirs
    assert len(FORGED) >= 100


# -- forged with the keys: by whoever keeps the log ---------------------------------------------


def insider(change):
    one = Making()
    change(one)
    return one


def entry(position, made):
    def change(one):
        one.entries[position] = made

    return change


INSIDE = {
    "a version twice": (entry(8, record(8, CASE, 2, "reviewed", relied_on=POST)), "event", 8),
    "a version left out": (entry(8, record(8, CASE, 4, "reviewed", relied_on=POST)), "event", 8),
    "an event of another case": (entry(8, record(8, OTHER, 3, "reviewed")), "event", 8),
    "another ledger's event": (
        entry(8, record(8, CASE, 3, "reviewed", ledger="469003")),
        "event",
        8,
    ),
    "a position that is another one": (entry(8, record(7, CASE, 3, "reviewed")), "event", 8),
    "time that goes back": (
        entry(8, record(8, CASE, 3, "reviewed", minutes=2, relied_on=POST)),
        "event",
        8,
    ),
    "a number given twice": (
        entry(8, record(8, CASE, 3, "reviewed", registers={"case/2026": 7})),
        "event",
        8,
    ),
    "the beginning of another case": (
        entry(8, record(8, "case:" + "c" * 32, 1, "received")),
        "event",
        8,
    ),
    "a type that is a number": (entry(8, record(8, CASE, 3, 7, relied_on=POST)), "event", 8),
    "an empty type": (entry(8, record(8, CASE, 3, "", relied_on=POST)), "event", 8),
    "a version that is a text": (entry(8, record(8, CASE, "3", "reviewed")), "event", 8),
    "a version that is true": (entry(5, record(5, CASE, True, "received")), "event", 5),
    "a version 0": (entry(5, record(5, CASE, 0, "received")), "event", 5),
    "a time without microseconds": (
        entry(8, record(8, CASE, 3, "reviewed").replace(b".000000Z", b"Z")),
        "event",
        8,
    ),
    "a time in another month": (
        entry(8, record(8, CASE, 3, "reviewed").replace(b"-04-", b"-14-")),
        "event",
        8,
    ),
    "a body that is no JSON": (entry(8, b'{"a":1}\n{'), "event", 8),
    "a header that is a list": (entry(8, b"[]\n{}"), "event", 8),
    "a body without a stream": (
        entry(8, record(8, CASE, 3, "reviewed").replace(b'"stream"', b'"strean"')),
        "event",
        8,
    ),
    "members in another order": (
        entry(8, record(8, CASE, 3, "reviewed").replace(b'{"actor"', b'{"z":1,"actor"')),
        "event",
        8,
    ),
    "data that is a list": (entry(8, record(8, CASE, 3, "reviewed", ["x"])), "event", 8),
    "a case that begins later": (lambda one: one.__dict__.update(case=(7, 8, 9, 11)), "event", 7),
    "a refusal on another case": (lambda one: one.__dict__.update(refused=(0, 1)), "refusal", 1),
    "a refusal that is none": (
        lambda one: one.refusals.__setitem__(
            2, record(2, "x:1", 1, "read", {"case": one.number}, ledger="469002.open")
        ),
        "refusal",
        2,
    ),
    "a refusal of another ledger": (
        lambda one: one.refusals.__setitem__(
            2, record(2, "x:1", 1, "refused", {"case": one.number}, ledger="469003.open")
        ),
        "refusal",
        2,
    ),
    "a rule left out": (lambda one: one.__dict__.update(rules=(1, 2)), "rules", None),
    "all rules left out": (lambda one: one.__dict__.update(rules=()), "rules", None),
    "a rule's first version left out": (lambda one: one.__dict__.update(rules=(1, 4)), "rule", 4),
    "a rule too many": (lambda one: one.__dict__.update(rules=(1, 2, 4, 10)), "rule", 10),
    "a rule that nothing rests on": (
        lambda one: one.__dict__.update(rules=(0, 1, 2, 4)),
        "rule",
        0,
    ),
    "another case as a rule": (lambda one: one.__dict__.update(rules=(1, 2, 3, 4)), "rule", 3),
    "another number of the case": (
        lambda one: one.__dict__.update(number="469002-2026-000008", refused=()),
        MANIFEST,
        None,
    ),
}


def deep(lists):
    """An event whose data lies in so many lists; the lists begin in the third level."""
    made = record(8, CASE, 3, "reviewed", {"opinion": "@"}, relied_on=POST)
    return made.replace(b'"@"', b"[" * lists + b"1" + b"]" * lists)


INSIDE["nested too deeply"] = (entry(8, deep(253)), "event", 8)

NO_REFUSALS = Making(refused=()).files()


def stated_by_the_keeper(**changed):
    """A statement of the log's own key that says something else."""
    true = dossier.Statement.parse(note.parse(FILES[STATEMENT]).text)
    text = replace(true, **changed).text
    line = note.sign(text, dossier.statement_key(LOG), keys.signer("log"))
    return FILES | {STATEMENT: Note(text, (line,)).raw}


def test_the_number_of_a_case_is_the_one_that_was_signed():
    other = told(lambda m: m.update(case="469003-2026-000007"), NO_REFUSALS)

    assert (MANIFEST, "not the one that was signed") == ((one := bad(other)).what, one.why)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"stream": OTHER}, STATEMENT),
        ({"versions": 6}, "event"),
        ({"last": 12}, "event"),
        ({"size": 12}, STATEMENT),
        ({"root": bytes(32)}, STATEMENT),
        ({"origin": OPEN}, STATEMENT),
        ({"manifest": "0" * 64}, MANIFEST),
        ({"manifest": "X" * 64}, STATEMENT),
    ],
)
def test_a_statement_is_held_against_everything_it_says(changed, what):
    assert what == bad(stated_by_the_keeper(**changed)).what


def test_a_checkpoint_over_no_refusal_has_no_place():
    one = Making(refused=())
    contents = replace(one.contents(), refused_under=FILES[OPEN_CHECKPOINT])

    assert OPEN_CHECKPOINT == bad(dossier.files(contents, [(LOG, keys.signer("log"))])).what


def test_what_is_no_case_has_no_dossier():
    one = Making()
    one.entries = [entry.replace(CASE.encode(), b"item:" + b"a" * 32) for entry in one.entries]

    assert ("event", 5) == ((told := bad(one.files())).what, told.position)


@pytest.mark.parametrize("forged", INSIDE)
def test_who_has_the_keys_is_caught_by_what_the_log_says(forged):
    change, what, position = INSIDE[forged]
    one = insider(change)
    try:
        files = one.files()
    except Exception:  # noqa: BLE001 our own maker refuses some of them as well
        files = made_by_hand(one)

    told = bad(files)

    assert (what, position) == (told.what, told.position), told.why


def made_by_hand(one):
    """A dossier whose records our own maker cannot read: only their files, and true proofs."""
    plain = Making()
    contents = one.contents()
    files = plain.files()
    for made in contents.events:
        files[case(made.position)] = made.record
        files[case(made.position, "tlog-proof")] = made.proof
    return files | {CHECKPOINT: contents.checkpoint}


def test_the_newest_event_that_the_keeper_hides_shows_in_the_next_dossier():
    """What the statement is worth: two of them over one size contradict each other."""
    hidden = Making(case=(5, 7, 8, 9)).files()

    texts = [note.parse(one[STATEMENT]).text for one in (hidden, FILES)]
    stated = [dossier.Statement.parse(text) for text in texts]
    assert [4, 5] == [one.versions for one in stated]
    assert 1 == len({(one.origin, one.stream, one.size, one.root) for one in stated})


def rotated(stating, bearing, *, retired=True):
    """A dossier after a rotation: under a checkpoint by some keys, stated by one."""
    pair = [(VerifierKey(ORIGIN, keys.public(seed)), keys.signer(seed)) for seed in ("log", "next")]
    steps = [rotation.signed("add", *pair, 5)]
    if retired:
        steps.append(rotation.signed("retire", *pair, 8))
    one = Making(key=bearing[0], also=bearing[1:], keys=rotation.joined(steps))
    return dossier.files(one.contents(), [pair[("log", "next").index(stating)]])


def test_a_statement_counts_by_a_key_that_stands_under_the_checkpoint():
    assert 5 == check(rotated("next", ("next",))).versions
    # While both sign, each of them states.
    for stating in ("log", "next"):
        assert 5 == check(rotated(stating, ("log", "next"), retired=False)).versions

    # A thief has the retired key, and may add its line to the checkpoint.
    for bearing in (("next",), ("next", "log")):
        told = bad(rotated("log", bearing))
        assert (STATEMENT, "no known key has signed") == (told.what, told.why[-23:])


# -- after a key was rotated, in a ledger that follows another one, nested as deeply as may be ----

ADD, RETIRE = ("add", "log", "next", 3), ("retire", "log", "next", 6)
TAKEN_OVER = steps(ADD, RETIRE)
FIRST = POLICY
NEWEST = replace(POLICY, logs=(pair("next")[0], LINE))


def with_keys(raw):
    return Making(key="next", keys=raw).files()


def begun(made, *positions):
    one = Making(opening=positions or (0,))
    one.entries[0] = made
    return one.files()


def nested(lists):
    return insider(entry(8, deep(lists))).files()


def follows(change):
    return told(change, begun(beginning()))


# Files, whose keys are known, and what is bad first; None: all is good.
LATER = {
    "rotated, by the first key": (with_keys(TAKEN_OVER), FIRST, None, None),
    "rotated, by the newest key": (with_keys(TAKEN_OVER), NEWEST, None, None),
    "rotated twice": (
        Making(key="third", keys=TAKEN_OVER + steps(("add", "next", "third", 7))).files(),
        FIRST,
        None,
        None,
    ),
    "both keys sign": (Making(also=("next",), keys=steps(ADD)).files(), FIRST, None, None),
    "both keys sign, one of them retired": (
        Making(also=("next",), keys=TAKEN_OVER).files(), FIRST, None, None,
    ),
    "retired with this checkpoint": (
        Making(keys=steps(ADD, ("retire", "log", "next", 13))).files(), FIRST, None, None,
    ),
    "a retired key alone": (Making(keys=TAKEN_OVER).files(), FIRST, CHECKPOINT, 5),
    "a retired key alone, retired twice": (
        Making(keys=TAKEN_OVER + steps(("retire", "log", "next", 5))).files(),
        FIRST,
        CHECKPOINT,
        5,
    ),
    "stated by a retired key": (rotated("log", ("next",)), FIRST, STATEMENT, None),
    "a retired key alone, by the newest key": (
        Making(keys=TAKEN_OVER).files(), NEWEST, CHECKPOINT, 5,
    ),
    "a step by a key that was retired before": (
        with_keys(TAKEN_OVER + steps(("add", "log", "thief", 7))), FIRST, "keys", None,
    ),
    "a statement by a retired key": (rotated("log", ("next", "log")), FIRST, STATEMENT, None),
    "a new key without its steps": (with_keys(b""), FIRST, CHECKPOINT, 5),
    "a step by strangers": (
        with_keys(steps(("add", "thief", "next", 3))), FIRST, CHECKPOINT, 5,
    ),
    "a step of another size": (
        with_keys(TAKEN_OVER.replace(b"size 6", b"size 7")), FIRST, "keys", None,
    ),
    "a size in another spelling": (
        with_keys(TAKEN_OVER.replace(b"size 6", b"size 06")), FIRST, "keys", None,
    ),
    "an act that is none": (with_keys(TAKEN_OVER.replace(b"add", b"aid")), FIRST, "keys", None),
    "steps of another format": (
        with_keys(TAKEN_OVER.replace(b"key/v1", b"key/v2")), FIRST, "keys", None,
    ),
    "steps without their end": (with_keys(TAKEN_OVER[:-1]), FIRST, "keys", None),
    "steps without their last line": (
        with_keys(b"".join(TAKEN_OVER.splitlines(keepends=True)[:-1])), FIRST, "keys", None,
    ),
    "steps with a line more": (with_keys(TAKEN_OVER + b"x\n"), FIRST, "keys", None),
    "steps with carriage returns": (
        with_keys(TAKEN_OVER.replace(b"\n", b"\r\n")), FIRST, "keys", None,
    ),
    "steps that are no text": (with_keys(TAKEN_OVER[:-4] + b"\xff==\n"), FIRST, "keys", None),
    "steps that one key signed": (
        with_keys(TAKEN_OVER.replace(TAKEN_OVER.splitlines()[8], TAKEN_OVER.splitlines()[7])),
        FIRST,
        "keys",
        None,
    ),
    "steps that were packed afterwards": (FILES | {"keys": steps(ADD)}, FIRST, MANIFEST, None),
    "following": (begun(beginning()), FIRST, None, None),
    "following, and rotated": (
        replace(
            insider(entry(0, beginning())), opening=(0,), key="next", keys=TAKEN_OVER
        ).files(),
        FIRST,
        None,
        None,
    ),
    "a beginning that follows nothing": (Making(opening=(0,)).files(), FIRST, "opening", 0),
    "another event as the beginning": (Making(opening=(1,)).files(), FIRST, "opening", 1),
    "two beginnings": (begun(beginning(), 0, 1), FIRST, "opening", 1),
    "a beginning with a member too many": (
        begun(beginning(more=1)), FIRST, "opening", 0,
    ),
    "a beginning whose members are one name": (
        begun(
            record(0, "ledger:469002", 1, "ledger-opened",
                   {"follows": {"checkpoint,held": 1, "origin": 1, "statement": 1}})
        ),
        FIRST,
        "opening",
        0,
    ),
    "a beginning of another type": (
        begun(beginning().replace(b"ledger-opened", b"ledger-openec")), FIRST, "opening", 0,
    ),
    "a beginning of another ledger": (
        begun(beginning().replace(b'"ledger":"469002"', b'"ledger":"469001"')),
        FIRST,
        "opening",
        0,
    ),
    "a byte of the beginning": (
        begun(beginning()) | {"opening-000000000000.event": beginning(held=3)}, FIRST, "event", 0,
    ),
    "a beginning without its proof": (
        {k: v for k, v in begun(beginning()).items() if k != "opening-000000000000.tlog-proof"},
        FIRST,
        "opening-000000000000.tlog-proof",
        0,
    ),
    "a link that the manifest does not tell": (
        follows(lambda m: m.pop("follows")), FIRST, MANIFEST, None,
    ),
    "another link in the manifest": (
        follows(lambda m: m["follows"].update(held=3)), FIRST, MANIFEST, None,
    ),
    "a link in the manifest alone": (
        told(lambda m: m.update(follows=dossiers.FOLLOWS)), FIRST, MANIFEST, None,
    ),
    "nested as deeply as may be": (nested(252), FIRST, None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_what_became_of_keys_and_ledger_is_followed_or_refused(name):
    files, policy, what, position = LATER[name]
    if what is None:
        assert 5 == check(files, policy).versions
        return
    told_of = bad(files, policy)
    assert (what, position) == (told_of.what, told_of.position), told_of.why


# -- controls: each check taken out lets one through --------------------------------------------


def test_control_without_the_proof_a_changed_event_passes_unseen_until_the_manifest(monkeypatch):
    monkeypatch.setattr(merkle, "check_inclusion", lambda *_: None)

    assert (
        MANIFEST
        == bad(changed(case(8), lambda r: r.replace("同意".encode(), "不同".encode()))).what
    )


def test_control_without_the_statement_a_cut_off_end_passes(monkeypatch):
    forged = cut(11, told_so=True)
    assert ("event", 11) == ((told := bad(forged)).what, told.position)
    signed = dossier.Statement.parse(note.parse(FILES[STATEMENT]).text)
    digest = evidence.sha256(forged[MANIFEST]).hexdigest()
    shorter = replace(signed, versions=4, last=9, manifest=digest)
    forged |= {STATEMENT: Note(shorter.text, note.parse(FILES[STATEMENT]).signatures).raw}
    believed = lambda _, known: tuple((key, b"") for key in known)  # noqa: E731
    monkeypatch.setattr(evidence.note, "opened", believed)
    monkeypatch.setattr(evidence, "verify_checkpoint", unsigned(evidence.verify_checkpoint))

    assert 4 == check(forged).versions


def unsigned(real):
    def read(raw, policy):
        one = dossier.parse_checkpoint(note.parse(raw).text)
        return evidence.Verified(one, {})

    return read


def test_control_without_the_order_a_version_can_be_left_out(monkeypatch):
    made = insider(INSIDE["a version left out"][0]).files()
    assert "event" == bad(made).what
    monkeypatch.setattr(Order, "take", lambda self, one: None)

    assert 5 == check(made).versions


def test_control_a_policy_of_the_thief_accepts_what_the_thief_signed():
    stolen = signature(by_another_key)
    thief = VerifierKey(ORIGIN, keys.public("thief"))
    policy = replace(POLICY, logs=(thief, LINE))

    assert STATEMENT == bad(stolen, policy).what  # all else is true
    assert 5 == check(Making(key="thief").files(), policy).versions


def test_a_checkpoint_is_of_the_log_that_was_asked_for():
    assert (CHECKPOINT, 5) == ((told := bad(FILES, origin="other")).what, told.position)


def test_all_that_is_read_into_memory_has_a_limit(monkeypatch):
    monkeypatch.setattr(evidence, "MAX_READ", 40_000)
    assert check(FILES | {DOCUMENT: b"form"})

    monkeypatch.setattr(evidence, "MAX_READ", 4_000)
    assert "may have" in bad(FILES).why


def test_reading_a_huge_file_is_refused_before_it_is_read():
    with pytest.raises(archive.Hostile, match="larger"):
        check(FILES | {"index.html": bytes(range(256)) * 65_537})
    with pytest.raises(archive.Hostile, match="larger"):
        check(FILES | {case(8): bytes(range(256)) * 256})
