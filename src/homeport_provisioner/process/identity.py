"""Which process is meant: a number is not enough, because numbers come again. Boot, start time and a cookie in the environment are."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from homeport_sdk import clock

COOKIE_VARIABLE = "HOMEPORT_WORKSPACE_COOKIE"
_SWEEP_SECONDS = 10.0


class Mark(msgspec.Struct, kw_only=True, frozen=True):
    """A process that was started here. `start_time` is in clock ticks since the machine's boot."""

    boot_id: str
    pid: int
    start_time: int


def boot_id() -> str:
    """Return what changes with every boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def mark(pid: int) -> Mark | None:
    """Return the mark of a living process, or None."""
    start_time = _start_time(pid)
    return None if start_time is None else Mark(boot_id=boot_id(), pid=pid, start_time=start_time)


def is_alive(wanted: Mark | None) -> bool:
    """Whether this very process still runs."""
    return wanted is not None and wanted.boot_id == boot_id() and _start_time(wanted.pid) == wanted.start_time


@contextmanager
def opened(wanted: Mark | None) -> Iterator[int | None]:
    """Hold the very process by a descriptor, which never means another; None when it is gone."""
    descriptor = None
    if wanted is not None and is_alive(wanted):
        with suppress(ProcessLookupError):
            descriptor = os.pidfd_open(wanted.pid)
    try:
        # The number may have changed hands just before it was opened.
        yield descriptor if is_alive(wanted) else None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def send(descriptor: int, number: signal.Signals) -> None:
    """Signal the process that a descriptor holds; nothing happens when it is gone."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, number)


async def wait_gone(descriptor: int, *, timeout: float, hurry: asyncio.Event | None = None) -> bool:
    """Wait until the process has ended; False when `timeout` seconds pass or `hurry` is set before."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    waits = [asyncio.create_task(gone.wait())]
    if hurry is not None:
        waits.append(asyncio.create_task(hurry.wait()))
    try:
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(descriptor)
        for wait in waits:
            wait.cancel()
    return gone.is_set()


def bearers(cookie: str) -> list[Mark]:
    """List every process whose environment holds a cookie."""
    wanted = f"{COOKIE_VARIABLE}={cookie}".encode()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with suppress(OSError):
                if wanted in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    process = mark(int(name))
                    found += [process] if process else []
    return found


def descendants(root: Mark) -> list[Mark]:
    """List every process below one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        fields = _stat(int(name)) if name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[Mark] = []
    waiting = [root.pid] if is_alive(root) else []
    while waiting:
        below = children.get(waiting.pop(), [])
        found += [process for process in map(mark, below) if process]
        waiting += below
    return found


def kill(processes: list[Mark]) -> None:
    """Kill these very processes. They are stopped first, so that none makes another while it dies."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            with opened(process) as descriptor:
                if descriptor is not None:
                    send(descriptor, number)


async def kill_bearers(cookie: str, *, linger: float = 0.0) -> int:
    """Kill every process that holds a cookie, until there is none. Return how many there were. Raises TimeoutError.

    Those that end by themselves within `linger` seconds are not killed and not counted.
    """
    killed: set[Mark] = set()
    patient_until = clock.monotonic() + linger
    async with asyncio.timeout(_SWEEP_SECONDS + linger):
        while found := await asyncio.to_thread(bearers, cookie):
            if clock.monotonic() >= patient_until:
                kill(found)
                killed |= set(found)
            await asyncio.sleep(0.02)
    return len(killed)


def _start_time(pid: int) -> int | None:
    """Return when a process began; None when there is none, or it has ended and was not collected yet."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third on (proc(5)): the state, the parent and so on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
