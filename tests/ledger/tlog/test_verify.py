"""What a stranger with a policy is told: accepted, or the first thing that is bad."""

from base64 import b64decode

import metamorphic_log
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import cosignature, merkle, note, policy, verify
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Malformed, TlogError, Unproven
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.tlog.note import Note, Signature, VerifierKey
from ledger.tlog.proof import Proof
from ledger.tlog.tile import HEIGHT, Tile, levels, tiles
from tests.ledger.tlog import keys, trees

NOON = 1_790_000_000
SIZE, INDEX = 600, 300
ENTRY = trees.ENTRIES_OF_TREE[INDEX]
WITNESSES = {"supervision": keys.SUPERVISION, "inspection": keys.INSPECTION}
BOTH = policy.parse(
    f"log {keys.LOG.text}\nlog {keys.OTHER.text}\n"
    f"witness supervision {keys.SUPERVISION.text}\nwitness inspection {keys.INSPECTION.text}\n"
    "group both all supervision inspection\nquorum both\n".encode()
)
ALONE = policy.parse(f"log {keys.LOG.text}\nquorum none\n".encode())


def tree(size, origin=keys.ORIGIN):
    return Checkpoint(origin, size, merkle.root(size, trees.node))


def signed(one, *cosigners, log="log"):
    key = VerifierKey(one.origin, keys.public(log))
    lines = [note.sign(one.text, key, keys.signer(log))]
    lines += [
        cosignature.cosign(one.text, WITNESSES[name], NOON + no, keys.signer(name))
        for no, name in enumerate(cosigners)
    ]
    return Note(one.text, tuple(lines))


COSIGNED = signed(tree(SIZE), "supervision", "inspection")
PROOF = Proof(INDEX, merkle.inclusion_proof(INDEX, SIZE, trees.node), COSIGNED)


def test_a_checkpoint_with_its_quorum_is_accepted_and_says_when_it_was_seen():
    verified = verify.verify_checkpoint(COSIGNED.raw, BOTH)

    assert tree(SIZE) == verified.checkpoint
    assert {"supervision": NOON, "inspection": NOON + 1} == verified.cosigned


def test_an_entry_with_its_proof_is_accepted():
    assert tree(SIZE) == verify.verify_proof(PROOF.raw, ENTRY, BOTH).checkpoint
    metamorphic_log.checkpoint_verify_inclusion(
        COSIGNED.raw.decode(),
        [keys.LOG.text],
        INDEX,
        merkle.leaf_hash(ENTRY),
        list(PROOF.path),
    )


def test_witnesses_that_are_not_asked_for_say_nothing():
    verified = verify.verify_checkpoint(COSIGNED.raw, ALONE)

    assert {} == verified.cosigned


@pytest.mark.parametrize("cosigners", [(), ("supervision",), ("inspection",)])
def test_too_few_witnesses(cosigners):
    with pytest.raises(Unproven) as refused:
        verify.verify_checkpoint(signed(tree(SIZE), *cosigners).raw, BOTH)

    assert "quorum" == refused.value.what


def test_a_log_has_no_say_about_another_logs_origin():
    one = tree(SIZE)
    by_other = Note(one.text, (note.sign(one.text, keys.OTHER, keys.signer("other")),))

    with pytest.raises(Unproven) as refused:
        verify.verify_checkpoint(by_other.raw, BOTH)

    assert "origin" == refused.value.what


def test_witnesses_alone_are_no_log():
    cosigned_only = Note(COSIGNED.text, COSIGNED.signatures[1:])

    with pytest.raises(Unproven) as refused:
        verify.verify_checkpoint(cosigned_only.raw, BOTH)

    assert "origin" == refused.value.what


def test_a_checkpoint_that_nobody_known_has_signed():
    with pytest.raises(Unproven) as refused:
        verify.verify_checkpoint(signed(tree(SIZE), log="thief").raw, ALONE)

    assert "signature" == refused.value.what


