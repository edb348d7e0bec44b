"""SQL on `provisioner_jobs`: insert, acquire, lock, end, list."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import Record, many, maybe, one
from homeport.provisioning.types import ProvisionerJobRow

_COLUMNS = """
    j.id, j.organization_id, j.initiator_id, j.provisioner, j.type, j.file_id, j.input, j.tags, j.priority, j.worker_id,
    j.worker_name, j.token_hash, j.error, j.error_code, j.logs_length, j.logs_overflowed, j.created_at, j.updated_at,
    j.started_at, j.canceled_at, j.completed_at, j.job_status, j.needs_isolation, j.turn, j.logs_gap_id, j.logs_left_out,
    j.last_report
"""

# Whether the tags of a daemon allow it to take a job: see rules.tags_match, which a test holds equal to this.
_TAGS_MATCH = """
    (case when j.tags = '{"scope": "organization", "owner": ""}'::jsonb then j.tags = d.tags else j.tags <@ d.tags end)
"""

# The turn of a new job: that of the first job of its kind that waits, or the last that was taken where none waits; but later
# than everything else that the same person has asked for. Each part reads one entry of an index.
INSERT = f"""
    insert into provisioner_jobs as j
        (id, organization_id, initiator_id, provisioner, type, file_id, input, tags, priority, created_at, updated_at,
         needs_isolation, turn)
    select $1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $10, $11, greatest(
        coalesce(
            (select w.turn from provisioner_jobs w
             where w.started_at is null and w.completed_at is null and w.organization_id = $2 and w.priority = $9
               and w.provisioner = $4 and w.tags_key = jsonb_hash_extended($8::jsonb, 0)
             order by w.turn, w.created_at, w.id limit 1),
            (select w.turn from provisioner_jobs w where w.token_hash is not null order by w.turn desc limit 1),
            0),
        (select w.turn + 1 from provisioner_jobs w
         where w.initiator_id = $3 and (w.token_hash is not null or w.completed_at is null)
         order by w.turn desc limit 1))
    returning {_COLUMNS}
"""

# Whether a daemon works for the organization of a job: the server's own do for every one.
_SERVES = "(d.organization_id = j.organization_id or d.is_shared)"


def _acquire(place: str, filters: str = "") -> str:
    """Return the statement that claims a job of `place`, a condition on `j`; `filters` are further ones on the row itself.

    Jobs of one kind (priority, engine and tags) are neighbours in an index, in the order of their turns. The statement jumps
    from kind to kind, orders those that fit by their first jobs, and claims the first row that nobody holds: what does not fit
    costs nothing, however much of it waits. A daemon that does not isolate leaves builds that need it to those that do; where
    none of them lives it takes the job, to fail it with words.
    """
    waits = f"{place} and j.started_at is null and j.completed_at is null"
    return f"""
    with recursive kinds as (
        (select j.priority, j.provisioner, j.tags_key, j.tags from provisioner_jobs j
         where {waits} order by j.priority, j.provisioner, j.tags_key limit 1)
        union all
        select n.* from kinds k cross join lateral (
            select j.priority, j.provisioner, j.tags_key, j.tags from provisioner_jobs j
            where {waits} and (j.priority, j.provisioner, j.tags_key) > (k.priority, k.provisioner, k.tags_key)
            order by j.priority, j.provisioner, j.tags_key limit 1
        ) n
    ), fitting as materialized (
        select j.priority, j.provisioner, j.tags_key from kinds j
        cross join (select $3::jsonb as tags) d
        cross join lateral (
            select w.turn, w.created_at, w.id from provisioner_jobs w
            where {waits.replace("j.", "w.")} and w.priority = j.priority and w.provisioner = j.provisioner
              and w.tags_key = j.tags_key
            order by w.turn, w.created_at, w.id limit 1
        ) first
        where j.provisioner = any ($2::text[]) and {_TAGS_MATCH}
        order by j.priority, first.turn, first.created_at, first.id
    ), candidate as (
        select found.id from fitting f cross join lateral (
            select j.id from provisioner_jobs j
            where {waits} and j.priority = f.priority and j.provisioner = f.provisioner and j.tags_key = f.tags_key{filters}
              and ($8 or not j.needs_isolation or not exists (
                  select 1 from provisioner_daemons d
                  where {_SERVES} and d.last_seen_at > $9 and d.isolation = 'bubblewrap'
                    and j.provisioner = any (d.provisioners) and {_TAGS_MATCH}))
            order by j.turn, j.created_at, j.id
            limit 1
            for update of j skip locked
        ) found
        limit 1
    )
    update provisioner_jobs j
    set started_at = $4, updated_at = $4, worker_id = $5, worker_name = $6, token_hash = $7, is_isolated = $8, last_report = 0
    from candidate
    where j.id = candidate.id
    returning {_COLUMNS}
