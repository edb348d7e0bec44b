"""The agent's two SSH servers: the outer one on the tunnel, for the control plane alone, and the inner one for people.

The inner one asks for no credential: it can only be reached through the outer one, which the control plane opens after it has decided that
the person may use the workspace.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import asyncssh
from asyncssh import SSHServerConnection, SSHTCPChannel

from homeport_agent.sessions import Session
from homeport_agent.workspace import Workspace
from homeport_sdk.agent_protocol import INNER_SSH_HOST

KEEPALIVE_SECONDS = 15
KEEPALIVE_MISSES = 3
ENCRYPTION = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class OuterServer(asyncssh.SSHServer):
    """Lets in the control plane's key and nobody else.

    `host_key` is the agent's own of this run, `client_key` the control plane's public key from the manifest.
    """

    def __init__(self, workspace: Workspace, host_key: asyncssh.SSHKey, client_key: asyncssh.SSHKey) -> None:
        self._workspace = workspace
        self._host_key = host_key
        self._client_key = client_key

    def begin_auth(self, username: str) -> bool:
        """Whoever connects proves who they are, whatever name they give."""
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Accept the one key that the manifest has named."""
        return key == self._client_key

    def session_requested(self) -> Session:
        """Open a session that may also ask for the list of listening ports."""
        return Session(self._workspace, is_control=True)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        """Lead to the inner server under its name, or to a port on loopback. Raises ChannelOpenError for other hosts."""
        if dest_host == INNER_SSH_HOST:
            return InnerStream(self._workspace, self._host_key)
        if dest_host in _LOOPBACK:
            return True
        raise asyncssh.ChannelOpenError(
            asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED,
            "Only ports of the workspace itself can be reached through the tunnel.",
        )


class InnerServer(asyncssh.SSHServer):
    """Serves people: sessions, files, forwarding in both directions."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def begin_auth(self, username: str) -> bool:
        """Ask for no credential: the way here was authorized (see the module)."""
        return False

    def session_requested(self) -> Session:
        """Open a session of a person."""
        return Session(self._workspace, is_control=False)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        """Connect anywhere that the workspace reaches."""
        # Who may run commands here may also connect from here: refusing would protect nothing.
        return True

    def unix_connection_requested(self, dest_path: str) -> bool:
        return True

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        """Listen for a client (`ssh -R`) on loopback only: the machine's network is shared."""
        return listen_host == "" or listen_host in _LOOPBACK

    def unix_server_requested(self, listen_path: str) -> bool:
        return True


class InnerStream(asyncssh.SSHTCPSession[bytes]):
    """A `direct-tcpip` channel of the outer connection that carries an inner connection."""

    def __init__(self, workspace: Workspace, host_key: asyncssh.SSHKey) -> None:
        self._workspace = workspace
        self._host_key = host_key
        self._inner: SSHServerConnection | None = None
        self._early: list[bytes] = []

    def connection_made(self, chan: SSHTCPChannel[bytes]) -> None:
        self._channel = chan

    def session_started(self) -> None:
        self._task = asyncio.create_task(self._serve())

    async def create_connection(self, factory: Any, _host: str, _port: int) -> tuple[Any, Any]:
        """Hand the channel to the inner connection as its transport (called by AsyncSSH)."""
        inner = factory()
        inner.connection_made(self._channel)
        self._inner = inner
        for data in self._early:
            inner.data_received(data)
        self._early.clear()
        return self._channel, inner

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._inner is None:
            self._early.append(data)
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool:
        if self._inner is not None:
            self._inner.eof_received()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._inner is not None:
            self._inner.connection_lost(exc)

    async def _serve(self) -> None:
        try:
            connection = await serve_stream(self, lambda: InnerServer(self._workspace), self._host_key)
            await connection.wait_closed()
        except (OSError, asyncssh.Error):
            self._channel.abort()


def serve_stream(tunnel: object, server: Any, host_key: asyncssh.SSHKey) -> Awaitable[SSHServerConnection]:
    """Become the SSH server at the end of a tunnel; resolves when the client has logged in."""
    return asyncssh.connect_reverse(
        "homeport",
        22,
        tunnel=tunnel,
        config=[],
        server_factory=server,
        server_host_keys=[host_key],
        encryption_algs=ENCRYPTION,
        compression_algs=None,
        encoding=None,
        line_editor=False,
        allow_pty=True,
        agent_forwarding=True,
        x11_forwarding=False,
        gss_host=None,
        keepalive_interval=KEEPALIVE_SECONDS,
        keepalive_count_max=KEEPALIVE_MISSES,
        login_timeout=30,
        server_version="Homeport",
    )
