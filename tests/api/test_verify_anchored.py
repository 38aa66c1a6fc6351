"""`caseledger verify … --anchored-in`: a county's log against what a province keeps of it.

Folders that a test wrote with the keys it has: the true logs, and those of a thief of keys.
"""

import pytest
from click.testing import CliRunner

from api.cli import main
from ledger.tlog.tile import ENTRIES, levels, tiles
from tests.api.verifying import verify
from tests.ledger.anchoring import KEY, ORIGIN, County
from tests.ledger.dossiers import LOG, Making, record
from tests.ledger.tlog import keys, trees

TRUE = County(300)
FORGED = County(300, altered=260)


def put(folder, raw, rows, size, entries=None):
    """Write a copy of a log: checkpoint and tiles; with the entries, or the hashes alone."""
    wanted = [*levels(size), *([ENTRIES] if entries else [])]
    for level in wanted:
        for tile in tiles(size, level):
            at = folder / tile.path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(trees.tile_bytes(tile, rows, entries))
    (folder / "checkpoint").write_bytes(raw)
    return folder


def county_at(folder, log, size=300):
    return put(folder, log.note(size), log.rows, size)


def anchor_data(log, size, **more):
    return {"origin": ORIGIN, "name": "万宁市", "note": log.note(size).decode()} | more


def province_at(folder, *anchored, conflict=None):
    """A provincial log with these anchors behind the events of the office."""
    made = Making(entries=[record(n, f"item:{n}", 1, "item-set") for n in range(13)])
    data = [("anchored", one) for one in anchored]
    data += [("anchor-conflict", conflict)] if conflict else []
    start = len(made.entries)
    for version, (kind, told) in enumerate(data, start=1):
        made.entries.append(record(start + version - 1, "anchor:wanning", version, kind, told))
    size = len(made.entries)
    rows = trees.rows_over(made.entries)
    raw = made.signed(rows, made.origin, size, made.key).raw
    return put(folder, raw, rows, size, made.entries)


def asked(county, province, *more, alone=False):
    words = [
        county, "--key", KEY.text, "--anchored-in", province, "--anchored-key", LOG.text, *more,
    ]  # fmt: skip
    if alone:
        return verify(*words)
    done = CliRunner().invoke(main, ["verify", *map(str, words)])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def province(tmp_path):
    data = [anchor_data(TRUE, size) for size in (5, 257, 258, 299)]
    return province_at(tmp_path / "province", *data)


def test_a_true_log_agrees_with_every_anchor_offline_and_without_a_database(tmp_path, province):
    code, out, err = asked(county_at(tmp_path / "c", TRUE), province, alone=True)

    assert 0 == code, out + err
    assert "4, the newest of 299 events: all agree" in out
    assert LOG.name in out


def test_a_history_rewritten_whole_with_the_stolen_key_is_told_from_its_anchors(tmp_path, province):
    forged = county_at(tmp_path / "c", FORGED)

    # By itself nothing is wrong with it.
    alone = CliRunner().invoke(main, ["verify", str(forged), "--key", KEY.text])
    assert 0 == alone.exit_code, alone.output
    code, out, _ = asked(forged, province)

    assert (1, 1) == (code, out.count("\n"))
    # Position 260 was altered: what is anchored at 258 is true, at 299 it is not.
    assert "position 258: anchor: 万宁市: the anchor at position 16" in out
    assert "of 299 events" in out


@pytest.mark.parametrize("altered", [0, 4, 256, 298])
def test_the_first_anchor_that_differs_is_named(tmp_path, province, altered):
    code, out, _ = asked(county_at(tmp_path / "c", County(300, altered=altered)), province)

    first = {0: 13, 4: 13, 256: 14, 298: 16}[altered]
    assert 1 == code
    assert f"the anchor at position {first} of" in out


def test_control_what_was_altered_behind_the_newest_anchor_nobody_holds(tmp_path, province):
    code, out, _ = asked(county_at(tmp_path / "c", County(300, altered=299)), province)

    assert 0 == code, out


