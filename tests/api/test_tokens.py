"""Credentials: what is believed, and that a refusal never says why."""

import asyncio
import hashlib
import hmac
import stat
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwk

from api import key_sets, private
from api.api_keys import ApiKeys
from api.issuing import KEY_FILE, OwnIssuer, issuers
from api.key_sets import KeySet, fixed, from_url
from api.limits import Failures, Rates
from api.settings import Settings
from api.tokens import Issuer, Tokens, valid
from ledger.errors import Refused, Unavailable
from tests.api.tiny import ACT, AUDIENCE, CASES, running, slug

STRANGER = jwk.ECKey.generate_key("P-256", {"kid": "stranger"})
RSA = jwk.RSAKey.generate_key(2048, {"kid": "rsa-1"})


@pytest.fixture(scope="module")
async def tiny(tmp_path_factory):
    other = Issuer("https://idp.example", AUDIENCE, KeySet("RS256", fixed(public(RSA))))
    settings = Settings(rate_failures=0)
    async with running(tmp_path_factory.mktemp("keys"), settings, [other]) as tiny:
        yield tiny


NOW = int(time.time())
TIMES = ("iat", "exp", "nbf")


def public(*keys) -> bytes:
    return orjson.dumps({"keys": [key.as_dict(private=False) for key in keys]})


def claims(**changed):
    now = int(time.time())
    # The cases were written down when this file was read; a slow run must not age them.
    aged = {n: v + now - NOW for n, v in changed.items() if n in TIMES and type(v) is int}
    given = {
        "iss": "caseledger",
        "aud": AUDIENCE,
        "sub": "zhou-min",
        "name": "周敏",
        "azp": "zc",
        "iat": now,
        "exp": now + 3_600,
        **changed,
        **aged,
    }
    return {name: value for name, value in given.items() if value is not ...}


def signed(tiny, header=None, payload=None, key=None, algorithm="ES256", **changed) -> str:
    """Sign claims with our issuer's key, or with another, whatever the header says."""
    raw = payload if payload is not None else orjson.dumps(claims(**changed))
    told = {"alg": algorithm, "kid": tiny.own._kid, "typ": "JWT", **(header or {})}
    told = {name: value for name, value in told.items() if value is not ...}
    said = f"{segment(orjson.dumps(told))}.{segment(raw)}"
    return f"{said}.{segment(signature(key or tiny.own._key, algorithm, said.encode()))}"


