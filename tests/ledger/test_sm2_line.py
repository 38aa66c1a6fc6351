"""An SM2 key beside the key of a log: its file switches the line on, and nothing else does."""

import shutil

import pytest

from ledger.errors import Corrupt, Unavailable
from ledger.signing import new_key, new_sm2_key, sm2_keys
from ledger.tlog import note, sm2
from ledger.tlog.note import VerifierKey
from tests.ledger.appending import LEDGER
from tests.ledger.test_publish import ORIGIN, STATEMENTS, begun, grow  # noqa: F401 (a fixture)

try:
    sm2.library()
except sm2.NotInstalled as missing:
    pytest.skip(f"NOT RUN: no line by SM2 was tried: {missing}", allow_module_level=True)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


def path_of(folder, key, sequence=LEDGER):
    return folder / f"log-{sequence}.{key.key_id:08x}.sm2"


async def newest(publisher, store, start):
    """Append, sign, and return the checkpoint over it."""
    await grow(store, 3, start=start)
    await publisher.advance()
    return note.parse((await publisher.log.newest()).note)


def missing_library():
    raise sm2.NotInstalled


async def test_the_file_switches_the_line_on_and_off(begun, folder):  # noqa: F811
    store, _, publisher = begun
    one = publisher()
    own = VerifierKey.parse((await one.log.state()).keys[0])
    assert 1 == len((await newest(one, store, 0)).signatures)

    key = new_sm2_key(folder, LEDGER, ORIGIN)
    assert 0o400 == path_of(folder, key).stat().st_mode & 0o777
    read = await newest(one, store, 3)
    assert {own, key} == {found for found, _ in note.opened(read, [own, key])}
    assert 2 == len(read.signatures)
    # A start reads what was signed so, from the database and from the file outside.
    await publisher().check()

    path_of(folder, key).unlink()
    assert 1 == len((await newest(one, store, 6)).signatures)


async def test_two_sign_while_one_replaces_the_other(begun, folder):  # noqa: F811
    store, _, publisher = begun
    pair = [new_sm2_key(folder, LEDGER, ORIGIN) for _ in range(2)]
    read = await newest(publisher(), store, 0)
    assert set(pair) == {key for key, _ in note.opened(read, pair)}


async def test_the_logs_own_key_takes_over_beside_it(begun, folder):  # noqa: F811
    store, creator, publisher = begun
    key, one = new_sm2_key(folder, LEDGER, ORIGIN), publisher()
    old = (await one.log.state()).keys[0]
    new = new_key(folder, LEDGER, ORIGIN).verifier.text
    for keys, lines in (([old, new], 3), ([new], 2)):
        await creator.execute(STATEMENTS["set_log_keys"], LEDGER, keys)
        read = await newest(one, store, 10 * lines)
        assert lines == len(read.signatures)
        assert lines == len(note.opened(read, [*map(VerifierKey.parse, keys), key]))


async def test_keys_of_other_logs_sign_nothing_here(begun, folder):  # noqa: F811
    store, _, publisher = begun
    new_sm2_key(folder, f"{LEDGER}.open", f"{ORIGIN}/open")
    # That of the ledger of this name that was closed: whoever pinned it is not told it goes on.
    new_sm2_key(folder, LEDGER, "469002.caseledger/before")
    assert 1 == len((await newest(publisher(), store, 0)).signatures)
    assert () == sm2_keys(folder, LEDGER, ORIGIN)


async def spoiled_by_mode(folder, path):
    path.chmod(0o440)


async def spoiled_by_another_private_half(folder, path):
    other = new_sm2_key(folder, "other", ORIGIN)
    mine, theirs = (one.read_text().splitlines() for one in (path, path_of(folder, other, "other")))
    path.chmod(0o600)
    path.write_text(f"{mine[0]}\n{theirs[1]}\n")
    path.chmod(0o400)


async def cut_short(folder, path):
    path.chmod(0o600)
    path.write_text(path.read_text()[:-10])
    path.chmod(0o400)


async def gone_while_it_was_looked_for(folder, path):
    """Moved away, as the command says to, between the listing of the folder and the reading."""
    path.unlink()
    path.symlink_to(path.with_suffix(".moved"))


@pytest.mark.parametrize(
    "spoil",
    [
        spoiled_by_mode,
        spoiled_by_another_private_half,
        cut_short,
        gone_while_it_was_looked_for,
    ],
)
async def test_a_file_that_cannot_sign_refuses_a_start_and_signs_nothing(begun, folder, spoil):  # noqa: F811
    store, _, publisher = begun
    one, key = publisher(), new_sm2_key(folder, LEDGER, ORIGIN)
    path = path_of(folder, key)
    good = path.read_text()
    await spoil(folder, path)

    with pytest.raises(Corrupt):
        await one.check()
    # Beside a running service it is put right: nothing is signed until then, and nothing held.
    with pytest.raises(Unavailable):
        await newest(one, store, 0)
    path.unlink()
    path.write_text(good)
    path.chmod(0o400)
    await one.check()
    assert 2 == len((await newest(one, store, 3)).signatures)


async def test_without_the_library_it_says_what_to_install(begun, folder, monkeypatch):  # noqa: F811
    store, _, publisher = begun
    one, key = publisher(), new_sm2_key(folder, LEDGER, ORIGIN)
    with monkeypatch.context() as patched:
        patched.setattr(sm2, "library", missing_library)
        with pytest.raises(Corrupt, match=r"pip install 'caseledger\[sm\]'"):
            await one.check()
        with pytest.raises(Unavailable, match=r"pip install 'caseledger\[sm\]'"):
            await newest(one, store, 0)
        with pytest.raises(sm2.NotInstalled):
            new_sm2_key(folder, LEDGER, ORIGIN)
        # The key is read all the same, and without one nobody misses the library.
        assert [key] == [one.verifier for one in sm2_keys(folder, LEDGER, ORIGIN)]
        shutil.move(path_of(folder, key), folder.parent)
        await one.check()
        assert 1 == len((await newest(one, store, 3)).signatures)
