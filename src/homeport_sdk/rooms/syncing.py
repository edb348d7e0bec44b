"""What the claims of an OpenID Connect provider mean: settings of the deployment and of organizations."""

from homeport_sdk.http import HttpClient
from homeport_sdk.models import GroupSyncSettings, OrganizationSyncSettings, RoleSyncSettings
from homeport_sdk.rooms.organizations import DEFAULT


class Syncing:
    """Calls about the sync at sign-in. Changes replace the settings as a whole."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def organizations(self) -> OrganizationSyncSettings:
        """Return which claim says to which organizations people belong."""
        return await self._http.call("GET", "/settings/idpsync/organization", answer=OrganizationSyncSettings)

    async def set_organizations(self, settings: OrganizationSyncSettings) -> OrganizationSyncSettings:
        """Replace what is said about organizations."""
        path = "/settings/idpsync/organization"
        return await self._http.call("PATCH", path, body=settings, answer=OrganizationSyncSettings)

    async def groups(self, organization: str = DEFAULT) -> GroupSyncSettings:
        """Return which claim says in which groups members are."""
        return await self._http.call("GET", _path(organization, "groups"), answer=GroupSyncSettings)

    async def set_groups(self, settings: GroupSyncSettings, *, organization: str = DEFAULT) -> GroupSyncSettings:
        """Replace what is said about groups."""
        return await self._http.call("PATCH", _path(organization, "groups"), body=settings, answer=GroupSyncSettings)

    async def roles(self, organization: str = DEFAULT) -> RoleSyncSettings:
        """Return which claim says which roles members have."""
        return await self._http.call("GET", _path(organization, "roles"), answer=RoleSyncSettings)

    async def set_roles(self, settings: RoleSyncSettings, *, organization: str = DEFAULT) -> RoleSyncSettings:
        """Replace what is said about roles. ApiError 403 for those who may not give every role there."""
        return await self._http.call("PATCH", _path(organization, "roles"), body=settings, answer=RoleSyncSettings)


def _path(organization: str, kind: str) -> str:
    return f"/organizations/{organization}/settings/idpsync/{kind}"
