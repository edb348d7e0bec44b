"""A stand-in server of bundles, and machines that want the agent: a shell with little beside it."""

import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from homeport.bootstrap.rules import manifest
from homeport.bootstrap.service.packing import pack
from homeport.bootstrap.service.scripts import init_script
from homeport.bootstrap.types import Bundle, Platform

TOKEN = "6f1c2a34-secret-of-the-agent"
AGENT = """
import json, os, sys
sys.stdout.write(json.dumps({
    "pid": os.getpid(), "arguments": sys.argv[1:], "path": sys.path, "file": __file__, "flags": [sys.flags.isolated, sys.flags.no_site],
    "url": os.environ.get("HOMEPORT_AGENT_URL"), "python": list(sys.version_info[:2]),
    "command": open("/proc/self/cmdline").read().split("\\0"),
}) + "\\n")
sys.stdout.flush()
exec(os.environ.get("THEN", ""))
"""
"""Stands for the agent: tells what it was started with."""

PAUSES = "PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)"
"""How long the script waits between attempts; here it waits less."""
Answer = Callable[[BaseHTTPRequestHandler], None]


def make_bundle(
    agent: str = AGENT, *, platform: Platform | None = None, extra: Mapping[str, bytes] | None = None
) -> Bundle:
    """Make a bundle whose agent is a few lines."""
    content = pack(
        {"homeport_agent/__main__.py": agent.encode(), "other/file.txt": b"x" * 1000, **(extra or {})}, is_last=True
    )
    return Bundle(
        platform=platform or Platform.own(),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        parts=(content,),
    )


def content_of(bundle: Bundle) -> bytes:
    """Return all of a bundle."""
    return b"".join(part if isinstance(part, bytes) else part.read_bytes() for part in bundle.parts)


class Offer:
    """The server: `bundles` is what it has now; `hiccups` maps a part of a path to answers to give first."""

    def __init__(self, bundles: Sequence[Bundle], *, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self.bundles = list(bundles)
        self.hiccups: dict[str, list[int | Answer]] = {}
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.logs: list[str] = []
        self.agents: list[str] = []
        offer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                offer.answer(self)

            def do_PATCH(self) -> None:
                offer.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.url = f"https://localhost:{self.port}"
        threading.Thread(target=lambda: self.server.serve_forever(poll_interval=0.02), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        self.tokens.append(request.headers.get("Coder-Session-Token", ""))
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        hiccup = next(
            (waiting.pop(0) for part, waiting in self.hiccups.items() if part in request.path and waiting), None
        )
        if callable(hiccup):
            hiccup(request)
        elif hiccup is not None:
            send(request, hiccup, b"hiccup")
        elif request.path.endswith("/workspaceagents/me/logs"):
            self.logs += [line["output"] for line in json.loads(body)["logs"]]
            send(request, 200, b"{}")
        elif request.path == "/bin/agent.json":
            send(request, 200, json.dumps(manifest(self.bundles, version="v1")).encode())
        elif found := next((each for each in self.bundles if request.path == f"/bin/{each.file}"), None):
            send(request, 200, content_of(found))
        else:
            if request.path.endswith("/workspaceagents/me/manifest"):
                self.agents.append(request.headers.get("User-Agent", ""))
            send(request, 404, b"{}")

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, *, length: int | None = None) -> None:
    """Answer; with another length the client finds that the answer broke off."""
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)


def break_off(request: BaseHTTPRequestHandler) -> None:
    """Answer with less than was promised."""
    send(request, 200, b"x" * 100, length=100_000)
    request.close_connection = True


@contextmanager
def offering(*bundles: Bundle, **options: Any) -> Iterator[Offer]:
    """Serve until the block ends."""
    offer = Offer(bundles, **options)
    try:
        yield offer
    finally:
        offer.close()


class Machine:
    """A machine that has a shell, some commands and nothing else on its path."""

    def __init__(self, folder: Path, offer_url: str, *, commands: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.url = offer_url
        for name in ("sh", "sleep", "date"):
            self.add(name, shutil.which("dash" if name == "sh" else name) or "/bin/sh")
        for name, target in (commands or {"python3": sys.executable}).items():
            self.add(name, target)
        self.environment = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "HOMEPORT_AGENT_TOKEN": TOKEN,
            "HOMEPORT_AGENT_PATIENCE": "20",
            "HOMEPORT_AGENT_REPORT_DELAY": "0",
        }

    @property
    def cache(self) -> Path:
        return self.home / ".cache" / "homeport-agent"

    def cached(self) -> list[str]:
        """List what is in the cache."""
        return sorted(path.name for path in self.cache.iterdir()) if self.cache.exists() else []

    def add(self, name: str, target: str) -> None:
        """Put a command onto the path."""
        program = self.bin / name
        program.write_text(f'#!/bin/sh\nexec {target} "$@"\n')
        program.chmod(0o755)

    def script(self, *, server: str | None = None, arch: str | None = None) -> Path:
        """Write the script as the server sends it."""
        path, draft = self.folder / "init.sh", self.folder / "init.sh.new"
        text = init_script(self.url if server is None else server, "linux", arch or Platform.own().arch)
        assert PAUSES in text
        draft.write_text(text.replace(PAUSES, "PAUSES = (0.02, 0.04, 0.1)"))
        # A shell that runs it reads it bit by bit: it keeps the file that it has opened.
        draft.replace(path)
        return path

    def start(self, *command: str, **environment: str) -> "subprocess.Popen[str]":
        """Run the script, or another command."""
        words = list(command) or [str(self.bin / "sh"), str(self.script())]
        return subprocess.Popen(
            words, env={**self.environment, **environment}, cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *command: str, **environment: str) -> "Ran":
        """Run it to its end."""
        process = self.start(*command, **environment)
        out, error = process.communicate(timeout=60)
        return Ran(process.pid, process.returncode, out, error)


class Ran:
    """How a run ended."""

    def __init__(self, pid: int, status: int, out: str, error: str) -> None:
        self.pid, self.status, self.out, self.error = pid, status, out, error

    @property
    def agent(self) -> dict[str, Any]:
        """What the agent told; fails if there was none."""
        assert self.out, f"no agent, status {self.status}: {self.error}"
        told: dict[str, Any] = json.loads(self.out.splitlines()[0])
        return told


def pythons() -> dict[str, str]:
    """Find Pythons of this machine, by version: those on the path, and those that a version manager keeps."""
    found: dict[str, str] = {}
    candidates = [
        sys.executable,
        *(shutil.which(f"python3.{minor}") or "" for minor in range(6, 15)),
        "/usr/bin/python3",
    ]
    candidates += map(
        str, sorted(Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv").glob("versions/*/bin/python3"))
    )
    for path in filter(None, candidates):
        asked = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.base_prefix)"]
        done = subprocess.run(asked, check=False, capture_output=True, text=True)
        version, _, prefix = done.stdout.strip().partition(" ")
        if done.returncode == 0 and prefix:
            base = Path(prefix) / "bin" / f"python{version}"
            if base.exists():
                found.setdefault(version, str(base))
    return found
