"""Running one server process: database, application, listener, daemons, and an orderly end.

Start-up overlaps what it can: PostgreSQL starts in a thread while the rooms are imported.
"""

import asyncio
import fcntl
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from granian.constants import Interfaces
from granian.server.embed import Server as Granian

from homeport.config import Settings
from homeport.config.values import split_address
from homeport.database import Database, DatabaseError, Listener
from homeport.database.embedded import EmbeddedPostgres
from homeport.database.migrations import prepare_database
from homeport.kit.crypto import DecryptionFailed
from homeport.server.secrets import KeyFileUnusable, open_cipher
from homeport.telemetry.logs import configure_logs, get_logger

if TYPE_CHECKING:
    from homeport.server.application import Application

_logger = get_logger(__name__)
# WebSockets of agents and terminals count as open requests; the system's limit on files is the real bound.
_OPEN_REQUESTS = 100_000
_BACKLOG = 2048
_GRACE_SECONDS = 5.0
# Containers that a young collection waits for: what one burst of requests holds at once is far from garbage.
_YOUNG_OBJECTS = 10_000


class StartRefused(Exception):
    """The server cannot start; the text says why and what to do."""


def run(settings: Settings, *, announce: Callable[[str], None] = lambda text: print(text, flush=True)) -> int:
    """Serve until a signal asks for the end; returns the exit status. `announce` gets what the operator should read."""
    configure_logs(is_verbose=settings.verbose, is_json=settings.log_json)
    try:
        with own_data_dir(settings.data_dir), _runner() as runner:
            return runner.run(_serve(settings, announce))
    except (StartRefused, DatabaseError, KeyFileUnusable, DecryptionFailed) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1


def _runner() -> asyncio.Runner:
    try:
        import uvloop  # lazy: an optional speed-up that some platforms lack
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


@contextmanager
def own_data_dir(folder: Path) -> Iterator[None]:
    """Hold the data folder for this process alone; the system lets go of it however the process ends."""
    try:
        # It holds the database and the keys: nobody else's business.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartRefused(
            f"The data folder {folder} cannot be used: {error.strerror}. Choose another by --data-dir."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StartRefused(
            f"Another Homeport server uses the data folder {folder}. "
            "Stop it, or give this one a folder of its own by --data-dir."
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


async def _serve(settings: Settings, announce: Callable[[str], None]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    host, port = split_address(settings.http_address)
    _check_address(host, port)

    def give_up(reason: str) -> None:
        loop.call_soon_threadsafe(_give_up, reason, stop)

    async with AsyncExitStack() as stack:
        url = await _open_database(settings, stack, on_failure=give_up)
        if stop.is_set():
            return 1
        await prepare_database(url)
        db = Database(url, pool_size=settings.pg_conn_max_open)
        stack.push_async_callback(db.close)
        listener = Listener(db.connect)
        await listener.start()
        stack.push_async_callback(listener.stop)
        application = await asyncio.to_thread(_build, settings, db, listener)
        stack.push_async_callback(application.stop)
        await application.start()
        server = _listen(application, settings, host, port)
        serving = asyncio.create_task(server.serve(), name="http")
        stack.push_async_callback(_stop_listening, server, serving)
        # Ends before the listening does: daemons report the end of their jobs, agents are told to dial elsewhere.
        stack.push_async_callback(application.stop_streams)
        await application.start_daemons()
        announce(await application.banner())
        _settle()
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            serving.result()
        waiting.cancel()
        _logger.info("stopping")
    return 0


def _settle() -> None:
    """Keep what is there now out of every later collection: modules, routes and types live as long as the process.

    Without this a full collection walks all of them and stops every request for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def _give_up(reason: str, stop: asyncio.Event) -> None:
    _logger.error("the embedded database cannot go on; the server stops", reason=reason)
    stop.set()


def _check_address(host: str, port: int) -> None:
    """Refuse an address that somebody else listens on: the HTTP server shares ports, so it would not notice."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartRefused(
                f"Cannot listen on {host}:{port}: {error.strerror}. "
                "Stop what listens there, or choose another by --http-address."
            ) from error


async def _open_database(settings: Settings, stack: AsyncExitStack, *, on_failure: Callable[[str], None]) -> str:
    """Return the database's URL.

    Without one in the settings, start the embedded PostgreSQL while the rooms are imported.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        importing = asyncio.get_running_loop().run_in_executor(thread, _import_rooms)
        if settings.pg_connection_url:
            url = settings.pg_connection_url
        else:
            embedded = EmbeddedPostgres(settings.data_dir / "postgres", on_failure=on_failure)
            url = await asyncio.to_thread(embedded.start)
            stack.push_async_callback(asyncio.to_thread, embedded.stop)
        await importing
    return url


def _import_rooms() -> None:
    import homeport.server.application  # noqa: F401  # lazy: imported while PostgreSQL starts


def _build(settings: Settings, db: Database, listener: Listener) -> "Application":
    from homeport.server.application import Application  # lazy: imported while PostgreSQL starts

    return Application(settings, db, listener, open_cipher(settings))


def _listen(application: "Application", settings: Settings, host: str, port: int) -> Granian:
    return Granian(
        application.asgi,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=_BACKLOG,
        backpressure=_OPEN_REQUESTS,
        log_enabled=False,
        ssl_cert=Path(settings.tls_cert_file) if settings.tls_enable else None,
        ssl_key=Path(settings.tls_key_file) if settings.tls_enable else None,
    )


async def _stop_listening(server: Granian, serving: "asyncio.Task[None]") -> None:
    """Take no more requests and let those under way end, for a bounded time."""
    server.stop()  # type: ignore[no-untyped-call]  # the library types its constructor only
    await asyncio.wait({serving}, timeout=_GRACE_SECONDS)
