"""The one spelling of a zip file, and forty hostile ones that are refused before they cost."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest

from ledger import archive
from ledger.archive import Hostile, opened, packed

FILES = {"manifest.json": b"{}", "checkpoint": b"text\n" * 400, "README.txt": b"", "a-1.b": b"x"}


def members(raw):
    found = opened(io.BytesIO(raw))
    return {name: found.read(name) for name in found.members}


def test_what_is_packed_is_read_back_by_us_and_by_everybody_else():
    raw = packed(FILES)

    assert FILES == members(raw)
    with zipfile.ZipFile(io.BytesIO(raw)) as theirs:
        assert theirs.testzip() is None
        assert FILES == {name: theirs.read(name) for name in theirs.namelist()}


def test_the_same_files_are_the_same_bytes_in_whatever_order_they_come():
    assert packed(FILES) == packed(dict(reversed(FILES.items())))


def test_large_files_are_stored_as_they_are_and_read_in_pieces(monkeypatch):
    monkeypatch.setattr(archive, "MAX_READ", 1000)
    content = bytes(range(256)) * 40
    out = io.BytesIO()
    pieces = [content[at : at + 700] for at in range(0, len(content), 700)]
    archive.write(out, {"document": lambda: iter(pieces)})

    found = opened(out)
    assert archive.STORED == found.members["document"].method
    assert content == b"".join(found.pieces("document"))
    with pytest.raises(Hostile, match="larger than"):
        found.read("document", 999)


def test_what_changes_while_it_is_packed_is_noticed():
    versions = iter([b"1" * 10, b"1" * 11])

    with pytest.raises(ValueError, match="changed"):
        archive.write(io.BytesIO(), {"document": lambda: [next(versions) * 4_000_000]})


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", "a..b", "ä", "a" * 101, ".a", "-a"])
def test_no_other_name_is_written(name):
    with pytest.raises(ValueError, match="no name"):
        packed({name: b""})


def all_of(source):
    found = opened(source)
    return [found.sha256(name) for name in found.members]


# -- hostile ones ----------------------------------------------------------------------------


def by_others(entries, *, comment=b"", method=zipfile.ZIP_DEFLATED):
    """An archive as an ordinary program writes it, with names and attributes as one likes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content, *more in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            info.external_attr = 0o100644 << 16
            for attribute, value in more:
                setattr(info, attribute, value)
            made.writestr(info, content)
        made.comment = comment
    return out.getvalue()


def named(name, content=b"x"):
    """An archive of ours with a name that we would not write."""
    plain = "n" * len(name.encode())
    return packed({plain: content}).replace(plain.encode(), name.encode())


def end_of(raw, **changed):
    """Rewrite the record at the end."""
    fields = dict(
        zip(
            ("mark", "disk", "first", "here", "count", "length", "begin", "comment"),
            struct.unpack("<4s4H2LH", raw[-22:]),
            strict=True,
        )
    )
    return raw[:-22] + struct.pack("<4s4H2LH", *(fields | changed).values())


def entry(raw, at, value, size):
    """Change a field of the first entry of the directory."""
    begin = struct.unpack("<L", raw[-6:-2])[0]
    return raw[: begin + at] + value.to_bytes(size, "little") + raw[begin + at + size :]


def both(raw, central, local, value, size):
    """Change a field of the first entry, in its header as well."""
    changed = entry(raw, central, value, size)
    return changed[:local] + value.to_bytes(size, "little") + changed[local + size :]


def bomb(size=50 << 20):
    return by_others([("checkpoint", bytes(size))])


def our_bomb():
    """A file that says of itself, in our spelling, that it is a thousand times larger."""
    content = bytes(10 << 20)
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = packing.compress(content) + packing.flush()
    one = archive.Member("checkpoint", 8, zlib.crc32(content), len(deflated), len(content), 0)
    body = one.local + deflated
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(one.central), len(body), 0)
    return body + one.central + end


def lying_bomb():
    """The same one, which says that it is small."""
    content = bytes(10 << 20)
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = packing.compress(content) + packing.flush()
    one = archive.Member("checkpoint", 8, zlib.crc32(content), len(deflated), 1000, 0)
    body = one.local + deflated
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(one.central), len(body), 0)
    return body + one.central + end


