"""A session token in, an identity out: the checks of identity 2 in their order, and the sliding refresh of 1.2.

One query reads the key, its user and what the user holds. The refresh, due at most once an hour and key, runs
beside the request; a later request with the same key waits for it, and `close` waits for all.
"""

import asyncio
from datetime import datetime, timedelta

from homeport.access import queries
from homeport.access.errors import (
    ACCOUNT_SHUT,
    SESSION_ENDED,
    SESSION_EXPIRED,
    LinkEnded,
    ProviderRemoved,
    SignedOut,
)
from homeport.access.rules import is_good_at
from homeport.access.service.links import LinkClock
from homeport.access.service.subjects import build_subject, read_holdings
from homeport.config import Settings
from homeport.database import Database, DatabaseError
from homeport.database.rows import Record
from homeport.identity.queries import users as user_queries
from homeport.identity.rules import MalformedToken, Refresh, parse_token, sliding_refresh
from homeport.identity.service.accounts import wake_dormant_user
from homeport.identity.types import PROVIDER_LOGINS, Identity, LoginType, UserStatus
from homeport.kit import clock
from homeport.kit.crypto import hash_token, tokens_equal
from homeport.kit.request import current_request
from homeport.rbac import Subject, UnknownScope
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)


class Sessions:
    """Recognises session tokens. One instance per process, made by the composition root."""

    def __init__(self, db: Database, settings: Settings, *, links: LinkClock | None = None) -> None:
        """`links` holds sessions from providers to what those gave; without one there are no providers."""
        self._db = db
        self._links = links
        self.access_url = settings.access_url
        self._is_expiry_fixed = settings.disable_session_expiry_refresh
        self._can_owner_enter = not settings.disable_owner_workspace_access
        self._refreshes: dict[str, asyncio.Task[None]] = {}

    async def authenticate(self, token: str, *, resource: str = "") -> Identity:
        """Return who a session token belongs to. Raises SignedOut (401) with the reason as detail.

        An access token of a client must be for the resource below this path; an empty one is the HTTP API.
        """
        if not token:
            raise self.refusal("A session is needed: send the cookie, header or query parameter coder_session_token.")
        try:
            key_id, secret = parse_token(token)
        except MalformedToken as error:
            raise self.refusal(f"The session token is malformed. {error}") from None
        if pending := self._refreshes.get(key_id):
            await asyncio.wait({pending})
        row = await queries.find_session(self._db, key_id)
        if row is None:
            _log.debug("API key not found", key_id=key_id)
            raise self.refusal(
                "The API key of this session does not exist; it may have been deleted.", reason=SESSION_ENDED
            )
        if not tokens_equal(hash_token(secret), row["hashed_secret"]):
            _log.info("API key with a wrong secret", key_id=key_id)
            raise self.refusal("The secret of this API key is not right.", reason=SESSION_ENDED)
        now = clock.now()
        if row["expires_at"] < now:
            raise self.refusal(
                f"API key expired at {row['expires_at'].isoformat()}: the session has expired.",
                is_expired=True,
                reason=SESSION_EXPIRED,
            )
        if row["key_login_type"] == LoginType.OAUTH2_PROVIDER_APP and not is_good_at(
            row["key_audience"], resource, self.access_url
        ):
            raise self.refusal("This access token was issued for another resource.")
        if row["key_login_type"] in PROVIDER_LOGINS:
            await self._require_link(key_id, row, now)
        self._refresh_if_due(key_id, row, now)
        if row["status"] != UserStatus.ACTIVE:
            await self._wake_or_refuse(row)
        return self._identity(key_id, row)

    def refusal(self, detail: str, *, is_expired: bool = False, reason: str = "") -> SignedOut:
        """Build the 401 with its challenge; `reason` is what the sign-in page says instead of the message."""
        return SignedOut(detail, access_url=self.access_url, is_expired=is_expired, reason=reason)

    async def _require_link(self, key_id: str, row: Record, now: datetime) -> None:
        if self._links is None:
            raise ProviderRemoved("No provider is set up.", access_url=self.access_url)
        try:
            await self._links.require(row, now)
        except LinkEnded as error:
            _log.info("the provider's part of a session has ended", key_id=key_id, reason=error.detail)
            raise

    async def close(self) -> None:
        """Wait for the refreshes under way."""
        if self._refreshes:
            await asyncio.wait(set(self._refreshes.values()))

    async def find_subject(self, key_id: str) -> Subject | None:
        """Return what a key makes of its person at this moment, which is no use of it; None where it is good for nothing.

        That a session has run out since is no reason: an end by time ends nothing that is under way.
        """
        row = await queries.find_session(self._db, key_id)
        if row is None or row["status"] == UserStatus.SUSPENDED:
            return None
        try:
            return self._subject(row)
        except UnknownScope:
            return None

    def _subject(self, row: Record) -> Subject:
        return build_subject(
            row["id"],
            row["username"],
            tuple(row["rbac_roles"]),
            row["holdings"],
            tuple(row["scopes"]),
            tuple(row["allow_list"]),
            self._can_owner_enter,
        )

    def _identity(self, key_id: str, row: Record) -> Identity:
        try:
            subject = self._subject(row)
        except UnknownScope as error:
            raise self.refusal(f"The scope of this API key is not known: {error.message}") from None
        return Identity(
            user_id=row["id"],
            username=row["username"],
            email=row["email"],
            name=row["name"],
            avatar_url=row["avatar_url"],
            # Whoever gets here is active, or has just become so.
            status=UserStatus.ACTIVE,
            login_type=row["login_type"],
            theme_preference=row["theme_preference"],
            roles=tuple(row["rbac_roles"]),
            organization_roles=read_holdings(row["holdings"]).organizations,
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            last_seen_at=row["last_seen_at"],
            key_id=key_id,
            key_login_type=row["key_login_type"],
            key_scopes=tuple(row["scopes"]),
            key_expires_at=row["expires_at"],
            key_audience=row["key_audience"],
            subject=subject,
        )

    async def _wake_or_refuse(self, row: Record) -> None:
        if row["status"] != UserStatus.DORMANT:
            raise self._shut(row["status"])
        async with self._db.transaction() as conn:
            current = await wake_dormant_user(conn, await user_queries.lock_user(conn, row["id"]))
        if current.status != UserStatus.ACTIVE:
            raise self._shut(current.status)

    def _shut(self, status: str) -> SignedOut:
        words = f"The account of this session is {status}. Contact an administrator."
        return self.refusal(words, reason=ACCOUNT_SHUT)

    def _refresh_if_due(self, key_id: str, row: Record, now: datetime) -> None:
        due = sliding_refresh(
            last_used=row["last_used"],
            expires_at=row["expires_at"],
            lifetime=timedelta(seconds=row["lifetime_seconds"]),
            login_type=row["key_login_type"],
            now=now,
            is_expiry_fixed=self._is_expiry_fixed,
        )
        if due is None or key_id in self._refreshes:
            return
        task = asyncio.create_task(self._refresh(key_id, row["last_used"], due, current_request().ip, now))
        self._refreshes[key_id] = task
        task.add_done_callback(lambda _: self._refreshes.pop(key_id, None))

    async def _refresh(self, key_id: str, known: datetime, due: Refresh, address: str, now: datetime) -> None:
        try:
            async with self._db.connection() as conn:
                await queries.update_last_used(
                    conn,
                    key_id,
                    known_last_used=known,
                    last_used=due.last_used,
                    expires_at=due.expires_at,
                    is_address_changed=due.is_address_changed,
                    address=address,
                    now=now,
                )
        except DatabaseError as error:
            # The row still says that the refresh is due, so the next request tries again.
            _log.warning("the use of an API key could not be noted", key_id=key_id, reason=error.message)
