"""Rows of `workspaces`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection, rows
from homeport.kit.names import is_storable
from homeport.workspaces.types import WorkspaceRow, WorkspaceView

_COLUMNS = """
    id, owner_id, organization_id, template_id, name, autostart_schedule, ttl, last_used_at, dormant_at, deleting_at,
    automatic_updates, favorite, next_start_at, deleted, created_at, updated_at
"""

FIND_WORKSPACE = f"select {_COLUMNS} from workspaces where id = $1"

# Whoever holds this lock decides alone what the workspace becomes next.
LOCK_WORKSPACE = f"select {_COLUMNS} from workspaces where id = $1 for update"

# For what may be left out when somebody else is at work: never waits, so it may follow locks on other rows.
LOCK_FREE_WORKSPACE = f"{LOCK_WORKSPACE} skip locked"

# The live one by workspaces_name_key.
FIND_WORKSPACE_BY_NAME = f"""
select {_COLUMNS} from workspaces where owner_id = $1 and lower(name) = lower($2) and not deleted
"""

# Names are used again after a delete: the one deleted last.
FIND_DELETED_WORKSPACE_BY_NAME = f"""
select {_COLUMNS} from workspaces
where owner_id = $1 and lower(name) = lower($2) and deleted
order by updated_at desc, id limit 1
"""

FIND_WORKSPACE_OF_BUILD = f"""
select {_COLUMNS} from workspaces where id = (select workspace_id from workspace_builds where id = $1)
"""

FIND_WORKSPACE_OF_AGENT = f"""
select {_COLUMNS} from workspaces where id = (
    select b.workspace_id
    from workspace_agents a
    join workspace_resources r on r.id = a.resource_id
    join workspace_builds b on b.job_id = r.job_id
    where a.id = $1 and not a.deleted
)
"""

LIST_WORKSPACE_VIEWS = """
select
    w.id, w.owner_id, w.organization_id, w.template_id, w.name, w.autostart_schedule, w.ttl, w.last_used_at,
    w.dormant_at, w.deleting_at, w.automatic_updates, w.favorite, w.next_start_at, w.deleted, w.created_at,
    w.updated_at, w.owner_username, w.owner_avatar_url, w.organization_name, w.template_name,
    w.template_display_name, w.template_icon,
    t.active_version_id as template_active_version_id,
    t.allow_user_cancel_workspace_jobs as template_allow_user_cancel_workspace_jobs,
    t.require_active_version as template_require_active_version,
    t.use_classic_parameter_flow as template_use_classic_parameter_flow,
    (
        select b.id from workspace_builds b where b.workspace_id = w.id order by b.build_number desc limit 1
    ) as latest_build_id
from workspaces_expanded w
join templates t on t.id = w.template_id
where w.id = any($1::uuid[])
"""

INSERT_WORKSPACE = f"""
insert into workspaces ({_COLUMNS})
values ($1, $2, $3, $4, $5, $6, $7, $8, null, null, $9, false, $10, false, $8, $8)
returning {_COLUMNS}
"""

UPDATE_NAME = f"update workspaces set name = $2, updated_at = $3 where id = $1 returning {_COLUMNS}"
UPDATE_AUTOSTART = f"""
update workspaces set autostart_schedule = $2, next_start_at = $3, updated_at = $4 where id = $1 returning {_COLUMNS}
"""
UPDATE_TTL = f"update workspaces set ttl = $2, updated_at = $3 where id = $1 returning {_COLUMNS}"
UPDATE_AUTOMATIC_UPDATES = f"""
update workspaces set automatic_updates = $2, updated_at = $3 where id = $1 returning {_COLUMNS}
"""
UPDATE_FAVORITE = f"update workspaces set favorite = $2 where id = $1 returning {_COLUMNS}"

# A dormant workspace does not start by itself; one that wakes counts as used.
UPDATE_DORMANCY = f"""
update workspaces set
    dormant_at = $2, deleting_at = $3,
    next_start_at = case when $2::timestamptz is null then next_start_at end,
    last_used_at = case when $2::timestamptz is null then $4 else last_used_at end,
    updated_at = $4
where id = $1 returning {_COLUMNS}
"""
UPDATE_DELETED = f"""
update workspaces set deleted = true, next_start_at = null, updated_at = $2 where id = $1 returning {_COLUMNS}
"""
UPDATE_NEXT_START = "update workspaces set next_start_at = $2 where id = $1"

# Moves forward only: reports of use may overtake each other.
UPDATE_LAST_USED = "update workspaces set last_used_at = $2 where id = $1 and last_used_at < $2"

COUNT_LIVE_OF_TEMPLATE = "select count(*) from workspaces where template_id = $1 and not deleted"
COUNT_LIVE_OF_OWNER = "select count(*) from workspaces where owner_id = $1 and not deleted"


async def find_workspace(conn: Connection, workspace_id: UUID) -> WorkspaceRow | None:
    """Return the workspace, deleted or not, or None."""
    return rows.maybe(WorkspaceRow, await conn.fetchrow(FIND_WORKSPACE, workspace_id))


async def lock_workspace(conn: Connection, workspace_id: UUID) -> WorkspaceRow | None:
    """Return the workspace and hold its row until the transaction ends."""
    return rows.maybe(WorkspaceRow, await conn.fetchrow(LOCK_WORKSPACE, workspace_id))


async def lock_free_workspace(conn: Connection, workspace_id: UUID) -> WorkspaceRow | None:
    """Return the workspace and hold its row, or None when it is unknown or held by another transaction."""
    return rows.maybe(WorkspaceRow, await conn.fetchrow(LOCK_FREE_WORKSPACE, workspace_id))


async def find_workspace_by_name(
    conn: Connection, owner_id: UUID, name: str, *, can_be_deleted: bool = False
) -> WorkspaceRow | None:
    """Return the owner's live workspace of this name, else (when asked) the one that was deleted last, else None."""
    if not is_storable(name):
        return None
    record = await conn.fetchrow(FIND_WORKSPACE_BY_NAME, owner_id, name)
    if record is None and can_be_deleted:
        record = await conn.fetchrow(FIND_DELETED_WORKSPACE_BY_NAME, owner_id, name)
    return rows.maybe(WorkspaceRow, record)


