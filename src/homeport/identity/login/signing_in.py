"""The sign-in of a person whom a provider has vouched for, the same for every provider (spec: identity 7.5).

Whose account it is: the one that is linked to this account at the provider; only where none is, the one with the address, and
only while it is linked to nothing. Everything happens in one transaction, with its audit entries and the event SignedIn.
"""

from uuid import UUID

import msgspec

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database, UniqueViolation
from homeport.identity.errors import (
    AnotherLinked,
    NoNameLeft,
    SignUpsDisabled,
    SystemUser,
    Taken,
    UnusableAccount,
    WrongLoginType,
)
from homeport.identity.queries import links as link_queries
from homeport.identity.queries import users as queries
from homeport.identity.rules.claiming import display_name_from, username_from, username_with
from homeport.identity.service import links
from homeport.identity.service.accounts import wake_dormant_user
from homeport.identity.service.keys import create_key
from homeport.identity.service.trail import attempt_key, record_key, record_user
from homeport.identity.service.users import FIRST_USER_LOCK, OWNER, OWNERS_LOCK, name_taken
from homeport.identity.types import (
    ApiKeyRow,
    Claimed,
    LoginType,
    SignedIn,
    UserCreated,
    UserRow,
    UserStatus,
)
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.ids import new_id, random_text
from homeport.kit.names import validate_email
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)
_MOST_NAMES = 11
_ENDING_LENGTH = 4
_ENDING_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


class SignUps(msgspec.Struct, frozen=True):
    """Whether people of a provider may make themselves accounts; `disabled_text` are the operator's words where they may not.

    The first user of all may in any case, and becomes the owner.
    """

    are_allowed: bool
    disabled_text: str = ""


class Session(msgspec.Struct, frozen=True):
    """What came of a sign-in: the account, its new key, and the key's full text, which is stored nowhere."""

    user: UserRow
    key: ApiKeyRow
    token: str
    is_new: bool


async def sign_in_claimed(
    db: Database,
    settings: Settings,
    cipher: Cipher,
    *,
    login_type: LoginType,
    person: Claimed,
    sign_ups: SignUps,
) -> Session:
    """Sign a person in through a provider, making their account where they have none and may have one.

    Raises SignUpsDisabled, AnotherLinked, WrongLoginType, UnusableAccount, SystemUser, NoNameLeft, Taken, BadRequest.
    """
    validate_email(person.email)

    async def work(conn: Connection) -> Session:
        if login_type == LoginType.OIDC and settings.oidc_user_role_field:
            # Claims may take the role of an owner: before the account is held, as everybody does who could do that.
            await conn.lock(OWNERS_LOCK)
        await lock_claimed(conn, login_type, person)
        found = await find_claimed(conn, login_type, person)
        user = await _admit(conn, found, login_type) if found else await _sign_up(conn, login_type, person, sign_ups)
        await links.save(conn, cipher, user, login_type, person)
        user = await _mirror(conn, user, person, is_new=found is None)
        said = SignedIn(user_id=user.id, login_type=login_type, claims=person.claims, is_new=found is None)
        await conn.emit(said)
        key, token = await create_key(conn, user_id=user.id, login_type=login_type, lifetime=settings.session_duration)
        action = AuditAction.LOGIN if found else AuditAction.REGISTER
        await record_key(conn, user.id, action, after=key, status_code=201)
        return Session(user, key, token, found is None)

    # What claims change meets others' changes of groups and members, and once more is better than an error page.
    return await db.run(work, isolation="read_committed")


async def lock_claimed(conn: Connection, login_type: LoginType, person: Claimed) -> None:
    """Let two browsers of one person, and two people with one address, come one after the other."""
    await conn.lock(f"identity:link:{login_type}:{person.linked_id}")
    await conn.lock(f"identity:email:{person.email.lower()}")


