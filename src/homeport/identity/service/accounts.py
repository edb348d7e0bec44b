"""Changes of an account: names, password, status, look."""

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database, UniqueViolation
from homeport.identity import rules
from homeport.identity.queries import keys as key_queries
from homeport.identity.queries import users as queries
from homeport.identity.schemas import (
    UpdateUserAppearanceSettingsRequest,
    UpdateUserPasswordRequest,
    UpdateUserProfileRequest,
    User,
    UserAppearanceSettings,
    UserLoginType,
)
from homeport.identity.service import attempts
from homeport.identity.service.passwords import hash_password, is_password
from homeport.identity.service.trail import attempt_user, record_user
from homeport.identity.service.users import lock_with_owners, name_taken, require_person, require_rank, resolve_user
from homeport.identity.service.views import load_user_view
from homeport.identity.types import (
    Identity,
    LoginType,
    UserActivated,
    UserPasswordChanged,
    UserRow,
    UserStatus,
    UserSuspended,
)
from homeport.kit import clock
from homeport.kit.errors import BadRequest, invalid_field
from homeport.kit.names import validate_display_name, validate_email, validate_text, validate_username
from homeport.rbac import Action, Subject, require

_MOST_THEME = 64


async def update_profile(db: Database, *, subject: Subject, value: str, request: UpdateUserProfileRequest) -> User:
    """Set username and display name. Needs user:update_personal (one's own) or user:update. Raises Taken."""
    async with db.transaction() as conn:
        found = await resolve_user(conn, subject, value)
        attempt_user(subject.id, AuditAction.WRITE, found)
        require_change(subject, found)
        rules.validate_all(
            lambda: validate_username(request.username), lambda: validate_display_name(request.name, "name")
        )
        before = await queries.lock_user(conn, found.id)
        try:
            async with conn.savepoint():
                after = await queries.update_profile(
                    conn, before.id, username=request.username, name=request.name, now=clock.now()
                )
        except UniqueViolation as error:
            raise name_taken(error) from error
        await record_user(conn, subject.id, AuditAction.WRITE, before=before, after=after)
        return await load_user_view(conn, after)


async def update_password(
    db: Database, settings: Settings, *, identity: Identity, value: str, request: UpdateUserPasswordRequest
) -> None:
    """Set a password and end all other sessions and tokens of the account.

    People who change their own give the old one; resetting another's needs user:update and a rank that is not lower.
    """
    subject = identity.subject
    async with db.connection() as conn:
        found = await resolve_user(conn, subject, value)
    attempt_user(subject.id, AuditAction.WRITE, found)
    require_change(subject, found)
    require_rank(subject, found)
    if found.login_type != LoginType.PASSWORD:
        raise BadRequest(f"This account signs in by '{found.login_type}' and has no password.")
    rules.validate_password(request.password)
    is_own = found.id == subject.id
    if is_own and not request.old_password:
        raise invalid_field("old_password", "Give the old password to change your own.")
    if is_own and not await attempts.is_right(
        db, settings, email=found.email, user=found, password=request.old_password
    ):
        raise invalid_field("old_password", "The old password is not right.", message="Old password is incorrect.")
    if await is_password(request.password, found.hashed_password):
        raise invalid_field("password", "The new password must differ from the old one.")
    hashed = await hash_password(request.password)
    async with db.transaction() as conn:
        before = await queries.lock_user(conn, found.id)
        if before.hashed_password != found.hashed_password:
            raise BadRequest("The password was changed by somebody else at the same time; try again.")
        after = await queries.update_password(conn, before.id, hashed, clock.now())
        await conn.emit(UserPasswordChanged(user_id=before.id))
        await key_queries.delete_keys_of_user(conn, before.id, except_id=identity.key_id)
        await record_user(conn, subject.id, AuditAction.WRITE, before=before, after=after)


async def suspend_user(db: Database, *, subject: Subject, value: str) -> User:
    """Suspend an account: sessions end, tokens stop working until it is active again. Not oneself, not the last owner."""
    async with db.transaction() as conn:
        found = await resolve_user(conn, subject, value)
        return await load_user_view(conn, await suspend(conn, subject=subject, found=found))


async def suspend(conn: Connection, *, subject: Subject, found: UserRow) -> UserRow:
    """Suspend an account within the caller's transaction, as `suspend_user` does."""
    attempt_user(subject.id, AuditAction.WRITE, found)
    require(subject, Action.UPDATE, rules.user_object(found.id), noun="user")
    require_person(found)
    if found.id == subject.id:
        raise BadRequest("You cannot suspend yourself.")
    before = await lock_with_owners(conn, found.id)
    require_rank(subject, before)
    if before.status == UserStatus.SUSPENDED:
        return before
    after = await set_status(conn, subject, before, UserStatus.SUSPENDED)
    # What has more than a key ends in its own order, before the keys.
    await conn.emit(UserSuspended(user_id=before.id))
    await key_queries.delete_sessions_of_user(conn, before.id)
    return after


