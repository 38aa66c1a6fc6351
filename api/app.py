"""The application: its table of routes, and what every request passes."""

from collections.abc import Callable, Iterable

from aiohttp import web

from api import (
    access,
    access_log,
    access_log_told,
    alerts,
    anchor_routes,
    audit,
    cases,
    catalogue_routes,
    complaint_routes,
    dossier,
    exchange,
    figures_told,
    findings,
    findings_told,
    links,
    log_routes,
    matter_routes,
    metrics,
    office,
    office_told,
    parameters,
    performance,
    posts,
    problems,
    readiness,
    record,
    registers,
    replay,
    reviews,
    subject_routes,
    told,
)
from api.api_keys import ApiKeys
from api.bodies import ACTS, OFFICE_BODIES
from api.gate import gate
from api.issuing import API_KEYS_FILE, SIGN_IN, issuers, sign_ins
from api.limits import FAILURES, RATES, Failures, Rates
from api.metrics import METRICS, Metrics
from api.published import proven
from api.readings import before_first_byte, log_then_serve
from api.refusals import on_record
from api.routes import BY_SYSTEMS, KINDS, Route, act, add, reading
from api.service import SERVICE, Service
from api.settings import SETTINGS
from api.tokens import TOKENS, Tokens
from ledger.office.seal import CUSTODY

LEDGER = "/v1/ledgers/{ledger}"
CASE = f"{LEDGER}/cases/{{case}}"
THINGS = ("items", "calendars", "policies", "appointments", "anchored-logs")
SHOWN = (*THINGS, "seals")
RESPONSIBILITIES = tuple(sorted(audit.RESPONSIBILITIES))
ON_A_CASE = tuple(name for name in ACTS if name != "receive")
ON_A_SEAL = tuple(name for name in CUSTODY if name != "register")
BODY_OF = {name: OFFICE_BODIES[KINDS[name]] for name in THINGS}


