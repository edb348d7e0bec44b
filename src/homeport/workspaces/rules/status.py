"""The status model (workspaces 1.4, authorization-and-data 20): status follows from the latest build."""

from homeport.workspaces.types import Transition, WorkspaceStatus

_RUNNING: dict[Transition, WorkspaceStatus] = {"start": "starting", "stop": "stopping", "delete": "deleting"}
_SUCCEEDED: dict[Transition, WorkspaceStatus] = {"start": "running", "stop": "stopped", "delete": "deleted"}
_SAME: dict[str, WorkspaceStatus] = {
    "pending": "pending",
    "canceling": "canceling",
    "canceled": "canceled",
    "failed": "failed",
}
ACTIVE_JOB_STATUSES = frozenset({"pending", "running", "canceling"})

STATUSES: tuple[WorkspaceStatus, ...] = (*_SAME.values(), *_RUNNING.values(), *_SUCCEEDED.values())


def workspace_status(transition: Transition, job_status: str) -> WorkspaceStatus:
    """Return the status of a workspace whose latest build has this transition and job status.

    A job status that is not known counts as failed: the workspace may be built again.
    """
    if job_status == "running":
        return _RUNNING[transition]
    if job_status == "succeeded":
        return _SUCCEEDED[transition]
    return _SAME.get(job_status, "failed")


def build_of_status(status: WorkspaceStatus) -> tuple[str, Transition | None]:
    """Return the job status that `status` asks for, and the transition (None: any): the inverse, for searches."""
    for transition, name in _RUNNING.items():
        if name == status:
            return "running", transition
    for transition, name in _SUCCEEDED.items():
        if name == status:
            return "succeeded", transition
    return status, None


def is_active(job_status: str) -> bool:
    """Tell whether a job with this status may still change something."""
    return job_status in ACTIVE_JOB_STATUSES
