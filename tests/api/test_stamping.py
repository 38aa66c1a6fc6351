"""Time stamps on checkpoints, by a real authority: `openssl ts`, on this machine (RFC 3161)."""

import asyncio
import contextlib
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from api import copies, metrics, stamping, trust, upkeep, verify
from api.copies import STAMP, STAMPED
from api.settings import Settings
from ledger import time_stamp
from ledger.database import Role
from ledger.errors import Corrupt
from ledger.fsck import Asked, Fsck
from ledger.log import Log
from ledger.time_stamp import BadStamp
from ledger.tlog import note
from ledger.tlog.tile import parse_path
from tests.api.test_verify import ran
from tests.api.test_verify_anchored import county_at
from tests.api.test_witness import serving
from tests.api.verifying import verified
from tests.ledger.anchoring import KEY, County
from tests.ledger.tlog import trees

OPENSSL = shutil.which("openssl")
if OPENSSL is None:
    pytest.skip("NOT RUN: no `openssl` here, so no time stamp was tried", allow_module_level=True)

PEM = serialization.Encoding.PEM
CONFIGURED = """
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
certs = {folder}/ca.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = {chain}
ess_cert_id_alg = {alg}
"""


def certificate(name, key, by=None, *, ca=False, usage=ExtendedKeyUsageOID.TIME_STAMPING):
    """A certificate by (name, key of who issues), of itself where nobody does."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing = by or (subject, key)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return made.sign(signing, hashes.SHA256())


class Authority:
    """Certificates, and `openssl ts -reply` over them."""

    def __init__(self, folder, *, elliptic=False, alg="sha256"):
        folder.mkdir()
        self.folder = folder
        self.root = root = root_key()
        own = ec.generate_private_key(ec.SECP256R1()) if elliptic else root_key()
        ca = certificate("Example Root", root, ca=True)
        tsa = certificate("Example TSA", own, (ca.subject, root))
        (folder / "ca.pem").write_bytes(ca.public_bytes(PEM))
        (folder / "tsa.pem").write_bytes(tsa.public_bytes(PEM))
        form = serialization.PrivateFormat.PKCS8
        raw = own.private_bytes(PEM, form, serialization.NoEncryption())
        (folder / "tsa.key").write_bytes(raw)
        (folder / "serial").write_text("01\n")
        told = CONFIGURED.format(folder=folder, alg=alg, chain="yes")
        (folder / "openssl.cnf").write_text(told)
        self.asked = 0

    @property
    def roots(self):
        return time_stamp.trusted((self.folder / "ca.pem").read_bytes())

    def answer(self, query):
        (self.folder / "query").write_bytes(query)
        return subprocess.run(
            [OPENSSL, "ts", "-reply", "-config", self.folder / "openssl.cnf", "-section", "here",
             "-queryfile", self.folder / "query"],
            check=True, capture_output=True,
        ).stdout  # fmt: skip

    async def handle(self, request):
        self.asked += 1
        assert "application/timestamp-query" == request.content_type
        answer = await asyncio.to_thread(self.answer, await request.read())
        return web.Response(body=answer, content_type="application/timestamp-reply")

    @contextlib.asynccontextmanager
    async def served(self):
        app = web.Application()
        app.router.add_post("/tsa", self.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/tsa"
        finally:
            await runner.cleanup()


def root_key():
    return rsa.generate_private_key(65537, 2048)


TEXT = "example.org/log\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.mark.parametrize("elliptic", [False, True])
@pytest.mark.parametrize("alg", ["sha1", "sha256"])
def test_an_answer_says_when_and_by_whom(tmp_path, elliptic, alg):
    one = Authority(tmp_path / "tsa", elliptic=elliptic, alg=alg)
    answer = one.answer(time_stamp.request(TEXT, 2**63 - 1))

    stamp = time_stamp.verified(TEXT, answer, one.roots)

    assert (2**63 - 1, "CN=Example TSA") == (stamp.nonce, stamp.authority)
    assert abs(stamp.at - datetime.now(UTC)) < timedelta(minutes=5)
    # The authority's own certificate may be the one that is believed.
    alone = time_stamp.trusted((one.folder / "tsa.pem").read_bytes())
    assert stamp == time_stamp.verified(TEXT, answer, alone)


def test_another_text_another_root_and_what_is_none_are_refused(authority, tmp_path):
    answer = authority.answer(time_stamp.request(TEXT, 7))
    other = Authority(tmp_path / "other")
    for text, given, roots, why in (
        (TEXT.replace("3", "4"), answer, authority.roots, "something else"),
        (TEXT, answer, other.roots, "no certificate that is believed"),
        (TEXT, answer, (), "no certificate that is believed"),
        (TEXT, b"", authority.roots, "not an answer"),
        (TEXT, answer[:-1], authority.roots, "cut short"),
        (TEXT, answer + b"\0", authority.roots, "not an answer"),
        (TEXT, authority.answer(b"nonsense"), authority.roots, "not an answer"),
    ):
        with pytest.raises(BadStamp, match=why):
            time_stamp.verified(text, given, roots)


def test_a_certificate_for_something_else_stamps_nothing(tmp_path):
    one = Authority(tmp_path / "tsa")
    answer = one.answer(time_stamp.request(TEXT, 7))
    key = root_key()
    server = certificate("Example TSA", key, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    with pytest.raises(BadStamp, match="alone"):
        time_stamp._chained(server, (server,), (server,), datetime.now(UTC))
    late = datetime.now(UTC) + timedelta(days=60)
    (tsa,) = time_stamp.trusted((one.folder / "tsa.pem").read_bytes())
    with pytest.raises(BadStamp, match="not valid then"):
        time_stamp._chained(tsa, (tsa,), (tsa,), late)
    assert answer


def test_a_cross_signed_twin_of_the_root_does_not_lead_past_it(tmp_path):
    """The answer carries the root as another authority signed it, under the same name and key."""
    one = Authority(tmp_path / "tsa")
    (ca,) = one.roots
    elder = root_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Elder Root")])
    twin = certificate("Example Root", one.root, (name, elder), ca=True)
    assert (ca.subject, ca.public_key()) == (twin.subject, twin.public_key())
    assert twin not in one.roots
    roots = one.roots
    (one.folder / "ca.pem").write_bytes(twin.public_bytes(PEM))

    answer = one.answer(time_stamp.request(TEXT, 7))

    assert twin.public_bytes(serialization.Encoding.DER) in answer
    assert "CN=Example TSA" == time_stamp.verified(TEXT, answer, roots).authority
    # Control: it is the root that is believed, and no other one.
    with pytest.raises(BadStamp, match="no certificate that is believed"):
        time_stamp.verified(TEXT, answer, Authority(tmp_path / "other").roots)


def test_no_flipped_byte_tells_another_time(authority):
    answer = authority.answer(time_stamp.request(TEXT, 7))
    stamp = time_stamp.verified(TEXT, answer, authority.roots)
    accepted = 0
    for at in range(len(answer)):
        flipped = answer[:at] + bytes([answer[at] ^ 0x01]) + answer[at + 1 :]
        try:
            found = time_stamp.verified(TEXT, flipped, authority.roots)
        except BadStamp:
            continue
        assert (stamp.at, stamp.authority) == (found.at, found.authority)
        accepted += 1
    # What nobody signed may differ: versions, names of digests, certificates that are not needed.
    assert accepted < len(answer) * 0.6


async def stamped(here):
    for _ in range(600):
        found = await here.service.publishers[here.ledger].log.last_stamped()
        if found is not None:
            return found
        await here.service.store.gather("test", 0.05)
    raise AssertionError("not stamped")


async def test_checkpoints_are_stamped_served_packed_and_verified(database, authority, tmp_path):
    ca, other = authority.folder / "ca.pem", Authority(tmp_path / "other").folder / "ca.pem"
    async with authority.served() as url:
        given = {"tsa": url, "tsa_certificates": ca, "tsa_interval_s": 0.0}
        async with serving(database, tmp_path / "home", settings=given) as here:
            case = await here.received("QH-002", "2026-03-02")
            head = await here.service.store.head(here.ledger)
            assert await here.service.publishers[here.ledger].published(head.size, 30)
            while (await stamped(here))[0].size < head.size:
                await here.service.store.gather("test", 0.05)
            key = (await here.get("/log/vkey", by=None)).raw.decode().strip()
            token = (await here.get("/log/time-stamp", by=None)).raw
            signed = (await here.get("/log/time-stamped", by=None)).raw
            by_openssl(token, note.parse(signed).text, ca, tmp_path)
            ready = await here.get(f"{here.base}/readyz", by=None)
            told = ready.body["ledgers"][here.ledger]["stamped"]
            assert (head.size, 0) == (told["size"], told["failed"])
            figures = here.app[metrics.METRICS].text().decode()
            assert 'caseledger_time_stamps{outcome="failed"} 0.0' in figures
            # No line of the access log is stamped.
            for line in ("open", "sealed"):
                log = here.service.publishers[f"{here.ledger}.{line}"].log
                assert await log.last_stamped() is None
            dossier, copy = tmp_path / "case.zip", tmp_path / "copy"
            words = ("--dossier", case, "--out", dossier, "--purpose", "inspection; JW-1")
            for asked in (words, ("--log", copy)):
                done = await ran(here, tmp_path, "export", *asked)
                assert 0 == done.exit_code, done.output
    for what in (dossier, copy):
        code, out, err = await verified(what, "--key", key, "--tsa-cert", ca)
        assert (0, True) == (code, "UTC, CN=Example TSA" in out), out + err
        code, out, _ = await verified(what, "--key", key)
        assert (0, True) == (code, "not verified" in out), out
        code, out, _ = await verified(what, "--key", key, "--tsa-cert", other)
        assert (1, True) == (code, "no certificate that is believed" in out), out
    (copy / STAMP).write_bytes(token[:-5] + b"\0" + token[-4:])
    code, out, _ = await verified(copy, "--key", key, "--tsa-cert", ca)
    assert (1, True) == (code, "time stamp" in out), out
    (copy / STAMP).unlink()
    (copy / STAMPED).unlink()
    code, out, _ = await verified(copy, "--key", key, "--tsa-cert", ca)
    assert (1, True) == (code, "there is none" in out), out


class Live:
    """A county's log that goes on while it is read, and each size of it is stamped at once.

    It grows behind the reading of one file, as often as it is told to.
    """

    def __init__(self, authority, *, grows=0, behind):
        self.county, self.authority = County(9), authority
        self.size, self.grows, self.behind = 5, grows, behind

    def get(self, path):
        found = self.found(path)
        if path == self.behind and self.grows:
            self.size, self.grows = self.size + 1, self.grows - 1
        return found

    def found(self, path):
        raw = self.county.note(self.size)
        if path in ("checkpoint", STAMPED):
            return raw
        if path == STAMP:
            return self.authority.answer(time_stamp.request(note.parse(raw).text, 7))
        if path.startswith("tile/") and not path.startswith("tile/entries"):
            return trees.tile_bytes(parse_path(path), self.county.rows)
        return None


@pytest.mark.parametrize("grows", [0, 1, 2])
def test_a_pair_that_changes_while_it_is_read_is_read_again(authority, grows):
    raw, answer = copies.stamped(Live(authority, grows=grows, behind=STAMPED))

    text = note.parse(raw).text
    assert f"\n{5 + grows}\n" in text
    assert time_stamp.verified(text, answer, authority.roots)


def test_a_pair_that_never_stays_is_not_read(authority, tmp_path):
    class Restless:
        asked = 0

        def get(self, _path):
            self.asked += 1
            return str(self.asked).encode()

    with pytest.raises(copies.Unread, match="changes"):
        copies.stamped(Restless())
    assert copies.stamped(copies.Folder(tmp_path)) is None


@pytest.mark.parametrize("behind", ["checkpoint", "tile/0/000.p/5"])
async def test_a_live_log_is_not_bad_for_what_is_stamped_while_it_is_read(
    authority, tmp_path, behind
):
    ca = authority.folder / "ca.pem"
    trusted = trust.with_stamps(trust.trust((KEY.text,), None, None, None), ca)
    live = Live(authority, grows=1, behind=behind)
    told = verify._log(live, trusted, lambda *_: None, None)
    assert ("size 5", 0) == (told[-1][-6:], live.grows)

    copy = copies.Folder(tmp_path / "copy")
    copies.mirrored(Live(authority, grows=1, behind=behind), copy, lambda *_: None)
    code, out, err = await verified(copy.at, "--key", KEY.text, "--tsa-cert", ca)
    assert (0, True) == (code, "size 5" in out), out + err


async def test_a_stamp_from_before_a_rotation_is_on_this_log_whoever_signed_then(
    authority, tmp_path
):
    """Who pinned the newest key alone: the tree proves the stamped checkpoint, not its line."""
    ca, county = authority.folder / "ca.pem", County(9)
    folder = county_at(tmp_path / "log", county, 9)
    for seed, size in (("before", 5), ("county", 7)):
        raw = County(9, seed=seed).note(size)
        (folder / STAMPED).write_bytes(raw)
        (folder / STAMP).write_bytes(authority.answer(time_stamp.request(note.parse(raw).text, 7)))
        told = await verified(folder, "--key", KEY.text, "--tsa-cert", ca)
        assert (0, True) == (told[0], f"size {size}" in told[1]), told
    # Control: of another history it is not.
    raw = County(9, altered=1, seed="before").note(7)
    (folder / STAMPED).write_bytes(raw)
    (folder / STAMP).write_bytes(authority.answer(time_stamp.request(note.parse(raw).text, 7)))
    code, out, _ = await verified(folder, "--key", KEY.text, "--tsa-cert", ca)
    assert (1, True) == (code, "time-stamped" in out), out


def test_one_stamp_of_an_authority_that_is_believed_is_enough(authority, tmp_path):
    """Two authorities stamped one checkpoint; who believes one of them is told of the other."""
    other = Authority(tmp_path / "other")
    answers = [one.answer(time_stamp.request(TEXT, 7)) for one in (authority, other)]
    for order in (answers, answers[::-1]):
        for one in (authority, other):
            trusted = trust.Trust(None, stamps=one.roots)
            told = list(verify._stamps(TEXT, order, trusted))
            assert [1, 1] == [
                sum("UTC, CN=Example TSA" in line for line in told),
                sum("not verified: the chain ends" in line for line in told),
            ]
    # Control: of nobody who is believed, none is.
    trusted = trust.Trust(None, stamps=Authority(tmp_path / "third").roots)
    with pytest.raises(verify.Unfit, match="no certificate that is believed"):
        list(verify._stamps(TEXT, answers, trusted))


def by_openssl(token, text, ca, folder):
    """A stranger's verifier says the same."""
    (folder / "token").write_bytes(token)
    (folder / "text").write_text(text)
    told = subprocess.run(
        [OPENSSL, "ts", "-verify", "-data", folder / "text", "-in", folder / "token",
         "-CAfile", ca],
        capture_output=True, check=False,
    )  # fmt: skip
    assert b"Verification: OK" in told.stdout, told.stderr


