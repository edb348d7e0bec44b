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

    async def list_daemons(self, *, organization: str = DEFAULT, has_offline: bool = False) -> list[ProvisionerDaemon]:
        """List the daemons, the newest first; with `has_offline` also those that have gone quiet."""
        path = f"/organizations/{organization}/provisionerdaemons"
        query = {"offline": "true" if has_offline else None}
        return await self._http.call("GET", path, query=query, answer=list[ProvisionerDaemon])

    async def list_jobs(
        self, *, organization: str = DEFAULT, status: str = "", limit: int | None = None
    ) -> list[ProvisionerJob]:
        """List jobs, the newest first; `status` is a comma-separated list."""
        path = f"/organizations/{organization}/provisionerjobs"
        query = {"status": status or None, "limit": limit}
        return await self._http.call("GET", path, query=query, answer=list[ProvisionerJob])

    async def get_job(self, job_id: str, *, organization: str = DEFAULT) -> ProvisionerJob:
        """Return one job of an organization."""
        path = f"/organizations/{organization}/provisionerjobs/{job_id}"
        return await self._http.call("GET", path, answer=ProvisionerJob)

    async def cancel_job(self, job: ProvisionerJob) -> None:
        """Ask a job to stop, by what it is for: a build, a template version or a dry run of one."""
        version, build = job.input.template_version_id, job.input.workspace_build_id
        path = {
            "workspace_build": f"/workspacebuilds/{build}/cancel",
            "template_version_dry_run": f"/templateversions/{version}/dry-run/{job.id}/cancel",
        }.get(job.type, f"/templateversions/{version}/cancel")
        await self._http.call("PATCH", path)

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
        """Delete a key; its daemons get no more jobs, and what they work on ends as failed."""
        await self._http.call("DELETE", f"/organizations/{organization}/provisionerkeys/{name}")
