"""Sign-in by e-mail address and password (spec: identity 4)."""

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Database
from homeport.identity.errors import PasswordSignInDisabled, UnusableAccount, WrongCredentials, WrongLoginType
from homeport.identity.queries import users as queries
from homeport.identity.service import attempts
from homeport.identity.service.accounts import wake_dormant_user
from homeport.identity.service.keys import create_key
from homeport.identity.service.passwords import hash_password, needs_rehash
from homeport.identity.service.trail import attempt_key, record_key
from homeport.identity.service.users import OWNER
from homeport.identity.types import ApiKeyRow, LoginType, UserRow, UserStatus
from homeport.kit import clock
from homeport.kit.ids import NIL_ID
from homeport.kit.names import is_storable


async def sign_in(db: Database, settings: Settings, *, email: str, password: str) -> tuple[ApiKeyRow, str]:
    """Check a password and return a new session and its token.

    The password is checked first, so nothing about an account shows to somebody who does not know it. Raises
    WrongCredentials, PasswordSignInDisabled, WrongLoginType, UnusableAccount, TooManyRequests.
    """
    found = await _find(db, email)
    # Of an unknown account an entry is written as well: it would be answered sooner without.
    known_id = found.id if found else NIL_ID
    attempt_key(known_id, AuditAction.LOGIN, owner_id=known_id)
    is_right = await attempts.is_right(db, settings, email=email, user=found, password=password)
    if found is None or not is_right:
        raise WrongCredentials
    _require_usable(settings, found)
    renewed = await hash_password(password) if needs_rehash(found.hashed_password) else ""
    async with db.transaction() as conn:
        current = await queries.lock_user(conn, found.id)
        # Password, status or login type may have changed while the hash was computed.
        if current.hashed_password != found.hashed_password:
            raise WrongCredentials
        _require_usable(settings, current)
        await wake_dormant_user(conn, current)
        if renewed:
            await queries.update_password(conn, current.id, renewed, clock.now())
        row, token = await create_key(
            conn, user_id=current.id, login_type=LoginType.PASSWORD, lifetime=settings.session_duration
        )
        await record_key(conn, current.id, AuditAction.LOGIN, after=row, status_code=201)
    return row, token


async def _find(db: Database, email: str) -> UserRow | None:
    if not is_storable(email):
        return None
    async with db.connection() as conn:
        found = await queries.find_user_by_email(conn, email)
    return None if found is None or found.is_system else found


def _require_usable(settings: Settings, user: UserRow) -> None:
    if settings.disable_password_auth and OWNER not in user.rbac_roles:
        raise PasswordSignInDisabled
    if user.login_type != LoginType.PASSWORD:
        raise WrongLoginType(user.login_type)
    if user.status == UserStatus.SUSPENDED:
        raise UnusableAccount(user.status)
