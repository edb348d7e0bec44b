"""How often somebody may be wrong at the token endpoint: wrong secrets, codes and tokens are counted, right ones are not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from homeport.access.rate_limits import Limit, RateLimits
from homeport.kit.request import current_request
from homeport.oauth2.errors import OAuthError

_WRONG: Final = frozenset({"invalid_client", "invalid_grant"})
_LIMIT: Final[Limit] = "token"
_LIMIT_OF_ADDRESS: Final[Limit] = "token_address"


class Attempts:
    """The counts of one server process."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits

    @asynccontextmanager
    async def counted(self, client_id: str) -> AsyncIterator[None]:
        """Let the block try, and count it when it turns out wrong.

        One client behind an address does not lock out the others there: the limit is per client and address, and a larger
        one, against guessing at many clients, per address. Raises TooManyRequests before anything is looked at.
        """
        address = current_request().ip
        keys = ((_LIMIT, f"{address} {client_id[:256]}"), (_LIMIT_OF_ADDRESS, address))
        for name, key in keys:
            await self._limits.require(name, key)
        try:
            yield
        except OAuthError as error:
            if error.code in _WRONG:
                for name, key in keys:
                    await self._limits.count(name, key)
            raise
