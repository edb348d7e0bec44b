"""A stand-in for the server's half of the daemon protocol: an HTTP server on loopback with a queue in memory."""

import base64
import json
import re
import secrets
import socket
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.archives import pack

NOW = "2026-01-01T00:00:00Z"


def hung_up(request: BaseHTTPRequestHandler) -> bool:
    """Whether whoever asks has gone: a job must not be given to nobody."""
    try:
        return request.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@dataclass
class Job:
    """One job and everything that was said about it."""

    id: str
    type: str
    provisioner: str
    input: dict[str, Any]
    archive: bytes
    token: str = ""
    state: str = "pending"
    is_canceled: bool = False
    is_forced: bool = False
    is_lost: bool = False
    last_report: int = 0
    quota: dict[str, Any] = field(default_factory=lambda: {"ok": True, "credits_consumed": 0, "budget": -1})
    asked_cost: int | None = None
    logs: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    failure: dict[str, Any] = field(default_factory=dict)
    running: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def text(self) -> str:
        """Return the log as one text."""
        return "\n".join(line["output"] for line in self.logs)

    @property
    def build_state(self) -> bytes:
        return base64.b64decode(self.result["workspace_build"]["state"])

    @property
    def kept_state(self) -> bytes | None:
        """The state that the server would keep from now on; None for the one from before."""
        if self.result:
            return self.build_state
        left = (self.failure.get("workspace_build") or {}).get("state")
        return None if left is None else base64.b64decode(left)

    @property
    def agents(self) -> list[dict[str, Any]]:
        return [agent for resource in self.result["workspace_build"]["resources"] for agent in resource["agents"]]