def signature(key, algorithm: str, said: bytes) -> bytes:
    if isinstance(key, bytes):
        return hmac.digest(key, said, "sha256")
    if algorithm == "ES256":
        r, s = decode_dss_signature(key.private_key.sign(said, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    scheme = pss if algorithm == "PS256" else padding.PKCS1v15()
    return bytes(key.private_key.sign(said, scheme, hashes.SHA256()))


def segment(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


async def asked(tiny, *credentials: str):
    pairs = [("Authorization", credential) for credential in credentials]
    return await tiny.ask("GET", CASES, headers=pairs)


async def refused(tiny, *credentials: str) -> None:
    """A refusal is the same bytes whatever was wrong, but for the id of the request."""
    response, body = await asked(tiny, *credentials)
    told = orjson.loads(body)

    assert 401 == response.status
    assert "Bearer" == response.headers["WWW-Authenticate"]
    del told["instance"]
    assert {
        "type": "/problems/unauthenticated",
        "title": "未通过身份验证",
        "status": 401,
        "detail": "请使用有效的令牌或系统密钥重试。",
    } == told


# -- headers ----------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_of_a_configured_issuer_lets_in(tiny, scheme):
    response, _ = await asked(tiny, f"{scheme} {signed(tiny)}")

    assert 200 == response.status


@pytest.mark.parametrize(
    "credential",
    ["", "Basic eDp4", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Bearer " + "x" * 7_000,
     "Bearer " + "." * 2_000, "Token x", "Bearer \xe4"],
    ids=range(10),
)  # fmt: skip
async def test_no_credential_of_ours_is_unauthenticated(tiny, credential):
    await refused(tiny, credential)


async def test_no_token_two_tokens_and_two_spaces_are_unauthenticated(tiny):
    token = signed(tiny)

    await refused(tiny)
    await refused(tiny, f"Bearer {token}", f"Bearer {token}")
    await refused(tiny, f"Bearer  {token}")
    await refused(tiny, f"Bearer {token} ", f"Bearer {token}")
    await refused(tiny, f"Bearer {token}, Bearer {token}")


# -- forgeries ----------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS256", "RS256", "ES384", ""])
async def test_the_header_does_not_choose_the_algorithm(tiny, algorithm):
    header = orjson.dumps({"alg": algorithm, "kid": tiny.own._kid, "typ": "JWT"})
    for signature in ("", segment(b"x" * 64), signed(tiny).rpartition(".")[2]):
        token = f"{segment(header)}.{segment(orjson.dumps(claims()))}.{signature}"
        await refused(tiny, f"Bearer {token}")


async def test_our_public_key_is_no_secret_of_a_symmetric_algorithm(tiny):
    secret = tiny.own._key.as_pem(private=False)

    await refused(tiny, f"Bearer {signed(tiny, key=secret, algorithm='HS256')}")


@pytest.mark.parametrize(
    "changed",
    [
        {"kid": "stranger"},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1--"},
        {"kid": 1},
        {"kid": ...},
        {"jwk": STRANGER.as_dict(private=False)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/keys"},
        {"crit": ["exp"]},
        {"b64": True},
        {"zip": "DEF"},
        {"typ": "at"},
        {"cty": "JWT"},
    ],
    ids="-".join,
)
async def test_a_header_holds_algorithm_key_id_and_type_only(tiny, changed):
    await refused(tiny, f"Bearer {signed(tiny, header=changed)}")


async def test_another_key_is_another_key(tiny):
    await refused(tiny, f"Bearer {signed(tiny, key=STRANGER)}")
    await refused(tiny, f"Bearer {signed(tiny, header={'kid': 'stranger'}, key=STRANGER)}")


async def test_one_changed_character_is_found(tiny):
    token = signed(tiny)
    for at in range(0, len(token), 7):
        changed = "A" if token[at] != "A" else "B"
        await refused(tiny, f"Bearer {token[:at]}{changed}{token[at + 1 :]}")


async def test_each_issuer_has_its_own_algorithm_and_keys(tiny):
    idp = {"iss": "https://idp.example", "header": {"kid": "rsa-1"}, "key": RSA}
    response, _ = await asked(tiny, f"Bearer {signed(tiny, algorithm='RS256', **idp)}")
    assert 200 == response.status

    await refused(tiny, f"Bearer {signed(tiny, algorithm='RS256', **{**idp, 'iss': 'caseledger'})}")
    await refused(tiny, f"Bearer {signed(tiny, algorithm='PS256', **idp)}")
    await refused(tiny, f"Bearer {signed(tiny, iss='https://idp.example')}")


# -- claims ----------------------------------------------------------

WRONG_CLAIMS = [
    {"aud": "other"}, {"aud": ["other"]}, {"aud": ...}, {"aud": {"caseledger": 1}}, {"aud": None},
    {"iss": "other"}, {"iss": ...}, {"iss": ["caseledger"]},
    {"exp": ...}, {"exp": NOW - 61}, {"exp": NOW + 10 * 365 * 86_400}, {"exp": "9999999999"},
    {"exp": True}, {"exp": NOW + 86_401 + 60, "iat": NOW},
    {"iat": ...}, {"iat": NOW + 3_000}, {"iat": str(NOW)}, {"iat": NOW + 10, "exp": NOW + 10},
    {"nbf": NOW + 3_000}, {"nbf": "0"}, {"nbf": None},
    {"sub": ...}, {"sub": ""}, {"sub": " "}, {"sub": 1}, {"sub": "x" * 201}, {"sub": "a\u202eb"},
    {"sub": "a|b"}, {"azp": "a|b"}, {"name": ...}, {"name": None}, {"name": ""}, {"azp": ...},
    {"azp": ["zc"]},
]  # fmt: skip


@pytest.mark.parametrize("changed", WRONG_CLAIMS, ids="-".join)
async def test_claims_are_complete_meant_for_us_and_of_now(tiny, changed):
    await refused(tiny, f"Bearer {signed(tiny, **changed)}")


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss":"caseledger","iss":"caseledger"}',
        b"[]",
        b"null",
        b"x",
        b'{"iss":"caseledger","exp":1e9}',
        b"\xef\xbb\xbf{}",
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)
async def test_a_payload_is_read_strictly(tiny, payload):
    await refused(tiny, f"Bearer {signed(tiny, payload=payload)}")


async def test_a_payload_with_a_claim_twice_is_refused_though_its_signature_holds(tiny):
    raw = orjson.dumps(claims())[:-1] + b',"sub":"huang-qiang"}'

    await refused(tiny, f"Bearer {signed(tiny, payload=raw)}")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["x", AUDIENCE]},
        {"nbf": NOW},
        {"exp": NOW - 30, "iat": NOW - 90},
        {"extra": {"a": 1}},
    ],
)
async def test_clocks_may_differ_by_a_minute_and_other_claims_do_not_matter(tiny, changed):
    response, _ = await asked(tiny, f"Bearer {signed(tiny, **changed)}")

    assert 200 == response.status


