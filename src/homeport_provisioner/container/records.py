"""What is written down on this machine about starts that are not finished, and who works on a workspace.

<data>/containers/<workspace>.json    a start that nobody has finished yet
                  <workspace>.lock    held by the daemon that builds it; dies with it
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec

from homeport_provisioner.staging import hold


class Record(msgspec.Struct, kw_only=True, frozen=True):
    """A start that is under way; `token` of an agent tells whether the server took it. Empty: it did not come so far."""

    workspace_id: UUID
    build_id: UUID
    number: int
    token: str = ""


class Records:
    """The records of one data folder, shared by all daemons on it."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "containers"

    @contextmanager
    def locked(self, workspace_id: UUID) -> Iterator[None]:
        """Hold a workspace until the block or this process ends. Raises Busy, OSError."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._root / f"{workspace_id}.lock"
        with hold(lock):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def read(self, workspace_id: UUID) -> Record | None:
        """Return the unfinished start of a workspace, if there is one."""
        try:
            return msgspec.json.decode(self._path(workspace_id).read_bytes(), type=Record)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, record: Record) -> None:
        """Write down, whole or not at all."""
        path = self._path(record.workspace_id)
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(record))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def forget(self, workspace_id: UUID) -> None:
        """The start is finished, or undone."""
        self._path(workspace_id).unlink(missing_ok=True)

    def unfinished(self) -> list[UUID]:
        """List the workspaces with a record."""
        found = []
        for path in sorted(self._root.glob("*.json")):
            try:
                found.append(UUID(path.stem))
            except ValueError:
                continue
        return found

    def _path(self, workspace_id: UUID) -> Path:
        return self._root / f"{workspace_id}.json"