@pytest.mark.parametrize(
    "text",
    [
        "anything\n",
        tree(SIZE).text.replace("600", "0600"),
        tree(SIZE).text.replace("600", "9223372036854775808"),
        tree(SIZE).text.replace("600", "-600"),
        tree(SIZE).text.replace("600", "0"),
        tree(SIZE).text + "\n",
        tree(SIZE).text.replace("=", ""),
        tree(SIZE).text.replace("600", "٦٠٠"),
    ],
)
def test_a_text_that_is_signed_and_is_no_checkpoint(text):
    other = Note(text, (note.sign(text, keys.LOG, keys.signer("log")),))

    with pytest.raises(Malformed):
        verify.verify_checkpoint(other.raw, ALONE)


def test_two_keys_of_one_log_while_it_changes_them():
    new = VerifierKey(keys.ORIGIN, keys.public("new"))
    both = policy.parse(f"log {keys.LOG.text}\nlog {new.text}\nquorum none\n".encode())
    one = tree(SIZE)
    by_new = note.sign(one.text, new, keys.signer("new"))

    assert verify.verify_checkpoint(Note(one.text, (by_new,)).raw, both)
    assert verify.verify_checkpoint(Note(one.text, (*signed(one).signatures, by_new)).raw, both)
    wrong = Signature(new.name, new.key_id, bytes(64))
    with pytest.raises(Unproven) as refused:
        verify.verify_checkpoint(Note(one.text, (*signed(one).signatures, wrong)).raw, both)
    assert "signature" == refused.value.what


# ── forged proofs ───────────────────────────────────────────────────────────────────────────


def replaced(old, new, raw=PROOF.raw):
    assert old in raw
    return raw.replace(old, new, 1)


def made(index=INDEX, path=PROOF.path, signed_note=COSIGNED):
    return Proof(index, tuple(path), signed_note).raw


def other_checkpoint(**change):
    """The signatures of one checkpoint under the text of another."""
    fields = {"origin": keys.ORIGIN, "size": SIZE, "root": COSIGNED_ROOT} | change
    return made(signed_note=Note(Checkpoint(**fields).text, COSIGNED.signatures))


COSIGNED_ROOT = tree(SIZE).root
LINES = [line.line.encode() for line in COSIGNED.signatures]
B64 = [note.base64(one).encode() for one in PROOF.path]
ROOT = note.base64(COSIGNED_ROOT).encode()

