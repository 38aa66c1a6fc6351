"""A case at every stage, and for every action somebody who may do it and what they would say."""

from datetime import timedelta

from ledger.lifecycle import Action, Stage
from tests.ledger.given import GRANT, LICENCE, SUPPLEMENT, material, opinion, sealing, sha

DAY = "2026-03-02"
PLAN = {"materials": [material("场所平面图", "plan")]}
NOTICE = {**SUPPLEMENT, "served_at": DAY}
TESTING = {
    "kind": "testing",
    "planned_days": 5,
    "approved_by": "huang-qiang",
    "notice": sha("special-notice"),
    "served_at": DAY,
}
TO_CHEN = {"to": {"unit": "qh-xzsp", "person": "chen-zhi"}}
HAND_OUT = {"document": LICENCE, "method": "window", "receipt": sha("receipt")}
TOLERANT = {"tolerant": [{"material": "场所平面图"}]}
EVIDENCE = {"evidence": sha("slip"), "reason": "以纸质为准"}

# What a well-meaning officer would send.
SAYS = {
    Action.REQUEST_SUPPLEMENT: NOTICE,
    Action.RECEIVE_SUPPLEMENT: PLAN,
    Action.DECLINE: {"kind": "not-needed", "reasons": "不需要许可"},
    Action.TRANSFER: TO_CHEN,
    Action.REFUSE_TRANSFER: {"reason": "不属本岗"},
    Action.REVIEW: opinion("handle", "符合条件"),
    Action.SUSPEND: TESTING,
    Action.RESUME: {"kind": "testing", "result": sha("report")},
    Action.EXTEND: {
        "days": 10,
        "approved_by": "wu-jun",
        "notice": sha("extension-notice"),
        "reason": "案情复杂",
    },
    Action.RESERVE_NUMBER: {"kind": "licence"},
    Action.VOID_NUMBER: {"kind": "licence", "number": "licence-2026-000001", "reason": "作废"},
    Action.DECIDE: GRANT,
    Action.SEAL: sealing(),
    Action.VOID_SEAL: {
        "document": {"kind": "licence", "version": 1},
        "approved_by": "huang-qiang",
        "reason": "打印污损",
    },
    Action.ISSUE: HAND_OUT,
    Action.PUBLISH: {"what": "decision", "where": "公示栏"},
    Action.PUSH: {"to": "qh-wjw"},
    Action.EVALUATE: {"grade": 5, "channel": "terminal"},
    Action.WITHDRAW: {"request": sha("request")},
    Action.CORRECT: {"fields": {"channel": "online"}, **EVIDENCE},
    Action.DECLARE_RECUSAL: {"interest": "亲属"},
    Action.RECORD_INTERVENTION: {"person": "某人", "text": "要求从快"},
    Action.ARCHIVE: {"package": sha("package"), "retention": "10"},
    Action.TERMINATE: {"kind": "dissolved", "reason": "申请人已注销"},
    Action.RECALL_PERMIT: {"grounds": "规划已修改", "compensation": "依法补偿"},
    Action.REVOKE_PERMIT: {
        "grounds": "69(2)",
        "notice": sha("revocation-notice"),
        "served_at": DAY,
        "heard": "statement",
    },
    Action.DEREGISTER: {"follows": "surrender"},
    Action.AMEND: {"by": "469002-2026-000009"},
    Action.RENEW: {"by": "469002-2026-000009"},
    Action.INSPECT: {"purpose": "routine", "outcome": "compliant"},
    Action.PROPOSE_REVOCATION: {"grounds": "69(2)", "text": "材料虚假"},
    Action.SUPERVISE: {"order": "请尽快办理"},
    Action.ANSWER_ALERT: {"alert": "case:1/promised/2026-03-02/red", "explanation": "人手不足"},
    Action.WITHDRAW_ALERT: {"alert": "case:1/promised/2026-03-02/red", "reason": "误报"},
    Action.VERIFY_REVIEW: {"verdict": "valid"},
    Action.RECTIFY: {"measure": "已补办"},
    Action.FEED_BACK: {"text": "已向申请人说明"},
    Action.RECORD_REMEDY: {
        "kind": "litigation",
        "body": "琼海市人民法院",
        "filed_on": DAY,
    },
    Action.RECORD_REMEDY_RESULT: {"result": "upheld"},
    Action.OPEN_INVESTIGATION: {"grounds": "超出许可范围经营"},
    Action.RECORD_FINDING: {"officers": ["ke-jun", "gao-yuan"], "finding": "属实"},
    Action.PENALISE: {"officers": ["ke-jun", "gao-yuan"], "kind": "warning"},
    Action.CANCEL_PERMIT: {
        "officers": ["ke-jun", "gao-yuan"],
        "notice": sha("hearing-notice"),
        "served_at": DAY,
        "heard": "waived",
    },
    Action.SANCTION: {"measure": "不适用告知承诺", "until": "2027-03-02"},
    Action.CLOSE_INVESTIGATION: {"result": "no-violation"},
}
BY = {
    Action.REQUEST_SUPPLEMENT: "zhou-min",
    Action.RECEIVE_SUPPLEMENT: "zhou-min",
    Action.CORRECT_ON_SPOT: "zhou-min",
    Action.ACCEPT: "zhou-min",
    Action.DECLINE: "zhou-min",
    Action.TRANSFER: "zhou-min",
    Action.WITHDRAW: "zhou-min",
    Action.CORRECT: "zhou-min",
    Action.DECIDE: "huang-qiang",
    Action.APPROVE_CORRECTION: "huang-qiang",
    Action.SEAL: "he-yan",
    Action.VOID_SEAL: "he-yan",
    Action.ISSUE: "tang-li",
    Action.CLAIM: "mo-li",
    Action.EVALUATE: None,
    Action.DECLARE_RECUSAL: "wu-jun",
    **dict.fromkeys(
        (
            Action.TERMINATE,
            Action.RECALL_PERMIT,
            Action.REVOKE_PERMIT,
            Action.DEREGISTER,
            Action.AMEND,
            Action.RENEW,
        ),
        "huang-qiang",
    ),
    **dict.fromkeys((Action.INSPECT, Action.PROPOSE_REVOCATION), "mo-li"),
    **dict.fromkeys((Action.SUPERVISE, Action.WITHDRAW_ALERT, Action.VERIFY_REVIEW), "xing-tao"),
    **dict.fromkeys((Action.CALL_BACK, Action.CLOSE_REVIEW), "lu-qian"),
    **dict.fromkeys((Action.FEED_BACK, Action.RECTIFY), "wu-jun"),
    **dict.fromkeys(
        (
            Action.OPEN_INVESTIGATION,
            Action.RECORD_FINDING,
            Action.PENALISE,
            Action.CANCEL_PERMIT,
            Action.SANCTION,
            Action.CLOSE_INVESTIGATION,
        ),
        "ke-jun",
    ),
}

