"""`GET /api/v2/workspaces?limit=50` with 1,000 and with 20,000 workspaces: the cost must not follow the total."""

import asyncio
import statistics
import time

import asyncpg

from benchmarks.figures import Figure
from benchmarks.running import RunningServer, running_server

_SMALL, _LARGE = 1_000, 20_000
_ROUNDS = 30

# A template with its import, then workspaces with one finished start build each, spread over a hundred owners.
SEED_TEMPLATE = """
with job as (
    insert into provisioner_jobs (
        id, organization_id, initiator_id, provisioner, type, tags, created_at, updated_at, started_at, completed_at
    )
    select gen_random_uuid(), o.id, u.id, 'echo', 'template_version_import', '{}', now(), now(), now(), now()
    from organizations o, users u where o.is_default and u.username = 'bench' returning *
), version as (
    insert into template_versions (id, template_id, organization_id, name, job_id, created_by, created_at, updated_at)
    select gen_random_uuid(), null, organization_id, 'v1', id, initiator_id, now(), now() from job returning *
)
insert into templates (
    id, organization_id, name, provisioner, active_version_id, created_by, created_at, updated_at, group_acl
)
select gen_random_uuid(), organization_id, 'seeded', 'echo', id, created_by, now(), now(),
       jsonb_build_object(organization_id::text, '["read", "use"]'::jsonb)
from version
"""
SEED_USERS = """
insert into users (id, email, username, status, created_at, updated_at)
select gen_random_uuid(), 'seed' || n || '@example.com', 'seed' || n, 'active', now(), now() from generate_series(1, 100) n
"""
SEED_WORKSPACES = """
with owners as (
    select id, row_number() over (order by username) - 1 as number from users where username like 'seed%'
), made as (
    insert into workspaces (id, owner_id, organization_id, template_id, name, last_used_at, created_at, updated_at)
    select gen_random_uuid(), o.id, t.organization_id, t.id, 'w' || n, now() - n * interval '1 second', now(), now()
    from generate_series($1::int, $2::int) n join owners o on o.number = n % 100, templates t where t.name = 'seeded'
    returning *
), jobs as (
    insert into provisioner_jobs (
        id, organization_id, initiator_id, provisioner, type, tags, created_at, updated_at, started_at, completed_at, input
    )
    select gen_random_uuid(), organization_id, owner_id, 'echo', 'workspace_build', '{}', now(), now(), now(), now(),
           jsonb_build_object('workspace_id', id) from made
    returning *
)
insert into workspace_builds (
    id, workspace_id, template_version_id, build_number, transition, initiator_id, job_id, created_at, updated_at
)
select gen_random_uuid(), (j.input ->> 'workspace_id')::uuid, t.active_version_id, 1, 'start', j.initiator_id, j.id, now(), now()
from jobs j, templates t where t.name = 'seeded'
"""


def run() -> list[Figure]:
    """Return milliseconds of one page at both totals, and their ratio."""
    with running_server(daemons=0) as server:
        asyncio.run(_seed(server.database_url(), 1, _SMALL, is_first=True))
        small = _measure(server)
        asyncio.run(_seed(server.database_url(), _SMALL + 1, _LARGE, is_first=False))
        large = _measure(server)
    return [
        Figure(f"50 of {_SMALL:,} workspaces", small * 1e3, "ms"),
        Figure(f"50 of {_LARGE:,} workspaces", large * 1e3, "ms"),
        Figure("large total against small", large / small, "times", 1.5),
    ]


async def _seed(url: str, first: int, last: int, *, is_first: bool) -> None:
    connection = await asyncpg.connect(url)
    try:
        if is_first:
            await connection.execute(SEED_TEMPLATE)
            await connection.execute(SEED_USERS)
            await connection.execute("update template_versions set template_id = (select id from templates limit 1)")
        await connection.execute(SEED_WORKSPACES, first, last)
        await connection.execute("analyze")
    finally:
        await connection.close()


def _measure(server: RunningServer) -> float:
    times = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        page = server.call("GET", "/workspaces?limit=50")
        times.append(time.perf_counter() - begun)
        if len(page["workspaces"]) != 50:
            raise RuntimeError(f"expected a page of 50, got {len(page['workspaces'])}")
    return statistics.median(times)
