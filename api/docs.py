"""The reference to browse, offline: swagger-ui out of its installed package.

Its page has a policy of its own, stricter than it would like: no inline script, nothing from
elsewhere; what starts it is a small script that we serve.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aiohttp import web

from api import openapi, problems, told
from api.routes import Route
from ledger.errors import Refused

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>caseledger · 接口文档 API reference</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript><p><a href="/openapi.json">/openapi.json</a></p></noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

START = """"use strict";
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  queryConfigEnabled: false,
  presets: [SwaggerUIBundle.presets.apis],
});
"""

# What is served of the package, and as what; nothing else of it can be reached.
FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}


async def page(request: web.Request) -> web.Response:  # noqa: ARG001 a route takes it
    """Answer the page: `GET /docs`."""
    return web.Response(
        text=PAGE, content_type="text/html", headers={"Content-Security-Policy": POLICY}
    )


async def file(request: web.Request) -> web.StreamResponse:
    """Answer a file of the page: `GET /docs/{file}`."""
    name = request.match_info["file"]
    if name == "start.js":
        return web.Response(text=START, content_type="text/javascript")
    path = found(name)
    if path is None:
        raise Refused("not-found", "")
    return web.FileResponse(
        path, headers={"Content-Type": f"{FILES[name]}; charset=utf-8", "Cache-Control": CACHE}
    )


CACHE = "public, max-age=86400"


def found(name: str) -> Path | None:
    """Return where a file of the installed package lies, or None."""
    spec = find_spec("swagger_ui_bundle")
    if name not in FILES or spec is None or spec.origin is None:
        return None
    # The folder is named after the version, of which one is installed.
    return next((Path(spec.origin).parent / "vendor").glob(f"swagger-ui-*/{name}"), None)


def routes() -> tuple[Route, ...]:
    """Return the rows of the reference: the document, the page, the reasons."""
    return (
        Route(
            method="GET",
            path="/openapi.json",
            function=openapi.served,
            summary="This document",
            tag="reference",
            access="anyone",
            answers=dict[str, Any],
        ),
        Route(
            method="GET",
            path="/problems/{slug}",
            function=problems.explained,
            summary="What a reason means, and what to do",
            tag="reference",
            access="anyone",
            answers=told.Reason,
        ),
        Route(
            method="GET",
            path="/docs",
            function=page,
            summary="This interface, to browse",
            tag="reference",
            access="anyone",
            produces=("text/html",),
        ),
        Route(
            method="GET",
            path="/docs/{file}",
            function=file,
            summary="The files of the page",
            tag="reference",
            access="anyone",
            produces=("text/javascript", "text/css"),
        ),
    )
