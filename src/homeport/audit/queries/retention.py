"""Deleting what is older than the logs are kept, oldest first, a batch at a time."""

from datetime import datetime

from homeport.database import Connection

# From the old end of audit_logs_time_idx and connection_logs_time_idx; the rows then by their keys.
DELETE_OLD_ENTRIES = """
delete from audit_logs where id in (select id from audit_logs where time < $1 order by time limit $2)
"""
DELETE_OLD_CONNECTIONS = """
delete from connection_logs where id in (
    select id from connection_logs where connect_time < $1 order by connect_time limit $2
)
"""


async def delete_old_entries(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` entries; return how many went."""
    return await conn.execute(DELETE_OLD_ENTRIES, before, most)


async def delete_old_connections(conn: Connection, before: datetime, most: int) -> int:
    """Delete up to `most` connections that began before; return how many went."""
    return await conn.execute(DELETE_OLD_CONNECTIONS, before, most)
