"""Rows of `workspace_builds` and `workspace_build_parameters`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection, rows
from homeport.workspaces.types import BuildRow, BuildView, LatestBuild

_COLUMNS = """
    id, workspace_id, template_version_id, build_number, transition, initiator_id, job_id, deadline, max_deadline,
    reason, daily_cost, template_version_preset_id, created_at, updated_at
"""

FIND_BUILD = f"select {_COLUMNS} from workspace_builds where id = $1"
FIND_BUILD_OF_JOB = f"select {_COLUMNS} from workspace_builds where job_id = $1"
FIND_BUILD_BY_NUMBER = f"select {_COLUMNS} from workspace_builds where workspace_id = $1 and build_number = $2"

# One step back on the unique index (workspace_id, build_number).
FIND_LATEST_BUILD = """
select
    b.id, b.build_number, b.transition, b.template_version_id, b.job_id, j.job_status, b.deadline, b.max_deadline,
    j.completed_at
from workspace_builds b
join provisioner_jobs j on j.id = b.job_id
where b.workspace_id = $1
order by b.build_number desc
limit 1
"""

_VIEW = """
select
    b.id, b.workspace_id, b.template_version_id, b.build_number, b.transition, b.initiator_id, b.job_id, b.deadline,
    b.max_deadline, b.reason, b.daily_cost, b.template_version_preset_id, b.created_at, b.updated_at,
    j.job_status,
    w.name as workspace_name,
    w.owner_id as workspace_owner_id,
    o.username as workspace_owner_name,
    o.avatar_url as workspace_owner_avatar_url,
    v.name as template_version_name, v.has_ai_task, v.has_external_agent,
    coalesce(i.username, '') as initiator_name
from workspace_builds b
join provisioner_jobs j on j.id = b.job_id
join workspaces w on w.id = b.workspace_id
join visible_users o on o.id = w.owner_id
join template_versions v on v.id = b.template_version_id
left join visible_users i on i.id = b.initiator_id
"""

LIST_BUILD_VIEWS = f"{_VIEW} where b.id = any($1::uuid[])"

# Newest first, by the unique index; `since` and `after_id` narrow it.
LIST_BUILDS_OF_WORKSPACE = f"""
{_VIEW}
where b.workspace_id = $1
    and ($2::timestamptz is null or b.created_at > $2)
    and ($3::uuid is null or b.build_number < (
        select a.build_number from workspace_builds a where a.id = $3 and a.workspace_id = $1
    ))
order by b.build_number desc
limit $4 offset $5
"""

# The cost is the predecessor's until the build has planned its own, for till then nothing else is there.
INSERT_BUILD = f"""
insert into workspace_builds (
    id, workspace_id, template_version_id, build_number, transition, initiator_id, job_id, reason, provisioner_state,
    created_at, updated_at, template_version_preset_id, daily_cost
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, coalesce((
    select daily_cost from workspace_builds where workspace_id = $2 order by build_number desc limit 1
), 0))
returning {_COLUMNS}
"""

INSERT_PARAMETERS = """
insert into workspace_build_parameters (workspace_build_id, name, value)
select $1, name, value from unnest($2::text[], $3::text[]) as given (name, value)
"""

LIST_PARAMETERS = "select name, value from workspace_build_parameters where workspace_build_id = $1 order by name"

FIND_STATE = "select provisioner_state from workspace_builds where id = $1"
UPDATE_STATE = "update workspace_builds set provisioner_state = $2, updated_at = $3 where id = $1"
UPDATE_DEADLINES = """
update workspace_builds set deadline = $2, max_deadline = $3, updated_at = $4 where id = $1
"""
UPDATE_DAILY_COST = "update workspace_builds set daily_cost = $2 where id = $1"

# The last start before this build that has booked its cost: one that did not succeed and costs nothing has not.
FIND_LAST_START_COST = """
select b.daily_cost from workspace_builds b join provisioner_jobs j on j.id = b.job_id
where b.workspace_id = $1 and b.build_number < $2 and b.transition = 'start'
    and (b.daily_cost > 0 or j.job_status = 'succeeded')
