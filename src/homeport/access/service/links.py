"""The second clock of a session that began at a provider (spec: identity 2 step 7): what the provider gave must hold, too.

When it has ended it is refreshed, once for all requests and all servers: requests of this process wait for one flight, and of
several servers the one that puts its mark on the link asks, while the others look until the answer stands on the row. The key's
own expiry is never touched here, nor are the claims.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from homeport.access.errors import PROVIDER_AWAY, PROVIDER_ENDED, LinkEnded, ProviderRemoved
from homeport.database import Database
from homeport.database.rows import Record
from homeport.identity.login.configured import Providers
from homeport.identity.login.providers import Refresher, RefreshFailed
from homeport.identity.queries import links as queries
from homeport.identity.service.links import open_access_token, open_refresh_token, seal
from homeport.identity.types import LoginType, ProviderTokens, UserLinkRow
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.flights import Flights
from homeport.telemetry.logs import get_logger

# A provider is waited for, then a server's mark ends, then others stop to wait: each of them outlasts the one before, so that
# no token is shown twice, and who waits for a server that has died does its work in the end.
PATIENCE: Final = timedelta(seconds=12)
CLAIM: Final = timedelta(seconds=14)
_LOOKS: Final = 160
_PAUSE: Final = 0.1
# Browsers ask many times at once and again: a provider that was away a moment ago is not asked again in the same breath.
_REMEMBERED_SECONDS: Final = 3.0
_MOST_REMEMBERED: Final = 1000
_log = get_logger(__name__)


class LinkClock:
    """Holds sessions to what providers gave. One instance per process."""

    def __init__(self, db: Database, cipher: Cipher, providers: Providers, *, access_url: str) -> None:
        self._db, self._cipher, self._providers, self._access_url = db, cipher, providers, access_url
        self._flights: Flights[None] = Flights()
        self._failed: dict[tuple[UUID, LoginType], tuple[float, str]] = {}

    async def require(self, row: Record, now: datetime) -> None:
        """Return when the provider's part of a session holds, or has just been renewed. Raises LinkEnded, ProviderRemoved."""
        login_type = LoginType(row["key_login_type"])
        if not row["has_link"]:
            raise self._ended("This account is not linked to the provider any more; sign in by the provider again.")
        await self._hold(
            row["id"], login_type, row["oauth_expiry"], has_refresh_token=row["has_refresh_token"], now=now
        )

    async def access_token(self, user_id: UUID, login_type: LoginType) -> str:
        """Return a person's access token at a provider, just renewed where it had ended; empty where there is none that holds."""
        link = await self._find(user_id, login_type)
        if link is None:
            return ""
        try:
            await self._hold(
                user_id,
                login_type,
                link.oauth_expiry,
                has_refresh_token=link.refresh_token_sealed is not None,
                now=clock.now(),
            )
        except (LinkEnded, ProviderRemoved):
            return ""
        link = await self._find(user_id, login_type)
        return "" if link is None else open_access_token(self._cipher, link)

    async def _hold(
        self, user_id: UUID, login_type: LoginType, ends_at: datetime | None, *, has_refresh_token: bool, now: datetime
    ) -> None:
        if ends_at is None or ends_at >= now:
            return
        provider = self._providers.find(login_type)
        if provider is None:
            raise ProviderRemoved(
                f"The session comes from '{login_type}' and ended there at {ends_at.isoformat()}.",
                access_url=self._access_url,
            )
        if not has_refresh_token:
            raise self._over(provider, ends_at)
        key = (user_id, login_type)
        failed_at, detail = self._failed.get(key, (float("-inf"), ""))
        if clock.monotonic() - failed_at < _REMEMBERED_SECONDS:
            raise LinkEnded(PROVIDER_AWAY, detail, access_url=self._access_url, is_final=False)
        await self._flights.join(key, lambda: self._refresh(user_id, login_type, provider))

    async def _find(self, user_id: UUID, login_type: LoginType) -> UserLinkRow | None:
        async with self._db.connection() as conn:
            return await queries.find_link(conn, user_id, login_type)

    async def _refresh(self, user_id: UUID, login_type: LoginType, provider: Refresher) -> None:
        """Refresh one link, or wait until another server has. Raises LinkEnded."""
        for _ in range(_LOOKS):
            async with self._db.transaction() as conn:
                claimed = await queries.claim_refresh(conn, user_id, login_type, most=CLAIM, now=clock.now())
            if claimed is not None:
                await self._refresh_claimed(claimed, provider)
                return
            link = await self._find(user_id, login_type)
            if link is None:
                raise self._ended("This account is not linked to the provider any more; sign in by the provider again.")
            if link.oauth_expiry is None or link.oauth_expiry > clock.now():
                return
            # Real time, never the clock of a test: what we wait for is another server.
            await asyncio.sleep(_PAUSE)
        raise self._away(user_id, login_type, f"Another server has waited for {provider.name} for too long.")

    async def _refresh_claimed(self, claimed: UserLinkRow, provider: Refresher) -> None:
        token = open_refresh_token(self._cipher, claimed)
        try:
            if not token:
                raise self._over(provider, claimed.oauth_expiry)
            tokens = await _refreshed(provider, token, claimed)
        except RefreshFailed as error:
            if error.given is None:
                await self._abandon(claimed, is_final=error.is_final)
            else:
                # Nothing rests on them: the link is over as before, and the next refresh shows the new token.
                await self._store(claimed, _with(error.given, token, ends_at=claimed.oauth_expiry))
            raise self._refused(claimed, provider, error) from error
        except BaseException:
            await self._abandon(claimed, is_final=False)
            raise
        await self._store(claimed, _with(tokens, token, ends_at=tokens.expires_at))

    async def _store(self, claimed: UserLinkRow, tokens: ProviderTokens) -> None:
        access, refresh = seal(self._cipher, tokens)
        async with self._db.transaction() as conn:
            is_stored = await queries.finish_refresh(
                conn,
                claimed,
                access_token_sealed=access,
                refresh_token_sealed=refresh,
                token_key_id=self._cipher.key_id,
                oauth_expiry=tokens.expires_at,
                now=clock.now(),
            )
        self._failed.pop((claimed.user_id, LoginType(claimed.login_type)), None)
        if not is_stored:
            _log.info(
                "tokens of a provider were refreshed while their person signed in anew", user_id=str(claimed.user_id)
            )

    async def _abandon(self, claimed: UserLinkRow, *, is_final: bool) -> None:
        async with self._db.transaction() as conn:
            await queries.abandon_refresh(conn, claimed, is_final=is_final)

    def _refused(self, claimed: UserLinkRow, provider: Refresher, error: RefreshFailed) -> LinkEnded:
        _log.warning(
            "a provider did not refresh a session",
            provider=provider.name,
            user_id=str(claimed.user_id),
            is_final=error.is_final,
            reason=str(error),
        )
        if error.is_final:
            return self._ended(f"{provider.name} could not refresh the session: it takes the refresh token no more.")
        detail = f"{provider.name} could not refresh the session, which ended there at {_moment(claimed.oauth_expiry)}."
        return self._away(claimed.user_id, LoginType(claimed.login_type), detail)

    def _away(self, user_id: UUID, login_type: LoginType, detail: str) -> LinkEnded:
        if len(self._failed) >= _MOST_REMEMBERED:
            self._failed.clear()
        self._failed[user_id, login_type] = (clock.monotonic(), detail)
        return LinkEnded(PROVIDER_AWAY, detail, access_url=self._access_url, is_final=False)

    def _over(self, provider: Refresher, ends_at: datetime | None) -> LinkEnded:
        return self._ended(
            f"The session at {provider.name} ended at {_moment(ends_at)}, and there is no refresh token to renew it with."
        )

    def _ended(self, detail: str) -> LinkEnded:
        return LinkEnded(PROVIDER_ENDED, detail, access_url=self._access_url, is_final=True)


async def _refreshed(provider: Refresher, token: str, claimed: UserLinkRow) -> ProviderTokens:
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await provider.refresh(token, linked_id=claimed.linked_id)
    except TimeoutError as error:
        words = f"no new tokens within {PATIENCE.total_seconds():g} seconds"
        raise RefreshFailed(words, is_final=False) from error


def _with(tokens: ProviderTokens, token: str, *, ends_at: datetime | None) -> ProviderTokens:
    """Return tokens with an end, and with the refresh token of before where they have none."""
    return ProviderTokens(tokens.access_token, tokens.refresh_token or token, ends_at)


def _moment(ends_at: datetime | None) -> str:
    return ends_at.isoformat() if ends_at else "an unknown time"
