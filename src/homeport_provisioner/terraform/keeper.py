"""Runs one command of Terraform and lets nothing of it outlive it. A program of its own that knows the standard library only.

Called with the most processes that may run at once, the seconds that Terraform gets to end when whoever waits is gone, and the command.
It adopts every orphan of the command, whatever session or environment that has given itself. Its standard input is how it is told:
`i` interrupts Terraform, which then stops as soon as its state is written; `k` kills everything now; its end means that the daemon is gone,
and then Terraform is interrupted and, after its time, killed. What Terraform writes is passed on, and read on even when nobody listens:
it must not die of that. Exit status: that of Terraform; 128 + n when signal n ended it; 90 when it was killed for its many processes.
"""

import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

TOO_MANY = 90
_PR_SET_CHILD_SUBREAPER = 36
_WATCH_SECONDS = 0.2
_SWEEP_SECONDS = 5.0
_CHUNK = 64 * 1024
_GROUPS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))


def main(arguments: list[str]) -> int:
    """Run the command to its end, and end what it leaves."""
    most, patience, command = int(arguments[0]), float(arguments[1]), arguments[2:]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Only what stands on standard input counts: a signal to the whole group, such as from a terminal, is Terraform's own affair.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    group = make_group(most)
    most_of_user = threads_of_user() + headroom(most)
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: prepare(group, most_of_user),  # noqa: PLW1509 - there are no threads yet
            start_new_session=True,
        )
    except OSError as error:
        print(f"{command[0]} cannot be run: {error}", file=sys.stderr)
        return 127
    relays = [threading.Thread(target=relay, args=pair, daemon=True) for pair in ((child.stdout, 1), (child.stderr, 2))]
    for thread in relays:
        thread.start()
    is_crowded = watch(child, group, most=most, patience=patience)
    end_descendants()
    for thread in relays:
        thread.join(_SWEEP_SECONDS)
    if group is not None:
        remove_group(group)
    if is_crowded:
        return TOO_MANY
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def prepare(group: Path | None, most_of_user: int) -> None:
    """Run between fork and exec: be Terraform's own self again, inside of what bounds the number of processes."""
    # Of no effect for root, for whom there is the group.
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    wanted = most_of_user if hard == resource.RLIM_INFINITY else min(most_of_user, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (wanted, wanted))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    if group is not None:
        try:
            (group / "cgroup.procs").write_text("0")
        except OSError:
            pass


def watch(child: "subprocess.Popen[bytes]", group: Path | None, *, most: int, patience: float) -> bool:
    """Wait for the end, obeying orders meanwhile. Returns whether it was killed because there were too many processes."""
    inputs = [0]
    kill_at: float | None = None
    while child.poll() is None:
        ready, _, _ = select.select(inputs, [], [], _WATCH_SECONDS if len(descendants()) < 50 else 0.02)
        if ready:
            order = os.read(0, 1)
            if order == b"k":
                kill_at = time.monotonic()
            else:
                child.send_signal(signal.SIGINT)
            if not order:
                inputs = []
                kill_at = kill_at or time.monotonic() + patience
        collect(child)
        is_crowded = len(descendants()) > most or is_full(group)
        if is_crowded or (kill_at is not None and time.monotonic() >= kill_at):
            end_descendants(child)
            return is_crowded
    return False


def relay(source: "object", target: int) -> None:
    """Pass on what comes, until it ends; when nobody takes it any more, only read."""
    descriptor = source.fileno()  # type: ignore[attr-defined]
    while chunk := os.read(descriptor, _CHUNK):
        while chunk and target >= 0:
            try:
                chunk = chunk[os.write(target, chunk) :]
            except OSError:
                target = -1


def descendants() -> list[int]:
    """List every living process below this one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] not in "ZX":
                children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def end_descendants(child: "subprocess.Popen[bytes] | None" = None) -> None:
    """Kill everything below, by whole groups: the kernel kills a group at once, so none of it multiplies while others die."""
    give_up_at = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < give_up_at:
        found = descendants()
        for group in {group_of(process) for process in found} - {0, os.getpgrp()}:
            send(os.killpg, group)
        for process in found:
            send(os.kill, process)
        if child is not None:
            child.poll()
        collect(child)
        if not found:
            return
        time.sleep(0.01)


def group_of(process: int) -> int:
    """Return the number of a process's group; 0 when it is gone."""
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return 0


def send(call: Callable[[int, int], None], number: int) -> None:
    """Kill a process of ours, or a group of such: none of their numbers can change hands before we have collected them."""
    try:
        call(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def collect(child: "subprocess.Popen[bytes] | None") -> None:
    """Collect what has ended, but leave Terraform's own status to whoever waits for it."""
    for name in os.listdir("/proc/self/task"):
        try:
            pids = Path(f"/proc/self/task/{name}/children").read_text().split()
        except OSError:
            continue
        for pid in map(int, pids):
            if child is None or pid != child.pid:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass


def headroom(most: int) -> int:
    """Return how many threads are allowed where so many processes are: the system counts threads, of which Terraform has many."""
    return most * 2 + 200


def threads_of_user() -> int:
    """Count what this user runs by now: the system's limit is one for all of it."""
    total = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    fields = Path(f"/proc/{name}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                    total += int(fields[17])
            except OSError:
                continue
    return total


def make_group(most: int) -> Path | None:
    """Make a control group that allows only so many processes at once, where this machine lets us; it is exact, where watching is not."""
    for root in _GROUPS:
        group = own_group(root) / f"homeport-terraform-{os.getpid()}"
        for left in group.parent.glob("homeport-terraform-*"):
            # Of a keeper that was killed; one that holds a process stays.
            if not Path(f"/proc/{left.name.rpartition('-')[2]}").exists():
                remove_group(left)
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / "pids.max").write_text(str(headroom(most)))
        except OSError:
            remove_group(group)
            continue
        return group
    return None


def is_full(group: Path | None) -> bool:
    """Whether a process was refused because there were as many as may be."""
    if group is None:
        return False
    try:
        return (group / "pids.events").read_text().split()[1:2] not in (["0"], [])
    except OSError:
        return False


def own_group(root: Path) -> Path:
    """Return the folder of the group that this process is in."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return root
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if (root.name == "pids" and "pids" in controllers.split(",")) or (root.name != "pids" and not controllers):
            return root / path.lstrip("/")
    return root


def remove_group(group: Path) -> None:
    """Remove an empty group."""
    try:
        group.rmdir()
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
