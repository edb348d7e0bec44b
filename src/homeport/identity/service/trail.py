"""What audit shows of users, keys and git keys, and the short forms with which this room records its changes."""

from uuid import UUID

from homeport.audit import AuditAction, AuditResource, attempt, declare, record
from homeport.database import Connection
from homeport.identity.types import ApiKeyRow, GitSshKeyRow, UserLinkRow, UserRow

USER = declare(
    "user",
    UserRow,
    tracked=(
        "id", "email", "username", "name", "status", "rbac_roles", "login_type", "deleted", "is_system", "quiet_hours_schedule",
        "one_time_passcode_expires_at",
    ),
    secret=("hashed_password", "hashed_one_time_passcode"),
    ignored=("avatar_url", "theme_preference", "terminal_font", "last_seen_at", "created_at", "updated_at"),
)  # fmt: skip
API_KEY = declare(
    "api_key",
    ApiKeyRow,
    tracked=("user_id", "last_used", "expires_at", "created_at", "audience"),
    ignored=(
        "id", "hashed_secret", "login_type", "token_name", "scopes", "allow_list", "lifetime_seconds", "ip_address", "updated_at",
    ),
)  # fmt: skip
GIT_SSH_KEY = declare(
    "git_ssh_key",
    GitSshKeyRow,
    tracked=("user_id", "public_key"),
    secret=("private_key_sealed",),
    ignored=("created_at", "updated_at"),
)
USER_LINK = declare(
    "user_link",
    UserLinkRow,
    tracked=("user_id", "login_type", "linked_id"),
    secret=("access_token_sealed", "refresh_token_sealed"),
    # Claims are what the provider says of a person, often at length: the link holds them, audit does not.
    ignored=("token_key_id", "oauth_expiry", "claims", "created_at", "updated_at", "refreshing_until"),
)


def attempt_user(subject_id: UUID, action: AuditAction, row: UserRow) -> None:
    """Say that the request is about this user, should it fail."""
    attempt(USER, subject_id=subject_id, action=action, resource=AuditResource(row.id, row.username))


def attempt_user_id(user_id: UUID, action: AuditAction) -> None:
    """Say that a request of somebody who has not signed in is about this account; the nil id where there is none."""
    attempt(USER, subject_id=user_id, action=action, resource=AuditResource(user_id, ""))


def attempt_key(subject_id: UUID, action: AuditAction, *, owner_id: UUID, name: str = "") -> None:
    """Say that the request is about a key of this owner, one that is there or one to be made, or about signing in."""
    attempt(API_KEY, subject_id=subject_id, action=action, resource=AuditResource(owner_id, name))


def attempt_git_ssh_key(subject_id: UUID, owner_id: UUID) -> None:
    """Say that the request is about this user's git key."""
    attempt(GIT_SSH_KEY, subject_id=subject_id, action=AuditAction.WRITE, resource=AuditResource(owner_id, ""))


async def record_user(
    conn: Connection,
    subject_id: UUID,
    action: AuditAction,
    *,
    before: UserRow | None = None,
    after: UserRow | None = None,
    subsystem: str = "",
) -> None:
    """Record a change of a user. `subsystem` names the part of the server that has made it by itself."""
    row = after or before
    assert row is not None
    await record(
        conn,
        subject_id=subject_id,
        action=action,
        resource=AuditResource(row.id, row.username),
        before=before,
        after=after,
        additional_fields={"subsystem": subsystem} if subsystem else {},
        is_background=bool(subsystem),
    )


async def record_kept_owner(conn: Connection, row: UserRow) -> None:
    """Record that a provider's claim would have taken the owner's role from the last one who has it."""
    await record(
        conn,
        subject_id=row.id,
        action=AuditAction.WRITE,
        resource=AuditResource(row.id, row.username),
        before=row,
        after=row,
        status_code=409,
        additional_fields={"kept_role": "owner", "reason": "no other owner can sign in"},
    )


async def record_key(
    conn: Connection,
    subject_id: UUID,
    action: AuditAction,
    *,
    before: ApiKeyRow | None = None,
    after: ApiKeyRow | None = None,
    status_code: int = 200,
    is_background: bool = False,
) -> None:
    """Record a key made, deleted or used to sign in. A key's id is no UUID, so the entry is about the key's owner.

    Without a row, the session that somebody signed out of was gone already. `is_background`: no request of the subject's did it.
    """
    row = after or before
    resource = AuditResource(row.user_id if row else subject_id, row.token_name if row else "")
    await record(
        conn,
        subject_id=subject_id,
        action=action,
        resource=resource,
        before=before,
        after=after,
        resource_type="api_key",
        status_code=status_code,
        is_background=is_background,
    )


async def record_git_ssh_key(
    conn: Connection, subject_id: UUID, action: AuditAction, *, before: GitSshKeyRow | None, after: GitSshKeyRow
) -> None:
    """Record a new git key pair."""
    resource = AuditResource(after.user_id, after.public_key.split()[1][-12:])
    await record(conn, subject_id=subject_id, action=action, resource=resource, before=before, after=after)


async def record_link(
    conn: Connection,
    subject_id: UUID,
    action: AuditAction,
    *,
    username: str,
    before: UserLinkRow | None = None,
    after: UserLinkRow | None = None,
) -> None:
    """Record that an account at a provider was linked to a person, or is linked no more."""
    row = after or before
    assert row is not None
    resource = AuditResource(row.user_id, username)
    await record(conn, subject_id=subject_id, action=action, resource=resource, before=before, after=after)
