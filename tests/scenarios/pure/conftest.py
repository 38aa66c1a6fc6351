"""Fixtures of the scenarios as pure functions: the example bureau."""

import pytest

from tests.ledger import given


@pytest.fixture
def bureau():
    """The example bureau on 1 January 2020."""
    return given.bureau()
