"""Tokens of our own, for trying out and for tests; and the issuers an operator lists.

Our own issuer's key lies in the keys folder.  It counts only where no file of issuers is
set: a service that has an identity provider takes no tokens from anybody else.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiohttp import web
from joserfc import jwk, jws

from api import private
from api.key_sets import KeySet, check_address, fixed, from_file, from_url
from api.settings import Settings
from api.tokens import LIFETIME_S, Issuer

OWN = "caseledger"
ALGORITHM = "ES256"
KEY_FILE = "issuer.json"
API_KEYS_FILE = "api-keys.json"


class OwnIssuer:
    """Signs tokens with a key that never leaves the keys folder."""

    def __init__(self, folder: Path, audience: str) -> None:
        """Read the key, or make it the first time."""
        path = folder / KEY_FILE
        if not path.exists():
            made = jwk.ECKey.generate_key("P-256")
            kid = made.thumbprint()
            private.write(path, orjson.dumps({**made.as_dict(private=True), "kid": kid}))
        held = orjson.loads(private.read(path))
        self._key = jwk.ECKey.import_key(held)
        self._kid = str(held["kid"])
        self._audience = audience

    def issuer(self) -> Issuer:
        """Return what verifies our tokens."""
        public = {**self._key.as_dict(private=False), "kid": self._kid}
        keys = KeySet(ALGORITHM, fixed(orjson.dumps({"keys": [public]})))
        return Issuer(OWN, self._audience, keys)

    def token(
        self, person: str, name: str, client: str = "caseledger", *, lifetime_s: int = 8 * 3_600
    ) -> str:
        """Return a token for a person, good for at most a day."""
        now = int(time.time())
        claims = {
            "iss": OWN,
            "aud": self._audience,
            "sub": person,
            "name": name,
            "azp": client,
            "iat": now,
            "exp": now + min(lifetime_s, LIFETIME_S),
        }
        header = {"alg": ALGORITHM, "kid": self._kid, "typ": "JWT"}
        return jws.serialize_compact(header, orjson.dumps(claims), self._key, [ALGORITHM])


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people sign in to the pages at an issuer (OpenID Connect, authorization code)."""

    title: str
    client: str
    authorize: str
    token: str
    scope: str
    secret_file: Path | None

    def secret(self) -> str | None:
        """Return the client's secret as it is now in its file; None for a public client."""
        if self.secret_file is None:
            return None
        return private.read(self.secret_file).decode().strip()


SIGN_IN: web.AppKey[dict[str, SignIn]] = web.AppKey("sign-in", dict)


def sign_ins(settings: Settings) -> dict[str, SignIn]:
    """Read where people sign in: of each listed issuer that says so, by a short name.

    `"sign_in": {"name", "title"?, "client", "authorize", "token", "scope"?, "secret"?}`; addresses
    begin with https, `secret` is a file beside the list of mode 0600.  Raises ValueError.
    """
    if settings.issuers is None:
        return {}
    found: dict[str, SignIn] = {}
    for entry in orjson.loads(settings.issuers.read_bytes()):
        told = entry.get("sign_in")
        if told is None:
            continue
        for name in ("authorize", "token"):
            check_address(str(told[name]))
        secret = told.get("secret")
        found[str(told["name"])] = SignIn(
            str(told.get("title", told["name"])),
            str(told["client"]),
            str(told["authorize"]),
            str(told["token"]),
            str(told.get("scope", "openid profile")),
            None if secret is None else settings.issuers.parent / str(secret),
        )
    return found


def issuers(settings: Settings, keys: Path) -> list[Issuer]:
    """Read the issuers an operator lists, or count our own (in `keys`) where none are listed.

    The file is a JSON list of {"issuer", "algorithm", "keys", "audience"?, "sign_in"?}, `keys` an
    https address or a path beside the file.
    """
    if settings.issuers is None:
        return [OwnIssuer(keys, settings.audience).issuer()]
    found = []
    for entry in orjson.loads(settings.issuers.read_bytes()):
        where = str(entry["keys"])
        load = from_url(where) if "://" in where else from_file(settings.issuers.parent / where)
        key_set = KeySet(str(entry["algorithm"]), load)
        audience = entry.get("audience", settings.audience)
        found.append(Issuer(entry["issuer"], audience, key_set))
    if len({issuer.name for issuer in found}) < len(found):
        raise ValueError("an issuer is listed twice")
    return found