def test_a_log_that_was_cut_is_shorter_than_its_anchors(tmp_path, province):
    code, out, _ = asked(county_at(tmp_path / "c", TRUE, 298), province)

    assert 1 == code
    assert "1 events fewer than are anchored" in out


def test_a_conflict_on_record_is_told_whichever_history_is_shown(tmp_path):
    other = {"note": FORGED.note(300).decode()}
    conflict = anchor_data(TRUE, 299, other=other)
    province = province_at(tmp_path / "p", anchor_data(TRUE, 299), conflict=conflict)

    code, out, _ = asked(county_at(tmp_path / "true", TRUE), province)
    assert 1 == code
    assert "anchor-conflict: 万宁市" in out
    assert "position 14 of" in out
    code, out, _ = asked(county_at(tmp_path / "forged", FORGED), province)
    assert 1 == code
    assert "the anchor at position 13" in out


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((), "holds none of"),
        ((anchor_data(TRUE, 7) | {"origin": "other"},), "holds none of"),
        ((anchor_data(County(300, seed="thief"), 7),), "position 0: anchor"),
        ((anchor_data(TRUE, 7) | {"note": "x"},), "position 0: anchor"),
        ((anchor_data(TRUE, 7) | {"note": 7},), "position 0: anchor"),
        ((anchor_data(County(300, origin="other"), 7),), "position 0: anchor"),
    ],
)
def test_what_proves_nothing_of_this_log_is_no_proof(tmp_path, data, said):
    code, out, _ = asked(county_at(tmp_path / "c", TRUE), province_at(tmp_path / "p", *data))

    assert 1 == code
    assert said in out


def test_the_provincial_log_has_to_prove_out_itself(tmp_path, province):
    county = county_at(tmp_path / "c", TRUE)
    bundle = next(province.glob("tile/entries/000.p/*"))
    true = bundle.read_bytes()

    bundle.write_bytes(true.replace("万宁市".encode(), "万宁县".encode(), 1))
    code, out, _ = asked(county, province)
    assert 1 == code
    assert "position 13: anchored-in: entry" in out

    bundle.unlink()
    code, out, _ = asked(county, province)
    assert 1 == code
    assert "its entries are needed" in out
    bundle.write_bytes(true)
    assert 0 == asked(county, province)[0]


def test_a_log_is_no_keeper_of_its_own_anchors(tmp_path, province):
    words = ["verify", str(province), "--key", LOG.text]
    words += ["--anchored-in", str(province), "--anchored-key", LOG.text]

    done = CliRunner().invoke(main, words)

    assert (2, True) == (done.exit_code, "the verified log itself" in done.output), done.output


def test_an_anchor_by_a_key_that_was_not_given_is_no_second_history(tmp_path):
    province = province_at(tmp_path / "p", anchor_data(County(300, seed="before"), 7))

    code, out, _ = asked(county_at(tmp_path / "c", TRUE), province)

    assert (1, True) == (code, "signed by a key that was not given" in out), out
    assert "keep both" not in out


def test_another_key_of_the_province_proves_nothing(tmp_path, province):
    words = [
        "verify", str(county_at(tmp_path / "c", TRUE)), "--key", KEY.text,
        "--anchored-in", str(province), "--anchored-key",
    ]  # fmt: skip

    assert 1 == CliRunner().invoke(main, [*words, keys.OTHER.text]).exit_code
    assert 0 == CliRunner().invoke(main, [*words, LOG.text]).exit_code


@pytest.mark.parametrize(
    "words",
    [
        ("--anchored-in", "{province}"),
        ("--anchored-key", LOG.text),
        ("--anchored-in", "{province}", "--anchored-key", "hello"),
        ("--anchored-in", "/nowhere", "--anchored-key", LOG.text),
        ("--anchored-in", "{file}", "--anchored-key", LOG.text),
    ],
)
def test_used_wrongly_is_2(tmp_path, province, words):
    county = county_at(tmp_path / "c", TRUE)
    file = county / "checkpoint"
    filled = [word.format(province=province, file=file) for word in words]

    done = CliRunner().invoke(main, ["verify", str(county), "--key", KEY.text, *filled])

    assert 2 == done.exit_code, done.output
