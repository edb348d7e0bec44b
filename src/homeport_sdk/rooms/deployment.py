"""The deployment itself."""

from homeport_sdk.http import HttpClient
from homeport_sdk.models import BuildInfoResponse, SSHConfigResponse


class Deployment:
    """Calls about the server."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def build_info(self) -> BuildInfoResponse:
        """Return the server's version and address. Needs no session."""
        return await self._http.call("GET", "/buildinfo", answer=BuildInfoResponse)

    async def ssh(self) -> SSHConfigResponse:
        """Return how OpenSSH names workspaces here."""
        return await self._http.call("GET", "/deployment/ssh", answer=SSHConfigResponse)