def test_control_without_the_lifetime_a_token_of_ten_years_is_valid(monkeypatch):
    given = claims(exp=NOW + 10 * 365 * 86_400)
    assert not valid(given, AUDIENCE, time.time())

    monkeypatch.setattr("api.tokens.LIFETIME_S", 1 << 40)
    assert valid(given, AUDIENCE, time.time())


# -- remembered ----------------------------------------------------------


async def test_a_verified_token_is_remembered_for_a_minute_and_never_beyond_its_end(tmp_path):
    began = now = float(int(time.time()))
    own = OwnIssuer(tmp_path, AUDIENCE)
    loads = 0
    known = own.issuer()
    keys = known.keys
    seen = keys.key

    async def counted(kid):
        nonlocal loads
        loads += 1
        return await seen(kid)

    keys.key = counted
    tokens = Tokens([known], ApiKeys(tmp_path / "none"), clock=lambda: now)
    token = own.token("zhou-min", "周敏", lifetime_s=100)

    for passed, expected in ((0, 1), (59, 1), (60, 2), (119, 2)):
        now = began + passed
        assert "zhou-min" == (await tokens.caller(token)).person
        assert expected == loads
    now = began + 100 + 60
    with pytest.raises(Refused) as stopped:
        await tokens.caller(token)
    assert "unauthenticated" == stopped.value.slug


# -- key sets ----------------------------------------------------------


async def test_a_thousand_unknown_keys_ask_for_the_key_set_once_a_minute():
    now, asked_for = 0.0, 0

    async def load():
        nonlocal asked_for
        asked_for += 1
        return public(STRANGER)

    keys = KeySet("ES256", load, clock=lambda: now)
    for i in range(1_000):
        assert await keys.key(f"kid-{i}") is None
    assert await keys.key("stranger") is not None
    assert 1 == asked_for

    now = 59.9
    await keys.key("unknown")
    assert 1 == asked_for
    now = 60.0
    await asyncio.gather(*(keys.key(f"kid-{i}") for i in range(100)))
    assert 2 == asked_for


async def test_a_key_set_that_cannot_be_loaded_leaves_the_keys_known():
    now, answers = 0.0, [public(STRANGER), b"<html>", b'{"keys":1}', OSError()]

    async def load():
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    keys = KeySet("ES256", load, clock=lambda: now)
    for _ in range(4):
        assert await keys.key("stranger") is not None
        now += 4_000
    assert [] == answers


@pytest.mark.parametrize(
    "changed",
    [{"kty": "oct", "k": "AAAA"}, {"crv": "P-384"}, {"alg": "ES384"}, {"use": "enc"}, {"kid": 1},
     {"x": "AAAA"}, {"d": "AAAA"}, {"kid": None}],
    ids=str,
)  # fmt: skip
def test_a_key_that_does_not_fit_its_issuer_is_left_out(changed):
    raw = orjson.dumps({"keys": [{**STRANGER.as_dict(private=False), **changed}]})

    assert {} == key_sets.read(raw, "ES256")


def test_a_short_rsa_key_is_left_out():
    short = {"kty": "RSA", "kid": "short", "n": segment(b"\xff" * 128), "e": "AQAB"}

    assert {} == key_sets.read(orjson.dumps({"keys": [short]}), "RS256")
    assert "rsa-1" in key_sets.read(public(RSA), "RS256")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS1", ""])
def test_an_issuer_has_a_known_asymmetric_algorithm(algorithm):
    with pytest.raises(ValueError, match="not an algorithm"):
        KeySet(algorithm, fixed(b"{}"))


@pytest.mark.parametrize(
    "url", ["http://idp.example/keys", "ftp://x/y", "file:///etc/passwd", "//x", "http://10.0.0.1/"]
)
def test_a_key_set_comes_from_https_only(url):
    with pytest.raises(ValueError, match="https"):
        from_url(url)


