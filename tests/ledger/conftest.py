"""Fixtures of the ledger's tests: the domain's know no database, the store's have a real one."""

import pytest

from ledger.database import Role
from ledger.store import Store, open_ledger
from tests.ledger import given
from tests.ledger.appending import LEDGER


@pytest.fixture
def bureau():
    """The example bureau on 1 January 2020."""
    return given.bureau()


@pytest.fixture
async def make_store(database, connect):
    """Opens a ledger once, and stores on it as often as asked: `await make_store()`."""
    migrating = await connect()
    opened, made = [], set()

    async def make(*, simulated=None, ledger=LEDGER, **more):
        if ledger not in made:
            await open_ledger(migrating, ledger, "Asia/Shanghai", simulated)
            made.add(ledger)
        store = Store({**database.as_role(Role.APP), **more})
        await store.connect()
        opened.append(store)
        return store

    yield make
    for store in opened:
        await store.close()
