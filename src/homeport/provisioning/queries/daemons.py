"""SQL on `provisioner_daemons` and `provisioner_keys`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many, maybe, one
from homeport.kit.names import is_storable
from homeport.provisioning.schemas import MatchedProvisioners
from homeport.provisioning.types import DaemonRow, JobStatus, ProvisionerKeyRow

_DAEMON = """
    d.id, d.organization_id, d.key_id, d.kind, d.name, d.version, d.api_version, d.provisioners, d.tags, d.created_at, d.last_seen_at,
    d.isolation, d.is_shared
"""
# Whether the tags of a daemon allow it to take a job: see rules.tags_match.
_TAGS_MATCH = """
    (case when j.tags = '{"scope": "organization", "owner": ""}'::jsonb then j.tags = d.tags else j.tags <@ d.tags end)
"""
# Whether a daemon works for an organization: the server's own do for every one.
_SERVES = "(d.organization_id = $1 or d.is_shared)"
_KEY = "k.id, k.organization_id, k.name, k.hashed_secret, k.tags, k.builtin_of, k.expires_at, k.created_at"

# A daemon is known by its name in its organization, its owner and its key; a restarted one takes up its old row. Whoever has
# another key takes up nobody's: with the deletion of a key the jobs of its daemons end, and no others.
UPSERT_DAEMON = f"""
    insert into provisioner_daemons as d
        (id, organization_id, key_id, kind, name, version, api_version, provisioners, tags, created_at, last_seen_at,
         isolation, is_shared)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12)
    on conflict (
        organization_id, name, lower(coalesce(tags ->> 'owner', '')), coalesce(key_id, '00000000-0000-0000-0000-000000000000')
    ) do update
    set kind = excluded.kind, version = excluded.version, api_version = excluded.api_version,
        provisioners = excluded.provisioners, tags = excluded.tags, last_seen_at = excluded.last_seen_at,
        isolation = excluded.isolation, is_shared = excluded.is_shared
    returning {_DAEMON}
"""

# Of those with one credential the longest quiet ones go, as many as there are too many, unless they have a job.
FORGET_QUIETEST = """
    with siblings as (
        select d.id, coalesce(d.last_seen_at, d.created_at) as seen_at
        from provisioner_daemons d
        where d.organization_id = $1 and d.kind = $2 and d.key_id is not distinct from $3
          and ($2 <> 'user-auth' or d.tags ->> 'owner' = $4)
    ), gone as (
        delete from provisioner_daemons d using (
            select s.id from siblings s
            where s.seen_at <= $6 and not exists (
                select 1 from provisioner_jobs j where j.worker_id = s.id and j.started_at is not null and j.completed_at is null)
            order by s.seen_at, s.id
            limit greatest((select count(*) from siblings) - $5, 0)
        ) quiet
        where d.id = quiet.id and coalesce(d.last_seen_at, d.created_at) <= $6
        returning d.id
    )
    select (select count(*) from siblings) - (select count(*) from gone)
"""

LOCK_DAEMONS_OF_KEY = "select id from provisioner_daemons where key_id = $1 order by id for update"

# Signs of life may be lost with a crash of the database: the next follows within seconds. So nobody waits for the disk.
WAIT_FOR_NO_DISK = "set local synchronous_commit to off"

TOUCH_DAEMON = "update provisioner_daemons set last_seen_at = $2 where id = $1"

DELETE_STALE_DAEMONS = "delete from provisioner_daemons where coalesce(last_seen_at, created_at) < $1"

MATCHED = f"""
    select count(*)::int as count,
           count(*) filter (where d.last_seen_at > $4)::int as available,
           max(d.last_seen_at) as most_recently_seen
    from provisioner_daemons d, (select $3::jsonb as tags) j
    where {_SERVES} and $2 = any (d.provisioners)
      and {_TAGS_MATCH}
"""

LACKS_ISOLATION = f"""
    select coalesce(bool_and(d.isolation <> 'bubblewrap'), false)
    from provisioner_daemons d, (select $3::jsonb as tags) j
    where {_SERVES} and $2 = any (d.provisioners) and d.last_seen_at > $4
      and {_TAGS_MATCH}
