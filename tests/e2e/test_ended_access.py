"""A suspended person is out at once, by whatever way they are in; their workspace goes on, and so do they once they are back."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.e2e.agents import agent_of
from tests.e2e.conftest import EXAMPLES
from tests.support.api import PASSWORD, Api
from tests.support.names import unique_name
from tests.support.program import Cli
from tests.support.server import Server
from tests.support.waiting import until

SECONDS = 30


class Colleague:
    """Somebody with a running workspace."""

    def __init__(self, server: Server, cli: Cli, owner: Cli) -> None:
        self.name, template, self.workspace = unique_name("grace"), unique_name("shell"), unique_name("dev")
        owner.ok("templates", "push", template, "-d", str(EXAMPLES / "shell"), "-y")
        email = f"{self.name}@example.com"
        wanted = {"email": email, "username": self.name, "password": PASSWORD, "user_status": "active"}
        self.id = server.api.call("POST", "/users", json=wanted)["id"]
        self.api = Api(server.url)
        self.api.sign_in(email)
        self.token = self.api.call("POST", "/users/me/keys/tokens", json={})["key"]
        self.cli = cli
        cli.ok("login", server.url, "--token", self.token)
        cli.ok("create", self.workspace, "--template", template, "-y")
        self.place = self.api.call("GET", f"/users/me/workspace/{self.workspace}")

    @property
    def headers(self) -> dict[str, str]:
        return {"Coder-Session-Token": self.token}


@pytest.fixture
def colleague(server: Server, cli: Cli, tmp_path: Any) -> Iterator[Colleague]:
    person = Colleague(server, Cli(tmp_path / "colleague"), cli)
    yield person
    server.api.call("PUT", f"/users/{person.id}/status/activate")
    person.cli.ok("delete", person.workspace, "-y")


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("STATUS-LIVE-08")
async def test_a_suspended_person_is_out_at_once_and_the_workspace_goes_on(
    server: Server, colleague: Colleague
) -> None:
    agent = colleague.api.agent(colleague.place)
    ssh = await asyncio.create_subprocess_exec(
        *colleague.cli.words("ssh", colleague.workspace, "--", "echo up; sleep 300"),
        env=colleague.cli.environment, stdout=PIPE, stderr=PIPE, stdin=DEVNULL,
    )  # fmt: skip
    try:
        assert ssh.stdout is not None
        assert await ssh.stdout.readline() == b"up\n"
        await _out_by_browser_and_agent(server, colleague, agent["id"])
        assert await asyncio.wait_for(ssh.wait(), SECONDS) != 0
    finally:
        if ssh.returncode is None:
            ssh.kill()
            await ssh.wait()
    assert colleague.cli.run("ssh", colleague.workspace, "--", "true").status != 0
    server.api.call("PUT", f"/users/{colleague.id}/status/activate")
    # The token is good again, and the workspace that ran on is the same.
    assert colleague.cli.ok("ssh", colleague.workspace, "--", "cat ~/note").out == "kept\n"
    assert colleague.api.client.get("/api/v2/users/me").status_code == 401, "sessions do not come back"


async def _out_by_browser_and_agent(server: Server, colleague: Colleague, agent_id: str) -> None:
    """Suspend while a terminal, an event stream and an agent's tool call are open, and see all of them end."""
    address = f"{server.url.replace('http', 'ws')}/api/v2/workspaceagents/{agent_id}/pty"
    query = f"reconnect={agent_id}&width=80&height=24"
    async with connect(f"{address}?{query}", additional_headers=colleague.headers) as terminal:
        await terminal.send(b'{"data": "echo kept > ~/note\\r"}')
        await terminal.recv()
        stream = asyncio.create_task(_until_the_stream_ends(server, colleague))
        tool = asyncio.create_task(_tool_call(server, colleague))
        async with agent_of(server, token=colleague.token) as other:

            async def is_under_way() -> bool:
                reply = await other.call(
                    "coder_workspace_bash", workspace=colleague.workspace, command="cat ~/begun ~/note"
                )
                return bool(reply["output"] == "begun\nkept\n")

            await until(is_under_way, seconds=SECONDS)
        await asyncio.to_thread(server.api.call, "PUT", f"/users/{colleague.id}/status/suspend")
        await asyncio.wait_for(_until_closed(terminal), SECONDS)
        assert terminal.close_code == 1008
        assert terminal.close_reason
        assert await asyncio.wait_for(stream, SECONDS) > 0
        assert await asyncio.wait_for(tool, SECONDS), "the call has failed"


async def _until_closed(terminal: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await terminal.recv()


async def _until_the_stream_ends(server: Server, colleague: Colleague) -> int:
    """Follow the workspace; returns how many lines came until the server ended the stream in order."""
    path = f"{server.url}/api/v2/workspaces/{colleague.place['id']}/watch"
    async with (
        httpx.AsyncClient(trust_env=False, timeout=None) as client,
        client.stream("GET", path, headers=colleague.headers) as reply,
    ):
        assert reply.status_code == 200
        return len([line async for line in reply.aiter_lines()])


async def _tool_call(server: Server, colleague: Colleague) -> bool:
    """Run a command that takes long; tells whether the call failed."""
    try:
        async with agent_of(server, token=colleague.token) as agent:
            command = "echo begun > ~/begun; sleep 300"
            given = {"workspace": colleague.workspace, "command": command, "timeout_ms": 280_000}
            result = await agent.result("coder_workspace_bash", **given)
            return bool(result.is_error)
    except Exception:  # reason: which error the client of others raises for a 401 is its own choice
        return True
