"""Anchors, pure: what is recorded of another ledger's log, what is refused, what is evidence."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from ledger import records
from ledger.case import Actor, Event
from ledger.errors import Refused
from ledger.office import Office, anchor
from ledger.tlog import merkle, note
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.note import VerifierKey
from ledger.tlog.verify import verify_signed
from tests.ledger.anchoring import CONTENT, KEY, ORIGIN, County, registered
from tests.ledger.tlog import keys

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
BY = Actor(person="fang-ke", role="security-admin", organ="bureau")
TRUE = County()


def record(submission, newest=None, log=None):
    (event,) = anchor.recorded(
        log or registered(NOON), newest, BY, NOON, given=submission,
        relied_on={"anchored-log:wanning": 2},
    )  # fmt: skip
    return replace(event, position=event.version * 10)


def anchored(*sizes, county=TRUE, newest=None):
    """The newest event after anchors of these sizes."""
    for size in sizes:
        newest = record(county.given(size, anchor.seen(newest).size), newest)
    return newest


def refused(submission, newest=None, log=None):
    with pytest.raises(Refused) as raised:
        record(submission, newest, log)
    return raised.value.slug, raised.value.rule, raised.value.pointer


def test_a_checkpoint_is_kept_to_the_byte_with_the_proof_that_it_extends_the_last():
    event = anchored(7, 20)

    assert ("anchored", "anchor:wanning", 2) == (event.type, event.stream, event.version)
    assert ("administration", {"anchored-log:wanning": 2}) == (
        event.responsibility, event.relied_on,
    )  # fmt: skip
    assert TRUE.note(20) == event.data["note"].encode()
    assert (20, ORIGIN, "万宁市") == tuple(event.data[name] for name in ("size", "origin", "name"))
    # Whoever has the provincial log alone can check it.
    new = verify_signed(event.data["note"].encode(), ORIGIN, [KEY])
    before = event.data["before"]
    path = [note.from_base64(one) for one in event.data["path"]]
    merkle.check_consistency(7, 20, path, note.from_base64(before["root"]), new.root)


def test_the_newest_event_alone_says_how_far_it_is():
    assert anchor.Seen() == anchor.seen(None)
    assert anchor.Seen(2, 20, 20, TRUE.root(20), TRUE.note(20).decode()) == anchor.seen(
        anchored(7, 20)
    )


@pytest.mark.parametrize(
    ("submission", "told"),
    [
        (County(seed="thief").given(20, 7), ("anchor-unproven", "anchor.signature", "/note")),
        (
            County(origin="other/simulated").given(20, 7),
            ("anchor-unproven", "anchor.signature", "/note"),
        ),
        (replace(TRUE.given(20, 7), raw=b"x\n"), ("schema", None, "/note")),
        (
            replace(TRUE.given(20, 7), raw=TRUE.note(20) + b"x" * anchor.MAX_NOTE),
            ("schema", None, "/note"),
        ),
        (replace(TRUE.given(20, 7), path=()), ("anchor-unproven", "anchor.consistency", "/path")),
        (
            replace(TRUE.given(20, 7), path=(bytes(32),) * 4),
            ("anchor-unproven", "anchor.consistency", "/path"),
        ),
        (
            replace(TRUE.given(20, 7), path=(b"short",)),
            ("anchor-unproven", "anchor.consistency", "/path"),
        ),
        (TRUE.given(20, 5), ("basis-moved", None, None)),
        (TRUE.given(5, 5), ("anchor-shrunk", "anchor.shrunk", None)),
        (TRUE.given(7, 7), ("already-done", "anchor.grown", None)),
    ],
)
def test_what_proves_nothing_is_refused_and_records_nothing(submission, told):
    assert told == refused(submission, anchored(7))


def test_control_the_same_with_its_proof_is_recorded():
    assert "anchored" == record(TRUE.given(20, 7), anchored(7)).type
    assert "anchored" == record(TRUE.given(20, 7, root=False), anchored(7)).type


def test_what_nobody_approved_is_not_anchored():
    assert ("rule-refused", "anchor.approved", None) == refused(
        TRUE.given(7), log=replace(registered(NOON), versions=())
    )


def test_nothing_is_no_anchor():
    assert "already-done" == refused(County(0).given(0))[0]


# -- two histories -------------------------------------------------------------------------------


def proves_two_histories(event, log=KEY):
    """What a stranger does with the evidence: both are signed, and no one history has both."""
    other = event.data["other"]
    old = verify_signed(event.data["note"].encode(), ORIGIN, [log])
    new = verify_signed(other["note"].encode(), ORIGIN, [log])
    then = note.from_base64(other["root_then"])
    path = [note.from_base64(one) for one in event.data["path"]]
    merkle.check_consistency(old.size, new.size, path, then, new.root)
    return then != old.root


@drawn(st.data())
def test_any_rewriting_before_an_anchor_is_evidence_by_itself(data):
    size = data.draw(st.integers(1, 20))
    later = data.draw(st.integers(size, 20))
    forged = County(altered=data.draw(st.integers(0, size - 1)))

    event = record(forged.given(later, size), anchored(size))

    assert ("anchor-conflict", 2) == (event.type, event.data["conflict"])
    assert proves_two_histories(event)
    # What is anchored stays what it was.
    assert (size, TRUE.root(size)) == (anchor.seen(event).size, anchor.seen(event).root)


@drawn(st.data())
def test_what_is_true_is_never_a_conflict_whoever_hands_in_what_for_a_proof(data):
    old = data.draw(st.integers(1, 20))
    new = data.draw(st.integers(0, 20))
    hashes = st.binary(min_size=32, max_size=32) | st.sampled_from(
        [TRUE.root(n) for n in range(21)]
    )
    path = data.draw(st.none() | st.lists(hashes, max_size=6))
    true = TRUE.given(new, old)
    made = replace(
        true,
        path=true.path if path is None else tuple(path),
        root=data.draw(st.none() | hashes | st.just(true.root)),
    )

    try:
        event = record(made, anchored(old))
    except Refused:
        return
    assert "anchored" == event.type
    assert new > old


def test_control_without_the_root_that_it_leads_from_a_wrong_path_accuses_nobody():
    forged = County(altered=0)

    assert "anchor-unproven" == refused(forged.given(20, 7, root=False), anchored(7))[0]
    assert "anchor-conflict" == record(forged.given(20, 7), anchored(7)).type


def test_a_conflict_is_recorded_once_until_something_consistent_comes_after_it():
    forged = County(altered=3)
    conflict = record(forged.given(20, 7), anchored(7))
    assert anchor.seen(conflict).open

    assert ("anchor-conflict", "anchor.conflict", None) == refused(forged.given(19, 7), conflict)
    assert ("anchor-conflict", "anchor.conflict", None) == refused(forged.given(7, 7), conflict)

    after = anchored(9, newest=conflict)
    assert (3, 2, False) == (after.version, after.data["conflict"], anchor.seen(after).open)
    assert "anchor-conflict" == record(forged.given(20, 9), after).type


def test_a_log_that_shrinks_and_grows_again_otherwise_is_found_when_it_has_grown():
    forged = County(altered=6)

    assert "anchor-shrunk" == refused(forged.given(6), anchored(7))[0]
    assert "anchor-conflict" == record(forged.given(7, 7), anchored(7)).type


def test_two_notes_of_the_greatest_length_fit_into_one_event():
    worst = anchor.MAX_NOTE * '"'
    path = [note.base64(bytes(32))] * 63
    other = {"size": 2**53 - 1, "root": path[0], "note": worst, "root_then": path[0]}
    data = CONTENT | {"size": 1, "root": path[0], "note": worst, "other": other, "path": path}

    assert records.encode(
        Event(
            stream="anchor:x",
            version=1,
            type="anchor-conflict",
            occurred_at=NOON,
            actor=BY,
            responsibility="administration",
            data=data,
        )
    )


# -- registering ---------------------------------------------------------------------------------


def office(*contents, simulated=True):
    events = [
        Event(
            stream="ledger:x", version=1, type="ledger-opened", occurred_at=NOON, actor=BY,
            responsibility="administration", position=0,
            data={"zone": "Asia/Shanghai", "simulated": simulated},
        )
    ]  # fmt: skip
    events += [
        Event(
            stream=f"anchored-log:{content['id']}", version=1, type="anchored-log-set",
            occurred_at=NOON, actor=BY, responsibility="administration", position=n,
            data={"content": content}, recorded_at=NOON,
        )
        for n, content in enumerate(contents, start=1)
    ]  # fmt: skip
    return Office("x").following(events)


def registering(content, known):
    try:
        anchor.check(known, content)
    except Refused as error:
        return error.slug, error.rule, error.pointer
    return None


OTHER = VerifierKey(ORIGIN, keys.public("next"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, None),
        ({"keys": [KEY.text, OTHER.text]}, None),
        ({"keys": [KEY.text, KEY.text]}, ("schema", "anchor.keys", "/keys")),
        ({"keys": ["hello"]}, ("schema", None, "/keys")),
        ({"keys": [keys.OTHER.text]}, ("schema", "anchor.keys", "/keys")),
        ({"id": "again"}, ("rule-refused", "anchor.origin", None)),
        (
            {"origin": keys.OTHER.name, "keys": [keys.OTHER.text]},
            ("rule-refused", "anchor.origin", None),
        ),
        ({"id": "b", "origin": keys.OTHER.name, "keys": [keys.OTHER.text]}, None),
    ],
)
def test_a_log_has_one_registration_and_its_own_keys(change, told):
    assert told == registering(CONTENT | change, office(CONTENT))


def test_a_real_ledger_keeps_no_log_of_a_simulated_one():
    assert ("rule-refused", "anchor.simulated", "/origin") == registering(
        CONTENT, office(simulated=False)
    )


def test_a_ledger_does_not_anchor_itself():
    own = Event(
        stream="ledger:x", version=2, type="log-key-set", occurred_at=NOON, actor=BY,
        responsibility="administration", data={"origin": ORIGIN, "key": KEY.text}, position=5,
    )  # fmt: skip

    assert registering(CONTENT, office()) is None
    assert ("rule-refused", "anchor.own", "/origin") == registering(
        CONTENT, office().following([own])
    )


def test_an_approval_rests_on_every_other_registration_of_that_log():
    known = office(CONTENT, CONTENT | {"id": "b"}, CONTENT | {"id": "c", "origin": "c"})

    assert {"anchored-log:b": 1} == anchor.beside(known, CONTENT)


def test_the_text_that_is_kept_is_a_checkpoint_for_every_reader():
    kept = anchored(7).data["note"].encode()

    assert (ORIGIN, 7) == (
        parse_checkpoint(note.parse(kept).text).origin,
        parse_checkpoint(note.parse(kept).text).size,
    )