@pytest.fixture
async def issuer_site():
    """A web site of an issuer on this machine; its answer can be changed."""
    answers: dict[str, Any] = {}

    async def answer(request):
        return answers["now"]()

    app = web.Application()
    app.router.add_get("/keys", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    answers["url"] = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    yield answers
    await runner.cleanup()


async def test_a_key_set_is_fetched_from_its_address(issuer_site):
    issuer_site["now"] = lambda: web.Response(body=public(STRANGER))

    assert await KeySet("ES256", from_url(issuer_site["url"])).key("stranger") is not None


async def test_a_key_set_that_redirects_or_is_large_is_not_taken(issuer_site):
    for answer in (
        lambda: web.Response(status=302, headers={"Location": issuer_site["url"]}),
        lambda: web.Response(body=public(STRANGER) + b" " * 70_000),
        lambda: web.Response(status=500, body=public(STRANGER)),
    ):
        issuer_site["now"] = answer
        assert await KeySet("ES256", from_url(issuer_site["url"])).key("stranger") is None


# -- our own issuer, and the listed ones ----------------------------------------------------------


def test_our_own_key_is_private_and_stays(tmp_path):
    token = OwnIssuer(tmp_path, AUDIENCE).token("zhou-min", "周敏")
    mode = stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode)

    assert 0o600 == mode
    assert token.split(".")[0] == OwnIssuer(tmp_path, AUDIENCE).token("a", "b").split(".")[0]
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(PermissionError):
        OwnIssuer(tmp_path, AUDIENCE)


def test_where_issuers_are_listed_ours_does_not_count(tmp_path):
    listed = [{"issuer": "https://idp.example", "algorithm": "ES256", "keys": "keys.json"}]
    path = tmp_path / "issuers.json"
    path.write_bytes(orjson.dumps(listed))
    settings = replace(Settings(), issuers=path)

    assert ["https://idp.example"] == [issuer.name for issuer in issuers(settings, tmp_path)]
    assert ["caseledger"] == [issuer.name for issuer in issuers(Settings(), tmp_path)]
    path.write_bytes(orjson.dumps(listed * 2))
    with pytest.raises(ValueError, match="twice"):
        issuers(settings, tmp_path)


def test_a_private_file_replaces_the_old_one_whole(tmp_path):
    private.write(tmp_path / "a", b"1")
    private.write(tmp_path / "a", b"2")

    assert b"2" == private.read(tmp_path / "a")
    assert [tmp_path / "a"] == [*tmp_path.iterdir()]


# -- keys of client systems ----------------------------------------------------------


async def test_a_key_names_its_system_and_the_header_the_person(tiny):
    key = tiny.api_keys.add("zwfw")
    response, body = await tiny.ask(
        "POST",
        ACT,
        headers=tiny.writing(Authorization=f"Bearer {key}", **{"On-Behalf-Of": "zhou-min"}),
        data=b"{}",
    )

    assert 201 == response.status
    assert "zhou-min" == orjson.loads(body)["person"]


async def test_a_key_is_stored_as_a_digest_in_a_private_file_and_can_be_taken_back(tmp_path):
    now = 0.0
    keys = ApiKeys(tmp_path / "api-keys.json", clock=lambda: now)
    key = keys.add("zwfw", "the portal")
    entry = keys.listed()[0]

    assert 0o600 == stat.S_IMODE((tmp_path / "api-keys.json").stat().st_mode)
    assert key not in (tmp_path / "api-keys.json").read_text()
    assert hashlib.sha256(key.encode()).hexdigest() == entry["sha256"]
    assert "zwfw" == keys.client(key)
    other = ApiKeys(tmp_path / "api-keys.json", clock=lambda: now)
    assert other.client(key) == "zwfw"
    assert keys.remove(entry["id"])
    assert keys.client(key) is None
    now = 1.0
    assert other.client(key) is None
    assert not keys.remove(entry["id"])
    (tmp_path / "api-keys.json").unlink()
    now = 3.0
    assert other.client(key) is None


@pytest.mark.parametrize("key", ["clk_" + "A" * 43, "clk_", "CLK_" + "A" * 43])
async def test_an_unknown_key_is_unauthenticated(tiny, key):
    await refused(tiny, f"Bearer {key}")


async def behalf(tiny, path, credential, *persons):
    pairs = [(n, v) for n, v in tiny.writing().items() if n != "Authorization"]
    pairs += [("Authorization", f"Bearer {credential}")]
    pairs += [("On-Behalf-Of", person) for person in persons]
    response, body = await tiny.ask("POST", path, headers=pairs, data=b"{}")
    return response.status, slug(body) if response.status >= 400 else None


WRONG_BEHALF = (400, "on-behalf-of-invalid")


async def test_beside_a_token_nobody_else_is_named(tiny):
    assert WRONG_BEHALF == await behalf(tiny, ACT, signed(tiny), "huang-qiang")
    assert WRONG_BEHALF == await behalf(tiny, ACT, signed(tiny), "zhou-min")


