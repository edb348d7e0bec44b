"""SQL on `provisioner_job_logs` and `provisioner_job_timings`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many
from homeport.provisioning.schemas import LogLine, ProvisionerTiming
from homeport.provisioning.types import JobLogRow, ProvisionedTiming

# Only under the lock of the job's row: so ids of one job become visible in their order, and a reader that continues
# after the last id misses nothing.
INSERT = """
    insert into provisioner_job_logs (job_id, created_at, source, level, stage, output)
    select $1, line.created_at, line.source::log_source, line.level::log_level, line.stage, line.output
    from unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[]) with ordinality
         as line (created_at, source, level, stage, output, number)
    order by line.number
"""

INSERT_GAP = """
    insert into provisioner_job_logs (job_id, created_at, source, level, stage, output)
    values ($1, $2, 'provisioner_daemon', 'warn', $3, '')
    returning id
"""

# The first line that goes beyond the beginning becomes the one that says what is missing.
OPEN_GAP = """
    select id from (
        select id, sum(octet_length(output) + $3::integer) over (order by id) as size
        from provisioner_job_logs where job_id = $1
    ) line
    where size > $2 order by id limit 1
"""

WRITE_GAP = """
    update provisioner_job_logs set output = $2, source = 'provisioner_daemon', level = 'warn' where id = $1
"""

# The oldest lines after the gap go, until the rest fits.
CUT = """
    with tail as (
        select id, sum(octet_length(output) + $4::integer) over (order by id desc) as size
        from provisioner_job_logs where job_id = $1 and id > $2
    ), gone as (
        delete from provisioner_job_logs l using tail t where l.id = t.id and t.size > $3 returning l.id
    )
    select (select count(*) from gone)::int as lines, coalesce((select max(size) from tail where size <= $3), 0)::int as size
"""

LIST = """
    select id, job_id, created_at, source, level, stage, output
    from provisioner_job_logs
    where job_id = $1 and id > $2 and ($3::bigint is null or id < $3)
    order by id
    limit $4
"""

FIND_LAST_STAGE = "select stage from provisioner_job_logs where job_id = $1 order by id desc limit 1"

INSERT_TIMING = """
    insert into provisioner_job_timings (job_id, started_at, ended_at, stage, source, action, resource)
    values ($1, $2, $3, $4, $5, $6, $7)
"""

LIST_TIMINGS = """
    select job_id, started_at, ended_at, stage, source, action, resource
    from provisioner_job_timings
    where job_id = any ($1::uuid[])
    order by started_at, ended_at
"""


async def insert_lines(conn: Connection, job_id: UUID, lines: Sequence[LogLine], *, now: datetime) -> None:
    """Append lines to a job whose row the caller holds. Lines without a moment get `now`."""
    await conn.execute(
        INSERT,
        job_id,
        [line.created_at or now for line in lines],
        [line.source for line in lines],
        [line.level for line in lines],
        [line.stage for line in lines],
        [line.output for line in lines],
    )


async def insert_gap(conn: Connection, job_id: UUID, *, stage: str, now: datetime) -> int:
    """Append the line that stands for missing ones, still empty; returns its id."""
    return int(await conn.fetchval(INSERT_GAP, job_id, now, stage))


async def find_gap(conn: Connection, job_id: UUID, *, head_limit: int, line_cost: int) -> int | None:
    """Return the id of the first line that goes beyond the beginning of a log, which is to stand for missing ones."""
    found: int | None = await conn.fetchval(OPEN_GAP, job_id, head_limit, line_cost)
    return found


async def update_gap(conn: Connection, line_id: int, text: str) -> None:
    """Let a line say what is missing at its place."""
    await conn.execute(WRITE_GAP, line_id, text)


async def delete_before_tail(
    conn: Connection, job_id: UUID, gap_id: int, *, tail_limit: int, line_cost: int
) -> tuple[int, int]:
    """Delete the oldest lines after the gap until `tail_limit` holds; returns how many, and the size of what is left."""
    row = await conn.fetchrow(CUT, job_id, gap_id, tail_limit, line_cost)
    assert row is not None
    return row["lines"], row["size"]


async def list_lines(conn: Connection, job_id: UUID, *, after: int, before: int | None, limit: int) -> list[JobLogRow]:
    """Return at most `limit` lines with ids between `after` and `before`, oldest first."""
    return many(JobLogRow, await conn.fetch(LIST, job_id, after, before, limit))


async def find_last_stage(conn: Connection, job_id: UUID) -> str:
    """Return the stage of the newest line, or an empty text."""
    return str(await conn.fetchval(FIND_LAST_STAGE, job_id) or "")


async def insert_timings(conn: Connection, job_id: UUID, timings: Sequence[ProvisionedTiming]) -> None:
    """Store how long the steps of a job took."""
    await conn.executemany(
        INSERT_TIMING, [(job_id, t.started_at, t.ended_at, t.stage, t.source, t.action, t.resource) for t in timings]
    )


async def list_timings(conn: Connection, job_ids: Sequence[UUID]) -> list[ProvisionerTiming]:
    """Return the timings of these jobs in the order in which their steps began."""
    return many(ProvisionerTiming, await conn.fetch(LIST_TIMINGS, list(job_ids)))
