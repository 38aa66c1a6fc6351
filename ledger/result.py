"""Approval (审批), second half: the decision, its seal, and handing it out.

Split from `approval` by what the acts are about: the document that the outcome is.
"""

from ledger.authority import duty_policy
from ledger.case import Case, Data, Event, Events, Flag, flag
from ledger.due import in_time, measured
from ledger.errors import Refused
from ledger.fold_result import official
from ledger.joint import wanted
from ledger.lifecycle import AUTHORISING, Action
from ledger.occasion import Occasion, event
from ledger.office.seal import Seal
from ledger.precondition import owed
from ledger.runs import receivers


def decide(
    case: Case,
    on: Occasion,
    *,
    outcome: str,
    document: Data | None = None,
    reasons: str | None = None,
    differs_from_opinion: str | None = None,
) -> Events:
    """Grant or deny (决定; APL 37-38); the document decided on is bound by its digest.

    In joint handling it waits for the organs that were asked, as long as their time runs.
    """
    if case.terms["kind"] == "filing":
        raise Refused("wrong-stage", "a filing is not decided", rule="filing.no-decision")
    against = owed(Action.DECIDE, case, on)
    if against is not None:
        raise against
    if outcome == "deny" and not (reasons or "").strip():
        raise Refused(
            "schema", "a denial gives reasons", rule="decision.reasons", pointer="/reasons"
        )
    if document is None:
        raise Refused("schema", "name the document", rule="decision.document", pointer="/document")
    _document(case, outcome, document)
    duty = case.terms["policies"]["duty"]
    levels = duty_policy(case).get("levels", ("handle", "check"))
    flags: list[Flag] = []
    done = {d["duty"] for d in case.duties}
    if any(f"review:{level}" not in done for level in levels):
        flags.append(flag("skipped-level", "opinion.levels"))
    last = case.opinions[-1]["recommend"] if case.opinions else None
    overridden = last is not None and last != outcome
    if overridden and not (differs_from_opinion or "").strip():
        flags.append(flag("overridden-without-reason", "opinion.override"))
    if any(s.get("held_on") for s in case.suspensions) and not (on.basis or "").strip():
        flags.append(flag("not-on-record", "hearing.record"))
    without, more = _without(case, on)
    flags += more
    data = {
        "outcome": outcome,
        "document": document,
        "reasons": reasons,
        "differs_from_opinion": differs_from_opinion,
        "duty_policy": f"{duty['id']}@{duty['version']}",
        "opinions_missing": without or None,
    }
    # An opinion that comes in at this very moment is decided with.
    relied = {} if on.matter is None else {on.matter.stream: on.matter.version}
    return (event(case, on, "decided", data, flags=tuple(flags), relied=relied),)


def _without(case: Case, on: Occasion) -> tuple[list[str], list[Flag]]:
    """Name the organs whose opinion the decision goes without, and flag why it does."""
    missing = [w for w in wanted(case, on.matter, on.office, case.on(on.at)) if not w.given]
    flags = []
    if any(w.due is not None for w in missing):
        flags.append(flag("opinion-missing", "opinion.missing"))
    if any(w.due is None for w in missing):
        flags.append(flag("opinion-not-asked", "opinion.asked"))
    return [w.organ for w in missing], flags


def _document(case: Case, outcome: str, document: Data) -> None:
    kind = document["kind"]
    # The document decided on is the one that is sealed and handed out: its digest binds them.
    if kind != ("decision" if outcome == "deny" else case.terms.get("result", "decision")):
        raise Refused(
            "unknown-reference", "not the document of this result", pointer="/document/kind"
        )
    valid_from, valid_to = document.get("valid_from"), document.get("valid_to")
    if valid_from is not None and valid_to is not None and valid_to < valid_from:
        raise Refused("schema", "it ends before it begins", pointer="/document/valid_to")
    number = document.get("number")
    if number is None:
        return
    states = {official(n): n["state"] for n in case.numbers if n["kind"] == kind}
    if states.get(number) != "reserved":
        raise Refused(
            "unknown-reference",
            "that number is not reserved for this case",
            pointer="/document/number",
        )


