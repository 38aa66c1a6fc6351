"""Why an act was not recorded, as the form that was sent tells it."""

from dataclasses import dataclass

from aiohttp import web

from api import refusals
from api.problems import as_refused
from api.slugs import SLUGS
from api.web import sheet
from api.web.said import said
from api.web.texts import DEFAULT, Texts
from ledger.errors import LedgerError, Refused


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an act was not recorded, in the reader's words; and what happened since they looked.

    `original` is what exactly was said, in English, where the page is not.
    """

    title: str
    todo: str
    detail: str
    original: str
    rule: str | None
    since: tuple[sheet.Row, ...]


def trouble_of(refused: Refused, texts: Texts, since: tuple[sheet.Row, ...] = ()) -> Trouble:
    """Say why in words; of a defect of ours no more than that.

    What a caller of the interface should do is told of a form here.  A detail stands in the
    reader's words where the catalogue or a rule has them, and as it was said behind them.
    """
    title, todo = SLUGS.get(refused.slug, SLUGS["internal"]).words(texts.language)
    if texts.known(f"todo.{refused.slug}"):
        todo = texts.of("todo", refused.slug)
    why = refused.why if refused.slug != "internal" else ""
    english = texts.language != DEFAULT
    detail = said(why, texts) or (why if english else "")
    original = "" if english else why
    return Trouble(title, todo, detail, original, refused.rule, since)


async def refused_by(request: web.Request, error: LedgerError) -> Refused:
    """Return why a form was refused, put on record where that has to be.

    Raised again where who sent it is not signed in any more.
    """
    refused = as_refused(error)
    if refused.slug == "unauthenticated":
        raise error
    await refusals.put(request, refused)
    return refused


def status_of(refused: Refused | None) -> int:
    """Return the status of a page with a form: of what went wrong, or 200."""
    return 200 if refused is None else SLUGS.get(refused.slug, SLUGS["internal"]).status