"""

# What a shared daemon does for another organization than the asked one is told to nobody, only that it is busy.
LIST_DAEMONS = f"""
    select {_DAEMON}, k.name as key_name, k.builtin_of is not null as is_builtin,
           exists (
               select 1 from provisioner_jobs j
               where j.worker_id = d.id and j.started_at is not null and j.completed_at is null
           ) as is_busy,
           running.id as current_job_id, running.job_status as current_job_status,
           previous.id as previous_job_id, previous.job_status as previous_job_status
    from provisioner_daemons d
    left join provisioner_keys k on k.id = d.key_id
    left join lateral (
        select j.id, j.job_status from provisioner_jobs j
        where j.worker_id = d.id and j.organization_id = $1 and j.completed_at is null
        limit 1
    ) running on true
    left join lateral (
        select j.id, j.job_status from provisioner_jobs j
        where j.worker_id = d.id and j.organization_id = $1 and j.completed_at is not null
        order by j.completed_at desc
        limit 1
    ) previous on true
    where {_SERVES}
      and ($2::uuid[] is null or d.id = any ($2::uuid[]))
      and ($3::jsonb is null or d.tags @> $3::jsonb)
      and ($4::timestamptz is null or d.last_seen_at >= $4)
    order by d.created_at desc, d.id
"""

LIST_SERVING = f"""
    select {_DAEMON}, exists (
        select 1 from provisioner_jobs j where j.worker_id = d.id and j.started_at is not null and j.completed_at is null
    ) as is_busy
    from provisioner_daemons d
    where d.organization_id = any ($1::uuid[]) or d.is_shared
"""

# There are few daemons, and a page shows few of their names.
LIST_UNISOLATED = f"""
    select {_DAEMON} from provisioner_daemons d
    where 'process' = any (d.provisioners) and d.isolation <> 'bubblewrap' and d.last_seen_at > $1
    order by d.name, d.id
    limit 20
