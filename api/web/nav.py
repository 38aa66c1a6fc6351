"""The bar of the pages: where the caller may go in a ledger.  What is not theirs is not there."""

from dataclasses import dataclass

from api.access import Entry
from api.web.list_table import LISTS, may_read, readable
from ledger.lifecycle import Role
from ledger.office import anchor

# Who watches over other ledgers: their way to the anchors is as short as that to a case.
WATCHING = frozenset({Role.SUPERVISOR, Role.INSPECTOR, Role.INSPECTION_LEAD})


@dataclass(frozen=True, slots=True)
class Way:
    """A page to go to: the key of its name, and its path."""

    key: str
    path: str

    def within(self, path: str) -> bool:
        """Tell whether a page belongs there: every list but the findings to the lists."""
        if self.key == "nav.lists":
            return path.startswith("/lists/") and not path.endswith("/findings")
        if self.key == "nav.office" and "/anchors" in path:
            return False
        return self.path != "/" and path.startswith(self.path)


def ways(entry: Entry) -> tuple[Way, ...]:
    """List where the caller may go."""
    ledger = entry.ledger.name
    found = [Way("nav.desk", "/")]
    if may_read(entry, LISTS["figures"]):
        found.append(Way("nav.board", f"/board/{ledger}"))
    first = next(readable(entry), None)
    if first is not None:
        found.append(Way("nav.lists", f"/lists/{ledger}/{first}"))
    if may_read(entry, LISTS["findings"]):
        found.append(Way("lists.findings", f"/lists/{ledger}/findings"))
    if entry.active_posts():
        found.append(Way("nav.office", f"/office/{ledger}"))
    if entry.roles() & WATCHING and entry.office.things(anchor.KIND):
        found.append(Way("nav.anchors", f"/office/{ledger}/anchors"))
    return tuple(found)
