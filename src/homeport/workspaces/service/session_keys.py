"""The keys with which workspaces act as their owners: what templates read as `data.coder_workspace_owner.me.session_token`.

A workspace has at most one. It is a token of the owner like those that people make, under a name that says which workspace has
it and that nobody can give (decision 0021). Its text is handed to the daemon of the build and stored nowhere.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection
from homeport.identity.queries import keys as queries
from homeport.identity.queries import users
from homeport.identity.service.keys import create_key
from homeport.identity.service.tokens import lifetime_cap
from homeport.identity.service.trail import record_key
from homeport.identity.types import ApiKeyRow, LoginType, UserStatus, UserSuspended

# As long as a workspace can be told to run; where tokens may not live so long, these do not either.
LONGEST_LIFE: Final = timedelta(days=30)
_END: Final = "_session_token"


def key_name(workspace_name: str, workspace_id: UUID) -> str:
    """Return the name of a workspace's key. The id tells it from others when workspaces are renamed."""
    return f"{workspace_name}{_end_of(workspace_id)}"


async def renew_key(
    conn: Connection, settings: Settings, *, owner_id: UUID, workspace_id: UUID, workspace_name: str, actor_id: UUID
) -> str:
    """Put a new key in the place of the workspace's last one, and return its text; empty where the owner's account does not work."""
    owner = await users.lock_user_to_change(conn, owner_id)
    await end_key(conn, owner_id=owner_id, workspace_id=workspace_id, actor_id=actor_id)
    if owner.status == UserStatus.SUSPENDED or owner.is_system:
        return ""
    row, text = await create_key(
        conn,
        user_id=owner.id,
        login_type=LoginType.TOKEN,
        lifetime=min(LONGEST_LIFE, lifetime_cap(settings, owner)),
        token_name=key_name(workspace_name, workspace_id),
    )
    await record_key(conn, actor_id, AuditAction.CREATE, after=row, is_background=True)
    return text


async def end_key(conn: Connection, *, owner_id: UUID, workspace_id: UUID, actor_id: UUID) -> None:
    """End the key of a workspace, where it has one."""
    await _record_ends(conn, actor_id, await queries.delete_tokens_by_end(conn, owner_id, _end_of(workspace_id)))


async def owner_suspended(conn: Connection, event: UserSuspended) -> None:
    """End the keys of all workspaces of somebody who may not come in any more: they shall not come back to life with the account."""
    await _record_ends(conn, event.user_id, await queries.delete_tokens_by_end(conn, event.user_id, _END))


def _end_of(workspace_id: UUID) -> str:
    # Names that people give to tokens have no underscore.
    return f"_{workspace_id}{_END}"


async def _record_ends(conn: Connection, actor_id: UUID, ended: Sequence[ApiKeyRow]) -> None:
    for row in ended:
        await record_key(conn, actor_id, AuditAction.DELETE, before=row, is_background=True)
