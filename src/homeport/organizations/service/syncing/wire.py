"""The settings of the sync as requests and answers have them."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from uuid import UUID

import msgspec

from homeport.organizations.rules.sync_settings import changed_mapping, mapping_lines
from homeport.organizations.schemas import (
    GroupSyncSettings,
    OrganizationSyncSettings,
    PatchGroupIDPSyncConfigRequest,
    PatchIDPSyncMappingRequest,
    PatchOrganizationIDPSyncConfigRequest,
    PatchRoleIDPSyncConfigRequest,
    RoleSyncSettings,
)
from homeport.organizations.types import GroupSync, OrganizationSync, RoleSync

T = TypeVar("T")
S = TypeVar("S", OrganizationSync, GroupSync, RoleSync)


def organization_view(settings: OrganizationSync) -> OrganizationSyncSettings:
    """Return the settings of organizations as the wire shows them."""
    return OrganizationSyncSettings(
        field=settings.field, mapping=settings.mapping, organization_assign_default=settings.assign_default
    )


def group_view(settings: GroupSync) -> GroupSyncSettings:
    """Return the settings of groups as the wire shows them."""
    return GroupSyncSettings(**{name: getattr(settings, name) for name in GroupSync.__struct_fields__})


def role_view(settings: RoleSync) -> RoleSyncSettings:
    """Return the settings of roles as the wire shows them."""
    return RoleSyncSettings(field=settings.field, mapping=settings.mapping)


def organizations_of(data: OrganizationSyncSettings) -> Callable[[OrganizationSync], OrganizationSync]:
    """Return the change that puts these settings in place of what was."""
    wanted = OrganizationSync(
        field=data.field, mapping=data.mapping or {}, assign_default=data.organization_assign_default
    )
    return lambda _: wanted


def groups_of(data: GroupSyncSettings) -> Callable[[GroupSync], GroupSync]:
    """Return the change that puts these settings in place of what was."""
    wanted = GroupSync(
        field=data.field,
        mapping=data.mapping or {},
        regex_filter=data.regex_filter or None,
        auto_create_missing_groups=data.auto_create_missing_groups,
        legacy_group_name_mapping=data.legacy_group_name_mapping or {},
    )
    return lambda _: wanted


def roles_of(data: RoleSyncSettings) -> Callable[[RoleSync], RoleSync]:
    """Return the change that puts these settings in place of what was."""
    wanted = RoleSync(field=data.field, mapping=data.mapping or {})
    return lambda _: wanted


def organization_config(data: PatchOrganizationIDPSyncConfigRequest) -> Callable[[OrganizationSync], OrganizationSync]:
    """Return the change of everything but the mapping."""
    return lambda before: msgspec.structs.replace(before, field=data.field, assign_default=data.assign_default)


def group_config(data: PatchGroupIDPSyncConfigRequest) -> Callable[[GroupSync], GroupSync]:
    """Return the change of everything but the mappings."""
    return lambda before: msgspec.structs.replace(
        before,
        field=data.field,
        regex_filter=data.regex_filter or None,
        auto_create_missing_groups=data.auto_create_missing_groups,
    )


def role_config(data: PatchRoleIDPSyncConfigRequest) -> Callable[[RoleSync], RoleSync]:
    """Return the change of everything but the mapping."""
    return lambda before: msgspec.structs.replace(before, field=data.field)


def ids_mapping(data: PatchIDPSyncMappingRequest) -> Callable[[S], S]:
    """Return the change of a mapping to ids. Raises 400 for what is no id."""
    return _remapping(data, UUID)


def names_mapping(data: PatchIDPSyncMappingRequest) -> Callable[[S], S]:
    """Return the change of a mapping to names."""
    return _remapping(data, str)


def _remapping(data: PatchIDPSyncMappingRequest, read: Callable[[str], T]) -> Callable[[S], S]:
    add = mapping_lines([*(data.add or ()), *(data.add_capital or ())], "add", read)
    remove = mapping_lines([*(data.remove or ()), *(data.remove_capital or ())], "remove", read)

    def change(before: S) -> S:
        mapping: Mapping[str, list[T]] = before.mapping  # type: ignore[assignment]  # of what `read` makes, for both kinds
        return msgspec.structs.replace(before, mapping=changed_mapping(mapping, add=add, remove=remove))

    return change
