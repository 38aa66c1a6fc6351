"""Cosignatures: what a witness signs, when, and that a stranger reads it the same."""

import pytest
import tlog_scales.tlog as scales
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales.signing import Ed25519CosignatureVerifier, Vkey

from ledger.tlog import cosignature, note
from ledger.tlog.cosignature import MAX_TIME, CosignerKey
from ledger.tlog.errors import Malformed, Unproven
from tests.ledger.tlog import keys
from tests.ledger.tlog.test_checkpoint import EXAMPLE, OURS

NOON = 1_679_315_147


def cosigned(at=NOON):
    return cosignature.cosign(OURS.text, keys.SUPERVISION, at, keys.signer("supervision"))


def test_the_message_of_the_specification():
    assert f"cosignature/v1\ntime 1679315147\n{EXAMPLE}".encode() == cosignature.message(
        EXAMPLE, NOON
    )


@pytest.mark.parametrize("at", [0, NOON, MAX_TIME])
def test_a_stranger_verifies_a_cosignature(at):
    line = cosigned(at)
    signed = note.Note(OURS.text, (line,))

    assert ((keys.SUPERVISION, line.signature),) == note.opened(signed, [keys.SUPERVISION])
    assert at == cosignature.cosigned_at(line.signature)
    verifier = Vkey.from_string(keys.SUPERVISION.text).get_verifier()
    assert isinstance(verifier, Ed25519CosignatureVerifier)
    read = scales.Checkpoint.from_text(signed.raw.decode())
    verifier.verify_note(read.signatures[0], read)


def test_a_key_is_read_back_and_is_of_this_type_only():
    assert keys.SUPERVISION == CosignerKey.parse(keys.SUPERVISION.text)
    with pytest.raises(Malformed):
        CosignerKey.parse(keys.LOG.text)
    with pytest.raises(Malformed):
        CosignerKey("a", bytes(31))
    with pytest.raises(Malformed):
        CosignerKey("a b", bytes(32))


def test_one_key_has_two_ids_for_two_types():
    assert note.key_id("a", 1, bytes(32)) != note.key_id("a", 4, bytes(32))


@given(st.integers(0, 8 * 72 - 1))
def test_no_flipped_bit_in_time_or_signature_is_accepted(bit):
    whole = bytearray(cosigned().signature)
    whole[bit // 8] ^= 1 << bit % 8

    assert not keys.SUPERVISION.verifies(OURS.text, bytes(whole))


@pytest.mark.parametrize("flaw", [b"", bytes(8), bytes(64), bytes(71), bytes(73)])
def test_a_cosignature_of_another_length(flaw):
    assert not keys.SUPERVISION.verifies(OURS.text, flaw)


def test_a_signature_without_its_time_is_none():
    sign = keys.signer("supervision")
    plain = note.sign(OURS.text, note.VerifierKey("a", keys.SUPERVISION.public), sign)

    assert not keys.SUPERVISION.verifies(OURS.text, plain.signature)
    assert not keys.SUPERVISION.verifies(OURS.text, bytes(8) + plain.signature)


def test_a_time_beyond_the_limit_is_refused_though_it_is_signed():
    beyond = MAX_TIME + 1
    signature = keys.signer("supervision")(cosignature.message(OURS.text, beyond))

    assert not keys.SUPERVISION.verifies(OURS.text, beyond.to_bytes(8, "big") + signature)
    for at in (-1, beyond):
        with pytest.raises(ValueError):
            cosigned(at)


def test_a_witness_cosigns_checkpoints_only_and_with_its_own_key():
    with pytest.raises(Malformed):
        cosignature.cosign("a\n", keys.SUPERVISION, NOON, keys.signer("supervision"))
    with pytest.raises(Unproven) as refused:
        cosignature.cosign(OURS.text, keys.SUPERVISION, NOON, keys.signer("log"))
    assert "signature" == refused.value.what
