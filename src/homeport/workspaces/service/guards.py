"""What cannot go while workspaces depend on it: handlers of lower rooms' events, which refuse by raising."""

from uuid import UUID

from homeport.database import Connection
from homeport.workspaces.errors import HasWorkspaces
from homeport.workspaces.queries import workspaces as queries


async def refuse_template_with_workspaces(conn: Connection, template_id: UUID) -> None:
    """Raise HasWorkspaces (409) while the template has live workspaces."""
    _refuse("template", await queries.count_live_of_template(conn, template_id))


async def refuse_user_with_workspaces(conn: Connection, user_id: UUID) -> None:
    """Raise HasWorkspaces (409) while the user owns live workspaces."""
    _refuse("user", await queries.count_live_of_owner(conn, user_id))


async def refuse_member_with_workspaces(conn: Connection, user_id: UUID, organization_id: UUID) -> None:
    """Raise HasWorkspaces (409) while the member owns live workspaces in the organization."""
    _refuse("member", await queries.count_live_of_member(conn, user_id, organization_id))


async def refuse_organization_with_workspaces(conn: Connection, organization_id: UUID) -> None:
    """Raise HasWorkspaces (409) while the organization has live workspaces."""
    _refuse("organization", await queries.count_live_of_organization(conn, organization_id))


def _refuse(noun: str, count: int) -> None:
    if count:
        raise HasWorkspaces(noun, count)
