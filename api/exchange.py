"""Exchange with other systems: imports, the feed of events, exports.  The routes only."""

from aiohttp import web

from api import feed, imports, office_told, parameters, streams, told, upload
from api.intake import INTAKE, Intake
from api.parts import OfficeAct
from api.routes import JSON, Route, act, reading
from api.service import SERVICE

LEDGER = "/v1/ledgers/{ledger}"
IMPORT = f"{LEDGER}/imports/{{id}}"


def table() -> list[Route]:
    """List the routes of the exchange."""
    return [
        act(
            f"{LEDGER}/imports",
            upload.upload,
            "Upload a file of another system with its mapping, and judge its rows",
            "exchange",
            name="import-upload",
            takes=("multipart/form-data", *sorted(upload.BARE_TYPES)),
            limit=upload.MAX_UPLOAD,
            system=True,
            query=parameters.UPLOAD,
            answers=office_told.Import,
            also={200: office_told.Import},
        ),
        reading(
            IMPORT,
            imports.one,
            "How far an import has come",
            "exchange",
            name="read-imports",
            query=parameters.AT_LEAST,
            answers=office_told.Import,
        ),
        reading(
            f"{IMPORT}/rows",
            imports.rows,
            "The rows of an import",
            "exchange",
            name="read-imports",
            query=parameters.ROWS,
            answers=told.Page[office_told.ImportRow],
        ),
        act(
            f"{IMPORT}/commit",
            imports.commit,
            "Let a judged file into the ledger",
            "exchange",
            name="import-commit",
            body=OfficeAct,
            answers=office_told.Committed,
            status=202,
        ),
        act(
            f"{IMPORT}/abandon",
            imports.abandon,
            "Throw a file away that nobody has let in",
            "exchange",
            name="import-abandon",
            body=OfficeAct,
            answers=office_told.Import,
            status=200,
        ),
        reading(
            f"{LEDGER}/events",
            feed.events,
            "The events of the ledger behind a position",
            "exchange",
            name="read-events",
            produces=(JSON, feed.NDJSON, streams.TYPE),
            query=parameters.EVENTS,
            answers=told.Events,
        ),
        *(
            reading(
                f"{LEDGER}/export/{form}",
                feed.export,
                "The whole list of cases as a file",
                "exchange",
                name="read-export",
                produces=(media,),
                query=parameters.EXPORT,
            )
            for form, media in (("csv", "text/csv"), ("ndjson", feed.NDJSON))
        ),
    ]


def work_beside(app: web.Application) -> None:
    """Let committed imports be taken in beside the service's other work, and streams be open."""
    app[streams.STREAMS] = streams.Streams()
    app.on_shutdown.append(app[streams.STREAMS].end)
    app[INTAKE] = Intake(app[SERVICE])
    app.cleanup_ctx.append(app[INTAKE].running)
