"""What `caseledger verify` finds out and says: a dossier, a folder of a log, an address of one.

It runs where nothing of ours is but this program: no database, no settings, and no network
unless an address is given.  It believes keys that it was handed, and nothing else; what it says
first is what is bad first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.copies import Source, Unread
from api.copies import stamped as stamped_in
from api.trust import (
    Progress,
    Trust,
    WronglyUsed,
    by_sm2,
    chain_of,
    checkpoint_of,
    has_entries,
    inside,
    plain,
    source,
)
from api.verify_anchored import Anchoring, anchored
from ledger import archive, closing, evidence, time_stamp
from ledger.copy_of_log import Copy
from ledger.dossier import CHECKPOINT, STAMP_NAME, VKEY
from ledger.evidence import Unfit
from ledger.origin import SIMULATED
from ledger.rotation import KEYS, Step
from ledger.tlog import note, policy
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.checkpoint import parse as parse_checkpoint
from ledger.tlog.errors import TlogError
from ledger.tlog.note import MAX_NOTE
from ledger.tlog.policy import NONE, Policy
from ledger.tlog.tile import WIDTH
from ledger.tlog.verify import verify_checkpoint

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said, line by line, and whether all of it proves out."""

    lines: tuple[str, ...]
    good: bool


def verified(
    place: str,
    trusted: Trust,
    token: str | None,
    progress: Progress,
    anchoring: Anchoring | None = None,
) -> Outcome:
    """Verify what lies at a path or an address, and say what was found.

    With `anchoring`, a log is held against every anchor of it that another log holds.
    """
    if anchoring is not None and not anchoring.trusted.pinned:
        raise WronglyUsed("--anchored-in wants --anchored-key or --anchored-policy")
    try:
        return _pinned(trusted, _looked_at(place, trusted, token, progress, anchoring))
    except Unfit as bad:
        return Outcome((*_unpinned(trusted), *_bad(bad)), good=False)
    except archive.Hostile as error:
        return Outcome(_bad(Unfit("zip", str(error))), good=False)
    except Unread as error:
        return Outcome((f"不能读取 UNREAD    {plain(str(error))}",), good=False)


def _looked_at(
    place: str, trusted: Trust, token: str | None, progress: Progress, anchoring: Anchoring | None
) -> list[str]:
    with source(place, token) as log:
        if log is not None:
            return _log(log, trusted, progress, anchoring)
    path = Path(place)
    if trusted.older is not None or anchoring is not None:
        raise WronglyUsed("--older and --anchored-in need the tiles of a log: a folder, an address")
    try:
        with path.open("rb") as file:
            return _dossier(archive.opened(file), trusted)
    except OSError as error:
        raise WronglyUsed(f"{place}: {error.strerror}") from error


# -- a dossier ---------------------------------------------------------------------------------


def _dossier(files: archive.Archive, trusted: Trust) -> list[str]:
    known = trusted.policy or inside(lambda name: _member(files, name))
    found = evidence.check(files, known, trusted.origin)
    told, text = found.manifest, found.checkpoint.text
    refused = f", {found.refusals} refusals" if found.refusals else ""
    lines = [
        f"证据包 dossier     {plain(found.number)}",
        *_about(found.ledger, found.checkpoint, found.cosigned),
        *_beside(files, found.checkpoint.origin, trusted),
        f"记录 events        {found.versions}, {found.rules} rules{refused}",
        f"最新 newest        {found.newest:%Y-%m-%d %H:%M:%S} UTC",
        f"决定时 at decision  {_positions(told['at_decision'])}",
        f"决定后 after        {_positions(told['after_decision'])}",
        f"文件 documents     {len(found.packed)} packed, {len(found.missing)} missing",
        *(f"  缺 missing        {digest}" for digest in found.missing[:SHOWN]),
        *_stamps(text, _answers(files), trusted),
        *_rotated(found.steps),
        *_followed(told.get("follows"), trusted),
    ]
    if not found.refusals_proved:
        lines.append(
            "拒绝 refusals      no key of their log was given: the signed manifest has them"
        )
    return lines


def _beside(files: archive.Archive, origin: str, trusted: Trust) -> list[str]:
    return by_sm2(files.read(CHECKPOINT, MAX_NOTE), origin, trusted, _member(files, VKEY))


def _answers(files: archive.Archive) -> list[bytes]:
    names = [name for name in files.members if STAMP_NAME.fullmatch(name)]
    return [files.read(name, time_stamp.MAX_ANSWER) for name in sorted(names)]


def _stamps(text: str, answers: list[bytes], trusted: Trust) -> Iterator[str]:
    """Tell when authorities saw a checkpoint, where there is somebody to believe."""
    if trusted.stamps is None:
        if answers:
            yield f"时间戳 stamped      {len(answers)}, not verified: --tsa-cert 未核验"
        return
    if not answers:
        raise Unfit("time stamp", "there is none")
    # One by an authority that is believed is enough; others may be of whom this reader knows not.
    bad: list[time_stamp.BadStamp] = []
    for answer in answers:
        try:
            found = time_stamp.verified(text, answer, trusted.stamps)
        except time_stamp.BadStamp as error:
            bad.append(error)
        else:
            yield f"时间戳 stamped      {found.at:%Y-%m-%d %H:%M:%S} UTC, {plain(found.authority)}"
    if len(bad) == len(answers):
        raise Unfit("time stamp", str(bad[0])) from bad[0]
    for other in bad:
        yield f"时间戳 stamped      not verified: {plain(str(other))} 未核验"


