"""What the composition root connects: handlers of the queue's events, inputs of build jobs, quotas, names for lists."""

from homeport.access.service.links import LinkClock
from homeport.config import Settings
from homeport.database import EventBus
from homeport.identity.types import UserDeleted, UserSuspended
from homeport.kit.crypto import Cipher
from homeport.provisioning.service import inputs
from homeport.provisioning.types import JobAcquired, JobCanceled, JobCompleted, JobFailed
from homeport.templates import service as templates
from homeport.workspaces.service import guards, session_keys
from homeport.workspaces.service.endings import JobHandlers
from homeport.workspaces.service.inputs import BuildInputs, job_metadata
from homeport.workspaces.service.quotas import commit_quota
from homeport.workspaces.service.reading import last_values


def register(events: EventBus, cipher: Cipher, settings: Settings, *, links: LinkClock | None = None) -> None:
    """Connect this room to the rooms below. Called once per process. `links`: without, there are no identity providers."""
    handlers = JobHandlers(cipher, settings)
    events.subscribe(JobAcquired, handlers.job_acquired)
    events.subscribe(JobCompleted, handlers.job_completed)
    events.subscribe(JobFailed, handlers.job_ended_badly)
    events.subscribe(JobCanceled, handlers.job_ended_badly)
    build_inputs = BuildInputs(cipher, settings, links)
    inputs.register("workspace_build", build_inputs.build_input)
    inputs.register_completion("workspace_build", build_inputs.complete)
    inputs.register_quota("workspace_build", commit_quota)
    inputs.register_metadata("workspace_build", job_metadata)
    events.subscribe(UserSuspended, session_keys.owner_suspended)
    events.subscribe(UserDeleted, guards.refuse_user_with_workspaces)
    templates.register_guard(guards.reason_to_keep_template)
    templates.register_last_values(last_values)
    templates.register_usage(guards.used_versions)
    templates.register_statistics(guards.template_statistics)
