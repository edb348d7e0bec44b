"""SQL over sealed columns, put together from their declarations; values are always parameters."""

from collections.abc import Sequence
from typing import Any

from homeport.database import Connection
from homeport.database.rows import Record
from homeport.server.dbcrypt.columns import SealedColumn

BATCH = 100
# The version, then the id of the key (kit.crypto.Cipher).
_KEY_ID = "encode(substring({read} from 2 for 4), 'hex')"
COUNT_LIVE_SERVERS = """
select count(*) from replicas where stopped_at is null and updated_at > clock_timestamp() - interval '60 seconds'
"""


async def count_by_key(conn: Connection, column: SealedColumn) -> dict[str, int]:
    """Count the sealed values of a column by the id of their key."""
    key_id = _KEY_ID.format(read=column.bytes_of)
    sql = (
        f"select {key_id} as key_id, count(*) as count from {column.table}"
        f" where {column.bytes_of} is not null and {column.only} group by 1"
    )
    return {row["key_id"]: row["count"] for row in await conn.fetch(sql)}


async def lock_batch(conn: Connection, column: SealedColumn, *, not_by: str, after: Sequence[Any]) -> list[Record]:
    """Return the next rows whose value another key has sealed than this one, in the order of their keys, and hold them.

    An empty `not_by` asks for all. Rows have the keys of the table and `sealed`.
    """
    keys = ", ".join(column.keys)
    places = ", ".join(f"${number}" for number in range(2, 2 + len(column.keys)))
    beyond = f" and ({keys}) > ({places})" if after else ""
    sql = (
        f"select {keys}, {column.bytes_of} as sealed from {column.table}"
        f" where {column.bytes_of} is not null and {column.only}"
        f" and {_KEY_ID.format(read=column.bytes_of)} is distinct from $1{beyond}"
        f" order by {keys} limit {BATCH} for update"
    )
    return await conn.fetch(sql, not_by, *after)


async def update_sealed(
    conn: Connection, column: SealedColumn, keys: Sequence[Any], value: bytes | None, *, key_id: str
) -> None:
    """Write a sealed value; None takes it away."""
    arguments: list[Any] = []

    def place(argument: Any) -> str:
        arguments.append(argument)
        return f"${len(arguments)}"

    written = column.assignment.format(value="null::bytea" if value is None else f"{place(value)}::bytea")
    beside = f", {column.key_id} = {place(key_id)}" if column.key_id else ""
    where = " and ".join(f"{name} = {place(key)}" for name, key in zip(column.keys, keys, strict=True))
    await conn.execute(f"update {column.table} set {written}{beside} where {where}", *arguments)


async def delete_row(conn: Connection, column: SealedColumn, keys: Sequence[Any]) -> None:
    """Delete a row."""
    where = " and ".join(f"{name} = ${number}" for number, name in enumerate(column.keys, start=1))
    await conn.execute(f"delete from {column.table} where {where}", *keys)


async def count_live_servers(conn: Connection) -> int:
    """Count the servers that were alive a moment ago."""
    count: int = await conn.fetchval(COUNT_LIVE_SERVERS)
    return count
