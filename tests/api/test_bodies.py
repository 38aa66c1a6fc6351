"""Bodies: what is refused, by which name, in which order; what is taken is taken as sent."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.acts import ACTS
from api.bodies import OFFICE_BODIES, check_members, shaped
from api.fields import EMPTY_SHA256
from api.strict import object_of
from ledger.errors import Refused
from ledger.lifecycle import Action
from tests.api.tiny import ACT, CASES, running, slug

SHA = "a" * 64
MATERIAL = {"name": "申请表", "sha256": SHA, "media_type": "application/pdf"}
RECEIVE: dict[str, Any] = {
    "item": "QH-002",
    "applicant": {
        "kind": "organisation",
        "name": "海南示例餐饮有限公司",
        "id_scheme": "USCC",
        "id": "91469002MA5X00014X",
    },
    "channel": "window",
    "materials": [MATERIAL],
}


def refusal(raw, shape=ACTS["receive"]):
    raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    try:
        shaped(object_of(raw), shape)
    except Refused as refused:
        return refused.slug, refused.pointer
    return None


def with_material(**changed):
    return {**RECEIVE, "materials": [{**MATERIAL, **changed}]}


# -- bytes and JSON ----------------------------------------------------------

NOT_JSON = {
    "empty": b"",
    "two objects": b"{}{}",
    "BOM": b"\xef\xbb\xbf{}",
    "single quotes": b"{'a':1}",
    "comment": b"{/* */}",
    "trailing comma": b'{"a":1,}',
    "raw NUL": b'{"a":"\x00"}',
    "raw newline": b'{"a":"\n"}',
    "not UTF-8": b'{"a":"\xff"}',
    "overlong": b'{"a":"\xc0\xaf"}',
    "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "lone low surrogate": b'{"a":["\\uDC00"]}',
    "lone surrogate in a name": b'{"\\ud800":1}',
    "UTF-16": "{}".encode("utf-16"),
    "array": b"[]",
    "null": b"null",
    "string": b'"\\ud800"',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "leading zero": b'{"a":01}',
    "plus": b'{"a":+1}',
    "unclosed": b'{"a":"',
    "endless escape": b'{"a":"' + b'\\"' * 100_000,
}


@pytest.mark.parametrize("raw", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_one_json_object_is_malformed(raw):
    assert ("malformed-json", None) == refusal(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"outcome":"deny","outcome":"grant"}',
        b'{"outcome":1,"\\u006futcome":1}',
        b'{"a":[{"b":{"c":1,"c":1}}]}',
    ],
)
def test_a_member_twice_is_refused_also_in_escapes_and_deep_inside(raw):
    assert "duplicate-key" == refusal(raw)[0]


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 33 + b"1" + b"}" * 33, b"[" * 33])
def test_nesting_has_an_end(raw):
    assert ("too-deep", None) == refusal(raw)


def test_nesting_of_32_and_brackets_in_strings_are_fine():
    deep = b'{"a":' * 31 + b"[]" + b"}" * 31

    assert object_of(deep)
    assert object_of(b'{"a":"' + b"[{" * 500 + b'\\"[' + b'"}')


def test_a_pair_of_surrogates_is_a_character():
    assert {"a": "𠮷", "b": "\\ud800"} == object_of(b'{"a":"\\ud842\\udfb7","b":"\\\\ud800"}')


# -- members, types and ranges ----------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "recorded_at", "position", "version", "actor", "organ", "role", "leaf_hash",
        "registers", "__proto__", "constructor", "", "Item", "item ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [1, None, {}, "\u0000", 2**70, 1.5])
def test_a_member_we_do_not_know_is_refused_whatever_its_value(name, value):
    assert ("unknown-field", f"/{name}") == refusal({**RECEIVE, name: value})


def test_an_unknown_member_is_found_inside_too():
    assert ("unknown-field", "/materials/0/size") == refusal(with_material(size=1))
    inside = {**RECEIVE["applicant"], "a/b~c": 1}
    assert ("unknown-field", "/applicant/a~1b~0c") == refusal({**RECEIVE, "applicant": inside})


@pytest.mark.parametrize(
    "digits",
    [str(2**53), str(-(2**53)), "18446744073709551616", "9" * 30, "1" * 5_000],
    ids=lambda digits: digits[:20],
)
def test_integers_end_at_2_53(digits):
    raw = json.dumps(with_material(copies="@")).replace('"@"', digits).encode()

    assert ("integer-range", "/materials/0/copies") == refusal(raw)


@pytest.mark.parametrize("number", ["1.0", "1e3", "1E400", "-0.5", "1.5"])
def test_fractions_and_exponents_are_no_numbers_of_ours(number):
    raw = json.dumps(with_material(copies="@")).replace('"@"', number).encode()

    assert ("schema", "/materials/0/copies") == refusal(raw)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({**RECEIVE, "item": None}, "/item"),
        ({**RECEIVE, "item": 1}, "/item"),
        ({**RECEIVE, "item": ""}, "/item"),
        ({**RECEIVE, "item": " \u3000"}, "/item"),
        ({**RECEIVE, "materials": {}}, "/materials"),
        ({**RECEIVE, "materials": [None]}, "/materials/0"),
        ({**RECEIVE, "channel": "fax"}, "/channel"),
        ({k: v for k, v in RECEIVE.items() if k != "applicant"}, "/applicant"),
        (with_material(copies=0), "/materials/0/copies"),
        (with_material(copies=True), "/materials/0/copies"),
        (with_material(copies="1"), "/materials/0/copies"),
        (with_material(original=1), "/materials/0/original"),
        (with_material(sha256="a" * 63), "/materials/0/sha256"),
        (with_material(sha256="A" * 64), "/materials/0/sha256"),
        (with_material(sha256=SHA + "\n"), "/materials/0/sha256"),
        (with_material(sha256=EMPTY_SHA256), "/materials/0/sha256"),
    ],
)
def test_a_wrong_shape_is_named_by_its_pointer(body, pointer):
    assert ("schema", pointer) == refusal(body)


@pytest.mark.parametrize(
    "at",
    [
        "2026-03-02",
        "2026-03-02T09:00:00",
        "2026-03-02 09:00:00Z",
        "2026-03-02t09:00:00Z",
        "2026-03-02T09:00:00z",
        "2026-03-02T09:00:60Z",
        "2026-03-02T24:00:00Z",
        "2026-03-02T09:00Z",
        "2026-03-02T09:00:00-00:00",
        "2026-03-02T09:00:00+0800",
        "2026-03-02T09:00:00.1234567Z",
        "2026-03-02T09:00:00.Z",
        "2026-02-30T09:00:00Z",
        "1899-12-31T23:59:59Z",
        "２０２６-03-02T09:00:00Z",
        "2026-03-02T09:00:00Z\n",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        20260302,
    ],
)
def test_an_instant_has_one_spelling(at):
    assert ("schema", "/occurred_at") == refusal({**RECEIVE, "occurred_at": at})


@pytest.mark.parametrize("day", ["2026-2-3", "2026-02-29", "20260203", "2026-02-03T00:00:00Z", ""])
def test_a_day_has_one_spelling(day):
    body = {"missing": [{"material": "场所平面图"}], "served_at": day}

    assert ("schema", "/served_at") == refusal(body, ACTS["request-supplement"])


# -- characters and lengths ----------------------------------------------------------


def strings(value, at=()):
    """List where the strings of a body are."""
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from strings(one, (*at, key))


def put(value, at, new):
    if not at:
        return new
    first, *rest = at
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[first] = put(value[first], rest, new)
    return copy


FULL = {
    **RECEIVE,
    "reason": "x",
    "basis": "x",
    "occurred_at": "2026-03-02T09:00:00Z",
    "materials": [{**MATERIAL, "ref": {"system": "s", "id": "i"}, "sm3": SHA}],
}


@pytest.mark.parametrize("at", [*strings(FULL)], ids=lambda at: "/".join(map(str, at)))
def test_nul_in_any_string_is_a_forbidden_character(at):
    raw = json.dumps(put(FULL, at, "a\u0000b")).encode()

    assert ("forbidden-character", "/" + "/".join(map(str, at))) == refusal(raw)


LINE_NOT = [
    "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\u200b", "\u200d", "\u200e", "\u202e", "\u2028",
    "\u2029", "\u2066", "\ufeff", "\ufdd0", "\ufffe", "\U0001ffff", "\U0010fffe", "\u00ad",
]  # fmt: skip


@pytest.mark.parametrize("c", LINE_NOT, ids=lambda c: f"U+{ord(c):04X}")
def test_a_name_holds_nothing_invisible(c):
    assert ("forbidden-character", "/materials/0/name") == refusal(with_material(name=f"a{c}b"))


TEXT_NOT = [
    "\r", "\x1b", "\x00", "\x85", "\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2028",
    "\u2029", "\u2066", "\u2069", "\ufdef", "\uffff", "a" + "\u0301" * 9,
]  # fmt: skip


@pytest.mark.parametrize("c", TEXT_NOT, ids=lambda c: f"U+{ord(c[-1]):04X}")
def test_a_text_holds_no_control_and_no_direction(c):
    assert ("forbidden-character", "/reason") == refusal({**RECEIVE, "reason": f"汉{c}b"})


@pytest.mark.parametrize(
    "text",
    ["㐀𠮷𪚥", "\ue000", "葛\U000e0100", "a\u0301", "\u0378", "نص", "भाषा", "' OR 1=1--", "=1+1"],
)
def test_what_occurs_in_names_is_taken_as_sent(text):
    body = shaped(object_of(json.dumps(with_material(name=text)).encode()), ACTS["receive"])

    assert text == body["materials"][0]["name"]


def test_a_text_may_break_lines_use_tabs_and_join_characters():
    text = "一\n\t二👨‍👩‍👧 a" + "\u0301" * 8

    assert text == shaped({**RECEIVE, "reason": text}, ACTS["receive"])["reason"]


@pytest.mark.parametrize("name", ["../../x", "CON", "a" * 200, "汉" * 200])
def test_a_name_is_a_label_and_never_a_path(name):
    assert refusal(with_material(name=name)) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (with_material(name="x" * 201), ("too-long", "/materials/0/name")),
        ({**RECEIVE, "reason": "x" * 10_001}, ("too-long", "/reason")),
        ({**RECEIVE, "materials": [MATERIAL] * 201}, ("too-many-items", "/materials")),
        (
            {**RECEIVE, "materials": [{**MATERIAL, "copies": 1, "original": True}] * 200},
            ("too-many-items", None),
        ),
    ],
)
def test_lengths_have_an_end(body, expected):
    assert expected == refusal(body)


@pytest.mark.parametrize("shape", [ACTS["correct"]])
def test_free_values_are_checked_all_the_same(shape):
    body = {"event": "0" * 32}

    assert refusal({**body, "fields": {"a": ["\u202e"]}}, shape)[0] == "forbidden-character"
    assert refusal({**body, "fields": {"a": 2**60}}, shape) == ("integer-range", "/fields/a")
    assert refusal({**body, "fields": {"a": ["x"] * 201}}, shape)[0] == "too-many-items"
    assert refusal({**body, "fields": {"a\u200b": 1}}, shape)[0] == "forbidden-character"
    assert refusal({**body, "fields": {"occurred_at": "x", "void": True}}, shape) is None


# -- order ----------------------------------------------------------


def test_the_first_check_that_fails_answers_alone():
    late = {**RECEIVE, "reason": "x" * 10_001}
    dirty = {**late, "basis": "\u0000"}
    shapeless = {**dirty, "channel": 1}
    unknown = {**shapeless, "position": 1}
    twice = json.dumps(unknown).encode()[:-1] + b',"item":1}'
    malformed = twice + b"x"
    deep = b'{"a":' * 40 + malformed
    latin = deep + b"\xff"

    assert "too-long" == refusal(late)[0]
    assert "forbidden-character" == refusal(dirty)[0]
    assert "schema" == refusal(shapeless)[0]
    assert "unknown-field" == refusal(unknown)[0]
    assert "duplicate-key" == refusal(twice)[0]
    assert "malformed-json" == refusal(malformed)[0]
    assert "too-deep" == refusal(deep)[0]
    assert "malformed-json" == refusal(latin)[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=300)
@given(
    st.one_of(st.binary(), JSON.map(lambda v: json.dumps(v).encode()), st.text().map(str.encode))
)
@example(b'{"a":"\\ud800"}')
@example(b"{}")
def test_what_the_decoder_takes_json_loads_takes_and_reads_alike(raw):
    try:
        ours = object_of(raw)
    except Refused:
        return

    theirs = json.loads(raw)
    assert theirs.keys() == ours.keys()
    for name, value in theirs.items():
        if isinstance(value, str) or value is None:
            assert value == ours[name]


@settings(max_examples=200)
@given(JSON)
def test_no_body_is_more_than_a_refusal(value):
    for shape in (ACTS["receive"], ACTS["correct"], OFFICE_BODIES["policy"]):
        body = value if isinstance(value, dict) else {"item": value, "fields": value}
        refusal(json.dumps(body).encode(), shape)


# -- shapes ----------------------------------------------------------


def test_every_action_has_a_shape():
    assert {str(action) for action in Action} == set(ACTS)


def test_what_was_left_out_is_absent_and_times_are_aware():
    body = shaped({"occurred_at": "2026-03-02T09:00:00.25+08:00"}, ACTS["accept"])

    assert {"occurred_at": datetime(2026, 3, 2, 1, 0, 0, 250_000, UTC)} == body


@pytest.mark.parametrize("name", ["notice", "reasons", "opinion", "receipt", "evidence"])
def test_what_a_rule_of_procedure_asks_for_is_optional_in_the_shape(name):
    for shape in ACTS.values():
        assert name not in [f for f in shape.__struct_fields__ if _required(shape, f)]


def _required(shape, name):
    at = shape.__struct_fields__.index(name)
    return at < len(shape.__struct_fields__) - len(shape.__struct_defaults__)


DATA = Path(__file__).parents[2] / "ledger" / "data"


@pytest.mark.parametrize("path", sorted(DATA.glob("policies/*.json")), ids=lambda p: p.stem)
def test_the_policies_we_ship_fit_the_shape_of_policies(path):
    assert refusal(path.read_bytes(), OFFICE_BODIES["policy"]) is None


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("items", "item"), ("appointments", "appointment"), ("seals", "seal-register")],
)
def test_the_example_data_fit_their_shapes(kind, shape):
    for thing in orjson.loads((DATA / "example.json").read_bytes())[kind]:
        assert refusal(thing, OFFICE_BODIES[shape]) is None


def test_a_policy_is_of_a_kind_we_know():
    assert ("schema", "/kind") == refusal({"id": "x", "kind": "x"}, OFFICE_BODIES["policy"])
    assert ("unknown-field", "/lifts") == refusal(
        {"id": "x", "kind": "link", "lifts": []}, OFFICE_BODIES["policy"]
    )


# -- over HTTP ----------------------------------------------------------


@pytest.fixture(scope="module")
async def tiny(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("keys")) as tiny:
        yield tiny


@pytest.mark.parametrize(
    ("raw", "status", "why"),
    [
        (b"", 400, "malformed-json"),
        (b'{"reason":"a","reason":"b"}', 400, "duplicate-key"),
        (b"[" * 40, 400, "too-deep"),
        (b'{"reason":1}', 422, "schema"),
        (b'{"actor":1}', 422, "unknown-field"),
        (b'{"reason":"\\u0000"}', 422, "forbidden-character"),
        (b'{"reason":"' + b"x" * 10_001 + b'"}', 422, "too-long"),
        (b" " * (256 * 1024 + 1), 413, "body-too-large"),
    ],
)
async def test_a_body_is_refused_over_http(tiny, raw, status, why):
    response, body = await tiny.ask("POST", ACT, headers=tiny.writing(), data=raw)

    assert (status, why) == (response.status, slug(body))


async def test_a_body_of_256_kib_is_not_too_large(tiny):
    raw = b"{" + b" " * (256 * 1024 - 2) + b"}"
    response, _ = await tiny.ask("POST", ACT, headers=tiny.writing(), data=raw)

    assert 201 == response.status


async def test_headers_are_refused_before_the_body_is_looked_at(tiny):
    response, body = await tiny.ask(
        "POST", CASES, headers=tiny.writing(**{"If-Match": '"1"'}), data=b"\xff"
    )

    assert (400, "version-invalid") == (response.status, slug(body))


# -- some members alone: what a correction gives ---------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"channel": "online"}, None),
        ({"applicant": RECEIVE["applicant"]}, None),
        ({"occurred_at": "2026-03-02T10:00:00+08:00"}, None),
        ({"terms": 1}, None),
        ({"channel": "smoke"}, ("schema", "/fields/channel")),
        ({"applicant": {"kind": "person"}}, ("schema", "/fields/applicant/name")),
        ({"materials": [{"name": "x\0"}]}, ("schema", "/fields/materials/0/sha256")),
        ({"materials": [{**MATERIAL, "name": "x\0"}]},
         ("forbidden-character", "/fields/materials/0/name")),
        ({"materials": [{**MATERIAL, "organ": "x"}]},
         ("unknown-field", "/fields/materials/0/organ")),
        ({"occurred_at": "2026-02-30T10:00:00+08:00"}, ("schema", "/fields/occurred_at")),
    ],
)  # fmt: skip
def test_members_alone_are_checked_as_in_their_act(data, expected):
    try:
        check_members(data, ACTS["receive"], "/fields")
        found = None
    except Refused as refused:
        found = refused.slug, refused.pointer

    assert expected == found
