"""One cell of a table: what stands in it, where it leads, and what is told on hovering.

Instants are in the ledger's zone, with UTC and the position in the ledger beside; a day on
which something is due tells how many working days are left, by the calendar of the ledger.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import quote

from api import doings
from api.access import Entry
from api.web import lists, sheet
from api.web.texts import Texts
from ledger.case import Json

NOTHING = "—"


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, where it leads, what is told beside it, and how it looks.

    `hint` is told on hovering and on paper, `small` always; `lines` are further lines.
    """

    text: str = NOTHING
    href: str = ""
    hint: str = ""
    kind: str = ""
    small: str = ""
    at: str = ""

    @property
    def plain(self) -> str:
        """The cell as one text, for a file."""
        told = " ".join(part for part in (self.text, self.small) if part and part != NOTHING)
        return f"{told} ({self.hint})" if self.at and self.hint else told


class Teller:
    """Tells values of the lists of a ledger in the words of one reader."""

    def __init__(self, entry: Entry, texts: Texts) -> None:
        """Take who reads, and in which language."""
        self.texts, self.office = texts, entry.office
        self.ledger = entry.ledger.name
        self.follows = doings.follows(entry)
        self.reader = entry.caller.person
        self.today = entry.now.astimezone(entry.office.zone).date()
        self.days = entry.office.calendars.days("cn", entry.office.ledger)

    def text(self, value: Json, small: str = "") -> Cell:
        """Tell a text as it is."""
        return Cell(str(value), small=small) if value not in (None, "") else Cell()

    def number(self, value: Json) -> Cell:
        """Tell a number."""
        return Cell(kind="n") if value is None else Cell(f"{value}", kind="n")

    def coded(self, kind: str, value: Json, small: str = "") -> Cell:
        """Tell a coded value in words."""
        return Cell() if value is None else Cell(self.texts.of(kind, value), small=small)

    def light(self, value: Json, kind: str = "light") -> Cell:
        """Tell a light or a level as a coloured word."""
        if value is None:
            return Cell()
        return Cell(self.texts.of(kind, value), kind=f"light {value}")

    def case(self, number: Json, version: Json = None) -> Cell:
        """Lead to a case, a complaint or a matter by its number; to one act by its version."""
        if not number:
            return Cell(kind="no")
        page = lists.page_of(self.ledger, str(number))
        part = f"#v{version}" if version and page.startswith("/cases/") else ""
        return Cell(str(number), href=page + part, kind="no")

    def item(self, code: Json) -> Cell:
        """Name an item; its code on hovering."""
        if not code:
            return Cell()
        return Cell(lists.item_name(code, self.office), hint=str(code))

    def organ(self, name: Json) -> Cell:
        """Name an organ; its code on hovering."""
        return Cell(sheet.organ(str(name), self.office), hint=str(name)) if name else Cell()

    def organs(self, names: Iterable[Json]) -> Cell:
        """Name some organs."""
        return self.text("、".join(sheet.organ(str(name), self.office) for name in names))

    def person(self, name: Json, small: str = "") -> Cell:
        """Name a person who holds or held a post."""
        return self.text(sheet.person(str(name), self.office) if name else None, small)

    def persons(self, names: Iterable[Json]) -> Cell:
        """Name some persons."""
        return self.text("、".join(sheet.person(str(name), self.office) for name in names))

    def person_page(self, name: str, told: str, small: str = "") -> Cell:
        """Name a person; for who may follow persons, lead to what they did."""
        href = f"/persons/{self.ledger}/{quote(name, safe='')}" if self.follows and name else ""
        return Cell(told, href=href, small=small)

    def organ_page(self, name: Json) -> Cell:
        """Name an organ; for who may follow organs, lead to what it did."""
        cell = self.organ(name)
        if not self.follows or not name:
            return cell
        href = f"/organs/{self.ledger}/{quote(str(name), safe='')}"
        return Cell(cell.text, href=href, hint=cell.hint)

    def instant(self, value: Json, position: Json = None) -> Cell:
        """Tell an instant in the ledger's zone, with UTC and the position beside."""
        if not value:
            return Cell(kind="d")
        at = datetime.fromisoformat(str(value)).astimezone(UTC)
        hint = f"UTC {at:%Y-%m-%d %H:%M:%S}{self._at(position)}"
        return Cell(self.texts.instant(at), hint=hint, kind="d", at=at.isoformat())

    def day(self, value: Json, position: Json = None) -> Cell:
        """Tell a local date."""
        if not value:
            return Cell(kind="d")
        return Cell(str(value), hint=self._at(position).removeprefix(" · "), kind="d")

    def due(self, value: Json, *, over: bool = False, name: str = "") -> Cell:
        """Tell a day on which something is due, and the working days from or since today."""
        if not value:
            return Cell(kind="d")
        day = date.fromisoformat(str(value))
        left = "" if over else self.left(day)
        return Cell(str(day), kind="d", small=" · ".join(part for part in (name, left) if part))

    def left(self, due: date) -> str:
        """Say how many working days are left until a day, or have gone since."""
        if due == self.today:
            return self.texts("list.due-today")
        if due > self.today:
            return self.texts("list.left", n=self.days.count(self.today, due))
        return self.texts("list.over", n=self.days.count(due, self.today))

    def _at(self, position: Json) -> str:
        return "" if position is None else f" · {self.texts('case.position')} {position}"
