"""Records: one spelling, the one that RFC 8785 gives, read for ever and never rewritten."""

import hashlib
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
import rfc8785
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import records
from ledger.case import Actor, Event
from ledger.errors import Corrupt, Refused

AT = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
HEADER = {"ledger": "469002", "position": 7, "recorded_at": "2026-03-02T01:00:00.123456Z"}


@dataclass(frozen=True)
class Row:
    record: bytes


def event(**more):
    known = {
        "stream": "case:1",
        "version": 1,
        "type": "accepted",
        "id": "0" * 32,
        "occurred_at": AT,
        "actor": Actor(person="zhou-min", name="周敏", role="clerk", organ="qh-xzsp"),
        "responsibility": "approval",
        "data": {},
    }
    return Event(**(known | more))


def stored(body, **header):
    given = HEADER | {"registers": {}} | header
    return orjson.dumps(given, option=orjson.OPT_SORT_KEYS) + b"\n" + body


# What our three rules allow: ASCII keys, no fractions, integers that a double holds, no NUL.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
KEYS = st.text(st.characters(min_codepoint=1, max_codepoint=126), min_size=1, max_size=12)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(KEYS, DOCUMENTS, max_size=5))
def test_what_is_stored_is_what_rfc_8785_gives(data):
    body = records.encode(event(data=data))

    assert rfc8785.dumps(orjson.loads(body)) == body
    assert data == orjson.loads(body)["data"]


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, DOCUMENTS, max_size=5), st.integers(-14, 14), TEXTS)
def test_an_event_comes_back_as_it_was(data, hours, reason):
    at = AT.astimezone(timezone(timedelta(hours=hours)))
    sent = event(data=data, occurred_at=at, reason=reason or None)

    body = records.encode(sent)
    known = records.decode(Row(stored(body)))

    assert sent == replace(known, position=-1, recorded_at=None)
    assert body == records.encode(known)


@pytest.mark.parametrize(
    "value",
    [0.5, 1.0, float("nan"), 2**53, -(2**53), "a\0b", {"é": 1}, {1: 1}, b"x", AT, {"a"}, [[0.1]]],
    ids=repr,
)
def test_what_has_two_spellings_is_not_written(value):
    with pytest.raises((ValueError, TypeError)):
        records.encode(event(data={"v": value}))


def test_control_what_is_refused_would_be_spelled_in_two_ways():
    # The two libraries differ on what we refuse: without the check there were two spellings.
    assert rfc8785.dumps({"v": 1.0}) != orjson.dumps({"v": 1.0})


def test_a_lone_surrogate_is_not_written():
    with pytest.raises((TypeError, ValueError)):
        records.encode(event(data={"v": "\ud800"}))


def test_a_record_too_large_is_refused_whole():
    with pytest.raises(Refused) as refused:
        records.encode(event(data={"v": "文" * 20_000}))

    assert "record-too-large" == refused.value.slug


@pytest.mark.parametrize(
    "record", [b"", b"{}", b"\n", b"{}\n{}", b"{}\nnull", b"[]\n[]", b"\xff\n{}"]
)
def test_what_is_no_record_of_ours_is_corrupt(record):
    with pytest.raises(Corrupt):
        records.decode(Row(record))


def test_header_and_body_are_parted_at_the_first_line_feed():
    body = records.encode(event(reason="第一行\n第二行"))

    assert (orjson.dumps(HEADER), body) == records.split(orjson.dumps(HEADER) + b"\n" + body)
    assert b"\n" not in body


# -- old events -----------------------------------------------------------------------------------

# As it was written when the type had its first schema: one reason, in clear words.
OLD = stored(
    b'{"actor":{"kind":"person","person":"zhou-min"},"data":{"why":"not ours"},"id":"%s",'
    b'"occurred_at":"2021-03-02T01:00:00.000000Z","responsibility":"approval","schema":1,'
    b'"stream":"case:1","type":"declined","version":2}' % (b"0" * 32)
)


def kinds(body):
    data = {k: v for k, v in body["data"].items() if k != "why"}
    return {**body, "data": {**data, "kind": body["data"]["why"].replace(" ", "-")}}


def reasons(body):
    return {**body, "data": {**body["data"], "reasons": ["kind: " + body["data"]["kind"]]}}


MAPPER = records.LedgerMapper(
    types={**records.TYPES, "declined": 3},
    upcasts={("declined", 1): kinds, ("declined", 2): reasons},
)


def read(mapper, record):
    return mapper.to_domain_event(
        StoredEvent(originator_id="", originator_version=0, topic="", state=record)
    )


def test_an_old_event_is_lifted_step_by_step_and_its_bytes_stay():
    leaf = hashlib.sha256(b"\0" + OLD).hexdigest()

    known = read(MAPPER, OLD)

    assert (3, {"kind": "not-ours", "reasons": ["kind: not-ours"]}) == (known.schema, known.data)
    assert leaf == hashlib.sha256(b"\0" + OLD).hexdigest()
    assert 1 == orjson.loads(records.split(OLD)[1])["schema"]


def test_an_event_of_the_middle_schema_takes_the_steps_that_are_left():
    middle = OLD.replace(b'"why":"not ours"', b'"kind":"not-needed"').replace(
        b'"schema":1', b'"schema":2'
    )

    assert {"kind": "not-needed", "reasons": ["kind: not-needed"]} == read(MAPPER, middle).data


def test_a_missing_step_is_corrupt_and_guesses_nothing():
    mapper = records.LedgerMapper(
        types={**records.TYPES, "declined": 3}, upcasts={("declined", 1): kinds}
    )

    with pytest.raises(Corrupt, match="nothing lifts declined 2"):
        read(mapper, OLD)


def test_a_newer_schema_than_ours_is_corrupt():
    with pytest.raises(Corrupt, match="declined 1"):
        read(records.LedgerMapper(types={**records.TYPES, "declined": 0}), OLD)


def test_a_type_that_names_a_module_is_corrupt_and_imports_nothing():
    hostile = OLD.replace(b'"type":"declined"', b'"type":"antigravity:fly"')

    with pytest.raises(Corrupt):
        read(MAPPER, hostile)
    assert "antigravity" not in sys.modules


def test_the_topic_beside_a_record_is_not_looked_at():
    known = MAPPER.to_domain_event(
        StoredEvent(originator_id="", originator_version=0, topic="antigravity:fly", state=OLD)
    )

    assert "declined" == known.type
    assert "antigravity" not in sys.modules


def test_every_type_has_a_schema_that_its_steps_lead_to():
    for kind, schema in records.UPCASTS:
        assert schema < records.TYPES[kind]
    for kind, newest in records.TYPES.items():
        assert all((kind, n) in records.UPCASTS for n in range(1, newest))
