"""The folder of one workspace on this machine, and what is written down about its processes.

<data>/workspaces/<id>/home        the owner's files
                      /tmp         what the workspace sees as /tmp
                      /etc         its passwd and group
                      /agent.log   what its agents write
                      /state.json  its processes
                      /lock        held by the daemon that builds it
"""

import asyncio
import os
import secrets
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from homeport_provisioner.process.identity import Mark
from homeport_provisioner.staging import hold

_LOG_BYTES = 1024 * 1024


class Record(msgspec.Struct, kw_only=True):
    """What is known about a workspace's processes. While it is "starting", `token` tells whether the server took the build."""

    phase: Literal["starting", "running", "stopped"] = "stopped"
    cookie: str = ""
    process: Mark | None = None
    isolation: str = ""
    stop_seconds: float = 0
    token: str = ""


class WorkspaceFolder:
    """One workspace's folder. Whoever changes anything holds the lock."""

    def __init__(self, data_dir: Path, workspace_id: UUID) -> None:
        self.root = data_dir / "workspaces" / str(workspace_id)
        self.home = self.root / "home"
        self.temporary = self.root / "tmp"
        self.etc = self.root / "etc"
        self.log = self.root / "agent.log"
        self._record = self.root / "state.json"

    @property
    def exists(self) -> bool:
        """Whether anything of the workspace is here."""
        return self.root.is_dir()

    def locked(self) -> AbstractContextManager[int]:
        """Hold the workspace until the block or this process ends. Raises Busy, OSError."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return hold(self.root / "lock")

    def read(self) -> Record:
        """Return what is written down; a damaged record is as good as none."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Record)
        except (FileNotFoundError, msgspec.DecodeError):
            return Record()

    def write(self, record: Record) -> None:
        """Write down, whole or not at all."""
        path = self._record.with_suffix(".new")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(record))
            file.flush()
            os.fsync(file.fileno())
        path.replace(self._record)

    def prepare(self, *, uid: int, gid: int, user: str, home: str, shell: str) -> None:
        """Make everything that a start needs; what is in the home stays."""
        self.home.mkdir(mode=0o700, exist_ok=True)
        _give(self.home, uid, gid)
        self.etc.mkdir(mode=0o755, exist_ok=True)
        _replace_line(Path("/etc/passwd"), self.etc / "passwd", user, uid, f"{user}:x:{uid}:{gid}::{home}:{shell}")
        _replace_line(Path("/etc/group"), self.etc / "group", user, gid, f"{user}:x:{gid}:")
        self.temporary.mkdir(exist_ok=True)
        self.temporary.chmod(0o1777)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    async def clear_temporary(self) -> None:
        """Remove what the workspace left in /tmp."""
        await remove_tree(self.temporary)

    async def remove(self) -> None:
        """Remove everything. Raises OSError that says what cannot be removed."""
        # Under another name first: whatever happens then, nobody takes the rest for a workspace.
        doomed = self.root.with_name(f"removed-{self.root.name}-{secrets.token_hex(4)}")
        if self.exists:
            self.root.rename(doomed)
        for path in (doomed, *self.root.parent.glob(f"removed-{self.root.name}-*")):
            await remove_tree(path)


async def remove_tree(path: Path) -> None:
    """Remove a folder with everything in it, however deep and whatever its permissions. Raises OSError."""
    if not path.exists():
        return
    # The programs walk trees of any depth by descriptors and follow no links.
    if os.geteuid() != 0:
        await _run("chmod", "-R", "u+rwX", "--", str(path))
    code, output = await _run("rm", "-rf", "--one-file-system", "--", str(path))
    if code or path.exists():
        raise OSError(f"{path} cannot be removed: {output or 'something is left in it'}")


async def _run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, output.decode("utf-8", "replace").strip()[:2000]


def _give(home: Path, uid: int, gid: int) -> None:
    """Give the home to its user, with all in it when it belonged to another one before."""
    if home.stat().st_uid == uid:
        return
    # The program walks trees of any depth and follows no links; what lies in the home is the owner's, not ours.
    command = ["chown", "-R", "-h", "-P", "--", f"{uid}:{gid}", str(home)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{home} cannot be given to user {uid}: {done.stderr.strip()[:2000]}")


def _replace_line(origin: Path, target: Path, name: str, number: int, line: str) -> None:
    try:
        lines = origin.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        lines = []
    others = [
        other for other in lines if (fields := other.split(":")) and fields[0] != name and fields[2:3] != [str(number)]
    ]
    target.write_text("\n".join([*others, line, ""]), "utf-8", "surrogateescape")
