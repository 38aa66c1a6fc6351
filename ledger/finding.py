"""What a start-up assertion finds, what follows from it, and what an operator can do (P10).

The table is SECURITY 7, ST-1 … ST-14.  Nothing here is ever repaired by the program.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What follows: no service, reads only, no by-law events, or only a line in the log."""

    REFUSE = "refuse"
    HOLD = "hold"
    ALERTS = "hold-alerts"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Assertion:
    """What follows where it does not hold, and what to do, in both languages."""

    severity: Severity
    todo_zh: str
    todo_en: str


ASSERTIONS: Mapping[str, Assertion] = {
    "ST-1": Assertion(
        Severity.REFUSE,
        "收回多出的权限或角色属性，再启动；查明是谁授予的。",
        "Revoke the right or role attribute that is too much, find out who gave it, start again.",
    ),
    "ST-2": Assertion(
        Severity.REFUSE,
        "在 PostgreSQL 中打开该项设置后重启；缺少它，已确认的办理可能丢失。",
        "Switch the setting on and restart PostgreSQL: without it acknowledged acts may be lost.",
    ),
    "ST-3": Assertion(
        Severity.HOLD,
        "接上同步备库并设置 synchronous_standby_names；接上后自动恢复记录。",
        "Attach the synchronous standby and name it; appends go on by themselves then.",
    ),
    "ST-4": Assertion(
        Severity.REFUSE,
        "用 ALTER ROLE … RESET 去掉多出的设置，或运行 caseledger migrate 补回缺少的设置。",
        "Remove the setting (ALTER ROLE … RESET); what is missing, `caseledger migrate` sets.",
    ),
    "ST-5": Assertion(
        Severity.HOLD,
        "函数、触发器或时钟与程序不一致：先查明何人何时改动，用 caseledger fsck 核对全部记录。",
        "A function, trigger or clock is not ours: find out who changed it, then run fsck.",
    ),
    "ST-6": Assertion(
        Severity.REFUSE,
        "运行与本程序版本相符的 caseledger migrate；若表结构被人改动，先查明原因。",
        "Run the `caseledger migrate` of this release; where a table was altered, find out why.",
    ),
    "ST-7": Assertion(
        Severity.HOLD,
        "不要修复。先用 caseledger recover copy 留存现场，再运行 caseledger fsck。",
        "Repair nothing: `caseledger recover copy` first, then `caseledger fsck`.",
    ),
    "ST-8": Assertion(
        Severity.HOLD,
        "台账短于或不同于已签发的检查点：按恢复程序办理（caseledger recover status）。",
        "The ledger is behind what it signed: the recovery ceremony, `caseledger recover status`.",
    ),
    "ST-9": Assertion(
        Severity.REFUSE,
        "另一套部署已接管；停掉它，或以更大的 CASELEDGER_EPOCH 启动。",
        "Another deployment took over: stop it, or start with a larger CASELEDGER_EPOCH.",
    ),
    "ST-10": Assertion(
        Severity.HOLD,
        "数据库经过切换或恢复。核对无误后，由负责人用 caseledger confirm ST-10 登记确认。",
        "The server was promoted or restored: check it, then `caseledger confirm ST-10`.",
    ),
    "ST-11": Assertion(
        Severity.ALERTS,
        "核对服务器时钟；正确时用 caseledger confirm ST-11 登记确认。确认前不作自动认定。",
        "Check the server's clock; where it is right, `caseledger confirm ST-11`.",
    ),
    "ST-12": Assertion(
        Severity.REFUSE,
        "密钥文件须为 0400、属于本账户、与台账公布的公钥相符，且不在数据目录内。",
        "Key files are 0400, ours, those the log names, and outside the data folder.",
    ),
    "ST-13": Assertion(
        Severity.REFUSE,
        "使用受支持的 PostgreSQL；TCP 连接须 TLS 1.2 以上并核验主机名（sslmode=verify-full）。",
        "Use a tested PostgreSQL; over TCP only TLS 1.2 or newer with sslmode=verify-full.",
    ),
    "ST-14": Assertion(
        Severity.HOLD,
        "清理或扩充磁盘；空间恢复后自动恢复记录。",
        "Make room on the disk; appends go on by themselves then.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """An assertion that does not hold; `softened` where less than usual follows from it."""

    id: str
    what: str
    softened: Severity | None = None

    @property
    def severity(self) -> Severity:
        """What follows from it."""
        return self.softened or ASSERTIONS[self.id].severity

    @property
    def told(self) -> Mapping[str, object]:
        """The finding as `/readyz` shows it."""
        rule = ASSERTIONS[self.id]
        todo = {"zh-CN": rule.todo_zh, "en": rule.todo_en}
        return {"id": self.id, "severity": str(self.severity), "what": self.what, "todo": todo}

    def __str__(self) -> str:
        """Return code and reason as one line."""
        return f"{self.id}: {self.what}"
