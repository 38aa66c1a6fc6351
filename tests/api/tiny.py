"""A small application with the gate, real HTTP and no database, for the tests of the edge."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from api import bodies, docs, headers, metrics, problems
from api.api_keys import ApiKeys
from api.framing import Runner, stream
from api.gate import gate
from api.issuing import API_KEYS_FILE, OwnIssuer
from api.limits import FAILURES, RATES, Failures, Rates
from api.routes import BY_SYSTEMS, Route, act, add, reading
from api.settings import SETTINGS, Settings
from api.tokens import CALLER, TOKENS, Issuer, Tokens
from ledger.errors import Behind, Corrupt, Moved, Refused, Unavailable, Unknown

AUDIENCE = "caseledger"
LEDGER = "/v1/ledgers/{ledger}"
CASES = "/v1/ledgers/469002/cases"
ACT = f"{CASES}/469002-2026-000001/accept"

SEEN: web.AppKey[list[object]] = web.AppKey("seen", list)


async def record(request: web.Request) -> web.Response:
    """What every route of an act does, in the order of checks 8 to 10."""
    key = headers.idempotency_key(request)
    existing = "action" in request.match_info
    version = headers.if_match(request, required=existing)
    if not existing and version is not None:
        raise Refused("version-invalid", "a new case has no version")
    headers.no_query(request)
    body = await bodies.decoded(request, bodies.ACTS[request.match_info.get("action", "receive")])
    request.app[SEEN].append(body)
    caller = request[CALLER]
    told = {"key": key, "version": version, "body": body, "person": caller.person}
    return web.Response(body=orjson.dumps(told), status=201, content_type="application/json")


async def listed(request: web.Request) -> web.Response:
    asked = headers.page(request, request[CALLER].person, "cases", {"stage", "q"})
    told = {"filters": asked.filters, "limit": asked.limit, "after": asked.after}
    return web.json_response({**told, "next": asked.cursor(41)})


async def upload(request: web.Request) -> web.Response:
    size = 0
    async for piece in stream(request, 1 << 20):
        size += len(piece)
    return web.json_response({"size": size}, status=201)


RAISED = {
    "defect": ValueError("张三 460000199001010013"),
    "time": TimeoutError(),
    "corrupt": Corrupt("x"),
    "moved": Moved(("item:QH-002",)),
    "unknown": Unknown("x"),
    "behind": Behind("x"),
    "full": Unavailable("storage-full", "x"),
    "stage": Refused("wrong-stage", "not now", rule="stage.decide", current_version=3),
    "missing": Refused("case-not-found", "it is in another organ"),
}


async def broken(request: web.Request) -> web.Response:
    request[problems.ALLOWED_ACTIONS] = ("review", "suspend")
    raise RAISED[request.match_info["what"]]


def table() -> Iterable[Route]:
    actions = {name: shape for name, shape in bodies.ACTS.items() if name != "receive"}
    return (
        act(
            f"{LEDGER}/cases",
            record,
            "Receive an application",
            "acts",
            body=bodies.ACTS["receive"],
            system=True,
        ),
        reading(
            f"{LEDGER}/cases", listed, "List cases", "cases", query={"stage": {"type": "string"}}
        ),
        reading(f"{LEDGER}/cases/{{case}}", listed, "One case", "cases"),
        act(
            f"{LEDGER}/cases/{{case}}/{{action}}",
            record,
            "Act on a case",
            "acts",
            among={"action": tuple(actions)},
            body=actions,
            system=BY_SYSTEMS,
            versioned=True,
        ),
        act(
            "/v1/uploads",
            upload,
            "Upload",
            "imports",
            takes=("application/x-ndjson",),
            limit=1 << 20,
        ),
        reading("/v1/broken/{what}", broken, "Break", "tests", access="anyone"),
        reading("/healthz", metrics.alive, "Alive", "operations", access="anyone"),
        reading(
            "/metrics",
            metrics.shown,
            "Figures",
            "operations",
            access="anyone",
            produces=("text/plain",),
        ),
        *docs.routes(),
    )


@dataclass(frozen=True, slots=True)
class Tiny:
    """The running application, and a way to be somebody."""

    app: web.Application
    host: str
    port: int
    own: OwnIssuer
    api_keys: ApiKeys

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def bearer(self, person: str = "zhou-min") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.own.token(person, '周敏', 'zc')}"}

    def writing(self, **more: str) -> dict[str, str]:
        return {
            **self.bearer(),
            "Idempotency-Key": "k-1",
            "If-Match": '"1"',
            "Content-Type": "application/json",
            **more,
        }

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                method, URL(self.url + path, encoded=True), headers=headers, **more
            ) as response,
        ):
            return response, await response.read()


@asynccontextmanager
async def running(
    folder: Path, settings: Settings | None = None, issuers: Iterable[Issuer] = ()
) -> AsyncIterator[Tiny]:
    own = OwnIssuer(folder, AUDIENCE)
    api_keys = ApiKeys(folder / API_KEYS_FILE)
    settings = settings or Settings()
    app = web.Application(middlewares=[metrics.observed, problems.problems, gate])
    app.on_response_prepare.append(problems.dressed)
    app[SETTINGS] = replace(settings, port=0)
    app[metrics.METRICS] = metrics.Metrics()
    app[TOKENS] = Tokens([own.issuer(), *issuers], api_keys)
    app[RATES], app[FAILURES] = Rates(), Failures(settings.rate_failures)
    app[headers.CURSOR_KEY] = b"k" * 32
    app[SEEN] = []
    add(app, table())
    app.router.add_get("/hidden", metrics.alive)  # it stands in no row of the table
    runner = Runner(app, settings)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield Tiny(app, host, port, own, api_keys)
    finally:
        await runner.cleanup()


def slug(body: bytes) -> str:
    return str(orjson.loads(body)["type"]).removeprefix("/problems/")
