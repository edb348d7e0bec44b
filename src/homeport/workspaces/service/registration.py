"""What the composition root connects: handlers of the queue's events, inputs of build jobs, quotas, names for lists."""

from homeport.config import Settings
from homeport.database import EventBus
from homeport.identity.types import UserDeleted
from homeport.kit.crypto import Cipher
from homeport.provisioning.service import inputs
from homeport.provisioning.types import JobAcquired, JobCanceled, JobCompleted, JobFailed
from homeport.templates import service as templates
from homeport.workspaces.service import guards
from homeport.workspaces.service.endings import JobHandlers
from homeport.workspaces.service.inputs import BuildInputs, job_metadata
from homeport.workspaces.service.quotas import commit_quota
from homeport.workspaces.service.reading import last_values


def register(events: EventBus, cipher: Cipher, settings: Settings) -> None:
    """Connect this room to the rooms below. Called once per process."""
    handlers = JobHandlers(cipher, settings)
    events.subscribe(JobAcquired, handlers.job_acquired)
    events.subscribe(JobCompleted, handlers.job_completed)
    events.subscribe(JobFailed, handlers.job_ended_badly)
    events.subscribe(JobCanceled, handlers.job_ended_badly)
    inputs.register("workspace_build", BuildInputs(cipher).build_input)
    inputs.register_quota("workspace_build", commit_quota)
    inputs.register_metadata("workspace_build", job_metadata)
    events.subscribe(UserDeleted, guards.refuse_user_with_workspaces)
    templates.register_guard(guards.reason_to_keep_template)
    templates.register_last_values(last_values)
    templates.register_usage(guards.used_versions)
    templates.register_statistics(guards.template_statistics)
