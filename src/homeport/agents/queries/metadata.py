"""Values that agents collect."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.agents.types import MetadataRow, MetadataValue
from homeport.database import Connection
from homeport.database.rows import many

LIST_METADATA = """
select key, display_name, script, value, error, interval_seconds, timeout_seconds, collected_at
from workspace_agent_metadata where workspace_agent_id = $1 order by display_order, key
"""

UPDATE_METADATA = """
update workspace_agent_metadata m set value = v.value, error = v.error, collected_at = $5
from unnest($2::text[], $3::text[], $4::text[]) as v (key, value, error)
where m.workspace_agent_id = $1 and m.key = v.key
"""


async def list_metadata(conn: Connection, agent_id: UUID) -> list[MetadataRow]:
    """Return an agent's values in the template's order."""
    return many(MetadataRow, await conn.fetch(LIST_METADATA, agent_id))


async def update_metadata(conn: Connection, agent_id: UUID, values: Sequence[MetadataValue], now: datetime) -> None:
    """Set values by key; keys that the template does not declare are passed over."""
    await conn.execute(
        UPDATE_METADATA, agent_id, [value.key for value in values], [value.value for value in values],
        [value.error for value in values], now,
    )  # fmt: skip