# What is done before an act besides what leads to its stage.
NEEDS = {
    Action.CLOSE: (Action.PUBLISH, Action.PUSH),
    Action.RECALL_PERMIT: (Action.PROPOSE_REVOCATION,),
    Action.REVOKE_PERMIT: (Action.PROPOSE_REVOCATION,),
    Action.CANCEL_PERMIT: (Action.OPEN_INVESTIGATION, Action.RECORD_FINDING),
}

# The acts that lead from receipt to each stage, in the order done.
LEADS = {
    Stage.RECEIVED: (),
    Stage.SUPPLEMENTING: (Action.REQUEST_SUPPLEMENT,),
    Stage.DECLINED: (Action.DECLINE,),
    Stage.WITHDRAWN: (Action.WITHDRAW,),
    Stage.TERMINATED: (Action.TERMINATE,),
    Stage.ACCEPTED: (Action.ACCEPT,),
    Stage.IN_REVIEW: (Action.ACCEPT, Action.REVIEW),
    Stage.SUSPENDED: (Action.ACCEPT, Action.SUSPEND),
    Stage.DECIDED: (Action.ACCEPT, Action.REVIEW, Action.DECIDE),
}
LEADS[Stage.SEALED] = (*LEADS[Stage.DECIDED], Action.SEAL)
LEADS[Stage.ISSUED] = (*LEADS[Stage.SEALED], Action.ISSUE)
LEADS[Stage.CLOSED] = (*LEADS[Stage.ISSUED], Action.PUBLISH, Action.PUSH, Action.CLOSE)

LEADS[Stage.ARCHIVED] = (*LEADS[Stage.CLOSED], Action.ARCHIVE)


def do(bureau, case, action, *, by=..., **more):
    """Do an action as the officer whose it is would do it; `more` changes what they say."""
    who = BY.get(action, "chen-zhi") if by is ... else by
    body = {**SAYS.get(action, {}), **more}
    if action in (Action.CORRECT, Action.APPROVE_CORRECTION):
        body.setdefault("event", bureau.cases[case].events[0].id)
    if who is None:
        return bureau.act(case, action, body, by="applicant", client="hpj", applicant=True)
    return bureau.act(case, action, body, by=who)


def led_to(bureau, stage, *, item="QH-002"):
    """A case brought to a stage on a Monday in March, a minute an act."""
    case = bureau.received(item, DAY)
    for action in LEADS[stage]:
        bureau.now += timedelta(minutes=1)
        do(bureau, case, action)
    assert stage == bureau.case(case).stage
    return case
