"""What kind of field each member of each event is (数据分类): one table, and nothing outside it.

`public`; `official` (what staff did and wrote: evidence, never erased); `personal`,
`sensitive` and `inspection` name whose they are and are encrypted under that subject's key.
A member that stands in no row cannot be recorded: a new field is thought about before it is
written for ever (个人信息保护法 6, 28).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Json = Any
Data = Mapping[str, Json]
# Given the path of a member, whose it is, and its value: what to put in its place.
Change = Callable[[str, str, Json], Json]


def _all(kind: str, names: str, *, of: str = "") -> dict[str, str]:
    """Give members one class, those of `of` by their path."""
    return {f"{of}.{name}".lstrip("."): kind for name in names.split()}


def _public(names: str, *, of: str = "") -> dict[str, str]:
    """Give members that tell nothing of a person their class."""
    return _all("public", names, of=of)


def _official(names: str, *, of: str = "") -> dict[str, str]:
    """Give what staff did and wrote its class."""
    return _all("official", names, of=of)


# Names of materials are those of the item's list, so what is missing can be told by name.
_MATERIALS = _public("name sha256 media_type sm3 ref.system ref.id copies original", of="materials")
_DOCUMENT = _official("kind version sha256 sm3 number ref.system ref.id", of="document")
_ISSUED = {
    **_official("valid_from valid_to"),
    **_DOCUMENT,
    **_official("valid_from valid_to", of="document"),
}
_POINTS = _official("no result note", of="points")
# What applicants give as the reason of an act of their own.
_SAID = {"statement": "personal applicant"}
_TERMS = {"terms.*": "public"}
_APPLICANT = {
    "applicant.kind": "public",
    "applicant.id_scheme": "public",
    "applicant.id": "sensitive applicant",
    **_all("personal applicant", "name telephone address", of="applicant"),
    **_all("sensitive agent", "name id_scheme id telephone authority", of="applicant.agent"),
}

# The bureau's own set-up: appointments name staff, nothing names an applicant.
_OFFICE = (
    "ledger-opened",
    "log-key-set",
    "log-key-retired",
    "log-sm2-set",
    "organ-set",
    "client-set",
    *(f"{kind}-{act}" for kind in ("item", "calendar", "policy", "appointment", "anchored-log")
      for act in ("set", "proposed", "approved")),
    "appointment-ended",
    "appointment-reviewed",
    "baseline-set",
    "baseline-ended",
    "anchored",
    "anchor-conflict",
    "seal-registered",
    "seal-enabled",
    "seal-handed-over",
    "seal-taken-over",
    "seal-hand-over-approved",
    "seal-disabled",
    "seal-locked-away",
    "seal-destroyed",
    "seal-lost",
    "seal-reconciled",
)  # fmt: skip

# A dot goes one member deeper (into each of a list); `.*` stands for whatever is in there.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "received": {
        **_APPLICANT,
        **_SAID,
        **_MATERIALS,
        **_TERMS,
        **_public("item channel permit organ"),
        **_public("case stream purpose valid_to in_time", of="about"),
        **_public("number stream", of="matter"),
        # What an import keeps as it is; its mapping keeps no column that names the applicant.
        "facts.*": "public",
    },
    # What another system did that is no act of ours: what it was stands in the source.
    "acted-elsewhere": {},
    "corrected-on-spot": _official("material note", of="corrected"),
    "supplement-requested": {
        **_official("material note", of="missing"),
        **_official("served_at notice delays_nothing respond_by"),
    },
    "supplement-received": {**_SAID, **_MATERIALS},
    "accepted": {
        **_TERMS,
        **_POINTS,
        **_official("material note", of="tolerant"),
        **_public("commitment owed_days"),
    },
    "deemed-accepted": _TERMS,
    "deemed-renewed": _public("permit by valid_from valid_to"),
    "declined": _official("kind organ reasons notice"),
    "transferred": _official("to.unit to.person handed_over"),
    "transfer-acknowledged": {},
    "transfer-refused": {},
    "reviewed": {
        **_official("level opinion recommend adopts"),
        **_official("persons place at finding", of="site"),
        **_POINTS,
    },
    "suspended": _official(
        "kind planned_days approved_by notice served_at requested_at presider held_on"
    ),
    "resumed": _official("kind result ended_on"),
    "extended": _official("days approved_by notice effective"),
    "number-reserved": _public("kind"),
    "number-voided": _public("kind number"),
    "decided": {
        **_official("outcome reasons differs_from_opinion opinions_missing"),
        **_DOCUMENT,
        **_official("valid_from valid_to", of="document"),
    },
    "sealed": {
        **_official("seal copies medium item requester terminal place"),
        **_DOCUMENT,
        **_official("value algorithm certificate timestamp", of="signature"),
        **_official("event position approver", of="authorised_by"),
    },
    "seal-voided": {
        **_official("seal document.kind document.version approved_by"),
        **_official("version sha256 sm3", of="replacement"),
    },
    "issued": {
        **_all(
            "personal recipient", "name id_scheme id telephone address relation", of="recipient"
        ),
        **_official("method receipt"),
        **_DOCUMENT,
    },
    "published": _official("what where left_out"),
    "pushed": _public("to"),
    "archived": _official("package retention items"),
    "terminated": _official("kind evidence"),
    "permit-recalled": {**_official("grounds compensation notice proposal"), **_DOCUMENT},
    "permit-revoked": {**_official("grounds notice served_at heard proposal"), **_DOCUMENT},
    "deregistered": {**_official("follows"), **_public("request"), **_DOCUMENT},
    "amended": {**_official("by changes"), **_ISSUED},
    "renewed": {**_official("by"), **_ISSUED},
    "claimed": {},
    "inspected": _official("purpose outcome text persons evidence"),
    "revocation-proposed": _official("grounds text evidence"),
    "supervised": _official("order due"),
    "alert-answered": _official("alert level explanation remedy accepts"),
    "alert-withdrawn": _official("alert level"),
    # Whom it is about is staff; the reference is the hotline's own.
    "evaluated": {
        "text": "personal evaluator",
        "statement": "personal evaluator",
        **_official("grade channel about call_reference"),
    },
    # What was said on the telephone is the evaluator's.
    "called-back": {**_official("review reached"), "text": "personal evaluator"},
    "review-verified": _official("review verdict text"),
    "rectified": _official("review measure evidence"),
    "fed-back": _official("review text method"),
    "review-closed": _official("review text"),
    "remedy-recorded": _official("kind body filed_on step evidence_due document"),
    "remedy-result-recorded": _official("remedy result document"),
    "investigation-opened": _official("grounds clue"),
    "finding-recorded": _official("officers finding evidence place found_on"),
    "penalised": {**_official("officers kind amount served_at presider text"), **_DOCUMENT},
    "permit-cancelled": {
        **_official("officers notice served_at heard presider"),
        **_DOCUMENT,
    },
    "sanctioned": {**_official("measure until"), "subject": "sensitive applicant"},
    "investigation-closed": _official("result report text"),
    "closed": {},
    "withdrawn": {**_SAID, "request": "public"},
    # `fields` are of the classes of what they correct.
    "correction-proposed": _official("event of evidence"),
    "correction-approved": _official("event"),
    "recusal-declared": {"interest": "inspection inspection"},
    "intervention-recorded": _all("inspection inspection", "who text unit"),
    **{kind: {"*": "official"} for kind in _OFFICE},
    "complaint-registered": {
        **_public("kind channel organ"),
        **_official("call_reference"),
        "text": "personal caller",
        "caller.id_scheme": "public",
        "caller.id": "sensitive caller",
        **_all("personal caller", "name telephone address", of="caller"),
        # What a caller gives as the reason of their act is theirs too.
        "statement": "personal caller",
        # Whom it is about is staff.
        **_official("unit person item", of="about"),
        **_public("number stream item approving supervising", of="case"),
        **_TERMS,
    },
    "complaint-assigned": _official("unit summary"),
    "complaint-replied": _official("result measure document"),
    "complaint-escalated": _official("to ground text"),
    "complaint-closed": {
        **_official("result text"),
        "satisfaction.grade": "official",
        "satisfaction.said": "personal caller",
    },
    "matter-opened": {
        **_public("name kind organ items promise"),
        **_APPLICANT,
        **_SAID,
        **_MATERIALS,
        **_TERMS,
    },
    "matter-case-joined": {**_public("case"), **_SAID},
    "matter-case-split-off": {**_public("case"), **_SAID},
    "matter-opinion-requested": _official("organ question days"),
    "matter-opinion-given": _official("request opinion recommend"),
    **dict.fromkeys(
        ("complaint-correction-proposed", "matter-correction-proposed"),
        _official("event of evidence position"),
    ),
    **dict.fromkeys(
        ("complaint-correction-approved", "matter-correction-approved"), _official("event")
    ),
    **dict.fromkeys(
        ("subject-restricted", "subject-released", "subject-held", "subject-hold-lifted"),
        _official("reference of role number"),
    ),
    "key-destruction-proposed": _official("reference of role number legal_basis retention"),
    # Of the key only what tells it from others: a digest of 256 random bits.
    "key-destroyed": _official(
        "reference of role number proposal legal_basis retention fingerprint backups_gone_on"
    ),
    "refused": _official("action case item slug rule earlier_position stream"),
    # The access log: what was read, by whom stands in the actor; no applicant is named.
    "read": {
        **_official("what cases filter classes revealed items digest part begun"),
        **_official("code reference", of="purpose"),
    },
    "entry-sealed": _official("entry"),
    "library": {"*": "official"},
}

# What any act may carry: the policy that let one person do it, and what a correction says of it.
_OF_ANY = _public("occurred_at void duty_policy")


def _compiled(table: Mapping[str, str]) -> Mapping[str, str]:
    """Add what members stand in, which has no class of its own."""
    whole = {**_OF_ANY, **table}
    for path in table:
        at = path.rpartition(".")[0]
        while at:
            whole.setdefault(at, "")
            at = at.rpartition(".")[0]
    return MappingProxyType(whole)


_TABLES: Mapping[str, Mapping[str, str]] = {kind: _compiled(row) for kind, row in FIELDS.items()}


def class_of(kind: str, path: str) -> str:
    """Return the class of a member, and whose it is; KeyError where nobody gave it one."""
    found = _TABLES[kind].get(path)
    if not found:
        raise KeyError(f"{kind}: {path} has no class")
    return found


def changed(kind: str, data: Data, change: Change) -> dict[str, Json]:
    """Return data with every member that is a person's changed; KeyError for one of no class."""
    if kind.endswith("correction-proposed"):
        # The new values belong to whom the old ones belong to.
        rest = {name: value for name, value in data.items() if name != "fields"}
        fields = changed(data["of"], data["fields"], change)
        return {**_members(_TABLES[kind], kind, "", rest, change), "fields": fields}
    return _members(_TABLES[kind], kind, "", data, change)


def _members(
    table: Mapping[str, str], kind: str, at: str, data: Data, change: Change
) -> dict[str, Json]:
    if f"{at}*" in table:
        return dict(data)
    found = {}
    for name, value in data.items():
        path = f"{at}{name}"
        known = table.get(path)
        subject = known.partition(" ")[2] if known else ""
        if subject:
            found[name] = value if value is None else change(path, subject, value)
        elif known and _plain(value):
            found[name] = value
        elif known == "" and isinstance(value, Mapping):
            found[name] = _members(table, kind, f"{path}.", value, change)
        elif known == "" and _objects(value):
            found[name] = [_members(table, kind, f"{path}.", one, change) for one in value]
        elif value is None and known is not None:
            found[name] = None
        else:
            raise KeyError(f"{kind}: {path} has no class")
    return found


def _objects(value: Json) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, Mapping) for one in value)


def _plain(value: Json) -> bool:
    """Tell whether nothing can hide in a value: it is one, or a list of such."""
    if isinstance(value, list | tuple):
        return not any(isinstance(one, Mapping | list | tuple) for one in value)
    return not isinstance(value, Mapping)
