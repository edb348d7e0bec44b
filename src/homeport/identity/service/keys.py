"""API keys: making them, reading them, ending them (spec: identity 1.1 and 3)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import CheckViolation, Connection, Database, UniqueViolation
from homeport.identity import rules
from homeport.identity.errors import KeyNotFound, ScopeTooWide, SignsInNever, SystemUser, Taken
from homeport.identity.queries import keys as queries
from homeport.identity.rules import MalformedToken, parse_token
from homeport.identity.schemas import APIKey, GenerateAPIKeyResponse
from homeport.identity.service.trail import attempt_key, record_key
from homeport.identity.service.users import require_person, resolve_user
from homeport.identity.service.views import key_view
from homeport.identity.types import KEY_ID_LENGTH, KEY_SECRET_LENGTH, WILDCARD_TARGET, ApiKeyRow, Identity, LoginType
from homeport.kit import clock
from homeport.kit.crypto import hash_token
from homeport.kit.errors import BadRequest
from homeport.kit.ids import random_text
from homeport.kit.names import is_storable
from homeport.kit.request import current_request
from homeport.rbac import Action, Subject, require

__all__ = ["FULL_SCOPE", "MalformedToken", "create_key", "parse_token"]

FULL_SCOPE = "coder:all"
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


async def create_key(
    conn: Connection,
    *,
    user_id: UUID,
    login_type: LoginType,
    lifetime: timedelta,
    token_name: str = "",
    scopes: Sequence[str] = (FULL_SCOPE,),
    allow_list: Sequence[str] = (WILDCARD_TARGET,),
    expires_at: datetime | None = None,
    audience: str | None = None,
) -> tuple[ApiKeyRow, str]:
    """Insert a key and return its row and its full text, which is stored nowhere. The caller authorizes and records.

    `expires_at` wins over `lifetime`. Raises Taken for a token name in use, BadRequest for a deleted user.
    """
    now = clock.now()
    key_id, secret = random_text(KEY_ID_LENGTH), random_text(KEY_SECRET_LENGTH)
    row = ApiKeyRow(
        id=key_id,
        hashed_secret=hash_token(secret),
        user_id=user_id,
        login_type=login_type,
        token_name=token_name,
        scopes=list(scopes),
        allow_list=list(allow_list),
        lifetime_seconds=int(((expires_at - now) if expires_at else lifetime).total_seconds()),
        ip_address=current_request().ip,
        last_used=_EPOCH,
        expires_at=expires_at or now + lifetime,
        created_at=now,
        updated_at=now,
        audience=audience,
    )
    try:
        async with conn.savepoint():
            await queries.insert_key(conn, row)
    except UniqueViolation as error:
        if error.constraint != "api_keys_token_name_key":
            raise
        raise Taken(f"A token with the name '{token_name}' already exists.", "name") from error
    except CheckViolation as error:
        if error.constraint == "api_keys_user_not_system":
            raise SystemUser from error
        raise BadRequest("The user of this key has been deleted.") from error
    return row, f"{key_id}-{secret}"


async def create_session_key(
    db: Database, settings: Settings, *, subject: Subject, value: str
) -> GenerateAPIKeyResponse:
    """Make a session for a program on somebody's machine: it sets no cookie, so signing out of the browser keeps it."""
    async with db.transaction() as conn:
        owner = await resolve_user(conn, subject, value)
        attempt_key(subject.id, AuditAction.CREATE, owner_id=owner.id)
        require(subject, Action.CREATE, rules.key_object(owner.id), noun="API key")
        require_person(owner)
        if owner.login_type == LoginType.NONE:
            raise SignsInNever
        if not subject.scope.is_unrestricted:
            # The new session would be held to nothing.
            raise ScopeTooWide
        row, token = await create_key(
            conn, user_id=owner.id, login_type=LoginType.PASSWORD, lifetime=settings.default_token_lifetime
        )
        await record_key(conn, subject.id, AuditAction.CREATE, after=row)
    return GenerateAPIKeyResponse(token)


async def get_key(db: Database, *, subject: Subject, value: str, key_id: str) -> APIKey:
    """Return a key of the user by its id. Raises KeyNotFound."""
    async with db.connection() as conn:
        owner = await resolve_user(conn, subject, value)
        row = await queries.find_key(conn, key_id) if is_storable(key_id) else None
    return key_view(_readable(subject, owner.id, row))


async def delete_key(db: Database, *, subject: Subject, value: str, key_id: str) -> None:
    """End a key at once. Raises KeyNotFound."""
    async with db.transaction() as conn:
        owner = await resolve_user(conn, subject, value)
        found = await queries.lock_key(conn, key_id) if is_storable(key_id) else None
        row = _readable(subject, owner.id, found)
        attempt_key(subject.id, AuditAction.DELETE, owner_id=owner.id, name=row.token_name)
        require(subject, Action.DELETE, rules.key_object(owner.id, row.id), noun="API key")
        await queries.delete_key(conn, row.id)
        await record_key(conn, subject.id, AuditAction.DELETE, before=row)


async def sign_out(db: Database, identity: Identity) -> None:
    """End the session of this request and the user's keys for workspace applications; other sessions stay."""
    async with db.transaction() as conn:
        row = await queries.lock_key(conn, identity.key_id)
        await queries.delete_key(conn, identity.key_id)
        await queries.delete_application_keys(conn, identity.user_id)
        await record_key(conn, identity.user_id, AuditAction.LOGOUT, before=row)


def _readable(subject: Subject, owner_id: UUID, row: ApiKeyRow | None) -> ApiKeyRow:
    require(subject, Action.READ, rules.key_object(owner_id, row.id if row else ""), noun="API key")
    if row is None or row.user_id != owner_id:
        raise KeyNotFound
    return row
