"""What can go wrong, by what the caller should do.

LedgerError
├── Refused      a rule of the procedure says no: show the rule, do something else
├── Moved        somebody acted first: look again, then decide again
├── Unknown      the outcome cannot be told: ask again with the same key
├── Behind       not yet known here: wait, or read elsewhere
├── Unavailable  the store cannot take it now; nothing was stored: wait, then ask again
└── Corrupt      what is stored does not prove out: stop appending, call people
"""


class LedgerError(Exception):
    """Base of everything the ledger raises on purpose."""


class Refused(LedgerError):
    """A rule says no, and nothing was stored.

    `slug` is one of the problem slugs, `rule` the rule id, `pointer` the JSON pointer of
    the member that is wrong, `earlier_position` the place of the act that stands in the way.
    """

    def __init__(
        self,
        slug: str,
        why: str,
        *,
        rule: str | None = None,
        pointer: str | None = None,
        earlier_position: int | None = None,
        current_version: int | None = None,
    ) -> None:
        super().__init__(why)
        self.slug = slug
        self.why = why
        self.rule = rule
        self.pointer = pointer
        self.earlier_position = earlier_position
        self.current_version = current_version


class Moved(LedgerError):
    """A stream the act was decided on has another version now; nothing was stored."""

    def __init__(self, streams: tuple[str, ...] = ()) -> None:
        super().__init__("a stream moved: " + ", ".join(streams))
        self.streams = streams


class Unknown(LedgerError):
    """The connection was lost during the commit and the outcome could not be learned."""


class Behind(LedgerError):
    """The position asked for is not yet known here."""


class Unavailable(LedgerError):
    """The store cannot take the act now; nothing was stored.

    `slug` is `busy`, `store-unavailable`, `storage-full` or `integrity-hold`.
    """

    def __init__(self, slug: str, why: str, *, retry_after_s: int = 1) -> None:
        super().__init__(why)
        self.slug = slug
        self.why = why
        self.retry_after_s = retry_after_s


class Corrupt(LedgerError):
    """What is stored does not prove out.  Never caught and continued: appends stop."""
