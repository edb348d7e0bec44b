"""The official Python SDK: registration, refresh, step-up, revocation, and the main job of an agent."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mcp.shared.auth import OAuthClientInformationFull

from tests.interop.published import Publisher
from tests.interop.python_client import CALLBACK, Memory, Session
from tests.support.names import unique_name
from tests.support.server import Server

READ = "coder:workspaces.read"
ALL = f"{READ} coder:workspaces.create coder:workspaces.operate coder:workspaces.access coder:workspaces.delete"


def text(result: Any) -> str:
    assert not result.is_error, result
    return "\n".join(part.text for part in result.content)


async def works_and_refreshes(session: Session) -> None:
    """Let the client begin and go on beyond the end of its access token: the person is asked once."""
    async with session.connect() as client:
        text(await client.call_tool("coder_list_workspaces", {}))
        first = session.memory.tokens
        assert first is not None
        session.expire()
        text(await client.call_tool("coder_list_templates", {}))
    assert len(session.asked) == 1
    assert session.memory.tokens is not None
    assert session.memory.tokens.refresh_token != first.refresh_token


@pytest.mark.requirement("E2E-01")
async def test_it_registers_refreshes_steps_up_and_comes_back(server: Server) -> None:
    session = Session(server, scope=READ)
    await works_and_refreshes(session)
    assert session.asked[0]["resource"] == session.url

    # Beyond the scope: asked once more, for everything at once.
    asked = len(session.asked)
    missing = await session.call("coder_workspace_ls", {"workspace": "nothing-like-it", "path": "/"})
    assert missing.is_error
    assert len(session.asked) == asked + 1
    assert {"coder:workspaces.access", READ} <= set(session.asked[-1]["scope"].split())

    # Revoked by the person: asked again, and back at work.
    assert session.memory.client is not None
    for grant in server.api.call("GET", "/oauth2-provider/grants"):
        if grant["client_id"] == session.memory.client.client_id:
            server.api.call("DELETE", f"/oauth2-provider/grants/{grant['id']}")
    text(await session.call("coder_list_workspaces"))
    assert len(session.asked) == asked + 2


@pytest.mark.requirement("E2E-01")
async def test_a_client_that_an_owner_registered(server: Server) -> None:
    app = server.api.call(
        "POST", "/oauth2-provider/apps", json={"name": unique_name("app"), "callback_url": "http://127.0.0.1/callback"}
    )
    secret = server.api.call("POST", f"/oauth2-provider/apps/{app['id']}/secrets")
    known = OAuthClientInformationFull.model_validate(
        {
            "client_id": app["id"], "client_secret": secret["client_secret_full"],
            "redirect_uris": ["http://127.0.0.1:9876/callback"], "token_endpoint_auth_method": "client_secret_post",
        }
    )  # fmt: skip
    session = Session(server, Memory(known), scope=READ)
    await works_and_refreshes(session)
    assert session.memory.client == known
    server.api.call("DELETE", f"/oauth2-provider/apps/{app['id']}")


@pytest.mark.requirement("E2E-01", "CIM-01")
async def test_a_client_that_is_a_document(server: Server, published: Publisher) -> None:
    document = {
        "client_name": "Python client", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
    }  # fmt: skip
    session = Session(server, scope=READ, metadata_url=published.put("/python.json", document))
    await works_and_refreshes(session)
    assert session.memory.client is not None
    assert (
        session.memory.client.client_id == session.asked[0]["client_id"] == f"https://{published.authority}/python.json"
    )


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("E2E-AGENT-01")
async def test_an_agent_makes_a_workspace_works_in_it_and_deletes_it(server: Server) -> None:
    session = Session(server, scope=ALL)
    name = unique_name("agent")
    async with session.connect() as client:
        templates = json.loads(text(await client.call_tool("coder_list_templates", {})))
        template = next(each for each in templates if each["name"] == "shell")
        made = await client.call_tool(
            "coder_create_workspace",
            {
                "user": "me", "template_version_id": template["active_version_id"], "name": name,
                "rich_parameters": {},
            },
        )  # fmt: skip
        text(made)
        workspace = server.api.call("GET", f"/users/me/workspace/{name}")
        server.api.wait_for_agent(workspace, status="connected", lifecycle_state="ready")
        ran = text(
            await client.call_tool(
                "coder_workspace_bash", {"workspace": name, "command": "echo written > ~/file; exit 3"}
            )
        )
        assert "3" in ran
        read = text(
            await client.call_tool(
                "coder_workspace_read_file", {"workspace": name, "path": f"{home(server, name)}/file"}
            )
        )
        assert "written" in read
        text(
            await client.call_tool(
                "coder_create_workspace_build", {"workspace_id": workspace["id"], "transition": "delete"}
            )
        )
    server.api.build_ended(
        server.api.call("GET", f"/workspaces/{workspace['id']}?include_deleted=true")["latest_build"]
    )
    assert not server.home(workspace["id"]).exists()


STEPS = {
    "coder_create_workspace": {"user": "me", "template_version_id": str(uuid4()), "name": "x", "rich_parameters": {}},
    "coder_workspace_bash": {"workspace": "x", "command": "true"},
    "coder_workspace_read_file": {"workspace": "x", "path": "/etc/hostname"},
    "coder_create_workspace_build": {"workspace_id": str(uuid4()), "transition": "delete"},
}


@pytest.mark.requirement("E2E-AGENT-01")
async def test_each_step_is_refused_with_a_challenge_where_the_granted_scope_lacks(server: Server) -> None:
    session = Session(server, scope=READ)
    text(await session.call("coder_list_workspaces"))
    assert session.memory.tokens is not None
    headers = {
        "Authorization": f"Bearer {session.memory.tokens.access_token}",
        "Accept": "application/json, text/event-stream",
    }
    for tool, arguments in STEPS.items():
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            reply = await http.post(session.url, json=call, headers=headers)
        challenge = reply.headers["www-authenticate"]
        assert reply.status_code == 403, tool
        assert 'error="insufficient_scope"' in challenge
        assert "coder:workspaces." in challenge.partition('scope="')[2].partition('"')[0]
        assert f'resource_metadata="{server.url}/.well-known/oauth-protected-resource/mcp"' in challenge


def home(server: Server, name: str) -> str:
    """Return the home as the workspace sees it."""
    workspace = server.api.call("GET", f"/users/me/workspace/{name}")
    return f"/home/{workspace['owner_name']}"