def overlapping():
    """Two names for the same bytes (the better zip bomb)."""
    one = archive.Member("a", 0, zlib.crc32(b"x" * 99), 99, 99, 0)
    two = archive.Member("b", 0, zlib.crc32(b"x" * 99), 99, 99, 0)
    body = one.local + b"x" * 99
    listed = one.central + two.central
    return body + listed + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(listed), len(body), 0)


def written(*parts, before_directory=b""):
    """An archive of members and of bytes between them, whose directory fits what is there."""
    body, listed, members = b"", b"", 0
    for part in parts:
        if isinstance(part, bytes):
            body += part
            continue
        name, method, raw, size, crc = part
        one = archive.Member(name, method, crc, len(raw), size, len(body))
        body, listed, members = body + one.local + raw, listed + one.central, members + 1
    body += before_directory
    fields = (b"PK\5\6", 0, 0, members, members, len(listed), len(body), 0)
    return body + listed + struct.pack("<4s4H2LH", *fields)


def stored(name, raw=b"text", *, size=None):
    return (name, archive.STORED, raw, len(raw) if size is None else size, zlib.crc32(raw))


def deflated(name, content, change=bytes):
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = change(packing.compress(content) + packing.flush())
    return (name, archive.DEFLATED, raw, len(content), zlib.crc32(content))


WORDS = b"the quick brown fox jumps over the lazy dog " * 9
# One thing wrong with each, and nothing else: what is said of it is about that.
REASONS = {
    "does not stand behind": written(stored("a"), b"hidden", stored("b")),
    "between the files and the directory": written(stored("a"), before_directory=b"hidden"),
    "a directory that does not": written(stored("a"))[:-6] + struct.pack("<LH", 3, 0),
    "stored, and of two sizes": written(stored("a", b"text", size=5)),
    "something stands behind its end": written(deflated("a", WORDS, lambda r: r + b"hidden")),
    "cannot be unpacked": written(deflated("a", WORDS, lambda r: b"\xff" * len(r))),
    "cannot be unpacked to its end": written(deflated("a", WORDS, lambda r: r[:-3])),
    "not the bytes": written(("a", 0, b"text", 4, 7)),
    "packed in a way": written(("a", 9, b"text", 4, zlib.crc32(b"text"))),
    "twice, or not in its order": written(stored("b"), stored("a")),
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_is_told_for_what_is_wrong(reason):
    with pytest.raises(Hostile, match=reason):
        all_of(io.BytesIO(REASONS[reason]))


def test_control_what_these_are_made_of_is_taken():
    whole = written(stored("a"), deflated("b", WORDS))

    assert {"a": b"text", "b": WORDS} == members(whole)


def test_a_small_count_over_a_huge_directory_is_not_read():
    raw = bytes(1 << 20) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 1 << 20, 0, 0)

    with pytest.raises(Hostile, match="a directory that does not"):
        opened(io.BytesIO(raw))


def test_limits_of_number_and_size_hold_for_reading_and_for_writing(monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    with pytest.raises(Hostile, match="more than 3 entries"):
        opened(io.BytesIO(GOOD))
    with pytest.raises(ValueError, match="more than 3 files"):
        packed(FILES)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 4)
    monkeypatch.setattr(archive, "MAX_TOTAL", 2_002)
    with pytest.raises(Hostile, match="2 GiB"):
        opened(io.BytesIO(GOOD))
    with pytest.raises(ValueError, match="2 GiB"):
        packed(FILES)
    monkeypatch.setattr(archive, "MAX_TOTAL", 2_003)
    assert FILES == members(packed(FILES))


def many(count):
    raw = packed({f"n{n:05}": b"" for n in range(1000)})
    return end_of(raw, here=count, count=count)


