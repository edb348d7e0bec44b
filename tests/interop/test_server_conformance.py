"""The conformance tool of the Model Context Protocol against the MCP server, through a proxy that adds a token: it knows none."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from scripts import node_packages
from tests.support.server import Server

# The scenarios that ask for nothing but a server with tools; the others want prompts, resources, or tools made for the tool.
SCENARIOS = ["dns-rebinding-protection", "server-initialize", "ping", "tools-list", "http-header-validation"]
_OWN = {"connection", "content-length", "transfer-encoding"}


@contextmanager
def with_token(server: Server) -> Iterator[str]:
    """Serve the server's endpoint to whoever has no token; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: value.strip() for name, value in self.headers.items() if name.lower() not in _OWN}
            headers["Authorization"] = f"Bearer {server.token}"
            reply = httpx.request(
                self.command, server.url + self.path, headers=headers, content=body, trust_env=False, timeout=30
            )
            self.send_response(reply.status_code)
            for name, value in reply.headers.items():
                if name not in _OWN:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_DELETE(self) -> None:
            self.answer()

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: proxy.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}/mcp"
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.requirement("CHL-09", "MCP-HTTP-01")
def test_the_server_scenarios_pass(node: Path, server: Server, tmp_path: Path) -> None:
    program = node_packages.node()
    assert program is not None
    tool = node / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    environment = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    with with_token(server) as url:
        for scenario in SCENARIOS:
            command = [str(program), str(tool), "server", "--url", url, "--scenario", scenario, "-o", str(tmp_path)]
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
            )
            shown = done.stdout + done.stderr
            assert done.returncode == 0, f"{scenario}: {shown[-3000:]}"
            assert ", 0 failed, 0 warnings" in shown, f"{scenario}: {shown[-3000:]}"
