"""Settings of the sync as they are in force: what is stored, else what the server's settings say."""

from collections.abc import Collection
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.organizations.queries import syncing as queries
from homeport.organizations.types import GroupSync, OrganizationRow, OrganizationSync, RoleSync, SyncDefaults
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)
S = TypeVar("S", OrganizationSync, GroupSync, RoleSync)


class InForce(msgspec.Struct, frozen=True):
    """The settings of groups and roles in several organizations."""

    groups: dict[UUID, GroupSync]
    roles: dict[UUID, RoleSync]


async def organization_sync(conn: Connection, defaults: SyncDefaults) -> OrganizationSync:
    """Return what is in force for the deployment."""
    found = await queries.find_settings(conn, "organization", queries.NO_ORGANIZATION)
    return defaults.organizations if found is None else read(found[1], OrganizationSync)


async def group_sync(conn: Connection, defaults: SyncDefaults, place: OrganizationRow) -> GroupSync:
    """Return what is in force for the groups of an organization."""
    found = await queries.find_settings(conn, "group", place.id)
    if found is None:
        return defaults.groups if place.is_default else GroupSync()
    return read(found[1], GroupSync)


async def role_sync(conn: Connection, organization_id: UUID) -> RoleSync:
    """Return what is in force for the roles of an organization."""
    found = await queries.find_settings(conn, "role", organization_id)
    return RoleSync() if found is None else read(found[1], RoleSync)


async def in_force(
    conn: Connection, defaults: SyncDefaults, organization_ids: Collection[UUID], default_id: UUID
) -> InForce:
    """Return what is in force in these organizations, by one query; those where nothing is synchronised are left out."""
    stored = await queries.list_settings(conn, organization_ids)
    groups, roles = {}, {}
    for organization_id in organization_ids:
        of_groups = stored.get(("group", organization_id))
        if of_groups is not None:
            groups[organization_id] = read(of_groups, GroupSync)
        elif organization_id == default_id:
            groups[organization_id] = defaults.groups
        roles[organization_id] = read(stored.get(("role", organization_id), {}), RoleSync)
    return InForce(
        {place: settings for place, settings in groups.items() if settings.field},
        {place: settings for place, settings in roles.items() if settings.field},
    )


def read(stored: Any, kind: type[S]) -> S:
    """Read stored settings. Those that another release has written in a form unknown here switch the sync off, with a log."""
    try:
        return msgspec.convert(stored, kind)
    except msgspec.ValidationError as error:
        _log.error(
            "settings of the sync cannot be read; nothing is synchronised by them", kind=kind.__name__, error=str(error)
        )
        return kind()
