"""What provisioner daemons and the server say to each other: JSON over HTTP.

A daemon long-polls `POST /api/v2/organizations/{organization}/provisionerdaemons/acquire`; with the job that it gets comes a job token,
which it sends in `Homeport-Job-Token` with every call below `/api/v2/provisionerjobs/{job}`. Its reports about one job are counted from 1
(`sequence`), so that one whose answer got lost can be sent again and counts once. Unknown fields are ignored, so either side may be newer.
Durations are seconds. Bytes are base64 on the wire.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from homeport_sdk.provisioner_template import (
    Agent,
    AgentMetadata,
    App,
    Devcontainer,
    ExternalAuth,
    Healthcheck,
    Monitor,
    NamedValue,
    Option,
    Parameter,
    ParameterType,
    Prebuilds,
    PrebuildSchedule,
    Preset,
    Resource,
    ResourceMetadata,
    ResourcesMonitoring,
    Script,
    Styling,
    Timing,
)

__all__ = [
    "API_VERSION",
    "DAEMON_ID_HEADER",
    "JOB_TOKEN_HEADER",
    "KEY_HEADER",
    "PSK_HEADER",
    "AcquireJobRequest",
    "AcquiredJob",
    "Agent",
    "AgentMetadata",
    "App",
    "BuildInput",
    "BuildOrganization",
    "BuildOwner",
    "BuildResult",
    "BuildTemplate",
    "CommitQuotaRequest",
    "CommitQuotaResponse",
    "CompleteJobRequest",
    "Devcontainer",
    "DryRunInput",
    "DryRunResult",
    "ErrorCode",
    "ExternalAuth",
    "FailJobRequest",
    "FailedBuild",
    "Healthcheck",
    "ImportInput",
    "ImportResult",
    "Isolation",
    "JobType",
    "LogLevel",
    "LogLine",
    "LogSource",
    "Monitor",
    "NamedValue",
    "Option",
    "OwnerRole",
    "OwnerSecret",
    "Parameter",
    "ParameterType",
    "PrebuildSchedule",
    "Prebuilds",
    "Preset",
    "Resource",
    "ResourceMetadata",
    "ResourcesMonitoring",
    "Script",
    "Styling",
    "Timing",
    "Transition",
    "UpdateJobRequest",
    "UpdateJobResponse",
    "Variable",
    "VariableType",
    "VariableValue",
]
API_VERSION = "1.0"
KEY_HEADER = "Coder-Provisioner-Daemon-Key"
PSK_HEADER = "Coder-Provisioner-Daemon-PSK"
JOB_TOKEN_HEADER = "Homeport-Job-Token"
DAEMON_ID_HEADER = "Homeport-Daemon-Id"
MOST_REPORT_BYTES = 16 * 1024 * 1024
"""What the body of a call about a job may have."""

JobType = Literal["template_version_import", "template_version_dry_run", "workspace_build"]
Transition = Literal["start", "stop", "delete"]
LogLevel = Literal["trace", "debug", "info", "warn", "error"]
LogSource = Literal["provisioner_daemon", "provisioner"]
OwnerSecret = Literal["session_token", "oidc_access_token"]
ErrorCode = Literal["", "REQUIRED_TEMPLATE_VARIABLES", "INSUFFICIENT_QUOTA"]
VariableType = Literal["string", "number", "bool"]
Isolation = Literal["", "none", "bubblewrap"]


class AcquireJobRequest(msgspec.Struct, kw_only=True):
    """A daemon asks for its next job. `isolation` says how its process engine keeps workspaces apart from the machine.

    It is bubblewrap or none; a daemon without that engine says nothing.
    """

    name: str
    version: str
    provisioners: list[str]
    tags: dict[str, str] = {}
    daemon_id: UUID | None = None
    api_version: str = API_VERSION
    wait_seconds: float = 30
    isolation: Isolation = ""


class VariableValue(msgspec.Struct, kw_only=True, frozen=True):
    """The value of a template's variable."""

    name: str
    value: str
    sensitive: bool = False


class ImportInput(msgspec.Struct, kw_only=True):
    """What an import needs beside the archive."""

    template_version_id: UUID
    template_name: str = ""
    variables: list[VariableValue] = []


class DryRunInput(msgspec.Struct, kw_only=True):
    """What a dry run needs beside the archive."""

    template_version_id: UUID
    template_name: str = ""
    workspace_name: str = ""
    rich_parameter_values: list[NamedValue] = []
    variables: list[VariableValue] = []


class OwnerRole(msgspec.Struct, kw_only=True, frozen=True):
    """A role of an owner; without an organization it holds for the whole site."""

    name: str
    organization_id: str = ""


class BuildOwner(msgspec.Struct, kw_only=True, frozen=True):
    """Whose workspace is built. What is secret is for templates that ask for it, and never for a log."""

    id: UUID
    username: str
    email: str = ""
    name: str = ""
    groups: list[str] = []
    ssh_public_key: str = ""
    ssh_private_key: str = ""
    roles: list[OwnerRole] = []
    login_type: str = ""
    session_token: str = ""
    oidc_access_token: str = ""


class BuildTemplate(msgspec.Struct, kw_only=True, frozen=True):
    """From which template a workspace is built."""

    id: UUID
    name: str
    version_id: UUID
    version_name: str = ""


