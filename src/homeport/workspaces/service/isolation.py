"""Who may have workspaces of the process engine where nothing isolates them: site owners, and nobody else."""

from typing import Literal
from uuid import UUID

from homeport.database import Connection
from homeport.provisioning.service import lacks_isolation, provisioner_tags
from homeport.rbac import Subject
from homeport.templates.schemas import Template
from homeport.workspaces.errors import IsolationMissing
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries.templates import VersionFacts
from homeport.workspaces.rules.isolation import can_lack_isolation, needs_isolation
from homeport.workspaces.types import Transition, WorkspaceRow

Outlook = Literal["", "allowed", "refused"]


async def require_isolation(
    conn: Connection, *, subject: Subject, workspace: WorkspaceRow, version: VersionFacts, transition: Transition
) -> bool:
    """Return whether the build may only go to a daemon that isolates.

    Raises IsolationMissing (403) when it may and there are daemons, but none that does. Where there is no daemon at all
    the build waits for one, and is held against what that one can do when it takes it.
    """
    if not can_lack_isolation(provisioner=version.provisioner, transition=transition):
        return False
    people = {workspace.owner_id, version.created_by}
    if subject.kind != "system":
        # Else the server itself (a schedule, for instance) acts for the owner.
        people.add(subject.id)
    is_needed = needs_isolation(people=people, site_owners=await template_queries.list_site_owners(conn, people))
    if is_needed and await _is_lacking(conn, workspace.organization_id, version, workspace.owner_id):
        raise IsolationMissing
    return is_needed


async def isolation_outlook(conn: Connection, *, subject: Subject, template: Template) -> Outlook:
    """Say what would become of a workspace that `subject` made for themselves from a template that they may read.

    Empty when it would be isolated or nobody can tell; "allowed" when it would not be, and may be; else "refused".
    """
    version = await template_queries.find_version(conn, template.active_version_id)
    if version is None or not can_lack_isolation(provisioner=version.provisioner):
        return ""
    if not await _is_lacking(conn, template.organization_id, version, subject.id):
        return ""
    people = {subject.id, version.created_by}
    is_refused = needs_isolation(people=people, site_owners=await template_queries.list_site_owners(conn, people))
    return "refused" if is_refused else "allowed"


async def _is_lacking(conn: Connection, organization_id: UUID, version: VersionFacts, owner_id: UUID) -> bool:
    return await lacks_isolation(conn, organization_id, version.provisioner, provisioner_tags(version.tags, owner_id))
