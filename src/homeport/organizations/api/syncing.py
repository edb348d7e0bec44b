"""HTTP routes of the settings that say what the claims of an OpenID Connect provider mean, and of the claims that there are."""

from collections.abc import Callable
from typing import Annotated, Any

from litestar import get, patch
from litestar.params import QueryParameter

from homeport.config import Settings
from homeport.database import Database
from homeport.kit.routes import requires
from homeport.organizations.schemas import (
    GroupSyncSettings,
    OrganizationSyncSettings,
    PatchGroupIDPSyncConfigRequest,
    PatchGroupIDPSyncMappingRequest,
    PatchOrganizationIDPSyncConfigRequest,
    PatchOrganizationIDPSyncMappingRequest,
    PatchRoleIDPSyncConfigRequest,
    PatchRoleIDPSyncMappingRequest,
    RoleSyncSettings,
)
from homeport.organizations.service.syncing import changing, claims, wire
from homeport.organizations.service.syncing.defaults import defaults_of
from homeport.organizations.types import GroupSync, RoleSync
from homeport.rbac import Subject

_TAGS = ["Enterprise"]
_SITE = "/settings/idpsync"
_PLACE = "/organizations/{organization:str}/settings/idpsync"
_READ = requires("idpsync_settings:read")
_UPDATE = requires("idpsync_settings:update")
ClaimField = Annotated[
    str, QueryParameter(name="claimField", description="The claim, by its name or by a path with dots in it.")
]


@get(f"{_SITE}/organization", opt=_READ, tags=_TAGS, summary="Get organization IdP Sync settings")
async def get_organization_sync(subject: Subject, db: Database, settings: Settings) -> OrganizationSyncSettings:
    """Return which claim says to which organizations people belong."""
    return wire.organization_view(await changing.get_organization_sync(db, defaults_of(settings), subject=subject))


@patch(f"{_SITE}/organization", opt=_UPDATE, tags=_TAGS, summary="Update organization IdP Sync settings")
async def update_organization_sync(
    data: OrganizationSyncSettings, subject: Subject, db: Database, settings: Settings
) -> OrganizationSyncSettings:
    """Put these settings in place of those that were."""
    change = wire.organizations_of(data)
    return wire.organization_view(
        await changing.change_organization_sync(db, defaults_of(settings), subject=subject, change=change)
    )


@patch(f"{_SITE}/organization/config", opt=_UPDATE, tags=_TAGS, summary="Update organization IdP Sync config")
async def update_organization_sync_config(
    data: PatchOrganizationIDPSyncConfigRequest, subject: Subject, db: Database, settings: Settings
) -> OrganizationSyncSettings:
    """Change the settings and leave the mapping."""
    change = wire.organization_config(data)
    return wire.organization_view(
        await changing.change_organization_sync(db, defaults_of(settings), subject=subject, change=change)
    )


@patch(f"{_SITE}/organization/mapping", opt=_UPDATE, tags=_TAGS, summary="Update organization IdP Sync mapping")
async def update_organization_sync_mapping(
    data: PatchOrganizationIDPSyncMappingRequest, subject: Subject, db: Database, settings: Settings
) -> OrganizationSyncSettings:
    """Take lines out of the mapping and put lines in."""
    return wire.organization_view(
        await changing.change_organization_sync(
            db, defaults_of(settings), subject=subject, change=wire.ids_mapping(data), blamed="add"
        )
    )


@get(f"{_SITE}/available-fields", opt=_READ, tags=_TAGS, summary="Get the available idp sync claim fields")
async def list_fields(subject: Subject, db: Database) -> list[str]:
    """List the claims that people have who have signed in, by name: at most a thousand."""
    return await claims.list_fields(db, subject=subject)


@get(f"{_SITE}/field-values", opt=_READ, tags=_TAGS, summary="Get the idp sync claim field values")
async def list_values(subject: Subject, db: Database, claim_field: ClaimField = "") -> list[str]:
    """List what a claim holds with people who have signed in: at most a thousand values."""
    return await claims.list_values(db, subject=subject, field=claim_field)


@get(f"{_PLACE}/groups", opt=_READ, tags=_TAGS, summary="Get group IdP Sync settings by organization")
async def get_group_sync(organization: str, subject: Subject, db: Database, settings: Settings) -> GroupSyncSettings:
    """Return which claim says in which groups members are."""
    return wire.group_view(
        await changing.get_group_sync(db, defaults_of(settings), subject=subject, organization=organization)
    )


@patch(f"{_PLACE}/groups", opt=_UPDATE, tags=_TAGS, summary="Update group IdP Sync settings by organization")
async def update_group_sync(
    organization: str, data: GroupSyncSettings, subject: Subject, db: Database, settings: Settings
) -> GroupSyncSettings:
    """Put these settings in place of those that were."""
    return await _change_groups(db, settings, subject, organization, wire.groups_of(data))


