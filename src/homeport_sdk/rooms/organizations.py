"""Organizations and their members."""

import builtins

from homeport_sdk.http import HttpClient
from homeport_sdk.models import Organization, PaginatedMembersResponse

DEFAULT = "default"


class Organizations:
    """Calls about organizations. `organization` is an id, a name or `default`."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def get(self, organization: str = DEFAULT) -> Organization:
        """Return one organization."""
        return await self._http.call("GET", f"/organizations/{organization}", answer=Organization)

    async def list(self) -> builtins.list[Organization]:
        """List the organizations that the caller may read."""
        return await self._http.call("GET", "/organizations", answer=builtins.list[Organization])

    async def members(self, organization: str = DEFAULT) -> PaginatedMembersResponse:
        """List the members."""
        path = f"/organizations/{organization}/paginated-members"
        return await self._http.call("GET", path, answer=PaginatedMembersResponse)
