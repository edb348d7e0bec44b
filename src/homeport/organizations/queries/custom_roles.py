"""SQL on `custom_roles`."""

from uuid import UUID

from homeport.database import Connection
from homeport.database.rows import many
from homeport.organizations.types import CustomRoleRow

LIST_CUSTOM_ROLES = """
select name, display_name, organization_id, site_permissions, org_permissions, user_permissions
from custom_roles where organization_id = $1 order by lower(name)
"""


async def list_custom_roles(conn: Connection, organization_id: UUID) -> list[CustomRoleRow]:
    """Return an organization's custom roles by name."""
    return many(CustomRoleRow, await conn.fetch(LIST_CUSTOM_ROLES, organization_id))
