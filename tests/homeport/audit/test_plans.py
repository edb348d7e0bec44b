"""How PostgreSQL finds a page: it reads the entries that it shows and few more, whatever else is in the log."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from homeport.audit.queries import entries as queries
from homeport.audit.rules import parse_search
from homeport.audit.service.selecting import select
from homeport.database import Database
from tests.homeport.audit.entries import reader

ROWS = 30_000
# Four kinds of entries in turn, and one in 10,000 of which each value is its own.
SEED = """
insert into audit_logs (
    id, time, user_id, organization_id, ip, user_agent, resource_type, resource_id, resource_target, action, diff,
    status_code, additional_fields, request_id
)
select
    gen_random_uuid(), timestamptz '2026-01-01' + n * interval '1 second', lpad(to_hex(who), 32, '0')::uuid,
    lpad(to_hex(n % 20 + 1), 32, '0')::uuid, '', '', case when who = 9 then 'license' else 'workspace_build' end,
    lpad(to_hex(n % 5000), 32, '0')::uuid, case when who = 9 then 'zebra' else 'dev-' || n % 40 end,
    case when who = 9 then 'register' else 'start' end, '{}', 200,
    jsonb_build_object('build_reason', case when n % 10000 = 5 then 'autostart' else 'initiator' end),
    lpad(to_hex(n), 32, '0')::uuid
from generate_series(1, $1::int) n, lateral (select case when n % 10000 = 4999 then 9 else n % 4 end as who) w
"""
PLACES = [UUID(int=number) for number in range(1, 21)]
AUDITOR, LOCAL = reader("auditor"), reader(*(f"organization-auditor:{one}" for one in PLACES))
# The search, who asks, and how many entries may be read for a page of 10.
CASES = [
    ("", AUDITOR, 10),
    ("action:start", AUDITOR, 10),
    ("action:register", AUDITOR, 3),
    ("resource_type:license", AUDITOR, 3),
    ("resource_type:workspace_build", AUDITOR, 10),
    (f"username:{UUID(int=9)}", AUDITOR, 3),
    # One in four, or in twenty, of all entries: also along the time, passing over the others.
    (f"username:{UUID(int=1)}", AUDITOR, 100),
    (f"resource_id:{UUID(int=77)}", AUDITOR, 10),
    (f"request_id:{UUID(int=77)}", AUDITOR, 1),
    (f"organization:{UUID(int=7)}", AUDITOR, 300),
    ("resource_target:zebra", AUDITOR, 3),
    ("build_reason:autostart", AUDITOR, 3),
    ("build_reason:initiator", AUDITOR, 11),
    ("date_from:2026-01-01T02:00:00Z date_to:2026-01-01T03:00:00Z", AUDITOR, 10),
    ("action:start date_to:2026-01-01T03:00:00Z", AUDITOR, 10),
    ("zeb", AUDITOR, 3),
    # The newest of each of 11 names, of each of 20 organizations, and one more of each to know that they are in order.
    ("dev-1", AUDITOR, 121),
    ("", LOCAL, 220),
    ("date_to:2026-01-01T03:00:00Z", LOCAL, 220),
    (f"username:{UUID(int=9)}", LOCAL, 3),
    ("action:register", LOCAL, 3),
]


@pytest.fixture
async def filled(db: Database) -> Database:
    """A log of a few kinds of entries, some of them rare."""
    async with db.connection() as conn:
        await conn.execute(SEED, ROWS)
        await conn.execute("analyze audit_logs")
    return db


@pytest.mark.requirement("AUDIT-SPEED-01")
async def test_a_page_of_every_filter_reads_what_it_shows(filled: Database) -> None:
    problems = []
    async with filled.connection() as conn:
        for query, subject, most in CASES:
            selection = await select(conn, subject, parse_search(query))
            assert selection is not None
            keys = selection.keys
            condition, args = selection.condition(3 + len(keys))
            name = "LIST_ENTRIES" + ("_OF_ORGANIZATIONS" if selection.organizations else "_OF_NAMES" if keys else "")
            sql = getattr(queries, name).replace("{predicate}", condition)
            nodes = await explain(conn, sql, 10, 0, *keys, *args)
            read = sum(rows_of(node) for node in nodes)
            if any(node["Node Type"] == "Seq Scan" for node in nodes) or not 0 < read <= most:
                problems.append((query, read, {node["Node Type"] for node in nodes}))
    assert problems == [], "\n".join(map(str, problems))


@pytest.mark.requirement("AUDIT-SPEED-01")
async def test_names_that_words_begin_are_found_without_reading_their_entries(filled: Database) -> None:
    async with filled.connection() as conn:
        assert len(await queries.list_names(conn, "dev")) == 40
        nodes = await explain(conn, queries.LIST_NAMES, "dev", "\U0010ffff", 101)
    assert sum(rows_of(node) for node in nodes) <= 41


async def explain(conn: Any, sql: str, *args: Any) -> list[dict[str, Any]]:
    """Run a statement and return the steps of its plan that read the log."""
    found = await conn.fetchval(f"explain (analyze, timing off, format json) {sql}", *args)
    plan = found if isinstance(found, list) else json.loads(found)
    return [node for node in walk(plan[0]["Plan"]) if node.get("Relation Name") == "audit_logs"]


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a step and all below it."""
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def rows_of(node: dict[str, Any]) -> float:
    """Return how many rows a step has read, those that it passed over included."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return round((node["Actual Rows"] + removed) * node["Actual Loops"])