GOOD = packed(FILES)
PLAIN = packed({"checkpoint": b"text"})
HOSTILE = {
    "empty": b"",
    "no zip at all": b"a text that is no archive, and long enough for an end record",
    "cut off": GOOD[:-1],
    "cut in the middle": GOOD[: len(GOOD) // 2],
    "something behind the end": GOOD + b"x",
    "something before the beginning": b"#!/bin/sh\n" + GOOD,
    "two archives, one behind the other": GOOD + PLAIN,
    "a comment": by_others([("checkpoint", b"x")], comment=b"hello"),
    "in parts": end_of(GOOD, disk=1),
    "a million entries": end_of(GOOD, here=0xFFFF, count=0xFFFF),
    "more entries than there are": many(1001),
    "fewer entries than there are": many(999),
    "twenty thousand and one": many(20_001),
    "a directory elsewhere": end_of(GOOD, begin=0),
    "a directory beyond the end": end_of(GOOD, length=0x7FFFFFFF),
    "a zip64 archive": end_of(GOOD, begin=0xFFFFFFFF),
    "a bomb": bomb(),
    "a bomb in our spelling": our_bomb(),
    "a bomb that says it is small": lying_bomb(),
    "an archive in an archive's bytes twice": overlapping(),
    "a path that climbs": named("../../etc/passwd"),
    "an absolute path": named("/etc/passwd"),
    "a drive": named("C:\\windows"),
    "a folder": named("folder/"),
    "a name with NUL": named("check\0point"),
    "a name that runs backwards": named("gpj.\u202etxt"),
    "an invisible name": named("checkpoint\u200b"),
    "a name of one dot": named("."),
    "a name with a line feed": named("check\npoint"),
    "a very long name": by_others([("n" * 5_000, b"x")]),
    "a name twice": packed({"a1": b"x", "a2": b"y"}).replace(b"a2", b"a1"),
    "names in another order": packed({"a1": b"x", "b1": b"y"})
    .replace(b"b1", b"zz").replace(b"a1", b"b1").replace(b"zz", b"a1"),
    "a symbolic link": by_others(
        [("checkpoint", b"/etc/passwd", ("external_attr", 0o120777 << 16))]),
    "a folder by its attributes": entry(PLAIN, 38, 0o040755 << 16, 4),
    "a device": entry(PLAIN, 38, 0o020666 << 16, 4),
    "an encrypted entry": both(PLAIN, 8, 6, 1, 2),
    "a name in another encoding": both(PLAIN, 8, 6, 0x800, 2),
    "sizes told after the bytes": both(PLAIN, 8, 6, 8, 2),
    "another way of packing": by_others([("checkpoint", b"x" * 99)], method=zipfile.ZIP_LZMA),
    "a date": by_others([("checkpoint", b"x", ("date_time", (2026, 1, 1, 0, 0, 0)))]),
    "an extra field": by_others([("checkpoint", b"x", ("extra", b"\x99\x99\x04\x00evil"))]),
    "a comment of an entry": by_others([("checkpoint", b"x", ("comment", b"hello"))]),
    "another name in its header": PLAIN.replace(b"checkpoint", b"checkpoinT", 1),
    "another size in its header": PLAIN[:22] + b"\xff" + PLAIN[23:],
    "stored, of two sizes": both(PLAIN, 24, 22, 9, 4),
    "another digest": both(PLAIN, 16, 14, 1, 4),
    "other bytes": PLAIN.replace(b"text", b"tex!"),
    "a hole between two files": packed({"a": b"abcdefg", "b": b"x"}).replace(b"abcdefg", b"abcdef"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_it_is_refused_with_one_line_and_little_memory(kind):
    source = io.BytesIO(HOSTILE[kind])
    tracemalloc.start()
    try:
        with pytest.raises(Hostile) as refused:
            all_of(source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    told = str(refused.value)
    assert "\n" not in told
    assert told.isascii()
    assert len(told) < 400
    assert peak < 4 << 20


def test_there_are_enough_of_them():
    assert len(HOSTILE) >= 40


def test_control_an_ordinary_reader_takes_most_of_them():
    """They are well-formed enough to be taken elsewhere: it is us who refuse them."""
    taken = 0
    for raw in HOSTILE.values():
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as theirs:
                taken += bool(theirs.namelist())
        except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError):
            continue

    assert taken >= 20


@pytest.mark.parametrize("at", range(len(PLAIN)))
def test_no_byte_of_an_archive_can_be_another_one(at):
    spoiled = PLAIN[:at] + bytes((PLAIN[at] ^ 1,)) + PLAIN[at + 1 :]

    try:
        read = members(spoiled)
    except Hostile:
        return
    assert ["checkpoint"] != list(read)  # a name is free; everything else is not
