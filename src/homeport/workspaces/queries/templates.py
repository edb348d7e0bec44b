"""What a build needs to know of its template, version and owner. These tables belong to rooms below; here they are read."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database import Connection, rows


class TemplateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A template as far as workspaces care. Durations are nanoseconds, week days bits from Monday."""

    id: UUID
    organization_id: UUID
    name: str
    deprecated: str
    deleted: bool
    active_version_id: UUID
    require_active_version: bool
    allow_user_autostart: bool
    allow_user_autostop: bool
    allow_user_cancel_workspace_jobs: bool
    default_ttl: int
    activity_bump: int
    time_til_dormant_autodelete: int
    autostop_requirement_days_of_week: int
    autostop_requirement_weeks: int
    autostart_block_days_of_week: int
    user_acl: dict[str, list[str]]
    group_acl: dict[str, list[str]]


class VersionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A template version with the job that imported it."""

    id: UUID
    name: str
    template_id: UUID | None
    job_status: str
    job_error: str
    provisioner: str
    file_id: UUID | None
    tags: dict[str, str]
    created_by: UUID
    archived: bool


class BuildFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Names that go into a build's input."""

    owner_id: UUID
    owner_username: str
    owner_email: str
    owner_name: str
    owner_login_type: str
    owner_status: str
    organization_id: UUID
    organization_name: str
    template_id: UUID
    template_name: str
    version_id: UUID
    version_name: str
    workspace_name: str
    owner_secrets: list[str] | None

    def reads(self, secret: str) -> bool:
        """Whether the template reads a secret of the owner's, as far as is known."""
        return self.owner_secrets is None or secret in self.owner_secrets


class JobPlace(msgspec.Struct, frozen=True, kw_only=True):
    """What surrounds the job of a build in a list of jobs."""

    job_id: UUID
    template_version_name: str
    template_id: UUID
    template_name: str
    template_display_name: str
    template_icon: str
    workspace_id: UUID
    workspace_name: str


class BuildTime(msgspec.Struct, frozen=True, kw_only=True):
    """How long a template's builds of one kind took: median and 95th percentile in milliseconds."""

    template_id: UUID
    transition: str
    p50: int
    p95: int


FIND_TEMPLATE = """
select
    id, organization_id, name, deprecated, deleted, active_version_id, require_active_version, allow_user_autostart,
    allow_user_autostop, allow_user_cancel_workspace_jobs, default_ttl, activity_bump, time_til_dormant_autodelete,
    autostop_requirement_days_of_week, autostop_requirement_weeks, autostart_block_days_of_week, user_acl, group_acl
from templates where id = $1
"""

# Held until the workspace is there: whoever deletes the template meanwhile waits, and then finds the workspace.
HOLD_TEMPLATE = f"{FIND_TEMPLATE} for key share"

# The same for the owner.
HOLD_OWNER = "select id from users where id = $1 and not deleted for key share"

FIND_VERSION = """
select
    v.id, v.name, v.template_id, j.job_status, j.error as job_error, j.provisioner, j.file_id, j.tags, v.created_by, v.archived
from template_versions v
join provisioner_jobs j on j.id = v.job_id
where v.id = $1
"""

FIND_BUILD_FACTS = """
select
    u.id as owner_id, u.username as owner_username, u.email as owner_email, u.name as owner_name,
    u.login_type::text as owner_login_type, u.status::text as owner_status, o.id as organization_id, o.name as organization_name,
    t.id as template_id, t.name as template_name,
    v.id as version_id, v.name as version_name, v.owner_secrets, w.name as workspace_name
from workspace_builds b
join workspaces w on w.id = b.workspace_id
join users u on u.id = w.owner_id
join organizations o on o.id = w.organization_id
join templates t on t.id = w.template_id
join template_versions v on v.id = b.template_version_id
where b.id = $1
"""

# The Everyone group counts by membership of the organization.
LIST_GROUP_NAMES = """
select g.name from groups g
where g.organization_id = $2 and (
    exists (select from group_members m where m.group_id = g.id and m.user_id = $1)
    or (
        g.id = g.organization_id
        and exists (select from organization_members o where o.organization_id = $2 and o.user_id = $1)
    )
)
order by g.name
"""

# With the roles that nobody has to be given: those of every user, and of every member.
LIST_ROLES = """
select unnest(rbac_roles || 'member'::text) as name, '' as organization_id from users where id = $1
union all
select unnest(roles || 'organization-member'::text), organization_id::text from organization_members where user_id = $1
order by organization_id, name
"""

# And for the owner's place in the organization: whoever takes it away meanwhile waits, and then leaves a workspace behind.
HOLD_MEMBER = "select user_id from organization_members where organization_id = $1 and user_id = $2 for key share"

LIST_SITE_OWNERS = "select id from users where id = any($1::uuid[]) and 'owner' = any(rbac_roles) and not deleted"

FIND_QUIET_HOURS = "select quiet_hours_schedule from users where id = $1"

LIST_JOB_PLACES = """
select
    b.job_id, v.name as template_version_name, t.id as template_id, t.name as template_name,
    t.display_name as template_display_name, t.icon as template_icon, w.id as workspace_id, w.name as workspace_name
from workspace_builds b
join workspaces w on w.id = b.workspace_id
join templates t on t.id = w.template_id
join template_versions v on v.id = b.template_version_id
where b.job_id = any($1::uuid[])
"""

