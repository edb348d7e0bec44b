"""SQL of what owners decide at run time about the authorization server."""

from datetime import datetime

from homeport.database import Connection

FIND_VALUE = "select value from site_configs where key = $1"
PUT_VALUE = """
insert into site_configs (key, value, updated_at) values ($1, $2, $3)
on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at
"""


async def find_value(conn: Connection, key: str) -> str | None:
    """Return a stored value; None where nobody has decided."""
    found: str | None = await conn.fetchval(FIND_VALUE, key)
    return found


async def put_value(conn: Connection, key: str, value: str, now: datetime) -> None:
    """Store a value."""
    await conn.execute(PUT_VALUE, key, value, now)
