"""The public keys of an issuer, by their `kid`: from its address, from a file, or our own.

What comes from outside is hostile until it fits: each key must be of the one algorithm that
the issuer is known for.  A key set is fetched at most once a minute, whatever is asked for.
"""

import asyncio
import time
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import structlog
from joserfc import jwk
from joserfc.errors import JoseError

from api.strict import Json, object_of
from ledger.errors import Refused

log = structlog.get_logger()

Key = jwk.RSAKey | jwk.ECKey | jwk.OKPKey
Load = Callable[[], Awaitable[bytes]]

REFETCH_S = 60.0
STALE_S = 3_600.0
FETCH_S = 5.0
FETCH_BYTES = 64 * 1024
KEYS_AT_MOST = 100
# Shorter is weak, longer is work for whoever verifies.
RSA_BITS = range(2_048, 8_193)

# What a key has to be for each algorithm; symmetric ones are never configured.
KINDS: Mapping[str, Mapping[str, str]] = {
    "ES256": {"kty": "EC", "crv": "P-256"},
    "ES384": {"kty": "EC", "crv": "P-384"},
    "Ed25519": {"kty": "OKP", "crv": "Ed25519"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
    "PS256": {"kty": "RSA"},
    "RS256": {"kty": "RSA"},
}


class KeySet:
    """The keys of one issuer as last loaded."""

    def __init__(
        self, algorithm: str, load: Load, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Bind an algorithm to where the keys come from; nothing is loaded yet."""
        if algorithm not in KINDS:
            raise ValueError(f"not an algorithm for tokens: {algorithm}")
        self.algorithm = algorithm
        self._load = load
        self._clock = clock
        self._keys: Mapping[str, Key] = {}
        self._asked: float | None = None
        self._loading = asyncio.Lock()

    async def key(self, kid: str) -> Key | None:
        """Return the key of that id, or None; an unknown one is looked for once a minute."""
        age = None if self._asked is None else self._clock() - self._asked
        if age is None or age >= STALE_S or (kid not in self._keys and age >= REFETCH_S):
            await self._refresh()
        return self._keys.get(kid)

    async def _refresh(self) -> None:
        async with self._loading:
            if self._asked is not None and self._clock() - self._asked < REFETCH_S:
                return
            self._asked = self._clock()
            try:
                self._keys = read(await self._load(), self.algorithm)
            except (OSError, TimeoutError, ValueError, Refused, aiohttp.ClientError) as error:
                # The keys known go on; those unknown stay unknown until the next minute.
                log.warning("key set not loaded", error=type(error).__name__)


def read(raw: bytes, algorithm: str) -> Mapping[str, Key]:
    """Read a key set; what does not fit the algorithm is left out."""
    listed = object_of(raw).get("keys")
    if not isinstance(listed, list) or len(listed) > KEYS_AT_MOST:
        raise ValueError("not a key set")
    found = {}
    for one in listed:
        key = _key(one, algorithm)
        if key is not None:
            found[str(one["kid"])] = key
    return found


def _key(one: Json, algorithm: str) -> Key | None:
    """Return a key if it has an id and is of that algorithm, by what it says and what it is."""
    if not isinstance(one, dict) or not isinstance(one.get("kid"), str) or "d" in one:
        return None
    if any(one.get(name) != value for name, value in KINDS[algorithm].items()):
        return None
    if one.get("alg", algorithm) != algorithm or one.get("use", "sig") != "sig":
        return None
    if one["kty"] == "RSA" and _bits(one.get("n")) not in RSA_BITS:
        return None
    try:
        key = jwk.import_key(one)
    except (JoseError, ValueError, TypeError):
        return None
    return key if isinstance(key, jwk.RSAKey | jwk.ECKey | jwk.OKPKey) else None


def _bits(modulus: Json) -> int:
    """Tell how long a modulus is: the library would only warn."""
    if not isinstance(modulus, str) or not modulus.isascii():
        return 0
    try:
        raw = urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except NotBase64:
        return 0
    return int.from_bytes(raw).bit_length()


def fixed(raw: bytes) -> Load:
    """Return what loads keys that we hold."""

    async def load() -> bytes:
        return raw

    return load


def from_file(path: Path) -> Load:
    """Return what loads keys from a file that an operator keeps."""

    async def load() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return load


def from_url(url: str) -> Load:
    """Return what fetches keys from an issuer's configured address, and from nowhere else."""
    check_address(url)

    async def load() -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise ValueError("no key set there")
            raw = await response.content.read(FETCH_BYTES + 1)
            while len(raw) <= FETCH_BYTES and not response.content.at_eof():
                raw += await response.content.read(FETCH_BYTES + 1 - len(raw))
        if len(raw) > FETCH_BYTES:
            raise ValueError("too large for a key set")
        return raw

    return load


def check_address(url: str) -> None:
    """Raise ValueError for an issuer's address that anybody on the way could answer for."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _here(parts.hostname)):
        raise ValueError("the address of an issuer begins with https://")


def _here(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