async def test_with_a_key_exactly_one_person_is_named(tiny):
    key = tiny.api_keys.add("zc")

    for persons in ([], ["a", "b"], [""], ["a b"], ["a|b"], ["张三"], ["x" * 201], ["\xff"]):
        assert WRONG_BEHALF == await behalf(tiny, ACT, key, *persons), persons


async def test_some_acts_a_system_does_as_itself(tiny):
    key = tiny.api_keys.add("zc")

    for action in ("receive-supplement", "issue", "publish", "push"):
        path = ACT.replace("accept", action)
        status, why = await behalf(tiny, path, key)
        assert (422, "schema") == (status, why) or status == 201, action
    for action in ("accept", "decide", "seal", "close"):
        assert WRONG_BEHALF == await behalf(tiny, ACT.replace("accept", action), key), action


# -- limits ----------------------------------------------------------


async def test_too_many_failures_are_answered_429_and_a_right_credential_still_passes(tmp_path):
    async with running(tmp_path, Settings(rate_failures=3)) as tiny:
        statuses = [(await asked(tiny, "Bearer a.b.c"))[0].status for _ in range(5)]
        assert [401, 401, 401, 429, 429] == statuses
        response, body = await asked(tiny)
        assert (429, "rate-limited") == (response.status, slug(body))
        assert 1 <= int(response.headers["Retry-After"]) <= 60

        response, _ = await asked(tiny, f"Bearer {signed(tiny)}")
        assert 200 == response.status


async def test_failures_count_by_the_address_behind_a_configured_proxy_only(tmp_path):
    settings = Settings(rate_failures=1, proxies=("127.0.0.1",))
    async with running(tmp_path, settings) as tiny:
        statuses = []
        for hops in ("10.0.0.1", "10.0.0.1", "9.9.9.9, 10.0.0.2", "10.0.0.2, 127.0.0.1"):
            response, _ = await tiny.ask("GET", CASES, headers={"X-Forwarded-For": hops})
            statuses.append(response.status)
        assert [401, 429, 401, 429] == statuses
    async with running(tmp_path, Settings(rate_failures=1)) as tiny:
        statuses = []
        for hops in ("10.0.0.1", "10.0.0.2"):
            response, _ = await tiny.ask("GET", CASES, headers={"X-Forwarded-For": hops})
            statuses.append(response.status)
        assert [401, 429] == statuses


def test_failures_are_forgotten_after_a_minute():
    now = 0.0
    failures = Failures(1, clock=lambda: now)

    failures.count("a")
    with pytest.raises(Unavailable):
        failures.count("a")
    failures.count("b")
    now = 60.0
    failures.count("a")


def test_a_person_has_so_many_requests_a_second():
    now = 0.0
    rates = Rates(clock=lambda: now)

    for _ in range(5):
        rates.take("person zhou-min", 5)
    with pytest.raises(Unavailable) as limited:
        rates.take("person zhou-min", 5)
    assert ("rate-limited", 1) == (limited.value.slug, limited.value.retry_after_s)
    rates.take("person chen-zhi", 5)
    now = 0.2
    rates.take("person zhou-min", 5)
    with pytest.raises(Unavailable):
        rates.take("person zhou-min", 5)
    for _ in range(100):
        rates.take("person zhou-min", 0)


async def test_one_person_too_often_is_429_and_others_go_on(tmp_path):
    async with running(tmp_path, Settings(rate_person=2)) as tiny:
        responses = [await tiny.ask("GET", CASES, headers=tiny.bearer()) for _ in range(12)]
        limited = [body for response, body in responses if response.status == 429]
        assert limited
        assert {"rate-limited"} == {slug(body) for body in limited}

        response, _ = await tiny.ask("GET", CASES, headers=tiny.bearer("chen-zhi"))
        assert 200 == response.status


# -- pages of others ----------------------------------------------------------


async def test_a_foreign_page_is_turned_away(tiny):
    evil = {"Origin": "https://evil.example"}
    preflight = {**evil, "Access-Control-Request-Method": "POST"}
    for method, headers in (
        ("OPTIONS", preflight),
        ("POST", {**evil, "Cookie": "__Host-caseledger_session=x"}),
        ("POST", {**tiny.writing(), **evil}),
        ("POST", {**tiny.writing(), "Origin": "null"}),
    ):
        response, body = await tiny.ask(method, ACT, headers=headers)
        assert (403, "origin-not-allowed") == (response.status, slug(body))
        assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_method_override_headers_mean_nothing(tiny):
    override = {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"}
    response, _ = await tiny.ask("GET", CASES, headers={**tiny.bearer(), **override})

    assert 200 == response.status
