"""From coder_metadata to what is told of resources, and what may be wrong where a workspace ends."""

from collections.abc import Callable

import pytest

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform.reading import Reading, read_plan, read_state
from tests.homeport_provisioner.terraform.documents import AGENT, Entry, dot, entry, module, state


@pytest.mark.requirement("TF-READ-03")
def test_metadata_describes_the_nearest_resource_or_the_one_with_its_id() -> None:
    metadata = entry(
        "coder_metadata.m",
        resource_id="v2",
        hide=True,
        icon="/i.svg",
        daily_cost=7,
        item=[
            {"key": "a", "value": "1", "sensitive": False, "is_null": False},
            {"key": "s", "value": "2", "sensitive": True, "is_null": False},
            {"key": "n", "value": "", "sensitive": False, "is_null": True},
        ],
    )
    volumes = (entry("vol.x[0]", id="v1"), entry("vol.x[1]", id="v2"))
    reading = state(*volumes, metadata, edges=("coder_metadata.m > vol.x",))
    plain, described = reading.resources
    assert (plain.daily_cost, plain.metadata) == (0, [])
    assert (described.hide, described.icon, described.daily_cost) == (True, "/i.svg", 7)
    assert [(item.key, item.value, item.sensitive) for item in described.metadata] == [
        ("a", "1", False),
        ("s", "2", True),
        ("n", None, False),
    ]
    assert reading.daily_cost == 7


@pytest.mark.requirement("TF-READ-03")
def test_two_descriptions_of_one_resource_are_refused() -> None:
    edges = ("coder_metadata.a > x.y", "coder_metadata.b > x.y")
    with pytest.raises(EngineFailure, match=r"x\.y is described by coder_metadata\.a already"):
        state(entry("x.y"), entry("coder_metadata.a"), entry("coder_metadata.b"), edges=edges)


@pytest.mark.requirement("TF-READ-03")
def test_two_facts_of_one_name_are_refused_where_the_names_are_known() -> None:
    with pytest.raises(EngineFailure, match=r"coder_metadata\.a: two items have the key 'k'"):
        state(
            entry("x.y"),
            entry("coder_metadata.a", item=[{"key": "k"}, {"key": "k"}]),
            edges=("coder_metadata.a > x.y",),
        )
    later = entry("coder_metadata.a", item=[{"value": "1"}, {"value": "2"}])
    [resource] = state(entry("x.y"), later, edges=("coder_metadata.a > x.y",)).resources
    assert [fact.value for fact in resource.metadata] == ["1", "2"]


@pytest.mark.requirement("TF-READ-03")
def test_a_cost_that_cannot_be_counted_is_refused() -> None:
    with pytest.raises(EngineFailure, match=r"coder_metadata\.a: daily_cost is 2147483648"):
        state(entry("x.y"), entry("coder_metadata.a", daily_cost=2**31), edges=("coder_metadata.a > x.y",))


@pytest.mark.requirement("TF-READ-03")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"icon": "i" * 257}, "icon has 257 characters"),
        ({"item": [{"key": "k" * 257}]}, "a key has 257"),
        ({"item": [{"key": "size", "value": "v" * 65_537}]}, "size has 65537"),
    ],
)
def test_what_is_too_long_for_the_server_is_refused_before_anything_is_made(values: Entry, words: str) -> None:
    with pytest.raises(EngineFailure, match=rf"coder_metadata\.a: {words}"):
        state(entry("x.y"), entry("coder_metadata.a", **values), edges=("coder_metadata.a > x.y",))


@pytest.mark.requirement("TF-READ-05")
@pytest.mark.parametrize("read", [read_plan, read_state])
def test_no_mistake_of_a_start_keeps_a_workspace_from_ending(read: Callable[..., Reading]) -> None:
    facts = [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]
    entries = [
        entry("x.y"),
        entry("coder_agent.a_b", **AGENT),
        entry("coder_agent.main", **AGENT),
        *(entry(f"coder_app.{name}", agent_id="agent-1", slug="same") for name in ("a", "b")),
        *(entry(f"coder_env.{name}", agent_id="agent-1", name="X", merge_strategy="error") for name in ("a", "b")),
        *(entry(f"coder_metadata.{name}", item=facts, daily_cost=2**31, icon="i" * 257) for name in ("a", "b")),
        *(entry(f"data.coder_parameter.{name}", name="same", value="1") for name in ("a", "b")),
        *(entry(f"data.coder_workspace_preset.{name}", name="same", default=True) for name in ("a", "b")),
    ]
    values = {"root_module": module(entries)}
    graph = dot("x.y > coder_agent.main", "coder_metadata.a > x.y", "coder_metadata.b > x.y")
    reading = read({"values": values, "planned_values": values}, graph, is_start=False)
    [resource] = reading.resources
    assert ([(fact.key, fact.value) for fact in resource.metadata], resource.agents) == ([("k", "1")], [])
    assert resource.daily_cost == 2**31 - 1
    with pytest.raises(EngineFailure):
        read({"values": values, "planned_values": values}, graph)
