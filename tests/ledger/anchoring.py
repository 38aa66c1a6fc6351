"""A county's log for tests: true, or with one word made another, and signed by whoever."""

from dataclasses import dataclass

from ledger.office import anchor
from ledger.office.anchor import Submission
from ledger.office.versioned import Version, Versioned
from ledger.tlog import merkle, note
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.note import Note, VerifierKey
from tests.ledger.tlog import keys, trees

ORIGIN = "wanning.caseledger/1/simulated"
KEY = VerifierKey(ORIGIN, keys.public("county"))
CONTENT = {"id": "wanning", "name": "万宁市", "origin": ORIGIN, "keys": [KEY.text]}


@dataclass
class County:
    """A log: its entries, and which of them was made another one (None: it is true)."""

    entries: int = 20
    altered: int | None = None
    seed: str = "county"
    origin: str = ORIGIN

    def __post_init__(self):
        made = [f"event {n}".encode() for n in range(self.entries)]
        if self.altered is not None:
            made[self.altered] = b"another word"
        self.rows = trees.rows_over(made)

    def node(self, height, index):
        return self.rows[height][index]

    def root(self, size):
        return merkle.root(size, self.node)

    def note(self, size):
        text = Checkpoint(self.origin, size, self.root(size)).text
        key = VerifierKey(self.origin, keys.public(self.seed))
        return Note(text, (note.sign(text, key, keys.signer(self.seed)),)).raw

    def given(self, size, old=0, *, root=True):
        """The submission that an honest follower makes of what it finds there."""
        path = merkle.consistency_proof(old, size, self.node) if old <= size else ()
        then = self.root(old) if root and old <= size else None
        return Submission(self.note(size), old, path, then)

    def body(self, size, old=0):
        """The same as the body of a request."""
        given = self.given(size, old)
        return {
            "note": given.raw.decode(),
            "size": old,
            "path": [note.base64(one) for one in given.path],
            "root": note.base64(given.root),
        }


def registered(at, content=CONTENT):
    version = Version(1, content, 3, at, "fang-ke", "qin-yu")
    return Versioned(f"{anchor.KIND}:{content['id']}", anchor.KIND, content["id"], (version,))