def seal(
    case: Case,
    on: Occasion,
    *,
    seal: str,
    document: Data,
    copies: int = 1,
    medium: str = "paper",
    signature: Data | None = None,
    requester: str | None = None,
    terminal: str | None = None,
    place: str | None = None,
) -> Events:
    """Use the approval seal on a document that a recorded act authorises (用印).

    The digest is that of the decision, the keeper that of this moment; the serial number of
    the use is given by the database.  `requester` is a member of staff who asked for it.
    """
    kind = document["kind"]
    because = _authorising(case, document)
    if because is not None and kind == "licence" and because.data.get("outcome") == "deny":
        because = None
    if because is None:
        raise Refused(
            "wrong-stage", f"nothing recorded allows a {kind} yet", rule="seal.authorising-event"
        )
    held = _known(on, seal)
    if medium not in held.content.get("media", (medium,)):
        raise Refused("unknown-reference", f"the seal is not one of {medium}", pointer="/medium")
    _sealable(case, document, medium, because)
    _in_hand(on, held)
    _delegated(case, held)
    if requester is not None and all(post.person != requester for post in on.office.posts):
        raise Refused("unknown-reference", "no such member of staff", pointer="/requester")
    data = {
        "seal": seal,
        "document": dict(document),
        "copies": copies,
        "medium": medium,
        "signature": signature,
        "requester": requester,
        "terminal": terminal,
        "place": place,
        "item": case.terms["item"],
        "authorised_by": {
            "event": because.id,
            "position": because.position,
            "approver": because.actor.person,
        },
    }
    relied = on.office.relied(held.stream)
    return (event(case, on, "sealed", data, relied=relied, numbers=(f"seal/{seal}",)),)


def _authorising(case: Case, document: Data) -> Event | None:
    """Find the recorded act that allows a document's seal: the newest of those that do.

    Each suspension has a notice of its own; a version that was sealed belongs to its own one.
    """
    kinds = AUTHORISING.get(document["kind"], frozenset())
    for use in case.seals:
        before = use["document"]
        if (before["kind"], before["version"]) == (document["kind"], document["version"]):
            return case.event(use["authorised_by"])
    return next((e for e in reversed(case.events) if e.type in kinds), None)


def _known(on: Occasion, name: str) -> Seal:
    held = on.office.seals.get(name)
    if held is None:
        raise Refused("unknown-reference", "no such seal", pointer="/seal")
    return held


def _in_hand(on: Occasion, held: Seal) -> None:
    if held.keeper != on.by.person:
        raise Refused("seal-not-held", "another person keeps this seal", rule="seal.custody")
    if not held.in_use:
        raise Refused("seal-not-held", f"the seal is {held.state}", rule="seal.in-use")


def _delegated(case: Case, held: Seal) -> None:
    """A delegated seal acts in the delegator's name only, and only where the terms say so."""
    organ = held.content.get("organ")
    expected = case.terms.get("delegator") or case.terms["organs"]["approving"]
    if organ != expected:
        raise Refused("rule-refused", "the terms name another organ's seal", rule="seal.delegated")


def _sealable(case: Case, document: Data, medium: str, because: Event) -> None:
    kind, version = document["kind"], document["version"]
    uses = [
        u for u in case.seals if u["document"]["kind"] == kind and u["authorised_by"] == because.id
    ]
    decided = because.data.get("document")
    bound: dict[int, str] = {}
    if decided and decided["kind"] == kind:
        bound = {decided["version"]: decided["sha256"]}
        if decided["version"] == version and _differ(decided, document, "sm3"):
            raise Refused("document-mismatch", "not the document decided on", rule="seal.digest")
    replaced = [u["replacement"] for u in uses if u["void"] and u.get("replacement")]
    for new in replaced:
        bound = {**bound, new["version"]: new["sha256"]}
    in_force = [u for u in uses if not u["void"]]
    for use in in_force:
        other = use["document"]["version"] != version
        if other:
            raise Refused(
                "already-done",
                "the version in force is not void",
                rule="seal.void-first",
                earlier_position=use["position"],
            )
    if bound and bound.get(version, document["sha256"]) != document["sha256"]:
        raise Refused("document-mismatch", "not the document decided on", rule="seal.digest")
    for use in uses:
        # A version made void is not sealed again, on no medium.
        same = use["document"]["version"] == version
        if same and (use["void"] or use["medium"] == medium):
            raise Refused(
                "already-done",
                "this document is sealed already",
                rule="seal.once",
                earlier_position=use["position"],
            )
        before = use["document"]
        if before["version"] == version and before["sha256"] != document["sha256"]:
            raise Refused("document-mismatch", "not the document sealed before", rule="seal.digest")
    if bound and version not in bound:
        raise Refused("document-mismatch", "not the version decided on", rule="seal.digest")


def _differ(one: Data, other: Data, name: str) -> bool:
    """Tell whether both say something of this name, and not the same."""
    return one.get(name) is not None and other.get(name) not in (None, one[name])


