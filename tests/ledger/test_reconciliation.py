"""A seal that is counted: what is recorded, by whom, and when not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ledger.case import Actor, Event
from ledger.errors import Refused
from ledger.office import Office
from ledger.office.reconciliation import Counted, organs_of, reconciled
from ledger.office.seal import Seal
from projections import cards

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
SEAL = Seal("S1", "seal:S1", {"organ": "bureau"}, keeper="he", version=4)
KEEPER = Actor(person="he", role="sealer", organ="bureau")
HEAD = Actor(person="wu", role="bureau-head", organ="bureau")


def count(counter=7, uses=7, actors=(KEEPER,), as_of="2026-03-02", seal=SEAL):
    (event,) = reconciled(
        seal, Office("x"), actors, NOON, details={"counter": counter, "as_of": as_of},
        counted=Counted(uses, 41), reason=None,
    )  # fmt: skip
    return event


@pytest.mark.parametrize(("counter", "difference"), [(7, 0), (9, 2), (0, -7)])
def test_the_count_stands_beside_that_of_the_ledger(counter, difference):
    event = count(counter)

    assert ("seal-reconciled", "seal:S1", 5) == (event.type, event.stream, event.version)
    assert (counter, 7, difference, 41) == tuple(
        event.data[name] for name in ("counter", "uses", "difference", "last_position")
    )
    assert ("he", ["bureau"]) == (event.data["keeper"], event.data["organs"])


def test_a_count_changes_nothing_of_the_seal_but_its_version():
    event = count()

    assert replace(SEAL, version=5) == SEAL.following(event)


@pytest.mark.parametrize("actor", [KEEPER, HEAD])
def test_the_keeper_counts_or_the_head_of_its_organ(actor):
    assert actor == count(actors=(actor,)).actor


@pytest.mark.parametrize(
    ("actor", "slug"),
    [
        (replace(KEEPER, person="tang"), "seal-not-held"),
        (replace(HEAD, organ="elsewhere"), "action-not-allowed"),
    ],
)
def test_nobody_else_does(actor, slug):
    with pytest.raises(Refused) as refused:
        count(actors=(actor,))

    assert slug == refused.value.slug


def test_tomorrow_is_not_counted_today():
    # At 04:00 of the 2nd in UTC it is noon in the ledger's zone; the 3rd has not come.
    with pytest.raises(Refused) as refused:
        count(as_of="2026-03-03")

    assert "/as_of" == refused.value.pointer


def test_a_seal_without_a_keeper_has_the_organ_whose_it_is():
    assert ("bureau",) == organs_of(replace(SEAL, keeper=None), Office("x"))


@pytest.mark.parametrize(("counter", "raised"), [(7, False), (8, True), (6, True)])
def test_a_difference_in_either_direction_is_a_red_card(counter, raised):
    event: Event = replace(count(counter), id="e", recorded_at=NOON)

    card = cards.of_reconciliation(event, Office("x"))

    assert raised == (card is not None)
    if card is not None:
        assert ("red", None, ("he",), ("bureau-head@bureau",)) == (
            card.level,
            card.deadline,
            card.persons,
            card.posts,
        )
