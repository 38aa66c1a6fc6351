"""The routes of anchored logs."""

from api import anchors, office_told, parameters, told
from api.bodies import OFFICE_BODIES
from api.routes import Route, act, reading

LEDGER = "/v1/ledgers/{ledger}"
ANCHORS = f"{LEDGER}/anchored-logs/{{id}}/anchors"


def table() -> list[Route]:
    """List these routes, in the order they are tried."""
    return [
        reading(
            f"{LEDGER}/anchors",
            anchors.listed,
            "How far each registered log is anchored",
            "office",
            name="read-anchors",
            answers=told.Page[office_told.AnchoredLog],
            query={**parameters.PAGING, **parameters.COUNT},
        ),
        reading(
            ANCHORS,
            anchors.history,
            "The anchors of a log",
            "office",
            name="read-anchors",
            answers=told.Page[office_told.Anchor],
            query=parameters.PAGING,
        ),
        reading(
            f"{ANCHORS}/{{version}}",
            anchors.one,
            "One anchor of a log, with its note and proof",
            "office",
            name="read-anchors",
            answers=office_told.Anchor,
            query=parameters.AT_LEAST,
        ),
        act(
            ANCHORS,
            anchors.record,
            "Record a checkpoint of another ledger's log",
            "office",
            name="anchor-record",
            body=OFFICE_BODIES["anchor"],
            answers=office_told.OfficeDone,
        ),
    ]