def table() -> list[Route]:
    """List every route of the interface, in the order they are tried."""
    return [
        act(
            f"{LEDGER}/cases",
            record.receive,
            "Take an application in",
            "bureau",
            name="receive",
            body=ACTS["receive"],
            answers=told.Act,
            system=True,
        ),
        reading(
            f"{LEDGER}/cases",
            cases.listed,
            "List cases",
            "reading",
            name="read-cases",
            answers=told.Page[told.CaseRow],
            query=parameters.CASES,
        ),
        reading(
            CASE,
            cases.one,
            "One case, now or as it was known",
            "reading",
            name="read-case",
            answers=told.State,
            query=parameters.CASE,
        ),
        reading(
            f"{CASE}/events",
            cases.history,
            "The history of a case",
            "reading",
            name="read-history",
            answers=told.Page[told.Event],
            query=parameters.AT_LEAST,
        ),
        reading(
            f"{CASE}/replay",
            replay.steps,
            "A case step by step",
            "reading",
            name="read-history",
            answers=told.Replay,
            query=parameters.REPLAY,
        ),
        act(
            f"{CASE}/{{action}}",
            record.act,
            "Do an action on a case",
            "bureau",
            name="{action}",
            among={"action": ON_A_CASE},
            body={name: ACTS[name] for name in ON_A_CASE},
            answers=told.Act,
            system=BY_SYSTEMS,
            versioned=True,
        ),
        reading(
            f"{LEDGER}/alerts",
            alerts.listed,
            "Alerts raised by now",
            "reading",
            name="read-alerts",
            answers=told.Page[told.Alert],
            query=parameters.ALERTS,
        ),
        reading(
            f"{LEDGER}/links",
            links.listed,
            "What waits to be pushed or claimed",
            "reading",
            name="read-cases",
            answers=told.Page[figures_told.Link],
            query=parameters.LINKS,
        ),
        reading(
            f"{LEDGER}/audit/{{responsibility}}",
            audit.listed,
            "The audit trail of a responsibility",
            "reading",
            name="read-audit",
            among={"responsibility": RESPONSIBILITIES},
            produces=("application/json", "text/csv"),
            answers=told.Page[told.AuditRow],
            query=parameters.AUDIT,
        ),
        reading(
            f"{LEDGER}/access-log",
            access_log.listed,
            "Who read what",
            "reading",
            name="read-access-log",
            answers=told.Page[access_log_told.Reading],
            query=parameters.ACCESS_LOG,
        ),
        reading(
            f"{LEDGER}/findings",
            findings.listed,
            "What the rules of inspection find by now",
            "reading",
            name="read-findings",
            answers=findings_told.Measured[findings_told.Finding],
            query=parameters.FINDINGS,
        ),
        reading(
            f"{LEDGER}/findings/rules",
            findings.rules,
            "The rules of inspection, and how much each finds",
            "reading",
            name="read-findings",
            answers=findings_told.Measured[findings_told.FindingRule],
            query=parameters.FINDING_RULES,
        ),
        reading(
            f"{LEDGER}/findings/figures",
            findings.figures,
            "How what a rule measured is spread",
            "reading",
            name="read-findings",
            answers=told.Page[findings_told.FindingFigure],
            query=parameters.FINDING_FIGURES,
        ),
        reading(
            f"{LEDGER}/reviews",
            reviews.listed,
            "Evaluations, and how far bad ones have come",
            "reading",
            name="read-reviews",
            answers=told.Page[figures_told.Review],
            query=parameters.REVIEWS,
        ),
        reading(
            f"{LEDGER}/reviews/units",
            reviews.units,
            "Rates of evaluations by unit",
            "reading",
            name="read-reviews",
            answers=figures_told.UnitRates,
            query=parameters.REVIEW_UNITS,
            must=("from", "to"),
        ),
        reading(
            f"{LEDGER}/performance",
            performance.figures,
            "Figures of a period with their definitions",
            "reading",
            name="read-performance",
            answers=figures_told.Figures,
            query=parameters.PERFORMANCE,
            must=("from", "to"),
        ),
        reading(
            f"{LEDGER}/performance/cases",
            performance.cases,
            "The cases behind a figure",
            "reading",
            name="read-performance",
            answers=told.Page[figures_told.FigureCase],
            query=parameters.PERFORMANCE_CASES,
            must=("definition", "from", "to"),
        ),
        act(
            f"{LEDGER}/clock",
            office.clock,
            "Set the clock of a simulated ledger",
            "office",
            name="clock-set",
            body=OFFICE_BODIES["clock"],
            answers=office_told.Clock,
            keyed=False,
        ),
        act(
            f"{LEDGER}/{{things}}/{{id}}/approve",
            office.approve,
            "Put in force what another person proposed",
            "office",
            name="{kind}-approve",
            among={"things": THINGS},
            body=OFFICE_BODIES["approve"],
            answers=office_told.OfficeDone,
        ),
        act(
            f"{LEDGER}/appointments/{{id}}/end",
            office.end,
            "End an appointment at once",
            "office",
            name="appointment-end",
            body=OFFICE_BODIES["end"],
            answers=office_told.OfficeDone,
        ),
        act(
            f"{LEDGER}/appointments/{{id}}/review",
            office.review,
            "Say what was found of a break-glass",
            "office",
            name="appointment-review",
            body=OFFICE_BODIES["appointment-review"],
            answers=office_told.OfficeDone,
        ),
        reading(
            f"{LEDGER}/posts/check",
            posts.check,
            "Posts that join what must stay apart, run out, or are not used",
            "office",
            name="read-posts",
            answers=told.Page[office_told.PostNoted],
            query=parameters.POSTS,
        ),
        reading(
            f"{LEDGER}/seals/{{id}}/register",
            registers.register,
            "Every use of a seal",
            "office",
            name="read-register",
            answers=told.Page[figures_told.SealUse],
            query=parameters.REGISTER,
        ),
        act(
            f"{LEDGER}/seals/{{id}}/reconcile",
            registers.reconcile,
            "Record the count of a seal beside its register",
            "office",
            name="seal-reconcile",
            body=OFFICE_BODIES["seal-reconcile"],
            answers=office_told.OfficeDone,
        ),
        act(
            f"{LEDGER}/seals",
            office.custody,
            "Register a seal",
            "office",
            name="seal-register",
            body=OFFICE_BODIES["seal-register"],
            answers=office_told.OfficeDone,
        ),
        act(
            f"{LEDGER}/seals/{{seal}}/{{act}}",
            office.custody,
            "A custody act on a seal",
            "office",
            name="seal-{act}",
            among={"act": ON_A_SEAL},
            body={name: OFFICE_BODIES[f"seal-{name}"] for name in ON_A_SEAL},
            answers=office_told.OfficeDone,
        ),
        act(
            f"{LEDGER}/{{things}}",
            office.propose,
            "Propose a thing of the office",
            "office",
            name="{kind}-propose",
            among={"things": THINGS},
            body=BODY_OF,
            answers=office_told.OfficeDone,
        ),
        reading(
            f"{LEDGER}/{{things}}",
            office.listing,
            "The things of the office",
            "office",
            name="read-{things}",
            among={"things": SHOWN},
            answers={
                **dict.fromkeys(THINGS, told.Page[office_told.Thing]),
                "seals": told.Page[office_told.Seal],
            },
            query=parameters.THINGS,
        ),
        reading(
            f"{LEDGER}/{{things}}/{{id}}",
            office.showing,
            "One thing of the office with its versions",
            "office",
            name="read-{things}",
            among={"things": SHOWN},
            answers={**dict.fromkeys(THINGS, office_told.Thing), "seals": office_told.Seal},
            query=parameters.THING,
        ),
        reading(
            "/healthz",
            metrics.alive,
            "The process is there",
            "running",
            access="anyone",
            answers=told.Alive,
        ),
        reading(
            "/readyz",
            readiness.ready,
            "Whether acts can be taken, and how far the views are",
            "running",
            access="anyone",
            answers=told.Ready,
            also={503: told.Ready},
        ),
    ]


