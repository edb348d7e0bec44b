"""The life of a job: insert, cancel, and its three ends. Each tells the upper rooms by an event and other processes by NOTIFY."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from homeport.database import Connection
from homeport.kit.ids import new_id
from homeport.provisioning import rules
from homeport.provisioning.errors import JobAlreadyCanceled, JobAlreadyFinished, JobEnded, JobNotFound
from homeport.provisioning.queries import jobs as queries
from homeport.provisioning.queries import logs as log_queries
from homeport.provisioning.service import metrics
from homeport.provisioning.types import (
    BuildResult,
    JobCanceled,
    JobCompleted,
    JobFailed,
    JobResult,
    JobType,
    ProvisionerJobRow,
)

POSTED = "provisioner_jobs"
LOGGED = "provisioner_job_logs"
CHANGED = "provisioner_job_state"
REVOKED = "provisioner_keys"

Cause = Literal["reported", "hung", "pending", "unstoppable", "orphaned", "revoked", "refused"]


async def insert_job(
    conn: Connection,
    *,
    organization_id: UUID,
    initiator_id: UUID,
    provisioner: str,
    type: JobType,
    file_id: UUID | None,
    input: dict[str, Any],
    tags: dict[str, str],
    now: datetime,
    priority: int = 0,
    job_id: UUID | None = None,
    needs_isolation: bool = False,
) -> ProvisionerJobRow:
    """Put a job into the queue and wake the organization's daemons when the transaction commits.

    `tags` come from `provisioner_tags`; `input` is plain JSON for the input builder of this type. With `needs_isolation`
    only a daemon that keeps workspaces apart from its machine does the job.
    """
    job = await queries.insert_job(
        conn,
        ProvisionerJobRow(
            id=job_id or new_id(), organization_id=organization_id, initiator_id=initiator_id, provisioner=provisioner,
            type=type, file_id=file_id, input=input, tags=tags, priority=priority, worker_id=None, worker_name="",
            token_hash=None, error="", error_code="", logs_length=0, logs_overflowed=False, created_at=now,
            updated_at=now, started_at=None, canceled_at=None, completed_at=None, job_status="pending",
            needs_isolation=needs_isolation,
        ),
    )  # fmt: skip
    await conn.notify(POSTED, str(organization_id))
    return job


async def get_job(conn: Connection, job_id: UUID) -> ProvisionerJobRow:
    """Return a job, or raise 404."""
    job = await queries.find_job(conn, job_id)
    if job is None:
        raise JobNotFound
    return job


async def cancel_job(conn: Connection, job_id: UUID, now: datetime) -> ProvisionerJobRow:
    """Ask a job to stop: one that waits ends at once, one that runs is told with its daemon's next report.

    Raises JobAlreadyFinished or JobAlreadyCanceled (412); callers with other manners catch them.
    """
    job = await queries.lock_job(conn, job_id)
    if job is None:
        raise JobNotFound
    if job.completed_at is not None:
        raise JobAlreadyFinished
    if job.canceled_at is not None:
        raise JobAlreadyCanceled
    is_pending = job.started_at is None
    job = await queries.update_canceled(conn, job_id, now=now, completed_at=now if is_pending else None)
    if is_pending:
        await conn.emit(JobCanceled(job=job, state=None))
        await conn.notify(LOGGED, f"{job_id}:end")
    await conn.notify(CHANGED, str(job_id))
    return job


async def complete_job(
    conn: Connection, job_id: UUID, result: JobResult, now: datetime, *, report: int = 0
) -> ProvisionerJobRow:
    """End a job with a result, by the daemon's report of this number. Raises 404 for an unknown job and 409 for one that has ended."""
    await _lock_live(conn, job_id)
    job = await queries.update_ended(conn, job_id, now=now, report=report)
    if isinstance(result, BuildResult) and result.timings:
        await log_queries.insert_timings(conn, job_id, result.timings)
    await conn.emit(JobCompleted(job=job, result=result))
    await _announce_end(conn, job)
    return job


async def fail_job(
    conn: Connection,
    job_id: UUID,
    *,
    error: str,
    now: datetime,
    error_code: str = "",
    state: bytes | None = None,
    cause: Cause = "reported",
    report: int = 0,
) -> ProvisionerJobRow:
    """End a job with an error, by the daemon's report of this number. Raises 404 for an unknown job and 409 for one that has ended."""
    await _lock_live(conn, job_id)
    text = rules.clean_text(error, rules.ERROR_LIMIT) or "The job failed without saying why."
    job = await queries.update_ended(conn, job_id, now=now, error=text, error_code=error_code, report=report)
    await conn.emit(JobFailed(job=job, state=state, cause=cause))
    await _announce_end(conn, job)
    return job


async def end_canceled_job(
    conn: Connection, job_id: UUID, *, state: bytes | None, now: datetime, report: int = 0
) -> ProvisionerJobRow:
    """End a job that has stopped because it was asked to. Raises 404 for an unknown job and 409 for one that has ended."""
    await _lock_live(conn, job_id)
    job = await queries.update_ended(conn, job_id, now=now, canceled_at=now, report=report)
    await conn.emit(JobCanceled(job=job, state=state))
    await _announce_end(conn, job)
    return job


async def _lock_live(conn: Connection, job_id: UUID) -> None:
    job = await queries.lock_job(conn, job_id)
    if job is None:
        raise JobNotFound
    if job.completed_at is not None:
        raise JobEnded(job_id)


async def _announce_end(conn: Connection, job: ProvisionerJobRow) -> None:
    await conn.notify(LOGGED, f"{job.id}:end")
    await conn.notify(CHANGED, str(job.id))
    if job.started_at is not None and job.completed_at is not None:
        seconds = (job.completed_at - job.started_at).total_seconds()
        conn.after_commit(lambda: metrics.job_seconds.labels(job.type, job.job_status).observe(seconds))
