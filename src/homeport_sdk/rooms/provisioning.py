"""The job queue, its daemons and their keys."""

from homeport_sdk.http import HttpClient
from homeport_sdk.models import (
    CreateProvisionerKeyRequest,
    CreateProvisionerKeyResponse,
    ProvisionerDaemon,
    ProvisionerJob,
    ProvisionerKey,
)
from homeport_sdk.rooms.organizations import DEFAULT


class Provisioning:
    """Calls about jobs, daemons and keys of an organization."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def list_daemons(self, *, organization: str = DEFAULT) -> list[ProvisionerDaemon]:
        """List the daemons, those last seen first."""
        path = f"/organizations/{organization}/provisionerdaemons"
        return await self._http.call("GET", path, answer=list[ProvisionerDaemon])

    async def list_jobs(
        self, *, organization: str = DEFAULT, status: str = "", limit: int | None = None
    ) -> list[ProvisionerJob]:
        """List jobs, the newest first; `status` is a comma-separated list."""
        path = f"/organizations/{organization}/provisionerjobs"
        query = {"status": status or None, "limit": limit}
        return await self._http.call("GET", path, query=query, answer=list[ProvisionerJob])

    async def list_keys(self, *, organization: str = DEFAULT) -> list[ProvisionerKey]:
        """List the keys of remote daemons."""
        path = f"/organizations/{organization}/provisionerkeys"
        return await self._http.call("GET", path, answer=list[ProvisionerKey])

    async def create_key(
        self, request: CreateProvisionerKeyRequest, *, organization: str = DEFAULT
    ) -> CreateProvisionerKeyResponse:
        """Make a key for remote daemons; its secret is in the answer and nowhere else."""
        path = f"/organizations/{organization}/provisionerkeys"
        return await self._http.call("POST", path, body=request, answer=CreateProvisionerKeyResponse)

    async def delete_key(self, name: str, *, organization: str = DEFAULT) -> None:
        """Delete a key; its daemons get no more jobs."""
        await self._http.call("DELETE", f"/organizations/{organization}/provisionerkeys/{name}")
