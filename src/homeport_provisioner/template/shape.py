"""What a template says, read and checked. Texts marked "filled in" may hold `${…}` expressions, whose names are known to exist."""

import msgspec

from homeport_sdk.provisioner_protocol import AgentMetadata, App, Parameter, Script, Variable


class Limits(msgspec.Struct, kw_only=True, frozen=True):
    """What one workspace may use; 0 is no limit. Memory in bytes, for each process; processors whole."""

    memory: int = 0
    cpus: int = 0
    processes: int = 0


class AgentPlan(msgspec.Struct, kw_only=True, frozen=True):
    """An agent. Filled in: `directory`, `env`, `motd_file`, `troubleshooting_url`, and of apps `url`, `display_name`, health address."""

    name: str
    directory: str
    env: dict[str, str]
    apps: tuple[App, ...]
    scripts: tuple[Script, ...]
    metadata: tuple[AgentMetadata, ...]
    display_apps: tuple[str, ...]
    connection_timeout_seconds: int
    troubleshooting_url: str
    motd_file: str
    api_key_scope: str
    order: int


class Fact(msgspec.Struct, kw_only=True, frozen=True):
    """A line that the dashboard shows about the workspace; `value` is filled in."""

    key: str
    value: str
    is_sensitive: bool


class Template(msgspec.Struct, kw_only=True, frozen=True):
    """What a whole `homeport.yaml` says, checked. `daily_cost` is in credits."""

    name: str
    icon: str
    daily_cost: int
    parameters: tuple[Parameter, ...]
    variables: tuple[Variable, ...]
    agents: tuple[AgentPlan, ...]
    limits: Limits
    metadata: tuple[Fact, ...]
