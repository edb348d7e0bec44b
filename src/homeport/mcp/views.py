"""Workspaces, templates and logs as agents read them: what they act upon, and no more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from homeport.templates.schemas import Template, TemplateVersion
from homeport.workspaces.schemas import Workspace, WorkspaceAgent, WorkspaceApp, WorkspaceBuild


class App(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An application of a workspace. `url` is there for those outside of the workspace."""

    slug: str
    display_name: str
    health: str
    agent: str
    url: str = ""
    is_external: bool = False


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent: commands run in it once it is connected; `lifecycle` says how far its start is."""

    id: UUID
    name: str
    status: str
    lifecycle: str
    operating_system: str
    directory: str


class Build(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A build of a workspace."""

    id: UUID
    workspace_id: UUID
    number: int
    transition: str
    status: str
    job_status: str
    reason: str
    created_at: datetime
    template_version_id: UUID
    error: str = ""


class WorkspaceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace in a list."""

    id: UUID
    name: str
    owner: str
    organization: str
    template: str
    status: str
    outdated: bool
    last_used_at: datetime
    url: str


class WorkspaceDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One workspace."""

    id: UUID
    name: str
    owner: str
    organization: str
    template: str
    template_id: UUID
    status: str
    healthy: bool
    outdated: bool
    last_used_at: datetime
    url: str
    latest_build: Build
    agents: list[Agent]
    apps: list[App]
    deadline: datetime | None = None
    dormant_at: datetime | None = None
    autostart_schedule: str = ""


class TemplateLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A template."""

    id: UUID
    name: str
    display_name: str
    description: str
    organization: str
    organization_id: UUID
    active_version_id: UUID
    url: str
    active_users: int = -1
    provisioner: str = ""
    deprecation_message: str = ""
    created_by: str = ""


class Version(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a template, with how far its import is."""

    id: UUID
    name: str
    job_status: str
    template_id: UUID | None = None
    organization_id: UUID | None = None
    error: str = ""


class Lines(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last lines of a log, and how many came before."""

    lines: list[str]
    omitted: int = 0


def workspace_url(access_url: str, workspace: Workspace) -> str:
    """Return the address of a workspace's page."""
    return f"{access_url}/@{quote(workspace.owner_name)}/{quote(workspace.name)}"


def template_url(access_url: str, template: Template) -> str:
    """Return the address of a template's page."""
    return f"{access_url}/templates/{quote(template.name)}?organization={quote(template.organization_name)}"


def workspace_line(workspace: Workspace, access_url: str) -> WorkspaceLine:
    """Return a workspace for a list."""
    return WorkspaceLine(
        id=workspace.id,
        name=workspace.name,
        owner=workspace.owner_name,
        organization=workspace.organization_name,
        template=workspace.template_name,
        status=workspace.latest_build.status,
        outdated=workspace.outdated,
        last_used_at=workspace.last_used_at,
        url=workspace_url(access_url, workspace),
    )


def workspace_details(workspace: Workspace, access_url: str) -> WorkspaceDetails:
    """Return one workspace with its agents and applications."""
    agents = agents_of(workspace)
    return WorkspaceDetails(
        id=workspace.id,
        name=workspace.name,
        owner=workspace.owner_name,
        organization=workspace.organization_name,
        template=workspace.template_name,
        template_id=workspace.template_id,
        status=workspace.latest_build.status,
        healthy=workspace.health.healthy,
        outdated=workspace.outdated,
        last_used_at=workspace.last_used_at,
        url=workspace_url(access_url, workspace),
        latest_build=build(workspace.latest_build),
        agents=[_agent(agent) for agent in agents],
        apps=[_app(app, agent) for agent in agents for app in agent.apps if not app.hidden],
        deadline=workspace.latest_build.deadline,
        dormant_at=workspace.dormant_at,
        autostart_schedule=workspace.autostart_schedule or "",
    )


def agents_of(workspace: Workspace) -> list[WorkspaceAgent]:
    """Return the agents of the latest build."""
    return [agent for resource in workspace.latest_build.resources for agent in resource.agents]


def apps_of(workspace: Workspace) -> list[App]:
    """Return the applications that a workspace shows."""
    return [_app(app, agent) for agent in agents_of(workspace) for app in agent.apps if not app.hidden]


def build(found: WorkspaceBuild) -> Build:
    """Return a build."""
    return Build(
        id=found.id,
        workspace_id=found.workspace_id,
        number=found.build_number,
        transition=found.transition,
        status=found.status,
        job_status=found.job.status,
        reason=found.reason,
        created_at=found.created_at,
        template_version_id=found.template_version_id,
        error=found.job.error,
    )


def template(found: Template, access_url: str) -> TemplateLine:
    """Return a template."""
    return TemplateLine(
        id=found.id,
        name=found.name,
        display_name=found.display_name,
        description=found.description,
        organization=found.organization_name,
        organization_id=found.organization_id,
        active_version_id=found.active_version_id,
        url=template_url(access_url, found),
        active_users=found.active_user_count,
        provisioner=found.provisioner,
        deprecation_message=found.deprecation_message,
        created_by=found.created_by_name,
    )


def version(found: TemplateVersion) -> Version:
    """Return a version."""
    return Version(
        id=found.id,
        name=found.name,
        job_status=found.job.status,
        template_id=found.template_id,
        organization_id=found.organization_id,
        error=found.job.error,
    )


def last_lines(lines: Sequence[str], most: int) -> Lines:
    """Return the last lines of a log."""
    return Lines(list(lines[-most:]), max(0, len(lines) - most))


def to_text(value: Any) -> str:
    """Return a tool's result as the text that agents read: words as they are, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _agent(agent: WorkspaceAgent) -> Agent:
    return Agent(
        id=agent.id,
        name=agent.name,
        status=agent.status,
        lifecycle=agent.lifecycle_state,
        operating_system=agent.operating_system,
        directory=agent.expanded_directory or agent.directory,
    )


def _app(app: WorkspaceApp, agent: WorkspaceAgent) -> App:
    return App(
        slug=app.slug,
        display_name=app.display_name or app.slug,
        health=app.health,
        agent=agent.name,
        url=(app.url or "") if app.external else "",
        is_external=app.external,
    )
