"""Which limit of a whole case is warned of is data: the promise, the law's, or each."""

import pytest

from tests.ledger import given
from tests.ledger.given import POLICIES, last

WHOLE = ("promised", "statutory")


@pytest.mark.parametrize(
    ("base", "levels"),
    [
        (None, {"promised": ["early", "yellow", "red"], "statutory": ["early", "yellow", "red"]}),
        ("each", {"promised": ["early", "yellow", "red"], "statutory": ["early", "yellow", "red"]}),
        ("promised", {"promised": ["early", "yellow", "red"], "statutory": ["red"]}),
        ("statutory", {"promised": ["red"], "statutory": ["early", "yellow", "red"]}),
    ],
)
def test_only_the_base_of_the_policy_is_warned_of(base, levels):
    policy = POLICIES["alerts-default"] | ({} if base is None else {"base": base})
    bureau = given.bureau(policies={"alerts-default": policy})
    case = bureau.accepted("QH-002", "2025-09-22")

    cards = bureau.alerts(case, at="2025-10-25 12:00")

    found = {name: [c.level for c in cards if c.deadline == name] for name in WHOLE}
    assert levels == found


def test_the_light_follows_the_same_base():
    policy = POLICIES["alerts-default"] | {"base": "promised"}
    bureau = given.bureau(policies={"alerts-default": policy})
    case = bureau.accepted("QH-002", "2025-09-22")

    assert "yellow" == last(bureau.state(case, at="2025-09-26 12:00"), "promised")["light"]
    assert "green" == last(bureau.state(case, at="2025-10-24 12:00"), "statutory")["light"]
    assert "red" == last(bureau.state(case, at="2025-10-25 12:00"), "statutory")["light"]
