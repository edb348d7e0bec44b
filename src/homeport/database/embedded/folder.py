"""The folder of the embedded PostgreSQL: what lies in it, who owns it at the moment, whether we may use it.

    DATA_DIR/postgres/
      data/            the cluster, owned by the account that PostgreSQL runs under
      password         of the one database user (0600)
      owner.lock       held by the server that uses the folder
      postgres.lock    inherited by every PostgreSQL process, so that it is held as long as one of them lives
      server.log       what PostgreSQL says at level LOG and above
      socket-folder    path of the last socket folder, to clear it away after a crash

Locks are `flock`s: they end with the process, so no number in a file is ever believed.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import time
from pathlib import Path

from homeport.database.embedded.account import Account
from homeport.database.embedded.binaries import MAJOR_VERSION
from homeport.database.embedded.errors import EmbeddedPostgresError

PORT = 5432
# sun_path holds 108 bytes with its closing zero (unix(7)).
_LONGEST_SOCKET_PATH = 107
_SOCKET_NAME = f".s.PGSQL.{PORT}"
_PREFIX = "homeport-"
_GRACE_SECONDS = 0.5
_LARGEST_LOG = 8 * 1024 * 1024


class Folder:
    """Paths and locks of one embedded PostgreSQL."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.data = self.path / "data"
        self.password_file = self.path / "password"
        self.owner_lock = self.path / "owner.lock"
        self.postgres_lock = self.path / "postgres.lock"
        self.log = self.path / "server.log"
        self.socket_note = self.path / "socket-folder"

    def prepare(self) -> None:
        """Make the folder where it is missing (0700) and turn the log over when it has grown."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chmod(self.path, 0o700)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The folder {self.path} cannot be used by user {os.geteuid()}: {error.strerror}. "
                "Run Homeport as the user who made it, or choose another HOMEPORT_DATA_DIR."
            ) from error
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.old"))

    def lock(self) -> int:
        """Become the owner and return the descriptor that holds the lock. Raises when another server is the owner."""
        descriptor = os.open(self.owner_lock, os.O_RDWR | os.O_CREAT, 0o600)
        # A server that was killed a moment ago may still be on its way out.
        end = time.monotonic() + _GRACE_SECONDS
        while not _try_flock(descriptor):
            if time.monotonic() > end:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                os.close(descriptor)
                raise EmbeddedPostgresError(
                    f"Another Homeport server (process {holder or 'unknown'}) uses the data folder {self.path.parent}. "
                    "Stop it first, or give this one another HOMEPORT_DATA_DIR."
                )
            time.sleep(0.02)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor

    def check_version(self) -> bool:
        """Return whether a cluster exists. Raises when it is not one of the major version that we run."""
        if not self.data.exists():
            return False
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise EmbeddedPostgresError(f"The folder {self.data} exists but is not a PostgreSQL data folder.") from None
        if version != MAJOR_VERSION:
            raise EmbeddedPostgresError(
                f"The data folder {self.data} was made by PostgreSQL {version}; this Homeport runs PostgreSQL "
                f"{MAJOR_VERSION}. Dump it with PostgreSQL {version} and load the dump into a new folder, or set "
                "HOMEPORT_PG_CONNECTION_URL."
            )
        return True

    def password(self, *, is_new: bool) -> str:
        """Return the database user's password, made anew for a new cluster."""
        if not is_new:
            try:
                return self.password_file.read_text().strip()
            except FileNotFoundError:
                raise EmbeddedPostgresError(
                    f"The file {self.password_file} is missing; without it the database cannot be opened. Restore it."
                ) from None
        password = secrets.token_hex(32)
        descriptor = os.open(self.password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
            file.flush()
            os.fsync(file.fileno())
        return password

    def make_socket_folder(self, account: Account | None) -> Path:
        """Make a folder with a short path that only PostgreSQL's account and we can enter; clear the last one away."""
        self._clear_last_socket_folder()
        folder = _make_short_folder()
        if account is not None:
            # Our group may pass, in case root lacks the capability to go everywhere.
            os.chown(folder, account.uid, os.getegid())
            os.chmod(folder, 0o710)  # noqa: S103  # see above
        self.socket_note.write_text(str(folder))
        return folder

    def _clear_last_socket_folder(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            last = Path(self.socket_note.read_text())
            if last.name.startswith(_PREFIX) and last.is_absolute() and stat.S_ISDIR(last.lstat().st_mode):
                shutil.rmtree(last, ignore_errors=True)


def _try_flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_short_folder() -> Path:
    first = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    # `mkdtemp` makes a folder that nobody has made before us and that only we may enter.
    places = list(filter(None, (first, "/tmp", "/var/tmp", tempfile.gettempdir())))  # noqa: S108
    for place in places:
        try:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        except OSError:
            continue
        if len(os.fsencode(folder / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
            return folder
        folder.rmdir()
    raise EmbeddedPostgresError(f"None of {', '.join(places)} can hold the database's socket.")
