"""The tools: what clients see of them, what they need, and what they do outside of workspaces."""

import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from homeport.database import Database
from homeport.files.rules import archive
from homeport.mcp.registry import Tool
from homeport.mcp.tools import STANDARD, TOOLSETS
from homeport.oauth2.rules.scopes import ADVERTISED_SCOPES
from homeport.provisioning import service as provisioning
from homeport.provisioning.types import ImportResult
from homeport.rbac import EXTERNAL_SCOPE_NAMES, scopes_cover
from tests.homeport.mcp.client import Agent
from tests.homeport.mcp.places import Places
from tests.homeport.oauth2.world import World
from tests.support.accounts import ACCESS_URL, Person

EVERY_TOOL = [tool for toolset in TOOLSETS.values() for tool in toolset.tools]
NAMES = """
get_workspace create_workspace list_workspaces list_templates get_template template_version_parameters
get_authenticated_user create_workspace_build create_template_version get_workspace_agent_logs get_workspace_build_logs
get_template_version_logs update_template_active_version upload_tar_file create_template delete_template workspace_bash
workspace_ls workspace_read_file workspace_write_file workspace_edit_file workspace_edit_files workspace_port_forward
workspace_list_apps
"""
ARGUMENTS: list[dict[str, Any]] = [
    {}, {"transition": "start"}, {"transition": "stop"}, {"transition": "delete"}, {"transition": 7},
    {"template_id": str(uuid4())}, {"workspace": "ada/dev"}, {"workspace_id": "ada/dev"}, {"workspace": ["odd"]},
]  # fmt: skip


@pytest.mark.requirement("MCP-TOOLS-01")
async def test_the_toolsets_are_those_of_the_reference_without_tasks(agent: Agent):
    async def listed(query: str) -> list[str]:
        answer = await agent.ask("tools/list", path=f"/mcp{query}")
        return [tool["name"] for tool in answer.json()["result"]["tools"]]

    assert set(await listed("")) == {f"coder_{name}" for name in NAMES.split()}
    assert await listed("?toolset=standard") == await listed("?toolset=") == await listed("")
    assert await listed("?toolset=chatgpt") == ["search", "fetch"]
    odd = await agent.ask("tools/list", path="/mcp?toolset=everything")
    assert odd.status_code == 400
    assert "standard" in odd.json()["message"]


@pytest.mark.requirement("MCP-TOOLS-02")
async def test_clients_see_closed_schemas_with_typed_properties_and_every_hint(agent: Agent):
    for query in ("", "?toolset=chatgpt"):
        for tool in (await agent.ask("tools/list", path=f"/mcp{query}")).json()["result"]["tools"]:
            assert set(tool["annotations"]) == {
                "title", "readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"
            }  # fmt: skip
            assert all(isinstance(value, bool) for name, value in tool["annotations"].items() if name != "title")
            assert len(tool["description"]) > 40
            assert tool["title"]
            _assert_closed(tool["inputSchema"], tool["name"])


def _assert_closed(schema: dict[str, Any], place: str) -> None:
    assert "$ref" not in json.dumps(schema)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False, place
    for name, part in schema["properties"].items():
        assert isinstance(part["type"], str), f"{place}.{name}"
        assert part["description"], f"{place}.{name}"
        if part["type"] == "array" and part["items"].get("type") == "object":
            _assert_closed(part["items"], f"{place}.{name}")
    assert set(schema["required"]) <= set(schema["properties"])


@pytest.mark.requirement("MCP-TOOLS-03")
@pytest.mark.parametrize("tool", EVERY_TOOL, ids=lambda tool: tool.name)
def test_what_a_client_is_told_to_ask_for_covers_what_the_call_needs(tool: Tool):
    for given in ARGUMENTS:
        needs = tool.needs(given)
        assert needs.least
        assert set(needs.ask) <= set(EXTERNAL_SCOPE_NAMES)
        assert scopes_cover(needs.ask, needs.least), given
        assert not any(name in {"all", "coder:all"} or name.endswith("*") for name in needs.ask)


@pytest.mark.requirement("MCP-TOOLS-04")
@pytest.mark.parametrize("toolset", TOOLSETS)
async def test_arguments_that_do_not_fit_come_back_with_the_schema(agent: Agent, toolset: str):
    agent.path = f"/mcp?toolset={toolset}"
    for tool in TOOLSETS[toolset].tools:
        for bad in _bad_arguments(tool):
            body = json.loads(await agent.failure(tool.name, **bad))
            assert set(body) == {"error", "expected_schema"}
            assert body["expected_schema"] == tool.schema
            assert body["error"].startswith("The arguments are not valid: ")


