"""Groups of an organization's members."""

import builtins

from homeport_sdk.http import HttpClient
from homeport_sdk.models import CreateGroupRequest, Group, PatchGroupRequest
from homeport_sdk.rooms.organizations import DEFAULT


class Groups:
    """Calls about groups. `organization` is an id, a name or `default`."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def list(
        self, *, organization: str = DEFAULT, query: str = "", limit: int | None = None, offset: int | None = None
    ) -> builtins.list[Group]:
        """List groups by name with their first members; all of them without a limit."""
        parameters = {"q": query or None, "limit": limit, "offset": offset}
        path = f"/organizations/{organization}/groups"
        return await self._http.call("GET", path, query=parameters, answer=builtins.list[Group])

    async def list_of_user(self, user: str = "me") -> builtins.list[Group]:
        """List the groups of all organizations that a user is in, as far as the caller may read them."""
        return await self._http.call("GET", "/groups", query={"has_member": user}, answer=builtins.list[Group])

    async def get(self, name: str, *, organization: str = DEFAULT) -> Group:
        """Return a group by its name, with its members."""
        return await self._http.call("GET", f"/organizations/{organization}/groups/{name}", answer=Group)

    async def create(self, request: CreateGroupRequest, *, organization: str = DEFAULT) -> Group:
        """Make a group without members. ApiError 409 for a name in use."""
        return await self._http.call("POST", f"/organizations/{organization}/groups", body=request, answer=Group)

    async def update(self, group_id: str, request: PatchGroupRequest) -> Group:
        """Change a group and its members, all or nothing; what is None stays."""
        return await self._http.call("PATCH", f"/groups/{group_id}", body=request, answer=Group)

    async def delete(self, group_id: str) -> None:
        """Delete a group; what it was given by access lists goes with it."""
        await self._http.call("DELETE", f"/groups/{group_id}")
