"""Where states lie while Terraform works on them, so that none is lost with a daemon.

A build's state is a file in the data folder, not in the job's: a daemon that is killed leaves it, and so does a job that is lost. The next
build of the workspace on this machine takes it, if the server still has what that build had begun with. The server seals what it keeps;
here states are readable by the daemon's account alone, and gone when the server has taken them.
"""

import asyncio
import hashlib
import os
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import UUID

import msgspec

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.staging import Busy, hold, remove
from homeport_provisioner.terraform.sources import OWN_PROVIDER
from homeport_sdk import clock

KEPT_SECONDS = 30 * 86_400.0
"""How long what a lost build has left waits for the next."""
BUSY_SECONDS = 90.0
"""How long a build waits for Terraform that still ends for one before it: longer than that is given."""
_FILE = "terraform.tfstate"
# As it is within a text of JSON.
_OWN_PROVIDER = f'provider[\\"{OWN_PROVIDER}\\"]'.encode()


class StateHome:
    """The file of one build. Its lock lives as long as any command of the build; `lock` is handed to them."""

    def __init__(self, folder: Path, lock: int, stack: ExitStack) -> None:
        self.file = folder / _FILE
        self.lock = lock
        self._folder = folder
        self._stack = stack
        self._told: str | None = None

    def read(self) -> bytes:
        """Return the state as it is now; empty when there is none. Raises OSError."""
        return self.file.read_bytes() if self.file.is_file() else b""

    def tell(self) -> bytes:
        """Read the state in order to hand it to the server. Raises OSError."""
        state = self.read()
        self._told = _digest(state)
        return state

    def close(self, *, is_taken: bool) -> bool:
        """Let go; return whether nothing is left that the server does not have. `is_taken` says that it has what it was told.

        What it does not have waits for the next build. Raises OSError.
        """
        try:
            return self._remove_if_known(is_taken=is_taken)
        finally:
            self._stack.close()

    def _remove_if_known(self, *, is_taken: bool) -> bool:
        base = (self._folder / "base").read_text("ascii") if (self._folder / "base").is_file() else ""
        # Not by what was reported alone: a report may have gone without the state, or with one of before.
        is_known = _digest(self.read()) in ({base, self._told} if is_taken else {base})
        if is_known:
            remove(self._folder)
            self._folder.with_suffix(".lock").unlink(missing_ok=True)
        return is_known


class States:
    """The folder of all of them."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "terraform" / "states"

    async def open(
        self, workspace_id: UUID, job_id: UUID, state: bytes, *, canceled: asyncio.Event
    ) -> tuple[StateHome, bool]:
        """Put a build's state in its place; also returns whether it is one that a build before had left.

        Raises EngineFailure for what is no state, and while Terraform still works for a build before. Raises OSError.
        """
        check(state)
        root = self._root / str(workspace_id)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = await self._left_behind(root, _digest(state), canceled)
        stack = ExitStack()
        lock = stack.enter_context(hold(root / f"{job_id}.lock"))
        try:
            folder = root / str(job_id)
            remove(folder)
            folder.mkdir(mode=0o700)
            (folder / "base").write_text(_digest(state), "ascii")
            if left or state:
                _write(folder / _FILE, left or state)
        except BaseException:
            stack.close()
            raise
        return StateHome(folder, lock, stack), bool(left)

    def has_any(self, workspace_id: UUID) -> bool:
        """Whether a build before has left anything, or is still being ended."""
        return any((self._root / str(workspace_id)).glob("*.lock"))

    def forget(self, workspace_id: UUID) -> None:
        """Remove everything of a workspace that nobody works on: the server knows better now. Raises OSError."""
        root = self._root / str(workspace_id)
        for lock in root.glob("*.lock"):
            with suppress(Busy), hold(lock):
                remove(lock.with_suffix(""))
                lock.unlink(missing_ok=True)
        with suppress(OSError):
            root.rmdir()

    def clean(self) -> None:
        """Remove what has waited too long. Raises OSError."""
        for lock in self._root.glob("*/*.lock"):
            with suppress(Busy, FileNotFoundError), hold(lock):
                if clock.now().timestamp() - lock.stat().st_mtime > KEPT_SECONDS:
                    shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                    lock.unlink(missing_ok=True)
        for root in self._root.glob("*"):
            with suppress(OSError):
                root.rmdir()

    async def _left_behind(self, root: Path, base: str, canceled: asyncio.Event) -> bytes:
        """Return the newest state that a build before had left and that goes on from what the server has; empty for none."""
        give_up_at = clock.monotonic() + BUSY_SECONDS
        while True:
            try:
                return _newest(root, base)
            except Busy as error:
                if canceled.is_set() or clock.monotonic() > give_up_at:
                    raise EngineFailure(
                        "Terraform still ends on this machine for an earlier build of this workspace. Try again in a minute."
                    ) from error
            await asyncio.sleep(0.2)


def _newest(root: Path, base: str) -> bytes:
    found: list[tuple[float, bytes]] = []
    for lock in root.glob("*.lock"):
        with hold(lock):
            folder = lock.with_suffix("")
            file, note = folder / _FILE, folder / "base"
            if file.is_file() and note.is_file() and note.read_text("ascii") == base and _is_state(file.read_bytes()):
                found.append((file.stat().st_mtime, file.read_bytes()))
    return max(found, default=(0.0, b""))[1]


def check(state: bytes) -> None:
    """Raise EngineFailure when this is no state of Terraform's."""
    if state and not _is_state(state):
        raise EngineFailure(
            "The workspace's state is none of Terraform's. Push the right one, or delete the workspace as an orphan."
        )


def has_resources(state: bytes) -> bool:
    """Whether a state holds anything that would have to be destroyed."""
    if not state:
        return False
    try:
        document = msgspec.json.decode(state, type=_Document)
    except RecursionError:
        return True
    return any(resource.mode == "managed" for resource in document.resources or ())


def names_own_provider(state: Path) -> bool:
    """Whether a file holds a state with resources of Coder's provider, which ends them even where the template has it no more."""
    return state.is_file() and _OWN_PROVIDER in state.read_bytes()


class _Resource(msgspec.Struct):
    mode: str = ""


class _Document(msgspec.Struct):
    """What is looked at of a state."""

    version: int
    resources: list[_Resource] | None = None


def _is_state(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=_Document)
    except msgspec.DecodeError:
        return False
    except RecursionError:
        # It has values that Terraform can read and we cannot, which nest too deep.
        return True
    return True


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
