"""Whether the next start by schedule would go through."""

from uuid import UUID

from homeport.database import Database
from homeport.kit.crypto import Cipher
from homeport.rbac import Subject
from homeport.templates.rules import judge_values
from homeport.templates.service import evaluate_facts, version_form
from homeport.workspaces.queries import builds as build_queries
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.schemas import ResolveAutostartResponse
from homeport.workspaces.service.authorization import get_readable_workspace


async def resolve_autostart(
    db: Database, cipher: Cipher, *, subject: Subject, workspace_id: UUID
) -> ResolveAutostartResponse:
    """Tell whether the version that the next autostart takes asks for values that nobody has given."""
    async with db.connection() as conn:
        workspace = await get_readable_workspace(conn, subject, workspace_id)
        template = await template_queries.get_template(conn, workspace.template_id)
        latest = await build_queries.find_latest_build(conn, workspace.id)
        takes_active = workspace.automatic_updates == "always" or template.require_active_version
        if latest is None or not takes_active or latest.template_version_id == template.active_version_id:
            return ResolveAutostartResponse(parameter_mismatch=False)
        previous = await build_queries.list_parameters(conn, latest.id)
        form = await version_form(conn, cipher, template.active_version_id)
        found = await evaluate_facts(conn, form, owner_id=workspace.owner_id, requested={}, previous=previous)
    return ResolveAutostartResponse(parameter_mismatch=bool(judge_values(found, {}, previous, is_first_build=False)))
