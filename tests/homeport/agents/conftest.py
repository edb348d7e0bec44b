"""A real HTTP server with the agents' routes behind the real door, workspaces with agents in the database, agent programs."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncssh
import httpx
import msgspec
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server as Granian
from litestar import Litestar, Router
from litestar.middleware import DefineMiddleware
from websockets.asyncio.client import ClientConnection, connect

from homeport.access.authenticators import Authenticators
from homeport.access.middleware import Gate
from homeport.access.providers import dependencies
from homeport.access.rate_limits import RateLimits
from homeport.access.service.sessions import Sessions
from homeport.agents import api as agents_api
from homeport.agents.service import Switchboard, resolve_agent
from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit import clock as kit_clock
from homeport.kit.crypto import Cipher, hash_token
from homeport.kit.ids import new_id
from homeport.proxies.service.hosts import HostCache
from homeport.server.binding import Bound, Door, provide
from homeport.server.edge import Edge
from homeport.server.errors import HANDLERS
from homeport.server.requests import JsonRequest
from homeport.server.sockets import SocketRefusals, note_error
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Person
from tests.support.waiting import until


@pytest.fixture
def cipher() -> Cipher:
    return Cipher([bytes(range(32))])


class Placed(msgspec.Struct, frozen=True):
    """A workspace with one agent, as a finished build leaves it."""

    owner: Person
    workspace_id: UUID
    workspace_name: str
    template_id: UUID
    version_id: UUID
    build_id: UUID
    job_id: UUID
    resource_id: UUID
    agent_id: UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Coder-Session-Token": self.token}


class Builder:
    """Puts templates, workspaces and agents into the database."""

    def __init__(self, db: Database, accounts: Accounts, cipher: Cipher) -> None:
        self.db, self.accounts, self.cipher = db, accounts, cipher

    async def workspace(self, owner: Person | None = None, **agent: Any) -> Placed:
        owner = owner or await self.accounts.make("member")
        template_id, version_id, workspace_id, now = new_id(), new_id(), new_id(), kit_clock.now()
        import_job = await self.job(owner, "template_version_import")
        name = f"ws-{str(workspace_id)[:8]}"
        async with self.db.transaction() as conn:
            await conn.execute(
                "insert into templates (id, organization_id, name, provisioner, active_version_id, created_by, created_at,"
                " updated_at) values ($1, $2, $3, 'echo', $4, $5, $6, $6)",
                template_id, DEFAULT_ORGANIZATION_ID, f"t-{str(template_id)[:8]}", version_id, owner.id, now,
            )  # fmt: skip
            await conn.execute(
                "insert into template_versions (id, template_id, organization_id, name, job_id, created_by, created_at,"
                " updated_at) values ($1, $2, $3, 'v1', $4, $5, $6, $6)",
                version_id, template_id, DEFAULT_ORGANIZATION_ID, import_job, owner.id, now,
            )  # fmt: skip
            await conn.execute(
                "insert into workspaces (id, owner_id, organization_id, template_id, name, last_used_at, created_at,"
                " updated_at) values ($1, $2, $3, $4, $5, $6, $6, $6)",
                workspace_id, owner.id, DEFAULT_ORGANIZATION_ID, template_id, name, now,
            )  # fmt: skip
        build_id, job_id, resource_id = await self.build(owner, workspace_id, version_id, 1)
        agent_id, token = await self.agent(resource_id, **agent)
        return Placed(
            owner, workspace_id, name, template_id, version_id, build_id, job_id, resource_id, agent_id, token
        )

    async def job(self, owner: Person, type_: str, *, is_completed: bool = True) -> UUID:
        job_id, now = new_id(), kit_clock.now()
        await self.db.execute(
            "insert into provisioner_jobs (id, organization_id, initiator_id, provisioner, type, tags, created_at, updated_at,"
            " started_at, completed_at) values ($1, $2, $3, 'echo', $4::text::provisioner_job_type, '{}', $5, $5, $5, $6)",
            job_id, DEFAULT_ORGANIZATION_ID, owner.id, type_, now, now if is_completed else None,
        )  # fmt: skip
        return job_id

    async def build(
        self, owner: Person, workspace_id: UUID, version_id: UUID, number: int, *, is_completed: bool = True
    ) -> tuple[UUID, UUID, UUID]:
        build_id, resource_id, now = new_id(), new_id(), kit_clock.now()
        job_id = await self.job(owner, "workspace_build", is_completed=is_completed)
        await self.db.execute(
            "insert into workspace_builds (id, workspace_id, template_version_id, build_number, transition, initiator_id,"
            " job_id, created_at, updated_at) values ($1, $2, $3, $4, 'start', $5, $6, $7, $7)",
            build_id, workspace_id, version_id, number, owner.id, job_id, now,
        )  # fmt: skip
        await self.db.execute(
            "insert into workspace_resources (id, job_id, transition, type, name, created_at)"
            " values ($1, $2, 'start', 'process', 'main', $3)",
            resource_id, job_id, now,
        )  # fmt: skip
        return build_id, job_id, resource_id

    async def agent(self, resource_id: UUID, *, token: str = "", **columns: Any) -> tuple[UUID, str]:
        agent_id, now = new_id(), kit_clock.now()
        token = token or str(new_id())
        columns = {"name": "main", **columns}
        names = ["id", "resource_id", "auth_token_hash", "auth_token_sealed", "created_at", "updated_at", *columns]
        values = [
            agent_id,
            resource_id,
            hash_token(token),
            self.cipher.encrypt(token.encode()),
            now,
            now,
            *columns.values(),
        ]
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self.db.execute(f"insert into workspace_agents ({', '.join(names)}) values ({places})", *values)
        return agent_id, token

    async def script(self, agent_id: UUID, script: str, **columns: Any) -> UUID:
        script_id, source_id, now = new_id(), new_id(), kit_clock.now()
        await self.db.execute(
            "insert into workspace_agent_log_sources (id, workspace_agent_id, display_name, created_at) values ($1, $2, 'S', $3)",
            source_id, agent_id, now,
        )  # fmt: skip
        columns = {"display_name": "Script", "script": script, **columns}
        names = ["id", "workspace_agent_id", "log_source_id", "created_at", *columns]
        values = [script_id, agent_id, source_id, now, *columns.values()]
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self.db.execute(f"insert into workspace_agent_scripts ({', '.join(names)}) values ({places})", *values)
        return script_id

    async def app(self, agent_id: UUID, slug: str, **columns: Any) -> UUID:
        app_id = new_id()
        names = ["id", "agent_id", "slug", "created_at", *columns]
        values = [app_id, agent_id, slug, kit_clock.now(), *columns.values()]
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await self.db.execute(f"insert into workspace_apps ({', '.join(names)}) values ({places})", *values)
        return app_id

    async def metadata(self, agent_id: UUID, key: str, script: str, *, interval: int = 0, timeout: int = 0) -> None:
        await self.db.execute(
            "insert into workspace_agent_metadata (workspace_agent_id, key, display_name, script, interval_seconds,"
            " timeout_seconds) values ($1, $2, $2, $3, $4, $5)",
            agent_id, key, script, interval, timeout,
        )  # fmt: skip

    async def column(self, agent_id: UUID, name: str) -> Any:
        return await self.db.fetchval(f"select {name} from workspace_agents where id = $1", agent_id)


@pytest.fixture
def build(db: Database, accounts: Accounts, cipher: Cipher) -> Builder:
    return Builder(db, accounts, cipher)


class Deployment:
    """A listening server and what is behind it."""

    def __init__(self, url: str, switchboard: Switchboard, db: Database, cipher: Cipher) -> None:
        self.url, self.switchboard, self.db, self.cipher = url, switchboard, db, cipher

    async def call(
        self, headers: dict[str, str], method: str, path: str, body: Any = ..., **more: Any
    ) -> httpx.Response:
        if body is not ...:
            more["content"] = msgspec.json.encode(body)
            headers = {**headers, "Content-Type": "application/json"}
        async with httpx.AsyncClient(base_url=f"{self.url}/api/v2/workspaceagents", timeout=30) as client:
            return await client.request(method, path, headers=headers, **more)

    def websocket(self, headers: dict[str, str], path: str) -> connect:
        url = self.url.replace("http", "ws", 1) + f"/api/v2/workspaceagents{path}"
        return connect(url, additional_headers=headers, compression=None, max_size=None, proxy=None)

    async def inner_ssh(self, placed: Placed, person: Person | None = None) -> "Inner":
        headers = (person or placed.owner).headers
        return await Inner.open(await self.websocket(headers, f"/{placed.agent_id}/ssh"))


class Inner:
    """An SSH client on the WebSocket that `homeport ssh` uses."""

    def __init__(self, connection: asyncssh.SSHClientConnection, socket: ClientConnection) -> None:
        self.ssh, self.socket = connection, socket

    @classmethod
    async def open(cls, socket: ClientConnection) -> "Inner":
        from homeport_agent.transport import StreamTunnel  # lazy: the program's own transport, used as a client's here
        from homeport_agent.tunnel import _receive, _send  # lazy: as above

        tunnel = StreamTunnel(lambda: _receive(socket), lambda data: _send(socket, data), peer="server")
        connection = await asyncssh.connect(
            "ws", tunnel=tunnel, known_hosts=None, config=[], username="me", client_keys=None, agent_path=None
        )
        return cls(connection, socket)

    async def close(self) -> None:
        self.ssh.abort()
        await self.socket.close()


def build_asgi(db: Database, listener: Listener, cipher: Cipher, switchboard: Switchboard) -> Any:
    settings = Settings(access_url="http://homeport.test", dangerous_disable_rate_limits=True)
    authenticators = Authenticators()
    authenticators.register_agent(resolve_agent)
    gate = Gate(db, Sessions(db, settings), authenticators, RateLimits(settings, db), has_proof=True)
    shared = {"db": db, "settings": settings, "cipher": cipher, "listener": listener, "switchboard": switchboard}
    app = Bound(registered(tuple(shared)), shared, gate)
    return Edge(SocketRefusals(app), settings, HostCache(db, settings))


@cache
def registered(names: tuple[str, ...]) -> Litestar:
    return Litestar(
        route_handlers=[Router("/api/v2", route_handlers=[agents_api.router()])],
        dependencies={**dependencies, **{name: provide(name) for name in names}},
        middleware=[DefineMiddleware(Door)],
        exception_handlers=HANDLERS,
        after_exception=[note_error],
        request_class=JsonRequest,
        request_max_body_size=1024 * 1024,
        openapi_config=None,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(db: Database, cipher: Cipher, *, port: int = 0) -> AsyncIterator[Deployment]:
    """Serve on loopback for the length of the block."""
    listener = Listener(db.connect)
    await listener.start()
    switchboard = Switchboard(db, listener, cipher, replica_id=new_id())
    await switchboard.start()
    port = port or free_port()
    server = Granian(
        build_asgi(db, listener, cipher, switchboard),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        log_enabled=False,
    )
    task = asyncio.create_task(server.serve())
    deployment = Deployment(f"http://127.0.0.1:{port}", switchboard, db, cipher)

    async def answers() -> bool:
        with suppress(httpx.HTTPError):
            await deployment.call({}, "GET", "/connection")
            return True
        return False

    await until(answers)
    try:
        yield deployment
    finally:
        await switchboard.stop()
        server.stop()
        with suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(task, 5)
        await listener.stop()


@pytest.fixture
async def deployment(db: Database, cipher: Cipher) -> AsyncIterator[Deployment]:
    async with serving(db, cipher) as served:
        yield served


class AgentProgram:
    """`python -m homeport_agent` in a process of its own."""

    def __init__(self, url: str, token: str, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.log = home / ".agent.log"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "HOMEPORT_AGENT_URL": url,
            "HOMEPORT_AGENT_TOKEN": token,
        }
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "homeport_agent", "--verbose"],
                env=environment, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def text(self) -> str:
        return self.log.read_text()

    async def ended(self, *, seconds: float = 20.0) -> int:
        await until(lambda: self.process.poll() is not None, seconds=seconds)
        return int(self.process.returncode)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()


class Programs:
    """Starts agents and ends those that are left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[AgentProgram] = []

    def start(self, url: str, token: str, *, home: str = "home") -> AgentProgram:
        program = AgentProgram(url, token, self._folder / home)
        self._started.append(program)
        return program

    async def connected(self, deployment: Deployment, placed: Placed, *, home: str = "home") -> AgentProgram:
        """Start an agent and wait for its tunnel."""
        program = self.start(deployment.url, placed.token, home=home)
        try:
            await until(lambda: placed.agent_id in deployment.switchboard._tunnels, seconds=20)
        except AssertionError:
            raise AssertionError(program.text()) from None
        return program

    async def end(self) -> None:
        """Ask all to leave while the server still answers; kill those that do not."""
        left = [program for program in self._started if program.process.poll() is None]
        for program in left:
            program.process.terminate()
        with suppress(AssertionError):
            await until(lambda: all(program.process.poll() is not None for program in left), seconds=10)
        for program in self._started:
            program.kill()


@pytest.fixture
async def programs(tmp_path: Path, deployment: Deployment) -> AsyncIterator[Programs]:
    started = Programs(tmp_path)
    yield started
    await started.end()


def in_the_past(seconds: float) -> Any:
    return kit_clock.now() - timedelta(seconds=seconds)
