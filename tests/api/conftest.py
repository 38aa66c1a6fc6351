"""A service whose database can go away: the door that it stands behind."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.ledger.gate import Gate


@pytest.fixture
async def gate(database):
    # A socket's path is short; pytest's own folder is not.
    folder = Path(tempfile.mkdtemp(prefix="gate-"))
    async with Gate(folder, database.reach["host"]) as gate:
        yield gate
    shutil.rmtree(folder)
