"""What the composition root connects: handlers of the queue's events, inputs of build jobs, quotas, names for lists."""

from homeport.database import EventBus
from homeport.kit.crypto import Cipher
from homeport.provisioning import inputs
from homeport.provisioning.types import JobAcquired, JobCanceled, JobCompleted, JobFailed
from homeport.workspaces.service.endings import JobHandlers
from homeport.workspaces.service.inputs import BuildInputs, job_metadata
from homeport.workspaces.service.quotas import commit_quota


def register(events: EventBus, cipher: Cipher) -> None:
    """Connect this room to the rooms below. Called once per process; guards are connected by `service.guards`."""
    handlers = JobHandlers(cipher)
    events.subscribe(JobAcquired, handlers.job_acquired)
    events.subscribe(JobCompleted, handlers.job_completed)
    events.subscribe(JobFailed, handlers.job_ended_badly)
    events.subscribe(JobCanceled, handlers.job_ended_badly)
    inputs.register("workspace_build", BuildInputs(cipher).build_input)
    inputs.register_quota("workspace_build", commit_quota)
    inputs.register_metadata("workspace_build", job_metadata)
