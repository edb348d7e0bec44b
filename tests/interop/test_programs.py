"""Whole programs from npm: mcp-remote, and the conformance tool of the Model Context Protocol."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts import node_packages
from scripts.oauth2.server import Server as Person
from tests.support.server import Server, free_port

RESPONSE_SECONDS = 60


class Remote:
    """One `mcp-remote` process: an MCP client speaks to it on standard input and output, it speaks to the server."""

    def __init__(self, node: Path, server: Server, memory: Path) -> None:
        program = node_packages.node()
        assert program is not None
        browser = node / "browser"
        browser.write_text(f'#!/bin/sh\nexec "{program}" "{node}/browser.mjs" "$@"\n')
        browser.chmod(0o755)
        environment = {
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(memory),
            "MCP_REMOTE_CONFIG_DIR": str(memory),
            "BROWSER": str(browser),
            "SERVER_URL": server.url,
            "PERSON_TOKEN": server.token,
        }
        command = [
            str(program),
            str(node / "node_modules" / "mcp-remote" / "dist" / "proxy.js"),
            f"{server.url}/mcp",
            "--allow-http",
        ]
        self.log = (memory / f"log-{time.monotonic_ns()}").open("w+b")
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log
        )
        self._number = 0
        self._read = b""

    def ask(self, method: str, **params: Any) -> Any:
        """Send one request and return its result."""
        self._number += 1
        self.send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        deadline = time.monotonic() + RESPONSE_SECONDS
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._number:
                assert "result" in answer, (answer, self.said())
                return answer["result"]

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def begin(self) -> None:
        """Shake hands."""
        client = {"name": "test", "version": "1"}
        self.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-6000:]

    def end(self) -> None:
        """End it, if the test has not done so."""
        if self.log.closed:
            return
        with self.log, self.process:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def _receive(self, deadline: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        while b"\n" not in self._read:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not part:
                raise AssertionError(f"mcp-remote did not answer: {self.said()}")
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture
def remotes(node: Path, server: Server, tmp_path: Path) -> Iterator[Any]:
    """Start processes of mcp-remote that share one memory."""
    started: list[Remote] = []

    def start() -> Remote:
        started.append(Remote(node, server, tmp_path))
        return started[-1]

    yield start
    for remote in started:
        remote.end()


def forget_access_tokens(folder: Path) -> int:
    """Spoil the access token in mcp-remote's memory, as if it had expired; returns how many there were."""
    count = 0
    for path in folder.glob("**/*_tokens.json"):
        content = json.loads(path.read_text())
        content["access_token"] = "expired123-expired123expired12345"
        path.write_text(json.dumps(content))
        count += 1
    return count


@pytest.mark.requirement("E2E-03", "REF-03")
def test_mcp_remote_signs_in_starts_again_and_refreshes_from_two_processes(remotes: Any, tmp_path: Path) -> None:
    first = remotes()
    first.begin()
    assert any(tool["name"] == "coder_list_workspaces" for tool in first.ask("tools/list")["tools"])
    first.end()

    # Started again: what it remembers is enough.
    again = remotes()
    again.begin()
    assert again.ask("tools/list")["tools"]
    again.end()

    # Both processes find an expired token and refresh with the same refresh token; neither loses.
    assert forget_access_tokens(tmp_path) == 1
    pair = [remotes(), remotes()]
    for remote in pair:
        remote.send(
            {
                "jsonrpc": "2.0", "id": 9000, "method": "initialize",
                "params": {
                    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
                },
            }
        )  # fmt: skip
    for remote in pair:
        remote.begin()
        assert remote.ask("tools/list")["tools"], remote.said()
    for remote in pair:
        assert not remote.ask("tools/call", name="coder_list_workspaces", arguments={}).get("isError")


@pytest.mark.requirement("DIS-13")
def test_the_conformance_tool_passes(node: Path, server: Server, tmp_path: Path) -> None:
    port = free_port()
    callback = f"http://127.0.0.1:{port}/callback"
    registered = server.api.client.post(
        "/oauth2/register",
        json={"client_name": "conformance", "redirect_uris": [callback], "token_endpoint_auth_method": "none"},
    ).json()
    program = node_packages.node()
    assert program is not None
    tool = node / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = [
        str(program), str(tool), "authorization", "--url", server.url, "--client-id", registered["client_id"],
        "--resource", f"{server.url}/mcp", "-p", str(port), "-o", str(tmp_path),
    ]  # fmt: skip
    environment = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            address = next((word for word in line.split() if word.startswith(f"{server.url}/oauth2/authorize?")), "")
            if address:
                go_through(server, address)
        status = process.wait(timeout=60)
    shown = "".join(lines)
    assert status == 0, shown
    assert "authorization-code-grant" in shown
    assert "FAILURE" not in shown
    assert "WARNING" not in shown, shown


def go_through(server: Server, address: str) -> None:
    """Be the person: allow, and let the browser follow to the tool's callback."""
    person = Person(server.url, server.token)
    reply = person.submit(address.partition("?")[0], dict(httpx.QueryParams(address.partition("?")[2])))
    httpx.get(reply.headers["location"], trust_env=False)