"""

INSERT_KEY = f"""
    insert into provisioner_keys as k (id, organization_id, name, hashed_secret, tags, builtin_of, expires_at, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    returning {_KEY}
"""

FIND_KEY_BY_HASH = f"""
    select {_KEY} from provisioner_keys k where k.hashed_secret = $1 and (k.expires_at is null or k.expires_at > $2)
"""

FIND_KEY_BY_NAME = f"""
    select {_KEY} from provisioner_keys k where k.organization_id = $1 and lower(k.name) = lower($2)
"""

LIST_KEYS = f"""
    select {_KEY} from provisioner_keys k where k.organization_id = $1 and k.builtin_of is null order by k.created_at, k.id
"""

RENEW_KEY = "update provisioner_keys set expires_at = $2 where id = $1 and builtin_of is not null"
DELETE_KEY = "delete from provisioner_keys where id = $1"
DELETE_KEYS_OF_INSTALLATION = "delete from provisioner_keys where builtin_of = $1"
DELETE_EXPIRED_KEYS = "delete from provisioner_keys where expires_at < $1"


class ServingRow(DaemonRow, frozen=True, kw_only=True):
    """A daemon, and whether it has a job."""

    is_busy: bool


class DaemonViewRow(DaemonRow, frozen=True, kw_only=True):
    """A daemon with the name of its key, and its jobs for one organization; it may be busy for another."""

    key_name: str | None
    is_builtin: bool
    is_busy: bool
    current_job_id: UUID | None
    current_job_status: JobStatus | None
    previous_job_id: UUID | None
    previous_job_status: JobStatus | None


async def upsert_daemon(conn: Connection, daemon: DaemonRow) -> DaemonRow:
    """Insert a daemon or take up the row of its name, seen now (`created_at` is now for a new one)."""
    row = await conn.fetchrow(
        UPSERT_DAEMON, daemon.id, daemon.organization_id, daemon.key_id, daemon.kind, daemon.name, daemon.version,
        daemon.api_version, daemon.provisioners, daemon.tags, daemon.created_at, daemon.isolation,
        daemon.is_shared,
    )  # fmt: skip
    assert row is not None
    return one(DaemonRow, row)


async def forget_quietest(conn: Connection, like: DaemonRow, *, most: int, seen_before: datetime) -> int:
    """Forget the longest quiet daemons with the same credential beyond `most`; returns how many there are then.

    One that was seen after `seen_before`, or that has a job, stays.
    """
    owner = like.tags.get("owner", "")
    return int(
        await conn.fetchval(FORGET_QUIETEST, like.organization_id, like.kind, like.key_id, owner, most, seen_before)
    )


async def lock_daemons_of_key(conn: Connection, key_id: UUID) -> None:
    """Hold the rows of the daemons with this key until the transaction ends."""
    await conn.execute(LOCK_DAEMONS_OF_KEY, key_id)


async def wait_for_no_disk(conn: Connection) -> None:
    """Let the transaction commit without waiting for the disk: it holds signs of life alone."""
    await conn.execute(WAIT_FOR_NO_DISK)


async def touch_daemon(conn: Connection, daemon_id: UUID, now: datetime) -> bool:
    """Note that a daemon was seen; False when it is gone, for instance with its key."""
    return await conn.execute(TOUCH_DAEMON, daemon_id, now) == 1


async def delete_stale_daemons(conn: Connection, seen_before: datetime) -> int:
    """Forget daemons that were last seen before this moment; returns how many."""
    return await conn.execute(DELETE_STALE_DAEMONS, seen_before)


async def count_matching(
    conn: Connection, *, organization_id: UUID, provisioner: str, tags: dict[str, str], seen_after: datetime
) -> MatchedProvisioners:
    """Count the daemons that could take such a job."""
    row = await conn.fetchrow(MATCHED, organization_id, provisioner, tags, seen_after)
    assert row is not None
    return one(MatchedProvisioners, row)


async def lacks_isolation(
    conn: Connection, *, organization_id: UUID, provisioner: str, tags: dict[str, str], seen_after: datetime
) -> bool:
    """Tell whether living daemons could take such a job and none of them isolates workspaces."""
    return bool(await conn.fetchval(LACKS_ISOLATION, organization_id, provisioner, tags, seen_after))


async def list_daemons(
    conn: Connection,
    organization_id: UUID,
    *,
    ids: Sequence[UUID] | None = None,
    tags: dict[str, str] | None = None,
    seen_after: datetime | None = None,
) -> list[DaemonViewRow]:
    """Return the daemons that work for an organization, newest first."""
    return many(DaemonViewRow, await conn.fetch(LIST_DAEMONS, organization_id, ids, tags, seen_after))


async def list_serving(conn: Connection, organization_ids: Sequence[UUID]) -> list[ServingRow]:
    """Return the daemons, also quiet ones, that work for any of these organizations."""
    return many(ServingRow, await conn.fetch(LIST_SERVING, organization_ids))


async def list_unisolated(conn: Connection, *, seen_after: datetime) -> list[DaemonRow]:
    """Return living daemons that run process workspaces without isolation, by name."""
    return many(DaemonRow, await conn.fetch(LIST_UNISOLATED, seen_after))


async def insert_key(conn: Connection, key: ProvisionerKeyRow) -> ProvisionerKeyRow:
    """Insert a key. Raises UniqueViolation (provisioner_keys_name_key)."""
    row = await conn.fetchrow(
        INSERT_KEY, key.id, key.organization_id, key.name, key.hashed_secret, key.tags, key.builtin_of, key.expires_at,
        key.created_at,
    )  # fmt: skip
    assert row is not None
    return one(ProvisionerKeyRow, row)


async def find_key_by_hash(conn: Connection, hashed_secret: bytes, now: datetime) -> ProvisionerKeyRow | None:
    """Return the living key with this secret."""
    return maybe(ProvisionerKeyRow, await conn.fetchrow(FIND_KEY_BY_HASH, hashed_secret, now))


async def find_key_by_name(conn: Connection, organization_id: UUID, name: str) -> ProvisionerKeyRow | None:
    """Return the key of this name."""
    row = await conn.fetchrow(FIND_KEY_BY_NAME, organization_id, name) if is_storable(name) else None
    return maybe(ProvisionerKeyRow, row)


async def list_keys(conn: Connection, organization_id: UUID) -> list[ProvisionerKeyRow]:
    """Return the keys that people made, oldest first."""
    return many(ProvisionerKeyRow, await conn.fetch(LIST_KEYS, organization_id))


async def update_key_expiry(conn: Connection, key_id: UUID, expires_at: datetime) -> bool:
    """Let a built-in key live until this moment; False when it is gone."""
    return await conn.execute(RENEW_KEY, key_id, expires_at) == 1


async def delete_key(conn: Connection, key_id: UUID) -> bool:
    """Delete a key and with it its daemons' rows."""
    return await conn.execute(DELETE_KEY, key_id) == 1


async def delete_keys_of_installation(conn: Connection, installation: str) -> int:
    """Delete the built-in keys of an installation; returns how many there were."""
    return await conn.execute(DELETE_KEYS_OF_INSTALLATION, installation)


async def delete_expired_keys(conn: Connection, now: datetime) -> int:
    """Delete built-in keys whose time is over."""
    return await conn.execute(DELETE_EXPIRED_KEYS, now)
