"""The tunnel: dials the server, serves SSH on the WebSocket, and dials again for ever when it breaks."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from homeport_agent.backoff import Backoff
from homeport_agent.client import AgentClient
from homeport_agent.logs import get_logger
from homeport_agent.servers import OuterServer, serve_stream
from homeport_agent.transport import StreamTunnel
from homeport_agent.workspace import Workspace
from homeport_sdk import clock
from homeport_sdk.agent_protocol import CLOSE_REPLACED

_PATH = "/api/v2/workspaceagents/me/tunnel"
_STEADY_SECONDS = 30.0
_REPLACED_PAUSE = 60.0
_log = get_logger(__name__)


class Tunnel:
    """Keeps one tunnel open; `is_open` is set while the server is logged in."""

    def __init__(self, client: AgentClient, workspace: Workspace, host_key: asyncssh.SSHKey, client_key: str) -> None:
        """`client_key` is the servers' public key in OpenSSH's form; it may be set anew before a redial."""
        self._client = client
        self._workspace = workspace
        self._host_key = host_key
        self.client_key = client_key
        self.is_open = asyncio.Event()
        self._was_replaced = False

    async def run(self, *, before_redial: Callable[[], object] | None = None) -> None:
        """Serve until cancelled; after a tunnel that was replaced by another agent of this token, wait for a minute.

        `before_redial` is called after each pause, before the next attempt.
        """
        backoff = Backoff()
        while True:
            began_at = clock.monotonic()
            reason = await self._serve_once()
            self.is_open.clear()
            if clock.monotonic() - began_at > _STEADY_SECONDS:
                backoff.reset()
            pause = _REPLACED_PAUSE if self._was_replaced else backoff.next_pause()
            _log.warning("The tunnel is closed: %s Dialling again in %.1f s.", reason, pause)
            await asyncio.sleep(pause)
            if before_redial is not None:
                before_redial()

    async def _serve_once(self) -> str:
        """Dial, serve until the tunnel breaks, and say why it broke."""
        self._was_replaced = False
        tls: dict[str, Any] = {"ssl": self._client.tls} if self._client.url.startswith("https") else {}
        try:
            socket = await connect(
                self._client.url.replace("http", "ws", 1) + _PATH,
                additional_headers=self._client.headers,
                user_agent_header=None,
                **tls,
                compression=None,
                max_size=None,
                open_timeout=20,
                ping_interval=15,
                ping_timeout=45,
                close_timeout=2,
            )
        except InvalidStatus as error:
            return f"the server answered {error.response.status_code}: {_text(error.response.body)}"
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            return f"the server cannot be reached ({error or type(error).__name__})."
        try:
            return await self._serve(socket)
        finally:
            await socket.close()

    async def _serve(self, socket: ClientConnection) -> str:
        tunnel = StreamTunnel(lambda: _receive(socket), lambda data: _send(socket, data), peer="control-plane")
        try:
            key = asyncssh.import_public_key(self.client_key)
            connection = await serve_stream(
                tunnel, lambda: OuterServer(self._workspace, self._host_key, key), self._host_key
            )
        except (OSError, asyncssh.Error) as error:
            return self._explain(socket) or f"the server could not log in ({error})."
        _log.info("The tunnel is open.")
        self.is_open.set()
        try:
            await connection.wait_closed()
            await tunnel.finish()
        finally:
            connection.abort()
        return self._explain(socket) or "the connection was lost."

    def _explain(self, socket: ClientConnection) -> str:
        """Say what the server gave as its reason; empty when it gave none."""
        self._was_replaced = socket.close_code == CLOSE_REPLACED
        return f"the server says: {socket.close_reason}" if socket.close_reason else ""


async def _receive(socket: ClientConnection) -> bytes | None:
    try:
        message = await socket.recv()
    except ConnectionClosed:
        return None
    return message if isinstance(message, bytes) else message.encode()


async def _send(socket: ClientConnection, data: bytes) -> None:
    try:
        await socket.send(data)
    except ConnectionClosed as error:
        raise ConnectionResetError("The WebSocket is closed.") from error


def _text(body: bytes | bytearray | None) -> str:
    return (body or b"").decode("utf-8", "replace")[:500]
