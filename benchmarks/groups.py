"""5,000 groups: lists of templates and groups, access lists and the search in them, for a member of 20 groups and for an owner.

Each of 50 templates has all groups in its access list, each group ten members. With 50 groups the same calls are measured
first: they take as many queries, and only what they show grows.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping
from typing import Any

import asyncpg

from benchmarks.figures import Figure
from benchmarks.listing_seed import SEED_TEMPLATE
from benchmarks.running import PASSWORD, RunningServer, running_server

_SMALL, _LARGE, _TEMPLATES = 50, 5_000, 50
_ROUNDS = 15
_GOALS = {
    "templates, member": 150.0,
    "templates, owner": 100.0,
    "all groups, owner": 2_000.0,
    "access list, owner": 2_000.0,
    "groups, 50 of a page": 100.0,
    "acl/available, searched": 100.0,
}

SEED_USERS = """
with made as (
    insert into users (id, email, username, status, created_at, updated_at)
    select gen_random_uuid(), 'person' || n || '@example.com', 'person' || n, 'active', now(), now()
    from generate_series(1, 1000) n returning id
)
insert into organization_members (user_id, organization_id, created_at, updated_at)
select made.id, o.id, now(), now() from made, organizations o where o.is_default
"""
SEED_TEMPLATES = """
with names as (
    select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
    where attrelid = 'templates'::regclass and attnum > 0 and not attisdropped and attname not in ('id', 'name')
)
select format(
    'insert into templates (id, name, %1$s) select gen_random_uuid(), ''copy'' || n, %1$s from templates, generate_series(2, $1::int) n',
    columns
) from names
"""
SEED_GROUPS = """
with made as (
    insert into groups (id, organization_id, name, created_at, updated_at)
    select gen_random_uuid(), o.id, 'group-' || n, now(), now()
    from generate_series($1::int, $2::int) n, organizations o where o.is_default returning id, name
), numbered as (
    select id, row_number() over (order by name) as number from made
), people as (
    select id, row_number() over (order by username) - 1 as number from users where username like 'person%'
)
insert into group_members (group_id, user_id)
select g.id, p.id from numbered g, generate_series(0, 9) n join people p on true
where p.number = (g.number * 10 + n) % 1000
"""
SEED_HELD = """
insert into group_members (group_id, user_id)
select g.id, u.id from (select id from groups where name like 'group-%' order by name limit 20) g, users u
where u.username = 'reader' on conflict do nothing
"""
SEED_ACL = """
update templates set group_acl = (select jsonb_object_agg(id::text, '["read", "use"]'::jsonb) from groups where name like 'group-%')
"""


def run() -> list[Figure]:
    """Return milliseconds of each call with few and with many groups."""
    with running_server(daemons=0) as server:
        reader = _make_reader(server)
        asyncio.run(_seed(server, 1, _SMALL, is_first=True))
        small = _measure(server, reader)
        asyncio.run(_seed(server, _SMALL + 1, _LARGE, is_first=False))
        large = _measure(server, reader)
        deletion = _delete_large_group(server)
    figures = []
    for name, value in large.items():
        figures.append(Figure(f"{name}, {_SMALL} groups", small[name] * 1e3, "ms"))
        figures.append(Figure(f"{name}, {_LARGE:,} groups", value * 1e3, "ms", _GOALS.get(name)))
    return [*figures, Figure("deleting a group of 1,000 people that stands in 50 access lists", deletion * 1e3, "ms")]


def _make_reader(server: RunningServer) -> str:
    """Make the member and return the member's token."""
    email = "reader@example.com"
    server.call("POST", "/users", {"email": email, "username": "reader", "password": PASSWORD})
    token: str = server.call("POST", "/users/login", {"email": email, "password": PASSWORD})["session_token"]
    return token


async def _seed(server: RunningServer, first: int, last: int, *, is_first: bool) -> None:
    connection = await asyncpg.connect(server.database_url())
    try:
        if is_first:
            await connection.execute(SEED_TEMPLATE)
            await connection.execute(await connection.fetchval(SEED_TEMPLATES), _TEMPLATES)
            await connection.execute(SEED_USERS)
        await connection.execute(SEED_GROUPS, first, last)
        await connection.execute(SEED_HELD)
        await connection.execute(SEED_ACL)
        await connection.execute("analyze")
    finally:
        await connection.close()


def _measure(server: RunningServer, reader: str) -> dict[str, float]:
    template = server.call("GET", "/templates")[0]["id"]
    calls: Mapping[str, tuple[str, str]] = {
        "templates, member": (reader, "/templates"),
        "templates, owner": (server.token, "/templates"),
        "all groups, owner": (server.token, "/groups"),
        "all groups, member": (reader, "/groups"),
        "groups, 50 of a page": (server.token, "/organizations/default/groups?limit=50&offset=20"),
        "access list, owner": (server.token, f"/templates/{template}/acl"),
        "acl/available, searched": (server.token, f"/templates/{template}/acl/available?q=group-1&limit=25"),
    }
    return {name: _time(server, token, path) for name, (token, path) in calls.items()}


def _time(server: RunningServer, token: str, path: str) -> float:
    own, server.token = server.token, token
    try:
        times = []
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            found: Any = server.call("GET", path)
            times.append(time.perf_counter() - begun)
            if not found:
                raise RuntimeError(f"{path} shows nothing")
        return statistics.median(times)
    finally:
        server.token = own


def _delete_large_group(server: RunningServer) -> float:
    group = server.call("POST", "/organizations/default/groups", {"name": "large"})
    people = [each["user_id"] for each in server.call("GET", "/organizations/default/members")]
    server.call("PATCH", f"/groups/{group['id']}", {"add_users": people[:1000]})
    for template in server.call("GET", "/templates"):
        server.call("PATCH", f"/templates/{template['id']}/acl", {"group_perms": {group["id"]: "use"}})
    begun = time.perf_counter()
    server.call("DELETE", f"/groups/{group['id']}")
    return time.perf_counter() - begun
