"""Headers, queries and cursors: one spelling is accepted."""

from datetime import timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import cursors, times
from api.headers import echo
from ledger.errors import Refused
from tests.api.tiny import ACT, CASES, running, slug


@pytest.fixture(scope="module")
async def tiny(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("keys")) as tiny:
        yield tiny


async def answered(tiny, method, path, pairs=(), **more):
    response, body = await tiny.ask(method, path, headers=pairs, **more)
    return (response.status, slug(body) if response.status >= 400 else orjson.loads(body))


async def acted(tiny, *changed: tuple[str, str | bytes], without: str = ""):
    names = {name for name, _ in changed} | {without}
    pairs = [(n, v) for n, v in tiny.writing().items() if n not in names]
    return await answered(tiny, "POST", ACT, [*pairs, *changed], data=b"{}")


# -- headers of acts ----------------------------------------------------------


async def test_an_act_has_a_key(tiny):
    assert (400, "idempotency-key-missing") == await acted(tiny, without="Idempotency-Key")


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", "a\tb", "é", "\udcff", "键"])
async def test_a_key_is_visible_ascii(tiny, key):
    assert (400, "idempotency-key-invalid") == await acted(tiny, ("Idempotency-Key", key))


async def test_a_key_comes_once(tiny):
    keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "a")]

    assert (400, "idempotency-key-invalid") == await acted(tiny, *keys)


@pytest.mark.parametrize("key", ["x", "x" * 255, '!"#$%&()*+,-./:;<=>?@[]^_`{|}~', " trimmed\t"])
async def test_a_key_may_be_any_visible_ascii(tiny, key):
    status, told = await acted(tiny, ("Idempotency-Key", key))

    assert (201, key.strip()) == (status, told["key"])


async def test_an_act_on_a_case_names_the_version_last_seen(tiny):
    assert (428, "version-required") == await acted(tiny, without="If-Match")


@pytest.mark.parametrize(
    "version",
    ["*", '"03"', 'W/"3"', '"3","4"', '"-1"', '"0"', '"9223372036854775808"', '"9007199254740992"',
     "3", '""', '"3" x', "'3'", '"３"', '"3'],
)  # fmt: skip
async def test_a_version_is_one_strong_version(tiny, version):
    assert (400, "version-invalid") == await acted(tiny, ("If-Match", version))


async def test_two_versions_are_none(tiny):
    versions = [("If-Match", '"3"'), ("If-Match", '"3"')]

    assert (400, "version-invalid") == await acted(tiny, *versions)


async def test_the_largest_version_is_a_version(tiny):
    status, told = await acted(tiny, ("If-Match", '"9007199254740991"'))

    assert (201, 2**53 - 1) == (status, told["version"])


# -- queries ----------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "stage=a&stage=b",
        "sort=x",
        "Stage=a",
        "stage",
        "=a",
        "stage=a&",
        "&stage=a",
        "stage=%00",
        "stage=%0a",
        "stage=%ff",
        "stage=%c0%af",
        "stage=%ed%a0%80",
        "stage=%zz",
        "stage=%",
        "%73tage=a&stage=b",
        "limit=-1",
        "limit=0",
        "limit=501",
        "limit=1000001",
        "limit=%EF%BC%91%EF%BC%90",
        "limit=1.0",
        "limit=+1",
        "limit=01",
        "limit=1e1",
        "limit=",
        "limit=99999999999999999999",
        "at_least=x",
        "at_least=-1",
        "a=b",
    ],
)
async def test_a_query_is_read_strictly(tiny, query):
    assert (400, "invalid-parameter") == await answered(
        tiny, "GET", f"{CASES}?{query}", tiny.bearer()
    )


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("", {}),
        ("?", {}),
        ("?stage=a%20b+c", {"stage": "a b c"}),
        ("?stage=%E6%B1%89", {"stage": "汉"}),
        ("?q='%20OR%201=1--", {"q": "' OR 1=1--"}),
        ("?q=a=b;c", {"q": "a=b;c"}),
        ("?q=", {"q": ""}),
        ("?%71=x", {"q": "x"}),
    ],
)
async def test_a_query_is_decoded_once(tiny, query, filters):
    status, told = await answered(tiny, "GET", CASES + query, tiny.bearer())

    assert (200, filters) == (status, told["filters"])


