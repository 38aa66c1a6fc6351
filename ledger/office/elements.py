"""The 13 elements that one item has in common from the nation down to the village (四级四同).

Which they are is written down here and nowhere else.  An element counts where it says
something: a name without a text, or a dash in the place of one, is no element, and neither is
a limit other than the one that cases run by.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from ledger.case import Data

# Whether a text says what the element has to, of an item with this limit by law (working days).
Valid = Callable[[str, int], bool]

# Figures ask for all items of a province's catalogue, and most say what they said before.
REMEMBERED = 65_536

_NOTHING = frozenset(
    {
        "-",
        "--",
        "—",
        "——",
        "/",
        "\\",
        "?",
        "？",
        "n/a",
        "tbd",
        "todo",
        "待定",
        "待补充",
        "暂缺",
        "略",
    }
)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TELEPHONE = re.compile(r"\+?[0-9][0-9 ()/、,，;；-]{1,99}", re.ASCII)
# More digits than a limit has are no limit.
_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,9}(?![0-9])", re.ASCII)
_DIGITS = 3

# 6+1 kinds of matter, as the catalogue calls them.
TYPES = frozenset(
    {
        "行政许可", "行政给付", "行政确认", "行政奖励", "行政裁决", "其他行政权力", "公共服务",
        "permit", "payment", "confirmation", "reward", "adjudication", "other power",
        "public service",
    }
)  # fmt: skip


def _said(_text: str, _law: int) -> bool:
    return True


def _coded(text: str, _law: int) -> bool:
    return is_code(text)


def is_code(text: str) -> bool:
    """Tell whether this is an opaque code: one word, whatever its scheme (compared, not parsed)."""
    return _CODE.fullmatch(text) is not None


def _typed(text: str, _law: int) -> bool:
    return text in TYPES


def _reachable(text: str, _law: int) -> bool:
    return _TELEPHONE.fullmatch(text) is not None and sum(c.isdigit() for c in text) >= _DIGITS


def _limit(text: str, law: int) -> bool:
    """The published limit is the one of the item; without a number it says something else."""
    found = _NUMBER.search(text)
    return int(found[0]) == law if found else law == 0


ELEMENTS: Mapping[str, Valid] = {
    "main_name": _said,  # 主项名称
    "sub_name": _said,  # 子项名称
    "type": _typed,  # 事项类型
    "main_code": _coded,  # 主项编码
    "sub_code": _coded,  # 子项编码
    "legal_basis": _said,  # 设定依据
    "materials": _said,  # 申请材料
    "acceptance_conditions": _said,  # 受理条件
    "process": _said,  # 办理流程
    "fees": _said,  # 收费标准
    "statutory_limit": _limit,  # 法定时限
    "form": _said,  # 申请表格
    "complaint_telephone": _reachable,  # 投诉电话
}


def lacking(content: Data) -> tuple[str, ...]:
    """Name the elements that an item does not have, or not in a form that says something."""
    given: Mapping[str, str] = content.get("elements") or {}
    return _lacking(tuple(map(given.get, ELEMENTS)), int(content["limits"]["statutory"]))


@lru_cache(maxsize=REMEMBERED)
def _lacking(given: tuple[str | None, ...], law: int) -> tuple[str, ...]:
    rows = zip(ELEMENTS.items(), given, strict=True)
    return tuple(name for (name, valid), text in rows if not _says(text, valid, law))


def _says(given: str | None, valid: Valid, law: int) -> bool:
    text = (given or "").strip()
    return bool(text) and text.lower() not in _NOTHING and valid(text, law)