FORGED = {
    # the place and the path
    "index before": made(index=INDEX - 1),
    "index after": made(index=INDEX + 1),
    "index zero": made(index=0),
    "index at the size": made(index=SIZE),
    "index beyond the size": made(index=2**62),
    "index with a zero before it": replaced(b"index 300", b"index 0300"),
    "index with a sign": replaced(b"index 300", b"index +300"),
    "index beyond 2^63": replaced(b"index 300", b"index 18446744073709551916"),
    "index of another script": replaced(b"index 300", "index ٣٠٠".encode()),
    "no index": replaced(b"index 300\n", b""),
    "no path": made(path=()),
    "path without its first": made(path=PROOF.path[1:]),
    "path without its last": made(path=PROOF.path[:-1]),
    "path with a hash more": made(path=(*PROOF.path, bytes(32))),
    "path with its last twice": made(path=(*PROOF.path, PROOF.path[-1])),
    "path with a hash before it": made(path=(bytes(32), *PROOF.path)),
    "path in reverse": made(path=PROOF.path[::-1]),
    "two hashes changed over": made(path=(PROOF.path[1], PROOF.path[0], *PROOF.path[2:])),
    "the root itself in the path": made(path=(*PROOF.path[:-1], COSIGNED_ROOT)),
    "path of another size": made(path=merkle.inclusion_proof(INDEX, SIZE - 1, trees.node)),
    "path of another leaf": made(path=merkle.inclusion_proof(INDEX + 1, SIZE, trees.node)),
    "a hash of 31 bytes": replaced(B64[0], note.base64(PROOF.path[0][:31]).encode()),
    "a hash of 33 bytes": replaced(B64[0], note.base64(PROOF.path[0] + b"x").encode()),
    "a hash without padding": replaced(B64[0], B64[0][:-1]),
    "a space after a hash": replaced(B64[0], B64[0] + b" "),
    "an empty line in the path": replaced(B64[1], b"\n" + B64[1]),
    "64 hashes": replaced(B64[0], b"\n".join([B64[0]] * 64)),
    # the checkpoint in it
    "size one less": other_checkpoint(size=SIZE - 1),
    "size one more": other_checkpoint(size=SIZE + 1),
    "size zero": other_checkpoint(size=0, root=EMPTY_ROOT),
    "size zero with a root": replaced(b"\n600\n", b"\n0\n"),
    "size with a zero before it": replaced(b"\n600\n", b"\n0600\n"),
    "size beyond 2^63": replaced(b"\n600\n", b"\n9223372036854775808\n"),
    "negative size": replaced(b"\n600\n", b"\n-600\n"),
    "another root": other_checkpoint(root=bytes(32)),
    "the leaf for the root": other_checkpoint(root=merkle.leaf_hash(ENTRY)),
    "another origin": other_checkpoint(origin="ledger.example/469003"),
    "an origin in capitals": other_checkpoint(origin=keys.ORIGIN.upper()),
    "an extension line": other_checkpoint(extensions=("more",)),
    "an origin with a space after it": other_checkpoint(origin=f"{keys.ORIGIN} "),
    "root without padding": replaced(ROOT, ROOT[:-1]),
    "root with loose bits": replaced(ROOT, ROOT[:-2] + bytes((ROOT[-2] + 1,)) + b"="),
    "signed by another key of that name": made(signed_note=signed(tree(SIZE), log="thief")),
    "signed by another log": made(signed_note=signed(tree(SIZE, "other.example/log"), log="other")),
    # the signatures
    "no log signature": replaced(LINES[0], b""),
    "no signature": replaced(b"".join(LINES), b""),
    "the log's signature twice": replaced(LINES[0], LINES[0] * 2),
    "a cosignature twice": replaced(LINES[1], LINES[1] * 2),
    "one witness for two": replaced(LINES[2], LINES[1]),
    "no supervision": replaced(LINES[1], b""),
    "no inspection": replaced(LINES[2], b""),
    "a witness under another name": replaced(b"inspection.example", b"supervision.example"),
    "the log's signature by a witness's key": made(
        signed_note=Note(
            COSIGNED.text,
            (
                Signature(keys.ORIGIN, keys.LOG.key_id, keys.signer("supervision")(b"x")),
                *COSIGNED.signatures[1:],
            ),
        )
    ),
    "a cosignature with a later time": made(
        signed_note=Note(
            COSIGNED.text,
            (
                *COSIGNED.signatures[:2],
                Signature(
                    keys.INSPECTION.name,
                    keys.INSPECTION.key_id,
                    (NOON + 2).to_bytes(8, "big") + COSIGNED.signatures[2].signature[8:],
                ),
            ),
        )
    ),
    "signatures of a smaller tree": made(
        signed_note=Note(
            COSIGNED.text, signed(tree(SIZE - 1), "supervision", "inspection").signatures
        )
    ),
    "a plain signature for a cosignature": made(
        signed_note=Note(
            COSIGNED.text,
            (
                *COSIGNED.signatures[:2],
                Signature(
                    keys.INSPECTION.name,
                    keys.INSPECTION.key_id,
                    keys.signer("inspection")(COSIGNED.text.encode()),
                ),
            ),
        )
    ),
    # the file
    "nothing": b"",
    "bytes after it": PROOF.raw + b"x",
    "a line feed after it": PROOF.raw + b"\n",
    "no last line feed": PROOF.raw[:-1],
    "carriage returns": PROOF.raw.replace(b"\n", b"\r\n"),
    "a mark before it": b"\xef\xbb\xbf" + PROOF.raw,
    "NUL after it": PROOF.raw + b"\0",
    "another version": replaced(b"@v1", b"@v2"),
    "no version": replaced(b"c2sp.org/tlog-proof@v1\n", b""),
    "a hyphen for the dash": replaced("—".encode(), b"-"),
    "no empty line before the checkpoint": replaced(b"\n\nledger", b"\nledger"),
    "no empty line before the signatures": replaced(b"\n\n" + LINES[0], b"\n" + LINES[0]),
    "two empty lines before the checkpoint": replaced(b"\n\nledger", b"\n\n\nledger"),
}


