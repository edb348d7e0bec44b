"""One server process above its database: the HTTP application, and what runs beside it, started and ended in order."""

import asyncio
from collections.abc import Awaitable, Callable
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server

from homeport.agents import tasks as agents_tasks
from homeport.audit import tasks as audit_tasks
from homeport.config import Settings
from homeport.config.values import split_address
from homeport.database import Database, DatabaseError, Listener
from homeport.database.metrics import watch_pool
from homeport.identity import tasks as identity_tasks
from homeport.identity.service.users import has_first_user
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.mail import tasks as mail_tasks
from homeport.oauth2 import tasks as oauth2_tasks
from homeport.provisioning.service.keys import (
    BUILTIN_LIFETIME,
    create_builtin_key,
    renew_builtin_key,
    revoke_builtin_keys,
)
from homeport.provisioning.service.reaper import end_former_builtin_jobs, end_jobs_of_dead_daemon
from homeport.provisioning.tasks import sweep_forever
from homeport.server import queries
from homeport.server.app import build_asgi, build_parts
from homeport.server.daemons import BuiltinDaemons
from homeport.server.secrets import read_installation_id
from homeport.server.version import VERSION
from homeport.telemetry import metrics
from homeport.telemetry.logs import get_logger

_logger = get_logger(__name__)
_REPLICA_SECONDS = 15.0


