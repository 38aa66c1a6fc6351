"""The routes of the catalogue."""

from api import conformity, conformity_told, parameters, told
from api.routes import Route, reading

LEDGER = "/v1/ledgers/{ledger}"


def table() -> list[Route]:
    """List these routes, in the order they are tried."""
    return [
        reading(
            f"{LEDGER}/conformity",
            conformity.listed,
            "How each item stands to the baseline of the catalogue",
            "office",
            name="read-conformity",
            produces=("application/json", "text/csv"),
            answers=told.Page[conformity_told.ConformityRow],
            query=parameters.CONFORMITY,
        ),
        reading(
            f"{LEDGER}/conformity/summary",
            conformity.summary,
            "How many items stand how to the baseline",
            "office",
            name="read-conformity",
            answers=conformity_told.ConformitySummary,
            query=parameters.AT_LEAST,
        ),
        reading(
            f"{LEDGER}/conformity/items/{{id}}",
            conformity.one,
            "The elements of an item beside those of its baseline",
            "office",
            name="read-conformity",
            answers=conformity_told.Compared,
            query=parameters.AT_LEAST,
        ),
        reading(
            f"{LEDGER}/baselines/{{id}}",
            conformity.baseline,
            "An item of the baseline",
            "office",
            name="read-baseline",
            answers=conformity_told.Baseline,
            query=parameters.AT_LEAST,
        ),
    ]
