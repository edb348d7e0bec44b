"""Starts a workspace's supervisor so that it outlives this daemon, and learns when its agents run."""

import asyncio
import importlib.util
import os
import sys
from pathlib import Path

import msgspec

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.process.folder import WorkspaceFolder
from homeport_provisioner.process.identity import COOKIE_VARIABLE, Mark, bearers, mark
from homeport_provisioner.process.isolation import Isolator, Place

START_SECONDS = 20.0
_TAIL_BYTES = 4000
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Orders(msgspec.Struct, kw_only=True):
    """What the supervisor is told (its module says what each means)."""

    uid: int | None
    gid: int | None
    directory: str
    command: list[str]
    agents: list[dict[str, str]]
    memory: int
    processes: int
    cpus: int
    stop_seconds: float
    grace_seconds: float
    is_first: bool


async def launch(isolator: Isolator, folder: WorkspaceFolder, place: Place, *, orders: Orders, cookie: str) -> Mark:
    """Start the supervisor; return its mark once all agents run. Raises EngineFailure with what it said when they do not."""
    descriptors: list[int] = []
    try:
        orders_fd = _memory_file(msgspec.json.encode(orders))
        descriptors.append(orders_fd)
        info_reading, info_writing = os.pipe2(os.O_CLOEXEC)
        status_reading, status_writing = os.pipe2(os.O_CLOEXEC)
        descriptors += [info_reading, info_writing, status_reading, status_writing]
        log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        descriptors.append(log)
        # The shell leaves at once, so the supervisor belongs to nobody: no signal or end of this daemon reaches it.
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            '"$@" &',
            "homeport-workspace",
            *isolator.command(folder, place, orders=orders_fd, info=info_writing),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=status_writing,
            stderr=log,
            env={COOKIE_VARIABLE: cookie, "PATH": os.environ.get("PATH", _PATH)},
            cwd="/",
            pass_fds=(orders_fd, info_writing),
            start_new_session=True,
        )
        await process.wait()
        for descriptor in (info_writing, status_writing):
            os.close(descriptor)
            descriptors.remove(descriptor)
        info = await _read(info_reading, b"}") if isolator.name == "bubblewrap" else b""
        status = await _read(status_reading, b"started")
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    found = _identify(info, cookie) if status == b"started" else None
    if found is None:
        raise EngineFailure(f"The workspace's processes did not start: {_tail(folder.log)}")
    return found


def agent_command() -> list[str]:
    """Return the command that runs the agent. It works with the files of this installation and no others.

    Isolated mode (`-I`) keeps the home out of it: neither a file `queue.py` there, nor what somebody installs for themselves,
    nor PYTHON… variables of the template change what the agent is made of.
    """
    spec = importlib.util.find_spec("homeport_agent")
    assert spec is not None, "the programs are installed together"
    assert spec.origin is not None
    return [sys.executable, "-I", str(Path(spec.origin).with_name("__main__.py"))]


def base_environment(place: Place, *, cookie: str) -> dict[str, str]:
    """Return what every process of a workspace gets, before the template's own."""
    environment = {
        "PATH": _PATH,
        "HOME": place.home,
        "USER": place.user,
        "LOGNAME": place.user,
        "SHELL": place.shell,
        "LANG": "C.UTF-8",
        COOKIE_VARIABLE: cookie,
        "HOMEPORT_AGENT_NETWORK": "shared",
    }
    if place.authorities:
        environment["SSL_CERT_FILE"] = place.authorities
    passed = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_DIR", "TZ")
    names = [*passed, *(name.lower() for name in passed[:3])]
    return environment | {name: os.environ[name] for name in names if name in os.environ}


def _identify(info: bytes, cookie: str) -> Mark | None:
    """Return the mark of the supervisor: bubblewrap names it; without, it is the eldest that holds the cookie."""
    if info:
        return mark(msgspec.json.decode(info, type=dict[str, int])["child-pid"])
    return min(bearers(cookie), key=lambda found: (found.start_time, found.pid), default=None)


def _memory_file(data: bytes) -> int:
    descriptor = os.memfd_create("orders", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


async def _read(descriptor: int, end: bytes) -> bytes:
    """Read until `end`, the end of the pipe, or the end of patience."""
    loop = asyncio.get_running_loop()
    os.set_blocking(descriptor, False)
    data = b""
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not data.rstrip(b"\n ").endswith(end):
                await ready.wait()
                ready.clear()
                try:
                    piece = os.read(descriptor, 65_536)
                except BlockingIOError:
                    continue
                if not piece:
                    break
                data += piece
    except TimeoutError:
        pass
    finally:
        loop.remove_reader(descriptor)
    return data.strip()


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
            text = file.read().decode("utf-8", "replace").strip()
    except OSError:
        text = ""
    return text or "they said nothing"
