"""The routes about personal data."""

from api import parameters, subjects, subjects_told, told
from api.routes import Route, act, reading
from api.subject_bodies import BODIES

LEDGER = "/v1/ledgers/{ledger}"


def table() -> list[Route]:
    """List these routes, in the order they are tried."""
    return [
        reading(
            f"{LEDGER}/cases/{{case}}/subjects",
            subjects.of_case,
            "Whose personal data are in a case",
            "privacy",
            name="read-subjects",
            answers=told.Page[subjects_told.Subject],
            query=parameters.AT_LEAST,
        ),
        reading(
            f"{LEDGER}/subjects/{{subject}}",
            subjects.one,
            "How it stands with the data of a subject",
            "privacy",
            name="read-subject",
            answers=subjects_told.Subject,
            query=parameters.AT_LEAST,
        ),
        act(
            f"{LEDGER}/subjects/{{subject}}/{{action}}",
            subjects.act,
            "Restrict, release, hold, or destroy the key of a subject",
            "privacy",
            name="subject-{action}",
            among={"action": tuple(BODIES)},
            body=dict(BODIES),
            answers=subjects_told.SubjectDone,
        ),
    ]
