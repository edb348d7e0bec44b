"""Workspaces from outside: list, look, create, start, stop, delete."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from homeport.kit.http import page
from homeport.kit.ids import NIL_ID
from homeport.mcp import needs, views
from homeport.mcp.arguments import Arguments
from homeport.mcp.errors import ToolFailed
from homeport.mcp.inside import find_workspace
from homeport.mcp.registry import READS, Call, Hints, Needs, tool
from homeport.workspaces.schemas import CreateWorkspaceBuildRequest, CreateWorkspaceRequest, WorkspaceBuildParameter
from homeport.workspaces.service import builds, creation, listing

Parameters = Annotated[
    dict[str, str],
    Meta(description="Values for the template's parameters by name; see coder_template_version_parameters."),
]


class ListWorkspaces(Arguments):
    """Arguments of coder_list_workspaces."""

    owner: Annotated[str, Meta(description="Only workspaces of this user: a username, or me. Empty: all visible.")] = (
        "me"
    )
    query: Annotated[
        str, Meta(description="Search as in the dashboard, such as status:running or template:python; may be empty.")
    ] = ""
    limit: Annotated[int, Meta(ge=1, le=100, description="At most this many.")] = 25
    offset: Annotated[int, Meta(ge=0, le=1_000_000, description="Skip this many.")] = 0


class GetWorkspace(Arguments):
    """Arguments of coder_get_workspace."""

    workspace_id: Annotated[str, Meta(min_length=1, description="Id of the workspace, or name, or owner/name.")]


class CreateWorkspace(Arguments):
    """Arguments of coder_create_workspace."""

    name: Annotated[str, Meta(min_length=1, description="Name of the new workspace: small letters, digits, hyphens.")]
    template_id: Annotated[
        UUID, Meta(description="Make it from the active version of this template (see coder_list_templates).")
    ] = NIL_ID
    template_version_id: Annotated[
        UUID, Meta(description="Make it from exactly this version, in place of template_id.")
    ] = NIL_ID
    user: Annotated[str, Meta(description="Whose workspace it shall be: me, a username or an id.")] = "me"
    rich_parameters: Parameters = {}


class CreateBuild(Arguments):
    """Arguments of coder_create_workspace_build."""

    workspace_id: Annotated[str, Meta(min_length=1, description="Id of the workspace, or name, or owner/name.")]
    transition: Annotated[
        Literal["start", "stop", "delete"],
        Meta(description="start it, stop it (files stay), or delete it with all that is in it."),
    ]
    template_version_id: Annotated[
        UUID, Meta(description="With start: change to this version of the template. Leave out to stay as it is.")
    ] = NIL_ID
    rich_parameters: Parameters = {}


def _needs_of_build(given: Mapping[str, Any]) -> Needs:
    found = {"stop": needs.STOP_WORKSPACES, "delete": needs.DELETE_WORKSPACES}
    wanted = found.get(str(given.get("transition")), needs.START_WORKSPACES)
    return needs.on_workspace(wanted, "workspace_id")(given)


@tool("coder_list_workspaces", "List workspaces", needs=needs.READ_WORKSPACES, hints=READS, kind=ListWorkspaces)
async def list_workspaces(call: Call, given: ListWorkspaces) -> Any:
    """List workspaces, the last used first, with their status."""
    words = f"owner:{given.owner} {given.query}" if given.owner else given.query
    window = page(limit=given.limit, offset=given.offset)
    found = await listing.list_workspaces(call.db, subject=call.subject, query=words.strip(), page=window)
    url = call.around.settings.access_url
    return [views.workspace_line(each, url) for each in found.workspaces]


@tool(
    "coder_get_workspace",
    "Get a workspace",
    needs=needs.on_workspace(needs.READ_WORKSPACES, "workspace_id"),
    hints=READS,
    kind=GetWorkspace,
)
async def get_workspace(call: Call, given: GetWorkspace) -> Any:
    """Return a workspace with its status, latest build, agents and applications.

    Commands can be run once an agent's status is connected.
    """
    found = await find_workspace(call, given.workspace_id)
    return views.workspace_details(found, call.around.settings.access_url)


@tool(
    "coder_create_workspace", "Create a workspace", needs=needs.CREATE_WORKSPACES, hints=Hints(), kind=CreateWorkspace
)
async def create_workspace(call: Call, given: CreateWorkspace) -> Any:
    """Create a workspace from a template and start it.

    The answer comes at once, while the build goes on: ask coder_get_workspace until the agent is connected, and
    coder_get_workspace_build_logs if the build fails.
    """
    request = CreateWorkspaceRequest(
        name=given.name,
        template_id=given.template_id,
        template_version_id=given.template_version_id,
        rich_parameter_values=_values(given.rich_parameters),
    )
    made = await creation.create_workspace(
        call.db, call.around.cipher, subject=call.subject, owner=given.user, request=request
    )
    return views.workspace_details(made, call.around.settings.access_url)


@tool(
    "coder_create_workspace_build",
    "Start, stop or delete a workspace",
    needs=_needs_of_build,
    hints=Hints(is_destructive=True),
    kind=CreateBuild,
)
async def create_build(call: Call, given: CreateBuild) -> Any:
    """Start, stop or delete a workspace. Deleting takes everything in it away.

    The answer comes at once, while the build goes on: ask coder_get_workspace for its end.
    """
    if given.transition != "start" and (given.rich_parameters or given.template_version_id != NIL_ID):
        raise ToolFailed("Parameters and a template version can be given with the transition start only.")
    workspace = await find_workspace(call, given.workspace_id)
    request = CreateWorkspaceBuildRequest(
        transition=given.transition,
        template_version_id=given.template_version_id,
        rich_parameter_values=_values(given.rich_parameters),
    )
    made = await builds.create_build(
        call.db,
        call.around.cipher,
        subject=call.subject,
        workspace_id=workspace.id,
        request=request,
        is_debug_allowed=False,
    )
    return views.build(made)


def _values(given: dict[str, str]) -> list[WorkspaceBuildParameter]:
    return [WorkspaceBuildParameter(name, value) for name, value in given.items()]


TOOLS = (list_workspaces, get_workspace, create_workspace, create_build)
