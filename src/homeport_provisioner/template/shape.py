"""What a template says, read and checked. Texts marked "filled in" may hold `${…}` expressions, whose names are known to exist."""

from collections.abc import Mapping

import msgspec

from homeport_sdk.provisioner_protocol import AgentMetadata, App, Parameter, Script, Variable


class Limits(msgspec.Struct, kw_only=True, frozen=True):
    """What one workspace may use; 0 is no limit. Memory in bytes: of each process, or of a container as a whole."""

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


class BuildPlan(msgspec.Struct, kw_only=True, frozen=True):
    """From what an image is built: `dockerfile` in the folder `context` of the template. Filled in: values of `args`."""

    context: str
    dockerfile: str
    target: str
    args: Mapping[str, str]


class Mount(msgspec.Struct, kw_only=True, frozen=True):
    """A volume of the workspace and where it is mounted."""

    name: str
    path: str


class Tmpfs(msgspec.Struct, kw_only=True, frozen=True):
    """A place in memory; `size` in bytes, 0 is the engine's default."""

    path: str
    size: int


class ContainerPlan(msgspec.Struct, kw_only=True, frozen=True):
    """The container of a workspace. Empty texts are the image's or the engine's choice.

    Filled in: `image`, `user`, `home`, and the values of `extra_hosts`, `env`, `labels` and of the build's `args`.
    """

    image: str
    build: BuildPlan | None
    pull: str
    user: str
    home: str
    network: str
    extra_hosts: Mapping[str, str]
    env: Mapping[str, str]
    volumes: tuple[Mount, ...]
    tmpfs: tuple[Tmpfs, ...]
    devices: tuple[str, ...]
    privileged: bool
    entrypoint: tuple[str, ...]
    labels: Mapping[str, str]


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
    container: ContainerPlan | None = None
