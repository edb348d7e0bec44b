"""What a template declares and what a build makes of it, as provisioner daemons tell it to the server."""

from datetime import datetime
from typing import Literal

import msgspec

ParameterType = Literal["string", "number", "bool", "list(string)"]


class NamedValue(msgspec.Struct, kw_only=True, frozen=True):
    """A name and its value."""

    name: str
    value: str


class Option(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One choice of a parameter."""

    name: str
    value: str
    description: str = ""
    icon: str = ""


class Styling(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How a form shows a parameter; what is absent is as the form likes it."""

    placeholder: str | None = None
    disabled: bool | None = None
    label: str | None = None
    mask_input: bool | None = None


class Parameter(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A parameter that a template declares."""

    name: str
    type: ParameterType = "string"
    display_name: str = ""
    description: str = ""
    form_type: str = ""
    mutable: bool = True
    default_value: str = ""
    icon: str = ""
    options: list[Option] = []
    validation_regex: str = ""
    validation_min: int | None = None
    validation_max: int | None = None
    validation_monotonic: Literal["", "increasing", "decreasing"] = ""
    validation_error: str = ""
    required: bool = True
    ephemeral: bool = False
    order: int = 0
    styling: Styling = msgspec.field(default_factory=Styling)


class Healthcheck(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the agent learns whether an app is well: seconds between requests, failures in a row until it is not."""

    url: str
    interval: int
    threshold: int


class App(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An app behind an agent."""

    slug: str
    display_name: str = ""
    url: str = ""
    command: str = ""
    icon: str = ""
    external: bool = False
    subdomain: bool = False
    share: Literal["owner", "authenticated", "organization", "public"] = "owner"
    open_in: Literal["slim-window", "tab"] = "slim-window"
    group: str = ""
    order: int = 0
    hidden: bool = False
    tooltip: str = ""
    healthcheck: Healthcheck | None = None


class Script(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A script that the agent runs; `timeout` 0 for none."""

    display_name: str
    script: str
    icon: str = ""
    cron: str = ""
    log_path: str = ""
    run_on_start: bool = False
    run_on_stop: bool = False
    start_blocks_login: bool = False
    timeout: int = 0


class AgentMetadata(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A value that the agent measures again and again."""

    key: str
    display_name: str
    script: str
    interval: int = 0
    timeout: int = 0
    order: int = 0


class Devcontainer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A dev container that the agent starts by itself."""

    name: str
    workspace_folder: str
    config_path: str = ""


class Monitor(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """When the owner is told that something fills up: at so many percent. `path` is a volume's; memory has none."""

    enabled: bool = True
    threshold: int = 80
    path: str = ""


class ResourcesMonitoring(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the agent watches of its machine."""

    memory: Monitor | None = None
    volumes: list[Monitor] = []


class Agent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An agent of a resource. `token` is the one with which the engine started it; without one the server makes one."""

    name: str
    operating_system: str = ""
    architecture: str = ""
    directory: str = ""
    env: dict[str, str] = {}
    token: str | None = None
    instance_id: str | None = None
    display_apps: list[str] = []
    apps: list[App] = []
    scripts: list[Script] = []
    metadata: list[AgentMetadata] = []
    devcontainers: list[Devcontainer] = []
    resources_monitoring: ResourcesMonitoring | None = None
    connection_timeout_seconds: int = 120
    troubleshooting_url: str = ""
    motd_file: str = ""
    api_key_scope: Literal["all", "no_user_data"] = "all"
    order: int = 0


class ResourceMetadata(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fact about a resource; a sensitive one is never shown."""

    key: str
    value: str | None = None
    sensitive: bool = False


class Resource(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A thing that a build makes, with the agents in it. `daily_cost` in credits."""

    type: str
    name: str
    hide: bool = False
    icon: str = ""
    daily_cost: int = 0
    instance_type: str = ""
    module_path: str = ""
    metadata: list[ResourceMetadata] = []
    agents: list[Agent] = []


class Timing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long one step of a job took."""

    started_at: datetime
    ended_at: datetime
    stage: str
    source: str = ""
    action: str = ""
    resource: str = ""


class PrebuildSchedule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How many ready workspaces there shall be while a cron expression holds."""

    cron: str
    instances: int


class Prebuilds(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How many ready workspaces there shall be of a preset, and for how many seconds they last (0: for ever)."""

    instances: int
    ttl_seconds: int = 0
    timezone: str = ""
    schedules: list[PrebuildSchedule] = []


class Preset(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A set of parameters' values with a name."""

    name: str
    description: str = ""
    icon: str = ""
    default: bool = False
    parameters: list[NamedValue] = []
    prebuilds: Prebuilds | None = None


class ExternalAuth(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An account elsewhere that the owner must, or may, have linked."""

    id: str
    optional: bool = False
