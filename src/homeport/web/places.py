"""Paths of the dashboard, and the things that paths name."""

from urllib.parse import quote

from homeport.database import Connection
from homeport.kit.errors import NotFound
from homeport.kit.names import is_valid_name
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed
from homeport.templates.schemas import Template
from homeport.templates.service.templates import list_templates, read_template_by_name
from homeport.workspaces.schemas import Workspace


def workspace_path(workspace: Workspace) -> str:
    """Return the path of a workspace's page."""
    return f"/@{quote(workspace.owner_name)}/{quote(workspace.name)}"


def owner_of(handle: str) -> str:
    """Return the owner that the first part of a path names: `@alice`. Raises 404 for other paths."""
    if not handle.startswith("@") or len(handle) == 1:
        raise NotFound("There is nothing at this address.")
    return handle[1:]


async def find_template(conn: Connection, subject: Subject, name: str, organization: str = "") -> Template:
    """Return the template of a name. Links name its organization; without one, one's own come first. Raises 404."""
    if organization:
        return await read_template_by_name(conn, subject=subject, organization=organization, name=name)
    if not is_valid_name(name):
        is_allowed(subject, Action.READ, Object(ResourceType.TEMPLATE))
        raise NotFound("There is no such template, or you may not see it.")
    found = await list_templates(conn, subject=subject, query=f"exact_name:{name}")
    if not found:
        raise NotFound("There is no such template, or you may not see it.")
    return min(found, key=lambda each: (each.organization_id not in subject.organization_ids, each.organization_name))