def _bad_arguments(tool: Tool) -> list[dict[str, Any]]:
    bad: list[dict[str, Any]] = [{"no_such_argument": 1}]
    if tool.schema["required"]:
        bad.append({})
    for name, part in tool.schema["properties"].items():
        wrong: Any = 7 if part["type"] in {"string", "array", "object", "boolean"} else "seven"
        bad += [{name: wrong}, {name: None}]
        if "maximum" in part:
            bad.append({**_fitting(tool), name: part["maximum"] + 1})
        if part.get("format") == "uuid":
            bad.append({name: "not-a-uuid"})
    return bad


def _fitting(tool: Tool) -> dict[str, Any]:
    values = {"string": "x", "integer": 1, "object": {"a": "b"}, "array": []}
    properties = tool.schema["properties"]
    return {
        name: str(uuid4()) if properties[name].get("format") == "uuid" else values[properties[name]["type"]]
        for name in tool.schema["required"]
    }


@pytest.mark.requirement("MCP-TOOLS-05")
async def test_what_is_not_there_is_said_in_words(agent: Agent):
    nothing = str(uuid4())
    for tool, given in {
        "coder_get_workspace": {"workspace_id": nothing},
        "coder_get_template": {"template_id": "none"},
        "coder_template_version_parameters": {"template_version_id": nothing},
        "coder_get_workspace_build_logs": {"workspace_build_id": nothing},
        "coder_get_workspace_agent_logs": {"workspace_agent_id": nothing},
        "coder_get_template_version_logs": {"template_version_id": nothing},
        "coder_create_workspace": {"name": "x", "template_id": nothing},
        "coder_create_workspace_build": {"workspace_id": "nope", "transition": "stop"},
        "coder_delete_template": {"template_id": nothing},
        "coder_workspace_bash": {"workspace": "someone/nope", "command": "true"},
        "coder_workspace_ls": {"workspace": "a/b/c"},
        "coder_workspace_list_apps": {"workspace": "/"},
    }.items():
        words = await agent.failure(tool, **given)
        assert re.search(r"not found|no such|does not exist|Name a workspace", words), (tool, words)


@pytest.mark.requirement("MCP-TOOLS-06")
async def test_a_workspace_is_listed_looked_at_stopped_and_deleted(places: Places, agent: Agent, ada: Person):
    workspace = await places.running(ada, name="dev")
    (line,) = await agent.ok("coder_list_workspaces")
    assert (line["name"], line["owner"], line["status"]) == ("dev", ada.username, "running")
    assert await agent.ok("coder_list_workspaces", query="status:stopped") == []
    for name in ("dev", str(workspace.id), f"{ada.username}/dev", f"@{ada.username}/dev"):
        found = await agent.ok("coder_get_workspace", workspace_id=name)
        assert found["id"] == str(workspace.id)
    assert found["url"] == f"{ACCESS_URL}/@{ada.username}/dev"
    assert found["agents"][0]["name"] == "main"
    assert (await agent.ok("coder_workspace_list_apps", workspace="dev"))[0]["slug"] == "web"

    stopped = await agent.ok("coder_create_workspace_build", workspace_id="dev", transition="stop")
    assert (stopped["transition"], stopped["number"], stopped["job_status"]) == ("stop", 2, "pending")
    busy = await agent.failure("coder_create_workspace_build", workspace_id="dev", transition="start")
    assert "build" in busy
    asked = await agent.failure("coder_workspace_bash", workspace="dev", command="true")
    assert "no agent" in asked or "not connected" in asked
    build = (await places.read(ada, workspace.id)).latest_build
    await places.complete(build, resources=[])
    assert "Start it" in await agent.failure("coder_workspace_bash", workspace="dev", command="true")
    wrong = await agent.failure(
        "coder_create_workspace_build", workspace_id="dev", transition="delete", rich_parameters={"a": "b"}
    )
    assert "start only" in wrong
    await agent.ok("coder_create_workspace_build", workspace_id="dev", transition="delete")
    await places.complete((await places.read(ada, workspace.id)).latest_build, resources=[])
    assert await agent.ok("coder_list_workspaces") == []


@pytest.mark.requirement("MCP-TOOLS-06")
async def test_creating_is_audited_as_the_person_with_the_requests_address(
    world: World, places: Places, agent: Agent, ada: Person
):
    template = await places.template(parameters=[{"name": "size", "default_value": "small", "mutable": True}])
    made = await agent.ok(
        "coder_create_workspace", name="dev", template_id=str(template.id), rich_parameters={"size": "large"}
    )
    assert (made["name"], made["latest_build"]["transition"]) == ("dev", "start")
    assert await world.db.fetchval("select value from workspace_build_parameters where name = 'size'") == "large"
    row = await world.db.fetchrow("select user_id, ip, request_id from audit_logs where resource_type = 'workspace'")
    assert row is not None
    assert (row["user_id"], str(row["ip"]).partition("/")[0]) == (ada.id, "192.0.2.7")
    assert row["request_id"].int, "the entry names the request, so contexts reach the tools"
    again = await agent.failure("coder_create_workspace", name="dev", template_id=str(template.id))
    assert "dev" in again
    assert "template_id" in await agent.failure("coder_create_workspace", name="dev")


