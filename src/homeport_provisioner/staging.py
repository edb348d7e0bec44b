"""Folders that live as long as one job. What a killed daemon leaves is recognised by its lock, which died with it."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from homeport_sdk import clock

_NEW_SECONDS: Final = 2.0


class Staging:
    """The folder `jobs` of a data folder, shared by all daemons on it."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "jobs"
        self._places = _places(data_dir)

    @contextmanager
    def folder(self, job_id: UUID) -> Iterator[Path]:
        """Give an empty private folder for one job; it is removed in the end, however that comes. Raises OSError."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._root / str(job_id)
        lock = path.with_suffix(".lock")
        with hold(lock):
            try:
                remove(path)
                path.mkdir(mode=0o700)
                yield path
            finally:
                remove(path)
                lock.unlink(missing_ok=True)

    def hide(self, text: str) -> str:
        """Return a text for people: a job's files by their names alone, and the daemon's own folders without the way there."""
        return self._places.sub(lambda found: "" if found["file"] else f"…/{found['part']}", text)

    def clean(self) -> int:
        """Remove the folders of jobs whose daemon is gone; return how many."""
        removed = 0
        for lock in self._root.glob("*.lock"):
            # One that was made just now is about to be held by its daemon, for whom we must not be in the way.
            if _age(lock) < _NEW_SECONDS:
                continue
            with suppress(Busy), hold(lock):
                remove(lock.with_suffix(""))
                lock.unlink(missing_ok=True)
                removed += 1
        return removed


def _places(data_dir: Path) -> re.Pattern[str]:
    # Only what is the daemon's for certain: in a container the same path may well be the template's own.
    roots = "|".join(re.escape(str(path)) for path in {data_dir, data_dir.resolve()})
    job = r"jobs/[0-9a-f-]{36}"
    return re.compile(
        rf"(?<![\w.-])(?:{roots})/(?:(?P<file>{job}/(?:source|scratch)/)|(?P<part>{job}|terraform|containers)(?![\w.-]))"
    )


def _age(path: Path) -> float:
    """Return the seconds since a file was made; 0 when it is gone."""
    with suppress(FileNotFoundError):
        return clock.now().timestamp() - path.stat().st_mtime
    return 0.0


class Busy(OSError):
    """Another living process holds the lock."""


@contextmanager
def hold(path: Path) -> Iterator[int]:
    """Hold a lock on a file, made if need be, until the block or the process ends. Raises Busy at once if another has it.

    Gives the descriptor: a process that inherits it holds the lock as well.
    """
    descriptor = _take(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise Busy(f"{path} is held by another process") from error
        # Whoever held it before may have removed the file between our two calls: then we hold a lock on nothing.
        with suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == os.stat(path, follow_symlinks=False).st_ino:
                return descriptor
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a folder that nobody else writes to, whatever the permissions inside; nothing happens when there is none."""
    if path.is_symlink() or not path.exists():
        path.unlink(missing_ok=True)
        return
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o700)
    shutil.rmtree(path)
