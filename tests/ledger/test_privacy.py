"""Personal fields: each has a class, is encrypted where it stands, masked, and can be forgotten."""

import hashlib
import hmac
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import orjson
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import inspect

from api.bodies import ACTS
from api.parts import Material
from ledger import privacy, records
from ledger.case import Actor, Event, replay
from ledger.classes import FIELDS, class_of
from ledger.correction import CORRECTABLE
from ledger.keyring import Keyring
from ledger.lifecycle import BY_LAW, RULES, Action
from ledger.mapping import IMPORTABLE
from ledger.office.seal import CUSTODY

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
PERSON = {
    "kind": "person",
    "name": "张小三",
    "id_scheme": "GB11643",
    "id": "460000199001010013",
    "telephone": "13800005678",
    "address": "琼海市嘉积镇某路1号",
    "agent": {"name": "李四", "id": "460000199001010021"},
}
RECEIVED = {"item": "QH-002", "applicant": PERSON, "channel": "window", "materials": []}
# Where an act writes a member of its body under another name.
NAMED = {
    ("record-intervention", "person"): "who",
    ("receive", "permit_valid_to"): "about.valid_to",
    ("receive", "matter"): "matter.number",
}
COMMON = {"occurred_at", "reason", "basis"}
UNDER = "469002.qh-xzsp.2026"


@pytest.fixture
def keyring(tmp_path):
    made = Keyring(tmp_path / "keys")
    yield made
    made.close()


def received(**more):
    known = {
        "stream": "case:1",
        "version": 1,
        "type": "received",
        "id": "a" * 32,
        "occurred_at": AT,
        "actor": Actor(person="zhou-min", role="clerk", organ="qh-xzsp"),
        "responsibility": "approval",
        "data": RECEIVED,
    }
    return Event(**(known | more))


def encrypted(keyring, event=None):
    return privacy.encrypted(event or received(), keyring, "469002", UNDER)


def opened(field, keyring, ledger="469002", event="a" * 32, path="applicant.name"):
    return privacy.opened(field, keyring, ledger, events={event}, path=path)


# -- classes ------------------------------------------------------------------------------------


def members(shape, path=""):
    """Every member that a body may have; of an object, and of each in a list, its members."""
    kind = inspect.type_info(shape) if isinstance(shape, type) else shape
    kinds = list(alternatives(kind))
    objects = [one for one in kinds if isinstance(one, inspect.StructType)]
    if not objects and path:
        yield path
    for one in objects:
        for field in one.fields:
            yield from members(field.type, f"{path}.{field.encode_name}".lstrip("."))


def alternatives(kind):
    """What a value may be, without annotations; of a list, what stands in it."""
    if isinstance(kind, inspect.Metadata):
        yield from alternatives(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from alternatives(one)
    elif isinstance(kind, inspect.ListType):
        yield from alternatives(kind.item_type)
    else:
        yield kind


@pytest.mark.parametrize("action", Action)
def test_every_member_that_an_act_can_write_has_a_class(action):
    kind = RULES[action].event
    for path in members(ACTS[str(action)]):
        if path in COMMON or (action == Action.CORRECT and path == "fields"):
            continue
        assert class_of(kind, NAMED.get((str(action), path), path)), path


@pytest.mark.parametrize("kind", sorted(CORRECTABLE))
def test_every_member_that_a_correction_can_write_has_a_class(kind):
    for name in CORRECTABLE[kind]:
        assert any(path == name or path.startswith(f"{name}.") for path in FIELDS[kind])


@pytest.mark.parametrize("kind", sorted(IMPORTABLE))
def test_every_member_that_an_import_can_write_has_a_class(kind):
    for name in IMPORTABLE[kind]:
        assert any(path == name or path.startswith(f"{name}.") for path in FIELDS[kind])


def test_every_type_of_event_has_a_row():
    acts = {rule.event for rule in RULES.values()} | set(BY_LAW) | set(CUSTODY.values())

    assert acts <= set(FIELDS)
    assert set(records.TYPES) == set(FIELDS)


def test_control_a_new_member_of_a_body_has_no_class():
    class Owned(Material, kw_only=True):
        owner: str

    class Wider(ACTS["receive-supplement"], kw_only=True):
        mother: str
        materials: list[Owned]

    found = list(members(Wider))
    assert {"mother", "materials.owner", "materials.ref.system"} < set(found)
    for path in ("mother", "materials.owner"):
        with pytest.raises(KeyError):
            class_of("supplement-received", path)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("received", {"mother": "王五"}),
        ("received", {"applicant": {"name": "张三", "mother": "王五"}}),
        ("received", {"applicant": {"name": "张三", "agent": {"mother": "王五"}}}),
        ("received", {"materials": [{"name": "申请表", "owner": "王五"}]}),
        ("received", {"materials": ["王五"]}),
        ("received", {"channel": {"mother": "王五"}}),
        ("issued", {"mother": "王五"}),
        ("issued", {"recipient": {"mother": "王五"}}),
        ("evaluated", {"mother": "王五"}),
        ("withdrawn", {"mother": "王五"}),
        ("suspended", {"approved_by": [["王五"]]}),
        ("correction-proposed", {"of": "received", "fields": {"mother": "王五"}}),
        ("correction-proposed", {"of": "received", "fields": {"applicant": {"mother": "王五"}}}),
    ],
)
def test_a_member_without_a_class_is_never_recorded(keyring, kind, data):
    with pytest.raises(KeyError, match="has no class"):
        encrypted(keyring, received(type=kind, data=data))