def test_there_are_sixty_forgeries_and_each_is_another():
    assert 60 <= len(FORGED) == len(set(FORGED.values()) - {PROOF.raw})


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_proof_is_refused(forgery):
    with pytest.raises(TlogError):
        verify.verify_proof(FORGED[forgery], ENTRY, BOTH)


def strangers_view(raw):
    """Read a proof as plainly as possible, and let the stranger judge what is in it."""
    head, _, checkpoint_raw = raw.partition(b"\n\n")
    version, index, *path = head.decode("ascii").split("\n")
    assert version == "c2sp.org/tlog-proof@v1"
    metamorphic_log.checkpoint_verify_inclusion(
        checkpoint_raw.decode(),
        [keys.LOG.text],
        int(index.removeprefix("index ")),
        merkle.leaf_hash(ENTRY),
        [b64decode(line) for line in path],
    )


# The stranger has no witnesses, and takes the parts of a proof, not the file.
WITNESSES_ALONE = {
    "a cosignature twice",
    "a cosignature with a later time",
    "a plain signature for a cosignature",
    "a witness under another name",
    "no inspection",
    "no supervision",
    "one witness for two",
}
FILE_ALONE = {
    "a hash without padding",
    "a mark before it",
    "a space after a hash",
    "another version",
    "carriage returns",
    "index beyond 2^63",
    "index of another script",
    "index with a sign",
    "index with a zero before it",
    "no empty line before the checkpoint",
    "no index",
    "no version",
    "nothing",
}
# A second line of a key is passed over by the stranger, as by Go's note.
LENIENT = {"the log's signature twice"}


@pytest.mark.parametrize("forgery", sorted(FORGED.keys() - WITNESSES_ALONE - FILE_ALONE - LENIENT))
def test_a_stranger_refuses_the_forged_proof_too(forgery):
    with pytest.raises(metamorphic_log.VerifyError):
        strangers_view(FORGED[forgery])


@pytest.mark.parametrize("forgery", sorted(LENIENT))
def test_where_the_stranger_is_more_lenient_than_we_are(forgery):
    strangers_view(FORGED[forgery])


def test_the_stranger_accepts_the_proof_that_is_not_forged():
    strangers_view(PROOF.raw)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        ENTRY + b"\0",
        ENTRY[:-1],
        trees.ENTRIES_OF_TREE[INDEX + 1],
        b"\0" + ENTRY,
        merkle.leaf_hash(ENTRY),
    ],
)
def test_another_entry_is_not_included(entry):
    with pytest.raises(Unproven) as refused:
        verify.verify_proof(PROOF.raw, entry, BOTH)

    assert "inclusion" == refused.value.what


def test_an_empty_log_has_no_entry():
    empty = Proof(0, (), signed(tree(0), "supervision", "inspection"))

    assert EMPTY_ROOT == verify.verify_checkpoint(empty.checkpoint.raw, BOTH).checkpoint.root
    with pytest.raises(Unproven) as refused:
        verify.verify_proof(empty.raw, b"", BOTH)
    assert "index" == refused.value.what