class Application:
    """Everything of one server process above the database."""

    def __init__(self, settings: Settings, db: Database, listener: Listener, cipher: Cipher) -> None:
        self.parts = build_parts(settings, db, listener, cipher)
        watch_pool(db.pool)
        self.asgi, self.litestar, self._gate = build_asgi(self.parts)
        self._installation = read_installation_id(settings.data_dir)
        self._tasks: list[asyncio.Task[None]] = []
        self._daemons: BuiltinDaemons | None = None
        self._metrics: tuple[WSGIServer, Thread] | None = None

    async def start(self) -> None:
        """End what an earlier process of this folder left half done, then start the background loops."""
        db = self.parts.db
        ended = await end_former_builtin_jobs(db, self._installation)
        if ended:
            _logger.warning("ended jobs of the server's former daemons", jobs=[str(job_id) for job_id in ended])
        async with db.transaction() as conn:
            await queries.insert_replica(conn, self.parts.replica_id, version=VERSION, now=clock.now())
        await audit_tasks.sweep_once(db)
        await self.parts.live.start(self.parts.listener)
        await self.parts.hosts.start(self.parts.listener)
        await self.parts.switchboard.start()
        self._serve_metrics()
        self._tasks = [
            asyncio.create_task(self.parts.providers.greet(), name="first words with identity providers"),
            asyncio.create_task(sweep_forever(db, self.parts.settings), name="job reaper"),
            asyncio.create_task(self._every(_REPLICA_SECONDS, self._note_alive), name="replica heartbeat"),
            asyncio.create_task(
                self._every(agents_tasks.INTERVAL_SECONDS, lambda: agents_tasks.delete_stats_once(db)),
                name="agent stats",
            ),
            asyncio.create_task(
                self._every(
                    identity_tasks.INTERVAL_SECONDS,
                    lambda: identity_tasks.mark_dormant_once(db, self.parts.settings),
                ),
                name="account dormancy",
            ),
            asyncio.create_task(
                self._every(identity_tasks.INTERVAL_SECONDS, lambda: identity_tasks.purge_once(db)),
                name="identity purge",
            ),
            asyncio.create_task(
                self._upon(
                    identity_tasks.PASSCODE_CHANNEL,
                    identity_tasks.PASSCODE_SECONDS,
                    lambda: identity_tasks.answer_passcodes_once(db, self.parts.settings, self.parts.cipher),
                ),
                name="one-time passcodes",
            ),
            asyncio.create_task(
                self._upon(
                    mail_tasks.MAIL_CHANNEL,
                    mail_tasks.INTERVAL_SECONDS,
                    lambda: mail_tasks.send_once(db, self.parts.settings, self.parts.cipher),
                ),
                name="mail",
            ),
            asyncio.create_task(
                self._every(oauth2_tasks.INTERVAL_SECONDS, lambda: oauth2_tasks.purge_once(db, self.parts.settings)),
                name="oauth2 purge",
            ),
            asyncio.create_task(
                self._every(
                    audit_tasks.RETENTION_SECONDS, lambda: audit_tasks.delete_old_once(db, self.parts.settings)
                ),
                name="retention of logs",
            ),
            asyncio.create_task(
                self._every(audit_tasks.SWEEP_SECONDS, lambda: audit_tasks.sweep_once(db)), name="ends of connections"
            ),
        ]

    async def start_daemons(self) -> None:
        """Start the built-in provisioner daemons; the server listens already."""
        settings = self.parts.settings
        if settings.provisioner_daemons == 0:
            return
        async with self.parts.db.transaction() as conn:
            organization_id = await queries.get_default_organization_id(conn)
            key, secret = await create_builtin_key(
                conn, organization_id=organization_id, installation=self._installation
            )

        async def end_jobs(name: str) -> None:
            try:
                ended = await end_jobs_of_dead_daemon(self.parts.db, key.id, name)
            except Exception as error:  # reason: the daemon is started again whatever is wrong with its jobs
                _logger.warning("jobs of a dead daemon are left to the reaper", daemon=name, exc_info=error)
                return
            if ended:
                _logger.warning("ended jobs of a dead daemon", daemon=name, jobs=[str(job_id) for job_id in ended])

        self._daemons = BuiltinDaemons(
            count=settings.provisioner_daemons,
            url=_loopback_url(settings),
            key=secret,
            organization=str(organization_id),
            data_dir=settings.data_dir / "provisioner",
            isolation=settings.provisioner_isolation,
            on_end=end_jobs,
            hidden=settings.provisioner_hide,
        )
        self._daemons.start()

        async def renew() -> None:
            async with self.parts.db.transaction() as conn:
                if not await renew_builtin_key(conn, key.id):
                    _logger.error("the key of the built-in provisioner daemons is gone; restart the server")

        self._tasks.append(
            asyncio.create_task(self._every(BUILTIN_LIFETIME.total_seconds() / 3, renew), name="built-in key")
        )

    async def stop_streams(self) -> None:
        """End what holds requests open, while the server still listens: agents' calls, the daemons, the agents' tunnels."""
        await self.parts.mcp.close()
        if self._daemons is not None:
            await self._daemons.stop()
        await self.parts.switchboard.stop()

    async def stop(self) -> None:
        """End the loops, and sign off from the database."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._metrics is not None:
            server, thread = self._metrics
            await asyncio.to_thread(server.shutdown)
            thread.join()
        await self.parts.live.stop()
        await self.parts.hosts.stop()
        await self._gate.close()
        try:
            async with self.parts.db.transaction() as conn:
                await revoke_builtin_keys(conn, self._installation)
                await queries.update_replica_stopped(conn, self.parts.replica_id, now=clock.now())
        except DatabaseError as error:
            _logger.warning("could not sign off from the database", error=str(error))

    async def banner(self) -> str:
        """Return what the operator reads when the server is up: the address, and how to make the first user."""
        url = self.parts.settings.access_url
        lines = [f"Homeport {VERSION} serves at {url}"]
        if not await has_first_user(self.parts.db):
            lines += [
                "There is no user yet. Make the first one, who owns the deployment:",
                f"  in a browser:        {url}/setup",
                f"  on the command line: homeport login {url}",
            ]
        return "\n".join(lines)

    def _serve_metrics(self) -> None:
        """Serve metrics for Prometheus on an address of their own, from a thread, where the settings ask for it."""
        settings = self.parts.settings
        if settings.prometheus_enable:
            host, port = split_address(settings.prometheus_address)
            self._metrics = start_http_server(port, host, registry=metrics.registry)

    async def _note_alive(self) -> None:
        async with self.parts.db.transaction() as conn:
            await queries.update_replica_seen(conn, self.parts.replica_id, now=clock.now())

    async def _upon(self, channel: str, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        """Work when a channel tells of something, and every so many seconds, since news may be lost."""
        async with self.parts.listener.subscribe(channel) as news:
            while True:
                await news.wait(timeout=seconds)
                try:
                    await work()
                except DatabaseError as error:
                    _logger.warning("a background round failed; the next one tries again", error=str(error))

    @staticmethod
    async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await clock.sleep(seconds)
            try:
                await work()
            except DatabaseError as error:
                _logger.warning("a background round failed; the next one tries again", error=str(error))


def _loopback_url(settings: Settings) -> str:
    """Return the address under which this process' own children reach it, whatever people use."""
    host, port = split_address(settings.http_address)
    if settings.tls_enable:
        return settings.access_url
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 the addresses that mean "all"
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
