"""Nothing outside the matrix is possible (P11): every cell of it is asked over HTTP."""

import random
import re

import pytest

from api import (
    anchor_routes,
    catalogue_routes,
    complaint_routes,
    docs,
    dossier,
    exchange,
    log_routes,
    matter_routes,
    subject_routes,
)
from api.app import table
from api.web import pages
from ledger import standing
from ledger.lifecycle import Action, May, Role
from tests.api.serving import serve
from tests.authz.asking import asked
from tests.authz.expected import (
    ANYONE,
    NO_CASE_CONTENT,
    RELATIONS,
    STAFF,
    cells,
    expected,
    rows,
)
from tests.authz.world import document, prepared

ROWS = rows()
HERE_NOW = [row for row in ROWS if not row.to_come]
PARTS = {
    "acts": [row for row in HERE_NOW if row.kind == "act"],
    "readings": [row for row in HERE_NOW if row.method == "GET"],
    "office": [row for row in HERE_NOW if row.method == "POST" and row.kind != "act"],
}
FLIPS = 30


@pytest.fixture
async def world(database, tmp_path):
    given = {"469002": document()}
    async for here in serve(database, tmp_path, start="2026-03-01", documents=given):
        yield await prepared(here)


def served():
    """Every method and path of the application, each word of a path for itself."""
    own = (
        table, complaint_routes.table, matter_routes.table, catalogue_routes.table,
        anchor_routes.table,
        exchange.table, pages.table, dossier.table, subject_routes.table, log_routes.table,
    )  # fmt: skip
    routes = [*docs.routes(), *(row for rows in own for row in rows())]
    return {
        (route.method, re.sub(r":[^{}]*}", "}", path))
        for route in routes
        for path, _, _ in route.spelled()
    }


@pytest.mark.parametrize("part", PARTS)
async def test_every_cell_of_the_matrix(world, part):
    wanted = [(row, cell, heard) for row in PARTS[part] for cell, heard in cells(row)]

    wrong = await asked(world, wanted)

    print(f"{part}: {len(wanted)} cells")
    assert [] == wrong


def test_every_action_and_every_route_has_a_row():
    assert sorted(served()) == sorted({row.route for row in HERE_NOW})
    assert {str(action) for action in Action} == {r.what for r in ROWS if " " not in r.what}
    assert {str(role) for role in Role} | {"witness"} == set(ANYONE)
    whats = [row.what for row in ROWS]
    assert sorted(set(whats)) == sorted(whats)


@pytest.mark.parametrize("row", [r for r in ROWS if r.to_come], ids=lambda row: row.what)
@pytest.mark.xfail(reason="to come: take the mark out of matrix.csv once it is there")
def test_a_row_to_come_has_its_route(row):
    assert row.route in served()


# -- controls ---------------------------------------------------------------------------------


async def test_control_a_flipped_cell_of_the_matrix_is_found(world):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    flips = [flipped(rng) for _ in range(FLIPS)]

    right = await asked(world, [(row, cell, expected(row, cell)) for row, cell in flips])
    wrong = await asked(world, [(row, cell, other(row, cell, rng)) for row, cell in flips])

    assert [] == right
    assert [(row.what, cell) for row, cell in flips] == [found[:2] for found in wrong]


def flipped(rng):
    row = rng.choice(HERE_NOW)
    return row, rng.choice([cell for cell, _ in cells(row)])


def other(row, cell, rng):
    """Another outcome than the right one, of those that the kind of row has."""
    heard = expected(row, cell)
    among = {told for name, told in row.heard.items() if name != "kind" and told} | {"401", "418"}
    return rng.choice(sorted(among - {heard}))


async def test_control_a_changed_rule_of_the_code_is_found(world, monkeypatch):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(FLIPS):
        row = rng.choice(PARTS["acts"])
        role, relation = rng.choice(STAFF), rng.choice(RELATIONS[:-1])
        with monkeypatch.context() as patch:
            action = Action(row.what)
            patch.setitem(standing.MAY, action, changed(action, Role(role), relation))
            forget(world)
            wrong = await asked(world, [(row, cell, heard) for cell, heard in cells(row)])
        forget(world)

        told = {(cell.role, cell.relation) for _, cell, _, _ in wrong if cell.state == "valid"}
        visible = role not in NO_CASE_CONTENT
        assert ({(role, relation)} if visible else set()) == told, (row.what, role, relation)


def changed(action, role, relation):
    """The row of the code with one relation of one role turned over."""
    now = {may.role: may for may in standing.MAY[action]}
    before = now.get(role, May(role, ""))
    letters = set(before.relations) ^ {relation}
    return (
        *(may for may in standing.MAY[action] if may.role != role),
        May(role, "".join(sorted(letters)), before.conditions),
    )


def forget(world):
    """Let what was worked out from the tables before be worked out again."""
    world.here.service.ledgers[world.here.ledger].office.remembered.clear()
