"""A whole server as people run it: a process of its own with embedded PostgreSQL and built-in daemons, on loopback."""

import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

RUN = (
    "import os, sys; from homeport.config import load_settings; from homeport.server.start import run; "
    "sys.exit(run(load_settings(environment=os.environ)))"
)
PASSWORD = "a-Long-Passphrase-4711"
TEMPLATE = """\
name: shell
parameters:
  - name: greeting
    display_name: Greeting
    description: Words that the **start script** writes.
    default: hello
  - name: size
    type: number
    description: How many lines.
    default: 3
    validation: {min: 1, max: 9}
  - name: editor
    display_name: Editor
    description: Cannot be changed later.
    mutable: false
    default: vim
    options:
      - {name: Vim, value: vim, description: The classic}
      - {name: Emacs, value: emacs}
      - {name: Nano, value: nano}
  - name: verbose
    display_name: Say more
    type: bool
    default: false
  - name: packages
    display_name: Packages
    type: list(string)
    description: Names of packages.
    default: [git, make]
  - name: once
    display_name: Once
    description: For the next start.
    ephemeral: true
    default: ""
agents:
  - name: main
    scripts:
      - display_name: Greet
        script: |
          for number in $(seq 5); do echo "greeting $number: $HOMEPORT_PARAMETER_GREETING"; done
        run_on_start: true
        start_blocks_login: true
    metadata:
      - key: load
        display_name: Load
        script: cut -d' ' -f1 /proc/loadavg
        interval: 5
        timeout: 2
"""
README = """\
# Shell

An **empty** shell. <script>window.isBroken = true</script>

| Program | Version |
|---------|---------|
| bash    | 5       |

[Not a link](javascript:alert(1)) and [a link](https://example.test/).
"""


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_server(data_dir: Path, log: Path) -> Iterator[str]:
    """Run a server on a data folder; yields its address. Ends it, and what it started, at the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "HOMEPORT_DATA_DIR": str(data_dir),
        "HOMEPORT_HTTP_ADDRESS": f"127.0.0.1:{port}",
        "HOMEPORT_PROVISIONER_DAEMONS": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN], env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_up(process, url, log)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_up(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-4000:]
        try:
            if httpx.get(f"{url}/healthz", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"the server never answered: {log.read_text()[-4000:]}")


class Api:
    """The little of the HTTP API that prepares a browser test."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Use the session of this account from now on."""
        reply = self._client.post("/api/v2/users/login", json={"email": email, "password": password})
        assert reply.status_code == 201, reply.text
        self._client.cookies.clear()
        self._client.headers["Coder-Session-Token"] = reply.json()["session_token"]

    def call(self, method: str, path: str, **more: Any) -> Any:
        """Call the API; fails on an error."""
        reply = self._client.request(method, f"/api/v2{path}", **more)
        assert reply.status_code < 400, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    def push(self, name: str, files: dict[str, str]) -> None:
        """Make a template of these files with the process engine."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, text in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        file = self.call("POST", "/files", content=archive.getvalue(), headers={"Content-Type": "application/x-tar"})
        version = self.call(
            "POST",
            "/organizations/default/templateversions",
            json={"provisioner": "process", "storage_method": "file", "file_id": file["hash"], "name": "first"},
        )
        deadline = time.monotonic() + 60
        while True:
            version = self.call("GET", f"/templateversions/{version['id']}")
            if version["job"]["status"] not in {"pending", "running"}:
                break
            assert time.monotonic() < deadline, "the import never ended"
            time.sleep(0.05)
        assert version["job"]["status"] == "succeeded", version["job"]
        self.call(
            "POST",
            "/organizations/default/templates",
            json={
                "name": name, "template_version_id": version["id"], "display_name": name.title(),
                "description": "An empty shell to work in.",
            },
        )  # fmt: skip

    def delete_workspaces(self) -> None:
        """Delete what failed tests have left: workspaces go on running when their server ends."""
        deadline = time.monotonic() + 60
        while found := self.call("GET", "/workspaces")["workspaces"]:
            assert time.monotonic() < deadline, f"still there: {[each['name'] for each in found]}"
            for each in found:
                if each["latest_build"]["job"]["status"] not in {"pending", "running", "canceling"}:
                    self.call("POST", f"/workspaces/{each['id']}/builds", json={"transition": "delete"})
            time.sleep(0.2)