@given(st.integers(0, 8 * len(PROOF.raw) - 1))
def test_no_flipped_bit_in_a_proof_is_accepted(bit):
    whole = bytearray(PROOF.raw)
    whole[bit // 8] ^= 1 << bit % 8
    # A bit in the name or the id of a cosigner makes an unknown key of it: then the quorum fails.
    with pytest.raises(TlogError):
        verify.verify_proof(bytes(whole), ENTRY, BOTH)


@given(st.binary(max_size=300))
def test_anything_at_all_is_refused_and_nothing_else_happens(raw):
    for check in (
        lambda: verify.verify_proof(raw, ENTRY, BOTH),
        lambda: verify.verify_checkpoint(raw, BOTH),
        lambda: verify.verify_proof(b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + raw, ENTRY, BOTH),
    ):
        with pytest.raises(TlogError):
            check()


# ── two checkpoints ─────────────────────────────────────────────────────────────────────────


def test_a_log_that_only_grew():
    older, newer = tree(300), tree(SIZE)
    path = merkle.consistency_proof(300, SIZE, trees.node)

    verify.verify_extension(older, newer, path)
    metamorphic_log.checkpoint_verify_consistency(
        signed(older).raw.decode(), signed(newer).raw.decode(), [keys.LOG.text], list(path)
    )


@pytest.mark.parametrize(
    ("older", "newer", "what"),
    [
        (tree(300, "other.example/log"), tree(SIZE), "origin"),
        (tree(SIZE), tree(300), "size"),
        (Checkpoint(keys.ORIGIN, SIZE, bytes(32)), tree(SIZE), "root"),
        (Checkpoint(keys.ORIGIN, 300, bytes(32)), tree(SIZE), "consistency"),
        (tree(299), tree(SIZE), "consistency"),
        (tree(300), Checkpoint(keys.ORIGIN, SIZE, bytes(32)), "consistency"),
    ],
)
def test_two_histories_of_one_log(older, newer, what):
    path = merkle.consistency_proof(300, SIZE, trees.node) if older.size < newer.size else ()

    with pytest.raises(Unproven) as refused:
        verify.verify_extension(older, newer, path)

    assert what == refused.value.what


# ── a whole copy ────────────────────────────────────────────────────────────────────────────


class Copy:
    """A log as somebody holds it, to be spoiled."""

    def __init__(self, size=SIZE):
        self.checkpoint = tree(size)
        self.entries = list(trees.ENTRIES_OF_TREE[:size])
        self.tiles = {
            one: trees.tile_bytes(one) for level in levels(size) for one in tiles(size, level)
        }

    def first_bad(self):
        bad = verify.first_bad(self.checkpoint, iter(self.entries), self.tiles.get)
        return bad and (bad.what, bad.position)

    def rewrite_tiles(self, up_to):
        """Make the tiles of the levels below `up_to` anew, of the entries as they are."""
        rows = trees.rows_over(self.entries)
        for one in self.tiles:
            if one.level < up_to:
                self.tiles[one] = trees.tile_bytes(one, rows)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 600])
def test_a_whole_copy_is_right(size):
    assert Copy(size).first_bad() is None


@pytest.mark.parametrize("position", [0, 1, 255, 256, 511, 512, 599])
def test_an_altered_entry_is_named(position):
    copy = Copy()
    copy.entries[position] += b"!"

    assert ("entry", position) == copy.first_bad()


@pytest.mark.parametrize("position", [0, 255, 256, 300, 512, 598])
def test_an_entry_taken_out_put_in_doubled_or_changed_over_is_named(position):
    taken, put, doubled, changed = Copy(), Copy(), Copy(), Copy()
    del taken.entries[position]
    put.entries.insert(position, b"another")
    doubled.entries.insert(position + 1, doubled.entries[position])
    here = slice(position, position + 2)
    changed.entries[here] = reversed(changed.entries[here])

    assert ("entry", position) == taken.first_bad()
    assert ("entry", position) == put.first_bad()
    assert ("entry", position + 1) == doubled.first_bad()
    assert ("entry", position) == changed.first_bad()


@pytest.mark.parametrize("left", [0, 1, 255, 256, 511, 512, 513, 599])
def test_a_tail_that_is_cut_off_is_named_at_the_cut(left):
    copy = Copy()
    del copy.entries[left:]

    assert ("entry", left) == copy.first_bad()


def test_what_stands_after_the_last_entry_is_named():
    copy = Copy()
    copy.entries.append(b"more")

    assert ("entry", SIZE) == copy.first_bad()


