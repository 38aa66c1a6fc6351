"""What fsck says of anchors: each is checked again, and the first wrong one is named."""

from dataclasses import replace

import pytest

from ledger import records
from ledger.case import Actor, Event
from ledger.fsck_anchor import Anchors
from ledger.fsck_event import Bad, Judged
from ledger.tlog import note
from ledger.tlog.note import VerifierKey
from tests.ledger.anchoring import CONTENT, ORIGIN, County, registered
from tests.ledger.test_anchor import NOON, record
from tests.ledger.tlog import keys

TRUE, OTHER = County(), County(altered=3)
BY = Actor(person="fang-ke", role="security-admin", organ="bureau")


def registration(*contents):
    """The events by which a log is registered, each content of it after the other."""
    for n, content in enumerate(contents):
        made = {"stream": "anchored-log:wanning", "occurred_at": NOON, "actor": BY,
                "responsibility": "administration"}  # fmt: skip
        yield Event(
            **made, id=f"{n:032x}", version=2 * n + 1, type="anchored-log-proposed",
            data={"content": content},
        )  # fmt: skip
        yield Event(
            **made, version=2 * n + 2, type="anchored-log-approved",
            data={"proposal": f"{n:032x}"},
        )  # fmt: skip


def chain(*submissions):
    """The anchors that are recorded of these, one after the other."""
    made, newest = [], None
    for given in submissions:
        newest = record(given, newest)
        made.append(newest)
    return made


def judged(events, contents=(CONTENT,)):
    told = Judged()
    anchors = Anchors(told)
    for position, event in enumerate([*registration(*contents), *events]):
        body = records.encode(event)
        stored = b"header\n" + body
        anchors.judge(position, event.stream, event.version, event.type, stored)
    return told.found.get("anchor")


GOOD = chain(TRUE.given(7), TRUE.given(12, 7), OTHER.given(20, 12), TRUE.given(20, 12))


def test_what_was_recorded_by_the_rules_is_found_good():
    assert ["anchored", "anchored", "anchor-conflict", "anchored"] == [e.type for e in GOOD]
    assert judged(GOOD) is None
    same_size = chain(TRUE.given(7), OTHER.given(7), TRUE.given(9, 7))
    assert judged(same_size) is None


def altered(nth, **members):
    events = list(GOOD)
    events[nth] = replace(events[nth], data={**events[nth].data, **members})
    return events


THIEF = County(seed="thief")


@pytest.mark.parametrize(
    ("events", "position", "why"),
    [
        (altered(0, note=THIEF.note(7).decode()), 2, "sign"),
        (altered(1, note=THIEF.note(12).decode()), 3, "sign"),
        (altered(1, note=TRUE.note(11).decode()), 3, "another size or root"),
        (altered(1, path=[]), 3, ""),
        (altered(1, before={"size": 6, "root": note.base64(TRUE.root(6))}), 3, "go on from"),
        (altered(2, note=TRUE.note(7).decode()), 4, "not against"),
        (altered(2, other={**GOOD[2].data["other"], "note": THIEF.note(20).decode()}), 4, "sign"),
        (altered(2, other={**GOOD[3].data, "root_then": note.base64(TRUE.root(12))},
                 path=GOOD[3].data["path"]), 4, "do not contradict"),
        (altered(3, size="20"), 5, "another size or root"),
        (altered(3, note=None), 5, "not in its form"),
        ([*GOOD[:1], replace(GOOD[1], relied_on={})], 3, "not in its form"),
        ([replace(GOOD[0], relied_on={"anchored-log:wanning": 1})], 2, "nobody had registered"),
        ([replace(GOOD[0], type="seen")], 2, "not in its form"),
        (GOOD[1:], 2, "go on from"),
    ],
)  # fmt: skip
def test_an_anchor_that_does_not_prove_out_is_named(events, position, why):
    found = judged(events)

    assert isinstance(found, Bad)
    assert position == found.position
    assert why in found.why


def test_each_is_held_against_the_keys_that_were_registered_then():
    """After a rotation the log has another key; what the old one signed before stays good."""
    later = {**CONTENT, "keys": [VerifierKey(ORIGIN, keys.public("thief")).text]}
    old = record(TRUE.given(7))
    new = record(THIEF.given(12, 7), old, log=registered(NOON, later))
    new = replace(new, relied_on={"anchored-log:wanning": 4})

    assert judged([old, new], (CONTENT, later)) is None
    # Control: with the keys of before it is not signed.
    early = replace(new, relied_on={"anchored-log:wanning": 2})
    assert 5 == judged([old, early], (CONTENT, later)).position
