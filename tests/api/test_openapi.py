"""The document: made from what is served, and what is served is in it; and the offline page."""

import re

import orjson
import pytest

from api.acts import ACTS
from api.docs import FILES, found
from api.openapi import document
from api.slugs import SLUGS
from tests.api.tiny import CASES, running, table


@pytest.fixture(scope="module")
async def tiny(tmp_path_factory):
    async with running(tmp_path_factory.mktemp("keys")) as tiny:
        yield tiny


@pytest.fixture(scope="module")
async def served(tiny):
    response, body = await tiny.ask("GET", "/openapi.json")
    assert "application/json" == response.headers["Content-Type"]
    return orjson.loads(body)


def operations(told):
    return {
        (method, path): operation
        for path, methods in told["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_an_openapi_3_1_document(served):
    assert "3.1.0" == served["openapi"]
    assert served["info"]["title"]
    assert served["info"]["version"]


def test_every_reference_leads_somewhere(served):
    names = served["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', orjson.dumps(served).decode()):
        assert name in names


def test_every_act_is_a_path_of_its_own_with_its_shape(served):
    for name, shape in ACTS.items():
        path = "/v1/ledgers/{ledger}/cases"
        path += "" if name == "receive" else f"/{{case}}/{name}"
        operation = served["paths"][path]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        headers = {p["name"] for p in operation["parameters"] if p["in"] == "header"}

        assert {"$ref": f"#/components/schemas/{shape.__name__}"} == schema
        assert "Idempotency-Key" in headers
        assert ("If-Match" in headers) == (name != "receive")


def test_shapes_are_closed_and_say_their_limits(served):
    schemas = served["components"]["schemas"]
    for shape in ACTS.values():
        assert schemas[shape.__name__]["additionalProperties"] is False
    assert 200 == schemas["Receive"]["properties"]["materials"]["maxItems"]
    assert 10_000 == schemas["Receive"]["properties"]["reason"]["maxLength"]
    assert "pattern" in schemas["Material"]["properties"]["sha256"]


def test_every_path_part_is_a_parameter_and_every_operation_has_its_own_id(served):
    ids = []
    for (_, path), operation in operations(served).items():
        named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert set(re.findall(r"\{(\w+)\}", path)) == named
        ids.append(operation["operationId"])
    assert len(set(ids)) == len(ids)


def test_every_operation_says_how_it_refuses(served):
    reasons = set()
    for operation in operations(served).values():
        for status, answer in operation["responses"].items():
            if "application/problem+json" not in answer["content"]:
                continue
            for name in re.findall("`([a-z-]+)`", answer["description"]):
                assert SLUGS[name].status == int(status)
                reasons.add(name)
    assert len(reasons) > 40


def test_what_is_open_to_anyone_says_so(served):
    for (_, path), operation in operations(served).items():
        of_the_log = "/log/" in path or path.endswith("/proof")
        told_to_few = "/entries/" in path or "/sealed/" in path
        inside = path.startswith(("/v1/ledgers", "/v1/uploads"))
        open_to_anyone = not inside or (of_the_log and not told_to_few)
        assert open_to_anyone == (operation.get("security") == [])


async def test_what_is_in_it_is_served_and_what_is_served_is_in_it(tiny, served):
    listed = {(row.method.lower(), path) for row in table() for path, *_ in row.spelled()}
    assert listed == operations(served).keys()

    for method, path in listed:
        there = re.sub(r"\{\w+\}", "x", path)
        response, _ = await tiny.ask(method, there)
        known = response.status != 404 or path.startswith(("/problems", "/docs/", "/v1/broken"))
        assert known, path
        assert 405 != response.status


def test_it_is_the_same_each_time():
    assert orjson.dumps(document(table())) == orjson.dumps(document(table()))


# -- the page ----------------------------------------------------------


async def test_the_page_needs_nothing_from_elsewhere_and_no_inline_script(tiny):
    response, body = await tiny.ask("GET", "/docs", headers={"Accept": "text/html"})
    page = body.decode()
    policy = response.headers["Content-Security-Policy"]

    assert 200 == response.status
    assert "'unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "://" not in page
    assert not re.search(r"<script[^>]*>[^<]", page)
    assert not re.search(r"\son\w+=|style=", page)
    for name in re.findall(r'(?:src|href)="(/[^"]*)"', page):
        response, _ = await tiny.ask("GET", name)
        assert 200 == response.status, name


@pytest.mark.parametrize("name", [*FILES])
async def test_the_files_come_out_of_the_installed_package(tiny, name):
    response, body = await tiny.ask("GET", f"/docs/{name}")
    path = found(name)

    assert 200 == response.status
    assert path is not None
    assert path.read_bytes() == body
    assert response.headers["Content-Type"].startswith(FILES[name])
    assert "nosniff" == response.headers["X-Content-Type-Options"]


@pytest.mark.parametrize("name", ["index.html", "..%2f__init__.py", "%2e%2e", "swagger-ui.js", "x"])
async def test_nothing_else_of_the_package_can_be_reached(tiny, name):
    response, _ = await tiny.ask("GET", f"/docs/{name}")

    assert 404 == response.status


# -- figures ----------------------------------------------------------


async def test_figures_name_routes_by_their_pattern_and_never_a_case(tiny):
    await tiny.ask("GET", f"{CASES}/469002-2026-000001", headers=tiny.bearer())
    await tiny.ask("GET", "/secret-path")
    _, body = await tiny.ask("GET", "/metrics", headers={"Accept": "text/plain"})
    told = body.decode()

    assert 'route="/v1/ledgers/{ledger}/cases/{case}"' in told
    assert 'route="unmatched"' in told
    for name in ("469002", "zhou-min", "secret-path"):
        assert name not in told
