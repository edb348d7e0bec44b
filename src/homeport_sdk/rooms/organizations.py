"""Organizations, their members and the roles that members hold."""

import builtins
from collections.abc import Sequence

from homeport_sdk.http import HttpClient
from homeport_sdk.models import (
    AssignableRoles,
    CreateOrganizationRequest,
    CustomRoleRequest,
    Organization,
    OrganizationMember,
    PaginatedMembersResponse,
    Role,
    UpdateOrganizationRequest,
    UpdateRoles,
    WorkspaceQuota,
)
from homeport_sdk.rooms.users import ME

DEFAULT = "default"


class Organizations:
    """Calls about organizations. `organization` is an id, a name or `default`; `user` an id, a username or `me`."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def get(self, organization: str = DEFAULT) -> Organization:
        """Return one organization."""
        return await self._http.call("GET", f"/organizations/{organization}", answer=Organization)

    async def list(self) -> builtins.list[Organization]:
        """List the organizations that the caller may read."""
        return await self._http.call("GET", "/organizations", answer=builtins.list[Organization])

    async def of_user(self, user: str = ME) -> builtins.list[Organization]:
        """List the organizations that a user belongs to, those of them that the caller may read."""
        return await self._http.call("GET", f"/users/{user}/organizations", answer=builtins.list[Organization])

    async def create(self, request: CreateOrganizationRequest) -> Organization:
        """Make an organization. ApiError 409 for a name in use."""
        return await self._http.call("POST", "/organizations", body=request, answer=Organization)

    async def update(self, organization: str, request: UpdateOrganizationRequest) -> Organization:
        """Change names, description and icon; what is None stays."""
        return await self._http.call("PATCH", f"/organizations/{organization}", body=request, answer=Organization)

    async def delete(self, organization: str) -> None:
        """Delete an organization. ApiError 409 says what is still in it."""
        await self._http.call("DELETE", f"/organizations/{organization}")

    async def members(
        self, organization: str = DEFAULT, *, query: str = "", limit: int | None = None, offset: int | None = None
    ) -> PaginatedMembersResponse:
        """Return a page of members by username, and how many there are; `query` is part of a name or address."""
        path = f"/organizations/{organization}/paginated-members"
        parameters = {"q": query or None, "limit": limit, "offset": offset}
        return await self._http.call("GET", path, query=parameters, answer=PaginatedMembersResponse)

    async def add_member(self, user: str, *, organization: str = DEFAULT) -> OrganizationMember:
        """Add a user. ApiError 409 for somebody who belongs to it already."""
        path = f"/organizations/{organization}/members/{user}"
        return await self._http.call("POST", path, answer=OrganizationMember)

    async def remove_member(self, user: str, *, organization: str = DEFAULT) -> None:
        """Remove a member, who leaves the organization's groups as well."""
        await self._http.call("DELETE", f"/organizations/{organization}/members/{user}")

    async def set_member_roles(
        self, user: str, roles: Sequence[str], *, organization: str = DEFAULT
    ) -> OrganizationMember:
        """Make `roles` all the roles that a member holds there beyond the implied one."""
        path = f"/organizations/{organization}/members/{user}/roles"
        return await self._http.call("PUT", path, body=UpdateRoles(roles=[*roles]), answer=OrganizationMember)

    async def quota(self, user: str, *, organization: str = DEFAULT) -> WorkspaceQuota:
        """Return what a member's workspaces cost a day, and the budget: -1 is no limit."""
        path = f"/organizations/{organization}/members/{user}/workspace-quota"
        return await self._http.call("GET", path, answer=WorkspaceQuota)

    async def roles(self, organization: str = DEFAULT) -> builtins.list[AssignableRoles]:
        """List the roles of an organization, built-in ones first, and which of them the caller may give."""
        path = f"/organizations/{organization}/members/roles"
        return await self._http.call("GET", path, answer=builtins.list[AssignableRoles])

    async def create_role(self, request: CustomRoleRequest, *, organization: str = DEFAULT) -> builtins.list[Role]:
        """Make a custom role; the answer holds the organization's custom roles."""
        path = f"/organizations/{organization}/members/roles"
        return await self._http.call("POST", path, body=request, answer=builtins.list[Role])

    async def update_role(self, request: CustomRoleRequest, *, organization: str = DEFAULT) -> builtins.list[Role]:
        """Change the custom role of the request's name; its holders have it so from their next request on."""
        path = f"/organizations/{organization}/members/roles"
        return await self._http.call("PUT", path, body=request, answer=builtins.list[Role])

    async def delete_role(self, name: str, *, organization: str = DEFAULT) -> builtins.list[Role]:
        """Delete a custom role and take it from all who hold it."""
        path = f"/organizations/{organization}/members/roles/{name}"
        return await self._http.call("DELETE", path, answer=builtins.list[Role])
