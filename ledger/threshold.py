"""From which day a limit warns (预警, 黄牌), by the alert policy of a case's terms."""

from collections.abc import Mapping
from datetime import date

from ledger.counting import Count
from ledger.limit import WHOLE, Data, Run


def warnings(
    run: Run, count: Count, budget: int, due: date, policy: Data
) -> tuple[date | None, date | None]:
    """Tell the first day of early and of yellow, by the row of the policy for this budget.

    The policy's `base` says which limit of the whole case is warned of: the promise, the law's,
    or each (DOMAIN 6); red is red for both.
    """
    base = policy.get("base", "each")
    if run.name in WHOLE and base not in ("each", run.name):
        return None, None
    row = next(r for r in policy["levels"] if budget <= r.get("budget_to", budget))

    def first_day(when: Mapping[str, int] | None) -> date | None:
        if when is None:
            return None
        if "on_due" in when:
            return due
        left = when.get("left")
        # Whole days, rounded up.
        used = budget - left if left is not None else -(-budget * when["used_percent"] // 100)
        return count.nth(max(0, used))

    return first_day(row.get("early")), first_day(row.get("yellow"))
