"""SQL on `users`, and the reads of memberships that a user's JSON shows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import maybe
from homeport.identity.errors import UserNotFound
from homeport.identity.rules import fold_address
from homeport.identity.types import UserRow

COLUMNS = (
    "id, email, username, name, hashed_password, status, rbac_roles, login_type, avatar_url, is_system, deleted, "
    "quiet_hours_schedule, theme_preference, terminal_font, last_seen_at, created_at, updated_at, "
    "hashed_one_time_passcode, one_time_passcode_expires_at"
)

FIND_USER = f"select {COLUMNS} from users where id = $1 and not deleted"
LOCK_USER = f"select {COLUMNS} from users where id = $1 and not deleted for update"
# Others may go on giving the account things that hold its key, such as places in groups; changes and deletion wait.
LOCK_USER_TO_CHANGE = f"select {COLUMNS} from users where id = $1 and not deleted for no key update"
# Both by the unique indexes on lower(...) of live users.
FIND_USER_BY_NAME = f"select {COLUMNS} from users where lower(username) = lower($1) and not deleted"
FIND_USER_BY_EMAIL = f"select {COLUMNS} from users where lower(email) = lower($1) and not deleted"
HAS_USERS = "select exists (select 1 from users where not deleted and not is_system)"
DEFAULT_ORGANIZATION = "select id from organizations where is_default"
LIST_ORGANIZATION_IDS = """
select m.user_id, array_agg(m.organization_id order by m.created_at, m.organization_id) as organization_ids
from organization_members m join organizations o on o.id = m.organization_id and not o.deleted
where m.user_id = any($1) group by m.user_id
"""
LIST_ORGANIZATION_ROLES = """
select m.organization_id, m.roles
from organization_members m join organizations o on o.id = m.organization_id and not o.deleted
where m.user_id = $1 order by m.created_at, m.organization_id
"""
# Dormant ones can sign in, and are active by that; nobody signs in to a service account.
COUNT_OTHER_OWNERS = """
select count(*) from users
where id <> $1 and not deleted and not is_system and rbac_roles <> '{}' and 'owner' = any(rbac_roles)
    and status <> 'suspended' and login_type <> 'none'
"""
INSERT_USER = f"""
insert into users (id, email, username, name, hashed_password, status, rbac_roles, login_type, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
returning {COLUMNS}
"""
UPDATE_PROFILE = (
    f"update users set username = $2, name = $3, updated_at = $4 where id = $1 and not deleted returning {COLUMNS}"
)
# A code that went to another address is worth nothing any more.
UPDATE_PERSON = f"""
update users set email = $2, name = $3, updated_at = $4,
    hashed_one_time_passcode = case when lower(email) = lower($2) then hashed_one_time_passcode end,
    one_time_passcode_expires_at = case when lower(email) = lower($2) then one_time_passcode_expires_at end
where id = $1 and not deleted returning {COLUMNS}
"""
# What a provider does not tell stays as it is.
UPDATE_CLAIMED = f"""
update users set email = $2, name = $3, avatar_url = $4, github_com_user_id = coalesce($5, github_com_user_id), updated_at = $6
where id = $1 and not deleted returning {COLUMNS}
"""
# Whoever signs in by a provider has no password, nor a code by which to set one.
UPDATE_LOGIN_TYPE = f"""
update users set login_type = $2, hashed_password = '', hashed_one_time_passcode = null, one_time_passcode_expires_at = null,
    updated_at = $3
where id = $1 and not deleted returning {COLUMNS}
"""
# A new password, by whichever way, spends the code for one.
UPDATE_PASSWORD = f"""
update users set hashed_password = $2, hashed_one_time_passcode = null, one_time_passcode_expires_at = null, updated_at = $3
where id = $1 and not deleted returning {COLUMNS}
"""
UPDATE_PASSCODE = f"""
update users set hashed_one_time_passcode = $2, one_time_passcode_expires_at = $3, updated_at = $4
where id = $1 and not deleted returning {COLUMNS}
"""
UPDATE_STATUS = f"update users set status = $2, updated_at = $3 where id = $1 and not deleted returning {COLUMNS}"
UPDATE_ROLES = f"update users set rbac_roles = $2, updated_at = $3 where id = $1 and not deleted returning {COLUMNS}"
UPDATE_APPEARANCE = f"""
update users set theme_preference = $2, terminal_font = $3, updated_at = $4
where id = $1 and not deleted returning {COLUMNS}
"""
UPDATE_QUIET_HOURS = (
    f"update users set quiet_hours_schedule = $2, updated_at = $3 where id = $1 and not deleted returning {COLUMNS}"
)
DELETE_USER = f"update users set deleted = true, updated_at = $2 where id = $1 and not deleted returning {COLUMNS}"


async def find_user(conn: Connection, user_id: UUID) -> UserRow | None:
    """Return a live user by id, or None."""
    return maybe(UserRow, await conn.fetchrow(FIND_USER, user_id))


async def find_user_by_name(conn: Connection, username: str) -> UserRow | None:
    """Return a live user by username, whatever its case."""
    return maybe(UserRow, await conn.fetchrow(FIND_USER_BY_NAME, username))


async def find_user_by_email(conn: Connection, email: str) -> UserRow | None:
    """Return a live user by address, whatever its case; letters that merely fold to its own are others."""
    found = maybe(UserRow, await conn.fetchrow(FIND_USER_BY_EMAIL, email))
    return found if found is not None and fold_address(found.email) == fold_address(email) else None


async def lock_user(conn: Connection, user_id: UUID) -> UserRow:
    """Return a live user and hold its row until the transaction ends. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(LOCK_USER, user_id)))


