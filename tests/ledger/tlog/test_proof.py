"""Proof files: read back byte for byte, and refused in every other spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import checkpoint, proof
from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import MAX_SIZE
from ledger.tlog.proof import MAX_PATH, Proof
from tests.ledger.tlog import keys
from tests.ledger.tlog.test_checkpoint import OURS

SIGNED = checkpoint.sign(OURS, keys.LOG, keys.signer("log"))
HASH = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
HEAD = "c2sp.org/tlog-proof@v1\n"
WHOLE = f"{HEAD}extra YWI=\nindex 3\n{HASH}\n{HASH}\n\n".encode() + SIGNED.raw


def test_the_parts_of_a_proof():
    read = proof.parse(WHOLE)

    assert (3, 2, b"ab", SIGNED) == (read.index, len(read.path), read.extra, read.checkpoint)
    assert WHOLE == read.raw


@given(
    st.integers(0, MAX_SIZE - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_PATH),
    st.none() | st.binary(min_size=1, max_size=50),
)
def test_a_proof_is_read_back(index, path, extra):
    made = Proof(index, tuple(path), SIGNED, extra)

    assert made == proof.parse(made.raw)
    assert made.raw == proof.parse(made.raw).raw


@given(st.binary(max_size=40), st.integers(0, len(WHOLE)), st.integers(0, 40))
def test_what_can_be_read_has_one_spelling(junk, at, gone):
    raw = WHOLE[:at] + junk + WHOLE[at + gone :]
    try:
        read = proof.parse(raw)
    except Malformed:
        return
    assert raw == read.raw


@pytest.mark.parametrize(
    "head",
    [
        "",
        "\n",
        HEAD,
        "c2sp.org/tlog-proof@v2\nindex 3\n",
        "C2SP.org/tlog-proof@v1\nindex 3\n",
        f"{HEAD.strip()} \nindex 3\n",
        f"{HEAD}index\n",
        f"{HEAD}index \n",
        f"{HEAD}index  3\n",
        f"{HEAD}index\t3\n",
        f"{HEAD}index 03\n",
        f"{HEAD}index -3\n",
        f"{HEAD}index {MAX_SIZE}\n",
        f"{HEAD}index {2**64}\n",
        f"{HEAD}Index 3\n",
        f"{HEAD}index 3\nindex 3\n",
        f"{HEAD}index 3\nextra YWI=\n",
        f"{HEAD}extra\nindex 3\n",
        f"{HEAD}extra \nindex 3\n",
        f"{HEAD}extra YWI\nindex 3\n",
        f"{HEAD}extra YWJ=\nindex 3\n",
        f"{HEAD}extra YWI=\nextra YWI=\nindex 3\n",
        f"{HEAD}index 3\n{HASH[:-1]}\n",
        f"{HEAD}index 3\n{HASH[:-2]}J=\n",
        f"{HEAD}index 3\nAAAA\n",
        f"{HEAD}index 3\n {HASH}\n",
        f"{HEAD}index 3\n{HASH}\n\n",
        f"{HEAD}index 3\n\n{HASH}\n",
        f"{HEAD}index 3\n" + f"{HASH}\n" * (MAX_PATH + 1),
        f"{HEAD}index 3\n{HASH}é\n",
        f"{HEAD}index 3\n{HASH}\n".replace("\n", "\r\n"),
    ],
)
def test_every_other_spelling_is_refused(head):
    with pytest.raises(Malformed):
        proof.parse(head.encode() + b"\n" + SIGNED.raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        WHOLE[:-1],
        WHOLE + b"\n",
        WHOLE.replace(b"\n\n" + SIGNED.raw, b"\n" + SIGNED.raw),
        WHOLE.removesuffix(SIGNED.raw),
        b"\xef\xbb\xbf" + WHOLE,
        WHOLE + b"x" * 1_000_000,
    ],
)
def test_a_proof_without_its_checkpoint_or_with_more_is_refused(raw):
    with pytest.raises(Malformed):
        proof.parse(raw)


@pytest.mark.parametrize(
    ("index", "path", "extra"),
    [
        (-1, (), None),
        (MAX_SIZE, (), None),
        (0, (bytes(31),), None),
        (0, (bytes(32),) * (MAX_PATH + 1), None),
        (0, (), b""),
    ],
)
def test_what_could_not_be_read_is_not_made(index, path, extra):
    with pytest.raises(Malformed):
        Proof(index, path, SIGNED, extra)
