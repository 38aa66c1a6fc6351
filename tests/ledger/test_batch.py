"""What may go together in one batch, and what never reaches the database."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import batch
from ledger.batch import Command, Committed, Outcome, arrays, outcome, stored, taken
from tests.ledger.appending import command

STREAMS = st.sampled_from([f"case:{n}" for n in range(6)])


@st.composite
def commands(draw):
    written = draw(st.lists(STREAMS, min_size=1, max_size=3))
    reads = dict.fromkeys([*written, *draw(st.lists(STREAMS, max_size=3))], 0)
    events = tuple((stream, "received", b"{}", ()) for stream in written)
    return Command(f"key-{draw(st.integers(0, 9))}", b"d", reads, events)


def touch(one, other):
    """Tell whether two commands may not go together."""
    writes, others = ({stream for stream, _, _, _ in c.events} for c in (one, other))
    return (
        one.key == other.key
        or not writes.isdisjoint(other.reads)
        or not others.isdisjoint(one.reads)
    )


@given(st.lists(commands(), max_size=40))
def test_nothing_in_a_batch_touches_another_and_nothing_is_overtaken(waiting):
    queue = deque(enumerate(waiting))
    order = []

    while queue:
        together = taken(queue, lambda entry: entry[1])
        assert together
        for n, (_, one) in enumerate(together):
            assert not any(touch(one, other) for _, other in together[:n])
        order += [number for number, _ in together]

    assert sorted(order) == list(range(len(waiting)))
    for n, late in enumerate(order):
        for early in order[:n]:
            assert early < late or not touch(waiting[early], waiting[late])


def test_a_batch_has_limits_and_what_is_too_large_goes_alone(monkeypatch):
    monkeypatch.setattr(batch, "MAX_COMMANDS", 3)
    monkeypatch.setattr(batch, "MAX_BYTES", 10)
    bodies = [b"12345", b"12345", b"1", b"a large one, and more", b"1", b"1", b"1", b"1"]
    queue = deque(command(f"k{n}", f"case:{n}", 0, body=body) for n, body in enumerate(bodies))

    sizes = []
    while queue:
        sizes.append(len(taken(queue)))

    assert [2, 1, 1, 3, 1] == sizes


def test_a_crowd_is_not_looked_through_again_and_again(monkeypatch):
    monkeypatch.setattr(batch, "MAX_LOOKED_AT", 5)
    queue = deque(command(f"k{n}", "case:one", 0) for n in range(20))
    queue.append(command("free", "case:other", 0))

    assert ["k0"] == [c.key for c in taken(queue)]
    assert [f"k{n}" for n in range(1, 20)] + ["free"] == [c.key for c in queue]


@pytest.mark.parametrize(
    "wrong",
    [
        Command("k", b"d", {"case:a": 0}, ()),
        Command("", b"d", {"case:a": 0}, (("case:a", "received", b"", ()),)),
        Command("k" * 1001, b"d", {"case:a": 0}, (("case:a", "received", b"", ()),)),
        Command("办" * 334, b"d", {"case:a": 0}, (("case:a", "received", b"", ()),)),
        Command("k\0", b"d", {"case:a": 0}, (("case:a", "received", b"", ()),)),
        command("k", "case:a b", 0),
        command("k", "case:" + "a" * 76, 0),
        command("k", "案:a", 0),
        command("k", "case:a", 0, reads={"seal:\n": 1}),
        command("k", "case:a", 0, kind="Received"),
        command("k", "case:a", 0, body=b"x" * 60_001),
        command("k", "case:a", 0, registers=('case/"', "case/%m")),
        command("k", "case:a", 0, registers=("case/%m",)),
        command("k", "case:a", 0, registers=("case/%Y", "case/%Y")),
        Command("k", b"d", {"case:b": 0}, (("case:a", "received", b"", ()),)),
    ],
)
async def test_what_no_ledger_could_hold_harms_nobody_else(make_store, wrong):
    writer = (await make_store()).writer("469002")

    with pytest.raises(ValueError, match=r"\w"):
        await writer.append(wrong)

    assert "appended" == (await writer.append(command("k", "case:a", 0))).kind


def test_arrays_count_from_one():
    first = command("a", "case:a", 3, registers=("case/%Y",), reads={"seal:1": 2})
    second = Command(
        "b", b"e", {"case:b": 0}, (("case:b", "x", b"1", ()), ("case:b", "y", b"2", ("r", "s")))
    )

    assert (
        ["a", "b"],
        [b"d", b"e"],
        [1, 1, 2],
        ["case:a", "seal:1", "case:b"],
        [3, 2, 0],
        [1, 2, 2],
        ["case:a", "case:b", "case:b"],
        ["received", "x", "y"],
        [b"{}", b"1", b"2"],
        [1, 3, 3],
        ["case/%Y", "r", "s"],
    ) == arrays([first, second])


def test_an_answer_is_read_and_says_what_is_stored():
    row = {"first_position": 7, "events": 2, "recorded_at": None, "registers": '[{"r":1},{}]'}

    appended = outcome({**row, "outcome": "appended"})
    plain = outcome({**row, "outcome": "appended", "registers": None})
    moved = outcome({**row, "outcome": "moved", "first_position": None, "events": None})

    assert ({"r": 1}, {}) == appended.registers
    assert ({}, {}) == plain.registers
    assert Outcome("moved", -1, 0, None, ()) == moved
    assert [Committed("case:a", 7, "received")] == stored([(command("k", "case:a", 0), appended)])
