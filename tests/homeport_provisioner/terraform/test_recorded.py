"""What the real Terraform has said of `fixtures/main.tf`: its plan for a start and for a stop, the state of a start, and the graph.

Recorded from this engine's own calls with the bundled provider.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from homeport_provisioner.terraform.reading import read_plan, read_state

FIXTURES = Path(__file__).parent / "fixtures"
DOT = (FIXTURES / "graph.dot").read_text()


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return document


@pytest.mark.requirement("TF-READ-01", "TF-READ-02", "TF-READ-03")
@pytest.mark.parametrize("kind", ["plan", "state"])
def test_a_start(kind: str) -> None:
    read = read_plan if kind == "plan" else read_state
    reading = read(recorded(kind), DOT)
    home, machine = reading.resources
    assert (home.name, home.agents, machine.name) == ("home", [], "machine")
    assert (machine.daily_cost, reading.daily_cost) == (4, 4)
    assert [(item.key, item.sensitive) for item in machine.metadata] == [("size", False), ("secret", True)]
    [agent] = machine.agents
    assert (agent.name, agent.directory, bool(agent.token)) == ("main", "/home/x", kind == "state")
    assert agent.env["B"] == "b"
    assert [script.display_name for script in agent.scripts] == ["Startup Script", "S"]
    assert [(app.slug, app.share, app.subdomain) for app in agent.apps] == [("code", "authenticated", True)]
    assert [container.workspace_folder for container in agent.devcontainers] == ["/w"]
    assert agent.display_apps == ["web_terminal", "ssh_helper", "port_forwarding_helper"]
    assert agent.resources_monitoring is not None
    assert [volume.path for volume in agent.resources_monitoring.volumes] == ["/"]
    assert reading.warnings == []


@pytest.mark.requirement("TF-READ-04")
def test_what_is_asked_for() -> None:
    reading = read_plan(recorded("plan"), DOT)
    assert [(each.name, each.required, each.validation_max) for each in reading.parameters] == [
        ("region", True, None),
        ("size", False, 5),
    ]
    [preset] = reading.presets
    assert {each.name: each.value for each in preset.parameters} == {"region": "eu", "size": "5"}
    assert preset.prebuilds is not None
    assert (preset.prebuilds.instances, preset.prebuilds.ttl_seconds) == (1, 3600)
    assert [(each.id, each.optional) for each in reading.external_auth] == [("github", True)]
    assert reading.tags == {"zone": "x"}


@pytest.mark.requirement("TF-READ-03")
def test_a_stop_leaves_what_stays() -> None:
    reading = read_plan(recorded("plan-stop"), DOT)
    assert [resource.name for resource in reading.resources] == ["home"]
