"""Roles of an organization as the wire shows them."""

from collections.abc import Callable, Sequence
from uuid import UUID

from homeport.database import Connection
from homeport.identity.schemas import SlimRole
from homeport.organizations.queries import custom_roles as queries
from homeport.organizations.types import CustomRoleRow
from homeport.rbac import Role, built_in_roles, custom_role, read_permissions


async def organization_roles(conn: Connection, organization_id: UUID) -> Callable[[Sequence[str]], list[SlimRole]]:
    """Load an organization's roles and return what turns stored names into them; names without a role are left out."""
    known = {role.name: role for role in await list_roles(conn, organization_id)}

    def shown(names: Sequence[str]) -> list[SlimRole]:
        return [SlimRole(name, known[name].display_name, str(organization_id)) for name in names if name in known]

    return shown


async def list_roles(conn: Connection, organization_id: UUID) -> list[Role]:
    """Return the built-in roles of an organization, then its custom ones."""
    custom = await queries.list_custom_roles(conn, organization_id)
    return [*built_in_roles(organization_id), *(compile_role(row) for row in custom)]


def compile_role(row: CustomRoleRow) -> Role:
    """Compile a stored custom role."""
    return custom_role(
        row.name,
        row.organization_id,
        display_name=row.display_name,
        site=read_permissions(row.site_permissions),
        organization=read_permissions(row.org_permissions),
        user=read_permissions(row.user_permissions),
    )