"""


# Walks provisioner_jobs_pending_idx.
ACQUIRE = _acquire("j.organization_id = $1")
# Walks provisioner_jobs_queue_idx: the question about the organization is asked row by row, so that it does not become a join.
ACQUIRE_ANYWHERE = _acquire(
    "$1::uuid is null", " and not (select o.deleted from organizations o where o.id = j.organization_id)"
)

RELEASE = """
    update provisioner_jobs
    set started_at = null, updated_at = $3, worker_id = null, worker_name = '', token_hash = null
    where id = $1 and token_hash = $2 and completed_at is null and canceled_at is null
      and ($4::boolean is false or updated_at = started_at)
    returning organization_id
"""

FIND = f"select {_COLUMNS} from provisioner_jobs j where j.id = $1"
LOCK = f"select {_COLUMNS} from provisioner_jobs j where j.id = $1 for update"
TRY_LOCK = f"select {_COLUMNS} from provisioner_jobs j where j.id = $1 for update skip locked"

# A report is its daemon's sign of life too: while it works it asks for nothing. Its row is written a few times a minute, and never
# waited for: who deletes its key holds it and wants the job.
TOUCH = f"""
    with seen as (
        update provisioner_daemons set last_seen_at = $2
        where id = (
            select d.id from provisioner_daemons d
            where d.id = $6 and d.last_seen_at not between $2::timestamptz - interval '15 seconds' and $2
            for no key update skip locked)
    )
    update provisioner_jobs j
    set updated_at = $2, logs_length = $3, logs_gap_id = $4, logs_left_out = $5, logs_overflowed = $4::bigint is not null,
        last_report = $7
    where j.id = $1
    returning {_COLUMNS}
"""

CANCEL = f"""
    update provisioner_jobs j set canceled_at = $2, updated_at = $2, completed_at = $3 where j.id = $1 returning {_COLUMNS}
"""

# A job that never started has started now, so that its times stay in order.
END = f"""
    update provisioner_jobs j
    set completed_at = $2, updated_at = $2, error = $3, error_code = $4,
        started_at = coalesce(j.started_at, $2), canceled_at = coalesce(j.canceled_at, $5), last_report = $6
    where j.id = $1
    returning {_COLUMNS}
"""

LIST_TO_REAP = """
    (select id, updated_at from provisioner_jobs
     where started_at is not null and completed_at is null and updated_at < $1
     order by updated_at limit $4)
    union
    (select id, updated_at from provisioner_jobs
     where started_at is null and completed_at is null and updated_at < $2
     order by updated_at limit $4)
    union
    (select id, updated_at from provisioner_jobs
     where canceled_at < $3 and completed_at is null
     order by canceled_at limit $4)
    order by updated_at limit $4
"""

# A daemon that has a job reports within seconds; of one that never did it is not known that it ever got the job.
LIST_UNHEARD = """
    select id, token_hash from provisioner_jobs
    where started_at is not null and completed_at is null and canceled_at is null
      and updated_at = started_at and updated_at < $1 and created_at > $2
    order by updated_at limit $3
"""

LIST_RUNNING_OF_KEY = """
    select j.id
    from provisioner_jobs j
    join provisioner_daemons d on d.id = j.worker_id
    where d.key_id = $1 and ($2::text is null or d.name = $2) and j.started_at is not null and j.completed_at is null
    order by j.id
"""

LIST_RUNNING_OF_INSTALLATION = """
    select j.id
    from provisioner_jobs j
    join provisioner_daemons d on d.id = j.worker_id
    join provisioner_keys k on k.id = d.key_id
    where k.builtin_of = $1 and j.started_at is not null and j.completed_at is null
    order by j.id
