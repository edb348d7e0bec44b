"""How often one address may try what can be abused, by a sliding window of a minute: counted in this process.

Attempts to sign in are counted in the database, for all servers together.
"""

import math
from types import MappingProxyType
from typing import Final, Literal

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.service.attempts import count_address
from homeport.kit import clock
from homeport.kit.errors import TooManyRequests
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)

Limit = Literal["login", "authorize", "register", "device", "token", "token_address", "scim", "csp"]
"""What is counted: sign-ins, authorization requests, registrations of clients, looks at the page for devices; wrong secrets,
codes and tokens of one client, or of all; wrong tokens of identity providers; reports about the page policy."""

_WORDS: Final = MappingProxyType(
    {
        "authorize": "Too many authorization requests from this address.",
        "register": "Too many registrations of clients from this address.",
        "device": "Too many device codes were tried from this address.",
        "token": "Too many wrong credentials from this address.",
        "token_address": "Too many wrong credentials from this address.",
        "scim": "Too many wrong tokens from this address.",
        "csp": "Too many reports from this address.",
    }
)
# How much more than for one client an address may be wrong for all of them together.
_CLIENTS_OF_ADDRESS: Final = 10
_REPORTS_A_MINUTE: Final = 30
_MOST_REMEMBERED: Final = 10_000
_WINDOW_SECONDS: Final = 120.0


class RateLimits:
    """The limits of one process, and those of sign-ins, which all servers share."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings, self._db = settings, db
        self._items = {
            "authorize": RateLimitItemPerMinute(settings.oauth2_authorize_rate_limit),
            "register": RateLimitItemPerMinute(settings.oauth2_register_rate_limit),
            "device": RateLimitItemPerMinute(settings.oauth2_authorize_rate_limit),
            "token": RateLimitItemPerMinute(settings.oauth2_token_rate_limit),
            "token_address": RateLimitItemPerMinute(settings.oauth2_token_rate_limit * _CLIENTS_OF_ADDRESS),
            "scim": RateLimitItemPerMinute(settings.login_rate_limit),
            "csp": RateLimitItemPerMinute(_REPORTS_A_MINUTE),
        }
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._is_off = settings.dangerous_disable_rate_limits
        # Who was counted lately: everybody else needs no look at the windows.
        self._counted: dict[tuple[Limit, str], float] = {}

    async def hit(self, limit: Limit, address: str) -> None:
        """Count one attempt. Raises TooManyRequests with the seconds to wait."""
        if limit == "login":
            await count_address(self._db, self._settings, address)
        elif not self._is_off and not await self._limiter.hit(self._items[limit], limit, address):
            await self._refuse(limit, address)

    async def require(self, limit: Limit, key: str) -> None:
        """Raise TooManyRequests when the limit is reached; counts nothing."""
        if (limit, key) in self._counted and not await self._limiter.test(self._items[limit], limit, key):
            await self._refuse(limit, key)

    async def count(self, limit: Limit, key: str) -> None:
        """Count one attempt that has turned out wrong."""
        if self._is_off:
            return
        now = clock.monotonic()
        if len(self._counted) >= _MOST_REMEMBERED:
            self._counted = {pair: at for pair, at in self._counted.items() if now - at < _WINDOW_SECONDS}
        self._counted[limit, key] = now
        await self._limiter.hit(self._items[limit], limit, key)

    async def _refuse(self, limit: Limit, key: str) -> None:
        window = await self._limiter.get_window_stats(self._items[limit], limit, key)
        retry_after = min(60, max(1, math.ceil(window.reset_time - clock.now().timestamp())))
        if limit != "csp":
            # This one bounds what the log is told.
            _log.warning("rate limit reached", limit=limit, key=key)
        raise TooManyRequests(
            f"{_WORDS[limit]} Try again in {retry_after} seconds.",
            retry_after=retry_after,
        )
