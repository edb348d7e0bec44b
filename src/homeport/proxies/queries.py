"""SQL of the room."""

from datetime import datetime

from homeport.database import Connection
from homeport.proxies.types import ProxyPlace

LIST_PLACES = """
    select url, wildcard_hostname
    from workspace_proxies
    where not deleted and url <> '' and last_seen_at > $1
    order by lower(name)
"""


async def list_places(conn: Connection, *, seen_after: datetime) -> list[ProxyPlace]:
    """Return where the proxies are that are there and were seen since a moment, by name."""
    return [ProxyPlace(**row) for row in await conn.fetch(LIST_PLACES, seen_after)]
