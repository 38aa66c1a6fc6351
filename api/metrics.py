"""What is counted and logged of requests: route, method, status, duration, and nobody's name.

Cases, persons and ledgers appear nowhere here: who reads what is told by the access log only.
"""

import time
from collections.abc import Callable
from importlib.metadata import version

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from api.headers import request_id, trace
from api.problems import Handler

log = structlog.get_logger()

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
LABELS = ("method", "route", "status")


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        """Make them in a registry of their own."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "caseledger_requests", "Requests answered", LABELS, registry=self.registry
        )
        self.seconds = Histogram(
            "caseledger_request_seconds",
            "How long answers took",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.running = Gauge(
            "caseledger_requests_running", "Requests being answered", registry=self.registry
        )
        self.anchors = Counter(
            "caseledger_anchored_logs_looked",
            "Looks at the anchored logs of other ledgers, by what came of it",
            ("result",),
            registry=self.registry,
        )
        about = Gauge("caseledger_info", "The program", ("version",), registry=self.registry)
        about.labels(version("caseledger")).set(1)

    def of_stamps(self, told: Callable[[], tuple[int, int]]) -> None:
        """Count what time-stamping authorities answered: good ones, and what failed."""
        count = Gauge(
            "caseledger_time_stamps", "Time stamps asked for", ("outcome",), registry=self.registry
        )
        count.labels("kept").set_function(lambda: told()[0])
        count.labels("failed").set_function(lambda: told()[1])

    def of_anchors(self, oldest: Callable[[], float]) -> None:
        """Tell when the log was anchored that has waited longest; `/readyz` says which it is."""
        Gauge(
            "caseledger_anchors_oldest_timestamp_seconds",
            "When the followed log was anchored whose newest anchor is the oldest",
            registry=self.registry,
        ).set_function(oldest)

    def text(self) -> bytes:
        """Return the figures in the format of Prometheus."""
        return generate_latest(self.registry)


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


@web.middleware
async def observed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count and log a request: the outermost of the middlewares."""
    metrics = request.app[METRICS]
    name = route_name(request)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id(request))
    traced = trace(request)
    if traced is not None:
        structlog.contextvars.bind_contextvars(trace=traced)
    began = time.perf_counter()
    status = 499  # the caller went away before there was an answer
    metrics.running.inc()
    try:
        response = await handler(request)
        status = response.status
    finally:
        took = time.perf_counter() - began
        metrics.running.dec()
        method = request.method if request.method in KNOWN else "other"
        metrics.requests.labels(method, name, str(status)).inc()
        metrics.seconds.labels(method, name).observe(took)
        log.info("request", route=name, method=method, status=status, ms=round(took * 1e3, 1))
    return response


KNOWN = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


def route_name(request: web.Request) -> str:
    """Name a route by its pattern, never by the path: paths hold case numbers."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


async def shown(request: web.Request) -> web.Response:
    """Answer the figures: `GET /metrics`, on the admin port only."""
    return web.Response(
        body=request.app[METRICS].text(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


async def alive(request: web.Request) -> web.Response:  # noqa: ARG001 a route takes it
    """Answer that the process runs: `GET /healthz`."""
    return web.json_response({"status": "ok"})
