"""Notes: Go's own example, one spelling, and whose signature counts."""

from base64 import b64encode

import metamorphic_log
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import note
from ledger.tlog.errors import Malformed, Unproven
from ledger.tlog.note import MAX_SIGNATURES, Note, Signature, VerifierKey
from tests.ledger.tlog import keys

# The example of Go's golang.org/x/mod/sumdb/note (note_test.go), with its private half.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = note.from_base64("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)
GO_NOTE = f"{GO_TEXT}\n{GO_LINE}"
PETER = VerifierKey.parse(GO_KEY)

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="+"),
    min_size=1,
)
TEXTS = st.text(
    st.one_of(st.just("\n"), st.characters(codec="utf-8", min_codepoint=32)), max_size=80
)
LINES = st.builds(Signature, NAMES, st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=80))


def test_the_example_of_go_is_read_verified_and_made_again():
    read = note.parse(GO_NOTE.encode())

    assert GO_TEXT == read.text
    assert [PETER] == [key for key, _ in note.opened(read, [PETER])]
    assert GO_KEY == PETER.text
    made = note.sign(GO_TEXT, PETER, Ed25519PrivateKey.from_private_bytes(GO_SEED).sign)
    assert GO_NOTE.encode() == Note(GO_TEXT, (made,)).raw


def test_a_key_cut_or_changed_anywhere_is_refused():
    # What Go's TestNewVerifier does.
    for begin in range(len(GO_KEY) + 1):
        for end in range(begin, len(GO_KEY) + 1):
            if (begin, end) != (0, len(GO_KEY)):
                with pytest.raises(Malformed):
                    VerifierKey.parse(GO_KEY[begin:end])
    for at, character in enumerate(GO_KEY):
        with pytest.raises(Malformed):
            VerifierKey.parse(GO_KEY[:at] + chr(ord(character) + 1) + GO_KEY[at + 1 :])


def test_a_key_of_the_wrong_length_is_refused_though_its_id_is_right():
    for wrong in (PETER.public[:-1], PETER.public + b"\0", b""):
        with pytest.raises(Malformed):
            VerifierKey.parse(note.key_text("PeterNeumann", note.ED25519, wrong))
        with pytest.raises(Malformed):
            VerifierKey("PeterNeumann", wrong)


def test_a_key_of_another_type_is_refused():
    with pytest.raises(Malformed):
        VerifierKey.parse(keys.SUPERVISION.text)


@pytest.mark.parametrize(
    "key", [GO_KEY.replace("c74f20a3", "C74F20A3"), f"{GO_KEY}\n", f" {GO_KEY}", f"{GO_KEY}="]
)
def test_a_key_has_one_spelling(key):
    with pytest.raises(Malformed):
        VerifierKey.parse(key)


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\u3000b", "a\u00a0b", "a\nb", "a\x01", "\ud800"]
)
def test_what_is_no_name_of_a_key(name):
    with pytest.raises(Malformed):
        VerifierKey(name, PETER.public)


def test_a_written_key_with_a_name_that_is_none():
    for name in ("", "a b", "\ud800"):
        with pytest.raises(Malformed):
            VerifierKey.parse(GO_KEY.replace("PeterNeumann", name))


def test_the_longest_note():
    room = 1_000_000 - len(GO_NOTE.encode())

    assert note.parse(b"x" * room + GO_NOTE.encode())
    with pytest.raises(Malformed):
        note.parse(b"x" * (room + 1) + GO_NOTE.encode())


@given(TEXTS, st.lists(LINES, min_size=1, max_size=5))
def test_a_note_is_read_back(text, lines):
    made = Note(f"{text}\n", tuple(lines))

    assert made == note.parse(made.raw)
    assert made.raw == note.parse(made.raw).raw


@given(st.binary(max_size=40), st.integers(0, len(GO_NOTE.encode())), st.integers(0, 40))
def test_what_can_be_read_has_one_spelling(junk, at, gone):
    whole = GO_NOTE.encode()
    raw = whole[:at] + junk + whole[at + gone :]
    try:
        read = note.parse(raw)
    except Malformed:
        return
    assert raw == read.raw


# Go's TestOpen has most of these, too.
MALFORMED = {
    "nothing": "",
    "no signature": f"{GO_TEXT}\n",
    "no empty line": f"{GO_TEXT}{GO_LINE}",
    "no text": f"\n{GO_LINE}",
    "no last line feed": GO_NOTE[:-1],
    "a line feed more": f"{GO_NOTE}\n",
    "an empty line among the signatures": f"{GO_NOTE}\n\n{GO_LINE}\n",
    "carriage returns": GO_NOTE.replace("\n", "\r\n"),
    "a carriage return": f"{GO_NOTE[:-1]}\r\n",
    "a tab": GO_NOTE.replace("you ", "you\t", 1),
    "NUL": GO_NOTE.replace("you ", "you\0", 1),
    "a hyphen": GO_NOTE.replace("—", "-"),
    "an en dash": GO_NOTE.replace("—", "–"),
    "no dash": GO_NOTE.replace("— ", ""),
    "two spaces": GO_NOTE.replace("— ", "—  "),
    "no space": GO_NOTE.replace("— ", "—"),
    "a space at the end": f"{GO_NOTE[:-1]} \n",
    "a wide space": GO_NOTE.replace("— ", "—\u3000"),
    "no name": GO_NOTE.replace("PeterNeumann", ""),
    "a name with a plus": GO_NOTE.replace("PeterNeumann", "Peter+Neumann"),
    "a name with a space": GO_NOTE.replace("PeterNeumann", "Peter Neumann"),
    "a name with a wide space": GO_NOTE.replace("PeterNeumann", "Peter\u3000Neumann"),
    "no padding": GO_NOTE.replace("AM=\n", "AM\n"),
    "more padding": GO_NOTE.replace("AM=\n", "AM==\n"),
    "loose bits in base64": GO_NOTE.replace("AM=\n", "AN=\n"),
    "the alphabet of addresses": GO_NOTE.replace("x08go/", "x08go_"),
    "something else than base64": GO_NOTE.replace("x08go/", "x08go!/"),
    "base64 in two lines": GO_NOTE.replace("ZJkuBS9U", "ZJku\nBS9U"),
    "an id and no signature": f"{GO_TEXT}\n— PeterNeumann {b64encode(b'abcd').decode()}\n",
    "less than an id": f"{GO_TEXT}\n— PeterNeumann {b64encode(b'abc').decode()}\n",
    "an empty signature": f"{GO_TEXT}\n— PeterNeumann \n",
    "too many signatures": GO_NOTE + GO_LINE * MAX_SIGNATURES,
    "too long": "x" * 1_000_000 + GO_NOTE,
}