"""

# A position is the rank in one line, that of the living daemons that could take the same jobs; of several lines the one counts
# in which the job comes first. Without a pending job among the wanted ones the common table expressions read nothing.
LIST_VIEWS = f"""
    with wanted as (
        select {_COLUMNS} from provisioner_jobs j where j.id = any ($1::uuid[])
    ), lines as (
        select distinct d.provisioners, d.tags, d.is_shared, case when not d.is_shared then d.organization_id end as organization_id
        from provisioner_daemons d
        where d.last_seen_at > $2 and exists (
            select 1 from wanted w
            where w.started_at is null and w.completed_at is null
              and (d.is_shared or d.organization_id = w.organization_id))
    ), ranks as (
        select j.id,
               row_number() over (
                   partition by d.organization_id, d.provisioners, d.tags order by j.priority, j.turn, j.created_at, j.id) as position,
               count(*) over (partition by d.organization_id, d.provisioners, d.tags) as size
        from lines d
        join provisioner_jobs j on j.started_at is null and j.completed_at is null
          and {_SERVES} and j.provisioner = any (d.provisioners) and {_TAGS_MATCH}
    ), queue as (
        select distinct on (id) id, position, size from ranks order by id, position, size
    )
    select w.*, coalesce(q.position, 0) as queue_position, coalesce(q.size, 0) as queue_size,
           case when w.started_at is null and w.completed_at is null then (
               select coalesce(array_agg(d.id order by d.name), '{{}}')
               from provisioner_daemons d, (select w.tags, w.provisioner, w.organization_id) j
               where {_SERVES} and d.last_seen_at > $2
                 and j.provisioner = any (d.provisioners) and {_TAGS_MATCH}
           ) end as available_workers
    from wanted w
    left join queue q on q.id = w.id
"""

LIST_IDS = """
    select j.id
    from provisioner_jobs j
    where j.organization_id = $1
      and ($2::uuid[] is null or j.id = any ($2::uuid[]))
      and ($3::text[] is null or j.job_status::text = any ($3::text[]))
      and ($4::jsonb is null or j.tags @> $4::jsonb)
      and ($5::uuid is null or j.initiator_id = $5)
    order by j.created_at desc, j.id
    limit $6 offset $7
"""

COUNT_PENDING = """
    select organization_id, provisioner, count(*) as jobs
    from provisioner_jobs
    where started_at is null and completed_at is null
    group by organization_id, provisioner
"""

FIND_USERNAME = "select username from visible_users where id = $1"


class JobViewRow(ProvisionerJobRow, frozen=True, kw_only=True):
    """A job with its place in the queue and, while it is pending, the live daemons that could take it."""

    queue_position: int
    queue_size: int
    available_workers: list[UUID] | None


async def insert_job(conn: Connection, job: ProvisionerJobRow) -> ProvisionerJobRow:
    """Insert a pending job."""
    row = await conn.fetchrow(
        INSERT, job.id, job.organization_id, job.initiator_id, job.provisioner, job.type, job.file_id, job.input,
        job.tags, job.priority, job.created_at, job.needs_isolation,
    )  # fmt: skip
    assert row is not None
    return one(ProvisionerJobRow, row)


async def claim_job(
    conn: Connection,
    *,
    organization_id: UUID | None,
    provisioners: Sequence[str],
    tags: dict[str, str],
    now: datetime,
    worker_id: UUID,
    worker_name: str,
    token_hash: bytes,
    isolates: bool,
    seen_after: datetime,
) -> ProvisionerJobRow | None:
    """Give the first matching pending job that nobody else is looking at to this worker.

    Of one organization, or with None of any that is not deleted. Daemons that were seen after `seen_after` count as living.
    """
    row = await conn.fetchrow(
        ACQUIRE_ANYWHERE if organization_id is None else ACQUIRE,
        organization_id,
        list(provisioners),
        tags,
        now,
        worker_id,
        worker_name,
        token_hash,
        isolates,
        seen_after,
    )
    return maybe(ProvisionerJobRow, row)


async def release_job(
    conn: Connection, job_id: UUID, token_hash: bytes, now: datetime, *, only_unheard: bool = False
) -> UUID | None:
    """Put a running job back into the queue if this token still owns it; returns its organization.

    With `only_unheard` not if anything was heard of it since it was taken.
    """
    found: UUID | None = await conn.fetchval(RELEASE, job_id, token_hash, now, only_unheard)
    return found


async def find_job(conn: Connection, job_id: UUID) -> ProvisionerJobRow | None:
    """Return a job or None."""
    return maybe(ProvisionerJobRow, await conn.fetchrow(FIND, job_id))


async def lock_job(conn: Connection, job_id: UUID) -> ProvisionerJobRow | None:
    """Return a job and hold its row until the transaction ends."""
    return maybe(ProvisionerJobRow, await conn.fetchrow(LOCK, job_id))


async def try_lock_job(conn: Connection, job_id: UUID) -> ProvisionerJobRow | None:
    """Return a job and hold its row, or None when somebody else holds it."""
    return maybe(ProvisionerJobRow, await conn.fetchrow(TRY_LOCK, job_id))


async def update_progress(
    conn: Connection,
    job_id: UUID,
    *,
    now: datetime,
    logs_length: int,
    logs_gap_id: int | None,
    logs_left_out: int,
    worker_id: UUID | None,
    last_report: int,
) -> ProvisionerJobRow:
    """Note that the worker has reported and so lives, the report's number, the size of the log, and what is missing in it."""
    row = await conn.fetchrow(TOUCH, job_id, now, logs_length, logs_gap_id, logs_left_out, worker_id, last_report)
    assert row is not None
    return one(ProvisionerJobRow, row)


