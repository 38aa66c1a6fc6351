"""Dates, calendars and limits as the tests of deadlines write them."""

import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import ledger.deadline
from ledger.alert import Moment
from ledger.limit import Facts, Run, Step
from ledger.workdays import Calendars, CalendarVersion

ZONE = ZoneInfo("Asia/Shanghai")
DATA = Path(ledger.__file__).parent / "data"
POLICY = json.loads((DATA / "policies" / "alerts-default.json").read_text("utf-8"))
MATTERS = ("name", "budget", "used", "paused_days", "start", "due", "light", "rule")


def day(text):
    return date.fromisoformat(text)


def at(text):
    """Read a local time, such as 2026-03-02 10:00."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def listed(name):
    return json.loads((DATA / "calendars" / f"{name}.json").read_text("utf-8"))


def adopted(calendars, content, position, approved_at=None):
    """Adopt a calendar document, as the office does."""
    notice = content.get("notice") or {}
    return calendars.with_(
        CalendarVersion(
            calendar=content["calendar"],
            version=calendars.number(content["calendar"]) + 1,
            year=content["year"],
            off=frozenset(map(day, content["off"])),
            work=frozenset(map(day, content["work"])),
            position=position,
            provisional=content.get("provisional", False),
            notice=notice.get("number"),
            approved_at=approved_at,
        )
    )


def calendars(*names):
    """Adopt these files at the positions 1, 2, 3 …."""
    known = Calendars()
    for position, name in enumerate(names, 1):
        known = adopted(known, listed(name), position)
    return known


EXAMPLE = calendars("cn-2024", "cn-2025", "cn-2026", "cn-2027")


def run(name, start, budget, opened=10, **more):
    """Open a run at 10:00 of its start."""
    defaults = {
        "rule": "deadline.day-after",
        "opened_at": at(f"{start} 10:00"),
        "pausable": name in ("statutory", "promised"),
    }
    return Run(name=name, start=day(start), budget=budget, opened=opened, **(defaults | more))


def accepted(start, promise=5, opened=10, law=20, **more):
    """Open the two limits that acceptance opens."""
    more = {"rule": "acceptance.accepted"} | more
    return (
        run("statutory", start, law, opened, **more),
        run("promised", start, promise, opened, **more),
    )


def uncorrected(runs, **more):
    return (Step(-1, Facts(tuple(runs), **more)),)


def measured(steps, when, known=EXAMPLE, **more):
    """Measure a case and name the last run of each limit."""
    found = ledger.deadline.view(steps, known, at(when), ZONE, POLICY, **more)
    return {deadline.name: deadline for deadline in found}


def shown(steps, when, known=EXAMPLE, **more):
    return {name: d.document() for name, d in measured(steps, when, known, **more).items()}


def moment(position, when, runs, cause=None, known=EXAMPLE, **facts):
    """Say what was known of a case from an event on."""
    steps = uncorrected(runs, **facts)
    found = ledger.deadline.foreseen(steps, known, at(when), ZONE, POLICY)
    return Moment(position, at(when), found, cause)