async def find_claimed(conn: Connection, login_type: LoginType, person: Claimed) -> UserRow | None:
    """Return the locked account that a person at a provider has here, or None. Raises AnotherLinked."""
    user_id = await link_queries.find_linked_user(conn, person.linked_id, login_type)
    if user_id is not None:
        return await queries.lock_user_to_change(conn, user_id)
    found = await queries.find_user_by_email(conn, person.email)
    if found is None:
        return None
    user = await queries.lock_user_to_change(conn, found.id)
    link = await link_queries.lock_link(conn, user.id, login_type)
    if link is not None and link.linked_id not in {"", person.linked_id}:
        _log.warning(
            "somebody came with the address of an account that is linked to another",
            user_id=str(user.id),
            kind=login_type,
        )
        attempt_key(user.id, AuditAction.LOGIN, owner_id=user.id)
        raise AnotherLinked
    return user


async def _admit(conn: Connection, user: UserRow, login_type: LoginType) -> UserRow:
    attempt_key(user.id, AuditAction.LOGIN, owner_id=user.id)
    if user.is_system:
        raise SystemUser
    if user.login_type != login_type:
        raise WrongLoginType(user.login_type, login_type)
    if user.status == UserStatus.SUSPENDED:
        raise UnusableAccount(user.status)
    return await wake_dormant_user(conn, user)


async def _sign_up(conn: Connection, login_type: LoginType, person: Claimed, sign_ups: SignUps) -> UserRow:
    is_first = not await queries.has_users(conn)
    if is_first:
        await conn.lock(FIRST_USER_LOCK)
        is_first = not await queries.has_users(conn)
    if not is_first and not sign_ups.are_allowed:
        raise SignUpsDisabled(sign_ups.disabled_text)
    user = await _insert(conn, login_type, person, roles=(OWNER,) if is_first else ())
    organization_id = await queries.get_default_organization_id(conn)
    await conn.emit(UserCreated(user_id=user.id, organization_ids=(organization_id,), actor=None))
    await record_user(conn, user.id, AuditAction.CREATE, after=user)
    return user


async def _insert(conn: Connection, login_type: LoginType, person: Claimed, *, roles: tuple[str, ...]) -> UserRow:
    """Insert the account under the first free name near the wished one."""
    wished = username_from(person.username, person.email) or "user"
    for attempt in range(_MOST_NAMES):
        username = username_with(wished, random_text(_ENDING_LENGTH, _ENDING_LETTERS)) if attempt else wished
        try:
            async with conn.savepoint():
                return await queries.insert_user(
                    conn,
                    user_id=new_id(),
                    email=person.email,
                    username=username,
                    name=display_name_from(person.name),
                    hashed_password="",
                    status=UserStatus.ACTIVE,
                    roles=roles,
                    login_type=login_type,
                    now=clock.now(),
                )
        except UniqueViolation as error:
            if error.constraint != "users_username_key":
                raise name_taken(error) from error
    raise NoNameLeft(wished)


async def _mirror(conn: Connection, user: UserRow, person: Claimed, *, is_new: bool) -> UserRow:
    """Take over address, name and picture; the user name stays what it became first.

    An address that another account has by now is left where it is, because nobody shall be locked out by that.
    """
    wanted = (person.email, display_name_from(person.name) or user.name, person.avatar_url or user.avatar_url)
    if wanted == (user.email, user.name, user.avatar_url) and person.github_com_user_id is None:
        return user
    try:
        after = await _update(conn, user.id, person, *wanted)
    except Taken:
        _log.warning("an account keeps its address, because the one at the provider is taken", user_id=str(user.id))
        after = await _update(conn, user.id, person, user.email, *wanted[1:])
    if not is_new and (after.email, after.name) != (user.email, user.name):
        await record_user(conn, user.id, AuditAction.WRITE, before=user, after=after)
    return after


async def _update(conn: Connection, user_id: UUID, person: Claimed, email: str, name: str, avatar_url: str) -> UserRow:
    try:
        async with conn.savepoint():
            return await queries.update_claimed(
                conn,
                user_id,
                email=email,
                name=name,
                avatar_url=avatar_url,
                github_com_user_id=person.github_com_user_id,
                now=clock.now(),
            )
    except UniqueViolation as error:
        raise name_taken(error) from error