def build(
    service: Service,
    *,
    rows: Iterable[Route] = (),
    also: Callable[[web.Application], None] | None = None,
) -> web.Application:
    """Return the application over a service.

    `rows` are further routes, `also` adds what routes alone do not say (pages, state).
    """
    settings = service.settings
    app = web.Application(
        middlewares=[metrics.observed, problems.problems, on_record, gate, log_then_serve, proven],
        client_max_size=2**20,
    )
    app[SERVICE] = service
    app[SETTINGS] = settings
    app[METRICS] = Metrics()
    app[METRICS].of_stamps(service.stamps)
    app[METRICS].of_anchors(service.oldest_anchor)
    app[RATES] = Rates()
    app[FAILURES] = Failures(settings.rate_failures)
    app[TOKENS] = Tokens(
        issuers(settings, service.keys),
        ApiKeys(service.keys / API_KEYS_FILE),
        cache_s=settings.token_cache_s,
    )
    app[SIGN_IN] = sign_ins(settings)
    own = (
        table,
        complaint_routes.table,
        matter_routes.table,
        catalogue_routes.table,
        anchor_routes.table,
        log_routes.table,
        subject_routes.table,
        dossier.table,
    )
    add(app, [*(row for rows_of in own for row in rows_of()), *exchange.table(), *rows])
    app.on_response_prepare.append(problems.dressed)
    app.on_response_prepare.append(access.warned)
    app.on_response_prepare.append(before_first_byte)
    if also is not None:
        also(app)
    app.cleanup_ctx.append(service.running)
    exchange.work_beside(app)
    return app
