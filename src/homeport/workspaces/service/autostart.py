"""Whether the next start by schedule would go through."""

from uuid import UUID

from homeport.database import Database
from homeport.rbac import Subject
from homeport.templates.rules import validate_parameters
from homeport.templates.service import version_parameters
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.schemas import ResolveAutostartResponse
from homeport.workspaces.service.authorization import get_readable_workspace


async def resolve_autostart(db: Database, *, subject: Subject, workspace_id: UUID) -> ResolveAutostartResponse:
    """Tell whether the version that the next autostart takes asks for values that nobody has given."""
    async with db.connection() as conn:
        workspace = await get_readable_workspace(conn, subject, workspace_id)
        template = await template_queries.get_template(conn, workspace.template_id)
        latest = await build_queries.find_latest_build(conn, workspace.id)
        takes_active = workspace.automatic_updates == "always" or template.require_active_version
        if latest is None or not takes_active or latest.template_version_id == template.active_version_id:
            return ResolveAutostartResponse(parameter_mismatch=False)
        declared = await version_parameters(conn, template.active_version_id)
        previous = await build_queries.list_parameters(conn, latest.id)
    return ResolveAutostartResponse(
        parameter_mismatch=bool(validate_parameters(declared, {}, previous, is_first_build=False))
    )