order by b.build_number desc
limit 1
"""


async def find_build(conn: Connection, build_id: UUID) -> BuildRow | None:
    """Return the build or None."""
    return rows.maybe(BuildRow, await conn.fetchrow(FIND_BUILD, build_id))


async def find_build_of_job(conn: Connection, job_id: UUID) -> BuildRow | None:
    """Return the build that a job makes."""
    return rows.maybe(BuildRow, await conn.fetchrow(FIND_BUILD_OF_JOB, job_id))


async def find_build_by_number(conn: Connection, workspace_id: UUID, number: int) -> BuildRow | None:
    """Return a workspace's build by its number."""
    return rows.maybe(BuildRow, await conn.fetchrow(FIND_BUILD_BY_NUMBER, workspace_id, number))


async def find_latest_build(conn: Connection, workspace_id: UUID) -> LatestBuild | None:
    """Return the build with the highest number and the status of its job."""
    return rows.maybe(LatestBuild, await conn.fetchrow(FIND_LATEST_BUILD, workspace_id))


async def list_build_views(conn: Connection, build_ids: Sequence[UUID]) -> dict[UUID, BuildView]:
    """Return builds with the names they show."""
    found = rows.many(BuildView, await conn.fetch(LIST_BUILD_VIEWS, build_ids))
    return {view.id: view for view in found}


async def list_builds_of_workspace(
    conn: Connection, workspace_id: UUID, *, since: datetime | None, after_id: UUID | None, limit: int, offset: int
) -> list[BuildView]:
    """Return one page of a workspace's builds, newest first."""
    records = await conn.fetch(LIST_BUILDS_OF_WORKSPACE, workspace_id, since, after_id, limit, offset)
    return rows.many(BuildView, records)


async def insert_build(
    conn: Connection,
    *,
    id: UUID,
    workspace_id: UUID,
    template_version_id: UUID,
    build_number: int,
    transition: str,
    initiator_id: UUID,
    job_id: UUID,
    reason: str,
    sealed_state: bytes | None,
    preset_id: UUID | None,
    now: datetime,
) -> BuildRow:
    """Insert a build. Raises UniqueViolation when another build took the number."""
    record = await conn.fetchrow(
        INSERT_BUILD,
        id,
        workspace_id,
        template_version_id,
        build_number,
        transition,
        initiator_id,
        job_id,
        reason,
        sealed_state,
        now,
        preset_id,
    )
    assert record is not None
    return rows.one(BuildRow, record)


async def insert_parameters(conn: Connection, build_id: UUID, values: Mapping[str, str]) -> None:
    """Remember the values that a build was given."""
    if values:
        await conn.execute(INSERT_PARAMETERS, build_id, list(values), list(values.values()))


async def list_parameters(conn: Connection, build_id: UUID) -> dict[str, str]:
    """Return the values that a build was given, by name."""
    return {record["name"]: record["value"] for record in await conn.fetch(LIST_PARAMETERS, build_id)}


async def find_sealed_state(conn: Connection, build_id: UUID) -> bytes | None:
    """Return the sealed state of a build."""
    state: bytes | None = await conn.fetchval(FIND_STATE, build_id)
    return state


async def update_sealed_state(conn: Connection, build_id: UUID, state: bytes | None, now: datetime) -> None:
    """Replace the sealed state of a build."""
    await conn.execute(UPDATE_STATE, build_id, state, now)


async def update_deadlines(
    conn: Connection, build_id: UUID, deadline: datetime | None, max_deadline: datetime | None, now: datetime
) -> None:
    """Set when the workspace stops, and the latest moment that may ever be."""
    await conn.execute(UPDATE_DEADLINES, build_id, deadline, max_deadline, now)


async def update_daily_cost(conn: Connection, build_id: UUID, daily_cost: int) -> None:
    """Note what a build costs a day."""
    await conn.execute(UPDATE_DAILY_COST, build_id, daily_cost)


async def find_last_start_cost(conn: Connection, workspace_id: UUID, before: int) -> int | None:
    """Return the daily cost of the last start before build number `before`."""
    cost: int | None = await conn.fetchval(FIND_LAST_START_COST, workspace_id, before)
    return cost
