"""Reading a job's log: a part of it at once, or as it grows."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from homeport.database import Connection, Database, Listener
from homeport.provisioning.queries import jobs as job_queries
from homeport.provisioning.queries import logs as queries
from homeport.provisioning.schemas import ProvisionerJobLog, ProvisionerTiming
from homeport.provisioning.service.jobs import LOGGED
from homeport.provisioning.types import JobLogRow

POLL_SECONDS = 5.0
_BATCH = 1000
# The log is at most 1 MiB, so this is never reached by lines that hold anything.
_ALL = 2_000_000


async def list_logs(
    conn: Connection, job_id: UUID, *, after: int = 0, before: int | None = None
) -> list[ProvisionerJobLog]:
    """Return the lines with ids between `after` and `before`, in order. The caller has authorized the reader."""
    return _view(await queries.list_lines(conn, job_id, after=after, before=before, limit=_ALL))


async def follow_logs(
    db: Database, listener: Listener, job_id: UUID, *, after: int = 0, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[list[ProvisionerJobLog]]:
    """Yield batches of lines after id `after` as they come, each line once and in order, until the job has ended.

    Woken by NOTIFY; where messages are lost, the poll goes on. Ends at once for an unknown job.
    """
    async with listener.subscribe(LOGGED, key=str(job_id)) as logged:
        while True:
            # Asked before the lines are read: what was written before the end is then always among them.
            async with db.connection() as conn:
                job = await job_queries.find_job(conn, job_id)
                rows = await queries.list_lines(conn, job_id, after=after, before=None, limit=_BATCH)
            if rows:
                after = rows[-1].id
                yield _view(rows)
            if len(rows) == _BATCH:
                continue
            if job is None or job.completed_at is not None:
                return
            await logged.wait(poll_seconds)


async def list_timings(conn: Connection, job_ids: Sequence[UUID]) -> list[ProvisionerTiming]:
    """Return how long the steps of these jobs took."""
    return await queries.list_timings(conn, job_ids)


def format_text(lines: Sequence[ProvisionerJobLog]) -> str:
    """Return lines as plain text for people: moment, level, stage, output."""
    return "".join(
        f"{line.created_at:%Y-%m-%dT%H:%M:%S.%fZ} [{line.log_level}] {line.stage}: {line.output}\n" for line in lines
    )


def _view(rows: Sequence[JobLogRow]) -> list[ProvisionerJobLog]:
    return [
        ProvisionerJobLog(
            id=row.id,
            created_at=row.created_at,
            log_source=row.source,
            log_level=row.level,
            stage=row.stage,
            output=row.output,
        )
        for row in rows
    ]
