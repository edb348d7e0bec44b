"""Runs inside a workspace, as somebody who should not be there would: writes down everything that can be seen, as JSON."""

import hashlib
import json
import os
import socket
import stat
import sys
from collections.abc import Iterator
from typing import Any

PROGRAMS = ("/proc", "/usr", "/opt", sys.base_prefix)
MOST_BYTES = 4 * 1024 * 1024


def walk() -> Iterator[tuple[str, list[str]]]:
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in PROGRAMS]
        yield folder, names


def files() -> dict[str, str]:
    """Map every file that can be read, programs aside, to its hash."""
    found = {}
    for folder, names in walk():
        for name in names:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISREG(os.stat(path).st_mode) and os.stat(path).st_size <= MOST_BYTES:
                    with open(path, "rb") as file:
                        found[path] = hashlib.sha256(file.read()).hexdigest()
            except OSError:
                continue
    return found


def processes() -> list[dict[str, str]]:
    """List every process that is seen, with what can be learned of it."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        facts = {"pid": number}
        for name in ("cmdline", "environ", "maps"):
            try:
                with open(f"/proc/{number}/{name}", "rb") as file:
                    facts[name] = file.read().decode("utf-8", "replace")
            except OSError:
                continue
        found.append(facts)
    return found


def sockets() -> list[str]:
    """List the sockets of the whole network that answer, by their path."""
    with open("/proc/net/unix", encoding="utf-8") as file:
        paths = {fields[7] for line in file for fields in [line.split(maxsplit=7)] if len(fields) == 8}
    answering = []
    for path in paths:
        name = path.strip()
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            with socket.socket(socket.AF_UNIX, kind) as probe:
                try:
                    probe.connect("\0" + name[1:] if name.startswith("@") else name)
                except OSError:
                    continue
                answering.append(name)
    return answering


def powers() -> dict[str, str]:
    """Try what only root may do; return what worked."""
    worked = {}
    attempts: dict[str, Any] = {
        "setuid": lambda: os.setuid(0),
        "chroot": lambda: os.chroot("/"),
        "nice": lambda: os.nice(-5),
        "mknod": lambda: os.mknod("/tmp/device", stat.S_IFBLK | 0o600, os.makedev(8, 0)),
        "chown": lambda: os.chown(os.path.expanduser("~"), 0, 0),
        "port": lambda: socket.create_server(("127.0.0.1", 81)).close(),
        "memory": lambda: open("/dev/mem", "rb").close(),
        "kernel": lambda: open("/proc/sys/kernel/core_pattern", "w").close(),
        "root of 1": lambda: os.listdir(f"/proc/1/root{os.environ['SERVER_DATA']}"),
        "kill": lambda: os.kill(int(os.environ["SERVER_PID"]), 0),
    }
    for name, attempt in attempts.items():
        try:
            worked[name] = repr(attempt())
        except (OSError, OverflowError):
            continue
    return worked


with open("/proc/self/status", encoding="utf-8") as status:
    fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
report = {
    "files": files(),
    "writable": [folder for folder, _ in walk() if os.access(folder, os.W_OK)],
    "folders": [folder for folder, _ in walk()],
    "processes": processes(),
    "sockets": sockets(),
    "powers": powers(),
    "status": fields,
    "uid": os.getuid(),
}
with open(os.path.expanduser("~/report.json"), "w", encoding="utf-8") as out:
    json.dump(report, out)
