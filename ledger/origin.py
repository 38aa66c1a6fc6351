"""The name of a log among all logs of the world (C2SP tlog-checkpoint, origin)."""

# How the origin of a ledger whose clock can be set ends (DECISIONS 1).
SIMULATED = "/simulated"


def companion_origin(origin: str, sequence: str) -> str:
    """Return the origin of a companion's log: `469002.open` goes by that of 469002 and `/open`."""
    return f"{origin}/{sequence.partition('.')[2]}"
