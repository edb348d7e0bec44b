"""What may be done with a workspace now, by this person: which buttons its pages have. Pure."""

import msgspec

from homeport.rbac import Action, Subject
from homeport.workspaces.schemas import Workspace, WorkspaceAgent
from homeport.workspaces.service import may, may_start

_AT_REST = frozenset({"stopped", "failed", "canceled"})
_CANCELABLE = frozenset({"pending", "starting", "stopping", "deleting"})
UNDER_WAY = frozenset({"pending", "starting", "stopping", "deleting", "canceling"})
JOB_UNDER_WAY = frozenset({"pending", "running", "canceling"})


class Buttons(msgspec.Struct, frozen=True, kw_only=True):
    """Which actions are offered."""

    can_start: bool
    can_stop: bool
    can_restart: bool
    can_update: bool
    can_cancel: bool
    can_delete: bool
    can_open_terminal: bool


def agents_of(workspace: Workspace) -> list[WorkspaceAgent]:
    """Return the agents of the latest build."""
    return [agent for resource in workspace.latest_build.resources for agent in resource.agents]


def buttons(subject: Subject, workspace: Workspace) -> Buttons:
    """Return the actions that status and rights allow; the services decide again when they are used."""
    status = workspace.latest_build.status
    can_start, can_stop = may_start(subject, workspace), may(subject, Action.STOP, workspace)
    is_connected = any(agent.status == "connected" for agent in agents_of(workspace))
    is_running = status == "running"
    return Buttons(
        can_start=status in _AT_REST and can_start,
        can_stop=status in {"running", "failed", "canceled"} and can_stop,
        can_restart=is_running and can_start and can_stop,
        can_update=workspace.outdated
        and (status in _AT_REST or is_running)
        and can_start
        and (can_stop or not is_running),
        can_cancel=status in _CANCELABLE and may(subject, Action.UPDATE, workspace),
        can_delete=status not in UNDER_WAY and status != "deleted" and may(subject, Action.DELETE, workspace),
        can_open_terminal=is_running and is_connected and may(subject, Action.SSH, workspace),
    )


def lacks_isolation(workspace: Workspace) -> bool:
    """Tell whether an engine has said that the workspace's processes are not kept apart from its host."""
    return any(
        fact.key == "isolation" and fact.value == "none"
        for resource in workspace.latest_build.resources
        for fact in resource.metadata
    )