@pytest.mark.parametrize("flaw", MALFORMED)
def test_a_flaw_in_a_note_is_refused(flaw):
    with pytest.raises(Malformed):
        note.parse(MALFORMED[flaw].encode())


# Each verifier has its own limits; the specification gives none.
@pytest.mark.parametrize("flaw", sorted(MALFORMED.keys() - {"too many signatures", "too long"}))
def test_a_stranger_refuses_the_same_flaws(flaw):
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.verify_signed_note(MALFORMED[flaw], [GO_KEY])


@pytest.mark.parametrize("raw", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80"])
def test_what_is_not_utf_8_is_refused(raw):
    with pytest.raises(Malformed):
        note.parse(raw + GO_NOTE.encode())


@pytest.mark.parametrize(
    ("text", "lines"),
    [("no line feed", 1), ("tab\t\n", 1), ("a\n", 0), ("a\n", MAX_SIGNATURES + 1)],
)
def test_a_note_that_could_not_be_read_is_not_made(text, lines):
    with pytest.raises(Malformed):
        Note(text, (Signature("a", 0, b"a"),) * lines)


def test_a_text_may_have_empty_lines_and_look_like_signed():
    text = f"{GO_NOTE}\n\n"
    made = Note(text, (note.sign(text, keys.LOG, keys.signer("log")),))

    assert made == note.parse(made.raw)
    with pytest.raises(Unproven):
        note.opened(made, [PETER])


@given(st.integers(0, 8 * len(GO_NOTE.encode()) - 1))
def test_no_flipped_bit_in_a_signed_note_is_accepted(bit):
    whole = bytearray(GO_NOTE.encode())
    whole[bit // 8] ^= 1 << bit % 8

    with pytest.raises((Malformed, Unproven)):
        note.opened(note.parse(bytes(whole)), [PETER])


def signed(*lines):
    return note.parse(f"{GO_TEXT}\n{''.join(lines)}".encode())


def test_a_known_key_that_fails_spoils_the_note_and_an_unknown_one_does_not():
    other = note.sign(GO_TEXT, keys.LOG, keys.signer("log"))
    wrong = Signature(other.name, other.key_id, bytes(64))

    assert [PETER] == [key for key, _ in note.opened(signed(GO_LINE, wrong.line), [PETER])]
    with pytest.raises(Unproven) as refused:
        note.opened(signed(GO_LINE, wrong.line), [PETER, keys.LOG])
    assert "signature" == refused.value.what
    both = note.opened(signed(GO_LINE, other.line), [PETER, keys.LOG])
    assert {PETER, keys.LOG} == {key for key, _ in both}


def test_a_key_is_unknown_that_has_only_the_name_or_only_the_id():
    line = note.parse(GO_NOTE.encode()).signatures[0]
    named = Signature(line.name, line.key_id ^ 1, bytes(64))
    numbered = Signature("Peter", line.key_id, bytes(64))

    assert note.opened(signed(GO_LINE, named.line, numbered.line), [PETER])
    for only in (named, numbered):
        with pytest.raises(Unproven) as refused:
            note.opened(signed(only.line), [PETER])
        assert "signature" == refused.value.what


def test_who_signs_twice_is_refused():
    with pytest.raises(Unproven) as refused:
        note.opened(signed(GO_LINE, GO_LINE), [PETER])

    assert "signature" == refused.value.what


def test_sixteen_signatures_and_more_are_taken():
    lines = [Signature(f"witness{no}", no, b"x").line for no in range(MAX_SIGNATURES - 1)]

    assert note.opened(signed(*lines, GO_LINE), [PETER])


def test_two_keys_that_no_line_could_tell_apart(monkeypatch):
    monkeypatch.setattr(note, "key_id", lambda *_: 7)

    with pytest.raises(ValueError):
        note.opened(signed(GO_LINE), [PETER, VerifierKey("PeterNeumann", bytes(32))])


def test_what_does_not_verify_does_not_leave_the_house():
    with pytest.raises(Unproven) as refused:
        note.sign(GO_TEXT, PETER, keys.signer("log"))

    assert "signature" == refused.value.what


def test_the_stranger_accepts_the_note_without_a_flaw():
    assert 1 == metamorphic_log.verify_signed_note(GO_NOTE, [GO_KEY])
