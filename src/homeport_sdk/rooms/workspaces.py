"""Workspaces and their builds."""

import builtins
from collections.abc import AsyncIterator
from typing import Any

from homeport_sdk.http import HttpClient
from homeport_sdk.models import (
    CreateWorkspaceBuildRequest,
    CreateWorkspaceRequest,
    ProvisionerJobLog,
    Workspace,
    WorkspaceBuild,
    WorkspaceBuildParameter,
    WorkspacesResponse,
)
from homeport_sdk.rooms.users import ME
from homeport_sdk.streams import messages


class Workspaces:
    """Calls about workspaces."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def list(self, *, query: str = "", limit: int | None = None, offset: int | None = None) -> WorkspacesResponse:
        """Return a page of workspaces; `query` is words and `owner:`, `template:`, `status:` and more."""
        parameters = {"q": query or None, "limit": limit, "offset": offset}
        return await self._http.call("GET", "/workspaces", query=parameters, answer=WorkspacesResponse)

    async def list_all(self, *, query: str = "", page_size: int = 100) -> builtins.list[Workspace]:
        """Return every matching workspace, page by page."""
        found: builtins.list[Workspace] = []
        while True:
            page = await self.list(query=query, limit=page_size, offset=len(found))
            found += page.workspaces
            if len(page.workspaces) < page_size:
                return found

    async def find(self, name: str, *, owner: str = ME) -> Workspace:
        """Return a workspace by its owner and name."""
        return await self._http.call("GET", f"/users/{owner}/workspace/{name}", answer=Workspace)

    async def get(self, workspace_id: str) -> Workspace:
        """Return a workspace by its id."""
        return await self._http.call("GET", f"/workspaces/{workspace_id}", answer=Workspace)

    async def create(self, request: CreateWorkspaceRequest, *, owner: str = ME) -> Workspace:
        """Make a workspace and begin its first build."""
        return await self._http.call("POST", f"/users/{owner}/workspaces", body=request, answer=Workspace)

    async def set_autostart(self, workspace_id: str, schedule: str | None) -> None:
        """Set the schedule (cron, with CRON_TZ) at which the workspace starts; None switches it off."""
        await self._http.call("PUT", f"/workspaces/{workspace_id}/autostart", body={"schedule": schedule})

    async def note_usage(self, workspace_id: str, *, agent_id: str, app_name: str) -> None:
        """Tell that somebody uses the workspace now."""
        body: dict[str, Any] = {"agent_id": agent_id, "app_name": app_name}
        await self._http.call("POST", f"/workspaces/{workspace_id}/usage", body=body)


class Builds:
    """Calls about builds."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def create(self, workspace_id: str, request: CreateWorkspaceBuildRequest) -> WorkspaceBuild:
        """Begin a build: start, stop or delete."""
        return await self._http.call("POST", f"/workspaces/{workspace_id}/builds", body=request, answer=WorkspaceBuild)

    async def get(self, build_id: str) -> WorkspaceBuild:
        """Return a build with its job."""
        return await self._http.call("GET", f"/workspacebuilds/{build_id}", answer=WorkspaceBuild)

    async def list(self, workspace_id: str, *, limit: int | None = None) -> builtins.list[WorkspaceBuild]:
        """List a workspace's builds, the newest first."""
        path = f"/workspaces/{workspace_id}/builds"
        return await self._http.call("GET", path, query={"limit": limit}, answer=builtins.list[WorkspaceBuild])

    async def parameters(self, build_id: str) -> builtins.list[WorkspaceBuildParameter]:
        """List the values that a build was given."""
        path = f"/workspacebuilds/{build_id}/parameters"
        return await self._http.call("GET", path, answer=builtins.list[WorkspaceBuildParameter])

    async def cancel(self, build_id: str) -> None:
        """Cancel a build."""
        await self._http.call("PATCH", f"/workspacebuilds/{build_id}/cancel")

    async def logs(self, build_id: str) -> builtins.list[ProvisionerJobLog]:
        """List the lines of a build's log so far."""
        path = f"/workspacebuilds/{build_id}/logs"
        return await self._http.call("GET", path, answer=builtins.list[ProvisionerJobLog])

    def follow_logs(self, build_id: str, *, after: int = 0) -> AsyncIterator[ProvisionerJobLog]:
        """Yield the lines of a build's log as they come, until the job has ended."""
        query = {"follow": "true", "after": after}
        return messages(self._http, f"/workspacebuilds/{build_id}/logs", query=query, answer=ProvisionerJobLog)