@pytest.mark.requirement("MCP-TOOLS-07")
async def test_a_template_is_made_of_uploaded_files_promoted_and_deleted(world: World, places: Places):
    admin = await world.accounts.make("template-admin")
    agent = Agent(world.first, admin.token)
    files = {"homeport.yaml": "name: x\n", "start.sh": "#!/bin/sh\n", "sub/readme.md": "words"}
    file_id = (await agent.ok("coder_upload_tar_file", files=files))["file_id"]
    raw = (await world.first.request("GET", f"/api/v2/files/{file_id}", headers=admin.headers)).content
    archive.validate(raw)
    assert (await agent.ok("coder_upload_tar_file", files=files))["file_id"] == file_id

    first = await agent.ok("coder_create_template_version", file_id=file_id, message="first")
    early = await agent.failure("coder_create_template", name="shell", version_id=first["id"])
    assert "import" in early
    await _imported(world.db, first["id"])
    template = await agent.ok("coder_create_template", name="shell", version_id=first["id"], description="A shell")
    assert (await agent.ok("coder_get_template", template_id="shell"))["id"] == template["id"]
    assert [each["name"] for each in await agent.ok("coder_list_templates")] == ["shell"]
    assert await agent.ok("coder_template_version_parameters", template_version_id=first["id"]) == []
    assert (await agent.ok("coder_get_template_version_logs", template_version_id=first["id"]))["lines"] == []

    second = await agent.ok("coder_create_template_version", file_id=file_id, template_id=template["id"])
    await _imported(world.db, second["id"])
    await agent.ok("coder_update_template_active_version", template_id=template["id"], template_version_id=second["id"])
    assert (await agent.ok("coder_get_template", template_id=template["id"]))["active_version_id"] == second["id"]
    await agent.ok("coder_delete_template", template_id=template["id"])
    assert await agent.ok("coder_list_templates") == []


@pytest.mark.requirement("MCP-TENANTS-01")
async def test_of_several_organizations_one_is_named(world: World, places: Places):
    blue, foreign = await places.organization(), await places.organization()
    names = {row["id"]: row["name"] for row in await places.db.fetch("select id, name from organizations")}
    author = await world.accounts.make(
        organization_ids=[places.organization_id, blue], organization_roles=["organization-template-admin"]
    )
    agent = Agent(world.first, author.token)
    for place in (places.organization_id, blue, foreign):
        await places.template(organization_id=place, name="docker")
    wrong = await agent.failure("coder_get_template", template_id="docker")
    assert "coder/docker" in wrong
    assert f"{names[blue]}/docker" in wrong
    assert names[foreign] not in wrong
    for name in ("coder", names[blue]):
        assert (await agent.ok("coder_get_template", template_id=f"{name}/docker"))["organization"] == name
    assert "no such template" in await agent.failure("coder_get_template", template_id=f"{names[foreign]}/docker")
    # Who may read everything means the own organizations' first.
    admin = Agent(world.first, (await world.accounts.make("template-admin")).token)
    assert (await admin.ok("coder_get_template", template_id="docker"))["organization"] == "coder"

    file_id = (await agent.ok("coder_upload_tar_file", files={"homeport.yaml": "name: x"}))["file_id"]
    wrong = await agent.failure("coder_create_template_version", file_id=file_id)
    assert f"coder, {names[blue]}" in wrong or f"{names[blue]}, coder" in wrong
    version = await agent.ok("coder_create_template_version", file_id=file_id, organization=names[blue])
    await _imported(world.db, version["id"])
    # A template is made where its version is.
    made = await agent.ok("coder_create_template", name="made", version_id=version["id"])
    assert made["organization"] == names[blue]

    workspace = await places.running(author, await places.template(organization_id=blue), name="dev")
    await places.running(author, await places.template(), name="other")
    listed = await agent.ok("coder_list_workspaces")
    assert {(each["name"], each["organization"]) for each in listed} == {("dev", names[blue]), ("other", "coder")}
    found = await agent.ok("coder_list_workspaces", query=f"organization:{names[blue]}")
    assert [each["id"] for each in found] == [str(workspace.id)]
    assert (await agent.ok("coder_get_workspace", workspace_id=f"{author.username}/dev"))["organization"] == names[blue]


async def _imported(db: Database, version_id: str) -> None:
    job_id = await db.fetchval("select job_id from template_versions where id = $1::text::uuid", version_id)
    await db.execute("update provisioner_jobs set started_at = now() where id = $1", job_id)
    async with db.transaction() as conn:
        from homeport.kit import clock  # lazy: the test's clock

        await provisioning.complete_job(conn, job_id, ImportResult(), clock.now())


