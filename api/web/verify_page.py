"""The page on which anybody verifies a dossier in their own browser, signed in or not.

The file stays where it is: the page may connect to nothing, and what checks it is our script
with the browser's own SHA-256 and Ed25519 (`script/evidence.js`), once loaded without a network.
"""

from aiohttp import web

from api.routes import Route
from api.web.page import rendered
from api.web.signed_in import row, texts_for

# The checks, in the order in which the script tells them (`script/evidence.js`).
CHECKS = (
    "files", "checkpoint", "events", "complete", "rules", "refusals", "manifest", "documents",
)  # fmt: skip
# What a bad verdict means: by the check that failed, or by what was no dossier to begin with.
MEANINGS = (*CHECKS, "zip", "absent", "proof")


def table() -> tuple[Route, ...]:
    """List the route of the page."""
    return (row("GET", "/verify", verify, "Verify a dossier in the browser", "asset"),)


async def verify(request: web.Request) -> web.StreamResponse:
    """Show where a dossier, or a proof with its record, is verified."""
    texts = texts_for(request)
    return rendered(
        request, "verify.html", texts, script="verify.js", checks=CHECKS, meanings=MEANINGS
    )
