"""Start the embedded PostgreSQL and hear what becomes of it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from homeport.database.embedded import keeper
from homeport.database.embedded.account import Account, choose_account, choose_initial_account
from homeport.database.embedded.binaries import find_programs
from homeport.database.embedded.errors import EmbeddedPostgresError
from homeport.database.embedded.folder import PORT, Folder
from homeport.telemetry.logs import get_logger

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

USER = "homeport"
DATABASE = "postgres"

log = get_logger(__name__)

_INITDB_OPTIONS = (
    f"--username={USER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # The same order of text on every machine, and no dependency on its locales.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
    # The password has 256 random bits: stretching it would only slow every new session down.
    "--set=scram_iterations=1",
)
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": "64MB",
    "io_method": "sync",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    # LOG, FATAL and PANIC. Failed statements are answers to us, and their details hold what people typed.
    "log_min_messages": "log",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
# For tests: a crash of the machine loses the data, a crash of PostgreSQL does not.
_FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "300",
}


class EmbeddedPostgres:
    """A PostgreSQL that lives in a folder and as long as we do. `start` and `stop` block, each is called once.

    When its postmaster dies it is started again (with crash recovery) and `on_restart` is called; when that is not
    possible `on_failure` is called with the reason. Both are called from a thread of ours.
    """

    def __init__(
        self,
        folder: Path,
        *,
        is_fast: bool = False,
        on_restart: Callable[[], object] | None = None,
        on_failure: Callable[[str], object] | None = None,
    ) -> None:
        """`folder` is the database's own (`DATA_DIR/postgres`). `is_fast` gives up safety against power loss."""
        self.folder = Folder(folder)
        self.url = ""
        self.postmaster_pid = 0
        self.keeper_pid = 0
        self._is_fast = is_fast
        self._on_restart = on_restart
        self._on_failure = on_failure
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._changed = threading.Condition()
        self._starting = threading.Lock()
        self._failure: str | None = None
        self._is_ended = False
        self._is_stopping = False
        self._lock = -1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, timeout: float = 600.0) -> str:
        """Start PostgreSQL (making the cluster at the first time) and return its URL once it answers.

        Recovery after a crash may take long, and so may `timeout` (seconds).
        Raises EmbeddedPostgresError: folder in use by another server or of another version, no program, no start.
        """
        self.folder.prepare()
        self._lock = self.folder.lock()
        try:
            self._launch()
            self._wait_until_ready(timeout)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """End PostgreSQL in an orderly way and leave the folder to others. Safe to call twice."""
        with self._starting:
            self._is_stopping = True
        if self._process is not None:
            _ask_to_stop(self._process)
            self._process.wait()
            _close_pipe(self._process)
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _launch(self) -> None:
        config = self._config()
        self._spawn(config)
        self._reader = threading.Thread(target=self._stand_by, args=(config,), name="embedded postgres", daemon=True)
        self._reader.start()

    def _config(self) -> dict[str, Any]:
        account = choose_account(self.folder.data)
        is_new = not self.folder.check_version()
        if account is not None and not is_new:
            _hand_over(self.folder.data, account)
        programs = find_programs(reader=None if account is None else account.uid)
        password = self.folder.password(is_new=is_new)
        sockets = self.folder.make_socket_folder(account)
        initial = choose_initial_account() if is_new else None
        self.url = f"postgresql://{USER}:{password}@/{DATABASE}?host={quote(str(sockets), safe='')}&port={PORT}"
        return {
            "postgres": str(programs.postgres),
            "initdb": str(programs.initdb),
            "initdb_options": [*_INITDB_OPTIONS, *(["--no-sync"] if self._is_fast else [])],
            "settings": {
                **_SETTINGS,
                **(_FAST_SETTINGS if self._is_fast else {}),
                "unix_socket_directories": str(sockets),
            },
            "data": str(self.folder.data),
            "work": str(self.folder.path / "initializing"),
            "lock": str(self.folder.postgres_lock),
            "log": str(self.folder.log),
            "socket_folder": str(sockets),
            "password": password,
            "is_new": is_new,
            "account": None if account is None else [account.uid, account.gid],
            "initial_account": None if initial is None else [initial.uid, initial.gid],
        }

    def _spawn(self, config: dict[str, Any]) -> None:
        # A session of its own: the terminal's interrupt is for the server, which then asks for the end.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
            # Only what an interpreter may need to find its own libraries.
            env={name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"},
        )
        self.keeper_pid = self._process.pid
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(config).encode() + b"\n")
        self._process.stdin.flush()

    def _wait_until_ready(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.postmaster_pid or self._failure or self._is_ended, timeout)
            if self._failure:
                raise EmbeddedPostgresError(self._failure)
            if not self.postmaster_pid:
                raise EmbeddedPostgresError(f"The embedded PostgreSQL did not start; see {self.folder.log}.")

    def _stand_by(self, config: dict[str, Any]) -> None:
        """Read the keeper's events for as long as we live, and replace a keeper that was killed."""
        while True:
            process = self._process
            assert process is not None
            assert process.stdout is not None
            for line in process.stdout:
                self._hear(json.loads(line))
            process.stdout.close()
            with self._starting:
                process.wait()
                _close_pipe(process)
                if self._is_stopping or self._failure or not self.postmaster_pid:
                    break
                log.warning("the keeper of PostgreSQL ended unexpectedly", status=process.returncode)
                self._spawn({**config, "is_new": False, "was_ready": True})
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()
        if self.postmaster_pid and not self._is_stopping:
            log.warning("the embedded PostgreSQL is lost", reason=self._failure)
            if self._on_failure is not None:
                self._on_failure(self._failure or "")

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "ready":
            is_restart = self.postmaster_pid != 0
            with self._changed:
                self.postmaster_pid = event["pid"]
                self._changed.notify_all()
            if is_restart:
                log.warning("PostgreSQL was restarted after a crash", pid=event["pid"])
                if self._on_restart is not None:
                    self._on_restart()
        elif event["event"] == "failed":
            with self._changed:
                self._failure = event["reason"]
                self._changed.notify_all()
        elif not event["is_expected"]:
            log.warning("PostgreSQL ended unexpectedly", status=event["status"])


def _ask_to_stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(b"stop\n")
        process.stdin.flush()
    except (BrokenPipeError, ValueError):
        pass  # it has ended by itself
    # The pipe stays open until the keeper has ended: its closing would mean that we are gone.


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has ended by itself


def _hand_over(data: Path, account: Account) -> None:
    """Give a cluster that root restored from a backup to the account that runs it."""
    if data.stat().st_uid == account.uid:
        return
    for folder, folders, files in os.walk(data):
        for name in (*folders, *files):
            os.lchown(os.path.join(folder, name), account.uid, account.gid)
    os.chown(data, account.uid, account.gid)
