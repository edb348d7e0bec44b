"""The official Python SDK begins with the least, and steps up as its work needs more: the person is asked at each step."""

import json
from typing import Any

import pytest

from tests.interop.python_client import Session
from tests.support.names import unique_name
from tests.support.server import Server
from tests.support.waiting import until

READ = "coder:workspaces.read"


def content(result: Any) -> Any:
    assert not result.is_error, result
    text = result.content[0].text
    return json.loads(text) if text[:1] in {"{", "["} else text


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-E2E-01", "MCP-E2E-02", "CHL-01", "CHL-04")
async def test_from_the_first_401_to_a_deleted_workspace_by_four_consents(server: Server) -> None:
    session = Session(server)
    name = unique_name("steps")
    async with session.connect() as client:

        async def call(tool: str, **arguments: Any) -> Any:
            return content(await client.call_tool(tool, arguments))

        templates = await call("coder_list_templates")
        assert [asked["scope"] for asked in session.asked] == [READ], (
            "what the challenge of the first 401 names, and no more"
        )
        template = next(each for each in templates if each["name"] == "shell")
        made = await call("coder_create_workspace", name=name, template_id=template["id"])
        assert len(session.asked) == 2

        async def is_ready() -> bool:
            agents = (await call("coder_get_workspace", workspace_id=name))["agents"]
            return [(each["status"], each["lifecycle"]) for each in agents] == [("connected", "ready")]

        await until(is_ready, seconds=60)
        assert len(session.asked) == 2, "looking is covered"
        ran = await call("coder_workspace_bash", workspace=name, command="echo written > ~/file; exit 3")
        assert ran["exit_code"] == 3
        read = await call("coder_workspace_read_file", workspace=name, path="~/file")
        assert read["content"] == "written\n"
        assert len(session.asked) == 3, "one consent covers commands and files"
        await call("coder_create_workspace_build", workspace_id=made["id"], transition="delete")
        assert len(session.asked) == 4

        async def is_gone() -> bool:
            return name not in [each["name"] for each in await call("coder_list_workspaces")]

        await until(is_gone, seconds=60)
    wanted = [{READ}, {"coder:workspaces.create"}, {"coder:workspaces.access"}, {"coder:workspaces.delete"}]
    for number, asked in enumerate(session.asked):
        scopes = set(asked["scope"].split())
        assert set().union(*wanted[: number + 1]) == scopes, "the client asks for what it had, and for what it lacks"
        assert asked["resource"] == f"{server.url}/mcp"
    assert not server.home(made["id"]).exists()


@pytest.mark.requirement("MCP-TOOLS-08")
async def test_a_client_of_the_other_toolset_signs_in_as_well(server: Server) -> None:
    session = Session(server)
    session.url = f"{server.url}/mcp?toolset=chatgpt"
    found = content(await session.call("search", {"query": "shell"}))
    assert [hit["title"] for hit in found["results"]] == ["Template shell"]
    assert session.asked[0]["resource"] == f"{server.url}/mcp"
