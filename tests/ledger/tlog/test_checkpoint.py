"""Checkpoints: three lines in one spelling, signed by the log of that origin."""

import metamorphic_log
import pytest
import tlog_scales.tlog as scales
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales.signing import Vkey

from ledger.tlog import checkpoint, note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Malformed, Unproven
from ledger.tlog.merkle import EMPTY_ROOT, MAX_SIZE
from tests.ledger.tlog import keys

# The example of C2SP tlog-checkpoint.
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
OURS = Checkpoint(keys.ORIGIN, 5, bytes(range(32)))

LINE = st.text(st.characters(codec="utf-8", min_codepoint=32), min_size=1, max_size=30)


def test_the_example_of_the_specification():
    read = checkpoint.parse(EXAMPLE)

    assert Checkpoint("example.com/behind-the-sofa", 20_852_163, note.from_base64(ROOT)) == read
    assert EXAMPLE == read.text


@given(
    LINE, st.integers(1, MAX_SIZE), st.binary(min_size=32, max_size=32), st.lists(LINE, max_size=3)
)
def test_a_checkpoint_is_read_back(origin, size, root, extensions):
    made = Checkpoint(origin, size, root, tuple(extensions))

    assert made == checkpoint.parse(made.text)


@pytest.mark.parametrize("size", [0, 1, MAX_SIZE])
def test_the_least_and_the_largest_size(size):
    made = Checkpoint("a", size, EMPTY_ROOT)

    assert made == checkpoint.parse(made.text)


def with_size(size):
    return f"a\n{size}\n{ROOT}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\n",
        "a\n1\n",
        f"a\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\n\nb\n",
        f"a\r\n1\r\n{ROOT}\r\n",
        f"a\t\n1\n{ROOT}\n",
        f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n{ROOT[:-2]}J=\n",
        f"a\n1\n {ROOT}\n",
        f"a\n1\n{ROOT} \n",
        "a\n1\n\n",
        "a\n1\nAAAA\n",
        f"a\n1\n{ROOT}{ROOT}\n",
        with_size(""),
        with_size("01"),
        with_size("00"),
        with_size("+1"),
        with_size("-1"),
        with_size(" 1"),
        with_size("1 "),
        with_size("1_0"),
        with_size("1.0"),
        with_size("1e3"),
        with_size("0x1"),
        with_size("٣"),
        with_size("１"),
        with_size(2**63),
        with_size(2**64 + 1),
        with_size("9" * 10_000),
        with_size(0),
    ],
)
def test_every_other_spelling_is_refused(text):
    with pytest.raises(Malformed):
        checkpoint.parse(text)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, bytes(32), ()),
        ("a\nb", 1, bytes(32), ()),
        ("a", -1, bytes(32), ()),
        ("a", MAX_SIZE + 1, bytes(32), ()),
        ("a", 1, bytes(31), ()),
        ("a", 0, bytes(32), ()),
        ("a", 1, bytes(32), ("",)),
    ],
)
def test_what_could_not_be_read_is_not_made(origin, size, root, extensions):
    with pytest.raises(Malformed):
        Checkpoint(origin, size, root, extensions)


def test_two_strangers_accept_what_the_log_signed():
    signed = checkpoint.sign(OURS, keys.LOG, keys.signer("log"))

    head = metamorphic_log.checkpoint_verify(signed.raw.decode(), [keys.LOG.text])
    assert (OURS.origin, OURS.size) == (head.origin, head.size)
    scales.Checkpoint.from_text(signed.raw.decode()).verify(Vkey.from_string(keys.LOG.text))


def test_what_a_stranger_signed_is_read():
    made = scales.Checkpoint.make_signed(
        OURS.origin,
        OURS.size,
        OURS.root,
        [scales.signing.PlainEd25519Signer(OURS.origin, keys.private("log"))],
    )
    read = note.parse(made.serialize().encode())

    assert checkpoint.sign(OURS, keys.LOG, keys.signer("log")) == read


def test_the_key_is_named_like_the_origin():
    with pytest.raises(ValueError):
        checkpoint.sign(OURS, keys.OTHER, keys.signer("other"))


def test_a_key_that_is_not_the_others_half_signs_nothing():
    with pytest.raises(Unproven) as refused:
        checkpoint.sign(OURS, keys.LOG, keys.signer("other"))

    assert "signature" == refused.value.what