LIST_USED_VERSIONS = """
select distinct latest.template_version_id
from workspaces w
cross join lateral (
    select template_version_id from workspace_builds where workspace_id = w.id order by build_number desc limit 1
) latest
where w.template_id = $1 and not w.deleted
"""

COUNT_ACTIVE_USERS = """
select template_id, count(distinct owner_id) as people
from workspaces where template_id = any($1::uuid[]) and not deleted and last_used_at > $2
group by template_id
"""

LIST_BUILD_TIMES = """
select
    v.template_id, b.transition,
    (1000 * percentile_cont(0.5) within group (order by extract(epoch from j.completed_at - j.started_at)))::bigint as p50,
    (1000 * percentile_cont(0.95) within group (order by extract(epoch from j.completed_at - j.started_at)))::bigint as p95
from template_versions v
join workspace_builds b on b.template_version_id = v.id
join provisioner_jobs j on j.id = b.job_id
where v.template_id = any($1::uuid[]) and b.created_at > $2 and j.job_status = 'succeeded' and j.started_at is not null
group by v.template_id, b.transition
"""


async def find_template(conn: Connection, template_id: UUID) -> TemplateFacts | None:
    """Return a template, deleted or not."""
    return rows.maybe(TemplateFacts, await conn.fetchrow(FIND_TEMPLATE, template_id))


async def hold_template(conn: Connection, template_id: UUID) -> TemplateFacts | None:
    """Return a template, deleted or not, and keep it from being deleted until the transaction ends."""
    return rows.maybe(TemplateFacts, await conn.fetchrow(HOLD_TEMPLATE, template_id))


async def hold_owner(conn: Connection, user_id: UUID) -> bool:
    """Keep a user from being deleted until the transaction ends; False when there is no such user any more."""
    return await conn.fetchval(HOLD_OWNER, user_id) is not None


async def get_template(conn: Connection, template_id: UUID) -> TemplateFacts:
    """Return the template of a workspace: it is there as long as the workspace is."""
    record = await conn.fetchrow(FIND_TEMPLATE, template_id)
    assert record is not None, "workspaces refer to their template"
    return rows.one(TemplateFacts, record)


async def find_version(conn: Connection, version_id: UUID) -> VersionFacts | None:
    """Return a template version with its import job."""
    return rows.maybe(VersionFacts, await conn.fetchrow(FIND_VERSION, version_id))


async def get_build_facts(conn: Connection, build_id: UUID) -> BuildFacts:
    """Return the names around a build."""
    record = await conn.fetchrow(FIND_BUILD_FACTS, build_id)
    assert record is not None, "builds are never deleted while their job lives"
    return rows.one(BuildFacts, record)


async def list_group_names(conn: Connection, user_id: UUID, organization_id: UUID) -> list[str]:
    """Return the names of a user's groups in an organization."""
    return [record["name"] for record in await conn.fetch(LIST_GROUP_NAMES, user_id, organization_id)]


async def list_roles(conn: Connection, user_id: UUID) -> list[tuple[str, str]]:
    """Return a user's roles as pairs of name and organization, which is empty for roles of the deployment."""
    return [(record["name"], record["organization_id"]) for record in await conn.fetch(LIST_ROLES, user_id)]


async def hold_member(conn: Connection, organization_id: UUID, user_id: UUID) -> bool:
    """Keep a user in an organization until the transaction ends; False when the user does not belong to it."""
    return await conn.fetchval(HOLD_MEMBER, organization_id, user_id) is not None


async def list_site_owners(conn: Connection, user_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these users who own the deployment."""
    return {record["id"] for record in await conn.fetch(LIST_SITE_OWNERS, list(user_ids))}


async def get_quiet_hours(conn: Connection, user_id: UUID) -> str:
    """Return the schedule of a user's quiet hours, or ""."""
    return str(await conn.fetchval(FIND_QUIET_HOURS, user_id) or "")


async def list_job_places(conn: Connection, job_ids: list[UUID]) -> list[JobPlace]:
    """Return what surrounds the jobs of builds."""
    return rows.many(JobPlace, await conn.fetch(LIST_JOB_PLACES, job_ids))


async def list_used_versions(conn: Connection, template_id: UUID) -> set[UUID]:
    """Return the versions that live workspaces of a template run on."""
    return {record["template_version_id"] for record in await conn.fetch(LIST_USED_VERSIONS, template_id)}


async def count_active_users(conn: Connection, template_ids: Sequence[UUID], since: datetime) -> dict[UUID, int]:
    """Return how many people have used a workspace of each template since a moment."""
    records = await conn.fetch(COUNT_ACTIVE_USERS, template_ids, since)
    return {record["template_id"]: record["people"] for record in records}


async def list_build_times(conn: Connection, template_ids: Sequence[UUID], since: datetime) -> list[BuildTime]:
    """Return how long the builds of templates took since a moment."""
    return rows.many(BuildTime, await conn.fetch(LIST_BUILD_TIMES, template_ids, since))
