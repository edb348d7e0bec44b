"""The tunnels of one server process, and the way to any agent from it.

Any number of servers may run: an agent's tunnel ends in one of them, which writes itself down. `open_connection` gives a
connection through a tunnel of this process; for an agent that is connected elsewhere it raises AgentElsewhere. Relaying
to the other server belongs there, and nowhere else.
"""

import asyncio
from contextlib import suppress
from uuid import UUID

import asyncssh

from homeport.access.types import AgentIdentity
from homeport.agents.errors import AgentElsewhere, AgentNotConnected, TunnelRefused
from homeport.agents.queries import connections as queries
from homeport.agents.queries import identities
from homeport.agents.service.client_key import load_client_key
from homeport.agents.service.connections import AgentConnection
from homeport.agents.service.tunnels import (
    CLOSE_GOING_AWAY,
    CLOSE_REFUSED,
    CLOSE_REPLACED,
    LoginFailed,
    Stream,
    Tunnel,
)
from homeport.agents.types import HEARTBEAT_SECONDS, TUNNEL_CHANNEL, AgentWorkspaceRow
from homeport.database import RESYNC, Connection, Database, DatabaseError, Listener
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.rbac import Action, Object, ResourceType, require
from homeport.telemetry import metrics
from homeport.telemetry.logs import get_logger
from homeport.workspaces.service import workspace_changed

_REPLACED = "a newer connection of this agent took over"
_OUTDATED = "a newer build of the workspace has ended, or the workspace was deleted"
_STOPPING = "the server is restarting"
_FAREWELL_SECONDS = 5.0
_log = get_logger(__name__)
_OPEN = metrics.gauge("agent_tunnels", "Agents connected to this server.")


