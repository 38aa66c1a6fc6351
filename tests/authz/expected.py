"""What the matrix expects: its rows read, and every cell of them spelled out.

A cell is a role, its relation to the case, and how the appointment stands.  Appointments that
are not valid are asked for where the valid one is heard, and everywhere on a few rows.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
RELATIONS = "OPSEAJ-"
STAFF = (
    "clerk",
    "handler",
    "checker",
    "approver",
    "sealer",
    "issuer",
    "bureau-head",
    "supervisor",
    "enforcer",
    "hotline",
    "inspector",
    "inspection-lead",
    "system-admin",
    "security-admin",
    "audit-admin",
)
ANYONE = (*STAFF, "applicant", "client-system", "witness")
NO_CASE_CONTENT = {"system-admin", "security-admin", "audit-admin"}
GONE = ("ended", "expired")
# How an appointment can stand; whoever needs none always stands.
STATES = ("valid", *GONE, "not-yet")
ALL_STATES = {"accept", "GET …/cases?item=QH-002", "GET …/cases/{case}", "GET …/items"}
# What everybody hears, whatever they are.
FOR_ALL = {"open", "home", "form", "back", "away"}
# Applicants and systems do not sign in to pages.
PAGES = {
    "find", "page", "home", "form", "page-act", "page-absent", "page-list", "office-page",
    "office-page-act",
}  # fmt: skip
NO_CREDENTIAL = "401 unauthenticated"


@dataclass(frozen=True)
class Cell:
    role: str
    relation: str
    state: str = "valid"


@dataclass(frozen=True)
class Row:
    """An action or a route: who may (role to relations), and what is heard then."""

    what: str
    kind: str
    may: Mapping[str, str]
    to_come: bool
    heard: Mapping[str, str]

    @property
    def method(self) -> str:
        return self.what.split()[0] if " " in self.what else "POST"

    @property
    def path(self) -> str:
        """The path as the table of routes has it, with the query if one is asked."""
        if self.what == "receive":
            return "/v1/ledgers/{ledger}/cases"
        if " " not in self.what:
            return f"/v1/ledgers/{{ledger}}/cases/{{case}}/{self.what}"
        return self.what.split()[1].replace("…", "/v1/ledgers/{ledger}")

    @property
    def route(self) -> tuple[str, str]:
        return self.method, self.path.partition("?")[0]


def read(name: str) -> list[dict[str, str]]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader((line for line in lines if not line.startswith("#")), strict=True))


def rows() -> list[Row]:
    """The rows of the matrix in their order."""
    kinds = {told["kind"]: told for told in read("outcomes.csv")}
    return [
        Row(row["what"], row["kind"], may(row["may"]), bool(row["yet"]), kinds[row["kind"]])
        for row in read("matrix.csv")
    ]


def may(text: str) -> dict[str, str]:
    """Read `clerk O; handler OP*`: each role with its relations, and a star for all others."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        role, letters = part.split()
        assert set(letters) <= {*RELATIONS, "X", "*"}, part
        for one in {"staff": STAFF, "anyone": ANYONE}.get(role, (role,)):
            assert one in ANYONE, part
            assert one not in found, part
            found[one] = letters
    return found


def cells(row: Row) -> Iterator[tuple[Cell, str]]:
    """Spell a row out: each cell with what is heard in it."""
    for role in STAFF:
        for relation in "O-" if row.kind in FOR_ALL else RELATIONS:
            valid = Cell(role, relation)
            heard = expected(row, valid)
            yield valid, heard
            if row.what in ALL_STATES or differ(row, valid, heard):
                for state in STATES[1:]:
                    cell = Cell(role, relation, state)
                    yield cell, expected(row, cell)
    others = [("witness", "-")]
    if row.kind not in PAGES:
        others += [("applicant", "X"), ("applicant", "-")]
        others += [("client-system", relation) for relation in RELATIONS]
    for role, relation in others:
        yield Cell(role, relation), expected(row, Cell(role, relation))


def differ(row: Row, cell: Cell, heard: str) -> bool:
    """Whether it is worth asking in the other states: not where relations make no difference."""
    if row.kind in FOR_ALL:
        return False
    matters = row.may.get(cell.role) != "*" or cell.relation in "O-"
    return matters and heard in (row.heard["given"], row.heard["beside"])


def expected(row: Row, cell: Cell) -> str:
    """What is heard in a cell: 3.1 for who sees a case, 3.5 for what has ended."""
    letters = row.may.get(cell.role, "")
    if cell.role == "witness" and not letters:
        return NO_CREDENTIAL.partition(" ")[0] if row.kind in PAGES else NO_CREDENTIAL
    if cell.role == "client-system" and not letters and row.heard["alone"]:
        return row.heard["alone"]
    given = cell.relation in letters
    if cell.state == "valid" and (given or "*" in letters):
        return row.heard["given" if given else "beside"]
    gone = cell.state in GONE
    if row.heard["hidden"]:
        if not sees(cell):
            return row.heard["hidden"]
        return row.heard["ended" if gone else "refused"]
    return row.heard["ended" if gone and letters else "refused"]


def sees(cell: Cell) -> bool:
    """Whether the case is there for them, or was: whose post is yet to come has none."""
    if cell.role == "client-system":
        return cell.relation == "O"
    return cell.relation != "-" and cell.state != "not-yet" and cell.role not in NO_CASE_CONTENT