def test_what_names_a_person_is_encrypted_and_nothing_else(keyring):
    data = encrypted(keyring).data

    assert RECEIVED | {"applicant": None} == data | {"applicant": None}
    applicant = data["applicant"]
    assert ("person", "GB11643") == (applicant["kind"], applicant["id_scheme"])
    for name in ("name", "id", "telephone", "address"):
        assert ["enc"] == list(applicant[name])
    assert all(["enc"] == list(field) for field in applicant["agent"].values())
    written = records.encode(encrypted(keyring))
    assert not [v for v in ("张小三", "4600001990", "1380000", "嘉积") if v.encode() in written]


def test_new_values_are_encrypted_as_those_they_correct(keyring):
    data = {"event": "b" * 32, "of": "received", "fields": {"applicant": PERSON}, "evidence": "c"}

    fields = encrypted(keyring, received(type="correction-proposed", data=data)).data["fields"]

    assert "enc" in fields["applicant"]["name"]


@pytest.mark.parametrize("kind", ["received", "supplement-received", "evaluated", "withdrawn"])
def test_what_an_applicant_gives_as_reason_or_basis_is_theirs(keyring, kind):
    said = {"reason": "家中变故", "basis": "本人丧偶"}
    by = Actor(role="applicant", client="zwfw")

    event = encrypted(keyring, received(type=kind, data={}, actor=by, **said))

    whose = "evaluator" if kind == "evaluated" else "applicant"
    statement = event.data["statement"]
    assert (None, None) == (event.reason, event.basis)
    assert said == opened(statement, keyring, path="statement")
    assert keyring.subject("469002", "case:1", whose, UNDER)[0] == statement["enc"]["subject"]


def test_what_staff_give_as_reason_is_evidence(keyring):
    event = encrypted(keyring, received(reason="材料齐全", basis="行政许可法 32"))

    assert ("材料齐全", "行政许可法 32") == (event.reason, event.basis)


# -- what a ciphertext is tied to -----------------------------------------------------------------


def field(keyring, name="name"):
    return encrypted(keyring).data["applicant"][name]


def test_a_field_opens_where_it_was_written(keyring):
    assert "张小三" == opened(field(keyring), keyring)


@pytest.mark.parametrize(
    "moved",
    [{"ledger": "469003"}, {"event": "b" * 32}, {"path": "applicant.address"}],
    ids=lambda moved: next(iter(moved)),
)
@pytest.mark.parametrize("relabelled", [False, True])
def test_a_ciphertext_that_was_moved_opens_nothing(keyring, moved, relabelled):
    was = field(keyring)["enc"]
    enc = was | {n: v for n, v in moved.items() if n != "ledger" and relabelled}

    assert opened({"enc": enc}, keyring, **moved) is None


def test_a_ciphertext_under_another_subject_opens_nothing(keyring):
    was = field(keyring)["enc"]
    other = encrypted(keyring, received(stream="case:2", id="b" * 32)).data["applicant"]["name"]

    assert opened({"enc": was | {"subject": other["enc"]["subject"]}}, keyring) is None
    # Were the key the same, the name of the subject would tie it.
    key = keyring.key(was["subject"])
    nonce, data = b64decode(was["nonce"]), b64decode(was["data"])
    tied = privacy.Place("469002", "a" * 32, "applicant.name", "f" * 32).tied
    with pytest.raises(InvalidTag):
        AESGCM(key).decrypt(nonce, data, tied)


