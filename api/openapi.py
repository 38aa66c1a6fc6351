"""The OpenAPI 3.1 document, made from the table of routes, the shapes and the slugs.

Nothing is written twice: a route that is served is in it, and what is in it is served.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version

import msgspec
import orjson
from aiohttp import web

from api.routes import JSON, TABLE, Route
from api.slugs import SLUGS

PROBLEM = "application/problem+json"
REFERENCE = "#/components/schemas/{name}"

# Which reasons any route may give, which those with a token, which those of acts.
ALWAYS = ("bad-request", "not-found", "method-not-allowed", "not-acceptable", "internal")
WITH_TOKEN = (
    "unauthenticated",
    "on-behalf-of-invalid",
    "origin-not-allowed",
    "rate-limited",
    "action-not-allowed",
    "appointment-ended",
    "invalid-parameter",
    "behind",
    "store-unavailable",
)
WITH_BODY = (
    "expectation-failed",
    "encoding-not-supported",
    "media-type",
    "body-too-large",
    "timeout",
    "malformed-json",
    "duplicate-key",
    "too-deep",
    "schema",
    "unknown-field",
    "integer-range",
    "forbidden-character",
    "too-long",
    "too-many-items",
)
WITH_KEY = (
    "idempotency-key-missing",
    "idempotency-key-invalid",
    "idempotency-key-reused",
    "record-too-large",
    "occurred-in-future",
    "unknown-reference",
    "beyond-authority",
    "separation-of-duties",
    "wrong-stage",
    "already-done",
    "rule-refused",
    "basis-moved",
    "busy",
    "storage-full",
    "outcome-unknown",
    "integrity-hold",
)
WITH_VERSION = (
    "version-required",
    "version-invalid",
    "version-conflict",
    "case-not-found",
    "document-mismatch",
    "seal-not-held",
    "legal-hold",
)

_PART = re.compile(r"\{([a-z_]+)(?::[^{}]*)?\}")


def document(table: Iterable[Route]) -> dict[str, object]:
    """Return the document of a table of routes."""
    rows = tuple(table)
    shapes = _shapes(rows)
    refs, schemas = msgspec.json.schema_components(shapes, ref_template=REFERENCE)
    written = dict(zip(map(id, shapes), refs, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for row in rows:
        for path, body, answers in row.spelled():
            plain = _PART.sub(r"{\1}", path)
            told = {row.status: answers, **row.also}
            paths.setdefault(plain, {})[row.method.lower()] = operation(
                row, plain, written.get(id(body)), {n: written.get(id(s)) for n, s in told.items()}
            )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "caseledger",
            "version": version("caseledger"),
            "summary": "An event-sourced ledger of administrative cases",
            "description": "Acts only: nothing recorded is ever changed; a mistake is put right "
            "by a new act that names the old one.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": problem_schema()},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


SECURITY_SCHEMES: Mapping[str, Mapping[str, str]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of a configured issuer; it says who, never what they may do.",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "The key of a client system; On-Behalf-Of names the person.",
    },
}


def _shapes(rows: Iterable[Route]) -> list[object]:
    """List the shapes of all bodies and answers, each once."""
    found: dict[int, object] = {}
    for row in rows:
        for _, *shapes in row.spelled():
            found |= {id(shape): shape for shape in (*shapes, *row.also.values()) if shape}
    return list(found.values())


def operation(
    row: Route, path: str, schema: object, answers: Mapping[int, object]
) -> dict[str, object]:
    """Return what the document says of one method on one path."""
    told: dict[str, object] = {
        "operationId": operation_id(row.method, path),
        "summary": row.summary,
        "tags": [row.tag],
        "parameters": parameters(row, path),
        "responses": responses(row, answers),
    }
    if row.access != "token":
        told["security"] = []
    if schema is not None:
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    elif row.takes:
        told["requestBody"] = {"required": True, "content": {media: {} for media in row.takes}}
    return told


def operation_id(method: str, path: str) -> str:
    """Name an operation by its method and path.

    >>> operation_id("POST", "/v1/ledgers/{ledger}/cases/{case}/seal")
    'post-cases-case-seal'
    """
    parts = path.removeprefix("/v1/ledgers/{ledger}").replace("{", "").replace("}", "")
    return "-".join([method.lower(), *filter(None, re.split(r"[/._]", parts))])


def parameters(row: Route, path: str) -> list[dict[str, object]]:
    """List what a route takes in its path, query and headers."""
    text = {"type": "string"}
    told: list[dict[str, object]] = [
        {"name": name, "in": "path", "required": True, "schema": text}
        for name in _PART.findall(path)
    ]
    told += [
        {"name": name, "in": "query", "schema": schema}
        | ({"required": True} if name in row.must else {})
        for name, schema in row.query.items()
    ]
    if row.keyed:
        key = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"}
        told.append({"name": "Idempotency-Key", "in": "header", "required": True, "schema": key})
    if row.versioned:
        seen = {"type": "string", "pattern": '^"[1-9][0-9]*"$'}
        told.append({"name": "If-Match", "in": "header", "required": True, "schema": seen})
    if row.access == "token":
        person = {"type": "string", "pattern": "^[\\x21-\\x7b\\x7d\\x7e]{1,200}$"}
        told.append({"name": "On-Behalf-Of", "in": "header", "schema": person})
    return told


def responses(row: Route, answers: Mapping[int, object]) -> dict[str, object]:
    """List the answers of a route: its own, and each status that refuses with its reasons."""
    reasons = [*ALWAYS]
    reasons += WITH_TOKEN if row.access == "token" else ()
    # The log is anybody's, and may not be that far yet.
    reasons += ("behind", "store-unavailable") if row.tag == "log" else ()
    reasons += WITH_BODY if row.takes else ()
    reasons += WITH_KEY if row.keyed else ()
    reasons += WITH_VERSION if row.versioned or "{case}" in row.path else ()
    by_status: dict[int, list[str]] = {}
    for name in reasons:
        by_status.setdefault(SLUGS[name].status, []).append(name)
    text = {"type": "string"}
    told: dict[str, object] = {
        str(status): {
            "description": row.summary,
            "content": {
                media: {"schema": schema if media == JSON else text} for media in row.produces
            },
        }
        for status, schema in answers.items()
    }
    if row.access == "page":
        # Whatever happens, a person is shown a page, or led to one.
        told["default"] = {"description": "A page", "content": {"text/html": {"schema": text}}}
        return told
    for status, names in sorted(by_status.items()):
        if status in answers:
            continue
        told[str(status)] = {
            "description": " · ".join(f"`{name}` {SLUGS[name].title_en}" for name in names),
            "content": {PROBLEM: {"schema": {"$ref": REFERENCE.format(name="Problem")}}},
        }
    return told


def problem_schema() -> dict[str, object]:
    """Return the shape of a problem document (RFC 9457)."""
    text, number = {"type": "string"}, {"type": "integer"}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["type", "title", "status", "detail", "instance"],
        "properties": {
            "type": {"enum": [f"/problems/{name}" for name in SLUGS]},
            "title": text,
            "status": number,
            "detail": text,
            "instance": {"type": "string", "description": "the id of the request"},
            "rule": {"type": "string", "description": "the id of the rule that refused"},
            "pointer": {"type": "string", "description": "a JSON pointer to what is wrong"},
            "current_version": number,
            "earlier_position": number,
            "allowed_actions": {"type": "array", "items": text},
        },
    }


@lru_cache(maxsize=4)
def written(table: tuple[Route, ...]) -> bytes:
    """Write the document of a table once: anybody may ask for it, and it is long."""
    return orjson.dumps(document(table))


async def served(request: web.Request) -> web.Response:
    """Answer the document of the routes that are served here: `GET /openapi.json`."""
    return web.Response(
        body=written(request.app[TABLE]), content_type=JSON, headers={"Cache-Control": "no-cache"}
    )
