"""What an act refers to besides its own case: another case, a card, a sanction.

Acts are pure: what they cannot know from their case is looked up before, and comes with the
occasion.  What the caller may not see is as if it were not there.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypedDict

from api.access import Entry, case_for
from ledger import matter, privacy
from ledger.case import Case, Data, Json
from ledger.errors import Refused
from ledger.lifecycle import Action
from ledger.matter import Matter
from ledger.state import number_of
from projections import current_state, timeout_alerts

Details = Mapping[str, Json]


class Known(TypedDict, total=False):
    """What an occasion carries of it."""

    other: Case
    card: Data
    listed: int
    matter: Matter


async def known(
    entry: Entry, action: Action, case: Case | None, body: Details
) -> tuple[Known, Refused | None]:
    """Look up what an act of this kind refers to, and say what of it is not there.

    The refusal is raised where its turn is: the key, the version and the case come before it.
    """
    look = _LOOKS.get(action)
    try:
        return (Known() if look is None else await look(entry, case, body)), None
    except Refused as refused:
        return Known(), refused


async def _other(entry: Entry, number: object, pointer: str) -> Known:
    try:
        _, other = await case_for(entry, str(number))
    except Refused as refused:
        if refused.slug not in ("case-not-found", "appointment-ended"):
            raise
        raise Refused("unknown-reference", "no such case", pointer=pointer) from None
    return Known(other=other)


async def _permit(entry: Entry, _case: Case | None, body: Details) -> Known:
    return await _other(entry, body["permit"], "/permit") if "permit" in body else Known()


async def _application(entry: Entry, _case: Case | None, body: Details) -> Known:
    return await _other(entry, body["by"], "/by")


async def _card(entry: Entry, case: Case | None, body: Details) -> Known:
    """Find a card of this case as it stands now, refusals of this very moment included."""
    assert case is not None, "a card is answered on its case"
    ledger = entry.ledger
    await entry.service.caught_up(ledger.name, case.position)
    found = await timeout_alerts.one(
        entry.service.reads,
        ledger.name,
        body["alert"],
        number_of(case, ledger.name),
        await ledger.now(),
    )
    return Known() if found is None else Known(card=found)


async def _credit(entry: Entry, case: Case | None, body: Details) -> Known:
    """Find a sanction in force against who applies, where trust is asked for.

    Sanctions are few and identities are encrypted: those in force are opened and compared.
    """
    if case is None or not (body.get("tolerant") or body.get("commitment")):
        return Known()
    ledger = entry.ledger
    await entry.service.caught_up(ledger.name, -1)
    on = case.on(await ledger.now())
    own = privacy.applicant_ids(case, ledger.keyring, ledger.name)
    for stream in await current_state.sanctioned(entry.service.reads, ledger.name, on):
        of = await ledger.load(stream)
        if of is None:
            continue
        for sanction in of.sanctions:
            in_force = sanction["until"] >= on.isoformat()
            if in_force and own & _sanctioned(of, sanction, entry):
                return Known(listed=sanction["position"])
    return Known()


async def _opinions(entry: Entry, case: Case | None, _body: Details) -> Known:
    """Find what was asked in the matter that a case of joint handling was received in."""
    named = (case.matter if case is not None else None) or {}
    if case is None or case.terms.get("kind") != "joint" or "stream" not in named:
        return Known()
    history = await entry.ledger.history(named["stream"])
    return Known(matter=matter.replay(history, entry.office.zone))


def _sanctioned(of: Case, sanction: Data, entry: Entry) -> frozenset[str]:
    """Return in clear who is under a sanction: who it names, else the applicant."""
    ledger = entry.ledger
    if sanction.get("subject") is None:
        return privacy.applicant_ids(of, ledger.keyring, ledger.name)
    events = {sanction["event"]}
    clear = privacy.opened(
        sanction["subject"], ledger.keyring, ledger.name, events=events, path="subject"
    )
    return frozenset({clear} - {None})


_LOOKS: Mapping[Action, Callable[[Entry, Case | None, Details], Awaitable[Known]]] = {
    Action.RECEIVE: _permit,
    Action.AMEND: _application,
    Action.RENEW: _application,
    Action.ANSWER_ALERT: _card,
    Action.WITHDRAW_ALERT: _card,
    Action.ACCEPT: _credit,
    Action.DECIDE: _opinions,
}
