"""What can go wrong with somebody's bytes, by what the reader should do.

TlogError
├── Malformed  no correct writer spells it so: refuse it, learn nothing from it
└── Unproven   well spelled, but it does not prove what it says: keep it, it may be evidence

They are apart from `ledger.errors` because the bytes may be anybody's: a witness's, a
court's, our own.  Where they are our own, the caller makes `Corrupt` of it.
"""


class TlogError(Exception):
    """Base of everything the log raises on purpose."""


class Malformed(TlogError):
    """Bytes or text that are not in the one spelling of their format."""


class Unproven(TlogError):
    """A proof, a signature or a checkpoint that does not hold.

    `what` is the first thing that is bad, in one word: `signature`, `origin`, `quorum`,
    `root`, `index`, `size`, `inclusion`, `consistency`.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(why)
        self.what = what
        self.why = why