@pytest.mark.parametrize("url", ["https://user:secret@tsa.example/", "https://user@tsa.example/"])
def test_the_address_of_an_authority_has_no_password(url):
    """What an authority is called stands in a table that nothing is ever deleted from."""
    with pytest.raises(Corrupt, match="CASELEDGER_TSA: ") as told:
        stamping.stamper_of(Settings(tsa=url), Log(None, "x"))
    assert "secret" not in str(told.value)


async def test_an_authority_that_is_away_or_answers_nonsense_stops_nothing(
    database, authority, tmp_path
):
    async def nonsense(_request):
        return web.Response(body=b"no", content_type="application/timestamp-reply")

    app = web.Application()
    app.router.add_post("/tsa", nonsense)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/tsa"
    ca = authority.folder / "ca.pem"
    try:
        given = {"tsa": url, "tsa_certificates": ca}
        async with serving(database, tmp_path / "home", settings=given) as here:
            await here.received("QH-002", "2026-03-02")
            publisher = here.service.publishers[here.ledger]
            head = await here.service.store.head(here.ledger)
            assert await publisher.published(head.size, 30)
            for _ in range(600):
                if here.service.stampers[here.ledger].failed:
                    break
                await here.service.store.gather("test", 0.05)
            ready = await here.get(f"{here.base}/readyz", by=None)
            told = ready.body["ledgers"][here.ledger]["stamped"]
            assert (200, None) == (ready.status, told["size"])
            assert told["failed"] > 0
            assert 404 == (await here.get("/log/time-stamp", by=None)).status
    finally:
        await runner.cleanup()


