"""SQL on what else an import finds: presets with their values, accounts elsewhere, flags, and what tags are made of."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many
from homeport.templates.types import ExternalAuthRow, PresetRow, PresetValueRow, VersionPreset

_PRESET = PresetRow.__struct_fields__
_VALUE = PresetValueRow.__struct_fields__
_EXTERNAL = ExternalAuthRow.__struct_fields__


def _insert(table: str, fields: Sequence[str]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(fields) + 1))
    return f"insert into {table} ({', '.join(fields)}) values ({places})"


INSERT_PRESET = _insert("template_version_presets", _PRESET)
INSERT_VALUE = _insert("template_version_preset_parameters", _VALUE)
INSERT_EXTERNAL_AUTH = _insert("template_version_external_auth", _EXTERNAL)
LIST_PRESETS = f"""
    select {", ".join(_PRESET)} from template_version_presets
    where template_version_id = $1
    order by is_default desc, display_order, name
"""
LIST_VALUES = f"""
    select {", ".join(_VALUE)} from template_version_preset_parameters where preset_id = any ($1::uuid[]) order by name
"""
LIST_EXTERNAL_AUTH = f"""
    select {", ".join(_EXTERNAL)} from template_version_external_auth
    where template_version_id = $1
    order by display_order, provider_id
"""
UPDATE_FLAGS = """
update template_versions set has_ai_task = $2, has_external_agent = $3, owner_secrets = $4 where id = $1
"""
UPDATE_TAG_SOURCE = "update template_versions set tag_source = $2 where id = $1"
# A form may be large and is not wanted with the tags.
FIND_TAG_SOURCE = "select tag_source - 'form' from template_versions where id = $1"
FIND_FORM_SOURCE = "select (tag_source -> 'form')::text from template_versions where id = $1"


async def insert_presets(conn: Connection, presets: Sequence[VersionPreset]) -> None:
    """Store the presets of a version."""
    await conn.executemany(INSERT_PRESET, [_values(each.preset, _PRESET) for each in presets])
    values = [(each.preset.id, name, value) for each in presets for name, value in each.values.items()]
    await conn.executemany(INSERT_VALUE, values)


async def list_presets(conn: Connection, version_id: UUID) -> list[VersionPreset]:
    """Return the presets of a version, the default first, with their values."""
    presets = many(PresetRow, await conn.fetch(LIST_PRESETS, version_id))
    values: dict[UUID, dict[str, str]] = {preset.id: {} for preset in presets}
    if presets:
        for row in many(PresetValueRow, await conn.fetch(LIST_VALUES, list(values))):
            values[row.preset_id][row.name] = row.value
    return [VersionPreset(preset=preset, values=values[preset.id]) for preset in presets]


async def insert_external_auth(conn: Connection, rows: Sequence[ExternalAuthRow]) -> None:
    """Store which accounts elsewhere a version asks for."""
    await conn.executemany(INSERT_EXTERNAL_AUTH, [_values(row, _EXTERNAL) for row in rows])


async def list_external_auth(conn: Connection, version_id: UUID) -> list[ExternalAuthRow]:
    """Return which accounts elsewhere a version asks for."""
    return many(ExternalAuthRow, await conn.fetch(LIST_EXTERNAL_AUTH, version_id))


async def update_flags(
    conn: Connection,
    version_id: UUID,
    *,
    has_ai_task: bool,
    has_external_agent: bool,
    owner_secrets: Sequence[str] | None,
) -> None:
    """Note what a version is for, and which secrets of owners it reads (None: not known)."""
    await conn.execute(UPDATE_FLAGS, version_id, has_ai_task, has_external_agent, owner_secrets)


async def update_tag_source(conn: Connection, version_id: UUID, source: Any) -> None:
    """Keep what the tags of a version are made of, as plain JSON."""
    await conn.execute(UPDATE_TAG_SOURCE, version_id, source)


async def find_tag_source(conn: Connection, version_id: UUID) -> Any:
    """Return what the tags of a version are made of, or None."""
    return await conn.fetchval(FIND_TAG_SOURCE, version_id)


async def find_form_source(conn: Connection, version_id: UUID) -> str | None:
    """Return what the form of a version is made of, as JSON; None where nothing in it depends on anything."""
    source: str | None = await conn.fetchval(FIND_FORM_SOURCE, version_id)
    return source


def _values(row: Any, fields: Sequence[str]) -> list[Any]:
    return [getattr(row, field) for field in fields]