def void_seal(
    case: Case,
    on: Occasion,
    *,
    document: Data,
    approved_by: str | None = None,
    replacement: Data | None = None,
) -> Events:
    """Make a use of the seal void with reason; its serial stays in the register (作废)."""
    approved_by, relied = on.approver(case, approved_by, "seal.approver")
    uses = [
        u
        for u in case.seals
        if u["document"]["kind"] == document["kind"]
        and u["document"]["version"] == document["version"]
    ]
    if case.issued is not None and document["kind"] == case.result_kind:
        raise Refused("wrong-stage", "it has been handed out", rule="stage.void-seal")
    if not uses:
        raise Refused("unknown-reference", "that document was not sealed", pointer="/document")
    # What took its place may be named later, once.
    done = all(u["void"] for u in uses)
    if done and (replacement is None or uses[-1].get("replacement")):
        raise Refused("already-done", "it is void", rule="seal.void-once")
    if not (on.reason or "").strip():
        raise Refused("schema", "say why", rule="seal.reason", pointer="/reason")
    if replacement is not None and replacement["version"] <= document["version"]:
        raise Refused("schema", "a replacement has a later version", pointer="/replacement/version")
    held = _known(on, uses[-1]["seal"])
    _in_hand(on, held)
    data = {
        "seal": held.id,
        "document": dict(document),
        "approved_by": approved_by,
        "replacement": replacement,
    }
    guards = {**relied, **on.office.relied(held.stream)}
    return (event(case, on, "seal-voided", data, relied=guards),)


def issue(
    case: Case,
    on: Occasion,
    *,
    document: Data,
    method: str,
    recipient: Data | None = None,
    receipt: str | None = None,
) -> Events:
    """Hand the sealed document out (颁发送达; APL 44)."""
    sealed = [
        u["document"]
        for u in case.seals
        if not u["void"] and u["document"]["kind"] == case.result_kind
    ]
    same = ("kind", "version", "sha256")
    if not any(all(d.get(k) == document.get(k) for k in same) for d in sealed):
        raise Refused("document-mismatch", "not the document that was sealed", rule="issue.digest")
    data = {
        "document": dict(document),
        "method": method,
        "recipient": recipient,
        "receipt": receipt,
    }
    return (event(case, on, "issued", data),)


def publish(
    case: Case, on: Occasion, *, what: str, where: str, left_out: str | None = None
) -> Events:
    """Make a decision or an explanation public (公开; APL 40).

    A broken promise is explained when it is broken, decided or not.
    """
    if what == "decision" and case.decision is None:
        raise Refused("wrong-stage", "nothing is decided", rule="stage.publish")
    if what == "explanation" and not _broken(case, on):
        raise Refused("rule-refused", "no promise is broken", rule="promise.explain")
    return (event(case, on, "published", {"what": what, "where": where, "left_out": left_out}),)


def _broken(case: Case, on: Occasion) -> bool:
    """Tell whether the promise of the case was broken by the day of the act."""
    promises = [d for d in measured(case, on.office, on.now) if d.name == "promised"]
    return any(d.late or (d.open and not in_time(d, case, on.at)) for d in promises)


def push(case: Case, on: Occasion, *, to: str) -> Events:
    """Tell a supervising or notified organ what was granted (推送; 多证合一)."""
    filing = case.terms["kind"] == "filing"
    denied = case.decision is not None and case.decision["outcome"] == "deny"
    if denied or (case.decision is None and not filing):
        raise Refused("wrong-stage", "nothing was granted", rule="stage.push")
    if to not in receivers(case.terms):
        raise Refused("unknown-reference", "the terms name another organ", pointer="/to")
    for earlier in case.pushes:
        if earlier["to"] == to:
            raise Refused("already-done", "it was pushed", rule="push.once")
    return (event(case, on, "pushed", {"to": to}),)


# Duties that may be open when a case is closed: they are other people's.
MAY_STAY_OPEN = frozenset({"claim", "stage:verify", "bad-review", "stage:penalty", "evidence"})


def close(case: Case, on: Occasion) -> Events:
    """Close the case (办结): the result is out and no duty of the bureau is open."""
    _nothing_open(case, on, "close.duty-open")
    return (event(case, on, "closed", {}),)


def _nothing_open(case: Case, on: Occasion, rule: str) -> None:
    open_now = sorted({d.name for d in measured(case, on.office, on.now) if d.open} - MAY_STAY_OPEN)
    if open_now:
        raise Refused("rule-refused", "open: " + ", ".join(open_now), rule=rule)


def archive(
    case: Case,
    on: Occasion,
    *,
    package: str | None = None,
    retention: str | None = None,
    items: int | None = None,
) -> Events:
    """Put the closed case into the archive (归档; 档案法实施条例 19-20): package and retention."""
    if package is None:
        raise Refused("schema", "name the package", rule="archive.package", pointer="/package")
    if retention is None:
        raise Refused(
            "schema", "say how long it is kept", rule="archive.retention", pointer="/retention"
        )
    _nothing_open(case, on, "archive.duty-open")
    data = {"package": package, "retention": retention, "items": items}
    return (event(case, on, "archived", data),)


def declare_recusal(case: Case, on: Occasion, *, interest: str | None = None) -> Events:
    """Declare an interest and step back (回避; 公务员法 76-77)."""
    return (event(case, on, "recusal-declared", {"interest": interest}),)


def record_intervention(
    case: Case, on: Occasion, *, person: str, text: str, unit: str | None = None
) -> Events:
    """Put on record that somebody asked for an exception (打招呼)."""
    return (event(case, on, "intervention-recorded", {"who": person, "text": text, "unit": unit}),)
