"""Rows as CSV that a spreadsheet opens without running anything in it."""

import csv
import io
from collections.abc import Sequence

from aiohttp import web

from api import headers
from api.purpose import ITEMS
from ledger.case import Data

FORMS = {"json": "application/json", "csv": "text/csv"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


def form(request: web.Request, asked: str | None) -> str:
    """Tell whether a list is wanted as json or csv: as asked for, else as the caller prefers."""
    if asked is not None:
        return headers.choice(asked, "format", FORMS)
    liked = headers.preferred(request, tuple(FORMS.values()))
    return next(form for form, media in FORMS.items() if media == liked)


def as_csv(rows: Sequence[Data], columns: Sequence[str], following: str | None) -> web.Response:
    """Answer these columns of the rows; where the list goes on stands in `X-Next`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in columns])
    headers_out = {"Cache-Control": "no-store"}
    if following is not None:
        headers_out["X-Next"] = following
    response = web.Response(
        body=b"\xef\xbb\xbf" + text.getvalue().encode(),
        content_type="text/csv",
        charset="utf-8",
        headers=headers_out,
    )
    response[ITEMS] = len(rows)
    return response


def cell(value: object) -> str:
    """Write one cell; what could be read as a formula is kept from being one."""
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(FORMULA) else text
