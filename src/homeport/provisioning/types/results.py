"""What an engine reports: the outcome of an import, a dry run or a build. Wire shapes of the daemon protocol. No I/O."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Word = Annotated[str, msgspec.Meta(max_length=256)]
Text = Annotated[str, msgspec.Meta(max_length=65_536)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2_147_483_647)]
# A moment with its offset: one without could mean anything.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Order = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class ProvisionedMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about a resource; a sensitive one is never shown."""

    key: Word
    value: Text | None = None
    sensitive: bool = False


class ProvisionedHealthcheck(msgspec.Struct, frozen=True, kw_only=True):
    """How the agent finds out whether an app is well: seconds between requests, failures in a row until it is not."""

    url: Text
    interval: Count
    threshold: Count


class ProvisionedApp(msgspec.Struct, frozen=True, kw_only=True):
    """An app behind an agent."""

    slug: Name
    display_name: Word = ""
    url: Text = ""
    command: Text = ""
    icon: Word = ""
    external: bool = False
    subdomain: bool = False
    share: Literal["owner", "authenticated", "organization", "public"] = "owner"
    open_in: Literal["slim-window", "tab"] = "slim-window"
    group: Word = ""
    order: Order = 0
    hidden: bool = False
    tooltip: Text = ""
    healthcheck: ProvisionedHealthcheck | None = None


class ProvisionedScript(msgspec.Struct, frozen=True, kw_only=True):
    """A script that the agent runs; `timeout` in seconds, 0 for none."""

    display_name: Word
    script: Text
    icon: Word = ""
    cron: Word = ""
    log_path: Word = ""
    run_on_start: bool = False
    run_on_stop: bool = False
    start_blocks_login: bool = False
    timeout: Count = 0


class ProvisionedAgentMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """A value that the agent measures again and again; `interval` and `timeout` in seconds."""

    key: Word
    display_name: Word
    script: Text
    interval: Count = 0
    timeout: Count = 0
    order: Order = 0


class ProvisionedDevcontainer(msgspec.Struct, frozen=True, kw_only=True):
    """A dev container that the agent starts by itself."""

    name: Name
    workspace_folder: Text
    config_path: Text = ""


class ProvisionedMonitor(msgspec.Struct, frozen=True, kw_only=True):
    """When the owner is told that something fills up: at so many percent. `path` is a volume's; memory has none."""

    enabled: bool = True
    threshold: Annotated[int, msgspec.Meta(ge=0, le=100)] = 80
    path: Text = ""


