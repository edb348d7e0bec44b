"""A real server for benchmarks: a process of its own on loopback, with a data folder that goes away."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_BINARY = Path(sys.executable).with_name("homeport")
EMAIL, PASSWORD = "bench@example.com", "benchmarks-need-a-long-one-7"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningServer:
    """One `homeport server` process."""

    def __init__(self, folder: Path, *, daemons: int = 1, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(environment or {})
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self._daemons = daemons
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait until it is healthy; return the seconds that took."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("HOMEPORT_", "CODER_"))
        }
        environment |= {
            "HOMEPORT_DATA_DIR": str(self.folder),
            "HOMEPORT_HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "HOMEPORT_PROVISIONER_DAEMONS": str(self._daemons),
            "HOMEPORT_DANGEROUS_DISABLE_RATE_LIMITS": "true",
            **self._environment,
        }
        begun = time.perf_counter()
        self.process = subprocess.Popen([str(_BINARY), "server"], env=environment, stdout=subprocess.DEVNULL)
        while time.perf_counter() - begun < 60:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode} instead of starting")
            try:
                with urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:  # noqa: S310 our own server on loopback
                    if answer.status == 200:
                        return time.perf_counter() - begun
            except OSError:
                time.sleep(0.01)
        raise RuntimeError("the server did not become healthy")

    def stop(self) -> None:
        """Stop it in order."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)

    def resident_megabytes(self) -> float:
        """Return the resident memory of the server process itself."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """Return the processor time that the server process has used so far; its PostgreSQL is not in it."""
        assert self.process is not None
        return _cpu_seconds(self.process.pid)

    def database_cpu_seconds(self) -> float:
        """Return the processor time of the PostgreSQL processes that run now: sessions stay open under load."""
        assert self.process is not None
        return sum(_cpu_seconds(pid) for pid in _descendants(self.process.pid))

    def call(self, method: str, path: str, body: Any = None, *, content_type: str = "application/json") -> Any:
        """Send one API request and return the decoded answer. Raises RuntimeError with the server's words."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type, **({"Coder-Session-Token": self.token} if self.token else {})}
        request = urllib.request.Request(  # noqa: S310 our own server on loopback
            f"{self.url}/api/v2{path}", data=data, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 our own server on loopback
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def sign_in(self) -> None:
        """Make the first user and sign in."""
        self.call("POST", "/users/first", {"email": EMAIL, "username": "bench", "password": PASSWORD})
        self.token = self.call("POST", "/users/login", {"email": EMAIL, "password": PASSWORD})["session_token"]

    def database_url(self) -> str:
        """Return the address of the server's own PostgreSQL, for programs of the same user."""
        from homeport.database.embedded.folder import PORT, Folder  # lazy: only the floor app and seeding need it
        from homeport.database.embedded.server import DATABASE, USER  # lazy: as above

        folder = Folder(self.folder / "postgres")
        sockets = (self.folder / "postgres" / "socket-folder").read_text("utf-8").strip()
        return f"postgresql://{USER}:{folder.password(is_new=False)}@/{DATABASE}?host={sockets}&port={PORT}"


@contextmanager
def running_server(*, daemons: int = 1) -> Iterator[RunningServer]:
    """Run a fresh server with its first user signed in; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="homeport-bench-"))
    server = RunningServer(folder / "data", daemons=daemons)
    try:
        server.start()
        server.sign_in()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _stat(pid: int) -> list[str]:
    """Return the fields of a process from its state on; none when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def _cpu_seconds(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _descendants(pid: int) -> list[int]:
    parents = {
        int(name): int(fields[1]) for name in os.listdir("/proc") if name.isdecimal() and (fields := _stat(int(name)))
    }
    found, rest = [], [pid]
    while rest:
        parent = rest.pop()
        children = [child for child, its in parents.items() if its == parent]
        found += children
        rest += children
    return found
