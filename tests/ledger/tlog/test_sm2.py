"""The line by SM2 with SM3: against the published example, openssl, and strangers' verifiers."""

import re
import shutil
import subprocess

import metamorphic_log
import pytest
import tlog_scales.tlog as scales
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SM3, Hash
from tlog_scales.signing import Vkey

from ledger.tlog import checkpoint, note, sm2, verify
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Malformed, Unproven
from ledger.tlog.note import Note, VerifierKey
from ledger.tlog.policy import NONE, Policy
from ledger.tlog.sm2 import IDENTIFIER, KIND, Sm2Key, check, signer
from tests.ledger.tlog import keys

try:
    sm2.library()
except sm2.NotInstalled as missing:
    pytest.skip(f"NOT RUN: no line by SM2 was tried: {missing}", allow_module_level=True)

# GB/T 32918.5-2017 (GM/T 0003.5-2012), annex A.2: a signature on the recommended curve.
USER_ID = b"1234567812345678"
MESSAGE = "message digest"
PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
X, Y = keys.POINT[1:33], keys.POINT[33:]
ZA = bytes.fromhex("B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3")
DIGEST = bytes.fromhex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640")
K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
R = bytes.fromhex("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3")
S = bytes.fromhex("B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA")
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)

POINT, KEY = keys.POINT, keys.SM2
ONE = Checkpoint(keys.ORIGIN, 13, bytes(range(32)))


def sm3(*parts):
    made = Hash(SM3())
    for part in parts:
        made.update(part)
    return made.finalize()


def wide(number):
    return number.to_bytes(32, "big")


def times(scalar, point):
    """A point of the curve so many times, from the definition."""
    found = None
    for bit in f"{scalar:b}":
        found = plus(found, found)
        if bit == "1":
            found = plus(found, point)
    return found


def plus(one, other):
    if one is None or other is None:
        return one or other
    if one == other:
        slope = (3 * one[0] ** 2 + sm2.A) * pow(2 * one[1], -1, sm2.P)
    elif one[0] == other[0]:
        return None
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, sm2.P)
    x = (slope**2 - one[0] - other[0]) % sm2.P
    return x, (slope * (one[0] - x) - one[1]) % sm2.P


def signed(*more):
    lines = (note.sign(ONE.text, keys.LOG, keys.signer("log")), *more)
    return Note(ONE.text, lines)


def by_sm2(key=KEY, private=PRIVATE, text=ONE.text):
    return note.sign(text, key, signer(key.public, private))


# -- the published example -------------------------------------------------------------------------


def test_the_published_signature_verifies():
    assert KEY.verifies(MESSAGE, R + S)


def test_the_published_digests_are_those_of_the_default_user_id():
    bits = (8 * len(USER_ID)).to_bytes(2, "big")
    curve = (wide(sm2.A), wide(sm2.B), wide(G[0]), wide(G[1]))
    assert ZA == sm3(bits, USER_ID, *curve, X, Y)
    assert DIGEST == sm3(ZA, MESSAGE.encode())
    assert USER_ID == sm2.USER_ID
    # What the library verifies by itself is a signature of that digest.
    der = encode_dss_signature(int.from_bytes(R, "big"), int.from_bytes(S, "big"))
    assert sm2.library().sm2_verify_sm3_digest(X + Y, DIGEST, der)


def test_the_published_numbers_follow_from_one_another():
    """The library draws its own k; with the published one the definition leads to r and s."""
    private = int.from_bytes(PRIVATE, "big")
    assert (X, Y) == tuple(map(wide, times(private, G)))
    r = (int.from_bytes(DIGEST, "big") + times(K, G)[0]) % sm2.N
    s = pow(1 + private, -1, sm2.N) * (K - r * private) % sm2.N
    assert (R, S) == (wide(r), wide(s))


@pytest.mark.parametrize(
    ("message", "signature"),
    [
        (MESSAGE + ".", R + S),
        (MESSAGE, S + R),
        (MESSAGE, R + S[:-1] + b"\xab"),
        (MESSAGE, R + S[:-1]),
        (MESSAGE, R + S + b"\0"),
        (MESSAGE, b""),
        (MESSAGE, bytes(32) + S),
        (MESSAGE, R + bytes(32)),
        (MESSAGE, b"\xff" * 64),
        # r + s = n, which the standard refuses before it computes anything.
        (MESSAGE, R + wide(sm2.N - int.from_bytes(R, "big"))),
        (MESSAGE, encode_dss_signature(int.from_bytes(R, "big"), int.from_bytes(S, "big"))),
    ],
)
def test_another_signature_or_message_does_not(message, signature):
    assert not KEY.verifies(message, signature)


