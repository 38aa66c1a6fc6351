"""The tables of a case's life are complete, and nothing happens that they do not say."""

import random
from collections import Counter
from datetime import timedelta

import pytest

from api.bodies import ACTS
from api.record import DOES
from ledger import authority
from ledger.authority import CONDITIONS
from ledger.case import replay
from ledger.errors import Refused
from ledger.fold import FOLD
from ledger.lifecycle import (
    ACTION_OF,
    AFTER_RECUSAL,
    BRANCH,
    BY_LAW,
    MAY,
    ON_CARDS,
    RULES,
    SEPARATIONS,
    Action,
    Role,
    Stage,
)
from ledger.records import TYPES
from ledger.standing import Caller
from ledger.state import state
from tests.ledger import given, lives
from tests.ledger.given import ZONE, act_function
from tests.ledger.lives import BY, LEADS, SAYS, do, led_to

# What is on record only, and changes nothing that the case shows.
NOTED = {"intervention-recorded"}
# Nothing leads from here to there: the first act of a case makes it.
EXISTING = tuple(action for action in Action if action != Action.RECEIVE)


@pytest.mark.parametrize("action", Action)
def test_every_action_has_a_rule_a_row_a_shape_and_a_function(action):
    assert action in RULES
    assert MAY[action]
    assert str(action) in ACTS
    assert act_function(action) is DOES[action]


def test_no_table_names_more_than_the_actions():
    assert set(Action) == set(RULES) == set(MAY) == set(DOES)
    assert {str(action) for action in Action} == set(ACTS)
    assert len(ACTION_OF) == len(RULES)


@pytest.mark.parametrize("kind", [rule.event for rule in RULES.values()] + list(BY_LAW))
def test_every_event_is_a_known_type_and_is_folded(kind):
    assert kind in TYPES
    assert (kind in FOLD) is (kind not in NOTED)


def test_roles_relations_and_conditions_are_known_words():
    for row in MAY.values():
        for may in row:
            assert set(may.relations) <= set("OPSEAJTX")
            assert set(may.conditions) <= set(CONDITIONS)
    assert set(CONDITIONS) == {c for row in MAY.values() for may in row for c in may.conditions}


def test_administrators_and_inspectors_act_on_no_case():
    acting = {may.role for row in MAY.values() for may in row}

    assert not acting & {
        Role.SYSTEM_ADMIN,
        Role.SECURITY_ADMIN,
        Role.AUDIT_ADMIN,
        Role.INSPECTOR,
        Role.INSPECTION_LEAD,
    }


def test_every_post_belongs_to_one_branch():
    assert set(Role) - {Role.APPLICANT, Role.CLIENT_SYSTEM} == set(BRANCH)


def test_separations_name_duties_that_are_done():
    duties = {"accept", "decide", "issue", "seal", "seal:result", "preside"}
    duties |= {"review:handle", "review:check", "recall-permit", "revoke-permit"}

    assert {row.earlier for row in SEPARATIONS} | {row.later for row in SEPARATIONS} <= duties
    assert {row.kind for row in SEPARATIONS} <= {"law", "core", "policy"}
    assert set(RULES) >= AFTER_RECUSAL


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_is_reached(bureau, stage):
    assert stage in LEADS

    assert stage == bureau.case(led_to(bureau, stage)).stage


@pytest.mark.parametrize("stage", Stage)
def test_what_the_stage_forbids_is_refused_and_leaves_no_trace(stage):
    for action in EXISTING:
        bureau = given.bureau()
        case = led_to(bureau, stage)
        before = bureau.case(case)
        if stage in RULES[action].when:
            assert authority.impossible(action, before, {}) is None
            continue

        with pytest.raises(Refused) as refused:
            do(bureau, case, action)

        assert refused.value.slug in ("wrong-stage", "already-done"), action
        assert before is bureau.case(case)


@pytest.mark.parametrize("action", [a for a in EXISTING if RULES[a].once])
def test_what_is_done_once_names_the_first_time(action):
    bureau = given.bureau()
    stage = next(s for s in LEADS if s in RULES[action].when)
    case = led_to(bureau, stage)
    for needed in lives.NEEDS.get(action, ()):
        do(bureau, case, needed)
    (first,) = do(bureau, case, action)

    with pytest.raises(Refused) as refused:
        do(bureau, case, action)

    assert ("already-done", first.position) == (
        refused.value.slug,
        refused.value.earlier_position,
    )


