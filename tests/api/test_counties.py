"""The demo of 20 counties: real ledgers, one rewritten whole, and who names it."""

import io
import re

from api.demo.counties import COUNTIES, counties
from tests.api.test_forgotten import disk

__all__ = ["disk"]


async def test_the_county_that_was_rewritten_is_named_by_the_anchors_and_by_nothing_else(disk):
    out = io.StringIO()

    assert await counties(out, disk / "counties")

    told = out.getvalue()
    before, attacked, verified = told.split("\n== ")[1:]
    assert 2 == before.count("20 个县的检查点已存证")
    assert "nothing seen" in attacked
    assert re.search(r"琼海市 469002: anchor-conflict at position \d+ of 460000", attacked)
    rows = re.findall(r"^   (\d{6}) +[\d,]+ +(OK|BAD) +(OK|BAD) ", verified, re.MULTILINE)
    assert [(code, "OK", "BAD" if code == "469002" else "OK") for code in COUNTIES] == rows
    # Everything before the position that is named is proven to be as it was.
    named = re.search(r"位置 position (\d+): anchor: 琼海市: .* of (\d+) events", verified)
    changed = re.search(r"position (\d+) of 469002", verified)
    assert int(named[1]) <= int(changed[1]) < int(named[2])
    assert "自身核验通过 20/20" in verified
    assert not (disk / "counties").exists()
