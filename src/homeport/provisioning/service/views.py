"""Jobs as the API shows them, in bulk."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.kit import clock
from homeport.kit.ids import NIL_ID
from homeport.organizations.service import resolve_organization
from homeport.provisioning import rules
from homeport.provisioning.errors import JobNotFound
from homeport.provisioning.queries import daemons as daemon_queries
from homeport.provisioning.queries import jobs as queries
from homeport.provisioning.schemas import (
    MatchedProvisioners,
    ProvisionerJob,
    ProvisionerJobInput,
    ProvisionerJobMetadata,
    ProvisionerJobWait,
)
from homeport.provisioning.service import inputs
from homeport.rbac import Action, Object, ResourceType, Subject, require

_NO_METADATA = ProvisionerJobMetadata()


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs a list shows; None means any."""

    ids: list[UUID] | None = None
    statuses: list[str] | None = None
    tags: dict[str, str] | None = None
    initiator_id: UUID | None = None
    limit: int = 50
    offset: int = 0


async def job_views(conn: Connection, job_ids: Sequence[UUID]) -> dict[UUID, ProvisionerJob]:
    """Return these jobs with their places in the queue, by id: one query. The caller has authorized the reader."""
    if not job_ids:
        return {}
    rows = await queries.list_views(conn, job_ids, seen_after=clock.now() - rules.STALE_AFTER)
    waits = await _waits(conn, rows)
    return {row.id: _view(row, _NO_METADATA, waits.get(row.id)) for row in rows}


async def list_jobs(conn: Connection, subject: Subject, organization: str, which: JobFilter) -> list[ProvisionerJob]:
    """Return an organization's jobs, newest first, with what surrounds them. Needs `provisioner_jobs:read` there."""
    organization_id = await _authorize(conn, subject, organization)
    ids = await queries.list_ids(
        conn, organization_id, ids=which.ids, statuses=which.statuses, tags=which.tags,
        initiator_id=which.initiator_id, limit=which.limit, offset=which.offset,
    )  # fmt: skip
    if not ids:
        return []
    rows = {row.id: row for row in await queries.list_views(conn, ids, seen_after=clock.now() - rules.STALE_AFTER)}
    metadata = await inputs.job_metadata(conn, list(rows.values()))
    waits = await _waits(conn, list(rows.values()))
    return [
        _view(rows[job_id], metadata.get(job_id, _NO_METADATA), waits.get(job_id)) for job_id in ids if job_id in rows
    ]


async def read_job(conn: Connection, subject: Subject, organization: str, job_id: UUID) -> ProvisionerJob:
    """Return one job of an organization, or raise 404."""
    found = await list_jobs(conn, subject, organization, JobFilter(ids=[job_id], limit=1))
    if not found:
        raise JobNotFound
    return found[0]


async def matched_provisioners(
    conn: Connection, organization_id: UUID, provisioner: str, tags: Mapping[str, str]
) -> MatchedProvisioners:
    """Count the daemons that could take such a job; `tags` are normalised."""
    return await daemon_queries.count_matching(
        conn,
        organization_id=organization_id,
        provisioner=provisioner,
        tags=dict(tags),
        seen_after=clock.now() - rules.STALE_AFTER,
    )


async def lacks_isolation(conn: Connection, organization_id: UUID, provisioner: str, tags: Mapping[str, str]) -> bool:
    """Tell whether living daemons could take such a job and none keeps workspaces apart from its machine."""
    return await daemon_queries.lacks_isolation(
        conn,
        organization_id=organization_id,
        provisioner=provisioner,
        tags=dict(tags),
        seen_after=clock.now() - rules.STALE_AFTER,
    )


async def _authorize(conn: Connection, subject: Subject, organization: str) -> UUID:
    found = await resolve_organization(conn, subject, organization)
    require(
        subject, Action.READ, Object(ResourceType.PROVISIONER_JOBS, organization_id=found.id), noun="Provisioner jobs"
    )
    return found.id


async def _waits(conn: Connection, rows: Sequence[queries.JobViewRow]) -> dict[UUID, ProvisionerJobWait]:
    """Return why those of these jobs that are pending wait: one query, and none where none is."""
    pending = [row for row in rows if row.job_status == "pending"]
    if not pending:
        return {}
    now = clock.now()
    daemons = await daemon_queries.list_serving(conn, sorted({row.organization_id for row in pending}))
    found: dict[UUID, ProvisionerJobWait] = {}
    for row in pending:
        candidates = [
            rules.Candidate(
                provisioners=each.provisioners,
                tags=each.tags,
                isolates=each.isolates,
                is_alive=rules.is_alive(each.last_seen_at, now),
                is_busy=each.is_busy,
            )
            for each in daemons
            if each.is_shared or each.organization_id == row.organization_id
        ]
        found[row.id] = rules.wait_of(row, candidates, max(row.queue_position - 1, 0))
    return found


def _view(row: queries.JobViewRow, metadata: ProvisionerJobMetadata, wait: ProvisionerJobWait | None) -> ProvisionerJob:
    return ProvisionerJob(
        id=row.id, created_at=row.created_at, started_at=row.started_at, completed_at=row.completed_at,
        canceled_at=row.canceled_at, error=row.error, error_code=row.error_code, status=row.job_status,
        worker_id=row.worker_id, worker_name=row.worker_name, file_id=row.file_id or NIL_ID, tags=row.tags,
        queue_position=row.queue_position, queue_size=row.queue_size, organization_id=row.organization_id,
        initiator_id=row.initiator_id, input=_input_of(row), type=row.type, available_workers=row.available_workers,
        metadata=metadata, logs_overflowed=row.logs_overflowed, wait=wait,
    )  # fmt: skip


def _input_of(row: queries.JobViewRow) -> ProvisionerJobInput:
    """Return the two ids that a job's input may show; the rest is between the room that asked and its daemon."""
    version, build = row.input.get("template_version_id"), row.input.get("workspace_build_id")
    return ProvisionerJobInput(
        template_version_id=UUID(version) if version else None, workspace_build_id=UUID(build) if build else None
    )
