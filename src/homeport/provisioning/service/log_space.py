"""Writing a job's log within its limit: one that becomes too long keeps its beginning and its end, and says what is missing."""

from datetime import datetime

from homeport.database import Connection
from homeport.provisioning import rules
from homeport.provisioning.queries import jobs as job_queries
from homeport.provisioning.queries import logs as queries
from homeport.provisioning.schemas import LogLine
from homeport.provisioning.service.jobs import LOGGED
from homeport.provisioning.types import ProvisionerJobRow


async def append_logs(
    conn: Connection, job: ProvisionerJobRow, lines: list[LogLine], *, now: datetime, report: int
) -> ProvisionerJobRow:
    """Append lines to a job whose row the caller holds, and note that the job lives and which report has come last."""
    lines = rules.clean_lines(lines)
    used, gap, left_out = job.logs_length, job.logs_gap_id, job.logs_left_out
    if gap is None and used + rules.lines_size(lines) > rules.LOG_LIMIT:
        gap, used, lines, left_out = await _open_gap(conn, job, lines, now)
    if gap is not None:
        kept = rules.last_lines(lines, rules.TAIL_LIMIT)
        left_out += len(lines) - len(kept)
        lines = kept
    if lines:
        await queries.insert_lines(conn, job.id, lines, now=now)
        used += rules.lines_size(lines)
        await conn.notify(LOGGED, str(job.id))
    if gap is not None:
        if used > rules.LOG_LIMIT:
            removed, tail = await queries.delete_before_tail(
                conn, job.id, gap, tail_limit=rules.TAIL_LIMIT - rules.TAIL_SLACK, line_cost=rules.LINE_COST
            )
            left_out, used = left_out + removed, rules.HEAD_LIMIT + tail
        if left_out != job.logs_left_out:
            await queries.update_gap(conn, gap, rules.gap_note(left_out))
    return await job_queries.update_progress(
        conn, job.id, now=now, logs_length=used, logs_gap_id=gap, logs_left_out=left_out, worker_id=job.worker_id,
        last_report=report,
    )  # fmt: skip


async def _open_gap(
    conn: Connection, job: ProvisionerJobRow, lines: list[LogLine], now: datetime
) -> tuple[int, int, list[LogLine], int]:
    """Fill up the beginning and mark its end; returns the mark, the size, the lines still to write and how many are missing."""
    gap = await queries.find_gap(conn, job.id, head_limit=rules.HEAD_LIMIT, line_cost=rules.LINE_COST)
    if gap is not None:
        # This line was written when there was room, and gives its place to the mark.
        return gap, job.logs_length, lines, 1
    head, rest = rules.split_lines(lines, rules.HEAD_LIMIT - job.logs_length)
    if head:
        await queries.insert_lines(conn, job.id, head, now=now)
    gap = await queries.insert_gap(conn, job.id, stage=rest[0].stage, now=now)
    return gap, job.logs_length + rules.lines_size(head), rest, 0
