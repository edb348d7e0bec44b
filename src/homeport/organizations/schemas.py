"""Wire shapes of organizations and their members. Names are the reference's model names."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from homeport.identity.schemas import Permission, ReducedUser, SlimRole
from homeport.organizations.types import MOST_ALLOWANCE, GroupSource

Allowance = Annotated[int, msgspec.Meta(ge=0, le=MOST_ALLOWANCE)]


class MinimalOrganization(msgspec.Struct, frozen=True):
    """What other objects show of an organization."""

    id: UUID
    name: str
    display_name: str
    icon: str


class Organization(msgspec.Struct, kw_only=True):
    """An organization."""

    id: UUID
    name: str
    display_name: str
    description: str
    icon: str
    created_at: datetime
    updated_at: datetime
    is_default: bool
    # Said only where deleted ones were asked for.
    deleted: bool | msgspec.UnsetType = msgspec.UNSET


class CreateOrganizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A new organization. Without a display name it shows its name."""

    name: str
    display_name: str = ""
    description: str = ""
    icon: str = ""


class UpdateOrganizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """New words for an organization; what is absent or null stays, and so do names when they are empty."""

    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    icon: str | None = None


class CustomRoleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A role of an organization, which may only grant, and only what its author holds there.

    Of the permissions only `organization_permissions` may be other than empty; `organization_id` is that of the path, or empty.
    """

    name: str
    display_name: str = ""
    organization_id: str = ""
    site_permissions: list[Permission] | None = None
    user_permissions: list[Permission] | None = None
    organization_permissions: list[Permission] | None = None
    organization_member_permissions: list[Permission] | None = None


class OrganizationMember(msgspec.Struct, kw_only=True):
    """A user's place in an organization, with the roles held there beyond the implied one."""

    user_id: UUID
    organization_id: UUID
    created_at: datetime
    updated_at: datetime
    roles: list[SlimRole]


class OrganizationMemberWithUserData(OrganizationMember, kw_only=True):
    """A member with what a list shows of the person."""

    username: str
    name: str
    avatar_url: str
    email: str
    global_roles: list[SlimRole]


class PaginatedMembersResponse(msgspec.Struct):
    """A page of members, and how many there are in total."""

    members: list[OrganizationMemberWithUserData]
    count: int


class Group(msgspec.Struct, kw_only=True):
    """A group of an organization's members.

    `members` are those whom the caller may see, by username, in lists the first hundred; `total_member_count` is of all people.
    """

    id: UUID
    name: str
    display_name: str
    organization_id: UUID
    organization_name: str
    organization_display_name: str
    members: list[ReducedUser]
    total_member_count: int
    avatar_url: str
    quota_allowance: int
    source: GroupSource


class CreateGroupRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A new group, without members. `quota_allowance` is in credits a day, for each member."""

    name: str
    display_name: str = ""
    avatar_url: str = ""
    quota_allowance: Allowance = 0


class PatchGroupRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of a group, all or none; what is absent stays, and so does the name when it is empty."""

    add_users: list[UUID] | None = None
    remove_users: list[UUID] | None = None
    name: str = ""
    display_name: str | None = None
    avatar_url: str | None = None
    quota_allowance: int | None = None


class OrganizationSyncSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim says about organizations. `mapping` leads from its values to ids of organizations; without a field nothing is done."""

    field: str = ""
    mapping: dict[str, list[UUID]] | None = None
    organization_assign_default: bool = False


class GroupSyncSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim says about the groups of an organization. `mapping` leads from its values to ids of groups.

    Values that are not mapped are names of groups: after `legacy_group_name_mapping`, and where they match `regex_filter`.
    """

    field: str = ""
    mapping: dict[str, list[UUID]] | None = None
    regex_filter: str | None = None
    auto_create_missing_groups: bool = False
    legacy_group_name_mapping: dict[str, str] | None = None


class RoleSyncSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim says about the roles in an organization. Values that are not mapped are names of roles."""

    field: str = ""
    mapping: dict[str, list[str]] | None = None


class PatchOrganizationIDPSyncConfigRequest(msgspec.Struct, frozen=True, kw_only=True):
    """New settings of the organizations' sync beside its mapping."""

    field: str = ""
    assign_default: bool = False


class PatchGroupIDPSyncConfigRequest(msgspec.Struct, frozen=True, kw_only=True):
    """New settings of a sync of groups beside its mapping."""

    field: str = ""
    regex_filter: str | None = None
    auto_create_missing_groups: bool = False


class PatchRoleIDPSyncConfigRequest(msgspec.Struct, frozen=True, kw_only=True):
    """New settings of a sync of roles beside its mapping."""

    field: str = ""


class IDPSyncMapping(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a mapping: whoever has the value `given` gets what `gets` names. Capital letters are taken too (`Given`, `Gets`)."""

    given: str = ""
    gets: str = ""
    given_capital: str = msgspec.field(name="Given", default="")
    gets_capital: str = msgspec.field(name="Gets", default="")


class PatchIDPSyncMappingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a mapping to take out and to put in. Capital letters are taken too (`Add`, `Remove`)."""

    add: list[IDPSyncMapping] | None = None
    remove: list[IDPSyncMapping] | None = None
    add_capital: list[IDPSyncMapping] | None = msgspec.field(name="Add", default=None)
    remove_capital: list[IDPSyncMapping] | None = msgspec.field(name="Remove", default=None)


class PatchOrganizationIDPSyncMappingRequest(PatchIDPSyncMappingRequest, frozen=True, kw_only=True):
    """Changes of the mapping to organizations, by id."""


class PatchGroupIDPSyncMappingRequest(PatchIDPSyncMappingRequest, frozen=True, kw_only=True):
    """Changes of a mapping to groups, by id."""


class PatchRoleIDPSyncMappingRequest(PatchIDPSyncMappingRequest, frozen=True, kw_only=True):
    """Changes of a mapping to roles, by name."""
