"""A case's life as its callers send it: thirteen acts of seven people, over HTTP.

The same requests go to the service and to the bare server; only the service reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex
from typing import Any

import orjson

from tests.bench.wire import Answer, Connection

DIGEST = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
LICENCE = {"kind": "licence", "version": 1, "sha256": DIGEST}
NOTE = "按规定办理，材料齐全，符合法定条件。"

# Who does what; the body of each act, `receive` first.
ACTS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    (
        "zhou-min",
        "receive",
        {
            "item": "QH-008",
            "applicant": {
                "kind": "organisation",
                "name": "琼海示例建设有限公司",
                "id_scheme": "uscc",
                "id": "91469002MA5X00022Q",
            },
            "channel": "window",
            "materials": [
                {"name": "建筑垃圾处置申请表", "sha256": DIGEST, "media_type": "application/pdf"},
                {"name": "运输方案", "sha256": DIGEST, "media_type": "application/pdf"},
            ],
        },
    ),
    ("zhou-min", "accept", {}),
    ("zhou-min", "transfer", {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}),
    ("chen-zhi", "acknowledge-transfer", {}),
    ("chen-zhi", "review", {"level": "handle", "opinion": NOTE, "recommend": "grant"}),
    (
        "lin-bo",
        "review",
        {"level": "check", "opinion": NOTE, "recommend": "grant", "adopts": True},
    ),
    ("huang-qiang", "decide", {"outcome": "grant", "document": LICENCE}),
    ("he-yan", "seal", {"seal": "QH-S1", "document": LICENCE, "copies": 1, "medium": "paper"}),
    ("tang-li", "issue", {"document": LICENCE, "method": "window", "receipt": DIGEST}),
    ("chen-zhi", "publish", {"what": "decision", "where": "政府网站"}),
    ("tang-li", "close", {}),
    ("chen-zhi", "push", {"to": "qh-zjj"}),
    ("zheng-kai", "claim", {}),
)
PEOPLE = tuple(dict.fromkeys(person for person, _, _ in ACTS))
BODIES = tuple(orjson.dumps(body) for _, _, body in ACTS)


class Refusal(Exception):
    """An act of the benchmark was refused: what it measures would mean nothing."""


@dataclass
class Life:
    """One caller, who takes one case after another through its life."""

    connection: Connection
    base: str
    tokens: Mapping[str, str]
    durable: bool
    case: str = "469002-2026-000001"
    version: str = '"1"'
    run: str = field(default_factory=lambda: token_hex(6))
    steps: "count[int]" = field(default_factory=count)

    async def act(self) -> Answer:
        """Do the next act of the life of a case."""
        step = next(self.steps)
        number = step % len(ACTS)
        person, action, _ = ACTS[number]
        headers = {
            "Authorization": f"Bearer {self.tokens[person]}",
            "Accept": "application/json",
            "Idempotency-Key": f"{self.run}-{step}",
        }
        path = f"{self.base}/cases"
        if number:
            path = f"{path}/{self.case}/{action}"
            headers["If-Match"] = self.version
        answer = await self.connection.ask("POST", path, headers, BODIES[number])
        if answer.status != 201:
            raise Refusal(f"{action}: {answer.status} {answer.body[:400].decode()}")
        if self.durable:
            self.version = header(answer.head, b"etag")
            if number == 0:
                self.case = header(answer.head, b"location").rpartition("/")[2]
        return answer


def header(head: bytes, name: bytes) -> str:
    """Return one header of an answer."""
    at = head.lower().index(b"\r\n" + name + b":") + len(name) + 3
    return head[at : head.index(b"\r\n", at)].strip().decode()