async def update_canceled(
    conn: Connection, job_id: UUID, *, now: datetime, completed_at: datetime | None
) -> ProvisionerJobRow:
    """Note that a job shall stop; `completed_at` is set for one that never started."""
    row = await conn.fetchrow(CANCEL, job_id, now, completed_at)
    assert row is not None
    return one(ProvisionerJobRow, row)


async def update_ended(
    conn: Connection,
    job_id: UUID,
    *,
    now: datetime,
    error: str = "",
    error_code: str = "",
    canceled_at: datetime | None = None,
    report: int = 0,
) -> ProvisionerJobRow:
    """End a job; `report` is the number of the report that ends it, 0 where none does."""
    row = await conn.fetchrow(END, job_id, now, error, error_code, canceled_at, report)
    assert row is not None
    return one(ProvisionerJobRow, row)


async def list_ids_to_reap(
    conn: Connection, *, hung_before: datetime, pending_before: datetime, canceled_before: datetime, limit: int
) -> list[UUID]:
    """Return ids of jobs that nobody has moved for too long, or that do not stop though they were told to; the stillest first."""
    rows = await conn.fetch(LIST_TO_REAP, hung_before, pending_before, canceled_before, limit)
    return [row["id"] for row in rows]


async def list_unheard(
    conn: Connection, *, taken_before: datetime, created_after: datetime, limit: int
) -> list[tuple[UUID, bytes]]:
    """Return ids and token hashes of jobs that were handed out and of which nothing was heard since."""
    rows = await conn.fetch(LIST_UNHEARD, taken_before, created_after, limit)
    return [(row["id"], row["token_hash"]) for row in rows]


async def list_running_ids_of_key(conn: Connection, key_id: UUID, *, name: str | None = None) -> list[UUID]:
    """Return ids of running jobs that daemons with this key hold, or only the one of this name."""
    return [row["id"] for row in await conn.fetch(LIST_RUNNING_OF_KEY, key_id, name)]


async def list_running_ids_of_installation(conn: Connection, installation: str) -> list[UUID]:
    """Return ids of running jobs that built-in daemons of this installation hold."""
    return [row["id"] for row in await conn.fetch(LIST_RUNNING_OF_INSTALLATION, installation)]


async def list_views(conn: Connection, job_ids: Sequence[UUID], *, seen_after: datetime) -> list[JobViewRow]:
    """Return jobs with their places in the queue, in no order."""
    return many(JobViewRow, await conn.fetch(LIST_VIEWS, list(job_ids), seen_after))


async def list_ids(
    conn: Connection,
    organization_id: UUID,
    *,
    ids: Sequence[UUID] | None,
    statuses: Sequence[str] | None,
    tags: dict[str, str] | None,
    initiator_id: UUID | None,
    limit: int,
    offset: int,
) -> list[UUID]:
    """Return ids of an organization's jobs, newest first."""
    rows = await conn.fetch(LIST_IDS, organization_id, ids, statuses, tags, initiator_id, limit, offset)
    return [row["id"] for row in rows]


async def count_pending(conn: Connection) -> list[Record]:
    """Return (organization_id, provisioner, jobs) of what waits."""
    return await conn.fetch(COUNT_PENDING)


async def find_username(conn: Connection, user_id: UUID) -> str:
    """Return a user's name, or an empty text."""
    return str(await conn.fetchval(FIND_USERNAME, user_id) or "")
