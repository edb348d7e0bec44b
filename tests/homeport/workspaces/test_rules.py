"""Pure decisions about workspaces: status, agents, quotas, results, parameters."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from homeport.provisioning.types import (
    ProvisionedAgent,
    ProvisionedAgentMetadata,
    ProvisionedApp,
    ProvisionedMetadata,
    ProvisionedResource,
)
from homeport.workspaces.rules.agents import agent_health, agent_status
from homeport.workspaces.rules.parameters import resolve_values
from homeport.workspaces.rules.quota import UNLIMITED, decide
from homeport.workspaces.rules.results import bounded, find_mistake
from homeport.workspaces.rules.status import STATUSES, build_of_status, is_active, workspace_status
from homeport.workspaces.types import AgentRow

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.requirement("WS-STATUS-01")
@pytest.mark.parametrize(
    ("job", "start", "stop", "delete"),
    [
        ("pending", "pending", "pending", "pending"),
        ("running", "starting", "stopping", "deleting"),
        ("succeeded", "running", "stopped", "deleted"),
        ("canceling", "canceling", "canceling", "canceling"),
        ("canceled", "canceled", "canceled", "canceled"),
        ("failed", "failed", "failed", "failed"),
        ("unknown", "failed", "failed", "failed"),
    ],
)
def test_status_of_a_workspace(job: str, start: str, stop: str, delete: str) -> None:
    assert workspace_status("start", job) == start
    assert workspace_status("stop", job) == stop
    assert workspace_status("delete", job) == delete


def test_a_status_is_searched_by_what_makes_it() -> None:
    for status in STATUSES:
        job, transition = build_of_status(status)
        for each in ("start", "stop", "delete"):
            if transition is None or transition == each:
                assert workspace_status(each, job) == status


def test_only_unfinished_jobs_hold_a_workspace() -> None:
    assert [is_active(status) for status in ("pending", "running", "canceling")] == [True] * 3
    assert not any(is_active(status) for status in ("succeeded", "failed", "canceled"))


def agent(**columns: Any) -> AgentRow:
    texts = {field.name: "" for field in msgspec.structs.fields(AgentRow) if field.type in {str, str | None}}
    base: dict[str, Any] = {
        **texts, "id": UUID(int=1), "parent_id": None, "resource_id": UUID(int=2), "environment_variables": {},
        "connection_timeout_seconds": 120, "display_apps": [], "subsystems": [], "display_order": 0,
        "lifecycle_state": "created", "logs_length": 0, "logs_overflowed": False, "first_connected_at": None,
        "last_connected_at": None, "disconnected_at": None, "started_at": None, "ready_at": None, "created_at": NOW,
        "updated_at": NOW,
    }  # fmt: skip
    return AgentRow(**{**base, **columns})


@pytest.mark.requirement("WS-AGENT-STATUS-01")
@pytest.mark.parametrize(
    ("columns", "seconds", "status"),
    [
        ({}, 0, "connecting"),
        ({}, 120, "connecting"),
        ({}, 121, "timeout"),
        ({"connection_timeout_seconds": 0}, 100_000, "connecting"),
        ({"first_connected_at": NOW, "last_connected_at": NOW}, 30, "connected"),
        ({"first_connected_at": NOW, "last_connected_at": NOW}, 31, "disconnected"),
        ({"first_connected_at": NOW, "last_connected_at": NOW, "disconnected_at": NOW}, 0, "disconnected"),
        (
            {
                "first_connected_at": NOW,
                "last_connected_at": NOW,
                "disconnected_at": NOW - timedelta(seconds=1),
            },
            1,
            "connected",
        ),
    ],
)
def test_status_of_an_agent(columns: dict[str, Any], seconds: int, status: str) -> None:
    assert agent_status(agent(**columns), NOW + timedelta(seconds=seconds)) == status


@pytest.mark.requirement("WS-AGENT-STATUS-01")
def test_health_of_an_agent_says_why() -> None:
    assert agent_health("connecting", "created") == (True, "")
    assert agent_health("connected", "starting") == (True, "")
    assert agent_health("connected", "ready") == (True, "")
    assert agent_health("connected", "start_error")[0] is False
    assert agent_health("connected", "shutting_down")[0] is False
    assert agent_health("disconnected", "ready", "the token was refused") == (
        False,
        "agent has lost connection: the token was refused",
    )
    assert agent_health("timeout", "created")[0] is False


@pytest.mark.requirement("WS-QUOTA-01")
@pytest.mark.parametrize(
    ("consumed", "requested", "last", "budget", "is_allowed"),
    [
        (0, 5, None, UNLIMITED, True),
        (0, 5, None, 5, True),
        (1, 5, None, 5, False),
        # Above the budget only what is cheaper than the last start goes through: stop and start again is no way around.
        (1, 5, 5, 5, False),
        (1, 6, 5, 5, False),
        (5, 4, 5, 5, True),
        (9, 0, None, 5, True),
        (0, 5, None, 0, False),
    ],
)
def test_quota(consumed: int, requested: int, last: int | None, budget: int, is_allowed: bool) -> None:
    decision = decide(consumed=consumed, requested=requested, last_start_cost=last, budget=budget)
    assert decision.is_allowed is is_allowed
    assert decision.credits_consumed == (consumed + requested if is_allowed else consumed)


def resource(**agent_fields: Any) -> ProvisionedResource:
    return ProvisionedResource(type="t", name="r", agents=[ProvisionedAgent(**{"name": "main", **agent_fields})])


@pytest.mark.requirement("WS-RESULT-01")
@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ([resource(name="a_b")], "underscore"),
        ([resource(name="-a")], "not valid"),
        ([resource(name="a--b")], "not valid"),
        ([resource(name="main\n")], "not valid"),
        # Ignoring case, a pattern takes the Kelvin sign for a k unless it is told to know ASCII only.
        ([resource(name="\u212a")], "not valid"),
        ([resource(), resource(name="MAIN")], "Two agents"),
        ([resource(token="short")], "too short"),
        ([resource(apps=[ProvisionedApp(slug="Web")])], "not valid"),
        ([resource(apps=[ProvisionedApp(slug="web\n")])], "not valid"),
        ([resource(apps=[ProvisionedApp(slug="a")]), resource(name="b", apps=[ProvisionedApp(slug="a")])], "unique"),
        (
            [resource(metadata=[ProvisionedAgentMetadata(key="k", display_name="k", script="x")] * 2)],
            "twice",
        ),
        ([ProvisionedResource(type="t", name="r", metadata=[ProvisionedMetadata(key="k")] * 2)], "twice"),
        ([ProvisionedResource(type="t", name="r", daily_cost=2**31 - 1)] * 2, "credits"),
    ],
)
def test_results_that_cannot_be(resources: list[ProvisionedResource], words: str) -> None:
    assert words in (find_mistake(resources) or "")


def test_results_that_can_be() -> None:
    apps = [ProvisionedApp(slug="a"), ProvisionedApp(slug="b-c")]
    assert find_mistake([resource(apps=apps), resource(name="other", token="x" * 36)]) is None
    assert (bounded(2**40), bounded(-(2**40)), bounded(7)) == (2**31 - 1, -(2**31), 7)


class Declared(msgspec.Struct):
    name: str
    default_value: str = ""
    ephemeral: bool = False


@pytest.mark.requirement("WS-PARAMETERS-01")
def test_values_come_from_request_then_last_build_then_default() -> None:
    declared = [Declared("a", "1"), Declared("b", "2"), Declared("c", "3"), Declared("d", "4", ephemeral=True)]
    values = resolve_values(declared, {"a": "asked"}, {"a": "old", "b": "old", "d": "old", "gone": "old"})
    assert values == {"a": "asked", "b": "old", "c": "3", "d": "4"}
