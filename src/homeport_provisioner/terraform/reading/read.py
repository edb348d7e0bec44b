"""Reads a whole plan or a whole state. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeport_provisioner.terraform.reading.agents import read_agents
from homeport_provisioner.terraform.reading.graph import Graph
from homeport_provisioner.terraform.reading.items import Item, items_of_plan, items_of_state
from homeport_provisioner.terraform.reading.parameters import (
    is_secret,
    read_external_auth,
    read_parameters,
    read_presets,
    read_tags,
)
from homeport_provisioner.terraform.reading.resources import place
from homeport_sdk.provisioner_protocol import ExternalAuth, Parameter, Preset, Resource


@dataclass(kw_only=True)
class Reading:
    """What there is or will be. `secrets` are values of parameters that nobody is to see; `warnings` are for the log."""

    resources: list[Resource]
    parameters: list[Parameter]
    presets: list[Preset]
    external_auth: list[ExternalAuth]
    tags: dict[str, str]
    secrets: list[str]
    has_ai_task: bool
    has_external_agent: bool
    warnings: list[str] = field(default_factory=list)

    @property
    def daily_cost(self) -> int:
        """The sum over all resources."""
        return sum(resource.daily_cost for resource in self.resources)


def read_plan(document: Mapping[str, Any], dot: str, *, is_start: bool = True) -> Reading:
    """Read `terraform show -json` of a plan with `terraform graph`. Raises EngineFailure for what cannot be."""
    return _read(items_of_plan(document), dot, is_start)


def read_state(document: Mapping[str, Any], dot: str, *, is_start: bool = True) -> Reading:
    """Read `terraform show -json` of a state with `terraform graph`. Raises EngineFailure for what cannot be."""
    return _read(items_of_state(document), dot, is_start)


def _read(items: list[Item], dot: str, is_start: bool) -> Reading:
    graph = Graph(dot)
    warnings: list[str] = []
    # A workspace that ends has no agents and asks for nothing: no mistake in what it declares of them may keep it from ending.
    agents = read_agents(items, graph, warnings) if is_start else []
    parameters = read_parameters(items) if is_start else []
    resources = place(items, agents, graph, warnings, is_start=is_start)
    return Reading(
        resources=resources,
        parameters=parameters,
        presets=read_presets(items, parameters, warnings) if is_start else [],
        external_auth=read_external_auth(items),
        tags=read_tags(items),
        secrets=[item.text("value") for item in items if item.is_data and is_secret(item) and item.text("value")],
        has_ai_task=any(item.type == "coder_ai_task" for item in items),
        has_external_agent=any(item.type == "coder_external_agent" for item in items),
        warnings=warnings,
    )