@pytest.mark.requirement("MCP-TOOLS-07")
@pytest.mark.parametrize("path", ["/etc/passwd", "../up", "a/../../b", ""])
async def test_an_archive_that_leaves_its_folder_is_refused(world: World, path: str):
    admin = await world.accounts.make("template-admin")
    words = await Agent(world.first, admin.token).failure("coder_upload_tar_file", files={path: "x"})
    assert words


@pytest.mark.requirement("MCP-TOOLS-03")
async def test_the_least_scopes_are_enough(world: World, places: Places):
    owner = await world.accounts.make("owner")
    workspace = await places.running(owner, name="dev")
    template = await world.db.fetchrow("select id, active_version_id from templates")
    assert template is not None
    version, build = str(template["active_version_id"]), str(workspace.latest_build.id)
    agent_id = str(workspace.latest_build.resources[0].agents[0].id)
    file_id = (await Agent(world.first, owner.token).ok("coder_upload_tar_file", files={"a": "b"}))["file_id"]
    calls: dict[str, list[dict[str, Any]]] = {
        "coder_get_authenticated_user": [{}],
        "coder_list_workspaces": [{}, {"owner": ""}],
        "coder_get_workspace": [{"workspace_id": "dev"}, {"workspace_id": f"{owner.username}/dev"}],
        "coder_create_workspace": [{"name": "other", "template_id": str(template["id"])}],
        "coder_get_workspace_build_logs": [{"workspace_build_id": build}],
        "coder_get_workspace_agent_logs": [{"workspace_agent_id": agent_id}],
        "coder_get_template_version_logs": [{"template_version_id": version}],
        "coder_list_templates": [{}],
        "coder_get_template": [{"template_id": str(template["id"])}],
        "coder_template_version_parameters": [{"template_version_id": version}],
        "coder_upload_tar_file": [{"files": {"c": "d"}}],
        "coder_create_template_version": [{"file_id": file_id}, {"file_id": file_id, "template_id": str(template["id"])}],
        "coder_update_template_active_version": [{"template_id": str(template["id"]), "template_version_id": version}],
        "coder_workspace_list_apps": [{"workspace": "dev"}],
        "coder_create_workspace_build": [{"workspace_id": "dev", "transition": "stop"}],
    }  # fmt: skip
    for name, several in calls.items():
        for given in several:
            tool = STANDARD.find(name)
            assert tool is not None
            await world.db.execute(
                "update api_keys set scopes = $2 where user_id = $1", owner.id, list(tool.needs(given).least)
            )
            await Agent(world.first, owner.token).ok(name, **given)


@pytest.mark.requirement("MCP-TOOLS-08")
async def test_chatgpt_searches_and_fetches(places: Places, agent: Agent, ada: Person):
    workspace = await places.running(ada, name="dev")
    template = await places.template(display_name="Python project", description="With numbers")
    agent.path = "/mcp?toolset=chatgpt"
    found = (await agent.ok("search", query="python NUMBERS"))["results"]
    assert [hit["id"] for hit in found] == [f"template:{template.id}"]
    found = (await agent.ok("search", query="owner:me"))["results"]
    assert [hit["id"] for hit in found] == [f"workspace:{workspace.id}"]
    everything = (await agent.ok("search", query=""))["results"]
    assert len(everything) == 3
    for hit in everything:
        assert hit["url"].startswith(f"{ACCESS_URL}/")
        document = await agent.ok("fetch", id=hit["id"])
        assert set(document) == {"id", "title", "text", "url", "metadata"}
        assert (document["id"], document["title"], document["url"]) == (hit["id"], hit["title"], hit["url"])
        assert json.loads(document["text"])["name"]
    for odd in ("nothing", "template:x", f"user:{uuid4()}", f"workspace:{uuid4()}"):
        assert await agent.failure("fetch", id=odd)
    assert (await agent.ok("search", query='a:b "open'))["results"] == []


@pytest.mark.requirement("MCP-TOOLS-01")
def test_the_documentation_lists_the_tools_and_what_to_ask_for():
    page = (Path(__file__).parents[3] / "docs" / "mcp.md").read_text()
    rows = dict(re.findall(r"^\| `(coder_\w+)` \| .+ \| (.+) \|$", page, re.MULTILINE))
    for tool in STANDARD.tools:
        wanted = {name for given in ARGUMENTS for name in tool.needs(given).ask}
        assert set(re.findall(r"`([^`]+)`", rows.pop(tool.name))) == wanted, tool.name
    assert rows == {}
    for scope in ADVERTISED_SCOPES:
        assert f"| `{scope}` |" in page
