"""Child processes: started in sessions of their own, and all ended when the agent leaves.

The agent becomes the reaper of its descendants where the kernel allows it (Linux), so that a daemon that left its session is still found
below the agent and ends with it.
"""

import asyncio
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_POLL_SECONDS = 0.05


class Child:
    """A started process, leader of its own session and process group; `has_terminal` says that it has a terminal of its own."""

    def __init__(self, process: asyncio.subprocess.Process, *, has_terminal: bool = False) -> None:
        self._process = process
        self.has_terminal = has_terminal

    @property
    def pid(self) -> int:
        """Id of the process and of its group."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has been reaped."""
        return self._process.returncode is not None

    async def wait(self) -> int:
        """Return the exit status, or the negative number of the signal that ended it."""
        return await self._process.wait()

    def signal_group(self, number: int) -> None:
        """Send a signal to the whole group; nothing happens when it is gone."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class Processes:
    """Starts children and remembers the ones that live."""

    def __init__(self) -> None:
        self._children: dict[int, Child] = {}
        self._being_started = 0
        self._is_closed = False

    async def spawn(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: str,
        stdin: int,
        stdout: int,
        stderr: int,
        is_terminal: bool = False,
    ) -> Child:
        """Start a program on these descriptors, in a new session; with `is_terminal`, stdin becomes its controlling terminal.

        Raises OSError when it cannot be started (no such program, no such folder) or the agent is shutting down.
        """
        if self._is_closed:
            raise OSError("The agent is shutting down.")
        self._being_started += 1
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                env=dict(environment),
                cwd=directory,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=_take_terminal if is_terminal else None,
            )
            child = Child(process, has_terminal=is_terminal)
            self._children[child.pid] = child
        finally:
            self._being_started -= 1
        asyncio.create_task(self._forget(child)).add_done_callback(_ignore)
        return child

    async def _forget(self, child: Child) -> None:
        await child.wait()
        self._children.pop(child.pid, None)

    def reap_orphans(self) -> None:
        """Collect the exit of descendants that were handed to us because their parents ended."""
        if self._being_started:
            # A child whose number is not known here yet looks like one of them: its exit status would be lost.
            return
        for pid in _children_of(os.getpid()):
            if pid not in self._children:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def refuse_new(self) -> None:
        """Start nothing any more."""
        self._is_closed = True

    async def end_all(self, *, grace: float) -> None:
        """End every descendant: ask by SIGTERM, half of `grace` seconds later by SIGHUP too, and kill after all of it.

        Shells that people sit at ignore SIGTERM: their terminals hang up at once. The others get SIGHUP late, because
        programs that clean up on SIGTERM often die of it.
        """
        self.refuse_new()
        _signal_all(signal.SIGTERM)
        for child in self._children.values():
            if child.has_terminal:
                child.signal_group(signal.SIGHUP)
        _signal_all(signal.SIGCONT)
        if await self._all_ended(within=grace / 2):
            return
        _signal_all(signal.SIGHUP)
        if await self._all_ended(within=grace / 2):
            return
        _signal_all(signal.SIGKILL)
        # A process that forks while it is being killed leaves a new one: look again until none is left.
        while not await self._all_ended(within=_POLL_SECONDS * 4):
            _signal_all(signal.SIGKILL)

    async def _all_ended(self, *, within: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            self.reap_orphans()
            # Twice: a process whose parent ends between our looks at the two belongs to nobody for that moment.
            if not any(_is_alive(pid) for _ in range(2) for pid in _descendants(os.getpid())):
                return True
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)


def become_reaper() -> None:
    """Ask the kernel to hand orphaned descendants to this process (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # An agent that was started by nohup ignores hang-ups, and what it starts would as well: no terminal would ever end by one.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _ignore(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()


def _signal_all(number: int) -> None:
    for pid in _descendants(os.getpid()):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(below)
        waiting.extend(below)
    return found


def _children_of(parent: int) -> list[int]:
    return [pid for pid, its_parent in _parents() if its_parent == parent]


def _parents() -> list[tuple[int, int]]:
    """List (process, parent) of every process that is visible."""
    if not Path("/proc/self/stat").exists():
        return _parents_by_ps()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _stat(int(name))
            if fields is not None:
                found.append((int(name), int(fields[1])))
    return found


def _parents_by_ps() -> list[tuple[int, int]]:
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    return [(int(pid), int(parent)) for pid, parent in (line.split() for line in listing.splitlines())]


def _is_alive(pid: int) -> bool:
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the name: state, parent, group and so on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    return text[text.rfind(")") + 2 :].split()