def _stamped_copy(copy: Copy, pair: tuple[bytes, bytes] | None, trusted: Trust) -> Iterator[str]:
    """Tell of the newest time stamp in a copy: on a checkpoint that this one extends.

    That this tree leads there proves it; who signed it then may be a key nobody knows any more.
    """
    if pair is None:
        yield from _stamps("", [], trusted)
        return
    raw, answer = pair
    try:
        stamped = parse_checkpoint(note.parse(raw).text)
        if stamped.size <= copy.checkpoint.size:
            copy.extends(stamped)
        elif trusted.stamps is not None:
            raise Unfit("time stamp", "on a checkpoint that is newer than this copy")
    except TlogError as error:
        raise Unfit("time-stamped", str(error)) from error
    for line in _stamps(stamped.text, [answer], trusted):
        yield f"{line}, size {stamped.size}"


def _member(files: archive.Archive, name: str) -> bytes | None:
    return files.read(name, policy.MAX_POLICY) if name in files.members else None


# -- a log -------------------------------------------------------------------------------------


def _log(log: Source, trusted: Trust, progress: Progress, anchoring: Anchoring | None) -> list[str]:
    pair = stamped_in(log)
    raw = log.get("checkpoint")
    if raw is None:
        raise Unread("checkpoint: is not there")
    chain = chain_of(trusted.policy or inside(log.get), log.get(KEYS))
    known = chain.policy
    signed = checkpoint_of(raw, chain, trusted)
    checkpoint = signed.checkpoint
    beside = by_sm2(raw, checkpoint.origin, trusted, log.get(VKEY))
    bundles = -(-checkpoint.size // WIDTH)
    copy = Copy(checkpoint, log.get, lambda n: progress(n + 1, bundles))
    entries = has_entries(copy)
    bad = copy.first_bad(entries=entries)
    if bad is not None:
        raise Unfit(bad.what, bad.why, bad.position)
    lines = [
        "日志 log",
        *_about(copy.ledger, checkpoint, signed.cosigned),
        *beside,
        f"记录 events        {checkpoint.size}"
        + ("" if entries else " (only their hashes are in here: 只有摘要)"),
    ]
    if copy.newest is not None:
        lines.append(f"最新 newest        {copy.newest:%Y-%m-%d %H:%M:%S} UTC")
    lines += _stamped_copy(copy, pair, trusted)
    lines += _rotated(chain.steps)
    lines += _followed(copy.follows, trusted, entries=entries)
    if trusted.older is not None:
        lines.append(_grown(copy, trusted.older, known))
    if anchoring is not None:
        lines += anchored(copy, known, anchoring)
    return lines


def _followed(
    told: Mapping[str, Any] | None, trusted: Trust, *, entries: bool = True
) -> Iterator[str]:
    """Tell which ledger this one follows; hold the statement that somebody has against it."""
    if trusted.statement is not None:
        if not entries:
            raise WronglyUsed("--statement needs the first event: a copy with entries")
        try:
            closing.check_link(told, trusted.statement)
        except TlogError as error:
            raise Unfit("follows", str(error), 0) from error
    if told is not None:
        size, before = str(told["checkpoint"]).split("\n")[1], plain(str(told["origin"]))
        yield f"续接 follows        {before}, signed {size}, held {told['held']}"
        same = "" if trusted.statement is None else "（所附声明 the one given）"
        yield f"终止声明 closed by    {plain(str(told['statement']))}{same}"


def _rotated(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        yield f"换钥 key {step.act:<9} {plain(step.old.text)} → {plain(step.new.text)}"


def _grown(copy: Copy, older: bytes, known: Policy) -> str:
    """Prove that the log only grew since a checkpoint that somebody kept."""
    alone = Policy(known.logs, known.witnesses, known.groups, NONE)
    try:
        before = verify_checkpoint(older, alone).checkpoint
        copy.extends(before)
    except TlogError as error:
        raise Unfit("older", f"{error}; keep both checkpoints, they are evidence") from error
    return f"只增不改 grown     since {before.size} events"


# -- words -------------------------------------------------------------------------------------


def _about(
    ledger: str | None, checkpoint: Checkpoint, cosigned: Mapping[str, int]
) -> Iterator[str]:
    if ledger is not None:
        yield f"台账 ledger        {plain(ledger)}"
    yield f"来源 origin        {plain(checkpoint.origin)}"
    yield f"检查点 checkpoint   size {checkpoint.size}, root {checkpoint.root.hex()}"
    seen = [f"{plain(name)} {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
            for name, at in cosigned.items()]  # fmt: skip
    yield f"见证 cosigned      {'; '.join(seen) or '-'}"
    if SIMULATED in checkpoint.origin:
        yield "模拟 simulated     时间可设定的试用台账 the clock of this ledger can be set"


def _pinned(trusted: Trust, lines: list[str]) -> Outcome:
    if trusted.pinned:
        return Outcome((*lines, "OK"), good=True)
    return Outcome((*lines, *_unpinned(trusted)), good=False)


def _unpinned(trusted: Trust) -> tuple[str, ...]:
    if trusted.pinned:
        return ()
    return (
        "未固定公钥 UNPINNED  用包内公钥核验不能证明任何事；请用 --key 或 --policy",
        "                   checked with the keys in here, which anybody could have put there:",
        "                   this proves nothing; pass --key or --policy from somewhere else",
    )


def _bad(bad: Unfit) -> tuple[str, ...]:
    where = "" if bad.position is None else f"位置 position {bad.position}: "
    return (f"不符 BAD           {where}{plain(f'{bad.what}: {bad.why}')}",)


def _positions(positions: list[int]) -> str:
    shown = ", ".join(map(str, positions[:SHOWN])) or "-"
    return shown + (" …" if len(positions) > SHOWN else "")