class Switchboard:
    """Made once per process by the composition root; `start` and `stop` belong to it as well."""

    def __init__(self, db: Database, listener: Listener, cipher: Cipher, *, replica_id: UUID) -> None:
        self._db = db
        self._listener = listener
        self._cipher = cipher
        self._replica_id = replica_id
        self._tunnels: dict[UUID, Tunnel] = {}
        self._served: dict[Tunnel, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._key: asyncssh.SSHKey | None = None
        self._is_stopping = False

    @property
    def replica_id(self) -> UUID:
        """Return the id of this server process."""
        return self._replica_id

    async def start(self) -> None:
        """Load the key, then keep the connection times and give up tunnels that moved elsewhere."""
        await self._client_key()
        self._tasks = [
            asyncio.create_task(self._keep_times(), name="agent connection times"),
            asyncio.create_task(self._give_up_moved(), name="agent tunnels elsewhere"),
        ]

    async def stop(self) -> None:
        """Close all tunnels; their agents dial again, here or at another server."""
        self._is_stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        closing = [tunnel.close(CLOSE_GOING_AWAY, _STOPPING) for tunnel in self._tunnels.values()]
        await asyncio.gather(*closing, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await asyncio.gather(*(served.wait() for served in self._served.values()))

    async def client_public_key(self) -> str:
        """Return the public key with which servers log in to agents."""
        return (await self._client_key()).export_public_key().decode().strip()

    async def open_connection(self, agent_id: UUID) -> AgentConnection:
        """Return a connection to an agent, wherever its tunnel ends. The caller has authorized.

        Raises AgentNotConnected (400) when it has no tunnel, AgentElsewhere (503) when another server has it.
        """
        tunnel = self._tunnels.get(agent_id)
        if tunnel is not None:
            return tunnel.open()
        async with self._db.connection() as conn:
            row = await identities.find_agent_workspace(conn, agent_id)
        if row is not None and self._is_elsewhere(row):
            raise AgentElsewhere(row.last_connected_replica_id)
        raise AgentNotConnected(row.disconnect_reason if row is not None else "")

    async def prepare_tunnel(self, agent: AgentIdentity) -> str:
        """Return the host key that the agent must show. Raises TunnelRefused before the WebSocket is accepted."""
        target = Object(ResourceType.WORKSPACE, agent.workspace_id, agent.owner_id, agent.organization_id)
        require(agent.subject, Action.READ, target, noun="workspace")
        async with self._db.connection() as conn:
            row = await identities.find_agent_workspace(conn, agent.agent_id)
        if row is None or not row.ssh_host_key:
            await self._note_failure(agent, "the agent dialled before it reported its startup with an SSH host key")
            raise TunnelRefused("The agent must report its startup with an SSH host key first.")
        return row.ssh_host_key

    async def serve_tunnel(self, agent: AgentIdentity, host_key: str, stream: Stream) -> None:
        """Hold an agent's tunnel until it ends. A newer one of the same agent replaces an older."""
        tunnel = Tunnel(agent.agent_id, agent.workspace_id, stream)
        self._served[tunnel] = asyncio.Event()
        try:
            await self._serve(agent, tunnel, host_key)
        finally:
            self._served.pop(tunnel).set()

    async def _serve(self, agent: AgentIdentity, tunnel: Tunnel, host_key: str) -> None:
        try:
            await tunnel.log_in(host_key=host_key, client_key=await self._client_key())
        except LoginFailed as error:
            reason = f"the server could not log in to the agent: {error}"
            await self._note_failure(agent, reason)
            await tunnel.close(CLOSE_REFUSED, reason)
            return
        older = self._tunnels.get(agent.agent_id)
        self._tunnels[agent.agent_id] = tunnel
        _OPEN.set(len(self._tunnels))
        if older is not None:
            await older.close(CLOSE_REPLACED, _REPLACED)
        reason = ""
        try:
            await self._note_open(tunnel)
            if self._is_stopping:
                await tunnel.close(CLOSE_GOING_AWAY, _STOPPING)
            reason = await tunnel.wait()
        finally:
            if self._tunnels.get(agent.agent_id) is tunnel:
                del self._tunnels[agent.agent_id]
                _OPEN.set(len(self._tunnels))
                await asyncio.shield(self._note_closed(tunnel, reason or "the connection was cut off"))

    async def keep_times(self) -> None:
        """Note that the tunnels of this process live, in one statement; close those of the past."""
        ids = list(self._tunnels)
        if not ids:
            return
        async with self._db.transaction() as conn:
            await queries.update_still_connected(conn, ids, self._replica_id, clock.now())
            outdated = await identities.list_outdated(conn, ids)
        for agent_id in outdated:
            if (tunnel := self._tunnels.get(agent_id)) is not None:
                await tunnel.close(CLOSE_REFUSED, _OUTDATED)

    async def _keep_times(self) -> None:
        while True:
            await clock.sleep(HEARTBEAT_SECONDS)
            try:
                await self.keep_times()
            except DatabaseError as error:
                _log.warning("connection times of agents could not be written", reason=str(error))

    async def _give_up_moved(self) -> None:
        """Close tunnels whose agents have connected to another server."""
        async with self._listener.subscribe(TUNNEL_CHANNEL) as subscription:
            while True:
                for payload in await subscription.wait(None):
                    agent, _, replica = payload.partition(":")
                    if payload == RESYNC or replica == str(self._replica_id):
                        continue
                    if (tunnel := self._tunnels.get(UUID(agent))) is not None:
                        await tunnel.close(CLOSE_REPLACED, _REPLACED)

    async def _client_key(self) -> asyncssh.SSHKey:
        if self._key is None:
            self._key = await load_client_key(self._db, self._cipher)
        return self._key

    async def _note_open(self, tunnel: Tunnel) -> None:
        async with self._db.transaction() as conn:
            await queries.update_connected(conn, tunnel.agent_id, self._replica_id, clock.now())
            await conn.notify(TUNNEL_CHANNEL, f"{tunnel.agent_id}:{self._replica_id}")
            await workspace_changed(conn, tunnel.workspace_id)
        _log.info("agent connected", agent_id=str(tunnel.agent_id), workspace_id=str(tunnel.workspace_id))

    async def _note_closed(self, tunnel: Tunnel, reason: str) -> None:
        try:
            async with self._db.transaction() as conn:
                if await queries.update_disconnected(conn, tunnel.agent_id, self._replica_id, clock.now(), reason):
                    await workspace_changed(conn, tunnel.workspace_id)
        except DatabaseError as error:
            # The agent then counts as lost once its last contact is too old.
            _log.warning("the end of a connection could not be written", reason=str(error))
        _log.info("agent disconnected", agent_id=str(tunnel.agent_id), reason=reason)

    async def _note_failure(self, agent: AgentIdentity, reason: str) -> None:
        _log.info("agent could not connect", agent_id=str(agent.agent_id), reason=reason)
        async with self._db.transaction() as conn:
            await self._store_failure(conn, agent, reason)

    async def _store_failure(self, conn: Connection, agent: AgentIdentity, reason: str) -> None:
        if await queries.update_disconnect_reason(conn, agent.agent_id, reason):
            await workspace_changed(conn, agent.workspace_id)

    def _is_elsewhere(self, row: AgentWorkspaceRow) -> bool:
        if row.last_connected_at is None or row.last_connected_replica_id in {None, self._replica_id}:
            return False
        if row.disconnected_at is not None and row.disconnected_at >= row.last_connected_at:
            return False
        return (clock.now() - row.last_connected_at).total_seconds() <= 2 * HEARTBEAT_SECONDS