class ProvisionedMonitoring(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent watches of its machine."""

    memory: ProvisionedMonitor | None = None
    volumes: Annotated[list[ProvisionedMonitor], msgspec.Meta(max_length=64)] = msgspec.field(default_factory=list)


class ProvisionedAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of a resource. `token` is the one with which the engine has started it; without one the server makes one."""

    name: Name
    operating_system: Word = ""
    architecture: Word = ""
    directory: Text = ""
    env: dict[str, Text] = msgspec.field(default_factory=dict)
    token: Word | None = None
    instance_id: Word | None = None
    display_apps: list[Word] = msgspec.field(default_factory=list)
    apps: list[ProvisionedApp] = msgspec.field(default_factory=list)
    scripts: list[ProvisionedScript] = msgspec.field(default_factory=list)
    metadata: list[ProvisionedAgentMetadata] = msgspec.field(default_factory=list)
    devcontainers: list[ProvisionedDevcontainer] = msgspec.field(default_factory=list)
    resources_monitoring: ProvisionedMonitoring | None = None
    connection_timeout_seconds: Count = 120
    troubleshooting_url: Text = ""
    motd_file: Text = ""
    api_key_scope: Literal["all", "no_user_data"] = "all"
    order: Order = 0


class ProvisionedResource(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that a build made, with the agents in it. `daily_cost` in credits."""

    type: Word
    name: Word
    hide: bool = False
    icon: Word = ""
    daily_cost: Count = 0
    instance_type: Word = ""
    module_path: Word = ""
    metadata: list[ProvisionedMetadata] = msgspec.field(default_factory=list)
    agents: list[ProvisionedAgent] = msgspec.field(default_factory=list)


class ProvisionedOption(msgspec.Struct, frozen=True, kw_only=True):
    """One choice of a parameter."""

    name: Word
    value: Text
    description: Text = ""
    icon: Word = ""


class ProvisionedStyling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a form shows a parameter; what is absent is as the form likes it."""

    placeholder: Text | None = None
    disabled: bool | None = None
    label: Text | None = None
    mask_input: bool | None = None


class ProvisionedParameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter that a template declares."""

    name: Name
    type: Literal["string", "number", "bool", "list(string)"] = "string"
    display_name: Word = ""
    description: Text = ""
    form_type: Word = ""
    mutable: bool = True
    default_value: Text = ""
    icon: Word = ""
    options: list[ProvisionedOption] = msgspec.field(default_factory=list)
    validation_regex: Text = ""
    validation_min: Number | None = None
    validation_max: Number | None = None
    validation_monotonic: Literal["", "increasing", "decreasing"] = ""
    validation_error: Text = ""
    required: bool = True
    ephemeral: bool = False
    order: Order = 0
    styling: ProvisionedStyling = msgspec.field(default_factory=ProvisionedStyling)


class PresetValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a preset sets."""

    name: Word
    value: Text


class PrebuildSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """How many ready workspaces there shall be while a cron expression holds."""

    cron: Word
    instances: Count


class ProvisionedPrebuilds(msgspec.Struct, frozen=True, kw_only=True):
    """How many ready workspaces there shall be of a preset, and for how many seconds they last (0: for ever)."""

    instances: Count
    ttl_seconds: Count = 0
    timezone: Word = ""
    schedules: Annotated[list[PrebuildSchedule], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=list)


class ProvisionedPreset(msgspec.Struct, frozen=True, kw_only=True):
    """A set of parameters' values with a name."""

    name: Word
    description: Text = ""
    icon: Word = ""
    default: bool = False
    parameters: Annotated[list[PresetValue], msgspec.Meta(max_length=1000)] = msgspec.field(default_factory=list)
    prebuilds: ProvisionedPrebuilds | None = None


class ProvisionedExternalAuth(msgspec.Struct, frozen=True, kw_only=True):
    """An account elsewhere that the owner must, or may, have linked."""

    id: Word
    optional: bool = False


class DeclaredVariable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable that a template declares: a value of the template's version, not of a workspace."""

    name: Name
    type: Literal["string", "number", "bool"] = "string"
    description: Text = ""
    default_value: Text = ""
    required: bool = False
    sensitive: bool = False


class ProvisionedTiming(msgspec.Struct, frozen=True, kw_only=True):
    """How long one step of a job took."""

    started_at: Moment
    ended_at: Moment
    stage: Word
    source: Word = ""
    action: Word = ""
    resource: Word = ""


class ImportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found out: resources of a running and of a stopped workspace, parameters, and perhaps the readme.

    The flags say whether the template is for tasks of AI agents, and whether its agents run on machines that it does not make;
    `owner_secrets` which of `session_token` and `oidc_access_token` it reads (None: not known).
    """

    start_resources: list[ProvisionedResource] = msgspec.field(default_factory=list)
    stop_resources: list[ProvisionedResource] = msgspec.field(default_factory=list)
    parameters: list[ProvisionedParameter] = msgspec.field(default_factory=list)
    presets: Annotated[list[ProvisionedPreset], msgspec.Meta(max_length=1000)] = msgspec.field(default_factory=list)
    external_auth: Annotated[list[ProvisionedExternalAuth], msgspec.Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )
    has_ai_task: bool = False
    has_external_agent: bool = False
    owner_secrets: Annotated[list[Word], msgspec.Meta(max_length=100)] | None = None
    readme: Annotated[str, msgspec.Meta(max_length=1_048_576)] | None = None


class DryRunResult(msgspec.Struct, frozen=True, kw_only=True):
    """The resources that a start would make."""

    resources: list[ProvisionedResource] = msgspec.field(default_factory=list)


class BuildResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a build made, and the engine's state (base64 on the wire) that the next build gets back.

    `is_state_packed`: it comes as gzip. Only from daemons: what upper rooms get is unpacked.
    """

    state: bytes = b""
    is_state_packed: bool = False
    resources: list[ProvisionedResource] = msgspec.field(default_factory=list)
    timings: list[ProvisionedTiming] = msgspec.field(default_factory=list)


JobResult = ImportResult | DryRunResult | BuildResult
