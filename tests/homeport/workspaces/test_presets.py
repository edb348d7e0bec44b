"""Presets of builds, tags made of a build's values, and what agents bring along: dev containers, what they watch."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from homeport.kit.errors import BadRequest, NotFound
from homeport.kit.ids import NIL_ID, new_id
from homeport.provisioning.types import ProvisionedAgent, ProvisionedDevcontainer, ProvisionedMonitoring
from homeport.provisioning.types.results import ProvisionedMonitor
from homeport.templates.rules.configuration import read_configuration
from homeport.templates.rules.dynamic import form_source
from homeport.templates.rules.tags import tag_source
from homeport.workspaces.errors import InvalidParameters, InvalidResult
from homeport.workspaces.service.reading import last_values
from tests.homeport.workspaces.world import AGENT, MACHINE, Template, World

SIZES: list[dict[str, Any]] = [
    {"name": "size", "default_value": "s"},
    {"name": "zone", "default_value": "eu"},
    {"name": "fixed", "default_value": "f", "mutable": False},
    {"name": "once", "default_value": "", "ephemeral": True},
]


async def add_preset(world: World, version_id: UUID, name: str, **values: str) -> UUID:
    """Insert a preset of a version."""
    id = new_id()
    await world.insert("template_version_presets", {"id": id, "template_version_id": version_id, "name": name})
    for key, value in values.items():
        await world.insert("template_version_preset_parameters", {"preset_id": id, "name": key, "value": value})
    return id


async def values_of(world: World, build_id: UUID) -> dict[str, str]:
    rows = await world.db.fetch(
        "select name, value from workspace_build_parameters where workspace_build_id = $1", build_id
    )
    return {row["name"]: row["value"] for row in rows}


@pytest.mark.requirement("CONTENTS-PRESET-03")
async def test_a_presets_values_go_before_those_of_the_request(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template(parameters=SIZES)
    large = await add_preset(world, template.version_id, "large", size="l", unknown="x")
    workspace = await world.create(ann, template, values={"size": "m", "zone": "us"}, template_version_preset_id=large)
    first = workspace.latest_build
    assert first.template_version_preset_id == large
    assert await values_of(world, first.id) == {"size": "l", "zone": "us", "fixed": "f", "once": ""}
    await world.complete(first)
    again = await world.build(ann, workspace.id, "start", template_version_preset_id=large, values={"size": "m"})
    assert (await values_of(world, again.id))["size"] == "l"
    await world.complete(again)
    # Presets bend no rules: what may not change does not.
    other = await add_preset(world, template.version_id, "other", fixed="changed")
    with pytest.raises(BadRequest):
        await world.build(ann, workspace.id, "start", template_version_preset_id=other)


@pytest.mark.requirement("CONTENTS-PRESET-03")
async def test_a_preset_of_another_version_is_refused_by_name(world: World) -> None:
    ann = await world.accounts.make()
    template, foreign = await world.template(parameters=SIZES), await world.template(parameters=SIZES)
    theirs = await add_preset(world, foreign.version_id, "theirs", size="l")
    for preset_id in (theirs, new_id()):
        with pytest.raises(BadRequest) as caught:
            await world.create(ann, template, template_version_preset_id=preset_id)
        assert caught.value.validations[0].field == "template_version_preset_id"
    assert await world.db.fetchval("select count(*) from workspaces") == 0
    made = await world.create(ann, template, template_version_preset_id=NIL_ID)
    assert made.latest_build.template_version_preset_id is None


@pytest.mark.requirement("CONTENTS-PRESET-04")
async def test_a_start_has_the_preset_whose_values_it_gets(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template(parameters=SIZES)
    large = await add_preset(world, template.version_id, "large", size="l")
    both = await add_preset(world, template.version_id, "both", size="l", zone="us")
    await add_preset(world, template.version_id, "empty")
    await add_preset(world, template.version_id, "odd", size="l", unknown="x")
    for values, expected in (({"size": "l"}, large), ({"size": "l", "zone": "us"}, both), ({}, None)):
        workspace = await world.create(ann, template, values=values)
        assert workspace.latest_build.template_version_preset_id == expected
    await world.complete(workspace.latest_build)
    stopped = await world.build(ann, workspace.id, "stop")
    assert stopped.template_version_preset_id is None
    shown = await world.api.call(ann, "GET", f"/workspacebuilds/{stopped.id}")
    assert shown.json()["template_version_preset_id"] is None


async def tagged(world: World, text: str, **more: Any) -> Template:
    """Make a template whose version keeps what this text says of tags."""
    template = await world.template(**more)
    source = msgspec.to_builtins(tag_source(read_configuration({"main.tf": text.encode()})))
    await world.db.execute("update template_versions set tag_source = $2 where id = $1", template.version_id, source)
    return template


@pytest.mark.requirement("CONTENTS-TAGS-04")
async def test_a_builds_job_has_the_tags_that_its_values_make(world: World) -> None:
    ann = await world.accounts.make()
    text = """
        data "coder_parameter" "zone" {
          name    = "zone"
          default = "eu"
        }
        data "coder_workspace_tags" "t" {
          tags = { zone = data.coder_parameter.zone.value }
        }
    """
    template = await tagged(world, text, parameters=SIZES)
    workspace = await world.create(ann, template, values={"zone": "asia"})
    assert workspace.latest_build.job.tags == {"scope": "organization", "owner": "", "zone": "asia"}
    await world.complete(workspace.latest_build)
    stopped = await world.build(ann, workspace.id, "stop")
    assert stopped.job.tags["zone"] == "asia"
    await world.complete(stopped, resources=[])
    moved = await world.build(ann, workspace.id, "start", values={"zone": "us"})
    assert moved.job.tags["zone"] == "us"


@pytest.mark.requirement("CONTENTS-TAGS-04")
async def test_tags_that_values_make_impossible_hold_up_a_start_only(world: World) -> None:
    ann = await world.accounts.make()
    text = """
        data "coder_parameter" "zone" {
          name    = "zone"
          default = "1"
        }
        data "coder_workspace_tags" "t" {
          tags = { zone = data.coder_parameter.zone.value + 1 }
        }
    """
    template = await tagged(world, text, parameters=SIZES)
    with pytest.raises(BadRequest) as caught:
        await world.create(ann, template, values={"zone": "x"})
    assert caught.value.validations[0].field == "rich_parameter_values"
    workspace = await world.running(ann, template, values={"zone": "1"})
    deleting = await world.build(ann, workspace.id, "delete", values={"zone": "x"})
    assert deleting.job.tags == {"scope": "organization", "owner": ""}


@pytest.mark.requirement("CONTENTS-EXTRAS-02")
async def test_an_agents_dev_containers_and_what_it_watches_are_kept(world: World) -> None:
    ann = await world.accounts.make()
    agent = msgspec.structs.replace(
        AGENT,
        devcontainers=[ProvisionedDevcontainer(name="web", workspace_folder="/src/web", config_path="/c.json")],
        resources_monitoring=ProvisionedMonitoring(
            memory=ProvisionedMonitor(threshold=90), volumes=[ProvisionedMonitor(path="/home", enabled=False)]
        ),
    )
    workspace = await world.create(ann, await world.template())
    await world.complete(workspace.latest_build, resources=[msgspec.structs.replace(MACHINE, agents=[agent])])
    row = await world.db.fetchrow(
        "select d.name, d.workspace_folder, d.config_path, a.resources_monitoring from workspace_agent_devcontainers d "
        "join workspace_agents a on a.id = d.workspace_agent_id"
    )
    assert row is not None
    assert (row["name"], row["workspace_folder"], row["config_path"]) == ("web", "/src/web", "/c.json")
    assert row["resources_monitoring"] == {
        "memory": {"enabled": True, "threshold": 90, "path": ""},
        "volumes": [{"enabled": False, "threshold": 80, "path": "/home"}],
    }


@pytest.mark.requirement("CONTENTS-EXTRAS-02")
@pytest.mark.parametrize(
    "agent",
    [
        ProvisionedAgent(name="a", devcontainers=[ProvisionedDevcontainer(name="d", workspace_folder="/x")] * 2),
        ProvisionedAgent(name="a", devcontainers=[ProvisionedDevcontainer(name="d", workspace_folder="")]),
        ProvisionedAgent(name="a", resources_monitoring=ProvisionedMonitoring(volumes=[ProvisionedMonitor()])),
        ProvisionedAgent(
            name="a", resources_monitoring=ProvisionedMonitoring(volumes=[ProvisionedMonitor(path="/x")] * 2)
        ),
    ],
    ids=["two of a name", "no folder", "no path", "a volume twice"],
)
async def test_what_agents_cannot_have_is_refused(world: World, agent: ProvisionedAgent) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    with pytest.raises(InvalidResult):
        await world.complete(workspace.latest_build, resources=[msgspec.structs.replace(MACHINE, agents=[agent])])


@pytest.mark.requirement("CONTENTS-FORM-03")
async def test_last_values_are_for_whoever_may_read_the_workspace(world: World) -> None:
    ann, bob = await world.accounts.make(), await world.accounts.make()
    workspace = await world.running(ann, await world.template(parameters=SIZES), values={"size": "l"})
    async with world.db.connection() as conn:
        assert (await last_values(conn, ann.me, workspace.id))["size"] == "l"
        for person, workspace_id in ((bob, workspace.id), (ann, new_id())):
            with pytest.raises(NotFound):
                await last_values(conn, person.me, workspace_id)


@pytest.mark.requirement("CONTENTS-FORM-05")
async def test_a_build_takes_values_that_other_values_call_for(world: World) -> None:
    ann = await world.accounts.make()
    text = """
        data "coder_parameter" "size" { name = "size" }
        data "coder_parameter" "disk" {
          count = data.coder_parameter.size.value == "l" ? 1 : 0
          name  = "disk"
        }
    """
    template = await world.template(parameters=SIZES)
    kept = {"form": msgspec.to_builtins(form_source(read_configuration({"main.tf": text.encode()})))}
    await world.db.execute("update template_versions set tag_source = $2 where id = $1", template.version_id, kept)
    with pytest.raises(InvalidParameters):
        await world.create(ann, template, values={"size": "l"})
    with pytest.raises(InvalidParameters):
        await world.create(ann, template, values={"size": "s", "disk": "9"})
    workspace = await world.create(ann, template, values={"size": "l", "disk": "9"})
    assert await values_of(world, workspace.latest_build.id) == {
        "size": "l", "disk": "9", "zone": "eu", "fixed": "f", "once": "",
    }  # fmt: skip
