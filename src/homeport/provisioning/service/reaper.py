"""Ending what nobody works on any more: hung jobs, jobs that no daemon takes, jobs of a server that has died."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.provisioning import rules
from homeport.provisioning.queries import daemons as daemon_queries
from homeport.provisioning.queries import jobs as queries
from homeport.provisioning.queries import logs as log_queries
from homeport.provisioning.schemas import LogLine
from homeport.provisioning.service import metrics
from homeport.provisioning.service.jobs import CHANGED, LOGGED, POSTED, Cause, fail_job
from homeport.provisioning.types import ProvisionerJobRow

_USUAL = rules.Limits()
ORPHANED = (
    "",
    "The server was stopped while its own provisioner daemon worked on this job.",
    "The job has been ended as failed; the state from before is kept.",
    "You can start it again.",
)
ORPHANED_ERROR = "The server was stopped while it worked on this job. Start it again."
DIED = (
    "",
    "The server's own provisioner daemon ended while it worked on this job.",
    "The job has been ended as failed; the state from before is kept.",
    "The daemon has been started again; the server's log says how it ended.",
    "You can start it again.",
)
DIED_ERROR = "The server's own provisioner daemon ended while it worked on this job. Start it again."
REVOKED = (
    "",
    "The key of the provisioner daemon that worked on this job was deleted.",
    "The job has been ended as failed; the state from before is kept.",
    "What the daemon reports from here on is refused.",
    "You can start it again.",
)
REVOKED_ERROR = "The job was ended because the key of its provisioner daemon was deleted. Start it again."


async def reap(db: Database, limits: rules.Limits = _USUAL) -> list[UUID]:
    """End at most ten jobs that nobody brings to an end, and return their ids.

    Hung: running without a report (5 minutes, by default). Pending: not taken for 30. Canceled, and still running after it was
    to stop by force. A job that somebody holds is passed over.
    """
    now = clock.now()
    async with db.connection() as conn:
        ids = await queries.list_ids_to_reap(
            conn,
            hung_before=now - limits.hung_after,
            pending_before=now - rules.PENDING_TOO_LONG_AFTER,
            canceled_before=now - limits.stop_after,
            limit=rules.REAPED_PER_SWEEP,
        )
    return [job_id for job_id in ids if await _reap_one(db, job_id, now, limits)]


async def release_unheard(db: Database, limits: rules.Limits = _USUAL) -> list[UUID]:
    """Put jobs back whose daemons have never reported since they took them: those were gone when the job was handed out.

    Their tokens end with that, so whoever comes back late owns nothing. What is older than the longest wait is left to `reap`.
    """
    now = clock.now()
    async with db.connection() as conn:
        found = await queries.list_unheard(
            conn,
            taken_before=now - limits.unheard_after,
            created_after=now - rules.PENDING_TOO_LONG_AFTER,
            limit=rules.REAPED_PER_SWEEP,
        )
    released: list[UUID] = []
    for job_id, token_hash in found:
        async with db.transaction() as conn:
            if await _release(conn, job_id, token_hash):
                released.append(job_id)
    return released


async def end_builtin_jobs(conn: Connection, installation: str) -> list[UUID]:
    """End the running jobs of this installation's built-in daemons, drop its keys, and return the jobs' ids.

    The engine's state from before is kept.
    """
    ids = await queries.list_running_ids_of_installation(conn, installation)
    ended = await _end_all(conn, ids, ORPHANED, ORPHANED_ERROR, "orphaned")
    await daemon_queries.delete_keys_of_installation(conn, installation)
    return ended


async def end_former_builtin_jobs(db: Database, installation: str) -> list[UUID]:
    """End what an earlier process of this installation has left running.

    For the start of a server, before it starts its own daemons.
    """
    async with db.transaction() as conn:
        return await end_builtin_jobs(conn, installation)


async def end_jobs_of_dead_daemon(db: Database, key_id: UUID, name: str) -> list[UUID]:
    """End what a daemon of this key and name has left running, and return the jobs' ids. Its process is known to be gone.

    What it has never reported on goes back into the queue: a daemon touches nothing before its first report is answered.
    """
    async with db.transaction() as conn:
        left: list[UUID] = []
        for job_id in await queries.list_running_ids_of_key(conn, key_id, name=name):
            job = await queries.lock_job(conn, job_id)
            if job is None or job.token_hash is None or not await _release(conn, job_id, job.token_hash):
                left.append(job_id)
        return await _end_all(conn, left, DIED, DIED_ERROR, "orphaned")


async def end_jobs_of_key(conn: Connection, key_id: UUID) -> list[UUID]:
    """End the running jobs of daemons with this key, and return their ids. For the deletion of the key."""
    # Held until the key is gone, so that none of these daemons takes a job in between.
    await daemon_queries.lock_daemons_of_key(conn, key_id)
    return await _end_all(conn, await queries.list_running_ids_of_key(conn, key_id), REVOKED, REVOKED_ERROR, "revoked")


async def forget_the_gone(db: Database) -> None:
    """Delete daemons unseen for a week and built-in keys whose time is over."""
    now = clock.now()
    async with db.transaction() as conn:
        await daemon_queries.delete_stale_daemons(conn, now - rules.FORGET_AFTER)
        await daemon_queries.delete_expired_keys(conn, now)


async def measure_queue(db: Database) -> None:
    """Tell Prometheus how many jobs wait."""
    async with db.connection() as conn:
        rows = await queries.count_pending(conn)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["provisioner"]] = totals.get(row["provisioner"], 0) + row["jobs"]
    metrics.queue_depth.clear()
    for provisioner, count in totals.items():
        metrics.queue_depth.labels(provisioner).set(count)


async def _release(conn: Connection, job_id: UUID, token_hash: bytes) -> bool:
    """Put a job back into the queue if this token owns it and nothing was heard of it; tell whether that was so."""
    organization_id = await queries.release_job(conn, job_id, token_hash, clock.now(), only_unheard=True)
    if organization_id is None:
        return False
    await conn.notify(POSTED, str(organization_id))
    await conn.notify(CHANGED, str(job_id))
    conn.after_commit(metrics.returned.inc)
    return True


async def _reap_one(db: Database, job_id: UUID, now: datetime, limits: rules.Limits) -> bool:
    async with db.transaction() as conn:
        job = await queries.try_lock_job(conn, job_id)
        ending = None if job is None else rules.ending_of(job, now, limits)
        if job is None or ending is None:
            return False
        lines, error = rules.reaper_words(ending, limits, job.worker_name)
        await _end(conn, job, lines, error, ending, now)
    return True


async def _end_all(
    conn: Connection, job_ids: Sequence[UUID], lines: tuple[str, ...], error: str, cause: Cause
) -> list[UUID]:
    ended: list[UUID] = []
    for job_id in job_ids:
        job = await queries.lock_job(conn, job_id)
        if job is not None and job.completed_at is None:
            await _end(conn, job, lines, error, cause, clock.now())
            ended.append(job_id)
    return ended


async def _end(
    conn: Connection, job: ProvisionerJobRow, lines: tuple[str, ...], error: str, cause: Cause, now: datetime
) -> None:
    """Append the explanation in the job's last stage, a millisecond apart so that it sorts, and fail the job."""
    stage = await log_queries.find_last_stage(conn, job.id) or "Unknown"
    notes = [
        LogLine(
            output=line,
            created_at=now + timedelta(milliseconds=number),
            source="provisioner_daemon",
            level="error",
            stage=stage,
        )
        for number, line in enumerate(lines)
    ]
    await log_queries.insert_lines(conn, job.id, notes, now=now)
    await conn.notify(LOGGED, str(job.id))
    await fail_job(conn, job.id, error=error, now=now, cause=cause)
    conn.after_commit(lambda: metrics.reaped.labels(cause).inc())
