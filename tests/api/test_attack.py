"""The attacks of the demo: each is done to a real database, and each is seen, and where."""

import io
import re

from api.demo.attack import ATTACKS, attack
from tests.api.test_forgotten import disk

__all__ = ["disk"]


async def test_every_attack_is_seen_and_said_where(disk, capsys):
    out = io.StringIO()

    assert await attack(out, disk / "attack")

    told = out.getvalue()
    parts = dict(zip([english for _, english, _ in ATTACKS], told.split("\n== ")[2:], strict=True))
    edited, cut, rewritten, restored = parts.values()
    assert "ST-7" in edited
    assert "truncated: 5 events missing" in cut
    # With the key and the file outside stolen, only what others kept tells.
    assert "ST-" not in rewritten
    assert "the witness inspection has seen another root" in rewritten
    assert "two roots for the size" in rewritten
    assert re.search(r"ST-8: .*truncated: \d+ events missing that the file outside", restored)
    assert "4 / 4" in told
    assert "another history" in capsys.readouterr().out
    assert not (disk / "attack").exists()
