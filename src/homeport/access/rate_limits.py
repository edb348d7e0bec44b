"""How often one address may try: counted in this process by a sliding window."""

import math

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from homeport.config import Settings
from homeport.kit import clock
from homeport.kit.errors import TooManyRequests
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)


class LoginLimit:
    """The limit on attempts to sign in, per minute and address."""

    def __init__(self, settings: Settings) -> None:
        self._item = RateLimitItemPerMinute(settings.login_rate_limit)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._is_off = settings.dangerous_disable_rate_limits

    async def hit(self, address: str) -> None:
        """Count one attempt. Raises TooManyRequests with the seconds to wait."""
        if self._is_off or await self._limiter.hit(self._item, "login", address):
            return
        window = await self._limiter.get_window_stats(self._item, "login", address)
        retry_after = min(60, max(1, math.ceil(window.reset_time - clock.now().timestamp())))
        _log.warning("too many attempts to sign in", address=address)
        raise TooManyRequests(
            f"Too many attempts to sign in from this address. Try again in {retry_after} seconds.",
            retry_after=retry_after,
        )
