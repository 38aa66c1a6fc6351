"""Everything that can be set, with its default and the reason for it.

The only place that reads the environment: each field is `CASELEDGER_` and its name.  What
stands in no field cannot be set; protections have limits here, but no switch.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from aiohttp import web

PREFIX = "CASELEDGER_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of one process."""

    # Everything we keep on disk lies in one folder; None: the usual place of this account.
    home: Path | None = None
    # Keys lie apart from what they protect, and are never in one backup with it; None: `keys`
    # in the home folder.
    keys: Path | None = None
    # The newest checkpoint of each log, outside the database; None: `checkpoints` beside the folder
    # of keys. Best on another disk, and in no backup that is restored together with the database.
    checkpoints: Path | None = None
    # Who has to cosign checkpoints, and where they are reached (C2SP tlog-policy); None: nobody.
    policy: Path | None = None
    # The same for the sealed line of the access log: inspection's own witness, nobody else's.
    sealed_policy: Path | None = None
    # Where the logs of other ledgers are read whose checkpoints are anchored here, a line each:
    # `<ledger> <id> <address of the log>`; None: none is followed, they come over the interface.
    anchored: Path | None = None
    # How often those logs are looked at. What was rewritten between two anchors nobody notices.
    anchor_every_s: float = 300.0
    # Where a time-stamping authority (RFC 3161) takes requests; None: checkpoints are not stamped.
    tsa: str | None = None
    # The certificates its answers have to lead to, as PEM.
    tsa_certificates: Path | None = None
    # How often the newest checkpoint is stamped, at most; authorities count what they answer.
    tsa_interval_s: float = 3_600.0
    # None: the embedded PostgreSQL in the home folder; else the URL of an external one.
    database_url: str | None = None
    # Another folder of PostgreSQL's programs; None: those that were installed with us.
    postgres: Path | None = None
    # The number of this deployment: larger than that of any before it, which it keeps from
    # writing; the same for all its processes, such as the time at which it was rolled out
    # (`date +%s%6N`). 0: this process is a deployment of its own, numbered as it starts.
    epoch: int = 0
    # How many synchronous standbys must be attached for acts to be taken; 0: none is asked for.
    standby_required: int = 0
    # Only this machine, until an operator says otherwise.
    host: str = "127.0.0.1"
    # A port that needs no rights.
    port: int = 8080
    # Metrics and checks of health, apart from callers; 0 closes it.
    admin_port: int = 8081
    # Where tokens have to be meant for us.
    audience: str = "caseledger"
    # A JSON file that lists the issuers of tokens; None: only our own, for trying out.
    issuers: Path | None = None
    # Pages may post from here; empty: from the address served on, for trying out.
    origins: tuple[str, ...] = ()
    # Proxies whose X-Forwarded-For counts and whose connections are not capped.
    proxies: tuple[str, ...] = ()
    # Requests a second: one person cannot slow down the others; 0 switches it off (benchmark).
    rate_person: int = 200
    # A window system speaks for a whole hall.
    rate_client: int = 2_000
    # Failed credentials a minute from one address; those that are right still pass.
    rate_failures: int = 60
    # A head is a few hundred bytes: slower than this is no client of ours.
    head_deadline_s: float = 10.0
    # A body is at most 256 KiB.
    body_deadline_s: float = 20.0
    # What is streamed in (imports) has to keep at least this pace.
    body_bytes_s: int = 1_024
    # Idle connections of window systems are kept as long as a reverse proxy keeps them.
    keepalive_s: float = 75.0
    # Connections of one peer: more than a browser or a pool needs.
    peer_connections: int = 100
    # How long a reading waits for its views to show the position it asks for.
    at_least_s: float = 2.0
    # Verified tokens are remembered this long; a revoked key lives no longer.
    token_cache_s: float = 60.0
    # From which level on a line is written: debug, info, warning or error.
    log_level: str = field(default="info")

    def checkpoints_beside(self, keys: Path) -> Path:
        """Return the folder of the checkpoint files outside the database, by that of the keys."""
        return self.checkpoints or keys.parent / "checkpoints"

    def own_origins(self) -> tuple[str, ...]:
        """Return the origins whose pages may post."""
        if self.origins:
            return self.origins
        return tuple(f"http://{name}:{self.port}" for name in ("127.0.0.1", "localhost"))


# A ledger that is closed has a number which no deployment reaches.
EPOCH_DIGITS = 18
LEVELS = ("debug", "info", "warning", "error")
_PATHS = frozenset(
    {
        "home",
        "keys",
        "checkpoints",
        "policy",
        "sealed_policy",
        "anchored",
        "postgres",
        "issuers",
        "tsa_certificates",
    }
)

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; an unknown or malformed one is an error, never ignored."""
    given = os.environ if environ is None else environ
    known = {PREFIX + f.name.upper(): f.name for f in fields(Settings)}
    values = {}
    for name, text in given.items():
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            raise ValueError(f"no such setting: {name}")
        values[known[name]] = _read(known[name], text)
    return Settings(**values)  # type: ignore[arg-type]


def _read(name: str, text: str) -> object:
    default = next(f.default for f in fields(Settings) if f.name == name)
    if name == "epoch" and len(text) > EPOCH_DIGITS:
        raise ValueError(f"at most {EPOCH_DIGITS} digits: {PREFIX}{name.upper()}")
    try:
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            return float(text)
    except ValueError:
        raise ValueError(f"not a number: {PREFIX}{name.upper()}") from None
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if name in _PATHS:
        return Path(text)
    if name == "log_level" and text not in LEVELS:
        raise ValueError(f"one of {', '.join(LEVELS)}: {PREFIX}{name.upper()}")
    return text
