"""Personal fields: each has a class, is encrypted where it stands, masked, and can be forgotten."""

import hashlib
import hmac
import sqlite3
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import inspect

from api.bodies import ACTS
from ledger import privacy, records
from ledger.case import Actor, Event
from ledger.classes import FIELDS, class_of
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
NAMED = {("record-intervention", "person"): "who"}
COMMON = {"occurred_at", "reason", "basis"}


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
    return privacy.encrypted(event or received(), keyring, "469002")


# -- classes ------------------------------------------------------------------------------------


def members(shape, path=""):
    """Every member that a body may have; of an object, its members."""
    kind = inspect.type_info(shape) if isinstance(shape, type) else shape
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    objects = [one for one in kinds if isinstance(one, inspect.StructType)]
    if not objects and path:
        yield path
    for one in objects:
        for field in one.fields:
            yield from members(field.type, f"{path}.{field.encode_name}".lstrip("."))


@pytest.mark.parametrize("action", Action)
def test_every_member_that_an_act_can_write_has_a_class(action):
    kind = RULES[action].event
    for path in members(ACTS[str(action)]):
        if path in COMMON or action == Action.CORRECT:
            continue
        assert class_of(kind, NAMED.get((str(action), path), path)), path


@pytest.mark.parametrize("kind", sorted(IMPORTABLE))
def test_every_member_that_an_import_can_write_has_a_class(kind):
    for name in IMPORTABLE[kind]:
        assert class_of(kind, name)


def test_every_type_of_event_has_a_row():
    acts = {rule.event for rule in RULES.values()} | set(BY_LAW) | set(CUSTODY.values())

    assert acts <= set(FIELDS)
    assert set(records.TYPES) == set(FIELDS)


def test_control_a_new_member_of_a_body_has_no_class():
    class Wider(ACTS["evaluate"], kw_only=True):
        mother: str

    assert "mother" in list(members(Wider))
    with pytest.raises(KeyError):
        class_of("evaluated", "mother")


@pytest.mark.parametrize("kind", ["received", "issued", "evaluated", "withdrawn"])
def test_a_member_without_a_class_is_never_recorded(keyring, kind):
    with pytest.raises(KeyError, match="mother"):
        encrypted(keyring, received(type=kind, data={"mother": "王五"}))


def test_what_names_a_person_is_encrypted_and_nothing_else(keyring):
    data = encrypted(keyring).data

    assert RECEIVED | {"applicant": None} == data | {"applicant": None}
    applicant = data["applicant"]
    assert ("person", "GB11643") == (applicant["kind"], applicant["id_scheme"])
    for name in ("name", "id", "telephone", "address"):
        assert ["enc"] == list(applicant[name])
    assert all(["enc"] == list(field) for field in applicant["agent"].values())
    written = records.encode(replace(encrypted(keyring)))
    assert not [v for v in ("张小三", "4600001990", "1380000", "嘉积") if v.encode() in written]


def test_new_values_are_encrypted_as_those_they_correct(keyring):
    data = {"event": "b" * 32, "of": "received", "fields": {"applicant": PERSON}, "evidence": "c"}

    fields = encrypted(keyring, received(type="correction-proposed", data=data)).data["fields"]

    assert "enc" in fields["applicant"]["name"]


# -- what a ciphertext is tied to -----------------------------------------------------------------


def field(keyring, name="name"):
    return encrypted(keyring).data["applicant"][name]


def test_a_field_opens_where_it_was_written(keyring):
    assert "张小三" == privacy.opened(field(keyring), keyring, "469002", "a" * 32)


@pytest.mark.parametrize(
    "moved",
    [{"event": "b" * 32}, {"path": "applicant.address"}, {"subject": "f" * 32}],
    ids=lambda m: next(iter(m)),
)
def test_a_ciphertext_that_was_moved_opens_nothing(keyring, moved):
    was = field(keyring)
    other = encrypted(keyring, received(stream="case:2", id="b" * 32)).data["applicant"]["name"]
    if "subject" in moved:
        moved = {"subject": other["enc"]["subject"]}

    assert privacy.opened({"enc": was["enc"] | moved}, keyring, "469002") is None
    assert privacy.opened(was, keyring, "469003") is None
    assert privacy.opened(was, keyring, "469002", "b" * 32) is None


def test_control_without_what_it_is_tied_to_a_moved_one_would_open(keyring):
    enc = field(keyring)["enc"]
    key = keyring.key(enc["subject"])
    nonce = b64decode(enc["nonce"])
    loose = AESGCM(key).encrypt(nonce, b'["","x"]', None)

    assert b'["","x"]' == AESGCM(key).decrypt(nonce, loose, None)


