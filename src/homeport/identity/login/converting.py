"""Making an account sign in by a provider from now on, and no more by password (spec: identity 7.6).

It begins here, with the password; it ends when the provider sends the person back. In between, a signed cookie of five minutes
says whose account it is and what it shall become, and the state of the journey is the cookie's. Nothing is stored.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from litestar.datastructures import Cookie

from homeport.audit import AuditAction, AuditResource, attempt, declare, record
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.identity.errors import (
    ConversionInvalid,
    ConversionMismatch,
    NobodyToConvert,
    UnusableAccount,
    WrongPassword,
)
from homeport.identity.login.configured import Providers
from homeport.identity.login.cookies import passing_cookie
from homeport.identity.login.redirecting import CONVERSION_COOKIE, CONVERT_PREFIX
from homeport.identity.login.signing_in import find_claimed, lock_claimed
from homeport.identity.queries import keys as key_queries
from homeport.identity.queries import users as queries
from homeport.identity.service import attempts, links
from homeport.identity.service.accounts import require_change
from homeport.identity.service.trail import attempt_user, record_user
from homeport.identity.service.users import resolve_user
from homeport.identity.types import PROVIDER_LOGINS, Claimed, Identity, LoginType, UserRow, UserStatus
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.errors import BadRequest, Forbidden, invalid_field
from homeport.kit.ids import random_text

LIFETIME: Final = timedelta(minutes=5)
_STATE_LENGTH: Final = 32
_ALGORITHM: Final = "HS256"
_PURPOSE: Final = "conversion of login types"


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """The intention to convert an account; also what audit shows of it. `state` is a secret of the person's browser."""

    user_id: UUID
    from_login_type: LoginType
    to_login_type: LoginType
    state: str
    created_at: datetime
    expires_at: datetime


CONVERSION = declare(
    "convert_login",
    Conversion,
    tracked=("user_id", "from_login_type", "to_login_type", "created_at", "expires_at"),
    secret=("state",),
)


async def begin_conversion(
    db: Database,
    settings: Settings,
    providers: Providers,
    *,
    identity: Identity,
    value: str,
    to_type: str,
    password: str,
) -> Conversion:
    """Take note that somebody wants to convert their own account, which signs in by password now.

    Raises BadRequest for a target that is no provider or not set up, WrongPassword (401), Forbidden for another's account,
    TooManyRequests.
    """
    subject = identity.subject
    async with db.connection() as conn:
        user = await resolve_user(conn, subject, value)
    resource = AuditResource(user.id, user.username)
    attempt(CONVERSION, subject_id=subject.id, action=AuditAction.CREATE, resource=resource)
    require_change(subject, user)
    if user.id != subject.id:
        raise Forbidden("Only its owner can convert an account: it takes the password, and signing in at the provider.")
    target = _target(providers, to_type)
    if user.login_type != LoginType.PASSWORD:
        raise BadRequest(
            f"This account signs in by '{user.login_type}'; only accounts that sign in by password are converted."
        )
    if not await attempts.is_right(db, settings, email=user.email, user=user, password=password):
        raise WrongPassword
    now = clock.now()
    made = Conversion(
        user_id=user.id,
        from_login_type=LoginType.PASSWORD,
        to_login_type=target,
        state=CONVERT_PREFIX + random_text(_STATE_LENGTH),
        created_at=now,
        # Whole seconds, as in the cookie.
        expires_at=now.replace(microsecond=0) + LIFETIME,
    )
    async with db.transaction() as conn:
        action = AuditAction.CREATE
        await record(conn, subject_id=subject.id, action=action, resource=resource, after=made, status_code=201)
    return made