async def test_an_act_takes_no_query(tiny):
    given = await answered(tiny, "POST", ACT + "?a=b", tiny.writing(), data=b"{}")

    assert (400, "invalid-parameter") == given


# -- cursors ----------------------------------------------------------


async def test_a_cursor_goes_on_in_the_same_list_for_the_same_person(tiny):
    _, told = await answered(tiny, "GET", f"{CASES}?stage=a", tiny.bearer())
    cursor = told["next"]

    for path, person, expected in (
        (f"{CASES}?stage=a&after={cursor}", "zhou-min", 200),
        (f"{CASES}?limit=7&stage=a&after={cursor}", "zhou-min", 200),
        (f"{CASES}?stage=a&after={cursor}", "chen-zhi", 400),
        (f"{CASES}?stage=b&after={cursor}", "zhou-min", 400),
        (f"{CASES}?after={cursor}", "zhou-min", 400),
        (f"{CASES.replace('469002', '469028')}?stage=a&after={cursor}", "zhou-min", 400),
    ):
        status, told = await answered(tiny, "GET", path, tiny.bearer(person))
        assert expected == status, path
        assert told == "invalid-cursor" if status == 400 else told["after"] == 41


@pytest.mark.parametrize("cursor", ["xyz", "", "AAAA", "=", "%F0%9F%98%80", "a" * 5_000, "41"])
async def test_what_we_did_not_seal_is_no_cursor(tiny, cursor):
    given = await answered(tiny, "GET", f"{CASES}?after={cursor}", tiny.bearer())

    assert (400, "invalid-cursor") == given


SCOPE = ("469002", "cases", "zhou-min", "stage", "accepted")
MARKS = st.integers(-(2**53), 2**53) | st.text() | st.lists(st.none() | st.text() | st.integers(0))


def _utf8(mark):
    try:
        orjson.dumps(mark)
    except TypeError:
        return False
    return True


@given(MARKS.filter(_utf8))
def test_a_cursor_opens_to_its_mark(mark):
    assert mark == cursors.opened(b"key", SCOPE, cursors.sealed(b"key", SCOPE, mark))


def test_one_changed_character_of_a_cursor_is_found():
    cursor = cursors.sealed(b"key", SCOPE, [2026, "a"])
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="

    for at in range(len(cursor)):
        for c in alphabet:
            changed = cursor[:at] + c + cursor[at + 1 :]
            if changed != cursor:
                with pytest.raises(Refused):
                    cursors.opened(b"key", SCOPE, changed)


def test_a_scope_is_not_run_together():
    cursor = cursors.sealed(b"key", ("a", "bc"), 1)

    for scope in (("ab", "c"), ("abc",), ("a", "b", "c"), ("a", "bc", "")):
        with pytest.raises(Refused):
            cursors.opened(b"key", scope, cursor)
    with pytest.raises(Refused):
        cursors.opened(b"other", ("a", "bc"), cursor)


# -- the rest ----------------------------------------------------------


@given(st.text())
def test_what_is_echoed_is_short_and_harmless(text):
    shown = echo(text)

    assert len(shown) <= 64
    assert shown.isascii()
    assert shown.isprintable() or shown == ""


@given(st.datetimes(), st.integers(0, 23), st.integers(0, 59), st.sampled_from("+-"))
def test_an_instant_reads_back(at, hours, minutes, sign):
    if (sign, hours, minutes) == ("-", 0, 0):
        return
    text = f"{at.replace(tzinfo=None).isoformat()}{sign}{hours:02}:{minutes:02}"
    read = times.instant(text)

    if read is None:
        assert at.year < 1901 or at.year == 9999
    else:
        offset = (hours * 60 + minutes) * (1 if sign == "+" else -1)
        assert at == read.replace(tzinfo=None) + timedelta(minutes=offset)
