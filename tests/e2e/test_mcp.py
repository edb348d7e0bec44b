"""An agent's work by the official MCP client, over a real server: from nothing to a command in a workspace, and back."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from homeport_provisioner.process.identity import kill
from tests.e2e.agents import ERAS, agent_of
from tests.support.names import unique_name
from tests.support.server import Server, running_server, workspace_processes
from tests.support.waiting import until

SHELL = Path(__file__).parents[2] / "examples" / "templates" / "shell"


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-E2E-01")
@pytest.mark.parametrize("mode", ERAS)
async def test_an_agent_makes_a_workspace_works_in_it_and_deletes_it(
    server: Server, mcp_template: dict[str, Any], mode: str
) -> None:
    name = unique_name("agent")
    async with agent_of(server, mode=mode) as agent:
        assert len((await agent.client.list_tools()).tools) == 24
        listed = await agent.call("coder_list_templates")
        assert mcp_template["id"] in [each["id"] for each in listed]
        made = await agent.call("coder_create_workspace", name=name, template_id=mcp_template["id"])
        await agent.until_ready(name)
        ran = await agent.call(
            "coder_workspace_bash", workspace=name, command="echo written > ~/file; echo out; echo err >&2; exit 3"
        )
        assert ran["exit_code"] == 3
        assert sorted(ran["output"].split()) == ["err", "out"]
        read = await agent.call("coder_workspace_read_file", workspace=name, path="~/file")
        assert (read["content"], read["size"]) == ("written\n", 8)
        logs = await agent.call("coder_get_workspace_build_logs", workspace_build_id=made["latest_build"]["id"])
        assert logs["lines"]
        await agent.call("coder_create_workspace_build", workspace_id=name, transition="delete")

        async def is_gone() -> bool:
            return name not in [each["name"] for each in await agent.call("coder_list_workspaces")]

        await until(is_gone, seconds=60)
    assert not server.home(made["id"]).exists()


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-E2E-02", "CHL-04")
def test_each_step_is_refused_with_what_to_ask_for(server: Server, mcp_template: dict[str, Any], place: str) -> None:
    steps: dict[str, tuple[str, dict[str, Any]]] = {
        "coder_create_workspace": ("coder:workspaces.create", {"name": "x", "template_id": mcp_template["id"]}),
        "coder_workspace_bash": ("coder:workspaces.access", {"workspace": place, "command": "true"}),
        "coder_workspace_read_file": ("coder:workspaces.access", {"workspace": place, "path": "."}),
        "coder_create_workspace_build": (
            "coder:workspaces.delete",
            {"workspace_id": place, "transition": "delete"},
        ),
    }
    reader = make_key(server, "coder:workspaces.read")
    assert place in call(server, reader, "coder_list_workspaces").text
    for tool, (scope, arguments) in steps.items():
        answer = call(server, reader, tool, **arguments)
        assert answer.status_code == 403
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert f'scope="{scope}"' in challenge
        assert f'resource_metadata="{server.url}/.well-known/oauth-protected-resource/mcp"' in challenge
        # With exactly what the challenge has named the door is open: the tool itself finds the arguments wrong.
        wider = make_key(server, scope)
        odd = {"transition": arguments["transition"]} if "transition" in arguments else {}
        assert "expected_schema" in call(server, wider, tool, **odd).text


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-TOOLS-05")
async def test_a_workspace_that_stops_or_dies_under_a_command_is_told(
    server: Server, mcp_template: dict[str, Any]
) -> None:
    made = server.api.make_workspace(mcp_template, unique_name("cut"))
    server.api.wait_for_agent(made, lifecycle_state="ready")
    async with agent_of(server) as agent:
        begun = server.home(made["id"]) / "begun"
        command = {"workspace": made["name"], "command": "echo begun > ~/begun; sleep 60"}
        running = asyncio.create_task(agent.call("coder_workspace_bash", **command))
        await until(begun.exists, seconds=20)
        await asyncio.to_thread(server.api.build, made, "stop")
        assert (await running)["signal"] in {"HUP", "TERM"}
        assert "Start it" in await agent.words("coder_workspace_ls", workspace=made["name"])

        begun.unlink()
        await asyncio.to_thread(server.api.build, made, "start")
        await agent.until_ready(made["name"])
        running = asyncio.create_task(agent.words("coder_workspace_bash", **command))
        await until(begun.exists, seconds=20)
        kill(workspace_processes(server.record(made["id"]).cookie))
        assert "was lost" in await running
        assert "not connected" in await agent.words("coder_workspace_ls", workspace=made["name"])
    await asyncio.to_thread(server.api.build, made, "delete")
    assert "Traceback" not in server.log.read_text()


def make_key(server: Server, *scopes: str) -> str:
    """Make a key of the first user with these scopes alone."""
    wanted = {"scopes": list(scopes), "token_name": unique_name("key")}
    return str(server.api.call("POST", "/users/me/keys/tokens", json=wanted)["key"])


def call(server: Server, token: str, tool: str, **arguments: Any) -> httpx.Response:
    """Call a tool by one request."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    return httpx.post(f"{server.url}/mcp", json=body, headers=headers, trust_env=False)


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("MCP-HTTP-05", "MCP-TOOLS-12")
async def test_a_server_that_stops_ends_what_agents_run(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        server.set_up()
        files: dict[str, str | bytes] = {path.name: path.read_bytes() for path in SHELL.iterdir()}
        made = server.api.make_workspace(server.api.make_template("shell", "process", files), "dev")
        server.api.wait_for_agent(made, lifecycle_state="ready")
        body = {
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "coder_workspace_bash", "arguments": {"workspace": "dev", "command": "trap '' HUP; sleep 287"}},
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {server.token}", "Accept": "application/json, text/event-stream"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=60) as http:
            posting = asyncio.create_task(http.post("/mcp", json=body))
            cookie = server.record(made["id"]).cookie

            def has_sleep() -> bool:
                return any(
                    "sleep" in Path(f"/proc/{each.pid}/comm").read_text() for each in workspace_processes(cookie)
                )

            await until(has_sleep, seconds=20)
            stopping = asyncio.create_task(asyncio.to_thread(server.end))
            answer = await posting
            assert answer.status_code == 503
            assert await stopping == 0
            await until(lambda: not has_sleep(), seconds=20)
    assert "Traceback" not in server.log.read_text()
