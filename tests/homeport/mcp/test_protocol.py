"""JSON-RPC over HTTP: every protocol version, no sessions, bounds, and odd messages answered as JSON."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from homeport.mcp.inspection import called_tool
from homeport.mcp.session import MAX_BODY
from tests.homeport.mcp.client import HANDSHAKES, LATEST, PATHS, Agent, initialize
from tests.homeport.oauth2.world import World
from tests.support.accounts import Person

MODERN = {
    "io.modelcontextprotocol/protocolVersion": LATEST,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def modern(method: str, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a message of the newest version and the headers that go with it."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": MODERN}}
    headers = {"mcp-protocol-version": LATEST, "mcp-method": method}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    return body, headers


@pytest.mark.requirement("MCP-HTTP-01")
async def test_every_protocol_version_is_spoken_without_a_session(agent: Agent):
    for path in PATHS:
        agent.path = path
        for version in HANDSHAKES:
            answer = await agent.post(initialize(version))
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "application/json"
            assert "mcp-session-id" not in answer.headers
            assert answer.headers["cache-control"] == "no-store"
            result = answer.json()["result"]
            assert result["protocolVersion"] == version
            assert result["serverInfo"]["name"] == "homeport"
            assert result["capabilities"]["tools"] is not None
            assert "coder_create_workspace" in result["instructions"]
            then = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            headers = {"mcp-protocol-version": version}
            assert (await agent.post(then, headers=headers)).status_code == 202
            listed = await agent.ask("tools/list", headers=headers)
            assert len(listed.json()["result"]["tools"]) == 24
            called = await agent.ask("tools/call", {"name": "coder_list_templates"}, headers=headers)
            assert called.json()["result"]["content"] == [{"type": "text", "text": "[]"}]
        for method in ("server/discover", "tools/list"):
            body, headers = modern(method)
            assert (await agent.post(body, headers=headers)).status_code == 200
        body, headers = modern("tools/call", name="coder_list_templates", arguments={})
        answer = await agent.post(body, headers=headers)
        assert answer.json()["result"]["content"] == [{"type": "text", "text": "[]"}]
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.requirement("MCP-HTTP-01")
async def test_a_version_from_the_future_is_told_which_there_are(agent: Agent):
    answer = await agent.ask("tools/list", headers={"mcp-protocol-version": "2099-01-01"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] < 0
    assert (await agent.post(initialize("2099-01-01"))).json()["result"]["protocolVersion"] in HANDSHAKES


@pytest.mark.requirement("MCP-HTTP-02")
async def test_there_is_nothing_to_listen_to_and_nothing_to_end(world: World, ada: Person):
    headers = {"authorization": f"Bearer {ada.token}", "accept": "text/event-stream"}
    for path in PATHS:
        for method in ("GET", "DELETE", "PUT", "PATCH", "HEAD"):
            answer = await world.first.request(method, path, headers=headers)
            assert answer.status_code == 405, method
            assert answer.headers["allow"] == "POST"
            assert "mcp-session-id" not in answer.headers


@pytest.mark.requirement("MCP-HTTP-03")
async def test_odd_messages_are_answered_as_json_and_break_nothing(agent: Agent):
    deep = b"[" * 100_000
    many = json.dumps([initialize(), initialize()]).encode()
    surrogate = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\\ud800"}}'
    for body in (
        b"", b"{", b"null", b"[]", b"7", b'"x"', b"{}", deep, many, surrogate, b"\xff\xfe", b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}', b'{"jsonrpc":"2.0","id":{},"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"coder_list_templates","arguments":[]}}',
        b'{"jsonrpc":"2.0","id":1,"method":"no/such"}', b'{"jsonrpc":"2.0","id":1,"result":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"resources/list"}', b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":7}}',
    ):  # fmt: skip
        for headers in ({}, {"mcp-protocol-version": "2025-06-18"}, {"mcp-protocol-version": LATEST}):
            answer = await agent.post(body, headers=headers)
            assert answer.status_code < 500, (body[:80], headers, answer.text)
            assert answer.status_code == 202 or "error" in answer.json(), (body[:80], answer.text)


@pytest.mark.requirement("MCP-HTTP-03")
async def test_an_unknown_tool_is_a_protocol_error(agent: Agent):
    for name in ("no_such_tool", "search", "coder_create_task", "coder_report_task"):
        assert (await agent.call(name)).json()["error"]["code"] == -32602
    agent.path = "/mcp?toolset=chatgpt"
    assert "error" in (await agent.call("coder_workspace_bash")).json()


@pytest.mark.requirement("MCP-HTTP-03")
async def test_what_is_no_json_is_refused(agent: Agent):
    for content_type in ("text/plain", "application/xml", None):
        answer = await agent.post(initialize(), headers={"content-type": content_type})
        assert answer.status_code in {400, 415}
    assert (await agent.post(initialize(), headers={"accept": "text/html"})).status_code == 406
    assert (await agent.post(initialize(), headers={"accept": "application/json"})).status_code == 200


@pytest.mark.requirement("MCP-HTTP-04")
async def test_a_message_has_a_bound(agent: Agent):
    def padded(size: int) -> bytes:
        start = json.dumps(initialize())[:-1].encode() + b', "pad": "'
        return start + b"x" * (size - len(start) - 2) + b'"}'

    assert (await agent.post(padded(MAX_BODY))).status_code in {200, 400}
    declared = await agent.post(padded(MAX_BODY + 1))
    assert declared.status_code == 413

    sent = 0

    async def stream() -> Any:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 100_000

    headers = {"authorization": f"Bearer {agent.token}", "content-type": "application/json"}
    answer = await agent.replica.request("POST", "/mcp", content=stream(), headers=headers)
    assert answer.status_code == 413
    assert sent <= MAX_BODY // 100_000 + 2, "what is too much is not even read"


@pytest.mark.requirement("MCP-HTTP-05")
async def test_many_clients_at_once_share_one_start(world: World):
    people = [await world.accounts.make() for _ in range(8)]
    answers = await asyncio.gather(
        *(Agent(world.first, person.token).ok("coder_get_authenticated_user") for person in people for _ in range(4))
    )
    assert [answer["username"] for answer in answers] == [person.username for person in people for _ in range(4)]


@pytest.mark.requirement("MCP-HTTP-05")
def test_the_sdk_is_not_loaded_before_it_is_needed():
    code = (
        "import sys, homeport.server.application, homeport.server.rooms; "
        "print(sorted(set(sys.modules) & {'mcp', 'mcp_types', 'pydantic', 'starlette', 'httpx2', 'homeport.mcp.sdk'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.requirement("MCP-HTTP-05")
async def test_a_stopped_server_says_so(world: World, agent: Agent):
    assert (await agent.post(initialize())).status_code == 200
    await world.first.parts.mcp.close()
    answer = await agent.post(initialize())
    assert answer.status_code == 503
    assert "restarting" in answer.json()["message"]


@pytest.mark.requirement("MCP-HTTP-06")
async def test_switched_off_there_is_nothing(world: World, ada: Person):
    off = Agent(world.second(world.db, oauth2_provider_enable=False), ada.token)
    for path in PATHS:
        answer = await off.post(initialize(), path=path)
        assert answer.status_code == 404
        assert "www-authenticate" not in answer.headers
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"method":"tools/call","params":{"name":"x","arguments":{"a":1},"_meta":{"progressToken":"t"}}}', ("x", {"a": 1}, True)),
        (b'{"method":"tools/call","params":{"name":"x","_meta":{"progressToken":0}}}', ("x", {}, True)),
        (b'{"method":"tools/call","params":{"name":"x","_meta":{"progressToken":null}}}', ("x", {}, False)),
        (b'{"method":"tools/call","params":{"name":"x","arguments":[],"_meta":7}}', ("x", {}, False)),
        (b'{"method":"tools/list","method":"tools/call","params":{"name":"x"}}', ("x", {}, False)),
        (b'{"method":"tools/call","params":{"name":"x","name":"y"}}', ("y", {}, False)),
        (b'{"method":"tools/list","params":{"name":"x"}}', None), (b'{"method":["tools/call"],"params":{"name":"x"}}', None),
        (b'[{"method":"tools/call","params":{"name":"x"}}]', None), (b"{", None), (b"\xff", None), (b"[" * 100_000, None),
    ],
)  # fmt: skip
@pytest.mark.requirement("CHL-04")
def test_the_called_tool_is_found_in_a_body(body: bytes, found: Any):
    called = called_tool(body)
    assert (None if called is None else (called.name, called.arguments, called.wants_progress)) == found
