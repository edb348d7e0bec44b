"""Accounts of people at providers: what the provider says and hands out, its tokens sealed with the key named on the row."""

from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection, Database
from homeport.identity import rules
from homeport.identity.queries import links as queries
from homeport.identity.service.trail import record_link
from homeport.identity.service.users import resolve_user
from homeport.identity.types import Claimed, LoginType, ProviderTokens, UserLinkRow, UserRow
from homeport.kit import clock
from homeport.kit.crypto import Cipher, DecryptionFailed
from homeport.rbac import Action, Subject, require
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)


async def save(
    conn: Connection,
    cipher: Cipher,
    user: UserRow,
    login_type: LoginType,
    person: Claimed,
    *,
    actor_id: UUID | None = None,
) -> UserLinkRow:
    """Link a person to their account at a provider, or put what it says now in place of what it said. Recorded when new."""
    before = await queries.lock_link(conn, user.id, login_type)
    access, refresh = seal(cipher, person.tokens)
    after = await queries.save_link(
        conn,
        user_id=user.id,
        login_type=login_type,
        linked_id=person.linked_id,
        access_token_sealed=access,
        refresh_token_sealed=refresh,
        token_key_id=cipher.key_id,
        oauth_expiry=person.tokens.expires_at,
        claims=person.claims,
        now=clock.now(),
    )
    if before is None or before.linked_id != after.linked_id:
        action = AuditAction.CREATE if before is None else AuditAction.WRITE
        await record_link(conn, actor_id or user.id, action, username=user.username, before=before, after=after)
    return after


async def forget(conn: Connection, user: UserRow, login_type: LoginType, *, actor_id: UUID) -> None:
    """End the link of a person to a provider, where there is one. The caller authorizes."""
    before = await queries.lock_link(conn, user.id, login_type)
    if before is not None:
        await queries.delete_link(conn, user.id, login_type)
        await record_link(conn, actor_id, AuditAction.DELETE, username=user.username, before=before)


async def list_links(db: Database, *, subject: Subject, value: str) -> list[UserLinkRow]:
    """Return a user's links to providers by their kind. Needs user:read_personal."""
    async with db.connection() as conn:
        user = await resolve_user(conn, subject, value)
        require(subject, Action.READ_PERSONAL, rules.user_object(user.id), noun="user")
        return await queries.list_links(conn, user.id)


def seal(cipher: Cipher, tokens: ProviderTokens) -> tuple[bytes, bytes | None]:
    """Seal the tokens of a provider; without a refresh token there is none to seal."""
    refresh = tokens.refresh_token
    return cipher.encrypt(tokens.access_token.encode()), cipher.encrypt(refresh.encode()) if refresh else None


def open_refresh_token(cipher: Cipher, row: UserLinkRow) -> str:
    """Return a link's refresh token; empty when there is none, or none that the configured keys open."""
    return _open(cipher, row, row.refresh_token_sealed, "a refresh token")


def open_access_token(cipher: Cipher, row: UserLinkRow) -> str:
    """Return a link's access token; empty when there is none, or none that the configured keys open."""
    return _open(cipher, row, row.access_token_sealed, "an access token")


def _open(cipher: Cipher, row: UserLinkRow, sealed: bytes | None, what: str) -> str:
    if sealed is None:
        return ""
    try:
        return cipher.decrypt(sealed).decode()
    except DecryptionFailed:
        _log.warning(
            f"{what} is sealed with a key that is not configured: it is of no use here",
            user_id=str(row.user_id),
            key=row.token_key_id,
        )
        return ""
