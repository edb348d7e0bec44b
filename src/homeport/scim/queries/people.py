"""SQL on `scim_users`, and accounts as SCIM shows them. System users are in none of these."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many, maybe
from homeport.scim.queries.filters import USER_NAME
from homeport.scim.types import MemberRow, Person, PersonRow

_COLUMNS = f"""
u.id, {USER_NAME} as user_name, coalesce(s.external_id, '') as external_id, u.email,
coalesce(s.email_type, 'work') as email_type, u.name as display_name, coalesce(s.given_name, '') as given_name,
coalesce(s.family_name, '') as family_name, coalesce(s.formatted_name, '') as formatted_name,
u.status <> 'suspended' as is_active, s.user_id is not null as is_kept, u.created_at,
greatest(u.updated_at, s.updated_at) as updated_at
"""
_PEOPLE = "from users u left join scim_users s on s.user_id = u.id where not u.deleted and not u.is_system"
FIND_PERSON = f"select {_COLUMNS} {_PEOPLE} and u.id = $1"
LIST_PEOPLE = f"select {_COLUMNS} {_PEOPLE} and {{predicate}}"
COUNT_PEOPLE = f"select count(*) {_PEOPLE} and {{predicate}}"
# By the unique indexes on lower(...) of both tables.
IS_NAME_TAKEN = """
select exists (select 1 from scim_users where lower(user_name) = lower($1) and user_id <> $2)
    or exists (
        select 1 from users u where lower(u.email) = lower($1) and not u.deleted and u.id <> $2
            and not exists (select 1 from scim_users s where s.user_id = u.id)
    )
"""
KEEP_PERSON = """
insert into scim_users (
    user_id, user_name, external_id, given_name, family_name, formatted_name, email_type, created_at, updated_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
on conflict (user_id) do update set
    user_name = excluded.user_name, external_id = excluded.external_id, given_name = excluded.given_name,
    family_name = excluded.family_name, formatted_name = excluded.formatted_name, email_type = excluded.email_type,
    updated_at = excluded.updated_at
"""
LIST_TEAMS_OF_PEOPLE = """
select m.group_id, m.user_id, '' as display, coalesce(nullif(g.display_name, ''), g.name) as group_display
from group_members m join groups g on g.id = m.group_id
where m.user_id = any ($1::uuid[]) and g.organization_id = $2
order by lower(g.name), g.id
"""
LIST_LIVE_IDS = "select id from users where id = any ($1::uuid[]) and not deleted and not is_system"
BY_AGE = "u.created_at, u.id"


async def find_person(conn: Connection, user_id: UUID) -> PersonRow | None:
    """Return a live account by id."""
    return maybe(PersonRow, await conn.fetchrow(FIND_PERSON, user_id))


async def list_people(
    conn: Connection, *, condition: str, arguments: Sequence[Any], order: str, limit: int, offset: int
) -> list[PersonRow]:
    """Return a page of the accounts that fulfil a condition, whose parameters begin at 1."""
    following = len(arguments) + 1
    sql = f"{LIST_PEOPLE.replace('{predicate}', condition)} order by {order} limit ${following} offset ${following + 1}"
    return many(PersonRow, await conn.fetch(sql, *arguments, limit, offset))


async def count_people(conn: Connection, *, condition: str, arguments: Sequence[Any]) -> int:
    """Count the accounts that fulfil a condition."""
    found: int = await conn.fetchval(COUNT_PEOPLE.replace("{predicate}", condition), *arguments)
    return found


async def is_name_taken(conn: Connection, user_name: str, except_id: UUID) -> bool:
    """Tell whether another account answers to this user name."""
    return bool(await conn.fetchval(IS_NAME_TAKEN, user_name, except_id))


async def keep_person(conn: Connection, user_id: UUID, person: Person, now: datetime) -> None:
    """Write what the provider says of an account. Raises UniqueViolation (scim_users_name_key, scim_users_external_key)."""
    await conn.execute(
        KEEP_PERSON,
        user_id,
        person.user_name,
        person.external_id,
        person.given_name,
        person.family_name,
        person.formatted_name,
        person.email_type,
        now,
    )


async def list_teams_of_people(conn: Connection, user_ids: Collection[UUID], organization_id: UUID) -> list[MemberRow]:
    """Return the groups of accounts within an organization, but for the group of all its members."""
    return many(MemberRow, await conn.fetch(LIST_TEAMS_OF_PEOPLE, list(user_ids), organization_id))


async def list_live_ids(conn: Connection, user_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that are accounts of people."""
    return {row["id"] for row in await conn.fetch(LIST_LIVE_IDS, list(user_ids))}
