"""Whom to believe: the keys of the logs, and which witnesses must have cosigned (C2SP tlog-policy).

A policy is handed out on another way than what it judges.  The file is made of octets: names
are compared as they are written, so one that looks alike is another one.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ledger.tlog.cosignature import CosignerKey
from ledger.tlog.errors import Malformed
from ledger.tlog.note import VerifierKey

NONE = "none"
MAX_POLICY = 1_000_000
# The specification asks for 32 of each at least.
MAX_OF_A_KIND = 256
BLANK = re.compile(r"[ \t]+")
NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Group:
    """Members of which `threshold` must have cosigned; a member is a witness or a group."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses by their name in the policy, groups in their order, and the quorum.

    `quorum` is the name of a witness or a group, or `none`: then no cosignature is asked for.
    `addresses` says where a log or a witness is reached, by the text of its key.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, CosignerKey]
    groups: Mapping[str, Group]
    quorum: str
    addresses: Mapping[str, str] = field(default_factory=dict, compare=False)

    def satisfied(self, cosigned: Iterable[str]) -> bool:
        """Whether these witnesses, by their names in the policy, are a quorum."""
        if self.quorum == NONE:
            return True
        held = set(cosigned) & set(self.witnesses)
        # A group only names what stands before it, so one pass is enough.
        for name, group in self.groups.items():
            if len(held.intersection(group.members)) >= group.threshold:
                held.add(name)
        return self.quorum in held

    @property
    def raw(self) -> bytes:
        """The policy as a file, without comments and addresses; `parse` gives back the same."""
        lines = [f"log {key.text}" for key in self.logs]
        lines += [f"witness {name} {key.text}" for name, key in self.witnesses.items()]
        lines += [
            f"group {name} {group.threshold} {' '.join(group.members)}"
            for name, group in self.groups.items()
        ]
        lines.append(f"quorum {self.quorum}")
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def parse(raw: bytes) -> Policy:
    """Read a policy; raise `Malformed` with the number of the first line that is wrong.

    Besides the syntax: exactly one quorum; a key once among the logs and once among the
    witnesses, whatever its name; a name defined once, before its use, and a member of one
    group only, so that nobody counts twice.
    """
    if len(raw) > MAX_POLICY:
        raise Malformed("a policy is longer than 1,000,000 bytes")
    if any(octet < 0x20 and octet not in b"\t\n" for octet in raw) or b"\x7f" in raw:
        raise Malformed("a policy with a control character")
    if not raw.endswith(b"\n"):
        raise Malformed("a policy without its last line feed")
    reading = _Reading()
    # Octets that are not UTF-8 stay what they are: the encoding can be undone.
    lines = raw.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        words = [word for word in BLANK.split(line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reading.take(words)
        except Malformed as error:
            raise Malformed(f"line {number} of the policy: {error}") from error
    if reading.quorum is None:
        raise Malformed("a policy without a quorum")
    return Policy(
        tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum, reading.addresses
    )


@dataclass(slots=True)
class _Reading:
    """A policy as far as it has been read."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, CosignerKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    addresses: dict[str, str] = field(default_factory=dict)
    quorum: str | None = None

    def take(self, words: list[str]) -> None:
        """Take one line in."""
        match words:
            case ["log", key, *address] if len(address) < 2:
                self._log(VerifierKey.parse(key))
                self.addresses.update((key, one) for one in address)
            case ["witness", name, key, *address] if len(address) < 2:
                self._witness(name, CosignerKey.parse(key))
                self.addresses.update((key, one) for one in address)
            case ["group", name, threshold, *members] if members:
                self._group(name, threshold, tuple(members))
            case ["quorum", name]:
                self._quorum(name)
            case _:
                raise Malformed("neither log, witness, group nor quorum, or with other words")

    def _log(self, key: VerifierKey) -> None:
        if key.public in {other.public for other in self.logs}:
            raise Malformed("the key of another log")
        if len(self.logs) == MAX_OF_A_KIND:
            raise Malformed(f"more than {MAX_OF_A_KIND} logs")
        self.logs.append(key)

    def _witness(self, name: str, key: CosignerKey) -> None:
        self._unused(name)
        if key.public in {other.public for other in self.witnesses.values()}:
            raise Malformed("the key of another witness")
        if len(self.witnesses) == MAX_OF_A_KIND:
            raise Malformed(f"more than {MAX_OF_A_KIND} witnesses")
        self.witnesses[name] = key

    def _group(self, name: str, written: str, members: tuple[str, ...]) -> None:
        self._unused(name)
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise Malformed(f"{member!a} is not defined before")
            if member in self.members:
                raise Malformed(f"{member!a} is a member twice")
            self.members.add(member)
        if len(self.groups) == MAX_OF_A_KIND:
            raise Malformed(f"more than {MAX_OF_A_KIND} groups")
        self.groups[name] = Group(_threshold(written, len(members)), members)

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise Malformed("a second quorum")
        if name != NONE and name not in self.witnesses and name not in self.groups:
            raise Malformed(f"{name!a} is not defined before")
        self.quorum = name

    def _unused(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise Malformed(f"{name!a} is defined already")


def _threshold(written: str, members: int) -> int:
    if written in {"any", "all"}:
        return 1 if written == "any" else members
    if not NUMBER.fullmatch(written) or int(written) > members:
        raise Malformed("a threshold is all, any, or a number up to that of the members")
    return int(written)
