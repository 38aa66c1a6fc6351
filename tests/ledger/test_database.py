"""The ways into the database, and that an embedded one never outlives us."""

import pytest

from ledger.database import Role


async def test_plain_role(connect):
    app = await connect(Role.APP)

    assert "ledger_app" == await app.fetchval("SELECT current_user")


@pytest.mark.external
async def test_plain_role_external(connect):
    app = await connect(Role.APP)

    assert "ledger_app" == await app.fetchval("SELECT current_user")
