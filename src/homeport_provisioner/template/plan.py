"""From a template and values to the resources that a build reports, and the environment that its processes get. Pure."""

import platform
import sys
from collections.abc import Mapping

import msgspec

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.template.expressions import BadExpression, fill, names_in
from homeport_provisioner.template.shape import AgentPlan, Template
from homeport_provisioner.template.values import MOST_BYTES, Values
from homeport_sdk.provisioner_protocol import Agent, App, Resource, ResourceMetadata

RESOURCE_TYPE = "process"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armv7"}


def plan_resources(
    template: Template,
    values: Values,
    *,
    is_running: bool,
    facts: Mapping[str, str],
    kind: str = RESOURCE_TYPE,
    architecture: str = "",
) -> list[Resource]:
    """Return the one resource of a workspace; without its agents when it does not run.

    `architecture` is the one that agents run on; empty: this machine's.
    """
    table = values.table()
    metadata = [ResourceMetadata(key=key, value=value) for key, value in facts.items()]
    try:
        metadata += [
            ResourceMetadata(key=fact.key, value=fill(fact.value, table), sensitive=fact.is_sensitive)
            for fact in template.metadata
        ]
        own = _ARCHITECTURES.get(platform.machine(), platform.machine())
        agents = [_plan_agent(agent, values, table, architecture or own) for agent in template.agents if is_running]
    except BadExpression as error:
        raise EngineFailure(f"The template cannot be filled in: {error}.") from error
    cost = template.daily_cost if is_running else 0
    return [
        Resource(
            type=kind,
            name=template.name,
            icon=template.icon,
            daily_cost=cost,
            metadata=metadata,
            agents=agents,
        )
    ]


def plan_environment(agent: AgentPlan, values: Values) -> dict[str, str]:
    """Return what the agent's process gets: every parameter and variable, and what the template says under `env`.

    A sensitive variable comes only under the names that the template gives it.
    """
    table = values.table()
    environment = {_variable("PARAMETER", name): value for name, value in values.parameters.items()}
    environment |= {
        _variable("VARIABLE", name): value.value for name, value in values.variables.items() if not value.sensitive
    }
    environment |= {name: fill(text, table) for name, text in agent.env.items()}
    for name, text in environment.items():
        if "\0" in text or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise EngineFailure(f"The environment variable {name} would hold NUL or more than {MOST_BYTES} bytes.")
    return environment


def _variable(kind: str, name: str) -> str:
    return f"HOMEPORT_{kind}_{name}".upper().replace("-", "_")


def _plan_agent(agent: AgentPlan, values: Values, table: Mapping[str, str], architecture: str) -> Agent:
    secret = {f"variable.{name}" for name, value in values.variables.items() if value.sensitive}
    # What is made of a sensitive value reaches the process directly; people who may see the agent do not see it.
    shown = {name: fill(text, table) for name, text in agent.env.items() if not secret.intersection(names_in(text))}
    return Agent(
        name=agent.name,
        operating_system=sys.platform,
        architecture=architecture,
        directory=fill(agent.directory, table),
        env=shown,
        display_apps=list(agent.display_apps),
        apps=[_plan_app(app, table) for app in agent.apps],
        scripts=list(agent.scripts),
        metadata=list(agent.metadata),
        connection_timeout_seconds=agent.connection_timeout_seconds,
        troubleshooting_url=fill(agent.troubleshooting_url, table),
        motd_file=fill(agent.motd_file, table),
        api_key_scope="no_user_data" if agent.api_key_scope == "no_user_data" else "all",
        order=agent.order,
    )


def _plan_app(app: App, table: Mapping[str, str]) -> App:
    planned = msgspec.structs.replace(app, url=fill(app.url, table), display_name=fill(app.display_name, table)[:256])
    if app.healthcheck is not None:
        planned.healthcheck = msgspec.structs.replace(app.healthcheck, url=fill(app.healthcheck.url, table))
    return planned
