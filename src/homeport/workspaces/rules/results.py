"""What an engine may report about agents and apps (spec: workspaces 3); what breaks this fails the job with these words."""

import re
from collections.abc import Sequence

from homeport.provisioning.types import ProvisionedAgent, ProvisionedResource

_AGENT_NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*", re.IGNORECASE | re.ASCII)
_APP_SLUG = re.compile(r"[a-z0-9](-?[a-z0-9])*")
SHORTEST_TOKEN = 16
_SMALLEST, _LARGEST = -(2**31), 2**31 - 1


def find_mistake(resources: Sequence[ProvisionedResource]) -> str | None:
    """Return what is wrong with the resources of one build, or None."""
    agents: set[str] = set()
    slugs: set[str] = set()
    for resource in resources:
        keys = [fact.key for fact in resource.metadata]
        if len(set(keys)) != len(keys):
            return f"The resource '{resource.name}' has a metadata key twice."
        for agent in resource.agents:
            if agent.name.lower() in agents:
                return f"Two agents are named '{agent.name}'; their names must differ, whatever the case."
            agents.add(agent.name.lower())
            mistake = _mistake_of_agent(agent, slugs)
            if mistake:
                return mistake
    if sum(resource.daily_cost for resource in resources) > _LARGEST:
        return "The resources cost more credits a day than can be counted."
    return None


def bounded(number: int) -> int:
    """Return the number within the range of the column that keeps the order of things."""
    return max(_SMALLEST, min(number, _LARGEST))


def _mistake_of_agent(agent: ProvisionedAgent, slugs: set[str]) -> str | None:
    if "_" in agent.name:
        return f"The agent name '{agent.name}' holds an underscore; use hyphens, for names become host names."
    if len(agent.name) > 64 or not _AGENT_NAME.fullmatch(agent.name):
        return f"The agent name '{agent.name}' is not valid: use letters and digits, joined by single hyphens."
    if agent.token is not None and len(agent.token) < SHORTEST_TOKEN:
        return f"The token of the agent '{agent.name}' is too short."
    keys = [fact.key for fact in agent.metadata]
    if len(set(keys)) != len(keys):
        return f"The agent '{agent.name}' has a metadata key twice."
    mistake = _mistake_of_containers(agent)
    if mistake:
        return mistake
    for app in agent.apps:
        if not _APP_SLUG.fullmatch(app.slug):
            return f"The app slug '{app.slug}' is not valid: use small letters and digits, joined by single hyphens."
        if app.slug in slugs:
            return f"Two apps have the slug '{app.slug}'; it must be unique in the template."
        slugs.add(app.slug)
    return None


def _mistake_of_containers(agent: ProvisionedAgent) -> str | None:
    names = [each.name for each in agent.devcontainers]
    if len(set(names)) != len(names):
        return f"The agent '{agent.name}' has two dev containers of one name."
    if any(not each.workspace_folder for each in agent.devcontainers):
        return f"A dev container of the agent '{agent.name}' has no workspace folder."
    volumes = [each.path for each in agent.resources_monitoring.volumes] if agent.resources_monitoring else []
    if len(set(volumes)) != len(volumes) or "" in volumes:
        return f"The agent '{agent.name}' watches a volume twice, or one without a path."
    return None
