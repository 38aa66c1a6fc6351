"""What a route is: its path and function, and all that the gate and the document need to know.

The table of routes is written out where the application is put together; a path that stands
in no row of it is not served.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web
from aiohttp.web_urldispatcher import AbstractRoute

from api.bodies import MAX_BYTES
from ledger.lifecycle import MAY, Role

Function = Callable[[web.Request], Awaitable[web.StreamResponse]]

JSON = "application/json"

# What each list of the office is a list of.
KINDS: Mapping[str, str] = {
    "items": "item",
    "calendars": "calendar",
    "policies": "policy",
    "appointments": "appointment",
    "seals": "seal",
    "anchored-logs": "anchored-log",
}

# The acts that a client system may do as itself; every other act needs a person.
BY_SYSTEMS: Collection[str] = frozenset(
    str(action)
    for action, cells in MAY.items()
    if any(cell.role == Role.CLIENT_SYSTEM for cell in cells)
)


_OFFICIAL = ("official",)
_PERSONAL = ("official", "personal", "sensitive")
# What each reading delivers, by its name: classes of data (`ledger.classes`).  What delivers
# anything goes into the access log before it is shown; an empty row says that it is nothing of
# a case.  A reading that stands in no row is not served.
DELIVERED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "read-case", "read-cases", "read-history", "read-events", "read-export",
            "read-dossier", "read-complaint", "read-complaints", "read-matter", "read-matters",
            "read-subject", "read-subjects", "read-imports", "read-reviews", "{action}",
        ),
        _PERSONAL,
    ),
    **dict.fromkeys(
        (
            "read-alerts", "read-audit", "read-findings", "read-performance", "read-progress",
            "read-register", "read-posts", "read-access-log", "read-live",
        ),
        _OFFICIAL,
    ),
    # The office is everybody's who has business here; logs and proofs are anybody's.
    **dict.fromkeys(
        (
            "", "asset", "read-{things}", "read-office", "read-conformity", "read-baseline",
            "read-anchors",
            "read-log", "receive", "register-complaint", "open-matter", "office-propose",
            "office-act", "sign-in", "sign-out",
        ),
        (),
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Route:
    """One row of the table.

    `among` names the words that a part of the path may be: `{"action": ("accept", …)}`.
    `body` is the shape of the body, `answers` that of the answer; each may be a shape for each
    word of the last part in `among`.  `also` are answers with another status than `status`,
    `query` the parameters of a reading with their types, `must` those that it needs.
    `system` says whether a client system may come without a person: yes, no, or for which
    words of the last part in `among`.
    """

    method: str
    path: str
    function: Function
    summary: str
    tag: str
    body: object | Mapping[str, object] | None = None
    answers: object | Mapping[str, object] | None = None
    also: Mapping[int, object] = field(default_factory=dict)
    among: Mapping[str, Collection[str]] = field(default_factory=dict)
    query: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    must: tuple[str, ...] = ()
    produces: tuple[str, ...] = (JSON,)
    takes: tuple[str, ...] = ()
    limit: int = MAX_BYTES
    access: Literal["token", "anyone", "page"] = "token"
    system: bool | Collection[str] = False
    status: int = 200
    # What a refusal on record calls it; `{kind}` is the singular of `{things}`.
    name: str = ""
    keyed: bool = False
    versioned: bool = False

    @property
    def pattern(self) -> str:
        """The path as the router reads it."""
        path = self.path
        for name, words in self.among.items():
            path = path.replace(f"{{{name}}}", f"{{{name}:{'|'.join(sorted(words))}}}")
        return path

    @property
    def delivers(self) -> tuple[str, ...]:
        """The classes of data that an answer shows; of acts of the interface none: they are acts.

        KeyError for a reading that nobody has thought about.
        """
        if self.method != "GET" and self.access != "page":
            return ()
        return DELIVERED[self.name]

    def named(self, parts: Mapping[str, str]) -> str:
        """Return what a refusal on record calls this, by the parts of the path."""
        return self.name.format(kind=KINDS.get(parts.get("things", ""), ""), **parts)

    def alone(self, parts: Mapping[str, str]) -> bool:
        """Tell whether a client system may ask without naming a person."""
        if isinstance(self.system, bool):
            return self.system
        return bool(self.among) and parts.get(tuple(self.among)[-1], "") in self.system

    def spelled(self) -> Iterable[tuple[str, object | None, object | None]]:
        """List the paths one by one, each with the shapes of its body and of its answer."""
        if not self.among:
            return [(self.path, self.body, self.answers)]
        name = tuple(self.among)[-1]
        return [
            (self.path.replace(f"{{{name}}}", word), _of(self.body, word), _of(self.answers, word))
            for word in sorted(self.among[name])
        ]


def _of(shapes: object, word: str) -> object | None:
    return shapes.get(word) if isinstance(shapes, Mapping) else shapes


def reading(path: str, function: Function, summary: str, tag: str, **more: object) -> Route:
    """Return the row of a reading: GET (and with it HEAD), allowed to systems alone."""
    row: dict[str, object] = {"system": True, **more}
    return Route(method="GET", path=path, function=function, summary=summary, tag=tag, **row)  # type: ignore[arg-type]


def act(path: str, function: Function, summary: str, tag: str, **more: object) -> Route:
    """Return the row of an act: POST of JSON with an idempotency key, answered 201."""
    row: dict[str, object] = {"takes": (JSON,), "status": 201, "keyed": True, **more}
    return Route(method="POST", path=path, function=function, summary=summary, tag=tag, **row)  # type: ignore[arg-type]


ROUTE_OF: web.AppKey[Mapping[AbstractRoute, Route]] = web.AppKey("route-of", Mapping)
TABLE: web.AppKey[tuple[Route, ...]] = web.AppKey("routes", tuple)


def add(app: web.Application, table: Iterable[Route]) -> None:
    """Add the table of routes to an application, in the order they are tried."""
    rows = tuple(table)
    known: dict[AbstractRoute, Route] = {}
    for row in rows:
        methods = ("GET", "HEAD") if row.method == "GET" else (row.method,)
        for method in methods:
            known[app.router.add_route(method, row.pattern, row.function)] = row
    app[ROUTE_OF] = known
    app[TABLE] = rows
