"""An SM2 key for each log of a ledger: `caseledger key sm2`.

The file switches the line on, and the event names the key, so that the log itself says which one
it was.  Cut short, the same command goes on where it was.  To replace a key its file is moved out
of the folder of keys; put back, both sign.
"""

from api.operate import Say
from api.rotating import Place, place_of, recorded
from api.settings import Settings
from ledger.errors import Refused
from ledger.signing import SM2_SET, new_sm2_key, sm2_keys, sm2_set
from ledger.store import companions
from ledger.tlog import sm2


async def made(settings: Settings, name: str, say: Say) -> list[str]:
    """Make an SM2 key for each log that has none, and return those that sign, one a log or more.

    Raises `Refused` where each log has one that an event names, and without the library.
    """
    try:
        sm2.library()
    except sm2.NotInstalled as error:
        raise Refused("not-found", str(error)) from error
    async with place_of(settings, name, say) as place:
        told = [await _of(place, sequence) for sequence in (name, *companions(name))]
    if not any(changed for _, changed in told):
        why = f"{name}: SM2 keys sign already; to replace one, move its file away and ask again"
        raise Refused("already-done", why)
    return [key for keys, _ in told for key in keys]


async def _of(place: Place, sequence: str) -> tuple[list[str], bool]:
    """Return the SM2 keys of a log, and whether anything was left to do for it."""
    origin = (await place.state(sequence)).origin
    if not sm2_keys(place.at.keys, sequence, origin):
        new_sm2_key(place.at.keys, sequence, origin)
    keys = [one.verifier.text for one in sm2_keys(place.at.keys, sequence, origin)]
    named = {e.data["key"] for e in sm2_set(place.ledger.office.events, sequence)}
    missing = [key for key in keys if key not in named]
    for key in missing:
        data = {"sequence": sequence, "origin": origin, "key": key}
        await recorded(place, SM2_SET, data, f"sm2-key|{sequence}|{key}")
        place.at.noted(f"{sequence}: {key} signs beside the key of the log")
    return keys, bool(missing)
