"""One agent's tunnel: a WebSocket on which the agent is the SSH server and this server the client."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncssh
import msgspec

from homeport.agents.service.connections import AgentConnection
from homeport.agents.service.transport import Receive, Send, StreamTunnel

CLOSE_GOING_AWAY = 1001
CLOSE_REPLACED = 4001
CLOSE_REFUSED = 4003
_LOGIN_SECONDS = 20
_KEEPALIVE_SECONDS = 15
_KEEPALIVE_MISSES = 3
_ENCRYPTION = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
# A reason travels in a WebSocket close frame, which holds 123 bytes.
_MAX_REASON = 120

Close = Callable[[int, str], Awaitable[None]]


class Stream(msgspec.Struct, frozen=True):
    """An accepted WebSocket: receive bytes (None at its end), send bytes, close with code and reason."""

    receive: Receive
    send: Send
    close: Close


class LoginFailed(Exception):
    """The agent did not let this server in, or showed another key than it has reported."""


class Tunnel:
    """An open tunnel. `wait` returns when it has ended, with the reason in words."""

    def __init__(self, agent_id: UUID, workspace_id: UUID, stream: Stream) -> None:
        self.agent_id = agent_id
        self.workspace_id = workspace_id
        self._stream = stream
        self._transport = StreamTunnel(stream.receive, stream.send, peer="agent")
        self._connection: asyncssh.SSHClientConnection | None = None
        self._is_closing = False
        self._closed = asyncio.Event()
        self._reason = ""
        self._lost: Exception | None = None

    async def log_in(self, *, host_key: str, client_key: asyncssh.SSHKey) -> None:
        """Log in with the pinned keys. Raises LoginFailed."""
        try:
            self._connection = await asyncssh.connect(
                "agent",
                22,
                tunnel=self._transport,
                config=[],
                username="homeport",
                known_hosts=([asyncssh.import_public_key(host_key)], [], []),
                client_keys=[client_key],
                preferred_auth="publickey",
                agent_path=None,
                agent_forwarding=False,
                encryption_algs=_ENCRYPTION,
                compression_algs=None,
                login_timeout=_LOGIN_SECONDS,
                keepalive_interval=_KEEPALIVE_SECONDS,
                keepalive_count_max=_KEEPALIVE_MISSES,
                client_factory=lambda: _Client(self),
                client_version="Homeport",
            )
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise LoginFailed(str(error) or type(error).__name__) from error

    def open(self) -> AgentConnection:
        """Return a connection through this tunnel."""
        assert self._connection is not None
        return AgentConnection(self._connection)

    async def wait(self) -> str:
        """Wait for the end; return why it came."""
        await self._transport.finish()
        if self._is_closing:
            await self._closed.wait()
        if self._reason:
            return self._reason
        if isinstance(self._lost, asyncssh.ConnectionLost) and "keepalive" in str(self._lost):
            return "the agent has not answered for a while; its computer may sleep, or the network is down"
        return "the agent's connection was lost; the agent has ended or the network is down"

    async def close(self, code: int, reason: str) -> None:
        """End the tunnel and tell the agent why."""
        if self._is_closing:
            await self._closed.wait()
            return
        self._is_closing = True
        self._reason = reason
        # In this order: the HTTP server closes a socket only when nobody is receiving from it.
        await self._transport.stop()
        try:
            await self._stream.close(code, reason.encode()[:_MAX_REASON].decode("utf-8", "ignore"))
        finally:
            self._closed.set()

    def lost(self, error: Exception | None) -> None:
        """Note why SSH ended."""
        self._lost = error


class _Client(asyncssh.SSHClient):
    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    def connection_lost(self, exc: Exception | None) -> None:
        self._tunnel.lost(exc)
