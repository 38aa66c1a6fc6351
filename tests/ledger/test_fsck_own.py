"""What fsck says of the row of a log: it names exactly the keys in force by the events."""

import pytest

from ledger.fsck_event import Bad, Judged
from ledger.fsck_own import Recorded, signers_of
from ledger.tlog.note import VerifierKey
from tests.ledger.tlog import keys

FIRST = keys.LOG.text
SECOND = VerifierKey(keys.LOG.name, keys.public("the next one")).text
WRONG = Bad("log", None, "its keys are not those that the events name")


def judged(named, *, row, retired=()):
    told = [{"origin": keys.LOG.name, "key": key} for key in named]
    found = Judged()
    log = {"origin": keys.LOG.name, "keys": list(row)}
    signers_of(Recorded(named=told, retired=set(retired)), log, None, found)
    return list(found.found.values())


def test_the_keys_in_force_are_right():
    assert [] == judged([FIRST], row=[FIRST])
    assert [] == judged([FIRST, SECOND], row=[FIRST, SECOND])
    assert [] == judged([FIRST, SECOND], row=[SECOND], retired=[FIRST])
    # What was never named by an event is believed.
    assert [] == judged([], row=[FIRST])


@pytest.mark.parametrize(
    ("named", "row", "retired"),
    [
        pytest.param([FIRST], [], [], id="none"),
        pytest.param([], [], [], id="none where none was named"),
        pytest.param([FIRST], [FIRST, FIRST], [], id="twice"),
        pytest.param([FIRST], [FIRST, SECOND], [], id="a stranger's"),
        pytest.param([FIRST, SECOND], [FIRST], [], id="one missing"),
        pytest.param([FIRST, SECOND], [SECOND, FIRST], [], id="another order"),
        pytest.param([FIRST, SECOND], [FIRST, SECOND], [FIRST], id="a retired one"),
    ],
)
def test_any_others_are_told(named, row, retired):
    assert [WRONG] == judged(named, row=row, retired=retired)