def test_another_user_id_makes_another_signature():
    der = sm2.library().sm2_sign(PRIVATE, X + Y, MESSAGE.encode(), b"ALICE123@YAHOO.COM")
    r, s = decode_dss_signature(der)
    assert not KEY.verifies(MESSAGE, wide(r) + wide(s))


# -- a second opinion: openssl ---------------------------------------------------------------------

OPENSSL = shutil.which("openssl")
WITHOUT = OPENSSL is None or "SM2" not in subprocess.run(
    [OPENSSL, "ecparam", "-list_curves"], check=False, capture_output=True, text=True
).stdout  # fmt: skip
by_openssl = pytest.mark.skipif(WITHOUT, reason="NOT RUN: no `openssl` with SM2 here")
# RFC 5480 with the curve 1.2.156.10197.1.301; RFC 5915 for the private half.
SPKI = bytes.fromhex("3059301306072A8648CE3D020106082A811CCF5501822D034200")
SEC1 = (bytes.fromhex("30770201010420"), bytes.fromhex("A00A06082A811CCF5501822DA14403420004"))


def openssl(*words):
    done = subprocess.run(
        [OPENSSL, "pkeyutl", *map(str, words), "-rawin", "-digest", "sm3",
         "-pkeyopt", f"distid:{USER_ID.decode()}"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode == 0, done.stdout + done.stderr


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


@by_openssl
def test_openssl_verifies_what_we_sign_and_the_published_signature(tmp_path):
    public = written(tmp_path, "public", SPKI + POINT)
    ours = by_sm2().signature
    for text, signature, good in (
        (ONE.text, ours, True), (MESSAGE, R + S, True), (ONE.text + ".", ours, False),
    ):  # fmt: skip
        der = encode_dss_signature(*(int.from_bytes(signature[i : i + 32], "big") for i in (0, 32)))
        said = openssl(
            "-verify", "-pubin", "-inkey", public, "-keyform", "DER",
            "-in", written(tmp_path, "text", text.encode()),
            "-sigfile", written(tmp_path, "signature", der),
        )  # fmt: skip
        assert good == said[0], said


@by_openssl
def test_we_verify_what_openssl_signs(tmp_path):
    private = written(tmp_path, "private", SEC1[0] + PRIVATE + SEC1[1] + X + Y)
    at = tmp_path / "signature"
    said = openssl(
        "-sign", "-inkey", private, "-keyform", "DER",
        "-in", written(tmp_path, "text", ONE.text.encode()), "-out", at,
    )  # fmt: skip
    assert said[0], said
    r, s = decode_dss_signature(at.read_bytes())
    assert KEY.verifies(ONE.text, wide(r) + wide(s))
    assert not KEY.verifies(ONE.text + ".", wide(r) + wide(s))


# -- the key ---------------------------------------------------------------------------------------


def test_a_key_reads_back_from_its_text_and_has_an_id_of_its_own():
    assert KEY == Sm2Key.parse(KEY.text)
    assert sm2.is_key(KEY.text)
    assert KEY.key_id != note.key_id(KEY.name, KIND, POINT)
    assert re.fullmatch(rf"{re.escape(KEY.name)}\+[0-9a-f]{{8}}\+[A-Za-z0-9+/=]+", KEY.text)


@pytest.mark.parametrize(
    "public",
    [
        b"", X + Y, POINT[:-1], POINT + b"\0", b"\x02" + X, b"\x06" + X + Y,
        b"\x04" + bytes(64), b"\x04" + X + X, b"\x04" + wide(sm2.P) + Y,
        # The same point, its x written beyond p: another key id for one key.
        b"\x04" + wide(2**256 - 1) + Y,
    ],
)  # fmt: skip
def test_what_is_no_point_of_the_curve_is_no_key(public):
    with pytest.raises(Malformed):
        Sm2Key(keys.ORIGIN, public)


@pytest.mark.parametrize(
    "text",
    [
        keys.LOG.text,
        KEY.text[:-1],
        KEY.text.replace("469002", "469003"),
        note.key_text(KEY.name, KIND, POINT),
        note.key_text(KEY.name, KIND, b"somebody/else" + POINT),
        note.key_text(KEY.name, 0x01, IDENTIFIER + POINT),
    ],
)
def test_another_spelling_or_kind_is_no_sm2_key(text):
    with pytest.raises(Malformed):
        Sm2Key.parse(text)


def test_neither_kind_is_taken_for_the_other():
    with pytest.raises(Malformed):
        VerifierKey.parse(KEY.text)
    assert not sm2.is_key(keys.LOG.text)


def test_a_new_pair_signs_and_no_two_are_the_same():
    public, private = sm2.new_pair()
    key = Sm2Key(keys.ORIGIN, public)
    assert key.verifies(ONE.text, by_sm2(key, private).signature)
    assert public != sm2.new_pair()[0]


@pytest.mark.parametrize("private", [bytes(32), b"\xff" * 32, b"", PRIVATE[::-1]])
def test_what_does_not_verify_does_not_leave_the_house(private):
    with pytest.raises(Unproven) as refused:
        by_sm2(private=private)
    assert "signature" == refused.value.what


# -- the line under a checkpoint -------------------------------------------------------------------


def test_a_line_is_found_beside_the_logs_own():
    whole = signed(by_sm2())
    assert (KEY,) == check(whole.raw, keys.ORIGIN, [KEY])
    assert 2 == len(note.opened(note.parse(whole.raw), [keys.LOG, KEY]))


def test_who_knows_nothing_of_it_reads_the_checkpoint_as_before():
    whole = signed(by_sm2())
    policy = Policy((keys.LOG,), {}, {}, NONE)
    assert ONE == verify.verify_checkpoint(whole.raw, policy).checkpoint
    head = metamorphic_log.checkpoint_verify(whole.raw.decode(), [keys.LOG.text])
    assert (ONE.origin, ONE.size) == (head.origin, head.size)
    scales.Checkpoint.from_text(whole.raw.decode()).verify(Vkey.from_string(keys.LOG.text))
    assert checkpoint.sign(ONE, keys.LOG, keys.signer("log")).signatures == whole.signatures[:1]


def test_the_line_alone_is_no_signature_of_the_log():
    alone = Note(ONE.text, (by_sm2(),))
    assert (KEY,) == check(alone.raw, keys.ORIGIN, [KEY])
    with pytest.raises(Unproven, match="no known key"):
        verify.verify_checkpoint(alone.raw, Policy((keys.LOG,), {}, {}, NONE))


def other():
    public, private = sm2.new_pair()
    return Sm2Key(keys.ORIGIN, public), private


UNPROVEN = {
    "no line": signed,
    "another key's": lambda: signed(by_sm2(*other())),
    "of another text": lambda: signed(by_sm2(text=ONE.text.replace("13", "14"))),
    "one bit": lambda: signed(note.Signature(KEY.name, KEY.key_id, R + S)),
    "twice": lambda: signed(by_sm2(), by_sm2()),
}


@pytest.mark.parametrize("how", UNPROVEN)
def test_who_pinned_the_key_wants_its_line(how):
    with pytest.raises(Unproven) as refused:
        check(UNPROVEN[how]().raw, keys.ORIGIN, [KEY])
    assert "signature" == refused.value.what


def test_of_two_pinned_keys_one_is_enough_and_a_wrong_line_of_either_is_not():
    new, private = other()
    assert (new,) == check(signed(by_sm2(new, private)).raw, keys.ORIGIN, [KEY, new])
    wrong = note.Signature(KEY.name, KEY.key_id, R + S)
    with pytest.raises(Unproven, match="does not verify"):
        check(signed(by_sm2(new, private), wrong).raw, keys.ORIGIN, [KEY, new])


def test_a_key_of_another_log_says_nothing_here():
    with pytest.raises(Unproven, match="none of the SM2 keys"):
        check(signed(by_sm2()).raw, keys.ORIGIN, [Sm2Key("other.example/log", POINT)])


def test_without_the_library_keys_are_read_and_nothing_is_said_about_lines(monkeypatch):
    def missing():
        raise sm2.NotInstalled

    raw = signed(by_sm2()).raw
    monkeypatch.setattr(sm2, "library", missing)
    assert KEY == Sm2Key.parse(KEY.text)
    with pytest.raises(sm2.NotInstalled, match=r"caseledger\[sm\]"):
        check(raw, keys.ORIGIN, [KEY])
