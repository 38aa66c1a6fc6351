"""How often: a bucket of requests per person and per system, a count of failures per address.

Correctness never rests on these; they keep one caller from slowing down the others.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from aiohttp import web

from api.settings import SETTINGS
from ledger.errors import Unavailable

REMEMBERED = 10_000
MINUTE_S = 60.0


class Rates:
    """A bucket for each name: so many requests a second, as many at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with full buckets."""
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, a_second: int) -> None:
        """Take one request out of a bucket, or refuse it; 0 a second means no limit."""
        if a_second == 0:
            return
        now = self._clock()
        left, since = self._buckets.pop(name, (float(a_second), now))
        left = min(float(a_second), left + (now - since) * a_second)
        short = left < 1.0
        self._buckets[name] = (left if short else left - 1.0, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        if short:
            raise Unavailable("rate-limited", "", retry_after_s=1)


class Failures:
    """Failed credentials of each address in the running minute."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; 0 a minute means no limit."""
        self._a_minute = a_minute
        self._clock = clock
        self._minutes: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str) -> None:
        """Count a failure; refuse it as too many rather than as unauthenticated."""
        now = self._clock()
        since, failed = self._minutes.pop(address, (now, 0))
        if now - since >= MINUTE_S:
            since, failed = now, 0
        self._minutes[address] = (since, failed + 1)
        if len(self._minutes) > REMEMBERED:
            self._minutes.popitem(last=False)
        if 0 < self._a_minute < failed + 1:
            wait = max(1, round(MINUTE_S - (now - since)))
            raise Unavailable("rate-limited", "", retry_after_s=wait)


RATES: web.AppKey[Rates] = web.AppKey("rates", Rates)
FAILURES: web.AppKey[Failures] = web.AppKey("failures", Failures)


def address(request: web.Request) -> str:
    """Return the address a request comes from; a configured proxy is believed, nobody else."""
    peer = request.remote or ""
    proxies = request.app[SETTINGS].proxies
    if peer not in proxies:
        return peer
    hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    named = [hop.strip()[:64] for hop in hops if hop.strip()]
    return next((hop for hop in reversed(named) if hop not in proxies), peer)
