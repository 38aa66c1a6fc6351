"""What single columns of the lists tell, in words."""

from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from api.web.list_columns import _measured
from api.web.texts import Texts

TELLER = SimpleNamespace(texts=Texts("zh-CN", ZoneInfo("Asia/Shanghai")))


@pytest.mark.parametrize(
    ("measured", "unit", "compare", "threshold", "text", "small"),
    [
        (1, "same-person", ">=", 1, "1 同一人", "≥ 1"),
        (0, "day", "<=", 30, "0 天", "≤ 30"),
        (20, "working-day", ">", 7, "20 个工作日", "> 7"),
        (2_620_799.9, "second", None, None, "2,620,799.9 秒", "30.3 天"),
        (86_399.9, "second", None, None, "86,399.9 秒", ""),
        (None, None, None, None, "—", ""),
    ],
)
def test_what_a_rule_measured_is_told_with_its_limit(
    measured, unit, compare, threshold, text, small
):
    row = {
        "measured": measured,
        "unit_of_measure": unit,
        "compare": compare,
        "threshold": threshold,
    }

    cell = _measured(TELLER, row)

    assert (text, small) == (cell.text, cell.small)