class StandIn:
    """The server. `hiccups` maps an end of a path to answers to give first: a status, or "lost" to do it and then hang up."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.queue: list[Job] = []
        self.hiccups: dict[str, list[int | str]] = {}
        self.known_agents: dict[str, dict[str, Any]] = {}
        self.agent_calls: list[tuple[str, str, Any]] = []
        self.init_script = b""
        self.most_state_bytes = 0
        self.headers: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.acquired: list[dict[str, Any]] = []
        self.lock = threading.Condition()
        self.is_closed = False
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stand_in.handle(self, b"")

            def do_POST(self) -> None:
                stand_in.handle(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            do_PATCH = do_POST  # noqa: N815 - the name is the base class's

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # Daemons that end hang up in the middle of an answer.
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(poll_interval=0.02), daemon=True)
        self.thread.start()

    def close(self) -> None:
        with self.lock:
            self.is_closed = True
            self.lock.notify_all()
        self.server.shutdown()
        self.server.server_close()

    def submit(self, type: str, provisioner: str, input: dict[str, Any], archive: bytes) -> Job:
        job = Job(str(uuid.uuid4()), type, provisioner, input, archive)
        with self.lock:
            self.jobs[job.id] = job
            self.queue.append(job)
            self.lock.notify_all()
        return job

    def submit_import(
        self, provisioner: str, files: dict[str, str | bytes], variables: dict[str, str] | None = None
    ) -> Job:
        values = [{"name": name, "value": value} for name, value in (variables or {}).items()]
        return self.submit(
            "template_version_import",
            provisioner,
            {"template_version_id": str(uuid.uuid4()), "variables": values},
            pack(files),
        )

    def submit_build(
        self,
        provisioner: str,
        files: dict[str, str | bytes],
        transition: str = "start",
        *,
        workspace_id: str | None = None,
        parameters: dict[str, str] | None = None,
        variables: list[dict[str, Any]] | None = None,
        state: bytes = b"",
        owner: str = "ada",
        agent_tokens: dict[str, str] | None = None,
        may_lack_isolation: bool = True,
    ) -> Job:
        build = {
            "workspace_id": workspace_id or str(uuid.uuid4()),
            "workspace_name": "dev",
            "workspace_build_id": str(uuid.uuid4()),
            "build_number": 1,
            "transition": transition,
            "owner": {
                "id": str(uuid.uuid4()),
                "username": owner,
                "email": f"{owner}@example.com",
                "name": "Ada",
                "groups": [],
                "ssh_public_key": "",
            },
            "template": {"id": str(uuid.uuid4()), "name": "t", "version_id": str(uuid.uuid4()), "version_name": "v1"},
            "organization": {"id": str(uuid.uuid4()), "name": "coder"},
            "rich_parameter_values": [{"name": name, "value": value} for name, value in (parameters or {}).items()],
            "previous_parameter_values": [],
            "variables": variables or [],
            "state": base64.b64encode(state).decode(),
            "log_level": "",
            "agent_tokens": agent_tokens or {},
            "may_lack_isolation": may_lack_isolation,
        }
        return self.submit("workspace_build", provisioner, build, pack(files))

    def handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        path = request.path.split("?")[0]
        self.headers.append(dict(request.headers))
        self.asked.append(path.rpartition("/")[2])
        hiccup = next((answers.pop(0) for end, answers in self.hiccups.items() if path.endswith(end) and answers), None)
        if isinstance(hiccup, int):
            self.answer(request, hiccup, {"message": "hiccup"})
            return
        status, answer, headers = self.decide(path, json.loads(body or b"{}"), request)
        if hiccup == "lost":
            request.close_connection = True
            return
        self.answer(request, status, answer, headers)

    def answer(
        self, request: BaseHTTPRequestHandler, status: int, answer: Any, headers: dict[str, str] | None = None
    ) -> None:
        data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        request.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def decide(self, path: str, body: Any, request: BaseHTTPRequestHandler) -> tuple[int, Any, dict[str, str]]:
        if path.endswith("/provisionerdaemons/acquire"):
            return self.acquire(body, request)
        if path.startswith("/api/v2/workspaceagents/me/"):
            return self.serve_agent(path.rpartition("/")[2], request.headers.get("Coder-Session-Token", ""), body)
        if path.startswith("/api/v2/init-script/"):
            return (200, self.init_script, {}) if self.init_script else (404, {"message": "no such route"}, {})
        found = re.fullmatch(r"/api/v2/provisionerjobs/([^/]+)/(file|update|complete|fail|quota)", path)
        if not found:
            return 404, {"message": "no such route"}, {}
        job = self.jobs[found[1]]
        is_owner = request.headers.get("Homeport-Job-Token") == job.token and not job.is_lost
        if is_owner and found[2] in ("complete", "fail") and job.ended.is_set() and body["sequence"] == job.last_report:
            return 204, None, {}
        if not is_owner or job.state != "running":
            return 409, {"message": "the job is not yours"}, {}
        return self.serve(job, found[2], body)

    def serve_agent(self, verb: str, token: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        agent = self.known_agents.get(token)
        if agent is None:
            return 401, {"message": "unknown agent"}, {}
        if verb != "manifest":
            self.agent_calls.append((verb, token, body))
            return (200, {"report_interval": 10**12}, {}) if verb == "stats" else (204, None, {})
        scripts = [
            {**script, "id": str(uuid.uuid4()), "log_source_id": str(uuid.uuid4())} for script in agent["scripts"]
        ]
        return (
            200,
            {
                "agent_id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(token))),
                "agent_name": agent["name"],
                "owner_username": "ada",
                "workspace_id": str(uuid.uuid4()),
                "workspace_name": "dev",
                "environment_variables": agent["env"],
                "directory": agent["directory"],
                "scripts": scripts,
                "ssh": {
                    "client_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
                },
            },
            {},
        )

    def acquire(self, body: dict[str, Any], request: BaseHTTPRequestHandler) -> tuple[int, Any, dict[str, str]]:
        daemon_id = body.get("daemon_id") or str(uuid.uuid4())
        self.acquired.append(body)
        with self.lock:
            polls = int(body["wait_seconds"] / 0.05)
            while polls and not self.queue and not self.is_closed and not hung_up(request):
                self.lock.wait(0.05)
                polls -= 1
            if not self.queue or self.is_closed or hung_up(request):
                return 204, None, {"Homeport-Daemon-Id": daemon_id}
            job = self.queue.pop(0)
            job.state = "running"
            job.token = secrets.token_hex(8)
        job.running.set()
        return (
            200,
            {
                "daemon_id": daemon_id,
                "job_id": job.id,
                "job_token": job.token,
                "type": job.type,
                "provisioner": job.provisioner,
                "organization_id": str(uuid.uuid4()),
                "initiator_username": "ada",
                "created_at": NOW,
                "file_id": str(uuid.uuid4()),
                "access_url": self.url,
                "most_state_bytes": self.most_state_bytes,
                "input": job.input,
            },
            {},
        )

    def serve(self, job: Job, verb: str, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if verb == "file":
            return 200, job.archive, {}
        if verb == "update":
            job.updates.append(body)
            if body["sequence"] > job.last_report:
                job.last_report = body["sequence"]
                job.logs.extend(body.get("logs", []))
            return 200, {"canceled": job.is_canceled, "force": job.is_forced, "variable_values": []}, {}
        if verb == "quota":
            job.asked_cost = body["daily_cost"]
            return 200, job.quota, {}
        job.last_report = body["sequence"]
        job.state = "completed" if verb == "complete" else "failed"
        if verb == "complete":
            job.result = body
            if body.get("workspace_build"):
                self.known_agents = {agent["token"]: agent for agent in job.agents if agent.get("token")}
        else:
            job.failure = body
        job.ended.set()
        return 204, None, {}
