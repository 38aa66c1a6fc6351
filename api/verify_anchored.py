"""A log held against every anchor of it that another ledger's log keeps."""

from collections.abc import Iterator
from dataclasses import dataclass

from api.copies import Source, Unread
from api.trust import (
    Progress,
    Trust,
    WronglyUsed,
    by_sm2,
    chain_of,
    checkpoint_of,
    has_entries,
    plain,
    source,
)
from ledger.copy_of_log import Copy
from ledger.evidence import Unfit
from ledger.held import Held, Parted, agreeing
from ledger.rotation import KEYS
from ledger.tlog.policy import Policy
from ledger.tlog.tile import WIDTH


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Another ledger's log that may hold anchors of the one that is verified, and whom to trust."""

    place: str
    trusted: Trust
    token: str | None = None
    progress: Progress = lambda _done, _of: None


def anchored(copy: Copy, known: Policy, anchoring: Anchoring) -> Iterator[str]:
    """Hold a log against the anchors of it that another log holds, and tell of that one."""
    held = Held(copy.checkpoint.origin)
    with source(anchoring.place, anchoring.token) as there:
        if there is None:
            raise WronglyUsed("--anchored-in wants a log: a folder or an address")
        keeper = _keeper(there, anchoring, held)
    keys = [key for key in known.logs if key.name == held.origin]
    if not held.anchors:
        raise Unfit("anchors", f"{keeper} holds none of {held.origin}: that proves nothing")
    try:
        size = agreeing(copy, held.anchors, keys)
    except Parted as parted:
        where = f"the anchor at position {parted.at.position} of {keeper}"
        upto = f" of {parted.size} events" if parted.size is not None else ""
        said = f"{parted.why}; keep both logs"
        if parted.size is None:
            said = f"signed by a key that was not given, or no checkpoint: {parted.why}"
        why = f"{parted.at.name}: {where}{upto}: {said}"
        raise Unfit("anchor", why, parted.grown) from parted
    for one in held.conflicts:
        why = f"{one.name}: two checkpoints that contradict each other are on record"
        raise Unfit("anchor-conflict", f"{why} at position {one.position} of {keeper}")
    yield f"存证于 anchored in  {plain(keeper)}"
    yield f"存证 anchors       {len(held.anchors)}, the newest of {size} events: all agree"


def _keeper(there: Source, anchoring: Anchoring, held: Held) -> str:
    """Verify the log that holds the anchors, take them out of it, and return its origin."""
    raw = there.get("checkpoint")
    if raw is None:
        raise Unread("--anchored-in: the checkpoint is not there")
    trusted = anchoring.trusted
    assert trusted.policy is not None
    chain = chain_of(trusted.policy, there.get(KEYS))
    checkpoint = checkpoint_of(raw, chain, trusted).checkpoint
    by_sm2(raw, checkpoint.origin, trusted, None)
    if checkpoint.origin == held.origin:
        raise WronglyUsed(
            "--anchored-in is the verified log itself: it keeps no anchors of its own"
        )
    bundles = -(-checkpoint.size // WIDTH)
    hear = anchoring.progress
    copy = Copy(checkpoint, there.get, lambda n: hear(n + 1, bundles), held.take)
    if not has_entries(copy):
        raise Unread(
            "--anchored-in: its entries are needed: a whole copy, or --anchored-token-file"
        )
    bad = copy.first_bad(entries=True)
    if bad is not None:
        raise Unfit("anchored-in", f"{bad.what}: {bad.why}", bad.position)
    return checkpoint.origin
