"""SQL of the sync of people with what their provider says: its settings, and what is read to compare. Changes stand elsewhere."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many
from homeport.organizations.types import NamedGroup

Kind = Literal["organization", "group", "role"]
NO_ORGANIZATION = UUID(int=0)

# By the unique index on (kind, organization or the nil id).
FIND_SETTINGS = """
select id, settings from idp_sync_settings
where kind = $1 and coalesce(organization_id, '00000000-0000-0000-0000-000000000000') = $2
"""
LIST_SETTINGS = """
select kind, organization_id, settings from idp_sync_settings
where kind in ('group', 'role') and coalesce(organization_id, '00000000-0000-0000-0000-000000000000') = any ($1::uuid[])
"""
SAVE_SETTINGS = """
insert into idp_sync_settings (id, kind, organization_id, settings, updated_at)
values ($1, $2, nullif($3, '00000000-0000-0000-0000-000000000000'::uuid), $4, $5)
on conflict (kind, coalesce(organization_id, '00000000-0000-0000-0000-000000000000')) do update
set settings = excluded.settings, updated_at = excluded.updated_at
returning id
"""
LIST_LIVE_ORGANIZATIONS = "select id from organizations where id = any ($1::uuid[]) and not deleted"
LIST_GROUPS_BY_ID = "select id from groups where organization_id = $1 and id = any ($2::uuid[])"
# Those that are wanted, and those that the user is in. Groups of the provider are known by the names it has for them as well.
LIST_GROUPS = """
select g.id, g.name, g.display_name, g.source = 'oidc' as is_of_provider,
       exists (select from group_members m where m.group_id = g.id and m.user_id = $2) as has_user
from groups g
where g.organization_id = $1 and g.id <> $1 and (
    g.id = any ($3::uuid[]) or lower(g.name) = any ($4::text[]) or (g.source = 'oidc' and g.display_name = any ($5::text[]))
    or exists (select from group_members m where m.group_id = g.id and m.user_id = $2)
)
order by g.id
"""
# Of people who are there now: links of deleted accounts are gone with them.
_SAID = """
from user_links l
cross join lateral (
    select case when jsonb_typeof(l.claims -> 'merged_claims') = 'object' then l.claims -> 'merged_claims' else '{}' end as claims
) said
"""
_AMONG = """
l.login_type = 'oidc' and (
    $1::uuid is null or exists (select from organization_members m where m.organization_id = $1 and m.user_id = l.user_id)
)
"""
LIST_FIELDS = f"""
select distinct field {_SAID} cross join lateral jsonb_object_keys(said.claims) field
where {_AMONG} order by field limit $2
"""
# What is at the top, then what is at a path; each element of a list by itself.
LIST_VALUES = f"""
select distinct found.value, found.is_alone
{_SAID}
cross join lateral (select coalesce(said.claims -> $3, said.claims #> string_to_array($3, '.')) as claim) of_field
cross join lateral (
    select element as value, false as is_alone from jsonb_array_elements(
        case when jsonb_typeof(of_field.claim) = 'array' then of_field.claim else '[]' end
    ) element
    union all
    select of_field.claim, true where jsonb_typeof(of_field.claim) <> 'array'
) found
where {_AMONG} and jsonb_typeof(found.value) <> 'null' and length(found.value::text) <= $4
order by found.value limit $2
"""


async def find_settings(conn: Connection, kind: Kind, organization_id: UUID) -> tuple[UUID, Any] | None:
    """Return id and contents of stored settings, or None. The deployment's have the nil id for an organization."""
    row = await conn.fetchrow(FIND_SETTINGS, kind, organization_id)
    return None if row is None else (row["id"], row["settings"])


async def list_settings(conn: Connection, organization_ids: Collection[UUID]) -> dict[tuple[str, UUID], Any]:
    """Return the stored settings of groups and roles of these organizations, by kind and organization."""
    rows = await conn.fetch(LIST_SETTINGS, list(organization_ids))
    return {(row["kind"], row["organization_id"]): row["settings"] for row in rows}


async def save_settings(
    conn: Connection, *, row_id: UUID, kind: Kind, organization_id: UUID, settings: Any, now: datetime
) -> UUID:
    """Store settings in place of those that were there, and return the row's id, which stays."""
    saved: UUID = await conn.fetchval(SAVE_SETTINGS, row_id, kind, organization_id, settings, now)
    return saved


async def list_live_organizations(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that are organizations."""
    return {row["id"] for row in await conn.fetch(LIST_LIVE_ORGANIZATIONS, list(ids))}


async def list_groups_by_id(conn: Connection, organization_id: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that are groups of the organization."""
    return {row["id"] for row in await conn.fetch(LIST_GROUPS_BY_ID, organization_id, list(ids))}


async def list_groups(
    conn: Connection, organization_id: UUID, user_id: UUID, *, ids: Collection[UUID], names: Sequence[str]
) -> list[NamedGroup]:
    """Return the groups with one of these ids or names, and those that the user is in, by id; without the group of all."""
    lowered = [name.lower() for name in names]
    rows = await conn.fetch(LIST_GROUPS, organization_id, user_id, list(ids), lowered, list(names))
    return many(NamedGroup, rows)


async def list_fields(conn: Connection, organization_id: UUID | None, *, limit: int) -> list[str]:
    """Return the names of the claims that people have, or the members of one organization."""
    return [row["field"] for row in await conn.fetch(LIST_FIELDS, organization_id, limit)]


async def list_values(
    conn: Connection, organization_id: UUID | None, field: str, *, limit: int, longest: int
) -> list[tuple[Any, bool]]:
    """Return what a claim holds with people, or the members of one organization: each element of a list by itself.

    The flag tells what was no element: it may be several values in one text.
    """
    rows = await conn.fetch(LIST_VALUES, organization_id, limit, field, longest)
    return [(row["value"], row["is_alone"]) for row in rows]
