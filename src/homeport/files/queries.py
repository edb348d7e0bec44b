"""All SQL on `files`."""

from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import maybe
from homeport.files.types import FileRow

_COLUMNS = "id, hash, organization_id, created_by, mimetype, size, created_at"

INSERT = f"""
    insert into files (id, hash, organization_id, created_by, mimetype, size, data, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (hash, created_by) do nothing
    returning {_COLUMNS}
"""

FIND = f"select {_COLUMNS} from files where id = $1"
FIND_BY_HASH = f"select {_COLUMNS} from files where hash = $1 and created_by = $2"
FIND_DATA = "select data from files where id = $1"


async def insert_file(conn: Connection, file: FileRow, data: bytes) -> FileRow | None:
    """Insert a file; None when its creator has one with the same hash."""
    row = await conn.fetchrow(
        INSERT,
        file.id,
        file.hash,
        file.organization_id,
        file.created_by,
        file.mimetype,
        file.size,
        data,
        file.created_at,
    )
    return maybe(FileRow, row)


async def find_file(conn: Connection, file_id: UUID) -> FileRow | None:
    """Return a file without its data, or None."""
    return maybe(FileRow, await conn.fetchrow(FIND, file_id))


async def find_file_by_hash(conn: Connection, hashed: bytes, created_by: UUID) -> FileRow | None:
    """Return the creator's file with this hash, or None."""
    return maybe(FileRow, await conn.fetchrow(FIND_BY_HASH, hashed, created_by))


async def find_data(conn: Connection, file_id: UUID) -> bytes | None:
    """Return the bytes of a file, or None."""
    data: bytes | None = await conn.fetchval(FIND_DATA, file_id)
    return data
