"""Fixtures of the domain's tests: no database, no clock but the one they set."""

import pytest

from tests.ledger import given


@pytest.fixture
def bureau():
    """The example bureau on 1 January 2020."""
    return given.bureau()
