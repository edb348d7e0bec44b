"""Finding workspaces and building them: what the commands have in common."""

from typing import TYPE_CHECKING

from homeport_cli.errors import CliError
from homeport_cli.jobs import follow_job
from homeport_cli.names import ME, WorkspaceName
from homeport_cli.parameters import complete_values
from homeport_cli.progress import Progress
from homeport_sdk.errors import ApiError

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Workspace, WorkspaceBuild

ACTIVE = frozenset({"pending", "running", "canceling"})


async def find_workspace(client: "Client", name: WorkspaceName) -> "Workspace":
    """Return the workspace of this name. Raises CliError when there is none that the user may see."""
    try:
        return await client.workspaces.find(name.name, owner=name.owner)
    except ApiError as error:
        if error.status != 404:
            raise
        whose = "You have" if name.owner == ME else f"{name.owner} has"
        raise CliError(f"{whose} no workspace '{name.name}' that you may see. List yours: homeport list") from error


async def follow_build(client: "Client", build: "WorkspaceBuild", progress: Progress) -> "WorkspaceBuild":
    """Show a build until it has ended. Raises JobFailed."""
    what = f"The {build.transition} of workspace '{build.workspace_name}'"
    return await follow_job(
        what,
        lambda: client.builds.get(build.id),
        lambda after: client.builds.follow_logs(build.id, after=after),
        progress,
    )


async def settle(client: "Client", workspace: "Workspace", progress: Progress) -> "Workspace":
    """Wait until no build of the workspace runs and return it as it is then, however the build ended."""
    if workspace.latest_build.job.status not in ACTIVE:
        return workspace
    progress.show_note(f"Workspace '{workspace.name}' is {workspace.latest_build.status}; waiting for that to end.")
    try:
        await follow_build(client, workspace.latest_build, progress)
    except CliError as error:
        progress.show_note(str(error))
    return await client.workspaces.get(workspace.id)


async def build(
    client: "Client",
    workspace: "Workspace",
    transition: str,
    progress: Progress,
    *,
    parameters: dict[str, str] | None = None,
    is_updated: bool = False,
    is_orphaned: bool = False,
    reason: str = "cli",
    is_waited_for: bool = True,
) -> "WorkspaceBuild":
    """Begin a build and follow it to its end; `is_updated` starts the template's active version. Raises JobFailed, ApiError."""
    from homeport_sdk import models  # lazy: wire types load with the call

    newest = None
    if transition == "start" and (is_updated or updates_itself(workspace)):
        newest = workspace.template_active_version_id
    values = [models.WorkspaceBuildParameter(name=name, value=value) for name, value in (parameters or {}).items()]
    request = models.CreateWorkspaceBuildRequest(
        transition=transition,  # type: ignore[arg-type]
        template_version_id=newest,
        rich_parameter_values=values,
        orphan=is_orphaned,
        reason=reason,  # type: ignore[arg-type]
    )
    begun = await client.builds.create(workspace.id, request)
    return await follow_build(client, begun, progress) if is_waited_for else begun


def updates_itself(workspace: "Workspace") -> bool:
    """Whether each start takes the template's active version."""
    return workspace.automatic_updates == "always" or workspace.template_require_active_version


async def values_of_start(
    client: "Client", workspace: "Workspace", given: dict[str, str], *, is_updated: bool = False, is_asking: bool
) -> dict[str, str]:
    """Return the values to start a workspace with, judged before anything is stopped for it. Raises CliError."""
    takes_newest = is_updated or updates_itself(workspace)
    if not given and not takes_newest:
        return {}
    version_id = workspace.template_active_version_id if takes_newest else workspace.latest_build.template_version_id
    return await complete_values(client, version_id, given, workspace=workspace, is_asking=is_asking)


def is_running(workspace: "Workspace") -> bool:
    """Whether the latest build was a start that succeeded."""
    return workspace.latest_build.transition == "start" and workspace.latest_build.job.status == "succeeded"


def is_stopped(workspace: "Workspace") -> bool:
    """Whether the latest build was a stop that succeeded."""
    return workspace.latest_build.transition == "stop" and workspace.latest_build.job.status == "succeeded"
