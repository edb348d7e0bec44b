"""One embedded PostgreSQL for a whole test run, started when the first test asks for it.

The process that runs pytest (with xdist: the controller) owns it, so it ends with the run however the run ends. Workers
ask for it through a unix socket whose path they inherit in the environment.
"""

import asyncio
import fcntl
import os
import shutil
import socket
import socketserver
import tempfile
import threading
from pathlib import Path

import asyncpg

from homeport.database.embedded import EmbeddedPostgres
from homeport.database.migrations import prepare_database

TEMPLATE = "homeport_template"

_VARIABLE = "HOMEPORT_TEST_CLUSTER"
_PREFIX = "homeport-tests-"


class Cluster:
    """The run's PostgreSQL and its migrated template, in a folder that is removed at the end."""

    def __init__(self) -> None:
        _remove_left_over()
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._alive = (self._folder / "alive").open("w")
        fcntl.flock(self._alive, fcntl.LOCK_EX)
        self._failure = ""
        self._lock = threading.Lock()
        self._postgres: EmbeddedPostgres | None = None
        self._server: socketserver.ThreadingUnixStreamServer | None = None

    def url(self) -> str:
        """Return the URL of the maintenance database, starting PostgreSQL and making the template the first time."""
        with self._lock:
            if self._failure:
                raise RuntimeError(self._failure)
            if self._postgres is None:
                postgres = EmbeddedPostgres(self._folder / "postgres", is_fast=True)
                try:
                    postgres.start()
                    asyncio.run(_make_template(postgres.url))
                except BaseException as error:
                    # Once is enough: every test that asks gets the same answer at once.
                    self._failure = "; ".join(
                        [repr(error), getattr(error, "detail", ""), *getattr(error, "__notes__", [])]
                    )
                    postgres.stop()
                    raise
                self._postgres = postgres
            return self._postgres.url

    def serve(self) -> None:
        """Answer workers that ask for the URL."""
        cluster = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    answer = cluster.url()
                except Exception as error:  # reason: the worker that asked reports it, whatever it is
                    answer = f"error: {error!r}"
                self.wfile.write(answer.encode())

        path = str(self._folder / "socket")
        self._server = socketserver.ThreadingUnixStreamServer(path, Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        os.environ[_VARIABLE] = path

    def close(self) -> None:
        """End PostgreSQL and remove the folder."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            os.environ.pop(_VARIABLE, None)
        if self._postgres is not None:
            self._postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._alive.close()


def _remove_left_over() -> None:
    """Remove the folders of runs that were killed: nobody holds their lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            with (folder / "alive").open("r+") as alive:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def ask_for_cluster() -> str:
    """Return the URL of the run's PostgreSQL from the process that owns it."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[_VARIABLE])
        answer = b""
        while part := connection.recv(4096):
            answer += part
    text = answer.decode()
    if not text.startswith("postgresql://"):
        raise RuntimeError(f"the test database does not start: {text}")
    return text


def with_database(url: str, name: str) -> str:
    """Return `url` with another database's name."""
    before, _, after = url.partition("@/")
    return f"{before}@/{name}?{after.partition('?')[2]}"


async def _make_template(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    finally:
        await connection.close()
    await prepare_database(with_database(url, TEMPLATE))
