"""A whole server as operators run it: `homeport server` in a process of its own, with its embedded database, on loopback."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx

from homeport.database.embedded.folder import PORT, Folder
from homeport.database.embedded.server import DATABASE, USER
from homeport_provisioner.process.folder import Record, WorkspaceFolder
from homeport_provisioner.process.identity import Mark, bearers, kill
from tests.support.api import Api
from tests.support.owners import is_alive
from tests.support.waiting import wait_for

USERNAME = "ada"
EMAIL = "ada@example.com"


class Server:
    """One data folder and one address; the server on them is started, killed and started again."""

    def __init__(
        self, folder: Path, *, daemons: int = 1, environment: Mapping[str, str] | None = None, **settings: str
    ) -> None:
        """`settings` are named as the environment's, without their prefix; `environment` is what it gets beside them."""
        self.data_dir = folder / "data"
        self.log = folder / "server.log"
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self.api = Api(self.url)
        self.token = ""
        self.settings = {
            "DATA_DIR": str(self.data_dir),
            "HTTP_ADDRESS": address,
            "PROVISIONER_DAEMONS": str(daemons),
            "DANGEROUS_DISABLE_RATE_LIMITS": "true",
            **settings,
        }
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Number of the server's own process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> "Server":
        """Start, and wait until it answers."""
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {f"HOMEPORT_{name}": value for name, value in self.settings.items()} | self._environment
        command = [sys.executable, "-m", "homeport_cli", "server"]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        wait_for(self._is_up, seconds=90)
        return self

    def set_up(self) -> None:
        """Make the first user and be them."""
        self.api.make_first_user(USERNAME, EMAIL)
        self.token = str(self.api.client.headers["Coder-Session-Token"])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the server, and nothing else; returns its exit status."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        try:
            return self._process.wait(timeout=60)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._process = None

    def database_url(self) -> str:
        """Address of the embedded PostgreSQL."""
        folder = Folder(self.data_dir / "postgres")
        sockets = folder.socket_note.read_text("utf-8").strip()
        return f"postgresql://{USER}:{folder.password(is_new=False)}@/{DATABASE}?host={sockets}&port={PORT}"

    def record(self, workspace_id: str) -> Record:
        """Return what the daemons on this machine have written down about a workspace."""
        return WorkspaceFolder(self.data_dir / "provisioner", UUID(workspace_id)).read()

    def home(self, workspace_id: str) -> Path:
        """Return the folder that a workspace sees as its home."""
        return WorkspaceFolder(self.data_dir / "provisioner", UUID(workspace_id)).home

    def end_workspaces(self) -> None:
        """Kill every process of the workspaces of this server."""
        for folder in (self.data_dir / "provisioner" / "workspaces").glob("*-*-*-*-*"):
            kill(workspace_processes(self.record(folder.name).cookie))

    def postmaster(self) -> int:
        """Number of the process that is the embedded PostgreSQL."""
        found = [path for path in self.data_dir.glob("**/postmaster.pid") if path.is_file()]
        assert found, "no PostgreSQL runs on this folder"
        return int(found[0].read_text().splitlines()[0])

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-4000:]
        try:
            return self.api.client.get("/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False


def workspace_processes(cookie: str) -> list[Mark]:
    """List every process on this machine that belongs to a workspace."""
    return [process for process in bearers(cookie) if is_alive(process.pid)] if cookie else []


@contextmanager
def running_server(
    folder: Path, *, daemons: int = 1, environment: Mapping[str, str] | None = None, **settings: str
) -> Iterator[Server]:
    """Run a server with its data below `folder`; ends it and its workspaces."""
    server = Server(folder, daemons=daemons, environment=environment, **settings)
    try:
        yield server.start()
    finally:
        server.end()
        server.end_workspaces()


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
