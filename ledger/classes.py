"""What kind of field each member of each event is (数据分类): one table, and nothing outside it.

`public`; `official` (what staff did and wrote: evidence, never erased); `personal`,
`sensitive` and `inspection` name whose they are and are encrypted under that subject's key.
A member that stands in no row cannot be recorded: a new field is thought about before it is
written for ever (个人信息保护法 6, 28).
"""

from collections.abc import Mapping

# A dot goes one member deeper, `*` stands for all members there that are not named.  What is
# said of a member holds for all below it.
_APPLICANT: Mapping[str, str] = {
    "applicant.kind": "public",
    "applicant.id_scheme": "public",
    "applicant.name": "personal applicant",
    "applicant.id": "sensitive applicant",
    "applicant.agent.*": "sensitive agent",
    "applicant.*": "personal applicant",
}


def _public(names: str = "") -> dict[str, str]:
    """Give members that tell nothing of a person their class."""
    return dict.fromkeys(names.split(), "public")


def _official(names: str = "") -> dict[str, str]:
    """Give what staff did and wrote its class."""
    return dict.fromkeys(names.split(), "official")


# What an applicant gives as the reason of an act of their own.
_SAID: Mapping[str, str] = {"statement": "personal applicant"}

# The bureau's own set-up: appointments name staff, nothing names an applicant.
_OFFICE = (
    "ledger-opened",
    "organ-set",
    "client-set",
    *(f"{kind}-{act}" for kind in ("item", "calendar", "policy", "appointment")
      for act in ("set", "proposed", "approved")),
    "appointment-ended",
    "seal-registered",
    "seal-enabled",
    "seal-handed-over",
    "seal-taken-over",
    "seal-hand-over-approved",
    "seal-disabled",
    "seal-locked-away",
    "seal-destroyed",
    "seal-lost",
)  # fmt: skip

FIELDS: Mapping[str, Mapping[str, str]] = {
    # `facts` are what the mapping of an import keeps as it is; who writes the mapping leaves
    # out what names a person.
    "received": {
        **_APPLICANT,
        **_SAID,
        **_public("item terms channel materials permit organ facts"),
    },
    "corrected-on-spot": _public("corrected"),
    "supplement-requested": _public("missing served_at notice"),
    "supplement-received": {**_SAID, **_public("materials")},
    "accepted": _public("terms tolerant commitment points"),
    "deemed-accepted": _public("terms"),
    "declined": _public("kind organ reasons notice"),
    "transferred": _official("to handed_over"),
    "transfer-acknowledged": {},
    "transfer-refused": {},
    "reviewed": _official("level opinion recommend adopts site points"),
    "suspended": _official(
        "kind planned_days approved_by notice served_at requested_at presider held_on effective"
    ),
    "resumed": _public("kind result ended_on"),
    "extended": _official("days approved_by notice effective"),
    "number-reserved": _public("kind"),
    "number-voided": _public("kind number"),
    "decided": _official("outcome document reasons differs_from_opinion"),
    "sealed": _official("seal document copies medium signature item authorised_by"),
    "seal-voided": _official("seal document approved_by replacement"),
    "issued": {
        "recipient.*": "personal recipient",
        **_official("document method receipt"),
    },
    "published": _public("what where left_out"),
    "pushed": _public("to"),
    "claimed": {},
    "evaluated": {
        "text": "personal evaluator",
        "statement": "personal evaluator",
        **_official("grade channel about call_reference"),
    },
    "closed": {},
    "withdrawn": {**_SAID, **_public("request")},
    # Its new values are of the class of what they correct.
    "correction-proposed": _official("event of fields evidence"),
    "correction-approved": _official("event"),
    "recusal-declared": {"interest": "inspection inspection"},
    "intervention-recorded": dict.fromkeys(("who", "text", "unit"), "inspection inspection"),
    **{kind: {"*": "official"} for kind in _OFFICE},
    "refused": _official("action case item slug rule earlier_position stream"),
    "library": {"*": "official"},
}

# What any act may carry: the policy that let one person do it, and what a correction says of it.
_OF_ANY: Mapping[str, str] = _public("occurred_at void duty_policy")


def class_of(kind: str, path: str) -> str:
    """Return the class of a member, and whose it is; KeyError where nobody gave it one."""
    table = FIELDS[kind]
    at = path
    while at:
        if at in table:
            return table[at]
        parent = at.rpartition(".")[0]
        wild = f"{parent}.*" if parent else "*"
        if wild in table:
            return table[wild]
        at = parent
    if path in _OF_ANY:
        return _OF_ANY[path]
    raise KeyError(f"{kind}: {path} has no class")


def whole(kind: str, path: str) -> bool:
    """Tell whether an object is one field: it has a class, and nothing below it another."""
    table = FIELDS[kind]
    below = path + "."
    return path in table and not any(name.startswith(below) for name in table)
