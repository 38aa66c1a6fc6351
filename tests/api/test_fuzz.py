"""Whatever the served document allows, and what it does not: never an answer of 5xx.

schemathesis makes requests out of the document, right ones and wrong ones, for every
operation.  They are sent by three people, or by whom the act is given to, to something that
is there.  Each answer is held against the document too.
"""

import contextlib
import json
import random

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from api.openapi import written
from api.routes import TABLE
from tests.api.serving import KEYS, serve
from tests.api.test_order import ACTS, staged

EXAMPLES = 3
# One post of the example that gives each act; not listed: the head's, or nobody's.
DOES = {action: by for action, (by, _) in ACTS.items()}
PEOPLE = ("wu-jun", "chen-zhi", "jiang-he")
SKIPPED = {"/docs", "/docs/{file}", "/openapi.json"}  # files, as they are
# By which every step of the procedure is met, whatever else is asked.
CASES = "/v1/ledgers/{ledger}/cases"
ALWAYS = {CASES, *(f"{CASES}/{{case}}/{act}" for act in ("accept", "publish", "review", "seal"))}
KNOWN = {
    "items": "QH-002",
    "calendars": "cn",
    "policies": "duty-standard",
    "appointments": "zhou-min-clerk",
    "seals": "QH-S1",
    "seal": "QH-S1",
}


@pytest.mark.parametrize("one_of", [4, pytest.param(1, marks=pytest.mark.chaos)])
def test_no_request_of_the_document_is_answered_with_a_defect(run, database, tmp_path, one_of):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    service = serve(database, tmp_path, start="2026-03-02")
    here = run(anext(service))
    try:
        case = run(here.accepted("QH-002", "2026-03-02"))
        run(here.granted(case, "2026-03-02"))
        names = KNOWN | {"case": case, "imports": run(staged(here)), "ledger": "469002"}
        answers = fuzzed(run, here, names, seed, one_of)
    finally:
        run(service.aclose())

    print(answers)
    assert sum(answers.values()) > 900 // one_of
    # It got through to the procedure, and was refused on each step before.
    assert {200, 400, 403, 404} <= set(answers)
    assert {201, 409, 412, 422} & set(answers)


def fuzzed(run, here, names, seed, one_of):
    """Ask some requests of one operation in so many; count the answers by status.

    To think of requests takes longer than to answer them: `make chaos` asks every operation.
    """
    rng = random.Random(seed)
    document = schemathesis.openapi.from_dict(json.loads(written(here.app[TABLE])))
    answers = {}
    for found in document.get_all_operations():
        operation = found.ok()
        if operation.path in SKIPPED or (operation.path not in ALWAYS and rng.randrange(one_of)):
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @hypothesis.seed(seed)
            @settings(
                max_examples=EXAMPLES,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=(hypothesis.Phase.generate,),
            )
            @hypothesis.given(
                operation.as_strategy(generation_mode=mode), st.sampled_from(PEOPLE), st.booleans()
            )
            def ask(made, by, known):
                status = run(sent(here, made, names if known else {"ledger": "469002"}, by))
                answers[status] = answers.get(status, 0) + 1
                assert status < 500, (seed, made.as_curl_command(), by)

            # What has no parameters cannot be asked wrongly.
            with contextlib.suppress(hypothesis.errors.Unsatisfiable):
                ask()
    return answers


async def sent(here, made, names, by):
    """Send what was made, to things that are there if names are given for them."""
    things = made.path.removeprefix("/v1/ledgers/{ledger}/").partition("/")[0]
    parts = {**(made.path_parameters or {}), **names}
    if "id" in parts and things in names:
        parts["id"] = names[things]
    made.path_parameters = {name: str(parts[name]) for name in made.path_parameters or {}}
    headers = {n: str(v) for n, v in (made.headers or {}).items() if plain(str(v))}
    headers.pop("Authorization", None)
    if "case" in names and made.method == "POST":
        by = DOES.get(made.path.rpartition("/")[2], by)
        headers["Idempotency-Key"] = f"fuzz-{next(KEYS)}"
        headers["If-Match"] = f'"{here.versions[names["case"]]}"'
    data = None
    if made.method == "POST":
        headers["Content-Type"] = made.media_type or "application/json"
        given = isinstance(made.body, dict | list | str | int | float | bool | None)
        data = json.dumps(made.body if given else {}).encode()
    asked = dict(made.query or {})
    if str(asked.get("at_least", "")).isdecimal():
        asked["at_least"] = 0  # waiting for what never comes is no defect
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    url = here.base + made.formatted_path + (f"?{query}" if query else "")
    answer = await here.call(made.method, url, by=by, headers=headers, data=data)
    if answer.status == 201 and answer.body.get("case") in here.versions:
        here.versions[answer.body["case"]] = answer.body["version"]
    return answer.status


def plain(value):
    """Whether an ordinary client sends that in a header."""
    return value.isprintable() and value.isascii()