async def test_an_answer_to_another_request_is_not_kept(database, authority, tmp_path):
    """A stamp of before, played again, is over the right text, and not to this request."""

    class Again(Authority):
        def __init__(self):
            self.folder = authority.folder

        def answer(self, _query):
            return authority.answer(time_stamp.request(TEXT, 12_345))

    async with aiohttp.ClientSession() as session:
        from api.stamping import Stamper
        from ledger.log import SignedCheckpoint

        again = Again()
        again.asked = 0
        async with again.served() as url:
            stamper = Stamper(None, url, authority.roots, 0.0)
            raw = (TEXT + "\n— example.org/log " + note.base64(bytes(68)) + "\n").encode()
            signed = SignedCheckpoint(3, bytes(32), raw, datetime.now(UTC), 1, 1)
            with pytest.raises(BadStamp, match="another request"):
                await stamper.stamp(session, signed)


async def test_fsck_verifies_every_time_stamp_and_names_a_broken_one(
    database, authority, tmp_path, connect
):
    ca = authority.folder / "ca.pem"
    async with authority.served() as url:
        given = {"tsa": url, "tsa_certificates": ca, "tsa_interval_s": 0.0}
        async with serving(database, tmp_path / "home", settings=given) as here:
            await here.service.ledger(here.ledger)
            signed, _ = await stamped(here)
            publisher = here.service.publishers[here.ledger]
            token = authority.answer(time_stamp.request("of something else", 7))
            assert await publisher.log.keep_time_stamp(signed.size, "other.example", token)
            size = (await here.service.store.head(here.ledger)).size
            assert await publisher.published(size, 30)
            stamps = [upkeep.Stamps(roots) for roots in (authority.roots, ())]
            connection = await connect(Role.VERIFY)
            async with connection.transaction(isolation="repeatable_read"):
                found = [
                    await Fsck(connection, here.ledger, Asked(stamped=one.wrong)).run()
                    for one in stamps
                ]
    (bad,) = found[0].bad
    assert ("time stamp", signed.size) == (bad.kind, bad.position)
    assert bad.why.startswith("other.example: over something else")
    # Control: without certificates it goes unseen, and that is counted.
    assert () == found[1].bad
    assert (0, True) == (stamps[0].unchecked, stamps[1].unchecked >= 2)