@patch(f"{_PLACE}/groups/config", opt=_UPDATE, tags=_TAGS, summary="Update group IdP Sync config")
async def update_group_sync_config(
    organization: str, data: PatchGroupIDPSyncConfigRequest, subject: Subject, db: Database, settings: Settings
) -> GroupSyncSettings:
    """Change the settings and leave the mappings."""
    return await _change_groups(db, settings, subject, organization, wire.group_config(data))


@patch(f"{_PLACE}/groups/mapping", opt=_UPDATE, tags=_TAGS, summary="Update group IdP Sync mapping")
async def update_group_sync_mapping(
    organization: str, data: PatchGroupIDPSyncMappingRequest, subject: Subject, db: Database, settings: Settings
) -> GroupSyncSettings:
    """Take lines out of the mapping and put lines in."""
    return await _change_groups(db, settings, subject, organization, wire.ids_mapping(data), blamed="add")


@get(f"{_PLACE}/roles", opt=_READ, tags=_TAGS, summary="Get role IdP Sync settings by organization")
async def get_role_sync(organization: str, subject: Subject, db: Database) -> RoleSyncSettings:
    """Return which claim says which roles members have."""
    return wire.role_view(await changing.get_role_sync(db, subject=subject, organization=organization))


@patch(f"{_PLACE}/roles", opt=_UPDATE, tags=_TAGS, summary="Update role IdP Sync settings by organization")
async def update_role_sync(
    organization: str, data: RoleSyncSettings, subject: Subject, db: Database
) -> RoleSyncSettings:
    """Put these settings in place of those that were. With a field only for those who may give every role there."""
    return await _change_roles(db, subject, organization, wire.roles_of(data))


@patch(f"{_PLACE}/roles/config", opt=_UPDATE, tags=_TAGS, summary="Update role IdP Sync config")
async def update_role_sync_config(
    organization: str, data: PatchRoleIDPSyncConfigRequest, subject: Subject, db: Database
) -> RoleSyncSettings:
    """Change the field and leave the mapping."""
    return await _change_roles(db, subject, organization, wire.role_config(data))


@patch(f"{_PLACE}/roles/mapping", opt=_UPDATE, tags=_TAGS, summary="Update role IdP Sync mapping")
async def update_role_sync_mapping(
    organization: str, data: PatchRoleIDPSyncMappingRequest, subject: Subject, db: Database
) -> RoleSyncSettings:
    """Take lines out of the mapping and put lines in."""
    return await _change_roles(db, subject, organization, wire.names_mapping(data), blamed="add")


@get(
    f"{_PLACE}/available-fields",
    opt=_READ,
    tags=_TAGS,
    summary="Get the available organization idp sync claim fields",
)
async def list_fields_of_organization(organization: str, subject: Subject, db: Database) -> list[str]:
    """List the claims that members have who have signed in, by name: at most a thousand."""
    return await claims.list_fields(db, subject=subject, organization=organization)


@get(f"{_PLACE}/field-values", opt=_READ, tags=_TAGS, summary="Get the organization idp sync claim field values")
async def list_values_of_organization(
    organization: str, subject: Subject, db: Database, claim_field: ClaimField = ""
) -> list[str]:
    """List what a claim holds with members who have signed in: at most a thousand values."""
    return await claims.list_values(db, subject=subject, field=claim_field, organization=organization)


async def _change_groups(
    db: Database,
    settings: Settings,
    subject: Subject,
    organization: str,
    change: Callable[[GroupSync], GroupSync],
    *,
    blamed: changing.Blamed = "mapping",
) -> GroupSyncSettings:
    changed = await changing.change_group_sync(
        db, defaults_of(settings), subject=subject, organization=organization, change=change, blamed=blamed
    )
    return wire.group_view(changed)


async def _change_roles(
    db: Database,
    subject: Subject,
    organization: str,
    change: Callable[[RoleSync], RoleSync],
    *,
    blamed: changing.Blamed = "mapping",
) -> RoleSyncSettings:
    changed = await changing.change_role_sync(
        db, subject=subject, organization=organization, change=change, blamed=blamed
    )
    return wire.role_view(changed)


routes: list[Any] = [
    get_organization_sync,
    update_organization_sync,
    update_organization_sync_config,
    update_organization_sync_mapping,
    list_fields,
    list_values,
    get_group_sync,
    update_group_sync,
    update_group_sync_config,
    update_group_sync_mapping,
    get_role_sync,
    update_role_sync,
    update_role_sync_config,
    update_role_sync_mapping,
    list_fields_of_organization,
    list_values_of_organization,
]
