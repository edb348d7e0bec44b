"""Wire shapes of jobs (spec: api-models, ProvisionerJob)."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.kit.ids import NIL_ID
from homeport.provisioning.types import JobStatus, JobType, LogLevel, LogSource
from homeport.provisioning.types.rows import WaitReason


class ProvisionerJobInput(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a job is about."""

    template_version_id: UUID | None = None
    workspace_build_id: UUID | None = None
    error: str = ""


class ProvisionerJobMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Names around a job for people who read a list of jobs. Empty where the job stands inside its build or version."""

    template_version_name: str = msgspec.field(default_factory=str)
    template_id: UUID = msgspec.field(default_factory=lambda: NIL_ID)
    template_name: str = msgspec.field(default_factory=str)
    template_display_name: str = msgspec.field(default_factory=str)
    template_icon: str = msgspec.field(default_factory=str)
    workspace_id: UUID | None = None
    workspace_name: str = ""


class ProvisionerJobWait(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a pending job waits, as a word and in a sentence for people.

    `no_daemons`: none was ever started. `none_alive`: none is connected, or none of those that could do it. `engine`: those that
    are connected have other engines. `tags`: they do not offer its tags; `missing_tags` are those that nobody offers. `busy`:
    all that could do it have a job. `next`: one is free. `ahead` jobs go before it.
    """

    reason: WaitReason
    message: str
    ahead: int = 0
    missing_tags: dict[str, str] | None = None


class ProvisionerJob(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A job. `queue_position` counts from 1 among pending jobs that some live daemon could take; 0 of 0 otherwise.

    `wait` says of a pending one why it waits.
    """

    id: UUID
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    canceled_at: datetime | None = None
    error: str = ""
    error_code: str = ""
    status: JobStatus
    worker_id: UUID | None = None
    worker_name: str = ""
    file_id: UUID
    tags: dict[str, str]
    queue_position: int
    queue_size: int
    organization_id: UUID
    initiator_id: UUID
    input: ProvisionerJobInput
    type: JobType
    available_workers: list[UUID] | None = None
    metadata: ProvisionerJobMetadata
    logs_overflowed: bool
    wait: ProvisionerJobWait | None = None


class ProvisionerJobLog(msgspec.Struct, frozen=True):
    """One line of a job's log."""

    id: int
    created_at: datetime
    log_source: LogSource
    log_level: LogLevel
    stage: str
    output: str


class ProvisionerTiming(msgspec.Struct, frozen=True):
    """How long one step of a job took."""

    job_id: UUID
    started_at: datetime
    ended_at: datetime
    stage: str
    source: str
    action: str
    resource: str
