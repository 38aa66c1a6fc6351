"""What the tests of the append hand to it."""

from ledger.batch import Command

LEDGER = "469002"


def command(
    key, stream, version, *, digest=b"d", registers=(), reads=None, body=b"{}", kind="received"
):
    """A command of one event."""
    return Command(
        key=key,
        digest=digest,
        reads={stream: version, **(reads or {})},
        events=((stream, kind, body, tuple(registers)),),
    )


async def altered(creator, before, after):
    """Take a protection out of the append, for a control: the test must then fail."""
    source = await creator.fetchval(
        "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'append'"
    )
    assert before in source
    await creator.execute(source.replace(before, after))


async def waits_for_a_lock(creator, *, role="ledger_app"):
    """Return once a backend of the role waits for a lock."""
    asked = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE usename = $1 AND wait_event_type = 'Lock' AND datname = current_database()"
    )
    while await creator.fetchval(asked, role) == 0:
        pass
