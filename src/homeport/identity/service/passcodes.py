"""A new password by a one-time passcode that comes by mail (spec: identity 4).

Whoever asks for one is answered before anybody has looked whose address it is: the request goes into a queue, the same for
everybody, and what comes of it happens afterwards. So neither answer nor time tells who has an account.
"""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.identity import rules
from homeport.identity.errors import PasswordSignInDisabled, WrongPasscode
from homeport.identity.queries import keys as key_queries
from homeport.identity.queries import passcodes as queries
from homeport.identity.queries import users as user_queries
from homeport.identity.service import attempts
from homeport.identity.service.passcode_mail import passcode_message
from homeport.identity.service.passwords import hash_password, is_password
from homeport.identity.service.trail import attempt_user_id, record_user
from homeport.identity.types import LoginType, PasscodeRequest, UserPasswordChanged, UserRow, UserStatus
from homeport.kit import clock
from homeport.kit.crypto import Cipher, hash_token, tokens_equal
from homeport.kit.errors import TooManyRequests, invalid_field
from homeport.kit.ids import NIL_ID, new_id
from homeport.kit.names import is_storable
from homeport.kit.request import BACKGROUND, RequestInfo, current_request, set_request
from homeport.mail.service.outbox import enqueue
from homeport.telemetry.logs import get_logger

PASSCODE_CHANNEL = "passcode_requests"
"""Told of each request, so that it is answered at once."""

_LONGEST_EMAIL: Final = 320
_NOBODYS = hash_token("").hex()
_log = get_logger(__name__)


async def request_passcode(db: Database, settings: Settings, *, email: str) -> None:
    """Take note that somebody has forgotten their password. Nothing tells whether there is such an account.

    Raises PasswordSignInDisabled where nobody signs in by password.
    """
    if settings.disable_password_auth:
        raise PasswordSignInDisabled
    if not email.strip() or len(email) > _LONGEST_EMAIL or not is_storable(email):
        return
    try:
        await attempts.count_passcode_request(db, settings, email)
    except TooManyRequests:
        # A full mailbox helps nobody. The answer is the same as always.
        return
    request = current_request()
    row = PasscodeRequest(
        id=new_id(),
        email=email.strip(),
        ip_address=request.ip,
        user_agent=request.user_agent,
        request_id=UUID(request.request_id),
        created_at=clock.now(),
    )
    async with db.transaction() as conn:
        await queries.insert_request(conn, row)
        await conn.notify(PASSCODE_CHANNEL, str(row.id))


async def answer_requests(db: Database, settings: Settings, cipher: Cipher) -> int:
    """Mail a passcode to whoever asked for one and may have one; returns how many were written."""
    count = 0
    while True:
        async with db.transaction() as conn:
            request = await queries.take_request(conn)
            if request is None:
                return count
            count += await _answer(conn, settings, cipher, request)


async def _answer(conn: Connection, settings: Settings, cipher: Cipher, request: PasscodeRequest) -> bool:
    """Make a code and write its mail, both in the transaction in which the request goes."""
    now = clock.now()
    if not settings.has_mail:
        _log.warning("somebody has asked for a passcode, but EMAIL_SMARTHOST names no mail server")
        return False
    found = await user_queries.find_user_by_email(conn, request.email)
    if found is None or request.created_at + settings.one_time_passcode_validity_period < now:
        return False
    before = await user_queries.lock_user(conn, found.id)
    if settings.disable_password_auth or not _may_reset(before):
        return False
    code, expires_at = str(uuid4()), now + settings.one_time_passcode_validity_period
    after = await user_queries.update_passcode(
        conn, before.id, hashed=hash_token(code).hex(), expires_at=expires_at, now=now
    )
    message = passcode_message(
        access_url=settings.access_url,
        email=before.email,
        username=before.username,
        name=before.name,
        code=code,
        validity=settings.one_time_passcode_validity_period,
        ip=request.ip_address,
    )
    await enqueue(conn, cipher, kind="passcode", recipient=before.email, message=message, expires_at=expires_at)
    await _record(conn, request, before, after)
    return True


async def _record(conn: Connection, request: PasscodeRequest, before: UserRow, after: UserRow) -> None:
    """Record the request as that of whoever sent it, though it is answered by a loop."""
    set_request(RequestInfo(str(request.request_id), request.ip_address, request.user_agent, request.created_at))
    try:
        await record_user(conn, before.id, AuditAction.REQUEST_PASSWORD_RESET, before=before, after=after)
    finally:
        set_request(BACKGROUND)


async def change_password(db: Database, settings: Settings, *, email: str, code: str, password: str) -> None:
    """Set a password by a code that came by mail; the code is spent, and every session and token of the account ends.

    Raises PasswordSignInDisabled, WrongPasscode, BadRequest for a weak password or the old one.
    """
    if settings.disable_password_auth:
        raise PasswordSignInDisabled
    if not code.strip():
        raise invalid_field("one_time_passcode", "Give the code that came by mail.")
    rules.validate_password(password)
    found = await _find(db, email)
    # Unknown accounts leave an entry as well: they would be answered sooner without.
    attempt_user_id(found.id if found else NIL_ID, AuditAction.WRITE)
    if not _is_right(found, code, clock.now()):
        raise WrongPasscode
    assert found is not None
    if await is_password(password, found.hashed_password):
        raise invalid_field("password", "The new password must differ from the old one.")
    hashed = await hash_password(password)
    async with db.transaction() as conn:
        before = await user_queries.lock_user(conn, found.id)
        # Of several at once one has it; and what was true a moment ago must be true still.
        if not _is_right(before, code, clock.now()):
            raise WrongPasscode
        after = await user_queries.update_password(conn, before.id, hashed, clock.now())
        await conn.emit(UserPasswordChanged(user_id=before.id))
        await key_queries.delete_keys_of_user(conn, before.id)
        await record_user(conn, before.id, AuditAction.WRITE, before=before, after=after)


def _is_right(user: UserRow | None, code: str, now: datetime) -> bool:
    """Tell whether a code is an account's and good. Codes are as random as tokens, so a fast hash keeps them."""
    stored = (user.hashed_one_time_passcode if user else None) or _NOBODYS
    is_equal = tokens_equal(hash_token(code.strip().lower()).hex().encode(), stored.encode())
    ends = user.one_time_passcode_expires_at if user else None
    return is_equal and user is not None and ends is not None and ends > now and _may_reset(user)


def _may_reset(user: UserRow) -> bool:
    return user.login_type == LoginType.PASSWORD and user.status != UserStatus.SUSPENDED and not user.is_system


async def _find(db: Database, email: str) -> UserRow | None:
    if len(email) > _LONGEST_EMAIL or not is_storable(email):
        return None
    async with db.connection() as conn:
        return await user_queries.find_user_by_email(conn, email.strip())
