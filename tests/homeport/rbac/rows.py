"""Objects as rows of a real table, to see which of them a predicate lets through."""

import json
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.rbac import Columns, Object, Predicate

COLUMNS = Columns(
    id="o.id",
    organization="o.organization_id",
    owner="o.owner_id",
    user_acl="o.user_acl",
    group_acl="o.group_acl",
    is_organization_nullable=True,
)


async def store(connection: Connection, objects: Sequence[Object]) -> None:
    """Put the objects into a temporary table, in order."""
    await connection.execute("drop table if exists objects")
    await connection.execute(
        """
        create temporary table objects (
            position int, id uuid, text_id text, organization_id uuid, owner_id uuid, user_acl jsonb, group_acl jsonb,
            is_dormant boolean
        )
        """
    )
    rows = [
        (
            position,
            target.id if isinstance(target.id, UUID) else None,
            str(target.id),
            target.organization_id,
            target.owner_id,
            json.dumps({key: list(actions) for key, actions in target.user_acl.items()}),
            json.dumps({key: list(actions) for key, actions in target.group_acl.items()}),
            target.type == "workspace_dormant",
        )
        for position, target in enumerate(objects)
    ]
    await connection.executemany(
        "insert into objects values ($1, $2, $3, $4, $5, $6::text::jsonb, $7::text::jsonb, $8)", rows
    )


async def passing(connection: Connection, condition: Predicate) -> set[int]:
    """Return the positions of the objects that the condition lets through."""
    records = await connection.fetch(f"select position from objects o where {condition.sql}", *condition.args)
    return {record["position"] for record in records}


async def passing_each(connection: Connection, conditions: Sequence[Predicate]) -> list[set[int]]:
    """Return the same for many conditions, by one statement: each condition's parameters follow those before it."""
    branches: list[str] = []
    args: list[Any] = []
    for number, condition in enumerate(conditions):
        sql = _renumbered(condition.sql, len(args))
        branches.append(f"select {number} as number, position from objects o where {sql}")
        args += condition.args
    found: list[set[int]] = [set() for _ in conditions]
    for record in await connection.fetch(" union all ".join(branches), *args):
        found[record["number"]].add(record["position"])
    return found


def _renumbered(sql: str, before: int) -> str:
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + before}", sql)
