"""SQL on `git_ssh_keys`."""

from datetime import datetime
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import maybe, one
from homeport.identity.types import GitSshKeyRow

FIND_GIT_SSH_KEY = (
    "select user_id, public_key, private_key_sealed, created_at, updated_at from git_ssh_keys where user_id = $1"
)
# Two first readers at once: the first insert stays, both read it.
INSERT_GIT_SSH_KEY = """
insert into git_ssh_keys (user_id, public_key, private_key_sealed, created_at, updated_at) values ($1, $2, $3, $4, $4)
on conflict (user_id) do nothing
"""
UPDATE_GIT_SSH_KEY = """
insert into git_ssh_keys (user_id, public_key, private_key_sealed, created_at, updated_at) values ($1, $2, $3, $4, $4)
on conflict (user_id) do update set public_key = $2, private_key_sealed = $3, updated_at = $4
returning user_id, public_key, private_key_sealed, created_at, updated_at
"""


async def find_git_ssh_key(conn: Connection, user_id: UUID) -> GitSshKeyRow | None:
    """Return a user's key pair, or None while there is none."""
    return maybe(GitSshKeyRow, await conn.fetchrow(FIND_GIT_SSH_KEY, user_id))


async def insert_git_ssh_key(conn: Connection, user_id: UUID, public_key: str, sealed: bytes, now: datetime) -> None:
    """Insert a key pair unless the user has one."""
    await conn.execute(INSERT_GIT_SSH_KEY, user_id, public_key, sealed, now)


async def update_git_ssh_key(
    conn: Connection, user_id: UUID, public_key: str, sealed: bytes, now: datetime
) -> GitSshKeyRow:
    """Set a user's key pair, whether there was one or not."""
    row = await conn.fetchrow(UPDATE_GIT_SSH_KEY, user_id, public_key, sealed, now)
    assert row is not None
    return one(GitSshKeyRow, row)
