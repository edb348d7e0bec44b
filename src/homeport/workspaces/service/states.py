"""A build's state and what can be read about a build: parameters, resources, logs, timings."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.http import Page
from homeport.organizations.service import resolve_owner
from homeport.provisioning.schemas import ProvisionerJobLog
from homeport.provisioning.service import list_logs, list_timings
from homeport.rbac import Subject
from homeport.workspaces.errors import BuildNotFound
from homeport.workspaces.queries import builds as queries
from homeport.workspaces.queries import resources as resource_queries
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries import workspaces as workspace_queries
from homeport.workspaces.schemas import (
    AgentConnectionTiming,
    AgentScriptTiming,
    WorkspaceBuild,
    WorkspaceBuildParameter,
    WorkspaceBuildTimings,
    WorkspaceResource,
)
from homeport.workspaces.service.authorization import (
    get_readable_build,
    get_readable_workspace,
    require_readable,
    require_template_update,
)
from homeport.workspaces.service.changes import attempt_build, record_build_change
from homeport.workspaces.service.inputs import open_state
from homeport.workspaces.service.resources import resource_views
from homeport.workspaces.service.views import build_view, build_views
from homeport.workspaces.types import BuildRow, WorkspaceRow

# The column's type holds no more.
_MOST_BUILDS = 2**31 - 1


async def get_build(db: Database, *, subject: Subject, build_id: UUID) -> WorkspaceBuild:
    """Return a build of a workspace that `subject` may read, deleted or not."""
    async with db.connection() as conn:
        build, _ = await get_readable_build(conn, subject, build_id)
        return await build_view(conn, build.id)


async def get_build_by_number(db: Database, *, subject: Subject, owner: str, name: str, number: int) -> WorkspaceBuild:
    """Return a build by its owner, workspace name and number."""
    async with db.connection() as conn:
        member = await resolve_owner(conn, subject, owner)
        found = await workspace_queries.find_workspace_by_name(conn, member.user_id, name)
        workspace = require_readable(subject, found)
        build = await queries.find_build_by_number(conn, workspace.id, number) if 0 < number <= _MOST_BUILDS else None
        if build is None:
            raise BuildNotFound
        return await build_view(conn, build.id)


async def list_builds(
    db: Database, *, subject: Subject, workspace_id: UUID, page: Page, since: datetime | None = None
) -> list[WorkspaceBuild]:
    """Return a page of a workspace's builds, newest first; those after `since`, or older than `page.after_id`."""
    async with db.connection() as conn:
        workspace = await get_readable_workspace(conn, subject, workspace_id, can_be_deleted=True)
        found = await queries.list_builds_of_workspace(
            conn, workspace.id, since=since, after_id=page.after_id, limit=page.limit, offset=page.offset
        )
        return await build_views(conn, found)


async def list_build_parameters(db: Database, *, subject: Subject, build_id: UUID) -> list[WorkspaceBuildParameter]:
    """Return the values that a build was given."""
    async with db.connection() as conn:
        build, _ = await get_readable_build(conn, subject, build_id)
        values = await queries.list_parameters(conn, build.id)
    return [WorkspaceBuildParameter(name, value) for name, value in values.items()]


async def list_build_resources(db: Database, *, subject: Subject, build_id: UUID) -> list[WorkspaceResource]:
    """Return what a build made."""
    async with db.connection() as conn:
        build, _ = await get_readable_build(conn, subject, build_id)
        return (await resource_views(conn, [build.job_id])).get(build.job_id, [])


async def list_build_logs(
    db: Database, *, subject: Subject, build_id: UUID, after: int = 0, before: int | None = None
) -> Sequence[ProvisionerJobLog]:
    """Return the lines of a build's log between two ids."""
    async with db.connection() as conn:
        build, _ = await get_readable_build(conn, subject, build_id)
        return await list_logs(conn, build.job_id, after=after, before=before)


async def job_of_build(db: Database, *, subject: Subject, build_id: UUID) -> UUID:
    """Return the job whose log a reader of the build may follow."""
    async with db.connection() as conn:
        build, _ = await get_readable_build(conn, subject, build_id)
    return build.job_id


async def get_state(db: Database, cipher: Cipher, *, subject: Subject, build_id: UUID) -> bytes:
    """Return a build's state. Needs the template's update: a state holds secrets of the infrastructure."""
    async with db.connection() as conn:
        build, _ = await _require_template(conn, subject, build_id)
        sealed = await queries.find_sealed_state(conn, build.id)
    return open_state(cipher, sealed)


async def update_state(db: Database, cipher: Cipher, *, subject: Subject, build_id: UUID, state: bytes) -> None:
    """Replace a build's state; the next build takes it over. Needs the template's update."""
    async with db.transaction() as conn:
        build, workspace = await _require_template(conn, subject, build_id)
        await queries.update_sealed_state(conn, build.id, cipher.encrypt(state), clock.now())
        await record_build_change(conn, subject.id, workspace, build, change="state replaced")


async def get_timings(db: Database, *, subject: Subject, build_id: UUID) -> WorkspaceBuildTimings:
    """Return where the time of a build went."""
    async with db.connection() as conn:
        build, _ = await get_readable_build(conn, subject, build_id)
        return await _timings(conn, build.job_id)


async def get_latest_timings(db: Database, *, subject: Subject, workspace_id: UUID) -> WorkspaceBuildTimings:
    """Return where the time of a workspace's latest build went."""
    async with db.connection() as conn:
        workspace = await get_readable_workspace(conn, subject, workspace_id)
        latest = await queries.find_latest_build(conn, workspace.id)
        if latest is None:
            raise BuildNotFound
        return await _timings(conn, latest.job_id)


async def _timings(conn: Connection, job_id: UUID) -> WorkspaceBuildTimings:
    scripts = await resource_queries.list_script_timings(conn, job_id)
    return WorkspaceBuildTimings(
        provisioner_timings=await list_timings(conn, [job_id]),
        agent_script_timings=[msgspec.convert(timing, AgentScriptTiming) for timing in scripts],
        agent_connection_timings=[
            AgentConnectionTiming(
                started_at=created_at,
                ended_at=connected_at,
                stage="connect",
                workspace_agent_id=agent_id,
                workspace_agent_name=name,
            )
            for created_at, connected_at, agent_id, name in await resource_queries.list_connections(conn, job_id)
        ],
    )


async def _require_template(conn: Connection, subject: Subject, build_id: UUID) -> tuple[BuildRow, WorkspaceRow]:
    build, workspace = await get_readable_build(conn, subject, build_id)
    attempt_build(subject.id, workspace, build.transition, build)
    template = await template_queries.get_template(conn, workspace.template_id)
    require_template_update(subject, template)
    return build, workspace
