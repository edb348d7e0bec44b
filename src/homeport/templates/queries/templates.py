"""SQL on `templates`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.database.rows import many, maybe, one
from homeport.kit.names import is_storable
from homeport.templates.types import TemplateColumns, TemplateRow

_FIELDS = TemplateRow.__struct_fields__
_COLUMNS = ", ".join(f"t.{field}" for field in _FIELDS)
_SHOWN = ", ".join(f"t.{field}" for field in TemplateColumns.__struct_fields__)
_VALUES = ", ".join(f"${number}" for number in range(1, len(_FIELDS) + 1))
# What settings and promotion may change; the rest is fixed when the template is made.
_CHANGEABLE = [field for field in _FIELDS if field not in {"id", "organization_id", "created_by", "created_at"}]
_CHANGES = ", ".join(f"{field} = ${number}" for number, field in enumerate(_CHANGEABLE, start=2))
_VIEW = f"""
    {_SHOWN}, o.name as organization_name, o.display_name as organization_display_name, o.icon as organization_icon,
    u.username as created_by_name
"""
_FROM = """
    from templates t
    join organizations o on o.id = t.organization_id
    join visible_users u on u.id = t.created_by
"""

INSERT = f"insert into templates as t ({', '.join(_FIELDS)}) values ({_VALUES}) returning {_COLUMNS}"
UPDATE = f"update templates t set {_CHANGES} where t.id = $1 returning {_COLUMNS}"
FIND = f"select {_COLUMNS} from templates t where t.id = $1 and not t.deleted"
LOCK = f"{FIND} for update"
FIND_BY_NAME = f"""
    select {_COLUMNS} from templates t where t.organization_id = $1 and lower(t.name) = lower($2) and not t.deleted
"""
LIST_BY_IDS = f"select {_COLUMNS} from templates t where t.id = any ($1::uuid[])"
GET_VIEW = f"select {_VIEW} {_FROM} where t.id = $1"
_LISTED = f"""
    select {_VIEW} {_FROM}
    where not t.deleted
      and ($1::uuid is null or t.organization_id = $1)
      and ($2::text is null or lower(o.name) = lower($2) or o.id::text = lower($2))
      and ($3::text is null or lower(t.name) = lower($3))
      and ($4::text is null or strpos(lower(t.name), lower($4)) > 0 or strpos(lower(t.display_name), lower($4)) > 0)
      and ($5::boolean is null or (t.deprecated <> '') = $5)
"""
FIRST_PARAMETER = 6


class TemplateViewRow(TemplateColumns, frozen=True, kw_only=True):
    """A template with the names around it."""

    organization_name: str
    organization_display_name: str
    organization_icon: str
    created_by_name: str


async def insert_template(conn: Connection, template: TemplateRow) -> TemplateRow:
    """Insert a template. Raises UniqueViolation (templates_name_key)."""
    row = await conn.fetchrow(INSERT, *(getattr(template, field) for field in _FIELDS))
    assert row is not None
    return one(TemplateRow, row)


async def update_template(conn: Connection, template: TemplateRow, now: datetime) -> TemplateRow:
    """Write a changed template. Raises UniqueViolation (templates_name_key)."""
    changed = msgspec.structs.replace(template, updated_at=now)
    row = await conn.fetchrow(UPDATE, template.id, *(getattr(changed, field) for field in _CHANGEABLE))
    assert row is not None
    return one(TemplateRow, row)


async def find_template(conn: Connection, template_id: UUID) -> TemplateRow | None:
    """Return a living template or None."""
    return maybe(TemplateRow, await conn.fetchrow(FIND, template_id))


async def lock_template(conn: Connection, template_id: UUID) -> TemplateRow | None:
    """Return a living template and hold its row."""
    return maybe(TemplateRow, await conn.fetchrow(LOCK, template_id))


async def find_template_by_name(conn: Connection, organization_id: UUID, name: str) -> TemplateRow | None:
    """Return the organization's living template of this name."""
    row = await conn.fetchrow(FIND_BY_NAME, organization_id, name) if is_storable(name) else None
    return maybe(TemplateRow, row)


async def list_templates_by_ids(conn: Connection, ids: Sequence[UUID]) -> list[TemplateRow]:
    """Return templates, the deleted among them, in no order."""
    return many(TemplateRow, await conn.fetch(LIST_BY_IDS, list(ids)))


async def get_template_view(conn: Connection, template_id: UUID) -> TemplateViewRow:
    """Return a template that is known to be there, with the names around it."""
    row = await conn.fetchrow(GET_VIEW, template_id)
    assert row is not None
    return one(TemplateViewRow, row)


async def list_template_views(
    conn: Connection,
    *,
    organization_id: UUID | None,
    organization: str | None,
    exact_name: str | None,
    name: str | None,
    is_deprecated: bool | None,
    predicate: str,
    arguments: Sequence[Any],
) -> list[TemplateViewRow]:
    """Return living templates by name. `predicate` speaks of alias `t`; its parameters begin at FIRST_PARAMETER."""
    sql = f"{_LISTED} and ({predicate}) order by lower(t.name), t.id"
    return many(
        TemplateViewRow,
        await conn.fetch(sql, organization_id, organization, exact_name, name, is_deprecated, *arguments),
    )
