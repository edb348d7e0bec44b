"""The agent's side of the HTTP protocol: typed calls, with the difference between "try again" and "never"."""

from typing import TypeVar

import httpx
import msgspec

from homeport_agent.trust import tls_context
from homeport_sdk.agent_protocol import (
    AgentManifest,
    GitSSHKey,
    PatchLogs,
    PostAppHealth,
    PostLifecycle,
    PostMetadata,
    PostStartup,
    ScriptTiming,
    Stats,
    StatsAnswer,
)
from homeport_sdk.version import __version__

_BASE = "/api/v2/workspaceagents/me"
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
T = TypeVar("T")


class Refused(Exception):
    """The server answered with an error. `status` is HTTP's; the message is the server's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} (status {status})")
        self.status = status

    @property
    def is_temporary(self) -> bool:
        """Whether the same call may succeed later."""
        return self.status in {408, 425, 429} or self.status >= 500


class Unreachable(Exception):
    """No answer: the network, a proxy or the server is down."""


class AgentClient:
    """Calls as one agent. Raises Refused or Unreachable."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.headers = {"Coder-Session-Token": token, "User-Agent": f"homeport-agent/{__version__}"}
        self.tls = tls_context()
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=self.headers, timeout=_TIMEOUT, follow_redirects=True, verify=self.tls
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def manifest(self) -> AgentManifest:
        """Fetch everything the agent needs to know."""
        return await self._call("GET", "/manifest", None, AgentManifest)

    async def git_ssh_key(self) -> GitSSHKey:
        """Fetch the owner's key for git hosts."""
        return await self._call("GET", "/gitsshkey", None, GitSSHKey)

    async def report_startup(self, startup: PostStartup) -> None:
        """Say what this agent is."""
        await self._send("POST", "/startup", startup)

    async def report_lifecycle(self, lifecycle: PostLifecycle) -> None:
        """Say how far the agent has come."""
        await self._send("POST", "/lifecycle", lifecycle)

    async def send_logs(self, logs: PatchLogs) -> None:
        """Append lines; past the server's limit they are dropped there without an error."""
        await self._send("PATCH", "/logs", logs)

    async def send_metadata(self, metadata: PostMetadata) -> None:
        """Report collected values."""
        await self._send("POST", "/metadata", metadata)

    async def send_stats(self, stats: Stats | None) -> StatsAnswer:
        """Report traffic; None only asks for the interval."""
        return await self._call("POST", "/stats", stats, StatsAnswer)

    async def send_app_health(self, healths: PostAppHealth) -> None:
        """Report the health of apps."""
        await self._send("POST", "/app-health", healths)

    async def send_script_timing(self, timing: ScriptTiming) -> None:
        """Report how a script's run went."""
        await self._send("POST", "/script-timings", timing)

    async def _call(self, method: str, path: str, body: object, answer: type[T]) -> T:
        content = await self._send(method, path, body)
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.DecodeError as error:
            raise Unreachable(f"{self.url} answered something that is no Homeport server's answer: {error}") from error

    async def _send(self, method: str, path: str, body: object) -> bytes:
        content = None if method == "GET" else msgspec.json.encode(body)
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            response = await self._http.request(method, _BASE + path, content=content, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unreachable(f"{self.url} cannot be reached: {error or type(error).__name__}") from error
        if response.is_error:
            raise Refused(response.status_code, _message(response))
        return response.content


def _message(response: httpx.Response) -> str:
    try:
        body = msgspec.json.decode(response.content, type=dict[str, object])
    except msgspec.DecodeError:
        return response.reason_phrase or "error"
    return f"{body.get('message') or response.reason_phrase} {body.get('detail') or ''}".strip()