class BuildOrganization(msgspec.Struct, kw_only=True, frozen=True):
    """In which organization a workspace is built."""

    id: UUID
    name: str


class BuildInput(msgspec.Struct, kw_only=True):
    """What a build needs beside the archive. `agent_tokens` are to be kept, by the agent's name.

    `may_lack_isolation`: only site owners have to do with the workspace, so it may run as a plain process.
    """

    workspace_id: UUID
    workspace_name: str
    workspace_build_id: UUID
    build_number: int
    transition: Transition
    owner: BuildOwner
    template: BuildTemplate
    organization: BuildOrganization
    rich_parameter_values: list[NamedValue] = []
    previous_parameter_values: list[NamedValue] = []
    variables: list[VariableValue] = []
    state: bytes = b""
    log_level: str = ""
    agent_tokens: dict[str, str] = {}
    may_lack_isolation: bool = False
    prebuild_stage: Literal["none", "create", "claim"] = "none"
    external_auth_tokens: list[NamedValue] = []


class AcquiredJob(msgspec.Struct, kw_only=True):
    """A job. `input` is one of the inputs above, by `type`: read it with `read_input`.

    A daemon that cannot reach the server for `silence_seconds` abandons the work: soon after, the job is somebody else's.
    `most_state_bytes` is what a state may have that goes packed; 0: the server takes none of those.
    """

    daemon_id: UUID
    job_id: UUID
    job_token: str
    type: JobType
    provisioner: str
    organization_id: UUID
    initiator_username: str = ""
    created_at: datetime
    file_id: UUID | None = None
    access_url: str = ""
    silence_seconds: float = 180.0
    most_state_bytes: int = 0
    input: msgspec.Raw

    def read_input(self) -> ImportInput | DryRunInput | BuildInput:
        """Decode `input`. Raises msgspec.ValidationError for an unexpected shape."""
        return msgspec.json.decode(self.input, type=_INPUTS[self.type])


_INPUTS: dict[JobType, type[ImportInput] | type[DryRunInput] | type[BuildInput]] = {
    "template_version_import": ImportInput,
    "template_version_dry_run": DryRunInput,
    "workspace_build": BuildInput,
}


class LogLine(msgspec.Struct, kw_only=True):
    """A line of a job's log. `stage` is the step of the job that it belongs to."""

    created_at: datetime
    output: str
    source: LogSource = "provisioner"
    level: LogLevel = "info"
    stage: str = ""


class Variable(msgspec.Struct, kw_only=True):
    """A variable that a template declares: a value of the template's version, not of a workspace."""

    name: str
    type: VariableType = "string"
    description: str = ""
    default_value: str = ""
    required: bool = False
    sensitive: bool = False


class UpdateJobRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A sign of life, with what has happened since the last."""

    logs: list[LogLine] = []
    readme: str | None = None
    variables: list[Variable] | None = None
    sequence: int = 0


class UpdateJobResponse(msgspec.Struct, kw_only=True):
    """Whether to stop (`canceled`), to stop by force, and the values of the variables that were just declared."""

    canceled: bool = False
    force: bool = False
    variable_values: list[VariableValue] = []


class ImportResult(msgspec.Struct, kw_only=True):
    """What an import found out: the resources of a running and of a stopped workspace, and the parameters.

    `owner_secrets` are those that the template reads; None: not known.
    """

    start_resources: list[Resource] = []
    stop_resources: list[Resource] = []
    parameters: list[Parameter] = []
    presets: list[Preset] = []
    external_auth: list[ExternalAuth] = []
    has_ai_task: bool = False
    has_external_agent: bool = False
    owner_secrets: list[OwnerSecret] | None = None
    readme: str | None = None


class DryRunResult(msgspec.Struct, kw_only=True):
    """The resources that a start would make."""

    resources: list[Resource] = []


class BuildResult(msgspec.Struct, kw_only=True):
    """What a build made, and the engine's state that the next build gets back. `is_state_packed`: it goes as gzip."""

    state: bytes = b""
    is_state_packed: bool = False
    resources: list[Resource] = []
    timings: list[Timing] = []


class CompleteJobRequest(msgspec.Struct, kw_only=True):
    """The result: exactly the one that belongs to the type of the job."""

    template_import: ImportResult | None = None
    dry_run: DryRunResult | None = None
    workspace_build: BuildResult | None = None
    sequence: int = 0


class FailedBuild(msgspec.Struct, kw_only=True):
    """What a failed build leaves behind; without `state` the state from before is kept. `is_state_packed`: it goes as gzip."""

    state: bytes | None = None
    is_state_packed: bool = False


class FailJobRequest(msgspec.Struct, kw_only=True):
    """Why the job ends without a result. `canceled` says that it was stopped as asked."""

    error: str = ""
    error_code: ErrorCode = ""
    workspace_build: FailedBuild | None = None
    canceled: bool = False
    sequence: int = 0


class CommitQuotaRequest(msgspec.Struct, kw_only=True):
    """What the planned build costs a day, in credits."""

    daily_cost: int


class CommitQuotaResponse(msgspec.Struct, kw_only=True):
    """Whether the budget allows it; a budget of -1 has no limit."""

    ok: bool
    credits_consumed: int = 0
    budget: int = -1
