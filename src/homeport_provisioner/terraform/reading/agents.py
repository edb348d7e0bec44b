"""Agents, and what belongs to them: apps, scripts, environment, dev containers, the ids of their machines. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform.reading.graph import Graph
from homeport_provisioner.terraform.reading.items import Item, blocks_of, flag_of, number_of, text_of
from homeport_sdk.provisioner_protocol import (
    Agent,
    AgentMetadata,
    App,
    Devcontainer,
    Healthcheck,
    Monitor,
    ResourcesMonitoring,
    Script,
)

_AGENT_NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*", re.IGNORECASE)
_SLUG = re.compile(r"[a-z0-9](-?[a-z0-9])*")
_DISPLAY_APPS = ("vscode", "vscode_insiders", "web_terminal", "ssh_helper", "port_forwarding_helper")
_SHARES = ("owner", "authenticated", "organization", "public")
_BELONGINGS = ("coder_app", "coder_script", "coder_env", "coder_devcontainer", "coder_agent_instance")
_MOST_NAME = 64


class FoundAgent:
    """An agent and where it was declared."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.agent = read_agent(item)
        self.auth = item.text("auth", "token")


def read_agents(items: Iterable[Item], graph: Graph, warnings: list[str]) -> list[FoundAgent]:
    """Return all agents with everything that belongs to them. Raises EngineFailure for names that cannot be."""
    items = list(items)
    agents = [FoundAgent(item) for item in items if item.type == "coder_agent" and not item.is_data]
    _check_names(agents)
    slugs: dict[str, str] = {}
    for item in items:
        if item.is_data or item.type not in _BELONGINGS:
            continue
        if item.type == "coder_app":
            _check_slug(item, slugs)
        found = _agent_of(item, agents, graph)
        if found is None:
            if agents:
                warnings.append(f"{item.address} belongs to no agent: it is left out. Set its agent_id.")
            continue
        _attach(item, found)
    for found in agents:
        found.agent.apps.sort(key=lambda app: (app.order, app.slug))
    return agents


def read_agent(item: Item) -> Agent:
    """Read a coder_agent itself. Raises EngineFailure for a name that cannot be."""
    scope = item.text("api_key_scope", "all")
    return Agent(
        name=_agent_name(item),
        operating_system=item.text("os"),
        architecture=item.text("arch"),
        directory=item.text("dir"),
        env=item.texts("env"),
        token=item.text("token") or None if item.text("auth", "token") == "token" else None,
        display_apps=_display_apps(item.blocks("display_apps")),
        scripts=list(_own_scripts(item)),
        metadata=[_metadata(block) for block in item.blocks("metadata")],
        resources_monitoring=_monitoring(item.blocks("resources_monitoring")),
        connection_timeout_seconds=item.number("connection_timeout", 120),
        troubleshooting_url=item.text("troubleshooting_url"),
        motd_file=item.text("motd_file"),
        api_key_scope="no_user_data" if scope == "no_user_data" else "all",
        order=item.number("order"),
    )


def _agent_name(item: Item) -> str:
    if "_" in item.name:
        raise EngineFailure(
            f"{item.address}: an agent's name must not contain an underscore, because it becomes part of host names: "
            f"call it '{item.name.replace('_', '-').strip('-')}'."
        )
    if not _AGENT_NAME.fullmatch(item.name) or len(item.name) > _MOST_NAME:
        raise EngineFailure(
            f"{item.address}: an agent's name has letters, digits and single hyphens between them, at most {_MOST_NAME}."
        )
    return item.name


def _check_names(agents: list[FoundAgent]) -> None:
    seen: dict[str, str] = {}
    for found in agents:
        name = found.agent.name.lower()
        if name in seen:
            raise EngineFailure(
                f"{found.item.address}: the agent's name '{found.agent.name}' is taken by {seen[name]} (case does not count): rename one."
            )
        seen[name] = found.item.address


def _check_slug(item: Item, seen: dict[str, str]) -> None:
    slug = _slug_of(item)
    if not _SLUG.fullmatch(slug) or len(slug) > _MOST_NAME:
        raise EngineFailure(
            f"{item.address}: the slug '{slug[:100]}' must have lower-case letters, digits and single hyphens between them, "
            f"at most {_MOST_NAME}."
        )
    if slug in seen:
        raise EngineFailure(f"{item.address}: the slug '{slug}' is taken by {seen[slug]}: give one of them another.")
    seen[slug] = item.address


def _slug_of(item: Item) -> str:
    """Return the slug of an app. One that only the apply will say has a stand-in in the plan, which nothing else has."""
    if "slug" in item.values or (_SLUG.fullmatch(item.name) and item.address == f"coder_app.{item.name}"):
        return item.text("slug", item.name)
    return re.sub(r"[^a-z0-9]+", "-", item.address.lower()).strip("-")[-_MOST_NAME:].strip("-")