async def lock_user_to_change(conn: Connection, user_id: UUID) -> UserRow:
    """Return a live user and keep other changes of its row waiting until the transaction ends. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(LOCK_USER_TO_CHANGE, user_id)))


async def has_users(conn: Connection) -> bool:
    """Tell whether anybody but system users has an account."""
    return bool(await conn.fetchval(HAS_USERS))


async def get_default_organization_id(conn: Connection) -> UUID:
    """Return the id of the default organization, which always exists."""
    found: UUID = await conn.fetchval(DEFAULT_ORGANIZATION)
    return found


async def list_organization_ids(conn: Connection, user_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return the organizations of each user; users of none are absent."""
    return {row["user_id"]: row["organization_ids"] for row in await conn.fetch(LIST_ORGANIZATION_IDS, list(user_ids))}


async def list_organization_roles(conn: Connection, user_id: UUID) -> dict[UUID, list[str]]:
    """Return the stored role names of a user in each of its organizations."""
    return {row["organization_id"]: row["roles"] for row in await conn.fetch(LIST_ORGANIZATION_ROLES, user_id)}


async def count_other_owners(conn: Connection, user_id: UUID) -> int:
    """Count the owners besides this user who can sign in."""
    count: int = await conn.fetchval(COUNT_OTHER_OWNERS, user_id)
    return count


async def insert_user(
    conn: Connection,
    *,
    user_id: UUID,
    email: str,
    username: str,
    name: str,
    hashed_password: str,
    status: str,
    roles: Sequence[str],
    login_type: str,
    now: datetime,
) -> UserRow:
    """Insert a user. Raises UniqueViolation (users_email_key, users_username_key)."""
    arguments = (user_id, email, username, name, hashed_password, status, list(roles), login_type, now)
    return _found(maybe(UserRow, await conn.fetchrow(INSERT_USER, *arguments)))


async def update_profile(conn: Connection, user_id: UUID, *, username: str, name: str, now: datetime) -> UserRow:
    """Set names. Raises UserNotFound, UniqueViolation."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_PROFILE, user_id, username, name, now)))


async def update_person(conn: Connection, user_id: UUID, *, email: str, name: str, now: datetime) -> UserRow:
    """Set address and display name. Raises UserNotFound, UniqueViolation."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_PERSON, user_id, email, name, now)))


async def update_claimed(
    conn: Connection,
    user_id: UUID,
    *,
    email: str,
    name: str,
    avatar_url: str,
    github_com_user_id: int | None,
    now: datetime,
) -> UserRow:
    """Set what a provider says of a person. Raises UserNotFound, UniqueViolation."""
    arguments = (user_id, email, name, avatar_url, github_com_user_id, now)
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_CLAIMED, *arguments)))


async def update_login_type(conn: Connection, user_id: UUID, login_type: str, now: datetime) -> UserRow:
    """Let a user sign in by a provider and no more by password. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_LOGIN_TYPE, user_id, login_type, now)))


async def update_passcode(
    conn: Connection, user_id: UUID, *, hashed: str, expires_at: datetime, now: datetime
) -> UserRow:
    """Set the hash of a one-time passcode and its end; the one before is worth nothing any more. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_PASSCODE, user_id, hashed, expires_at, now)))


async def update_password(conn: Connection, user_id: UUID, hashed_password: str, now: datetime) -> UserRow:
    """Set the password's hash. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_PASSWORD, user_id, hashed_password, now)))


async def update_status(conn: Connection, user_id: UUID, status: str, now: datetime) -> UserRow:
    """Set the status. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_STATUS, user_id, status, now)))


async def update_roles(conn: Connection, user_id: UUID, roles: Sequence[str], now: datetime) -> UserRow:
    """Set the deployment roles. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_ROLES, user_id, list(roles), now)))


async def update_appearance(conn: Connection, user_id: UUID, *, theme: str, font: str, now: datetime) -> UserRow:
    """Set theme and terminal font. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_APPEARANCE, user_id, theme, font, now)))


async def update_quiet_hours(conn: Connection, user_id: UUID, schedule: str, now: datetime) -> UserRow:
    """Set the schedule of quiet hours, or take it away. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(UPDATE_QUIET_HOURS, user_id, schedule, now)))


async def delete_user(conn: Connection, user_id: UUID, now: datetime) -> UserRow:
    """Delete softly; a trigger removes keys, memberships and group memberships. Raises UserNotFound."""
    return _found(maybe(UserRow, await conn.fetchrow(DELETE_USER, user_id, now)))


def _found(row: UserRow | None) -> UserRow:
    if row is None:
        raise UserNotFound
    return row
