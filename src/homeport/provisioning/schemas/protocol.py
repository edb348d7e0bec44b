"""What a provisioner daemon and the server say to each other: plain HTTP and JSON."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from homeport.provisioning.types import (
    BuildResult,
    DeclaredVariable,
    DryRunResult,
    ImportResult,
    Isolation,
    JobType,
    LogLevel,
    LogSource,
    ProvisionerType,
)
from homeport.provisioning.types.results import Count, Moment, Word

# The place of a report among those about one job, from 1 on; 0 where a daemon does not count.
ReportNumber = Annotated[int, msgspec.Meta(ge=0, le=2_147_483_647)]


class AcquireJobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A daemon asks for its next job and tells who it is; `wait_seconds` bounds the long poll.

    `isolation` says how its process engine keeps workspaces apart from the machine; silence counts as `none`.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    version: Word
    api_version: Annotated[str, msgspec.Meta(pattern=r"^\d{1,4}\.\d{1,4}$")] = "1.0"
    provisioners: Annotated[list[ProvisionerType], msgspec.Meta(min_length=1, max_length=8)]
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    daemon_id: UUID | None = None
    wait_seconds: Annotated[float, msgspec.Meta(ge=0, le=30)] = 30
    isolation: Isolation = ""


class NamedValue(msgspec.Struct, frozen=True):
    """A name and its value."""

    name: str
    value: str


class JobVariableValue(msgspec.Struct, frozen=True):
    """The value of a template's variable."""

    name: str
    value: str
    sensitive: bool = False


class ImportInput(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="import"):
    """What an import job needs beside the archive."""

    template_version_id: UUID
    template_name: str = ""
    variables: list[JobVariableValue] = msgspec.field(default_factory=list)


class DryRunInput(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="dry_run"):
    """What a dry run needs beside the archive."""

    template_version_id: UUID
    template_name: str = ""
    workspace_name: str
    rich_parameter_values: list[NamedValue] = msgspec.field(default_factory=list)
    variables: list[JobVariableValue] = msgspec.field(default_factory=list)


class OwnerRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role of an owner; without an organization it holds for the whole site."""

    name: str
    organization_id: str = ""


class BuildOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose workspace is built. What is secret is for templates that ask for it: of an engine that can, and no other."""

    id: UUID
    username: str
    email: str
    name: str
    groups: list[str]
    ssh_public_key: str
    ssh_private_key: str = ""
    roles: list[OwnerRole] = msgspec.field(default_factory=list)
    login_type: str = ""
    session_token: str = ""
    oidc_access_token: str = ""


class BuildTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """From which template a workspace is built."""

    id: UUID
    name: str
    version_id: UUID
    version_name: str


class BuildOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """In which organization a workspace is built."""

    id: UUID
    name: str


class BuildInput(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="build"):
    """What a build needs beside the archive. `state` is base64 on the wire; `agent_tokens` are to be kept by name.

    `may_lack_isolation`: only site owners have to do with the workspace, so it may run as a plain process.
    """

    workspace_id: UUID
    workspace_name: str
    workspace_build_id: UUID
    build_number: int
    transition: Literal["start", "stop", "delete"]
    owner: BuildOwner
    template: BuildTemplate
    organization: BuildOrganization
    rich_parameter_values: list[NamedValue] = msgspec.field(default_factory=list)
    previous_parameter_values: list[NamedValue] = msgspec.field(default_factory=list)
    variables: list[JobVariableValue] = msgspec.field(default_factory=list)
    state: bytes = b""
    log_level: str = ""
    agent_tokens: dict[str, str] = msgspec.field(default_factory=dict)
    may_lack_isolation: bool = False


JobInput = ImportInput | DryRunInput | BuildInput


class AcquiredJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job for the daemon that asked. Whoever holds `job_token` owns the job.

    A daemon whose reports do not get through for `silence_seconds` abandons the work, before the server ends the job.
    A state that would make a report too long comes packed, and has at most `most_state_bytes` when unpacked.
    """

    daemon_id: UUID
    job_id: UUID
    job_token: str
    type: JobType
    provisioner: str
    organization_id: UUID
    initiator_username: str
    created_at: datetime
    file_id: UUID | None
    access_url: str
    silence_seconds: float = 180.0
    most_state_bytes: int = 0
    input: JobInput


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a job's log. Control bytes that cannot be stored are removed and over-long lines are cut."""

    output: str
    created_at: Moment | None = None
    source: LogSource = "provisioner"
    level: LogLevel = "info"
    stage: str = ""


class UpdateJobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A sign of life, with what has happened since the last. One whose `sequence` was taken before counts as that alone."""

    logs: Annotated[list[LogLine], msgspec.Meta(max_length=10_000)] = msgspec.field(default_factory=list)
    readme: Annotated[str, msgspec.Meta(max_length=1_048_576)] | None = None
    variables: Annotated[list[DeclaredVariable], msgspec.Meta(max_length=1000)] | None = None
    sequence: ReportNumber = 0


class UpdateJobResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to stop (`canceled`), to stop by force, and the values of the variables that were just declared."""

    canceled: bool
    force: bool
    variable_values: list[JobVariableValue] = msgspec.field(default_factory=list)


class CompleteJobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The result: exactly the one that belongs to the type of the job. The end of a job may come again with its `sequence`."""

    template_import: ImportResult | None = None
    dry_run: DryRunResult | None = None
    workspace_build: BuildResult | None = None
    sequence: ReportNumber = 0


class FailedBuild(msgspec.Struct, frozen=True, kw_only=True):
    """What a failed build leaves behind; without `state` the state from before is kept. `is_state_packed`: it comes as gzip."""

    state: bytes | None = None
    is_state_packed: bool = False


class FailJobRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Why the job has ended without a result. `canceled` says that it was stopped as asked.

    As the result, it may come again with its `sequence`.
    """

    error: str = ""
    error_code: Literal["", "REQUIRED_TEMPLATE_VARIABLES", "INSUFFICIENT_QUOTA"] = ""
    workspace_build: FailedBuild | None = None
    canceled: bool = False
    sequence: ReportNumber = 0


class CommitQuotaRequest(msgspec.Struct, frozen=True):
    """What the planned build costs a day, in credits."""

    daily_cost: Count


class CommitQuotaResponse(msgspec.Struct, frozen=True):
    """Whether the budget allows it; a budget of -1 has no limit."""

    ok: bool
    credits_consumed: int
    budget: int
