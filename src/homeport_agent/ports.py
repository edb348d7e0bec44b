"""Which TCP ports processes of the workspace listen on (Linux: /proc; elsewhere none are reported)."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from homeport_sdk.agent_protocol import ListeningPort, ListeningPorts

_LISTEN = "0A"
LOWEST_PORT = 9


def listening_ports() -> list[ListeningPort]:
    """List the ports in order, each once, with the name of a process that owns it where that can be seen.

    Where the workspace shares its machine's network (the engine says so), only those: the others belong to the machine.
    """
    is_shared = os.environ.get("HOMEPORT_AGENT_NETWORK") == "shared"
    inodes: dict[int, str] = {}
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text("ascii", "replace").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN:
                    inodes.setdefault(int(fields[1].rsplit(":", 1)[1], 16), fields[9])
    names = _socket_owners(set(inodes.values()))
    return [
        ListeningPort(process_name=names.get(inode, ""), network="tcp", port=port)
        for port, inode in sorted(inodes.items())
        if port >= LOWEST_PORT and (inode in names or not is_shared)
    ]


def listening_ports_json() -> bytes:
    """Return the ports as the JSON that the server reads."""
    return msgspec.json.encode(ListeningPorts(ports=listening_ports()))


def _socket_owners(inodes: set[str]) -> dict[str, str]:
    """Map socket inodes to process names, for the processes that we may look into."""
    owners: dict[str, str] = {}
    for pid in filter(str.isdigit, _entries("/proc")):
        for descriptor in _entries(f"/proc/{pid}/fd"):
            with suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
                inode = target.removeprefix("socket:[").removesuffix("]")
                if inode in inodes and inode not in owners:
                    owners[inode] = Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    return owners


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