def _agent_of(item: Item, agents: list[FoundAgent], graph: Graph) -> FoundAgent | None:
    wanted = item.text("agent_id")
    if wanted:
        for found in agents:
            if found.item.text("id") == wanted:
                return found
    labels = {found.item.label: found for found in reversed(agents)}
    return next((labels[label] for label in graph.below(item.label) if label in labels), None)


def _attach(item: Item, found: FoundAgent) -> None:
    agent = found.agent
    if item.type == "coder_app":
        agent.apps.append(_app(item))
    elif item.type == "coder_script":
        agent.scripts.append(_script(item))
    elif item.type == "coder_env":
        _set_environment(item, agent)
    elif item.type == "coder_devcontainer":
        agent.devcontainers.append(
            Devcontainer(
                name=item.name,
                workspace_folder=item.text("workspace_folder"),
                config_path=item.text("config_path"),
            )
        )
    elif found.auth != "token":
        agent.instance_id = item.text("instance_id") or agent.instance_id


def _app(item: Item) -> App:
    slug = _slug_of(item)
    share = item.text("share", "owner").lower()
    checks = [
        Healthcheck(
            url=text_of(block, "url"), interval=number_of(block, "interval"), threshold=number_of(block, "threshold")
        )
        for block in item.blocks("healthcheck")
    ]
    return App(
        slug=slug,
        display_name=item.text("display_name", slug),
        url=item.text("url"),
        command=item.text("command"),
        icon=item.text("icon"),
        external=item.flag("external"),
        subdomain=item.flag("subdomain"),
        share=share if share in _SHARES else "owner",  # type: ignore[arg-type]
        open_in="tab" if item.text("open_in") == "tab" else "slim-window",
        group=item.text("group"),
        order=item.number("order"),
        hidden=item.flag("hidden"),
        tooltip=item.text("tooltip"),
        healthcheck=checks[0] if checks else None,
    )


def _script(item: Item) -> Script:
    return Script(
        display_name=item.text("display_name", item.name),
        script=item.text("script"),
        icon=item.text("icon"),
        cron=item.text("cron"),
        log_path=item.text("log_path"),
        run_on_start=item.flag("run_on_start"),
        run_on_stop=item.flag("run_on_stop"),
        start_blocks_login=item.flag("start_blocks_login"),
        timeout=item.number("timeout"),
    )


def _own_scripts(item: Item) -> Iterator[Script]:
    if item.text("startup_script"):
        yield Script(
            display_name="Startup Script",
            script=item.text("startup_script"),
            log_path="coder-startup-script.log",
            run_on_start=True,
            start_blocks_login=item.text("startup_script_behavior") == "blocking",
        )
    if item.text("shutdown_script"):
        yield Script(
            display_name="Shutdown Script",
            script=item.text("shutdown_script"),
            log_path="coder-shutdown-script.log",
            run_on_stop=True,
        )


def _set_environment(item: Item, agent: Agent) -> None:
    """Set a variable; where there is one already, as `merge_strategy` says."""
    name, value = item.text("name"), item.text("value")
    before = agent.env.get(name)
    strategy = item.text("merge_strategy", "replace")
    if before is not None and strategy == "error":
        raise EngineFailure(f"{item.address}: the agent '{agent.name}' has a variable '{name}' already.")
    if before and strategy == "append":
        value = f"{before}:{value}"
    elif before and strategy == "prepend":
        value = f"{value}:{before}"
    agent.env[name] = value


def _display_apps(blocks: list[Mapping[str, Any]]) -> list[str]:
    chosen = blocks[0] if blocks else {}
    return [name for name in _DISPLAY_APPS if flag_of(chosen, name, default=name != "vscode_insiders")]


def _metadata(block: Mapping[str, Any]) -> AgentMetadata:
    key = text_of(block, "key")
    return AgentMetadata(
        key=key,
        display_name=text_of(block, "display_name", key),
        script=text_of(block, "script"),
        interval=number_of(block, "interval"),
        timeout=number_of(block, "timeout"),
        order=number_of(block, "order"),
    )


def _monitoring(blocks: list[Mapping[str, Any]]) -> ResourcesMonitoring | None:
    if not blocks:
        return None
    memory = [_monitor(block) for block in blocks_of(blocks[0], "memory")]
    volumes = [_monitor(block) for name in ("volume", "volumes") for block in blocks_of(blocks[0], name)]
    return ResourcesMonitoring(memory=memory[0] if memory else None, volumes=volumes)


def _monitor(block: Mapping[str, Any]) -> Monitor:
    return Monitor(
        enabled=flag_of(block, "enabled", default=True),
        threshold=number_of(block, "threshold", 80),
        path=text_of(block, "path"),
    )
