"""Rows as a workbook (XLSX): every cell is text, so that nothing in it is ever a formula."""

import io
from collections.abc import Sequence
from datetime import datetime

import xlsxwriter
from aiohttp import web

from api.purpose import ITEMS
from ledger.case import Data

MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Of the file, not of the rows: the same rows are the same bytes.
MADE = datetime(2026, 1, 1)  # noqa: DTZ001 (the format knows no zones)
WIDEST = 60


def as_xlsx(rows: Sequence[Data], columns: Sequence[str], following: str | None) -> web.Response:
    """Answer these columns of the rows; where the list goes on stands in `X-Next`."""
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": MADE})
    sheet = book.add_worksheet()
    head = book.add_format({"bold": True})
    table = [[str(row.get(name) or "") for name in columns] for row in rows]
    for place, name in enumerate(columns):
        sheet.write_string(0, place, name, head)
        longest = max((len(line[place]) for line in table), default=0)
        sheet.set_column(place, place, min(WIDEST, max(10, 2 * len(name), longest + 2)))
    for number, line in enumerate(table, 1):
        for place, text in enumerate(line):
            sheet.write_string(number, place, text)
    sheet.freeze_panes(1, 0)
    book.close()
    headers_out = {"Cache-Control": "no-store"}
    if following is not None:
        headers_out["X-Next"] = following
    response = web.Response(body=held.getvalue(), content_type=MEDIA, headers=headers_out)
    response[ITEMS] = len(rows)
    return response