# -- walking at random ---------------------------------------------------------------------

PEOPLE = (
    "zhou-min",
    "fu-hailing",
    "chen-zhi",
    "wang-lan",
    "lin-bo",
    "huang-qiang",
    "wu-jun",
    "he-yan",
    "tang-li",
    "mo-li",
    "li-na",
    "ke-jun",
    "jiang-he",
    "guo-an",
    "lu-qian",
    "xing-tao",
    "gao-yuan",
)
VARIANTS = {
    Action.REVIEW: [
        given.opinion("check", "同意"),
        given.opinion("handle", "不符合", "deny"),
    ],
    Action.DECIDE: [
        {"outcome": "deny", "reasons": "不符合条件", "document": given.document("decision")}
    ],
    Action.SUSPEND: [{**lives.TESTING, "kind": "inspection"}, {"kind": "testing"}],
    Action.RESUME: [{"kind": "inspection"}],
    Action.ACCEPT: [lives.TOLERANT],
    Action.SEAL: [given.sealing("acceptance-notice"), given.sealing("decision")],
    Action.EVALUATE: [{"grade": 1, "channel": "terminal"}],
    Action.VERIFY_REVIEW: [{"verdict": "mistaken"}],
    Action.DEREGISTER: [{"follows": "revocation"}],
    Action.RECORD_REMEDY: [{**SAYS[Action.RECORD_REMEDY], "step": "evidence"}],
    Action.RECORD_REMEDY_RESULT: [{"result": "annulled"}],
    Action.PUBLISH: [{"what": "explanation", "where": "公示栏"}],
}
SPOKEN = {a: [SAYS.get(a, {})] * 2 + VARIANTS.get(a, []) for a in EXISTING}


def chosen(rng, stage):
    """An action, three times of four one that the stage allows."""
    here = [action for action in EXISTING if stage in RULES[action].when]
    action = rng.choice(here if rng.random() < 0.75 else EXISTING)
    ends = action in (Action.DECLINE, Action.WITHDRAW, Action.TERMINATE) and rng.random() < 0.95
    return Action.ACCEPT if ends else action


@pytest.mark.parametrize("seed", range(20))
def test_a_walk_never_leaves_the_tables(seed):
    rng = random.Random(seed)
    bureau = given.bureau()
    case = bureau.received("QH-002", lives.DAY)

    for _ in range(80):
        bureau.now += timedelta(hours=rng.choice((0, 0, 0, 1, 26, 24 * 9)))
        before = bureau.case(case)
        action = chosen(rng, before.stage)
        person = rng.choice(PEOPLE) if rng.random() < 0.3 else BY.get(action, "chen-zhi")
        offered = options(bureau, case, person)
        try:
            done = do_as(bureau, case, action, person, rng)
        except Refused:
            assert before is bureau.cases[case]
        else:
            told(bureau, case, action, before, done, offered, person)


def do_as(bureau, case, action, person, rng):
    body = rng.choice(SPOKEN[action])
    if action in (Action.CORRECT, Action.APPROVE_CORRECTION):
        body = {**body, "event": rng.choice(bureau.cases[case].events).id}
    return bureau.act(
        case, action, body, by=person or "applicant", applicant=person is None, client="hpj"
    )


def options(bureau, case, person):
    allowed, forbidden = authority.options(
        bureau.cases[case], Caller(person), bureau.office, bureau.now
    )
    assert not set(allowed) & {f["action"] for f in forbidden}
    return allowed


def told(bureau, case, action, before, done, offered, person):
    """What must hold after every act that was recorded."""
    after = bureau.cases[case]
    rule = RULES[action]
    assert before.stage in rule.when or (rule.late and before.decision is not None)
    assert rule.event == done[-1].type
    assert [e.version for e in after.events] == list(range(1, len(after.events) + 1))
    assert after == replay(after.events, ZONE), "the fold depends on how it was read"
    if person is not None and action not in ON_CARDS:
        assert str(action) in offered, "done, though it was not offered"
    state(after, Caller("chen-zhi"), bureau.office, bureau.now)
    waiting = [run for run in after.runs if run.met is None and run.ended is None]
    names = Counter((run.name, run.data.get("kind")) for run in waiting)
    assert max(names.values(), default=0) <= 1, "a limit runs twice at once"