def test_control_without_what_it_is_tied_to_a_moved_one_would_open(keyring):
    enc = field(keyring)["enc"]
    key = keyring.key(enc["subject"])
    nonce = b64decode(enc["nonce"])
    loose = AESGCM(key).encrypt(nonce, b'["","x"]', None)

    assert b'["","x"]' == AESGCM(key).decrypt(nonce, loose, None)


def test_a_moved_field_is_shown_as_nothing_though_its_mask_is_remembered(keyring):
    applicant = encrypted(keyring).data["applicant"]
    here = privacy.Mask(keyring, "469002", {"a" * 32})

    assert "张*三" == here.fields(applicant, "applicant.")["name"]
    assert (
        "***" == privacy.Mask(keyring, "469002", {"b" * 32}).fields(applicant, "applicant.")["name"]
    )
    assert "***" == here.fields({"address": applicant["name"]}, "applicant.")["address"]
    assert "张*三" == here.fields(applicant, "applicant.")["name"]


def test_no_two_fields_share_a_nonce_nor_a_salt(keyring):
    made = [f["enc"] for _ in range(200) for f in encrypted(keyring).data["applicant"].values()
            if isinstance(f, dict) and "enc" in f]  # fmt: skip

    assert len(made) == len({enc["nonce"] for enc in made})
    assert len(made) == len({enc["commitment"] for enc in made})


def test_a_commitment_opens_one_field_to_a_court(keyring):
    enc = field(keyring)["enc"]
    tied = privacy.Place("469002", enc["event"], enc["path"], enc["subject"]).tied
    clear = AESGCM(keyring.key(enc["subject"])).decrypt(
        b64decode(enc["nonce"]), b64decode(enc["data"]), tied
    )
    salt, value = orjson.loads(clear)
    shown = enc["path"].encode() + b"\0" + orjson.dumps(value)

    known = hmac.new(b64decode(salt), shown, hashlib.sha256).hexdigest()

    assert enc["commitment"] == known
    # A bare digest could be guessed: names and numbers are few.
    assert enc["commitment"] != hashlib.sha256(shown).hexdigest()


def test_the_applicant_is_recognised_by_what_stands_in_the_case_and_nothing_else(keyring):
    first = encrypted(keyring)
    case = replay([first], ZoneInfo("Asia/Shanghai"))
    other = replay([replace(first, id="b" * 32)], ZoneInfo("Asia/Shanghai"))

    assert {PERSON["id"], PERSON["agent"]["id"]} == privacy.applicant_ids(case, keyring, "469002")
    assert frozenset() == privacy.applicant_ids(other, keyring, "469002")


# -- masks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "clear", "shown"),
    [
        ("applicant.name", "张三", "张*"),
        ("applicant.name", "张小三", "张*三"),
        ("applicant.name", "李", "*"),
        ("applicant.name", "欧阳小三", "欧**三"),
        ("applicant.name", "海南示例餐饮有限公司", "海南******公司"),
        ("applicant.id", "460000199001010013", "4600**********0013"),
        ("applicant.telephone", "13800005678", "138****5678"),
        ("applicant.address", "琼海市嘉积镇某路1号", "琼海市***"),
        ("applicant.address", "海南省琼海市嘉积镇市场路2号", "海南省琼海市***"),
        ("applicant.address", "海南省海口市龙华区某某小区3栋", "海南省海口市龙华区***"),
        ("applicant.address", "海南省白沙黎族自治县牙叉镇某村", "海南省白沙黎族自治县***"),
        ("applicant.address", "广西壮族自治区南宁市青秀区某街5号", "广西壮族自治区南宁市青秀区***"),
        ("applicant.address", "嘉积镇市场路2号", "***"),
        ("applicant.address", "某某小区3栋", "***"),
        ("applicant.address", "7 Some Street", "***"),
        ("text", "来回跑了三次", "***"),
        ("applicant.name", "", "***"),
        ("applicant.name", None, "***"),
    ],
)
def test_masks(path, clear, shown):
    assert shown == privacy.masked(path, clear)


def test_a_keyed_digest_tells_requests_apart_and_nothing_else():
    body = {"id": "460000199001010013"}

    assert privacy.digest(b"k" * 32, "/a", body) != privacy.digest(b"k" * 32, "/b", body)
    assert privacy.digest(b"k" * 32, "/a", body) != privacy.digest(b"l" * 32, "/a", body)
    assert msgspec.json.encode(body) != privacy.digest(b"k" * 32, "/a", body)