async def activate_user(db: Database, *, subject: Subject, value: str) -> User:
    """Make a suspended or dormant account active."""
    async with db.transaction() as conn:
        found = await resolve_user(conn, subject, value)
        return await load_user_view(conn, await activate(conn, subject=subject, found=found))


async def activate(conn: Connection, *, subject: Subject, found: UserRow) -> UserRow:
    """Make an account active within the caller's transaction."""
    attempt_user(subject.id, AuditAction.WRITE, found)
    require(subject, Action.UPDATE, rules.user_object(found.id), noun="user")
    require_person(found)
    before = await queries.lock_user(conn, found.id)
    require_rank(subject, before)
    if before.status == UserStatus.ACTIVE:
        return before
    after = await set_status(conn, subject, before, UserStatus.ACTIVE)
    await conn.emit(UserActivated(user_id=before.id))
    return after


async def update_provisioned(conn: Connection, *, subject: Subject, found: UserRow, email: str, name: str) -> UserRow:
    """Set what an identity provider says of a person: address and display name. Raises Taken."""
    attempt_user(subject.id, AuditAction.WRITE, found)
    require(subject, Action.UPDATE, rules.user_object(found.id), noun="user")
    require_person(found)
    rules.validate_all(lambda: validate_email(email), lambda: validate_display_name(name, "name"))
    before = await queries.lock_user(conn, found.id)
    if (before.email, before.name) == (email, name):
        return before
    try:
        async with conn.savepoint():
            after = await queries.update_person(conn, before.id, email=email, name=name, now=clock.now())
    except UniqueViolation as error:
        raise name_taken(error) from error
    await record_user(conn, subject.id, AuditAction.WRITE, before=before, after=after)
    return after


async def wake_dormant_user(conn: Connection, row: UserRow) -> UserRow:
    """Make a dormant account active because its owner has appeared. The row must be locked; others are returned as they are."""
    if row.status != UserStatus.DORMANT:
        return row
    after = await queries.update_status(conn, row.id, UserStatus.ACTIVE, clock.now())
    await record_user(conn, row.id, AuditAction.WRITE, before=row, after=after)
    await conn.emit(UserActivated(user_id=row.id))
    return after


async def set_status(conn: Connection, subject: Subject, before: UserRow, status: UserStatus) -> UserRow:
    """Write a status and its audit entry."""
    require_person(before)
    after = await queries.update_status(conn, before.id, status, clock.now())
    await record_user(conn, subject.id, AuditAction.WRITE, before=before, after=after)
    return after


async def get_login_type(db: Database, *, subject: Subject, value: str) -> UserLoginType:
    """Tell how a user signs in. Needs user:read_personal."""
    return UserLoginType((await _read_personal(db, subject, value)).login_type)


async def get_appearance(db: Database, *, subject: Subject, value: str) -> UserAppearanceSettings:
    """Return theme and terminal font. Needs user:read_personal."""
    return _appearance(await _read_personal(db, subject, value))


async def update_appearance(
    db: Database, *, subject: Subject, value: str, request: UpdateUserAppearanceSettingsRequest
) -> UserAppearanceSettings:
    """Set theme and terminal font. Needs user:update_personal."""
    async with db.transaction() as conn:
        found = await resolve_user(conn, subject, value)
        attempt_user(subject.id, AuditAction.WRITE, found)
        require(subject, Action.UPDATE_PERSONAL, rules.user_object(found.id), noun="user")
        require_person(found)
        validate_text(request.theme_preference, "theme_preference", most=_MOST_THEME)
        before = await queries.lock_user(conn, found.id)
        after = await queries.update_appearance(
            conn, before.id, theme=request.theme_preference, font=request.terminal_font, now=clock.now()
        )
        await record_user(conn, subject.id, AuditAction.WRITE, before=before, after=after)
    return _appearance(after)


def require_change(subject: Subject, target: UserRow) -> None:
    """Demand the permission to change an account's own data: user:update_personal on oneself, user:update on others."""
    action = Action.UPDATE_PERSONAL if target.id == subject.id else Action.UPDATE
    require(subject, action, rules.user_object(target.id), noun="user")
    require_person(target)


def _appearance(row: UserRow) -> UserAppearanceSettings:
    return UserAppearanceSettings(row.theme_preference, row.terminal_font)  # type: ignore[arg-type]  # written by us only


async def _read_personal(db: Database, subject: Subject, value: str) -> UserRow:
    async with db.connection() as conn:
        found = await resolve_user(conn, subject, value)
    require(subject, Action.READ_PERSONAL, rules.user_object(found.id), noun="user")
    return found