async def convert_claimed(
    db: Database,
    settings: Settings,
    cipher: Cipher,
    *,
    login_type: LoginType,
    person: Claimed,
    state: str,
    cookie: str,
) -> UserRow:
    """Convert the account of a person whom a provider has vouched for, and end every session that a password has made.

    No session comes of it: the person signs in again, by the provider. Raises ConversionInvalid and NobodyToConvert (400),
    ConversionMismatch, AnotherLinked and UnusableAccount (403).
    """
    conversion = read_cookie(settings, cipher, cookie, state=state)
    async with db.transaction() as conn:
        await lock_claimed(conn, login_type, person)
        before = await find_claimed(conn, login_type, person)
        if before is None:
            raise NobodyToConvert
        attempt_user(before.id, AuditAction.WRITE, before)
        _require_fit(conversion, before, login_type)
        await links.save(conn, cipher, before, login_type, person)
        return await _convert(conn, before, login_type)


async def _convert(conn: Connection, before: UserRow, login_type: LoginType) -> UserRow:
    after = await queries.update_login_type(conn, before.id, login_type, clock.now())
    # Sessions that a password has made follow no provider's clock; tokens of programs stay.
    await key_queries.delete_password_sessions(conn, before.id)
    await record_user(conn, before.id, AuditAction.WRITE, before=before, after=after)
    return after


def _target(providers: Providers, text: str) -> LoginType:
    if text not in PROVIDER_LOGINS:
        raise invalid_field("to_type", "An account can be converted to 'github' or 'oidc'.")
    if providers.find(text) is None:
        raise invalid_field("to_type", f"Signing in by '{text}' is not set up in this deployment.")
    return LoginType(text)


def _require_fit(conversion: Conversion, user: UserRow, login_type: LoginType) -> None:
    if conversion.user_id != user.id:
        raise ConversionMismatch("It is about another account than the one at the provider belongs to.")
    if conversion.to_login_type != login_type:
        raise ConversionMismatch(f"It is about '{conversion.to_login_type}', not '{login_type}'.")
    if conversion.from_login_type != user.login_type:
        raise ConversionMismatch(f"The account signs in by '{user.login_type}' already.")
    if user.status == UserStatus.SUSPENDED:
        raise UnusableAccount(user.status)


def conversion_cookie(settings: Settings, cipher: Cipher, conversion: Conversion) -> Cookie:
    """Return the cookie that says what was begun."""
    claims: dict[str, Any] = {
        "iss": settings.access_url,
        "sub": conversion.state,
        "aud": str(conversion.user_id),
        "iat": int(conversion.created_at.timestamp()),
        "nbf": int(conversion.created_at.timestamp()) - 1,
        "exp": int(conversion.expires_at.timestamp()),
        "from_login_type": conversion.from_login_type.value,
        "to_login_type": conversion.to_login_type.value,
    }
    token = jwt.encode({"alg": _ALGORITHM}, claims, _key(cipher))
    return passing_cookie(settings, CONVERSION_COOKIE, token, max_age=int(LIFETIME.total_seconds()))


def read_cookie(settings: Settings, cipher: Cipher, text: str, *, state: str) -> Conversion:
    """Return what a cookie says. Raises ConversionInvalid (400), ConversionMismatch (403) for another deployment or state."""
    if not text:
        raise ConversionInvalid(f"The cookie {CONVERSION_COOKIE} is missing.")
    try:
        claims = jwt.decode(text, _key(cipher), algorithms=[_ALGORITHM]).claims
        conversion = Conversion(
            user_id=UUID(claims["aud"]),
            from_login_type=LoginType(claims["from_login_type"]),
            to_login_type=LoginType(claims["to_login_type"]),
            state=claims["sub"],
            created_at=datetime.fromtimestamp(claims["iat"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ConversionInvalid(f"invalid jwt: {type(error).__name__}") from error
    now = clock.now()
    if not conversion.created_at - timedelta(seconds=1) <= now < conversion.expires_at:
        raise ConversionInvalid("invalid jwt: it has expired.")
    if claims.get("iss") != settings.access_url:
        raise ConversionMismatch("It was begun at another deployment.")
    if conversion.state != state:
        raise ConversionMismatch("The states differ.")
    return conversion


def _key(cipher: Cipher) -> OctKey:
    """Return the signing key, made from the first of the configured keys: all servers of a deployment have the same."""
    return OctKey.import_key(cipher.sign(_PURPOSE, b"key"))
