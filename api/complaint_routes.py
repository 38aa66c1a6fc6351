"""The routes of complaints, and of what the hotline may tell about any case."""

from api import complaints, complaints_told, parameters, progress, told
from api.complaint_bodies import BODIES
from api.routes import Route, act, reading

LEDGER = "/v1/ledgers/{ledger}"
ON_A_COMPLAINT = tuple(name for name in BODIES if name != "register-complaint")


def table() -> list[Route]:
    """List these routes, in the order they are tried."""
    return [
        act(
            f"{LEDGER}/complaints",
            complaints.register,
            "Register a complaint",
            "bureau",
            name="register-complaint",
            body=BODIES["register-complaint"],
            answers=complaints_told.ComplaintAct,
        ),
        reading(
            f"{LEDGER}/complaints",
            complaints.listed,
            "Complaints, and how far they have come",
            "reading",
            name="read-complaints",
            answers=told.Page[complaints_told.ComplaintRow],
            query=parameters.COMPLAINTS,
        ),
        reading(
            f"{LEDGER}/complaints/{{complaint}}",
            complaints.one,
            "One complaint with its history",
            "reading",
            name="read-complaint",
            answers=complaints_told.Complaint,
            query=parameters.AT_LEAST,
        ),
        act(
            f"{LEDGER}/complaints/{{complaint}}/{{action}}",
            complaints.act,
            "Act on a complaint",
            "bureau",
            name="{action}",
            among={"action": ON_A_COMPLAINT},
            body={name: BODIES[name] for name in ON_A_COMPLAINT},
            answers=complaints_told.ComplaintAct,
            versioned=True,
        ),
        reading(
            f"{LEDGER}/cases/{{case}}/progress",
            progress.one,
            "How far a case has come, for whoever asks by its number",
            "reading",
            name="read-progress",
            answers=complaints_told.Progress,
            query=parameters.AT_LEAST,
        ),
    ]
