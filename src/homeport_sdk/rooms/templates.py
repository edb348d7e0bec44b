"""Templates and their versions."""

import builtins
from collections.abc import AsyncIterator

from homeport_sdk.http import HttpClient
from homeport_sdk.models import (
    ACLAvailable,
    ArchiveTemplateVersionsRequest,
    ArchiveTemplateVersionsResponse,
    CreateTemplateRequest,
    CreateTemplateVersionDryRunRequest,
    CreateTemplateVersionRequest,
    DynamicParametersRequest,
    DynamicParametersResponse,
    PatchTemplateVersionRequest,
    Preset,
    ProvisionerJob,
    ProvisionerJobLog,
    Template,
    TemplateACL,
    TemplateExample,
    TemplateVersion,
    TemplateVersionParameter,
    TemplateVersionVariable,
    UpdateActiveTemplateVersion,
    UpdateTemplateACL,
    UpdateTemplateMeta,
    WorkspaceResource,
)
from homeport_sdk.rooms.organizations import DEFAULT
from homeport_sdk.streams import messages


class Templates:
    """Calls about templates. Ids are texts of UUIDs."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def list(self, *, query: str = "", organization: str = "") -> builtins.list[Template]:
        """List the templates that the caller may read, of one organization where it is given."""
        path = f"/organizations/{organization}/templates" if organization else "/templates"
        return await self._http.call("GET", path, query={"q": query or None}, answer=builtins.list[Template])

    async def find(self, name: str, *, organization: str = DEFAULT) -> Template:
        """Return a template by its name. ApiError 404 when there is none."""
        return await self._http.call("GET", f"/organizations/{organization}/templates/{name}", answer=Template)

    async def get(self, template_id: str) -> Template:
        """Return a template by its id."""
        return await self._http.call("GET", f"/templates/{template_id}", answer=Template)

    async def create(self, request: CreateTemplateRequest, *, organization: str = DEFAULT) -> Template:
        """Make a template of an imported version."""
        path = f"/organizations/{organization}/templates"
        return await self._http.call("POST", path, body=request, answer=Template)

    async def update(self, template_id: str, request: UpdateTemplateMeta) -> Template:
        """Change a template's settings; what is None stays as it is."""
        return await self._http.call("PATCH", f"/templates/{template_id}", body=request, answer=Template)

    async def delete(self, template_id: str) -> None:
        """Delete a template that no workspace uses."""
        await self._http.call("DELETE", f"/templates/{template_id}")

    async def acl(self, template_id: str) -> TemplateACL:
        """Return the template's access list: whom the caller may see of it, or all for who may update the template."""
        return await self._http.call("GET", f"/templates/{template_id}/acl", answer=TemplateACL)

    async def update_acl(self, template_id: str, request: UpdateTemplateACL) -> None:
        """Set roles (`use`, `admin`) by id of users and groups; an empty role takes an entry away. All or nothing."""
        await self._http.call("PATCH", f"/templates/{template_id}/acl", body=request)

    async def acl_available(
        self, template_id: str, *, query: str = "", limit: int | None = None, offset: int | None = None
    ) -> ACLAvailable:
        """Return a page of people and one of groups whom the access list could name; the first hundred without a limit."""
        parameters = {"q": query or None, "limit": limit, "offset": offset}
        path = f"/templates/{template_id}/acl/available"
        return await self._http.call("GET", path, query=parameters, answer=ACLAvailable)

    async def examples(self) -> builtins.list[TemplateExample]:
        """List the templates that come with the server."""
        return await self._http.call("GET", "/templates/examples", answer=builtins.list[TemplateExample])

    async def create_version(
        self, request: CreateTemplateVersionRequest, *, organization: str = DEFAULT
    ) -> TemplateVersion:
        """Begin to import a version from an uploaded archive."""
        path = f"/organizations/{organization}/templateversions"
        return await self._http.call("POST", path, body=request, answer=TemplateVersion)

    async def get_version(self, version_id: str) -> TemplateVersion:
        """Return a version with its job."""
        return await self._http.call("GET", f"/templateversions/{version_id}", answer=TemplateVersion)

    async def find_version(self, template_id: str, name: str) -> TemplateVersion:
        """Return a version of a template by its name."""
        return await self._http.call("GET", f"/templates/{template_id}/versions/{name}", answer=TemplateVersion)

    async def list_versions(self, template_id: str, *, is_archived_too: bool = False) -> builtins.list[TemplateVersion]:
        """List a template's versions."""
        query = {"include_archived": "true" if is_archived_too else None}
        path = f"/templates/{template_id}/versions"
        return await self._http.call("GET", path, query=query, answer=builtins.list[TemplateVersion])

    async def patch_version(self, version_id: str, request: PatchTemplateVersionRequest) -> TemplateVersion:
        """Change a version's name or message."""
        return await self._http.call("PATCH", f"/templateversions/{version_id}", body=request, answer=TemplateVersion)

    async def activate_version(self, template_id: str, version_id: str) -> None:
        """Make a version the one that new workspaces get."""
        body = UpdateActiveTemplateVersion(id=version_id)
        await self._http.call("PATCH", f"/templates/{template_id}/versions", body=body)

    async def archive_version(self, version_id: str) -> None:
        """Archive a version that is neither active nor in use."""
        await self._http.call("POST", f"/templateversions/{version_id}/archive")

    async def unarchive_version(self, version_id: str) -> None:
        """Take an archived version back."""
        await self._http.call("POST", f"/templateversions/{version_id}/unarchive")

    async def archive_unused(self, template_id: str, *, is_all: bool = False) -> builtins.list[str]:
        """Archive the versions whose import has failed, or all that nothing uses; return their ids."""
        answer = await self._http.call(
            "POST",
            f"/templates/{template_id}/versions/archive",
            body=ArchiveTemplateVersionsRequest(all=is_all),
            answer=ArchiveTemplateVersionsResponse,
        )
        return answer.archived_ids

    async def cancel_version(self, version_id: str) -> None:
        """Cancel an import."""
        await self._http.call("PATCH", f"/templateversions/{version_id}/cancel")

    async def parameters(self, version_id: str) -> builtins.list[TemplateVersionParameter]:
        """List the parameters of a version's workspaces."""
        path = f"/templateversions/{version_id}/rich-parameters"
        return await self._http.call("GET", path, answer=builtins.list[TemplateVersionParameter])

    async def variables(self, version_id: str) -> builtins.list[TemplateVersionVariable]:
        """List a version's variables; sensitive values are left out."""
        path = f"/templateversions/{version_id}/variables"
        return await self._http.call("GET", path, answer=builtins.list[TemplateVersionVariable])

    async def resources(self, version_id: str) -> builtins.list[WorkspaceResource]:
        """List what a workspace of this version is made of."""
        path = f"/templateversions/{version_id}/resources"
        return await self._http.call("GET", path, answer=builtins.list[WorkspaceResource])

    def follow_logs(self, version_id: str, *, after: int = 0) -> AsyncIterator[ProvisionerJobLog]:
        """Yield the lines of the import's log as they come, until the job has ended."""
        query = {"follow": "true", "after": after}
        return messages(self._http, f"/templateversions/{version_id}/logs", query=query, answer=ProvisionerJobLog)

    async def evaluate_parameters(
        self, version_id: str, inputs: dict[str, str], *, workspace_id: str | None = None
    ) -> DynamicParametersResponse:
        """Return the form of a version as it is with these values: what is shown, and what is wrong with them.

        With a workspace its last values hold where nothing is entered, and what may not change is held against them.
        """
        path = f"/templateversions/{version_id}/dynamic-parameters/evaluate"
        request = DynamicParametersRequest(inputs=inputs, workspace_id=workspace_id)
        return await self._http.call("POST", path, body=request, answer=DynamicParametersResponse)

    async def presets(self, version_id: str) -> builtins.list[Preset]:
        """List a version's presets, the default first."""
        return await self._http.call("GET", f"/templateversions/{version_id}/presets", answer=builtins.list[Preset])

    async def create_dry_run(self, version_id: str, request: CreateTemplateVersionDryRunRequest) -> ProvisionerJob:
        """Begin to find out what a start would make."""
        path = f"/templateversions/{version_id}/dry-run"
        return await self._http.call("POST", path, body=request, answer=ProvisionerJob)

    async def get_dry_run(self, version_id: str, job_id: str) -> ProvisionerJob:
        """Return the job of a dry run."""
        return await self._http.call("GET", f"/templateversions/{version_id}/dry-run/{job_id}", answer=ProvisionerJob)

    async def cancel_dry_run(self, version_id: str, job_id: str) -> None:
        """Cancel a dry run."""
        await self._http.call("PATCH", f"/templateversions/{version_id}/dry-run/{job_id}/cancel")

    async def dry_run_resources(self, version_id: str, job_id: str) -> builtins.list[WorkspaceResource]:
        """List what a start would make, by a dry run that has ended."""
        path = f"/templateversions/{version_id}/dry-run/{job_id}/resources"
        return await self._http.call("GET", path, answer=builtins.list[WorkspaceResource])

    def follow_dry_run_logs(self, version_id: str, job_id: str, *, after: int = 0) -> AsyncIterator[ProvisionerJobLog]:
        """Yield the lines of a dry run's log as they come, until the job has ended."""
        path = f"/templateversions/{version_id}/dry-run/{job_id}/logs"
        return messages(self._http, path, query={"follow": "true", "after": after}, answer=ProvisionerJobLog)
