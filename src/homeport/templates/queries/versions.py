"""SQL on `template_versions`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.database.rows import many, maybe, one
from homeport.kit.names import is_storable
from homeport.templates.types import VersionRow

_FIELDS = VersionRow.__struct_fields__
_COLUMNS = ", ".join(f"v.{field}" for field in _FIELDS)
_VALUES = ", ".join(f"${number}" for number in range(1, len(_FIELDS) + 1))
_VIEW = f"""{_COLUMNS}, v.has_external_agent, u.username as created_by_username, u.name as created_by_name,
    u.avatar_url as created_by_avatar_url"""
_FROM = "from template_versions v join visible_users u on u.id = v.created_by"

INSERT = f"insert into template_versions as v ({', '.join(_FIELDS)}) values ({_VALUES}) returning {_COLUMNS}"
UPDATE = f"""
    update template_versions v
    set template_id = $2, name = $3, message = $4, readme = $5, archived = $6, updated_at = $7
    where v.id = $1
    returning {_COLUMNS}
"""
FIND = f"select {_COLUMNS} from template_versions v where v.id = $1"
LOCK = f"{FIND} for update"
FIND_BY_JOB = f"select {_COLUMNS} from template_versions v where v.job_id = $1"
FIND_BY_NAME = f"select {_COLUMNS} from template_versions v where v.template_id = $1 and lower(v.name) = lower($2)"
FIND_PREVIOUS = f"""
    select {_COLUMNS} from template_versions v
    where v.template_id = $1 and (v.created_at, v.id) < ($2, $3)
    order by v.created_at desc, v.id desc
    limit 1
"""
GET_VIEW = f"select {_VIEW} {_FROM} where v.id = $1"
# Walks template_versions_created_idx backwards in time; $3 is the version after which the page begins.
LIST_VIEWS = f"""
    select {_VIEW} {_FROM}
    where v.template_id = $1
      and ($2 or not v.archived)
      and ($3::uuid is null or (v.created_at, v.id) < (select a.created_at, a.id from template_versions a where a.id = $3))
    order by v.created_at desc, v.id desc
    limit $4 offset $5
"""
# Failed imports, or with `$2` all; never the active one nor those in `$3`, nor what is still being imported.
ARCHIVE_UNUSED = """
    update template_versions v
    set archived = true, updated_at = $4
    from provisioner_jobs j, templates t
    where v.template_id = $1 and t.id = v.template_id and j.id = v.job_id
      and not v.archived and v.id <> t.active_version_id and not v.id = any ($3::uuid[])
      and j.completed_at is not null and ($2 or j.job_status = 'failed')
    returning v.id
"""
# Who uses a file: the templates of its versions, and versions that belong to none yet.
LIST_USERS_OF_FILE = """
    select distinct v.template_id, v.organization_id
    from provisioner_jobs j
    join template_versions v on v.job_id = j.id
    where j.file_id = $1
"""
LIST_PLACES = """
    select v.job_id, v.name as template_version_name, t.id as template_id, t.name as template_name,
           t.display_name as template_display_name, t.icon as template_icon
    from template_versions v
    left join templates t on t.id = v.template_id
    where v.job_id = any ($1::uuid[])
"""


class VersionViewRow(VersionRow, frozen=True, kw_only=True):
    """A version with its creator, and what its import has found it to be for."""

    has_external_agent: bool
    created_by_username: str
    created_by_name: str
    created_by_avatar_url: str


class FileUse(msgspec.Struct, frozen=True):
    """A template that uses a file, or an organization where a version without template does."""

    template_id: UUID | None
    organization_id: UUID


class JobPlace(msgspec.Struct, frozen=True):
    """What surrounds an import job."""

    job_id: UUID
    template_version_name: str
    template_id: UUID | None
    template_name: str | None
    template_display_name: str | None
    template_icon: str | None


async def insert_version(conn: Connection, version: VersionRow) -> VersionRow:
    """Insert a version. Raises UniqueViolation (template_versions_name_key)."""
    row = await conn.fetchrow(INSERT, *(getattr(version, field) for field in _FIELDS))
    assert row is not None
    return one(VersionRow, row)


async def update_version(conn: Connection, version: VersionRow, now: datetime) -> VersionRow:
    """Write a changed version. Raises UniqueViolation (template_versions_name_key)."""
    row = await conn.fetchrow(
        UPDATE, version.id, version.template_id, version.name, version.message, version.readme, version.archived, now
    )
    assert row is not None
    return one(VersionRow, row)


async def find_version(conn: Connection, version_id: UUID) -> VersionRow | None:
    """Return a version or None."""
    return maybe(VersionRow, await conn.fetchrow(FIND, version_id))


async def lock_version(conn: Connection, version_id: UUID) -> VersionRow | None:
    """Return a version and hold its row."""
    return maybe(VersionRow, await conn.fetchrow(LOCK, version_id))


async def find_version_by_job(conn: Connection, job_id: UUID) -> VersionRow | None:
    """Return the version that this job imports."""
    return maybe(VersionRow, await conn.fetchrow(FIND_BY_JOB, job_id))


async def find_version_by_name(conn: Connection, template_id: UUID, name: str) -> VersionRow | None:
    """Return the template's version of this name."""
    row = await conn.fetchrow(FIND_BY_NAME, template_id, name) if is_storable(name) else None
    return maybe(VersionRow, row)


async def find_previous_version(conn: Connection, version: VersionRow) -> VersionRow | None:
    """Return the version of the same template that was made just before."""
    return maybe(VersionRow, await conn.fetchrow(FIND_PREVIOUS, version.template_id, version.created_at, version.id))


async def get_version_view(conn: Connection, version_id: UUID) -> VersionViewRow:
    """Return a version that is known to be there, with its creator."""
    row = await conn.fetchrow(GET_VIEW, version_id)
    assert row is not None
    return one(VersionViewRow, row)


async def list_version_views(
    conn: Connection, template_id: UUID, *, has_archived: bool, after_id: UUID | None, limit: int, offset: int
) -> list[VersionViewRow]:
    """Return a page of a template's versions, newest first."""
    return many(VersionViewRow, await conn.fetch(LIST_VIEWS, template_id, has_archived, after_id, limit, offset))


async def archive_unused(
    conn: Connection, template_id: UUID, *, is_all: bool, kept: Sequence[UUID], now: datetime
) -> list[UUID]:
    """Archive versions and return their ids."""
    return [row["id"] for row in await conn.fetch(ARCHIVE_UNUSED, template_id, is_all, list(kept), now)]


async def list_users_of_file(conn: Connection, file_id: UUID) -> list[FileUse]:
    """Return who uses a file."""
    return many(FileUse, await conn.fetch(LIST_USERS_OF_FILE, file_id))


async def list_job_places(conn: Connection, job_ids: Sequence[UUID]) -> list[JobPlace]:
    """Return what surrounds import jobs."""
    return many(JobPlace, await conn.fetch(LIST_PLACES, list(job_ids)))
