"""The routes of matters."""

from api import matters, matters_told, parameters, told
from api.matter_bodies import BODIES
from api.routes import Route, act, reading

LEDGER = "/v1/ledgers/{ledger}"
ON_A_MATTER = tuple(name for name in BODIES if name != "open-matter")


def table() -> list[Route]:
    """List these routes, in the order they are tried."""
    return [
        act(
            f"{LEDGER}/matters",
            matters.opened,
            "Open a matter that joins cases",
            "bureau",
            name="open-matter",
            body=BODIES["open-matter"],
            answers=matters_told.MatterAct,
        ),
        reading(
            f"{LEDGER}/matters",
            matters.listed,
            "Matters, and how many of their cases are settled",
            "reading",
            name="read-matters",
            answers=told.Page[matters_told.MatterRow],
            query=parameters.MATTERS,
        ),
        reading(
            f"{LEDGER}/matters/{{matter}}",
            matters.one,
            "One matter with its cases and opinions",
            "reading",
            name="read-matter",
            answers=matters_told.Matter,
            query=parameters.AT_LEAST,
        ),
        act(
            f"{LEDGER}/matters/{{matter}}/{{action}}",
            matters.act,
            "Act on a matter",
            "bureau",
            name="{action}",
            among={"action": ON_A_MATTER},
            body={name: BODIES[name] for name in ON_A_MATTER},
            answers=matters_told.MatterAct,
            versioned=True,
        ),
    ]