def test_no_two_fields_share_a_nonce_nor_a_salt(keyring):
    made = [f["enc"] for _ in range(200) for f in encrypted(keyring).data["applicant"].values()
            if isinstance(f, dict) and "enc" in f]  # fmt: skip

    assert len(made) == len({enc["nonce"] for enc in made})
    assert len(made) == len({enc["commitment"] for enc in made})


def test_a_commitment_opens_one_field_to_a_court(keyring):
    enc = field(keyring)["enc"]
    tied = f"469002\0{enc['event']}\0{enc['path']}\0{enc['subject']}\x001".encode()
    clear = AESGCM(keyring.key(enc["subject"])).decrypt(
        b64decode(enc["nonce"]), b64decode(enc["data"]), tied
    )
    salt, value = orjson.loads(clear)
    shown = enc["path"].encode() + b"\0" + orjson.dumps(value)

    known = hmac.new(b64decode(salt), shown, hashlib.sha256).hexdigest()

    assert enc["commitment"] == known
    # A bare digest could be guessed: names and numbers are few.
    assert enc["commitment"] != hashlib.sha256(shown).hexdigest()


# -- keys -----------------------------------------------------------------------------------------


def test_each_subject_of_each_case_has_a_key_of_its_own(keyring):
    applicant = encrypted(keyring).data["applicant"]
    other = encrypted(keyring, received(stream="case:2")).data["applicant"]

    named = [f["enc"]["subject"] for f in (applicant["name"], applicant["agent"]["name"])]

    assert 3 == len({*named, other["name"]["enc"]["subject"]})
    assert applicant["id"]["enc"]["subject"] == named[0]


async def test_a_key_that_is_gone_takes_the_person_with_it_and_no_byte_of_the_record(tmp_path):
    keyring = Keyring(tmp_path / "keys")
    event = encrypted(keyring)
    before = records.encode(event)
    await keyring.flush()
    keyring.close()
    subject = event.data["applicant"]["name"]["enc"]["subject"]
    with sqlite3.connect(tmp_path / "keys" / "subjects.db") as file:
        assert 1 == file.execute("DELETE FROM subject_key WHERE reference = ?", (subject,)).rowcount

    again = Keyring(tmp_path / "keys")
    shown = privacy.Mask(again, "469002").fields(event.data["applicant"])
    again.close()

    assert ("***", "***") == (shown["name"], shown["id"])
    assert before == records.encode(event)


async def test_keys_are_on_the_disk_before_an_append_and_open_after_a_restart(tmp_path):
    keyring = Keyring(tmp_path / "keys")
    name = field(keyring)
    await keyring.flush()
    keyring.close()

    again = Keyring(tmp_path / "keys")

    assert "张小三" == privacy.opened(name, again, "469002")
    again.close()


def test_keys_are_wrapped_by_the_organ_and_the_year_of_the_ledger(keyring, tmp_path):
    encrypted(keyring)
    later = received(stream="case:2", occurred_at=AT.replace(year=2031))
    encrypted(keyring, later)
    odd = Actor(person="x", role="clerk", organ="../../etc")
    encrypted(keyring, received(stream="case:3", actor=odd))

    names = sorted(path.name for path in (tmp_path / "keys").glob("wrap-*.key"))

    assert {"wrap-469002-qh-xzsp-2026.key", "wrap-469002-qh-xzsp-2031.key"} < set(names)
    assert 3 == len(names)
    assert all(0o400 == path.stat().st_mode & 0o777 for path in (tmp_path / "keys").glob("*.key"))


def test_the_file_of_keys_survives_a_power_cut_and_keeps_no_deleted_one(keyring):
    ask = keyring._db.execute

    assert ("truncate", 2, 1) == (
        ask("PRAGMA journal_mode").fetchone()[0],
        ask("PRAGMA synchronous").fetchone()[0],
        ask("PRAGMA secure_delete").fetchone()[0],
    )


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
        ("applicant.address", "琼海市嘉积镇某路1号", "***"),
        ("text", "来回跑了三次", "***"),
        ("applicant.name", "", "***"),
        ("applicant.name", None, "***"),
    ],
)
def test_masks(path, clear, shown):
    assert shown == privacy.masked(path, clear)


def test_a_mask_that_is_remembered_is_the_same(keyring):
    applicant = encrypted(keyring).data["applicant"]
    mask = privacy.Mask(keyring, "469002")

    assert mask.fields(applicant) == mask.fields(applicant)
    assert "***" == privacy.Mask(keyring, "469002", "b" * 32).fields(applicant)["name"]


def test_a_keyed_digest_tells_requests_apart_and_nothing_else():
    body = {"id": "460000199001010013"}

    assert privacy.digest(b"k" * 32, "/a", body) != privacy.digest(b"k" * 32, "/b", body)
    assert privacy.digest(b"k" * 32, "/a", body) != privacy.digest(b"l" * 32, "/a", body)
    assert msgspec.json.encode(body) != privacy.digest(b"k" * 32, "/a", body)
