"""Signing in at an issuer by the authorization code flow, and as one of the demo's people."""

import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from api.issuing import OwnIssuer, sign_ins
from api.service import DemoPerson
from api.settings import Settings
from api.web import session
from tests.web.conftest import reading, served


@dataclass
class Provider:
    """An identity provider that checks what the flow has to carry."""

    tokens: OwnIssuer
    folder: Path
    url: str = ""
    asked: dict = field(default_factory=dict)
    spoiled: dict = field(default_factory=dict)
    codes: dict = field(default_factory=dict)

    async def keys(self, _request):
        public = self.tokens._key.as_dict(private=False) | {"kid": self.tokens._kid}
        return web.json_response({"keys": [public]})

    async def token(self, request):
        form = await request.post()
        told = self.codes.pop(form.get("code"), None)
        challenge = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        good = (
            told is not None
            and challenge.decode().rstrip("=") == told["code_challenge"]
            and form["redirect_uri"] == told["redirect_uri"]
            and form["client_id"] == "pages"
            and form["client_secret"] == "hush"
            and form["grant_type"] == "authorization_code"
        )
        if not good:
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = self.tokens.token("jiang-he", "江河")
        return web.json_response({"token_type": "Bearer", "access_token": token} | self.spoiled)

    def authorised(self, address):
        """What its page does once somebody has signed in there: a code for that request."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.codes["code-1"] = asked
        return f"/sign-in/return?code=code-1&state={asked['state']}"


@pytest.fixture(scope="module")
async def running(tmp_path_factory):
    """That provider, at an address; each test has it as it begins: as `provider`."""
    folder = tmp_path_factory.mktemp("theirs")
    found = Provider(OwnIssuer(folder, "caseledger"), folder)
    app = web.Application()
    app.router.add_get("/keys", found.keys)
    app.router.add_post("/token", found.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
def provider(running):
    running.spoiled, running.codes = {}, {}
    return running


@pytest.fixture(scope="module")
async def ours(lasting, tmp_path_factory, running):
    """A service whose people sign in at that provider."""
    folder = tmp_path_factory.mktemp("ours")
    secret = folder / "secret"
    secret.write_text("hush\n")
    secret.chmod(0o600)
    listed = folder / "issuers.json"
    told = {
        "issuer": "caseledger", "algorithm": "ES256", "keys": f"{running.url}/keys",
        "sign_in": {
            "name": "county", "title": "政务统一认证", "client": "pages",
            "authorize": f"{running.url}/authorize", "token": f"{running.url}/token",
            "secret": "secret",
        },
    }  # fmt: skip
    listed.write_text(json.dumps([told]))
    listed.chmod(0o600)
    async with served(lasting, folder, issuers=listed) as serving:
        yield serving


@pytest.fixture
async def there(ours):
    """Somebody who has not signed in there yet."""
    async with reading(ours) as reader:
        yield reader


async def left(there, following="/cases/469002/x"):
    """Go to the issuer; return where our page led."""
    path = f"/sign-in/county?next={following}"
    async with there.session.get(there.base + path, allow_redirects=False) as answer:
        assert 303 == answer.status
        cookie = answer.cookies["caseledger_going"]
        assert cookie["httponly"]
        assert ("Lax", "/", str(session.GOING_S)) == (
            cookie["samesite"], cookie["path"], cookie["max-age"],
        )  # fmt: skip
        return answer.headers["Location"]


async def test_who_signs_in_at_the_issuer_comes_back_signed_in(there, provider):
    assert "政务统一认证" in (await there.get("/")).text

    address = await left(there)
    asked = parse_qs(urlsplit(address).query)
    back = await there.get(provider.authorised(address))

    assert address.startswith(f"{provider.url}/authorize?response_type=code&client_id=pages&")
    assert (["S256"], ["openid profile"]) == (asked["code_challenge_method"], asked["scope"])
    assert 200 == back.status
    # A browser sends a Strict cookie only from a page of ours: this one leads on.
    assert 'http-equiv="refresh" content="0;url=/cases/469002/x"' in back.text
    assert "Strict" == back.cookies["caseledger_session"]["samesite"]
    assert "江河" in (await there.get("/")).text


async def test_a_code_counts_once_and_only_for_who_asked_for_it(there, provider):
    address = await left(there)
    path = provider.authorised(address)
    assert 200 == (await there.get(path)).status
    there.session.cookie_jar.clear()

    # Somebody else's browser, an old answer, a state of another request.
    assert 401 == (await there.get(path)).status
    await left(there)
    assert 401 == (await there.get(path)).status
    address = await left(there)
    assert 401 == (await there.get(provider.authorised(address) + "x")).status
    assert 401 == (await there.get("/sign-in/return?error=access_denied")).status
    assert 401 == (await there.get("/")).status


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": "opaque"},
        {"access_token": "a.b.c"},
        {"access_token": 5},
        {"access_token": "x" * 10_000},
        {},
    ],
)
async def test_what_is_no_token_of_theirs_signs_nobody_in(there, provider, answer):
    provider.spoiled = {"access_token": None} | answer
    address = await left(there)

    assert 401 == (await there.get(provider.authorised(address))).status
    assert 401 == (await there.get("/")).status


async def test_a_token_for_somebody_elses_service_signs_nobody_in(there, provider):
    other = OwnIssuer(provider.folder, "another-service")
    provider.spoiled = {"access_token": other.token("jiang-he", "江河")}

    assert 401 == (await there.get(provider.authorised(await left(there)))).status


async def test_an_id_token_counts_with_its_nonce_only(there, provider):
    token = provider.tokens.token("jiang-he", "江河")
    provider.spoiled = {"access_token": "opaque", "id_token": token}

    assert 401 == (await there.get(provider.authorised(await left(there)))).status


@pytest.mark.parametrize("following", ["//evil.example", "https://evil.example", "/\\evil"])
async def test_it_leads_to_no_other_site(there, provider, following):
    back = await there.get(provider.authorised(await left(there, following)))

    assert 'content="0;url=/"' in back.text


async def test_an_issuer_that_is_not_listed_is_not_there(there):
    assert 404 == (await there.get("/sign-in/other")).status


async def test_an_address_that_anybody_could_answer_for_is_refused(tmp_path):
    for name in ("authorize", "token"):
        told = {"name": "x", "client": "y", "authorize": "https://a", "token": "https://b"}
        listed = tmp_path / f"{name}.json"
        entry = {"issuer": "z", "sign_in": told | {name: "http://example.org/"}}
        listed.write_text(json.dumps([entry]))
        with pytest.raises(ValueError, match="https"):
            sign_ins(Settings(issuers=listed))


async def test_in_the_demo_anybody_is_chosen_and_nowhere_else(reader):
    refused = await reader.post("/sign-in", {"person": "jiang-he"})
    assert 401 == refused.status

    def token():
        return reader.serving.tokens.token("jiang-he", "江河")

    reader.serving.service.demo_people = {
        "jiang-he": DemoPerson("江河", ("inspector", "inspection-lead"), token)
    }
    shown = await reader.get("/")
    assert 'name="person" value="jiang-he"' in shown.text
    assert "<small>纪检监察 · 纪检监察负责人</small>" in shown.text
    assert 303 == (await reader.post("/sign-in", {"person": "jiang-he"})).status
    assert "江河" in (await reader.get("/")).text
    assert 401 == (await reader.post("/sign-in", {"person": "zhou-min"})).status