async def find_workspace_of_build(conn: Connection, build_id: UUID) -> WorkspaceRow | None:
    """Return the workspace that a build belongs to."""
    return rows.maybe(WorkspaceRow, await conn.fetchrow(FIND_WORKSPACE_OF_BUILD, build_id))


async def find_workspace_of_agent(conn: Connection, agent_id: UUID) -> WorkspaceRow | None:
    """Return the workspace that a live agent belongs to."""
    return rows.maybe(WorkspaceRow, await conn.fetchrow(FIND_WORKSPACE_OF_AGENT, agent_id))


async def list_workspace_views(conn: Connection, workspace_ids: Sequence[UUID]) -> dict[UUID, WorkspaceView]:
    """Return the workspaces with their names and the id of each one's latest build."""
    found = rows.many(WorkspaceView, await conn.fetch(LIST_WORKSPACE_VIEWS, workspace_ids))
    return {view.id: view for view in found}


async def insert_workspace(
    conn: Connection,
    *,
    id: UUID,
    owner_id: UUID,
    organization_id: UUID,
    template_id: UUID,
    name: str,
    autostart_schedule: str | None,
    ttl: int | None,
    automatic_updates: str,
    next_start_at: datetime | None,
    now: datetime,
) -> WorkspaceRow:
    """Insert a workspace. Raises UniqueViolation `workspaces_name_key` when the owner has one of this name."""
    record = await conn.fetchrow(
        INSERT_WORKSPACE,
        id,
        owner_id,
        organization_id,
        template_id,
        name,
        autostart_schedule,
        ttl,
        now,
        automatic_updates,
        next_start_at,
    )
    assert record is not None
    return rows.one(WorkspaceRow, record)


async def update_name(conn: Connection, workspace_id: UUID, name: str, now: datetime) -> WorkspaceRow:
    """Rename. Raises UniqueViolation `workspaces_name_key`."""
    return await _updated(conn, UPDATE_NAME, workspace_id, name, now)


async def update_autostart(
    conn: Connection, workspace_id: UUID, schedule: str | None, next_start_at: datetime | None, now: datetime
) -> WorkspaceRow:
    """Set or clear the autostart schedule and the next moment that it gives."""
    return await _updated(conn, UPDATE_AUTOSTART, workspace_id, schedule, next_start_at, now)


async def update_ttl(conn: Connection, workspace_id: UUID, ttl: int | None, now: datetime) -> WorkspaceRow:
    """Set the nanoseconds from start to stop."""
    return await _updated(conn, UPDATE_TTL, workspace_id, ttl, now)


async def update_automatic_updates(conn: Connection, workspace_id: UUID, value: str, now: datetime) -> WorkspaceRow:
    """Set whether starts take the active version."""
    return await _updated(conn, UPDATE_AUTOMATIC_UPDATES, workspace_id, value, now)


async def update_favorite(conn: Connection, workspace_id: UUID, is_favorite: bool) -> WorkspaceRow:
    """Set or clear the mark."""
    return await _updated(conn, UPDATE_FAVORITE, workspace_id, is_favorite)


async def update_dormancy(
    conn: Connection, workspace_id: UUID, dormant_at: datetime | None, deleting_at: datetime | None, now: datetime
) -> WorkspaceRow:
    """Lay to rest or wake."""
    return await _updated(conn, UPDATE_DORMANCY, workspace_id, dormant_at, deleting_at, now)


async def update_deleted(conn: Connection, workspace_id: UUID, now: datetime) -> WorkspaceRow:
    """Mark as deleted, which frees the name."""
    return await _updated(conn, UPDATE_DELETED, workspace_id, now)


async def update_next_start(conn: Connection, workspace_id: UUID, moment: datetime | None) -> None:
    """Remember when the schedule comes next."""
    await conn.execute(UPDATE_NEXT_START, workspace_id, moment)


async def update_last_used(conn: Connection, workspace_id: UUID, now: datetime) -> None:
    """Note that the workspace is in use."""
    await conn.execute(UPDATE_LAST_USED, workspace_id, now)


async def count_live_of_template(conn: Connection, template_id: UUID) -> int:
    """Count live workspaces of a template."""
    return int(await conn.fetchval(COUNT_LIVE_OF_TEMPLATE, template_id))


async def count_live_of_owner(conn: Connection, owner_id: UUID) -> int:
    """Count live workspaces of a user."""
    return int(await conn.fetchval(COUNT_LIVE_OF_OWNER, owner_id))


async def _updated(conn: Connection, sql: str, *args: object) -> WorkspaceRow:
    record = await conn.fetchrow(sql, *args)
    assert record is not None, "the row is locked by the caller"
    return rows.one(WorkspaceRow, record)
