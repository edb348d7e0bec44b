"""`GET /api/v2/audit?limit=50` of 5,000,000 entries: every filter alone finds its page along an index, its count stops early."""

import asyncio
import statistics
import time
import urllib.parse
import urllib.request

import asyncpg

from benchmarks.figures import Figure
from benchmarks.running import RunningServer, running_server

_ROWS = 5_000_000
_ROUNDS = 9
_GOAL = 50.0
_AUDITOR, _PASSWORD = "auditor@example.com", "benchmarks-need-a-long-one-8"
_EXPORTED = 20_000

# A thousand people and one who did little, 200 organizations of which an auditor sees 100, 20,000 names of objects.
SEED_USERS = """
insert into users (id, email, username, status, created_at, updated_at)
select gen_random_uuid(), name || '@example.com', name, 'active', now(), now()
from (select 'u' || n as name from generate_series(0, 999) n union all select 'rare') names
"""
SEED_ORGANIZATIONS = """
insert into organizations (id, name, display_name, description, created_at, updated_at)
select gen_random_uuid(), 'o' || n, '', '', now(), now() from generate_series(0, 199) n
"""
SEED_AUDITOR = """
insert into organization_members (organization_id, user_id, roles, created_at, updated_at)
select o.id, u.id, array['organization-auditor'], now(), now() from organizations o, users u
where u.email = $1 and o.name ~ '^o[0-9]+$' and substr(o.name, 2)::int < 100
"""
# One a second, the oldest first, as they come in. The rare ones lie far back.
SEED_ENTRIES = """
with people as (select array_agg(id order by username) as ids from users where username ~ '^u[0-9]+$'),
places as (select array_agg(id order by name) as ids from organizations where name ~ '^o[0-9]+$'),
loner as (select id from users where username = 'rare')
insert into audit_logs (
    id, time, user_id, organization_id, ip, user_agent, resource_type, resource_id, resource_target, action, diff,
    status_code, additional_fields, request_id
)
select
    gen_random_uuid(), now() - n * interval '1 second',
    case when n % 500000 = 499999 then loner.id else people.ids[1 + (n * 7919 % 1000)::int] end,
    places.ids[1 + (n * 31 % 200)::int], '192.0.2.1', 'benchmark',
    case when n % 250000 = 249999 then 'license' else
        case n % 4 when 0 then 'workspace' when 1 then 'workspace_build' when 2 then 'api_key' else 'user' end end,
    ('00000000-0000-4000-8000-' || lpad(to_hex(n % 100000), 12, '0'))::uuid,
    case when n % 1000000 = 999999 then 'zebra-' || n else 'dev-' || lpad((n * 13 % 20000)::text, 5, '0') end,
    case when n % 250000 = 249998 then 'register' else
        case n % 4 when 0 then 'write' when 1 then 'start' when 2 then 'create' else 'delete' end end,
    '{"name": {"old": "", "new": "dev", "secret": false}}', 200,
    case when n % 4 <> 1 then '{}'::jsonb
        when n % 250001 = 1 then '{"build_number": "1", "build_reason": "autodelete"}'::jsonb
        else '{"build_number": "1", "build_reason": "initiator"}'::jsonb end,
    gen_random_uuid()
from generate_series($1::bigint, 1, -1) n, people, places, loner
"""
INDEXES = "select indexname, indexdef from pg_indexes where tablename = 'audit_logs' and indexname <> 'audit_logs_pkey'"


def run() -> list[Figure]:
    """Return the seconds of loading and the milliseconds of each page."""
    with running_server(daemons=0) as server:
        server.call("POST", "/users", {"email": _AUDITOR, "username": "auditor", "password": _PASSWORD})
        begun = time.perf_counter()
        samples = asyncio.run(_seed(server.database_url()))
        figures = [Figure(f"loading {_ROWS:,} entries", time.perf_counter() - begun, "s")]
        figures += [_page(server, words, query) for words, query in _queries(samples).items()]
        figures.append(_export(server))
        server.token = server.call("POST", "/users/login", {"email": _AUDITOR, "password": _PASSWORD})["session_token"]
        figures += [
            _page(server, "auditor of 100 organizations", ""),
            _page(server, "auditor of 100 organizations, rare username", "username:rare"),
        ]
    return figures


def _queries(samples: dict[str, str]) -> dict[str, str]:
    return {
        "no filter": "",
        "page that skips 9,950": "&offset=9950",
        "page after an entry far back": f"&after_id={samples['far']}",
        "username": "username:u7",
        "rare username": "username:rare",
        "email": "email:rare@example.com",
        "resource_type": "resource_type:workspace",
        "rare resource_type": "resource_type:license",
        "action": "action:write",
        "rare action": "action:register",
        "organization": "organization:o150",
        "resource_id": f"resource_id:{samples['resource_id']}",
        "request_id": f"request_id:{samples['request_id']}",
        "resource_target": "resource_target:dev-00077",
        "build_reason": "build_reason:initiator",
        "rare build_reason": "build_reason:autodelete",
        "a month of long ago": f"date_from:{samples['from']} date_to:{samples['to']}",
        "word that 2 names begin with": "zebra",
        "word that 100 names begin with": "dev-077",
        "word that 20,000 names begin with": "dev",
    }


async def _seed(url: str) -> dict[str, str]:
    """Load everything. Indexes are made afterwards and nothing is written ahead: faster, and read the same."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SEED_USERS)
        await connection.execute(SEED_ORGANIZATIONS)
        await connection.execute(SEED_AUDITOR, _AUDITOR)
        indexes = await connection.fetch(INDEXES)
        for index in indexes:
            await connection.execute(f'drop index "{index["indexname"]}"')
        await connection.execute("alter table audit_logs set unlogged")
        await connection.execute("alter table audit_logs drop constraint audit_logs_pkey")
        await connection.execute(SEED_ENTRIES, _ROWS)
        await connection.execute("set maintenance_work_mem = '512MB'")
        await connection.execute("alter table audit_logs add primary key (id)")
        definitions = [index["indexdef"] for index in indexes]
        await asyncio.gather(*(_make_indexes(url, definitions[part::2]) for part in range(2)))
        await connection.execute("vacuum analyze audit_logs")
        await connection.execute("analyze users, organizations, organization_members")
        row = await connection.fetchrow(
            "select id as far, resource_id, request_id, (time - interval '30 days')::date as from, time::date as to"
            " from audit_logs order by time offset 1000000 limit 1"
        )
        return {name: str(value) for name, value in row.items()}
    finally:
        await connection.close()


async def _make_indexes(url: str, definitions: list[str]) -> None:
    """Make some of the indexes, beside another session that makes the others."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set maintenance_work_mem = '512MB'")
        for definition in definitions:
            await connection.execute(definition)
    finally:
        await connection.close()


def _page(server: RunningServer, words: str, query: str) -> Figure:
    asked = query if query.startswith("&") else f"&q={urllib.parse.quote(query)}"
    times = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        server.call("GET", f"/audit?limit=50{asked}")
        times.append(time.perf_counter() - begun)
    return Figure(f"50 entries: {words}", statistics.median(times) * 1e3, "ms", _GOAL)


def _export(server: RunningServer) -> Figure:
    """Measure the beginning of an export, which would go on to the last entry."""
    request = urllib.request.Request(  # noqa: S310 our own server on loopback
        f"{server.url}/api/v2/audit/export", headers={"Coder-Session-Token": server.token}
    )
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 as above
        for _ in range(_EXPORTED):
            answer.readline()
    return Figure("export", _EXPORTED / (time.perf_counter() - begun), "entries/s")