@given(st.data())
def test_a_flipped_bit_in_a_tile_is_named_by_its_position(data):
    copy = Copy()
    one = data.draw(st.sampled_from(sorted(copy.tiles)))
    bit = data.draw(st.integers(0, 8 * 32 * one.width - 1))
    spoiled = bytearray(copy.tiles[one])
    spoiled[bit // 8] ^= 1 << bit % 8
    copy.tiles[one] = bytes(spoiled)

    assert ("tile", one.start + (bit // 256 << HEIGHT * one.level)) == copy.first_bad()


@given(st.integers(0, SIZE - 1), st.data())
def test_a_flipped_bit_in_an_entry_is_named_by_its_position(position, data):
    copy = Copy()
    bit = data.draw(st.integers(0, 8 * len(copy.entries[position]) - 1))
    spoiled = bytearray(copy.entries[position])
    spoiled[bit // 8] ^= 1 << bit % 8
    copy.entries[position] = bytes(spoiled)

    assert ("entry", position) == copy.first_bad()


def test_a_tile_that_is_missing_cut_or_padded_is_named():
    for spoil in (lambda raw: None, lambda raw: raw[:-32], lambda raw: raw[:-1], lambda raw: b""):
        copy = Copy()
        copy.tiles[Tile(0, 1)] = spoil(copy.tiles[Tile(0, 1)])
        what, position = copy.first_bad()
        assert "tile" == what
        assert 256 <= position < 512
    copy = Copy()
    copy.tiles[Tile(0, 0)] += b"\0"
    assert "tile" == copy.first_bad()[0]


def test_the_first_of_several_is_named():
    copy = Copy()
    copy.entries[400] += b"!"
    copy.entries[300] += b"!"
    copy.entries[500] += b"!"

    assert ("entry", 300) == copy.first_bad()


def test_entries_without_end_are_not_read_to_the_end():
    asked = []

    def endless():
        while len(asked) < 700:
            asked.append(len(asked))
            yield trees.ENTRIES_OF_TREE[asked[-1]]

    copy = Copy()
    bad = verify.first_bad(copy.checkpoint, endless(), copy.tiles.get)

    assert bad is not None
    assert ("entry", SIZE, SIZE + 1) == (bad.what, bad.position, len(asked))


@pytest.mark.parametrize("spoil", [lambda raw: None, lambda raw: raw[:-1], lambda raw: b""])
def test_where_tiles_do_not_lead_to_the_root_either_the_root_is_named(spoil):
    copy = Copy()
    copy.entries[100] += b"!"
    copy.tiles[Tile(0, 1)] = spoil(copy.tiles[Tile(0, 1)])

    assert ("root", 100) == copy.first_bad()


def test_an_entry_rewritten_with_its_tile_is_found_by_the_tile_above():
    copy = Copy()
    copy.entries[300] += b"!"
    copy.rewrite_tiles(up_to=1)

    assert ("root", 256) == copy.first_bad()


def test_a_history_rewritten_with_all_its_tiles_is_found_by_the_root_alone():
    copy = Copy()
    copy.entries[300] += b"!"
    copy.rewrite_tiles(up_to=3)

    assert ("root", None) == copy.first_bad()


def test_a_checkpoint_of_another_tree_is_no_proof_of_this_one():
    copy = Copy()
    copy.checkpoint = Checkpoint(keys.ORIGIN, SIZE, bytes(32))

    assert ("root", None) == copy.first_bad()


def test_three_levels_of_tiles():
    size = 65_540
    copy = Copy(size)
    assert copy.first_bad() is None

    copy.entries[65_537] += b"!"
    assert ("entry", 65_537) == copy.first_bad()


def test_control_without_the_root_a_rewritten_history_passes():
    copy = Copy()
    copy.entries[300] += b"!"
    copy.rewrite_tiles(up_to=3)
    forged = trees.rows_over(copy.entries)

    copy.checkpoint = Checkpoint(
        keys.ORIGIN, SIZE, merkle.root(SIZE, lambda height, index: forged[height][index])
    )

    # Whoever signs that, with the log's own key, is found by who holds an earlier checkpoint.
    assert copy.first_bad() is None
    with pytest.raises(Unproven):
        verify.verify_extension(tree(SIZE), copy.checkpoint, ())


def test_control_without_the_quorum_a_log_alone_is_accepted(monkeypatch):
    monkeypatch.setattr(policy.Policy, "satisfied", lambda self, cosigned: True)

    assert verify.verify_checkpoint(signed(tree(SIZE)).raw, BOTH)


def test_control_without_the_path_any_entry_is_in_the_log(monkeypatch):
    monkeypatch.setattr(merkle, "check_inclusion", lambda *_: None)

    assert verify.verify_proof(PROOF.raw, b"never recorded", BOTH)
