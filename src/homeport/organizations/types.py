"""Rows of organizations and members, what a resolved member is, and this room's events. No I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from homeport.database.events import DomainEvent
from homeport.identity.types import UserRow

DEFAULT_ORGANIZATION_ALIAS = "default"
EVERYONE = "Everyone"
MOST_ALLOWANCE = 2_147_483_647
GroupSource = Literal["user", "oidc"]


class OrganizationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `organizations`."""

    id: UUID
    name: str
    display_name: str
    description: str
    icon: str
    is_default: bool
    deleted: bool
    created_at: datetime
    updated_at: datetime


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `organization_members` with the username, which audit shows. The implied role is never stored."""

    user_id: UUID
    organization_id: UUID
    username: str
    roles: list[str]
    created_at: datetime
    updated_at: datetime


class MemberWithUserRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member with the columns of the user that a list shows."""

    user_id: UUID
    organization_id: UUID
    username: str
    roles: list[str]
    created_at: datetime
    updated_at: datetime
    name: str
    avatar_url: str
    email: str
    global_roles: list[str]


class CustomRoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A custom role of an organization, its permissions as stored."""

    id: UUID
    name: str
    display_name: str
    organization_id: UUID
    site_permissions: list[dict[str, object]]
    org_permissions: list[dict[str, object]]
    user_permissions: list[dict[str, object]]
    created_at: datetime
    updated_at: datetime


class AuditedRole(msgspec.Struct, frozen=True, kw_only=True):
    """What audit shows of a custom role: permissions as `type:action`, those that refuse with a minus before them."""

    name: str
    display_name: str
    site_permissions: list[str]
    org_permissions: list[str]
    user_permissions: list[str]


class GroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `groups`. The Everyone group has the organization's id and no rows in `group_members`."""

    id: UUID
    organization_id: UUID
    name: str
    display_name: str
    avatar_url: str
    quota_allowance: int
    source: GroupSource
    created_at: datetime
    updated_at: datetime

    @property
    def is_everyone(self) -> bool:
        """Tell whether this is the group that all members of the organization are in by being members."""
        return self.id == self.organization_id


class GroupViewRow(GroupRow, frozen=True, kw_only=True):
    """A group with the names of its organization."""

    organization_name: str
    organization_display_name: str


class GroupMembers(msgspec.Struct, frozen=True, kw_only=True):
    """How many people are in a group, and the first of them by username."""

    group_id: UUID
    total: int
    user_ids: list[UUID]


class MemberCandidate(msgspec.Struct, frozen=True):
    """A user whose place in a group is in question."""

    id: UUID
    username: str
    is_system: bool


class AuditedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What audit shows of a group: `members` are `{user_id, username}`, left out for Everyone."""

    id: UUID
    name: str
    display_name: str
    avatar_url: str
    quota_allowance: int
    members: list[dict[str, str]]


class GroupFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which groups a list holds; None asks for all. `limit` None: as many as there are."""

    organization_id: UUID | None = None
    ids: Sequence[UUID] | None = None
    text: str | None = None
    limit: int | None = None
    offset: int = 0


class GroupChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change about a group; None stays. Members are added and removed by id of the user.

    `is_idempotent` lets those pass who are in the group already, or not in it any more; else they refuse the change.
    """

    name: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None
    quota_allowance: int | None = None
    add_users: tuple[UUID, ...] = ()
    remove_users: tuple[UUID, ...] = ()
    is_idempotent: bool = False


class ResolvedMember(msgspec.Struct, frozen=True, kw_only=True):
    """A user as far as the asker may see it: in full (`user`), or only as a member of organizations.

    Id and username are implied by either. `memberships` holds those that the asker may read; a site admin may see a user
    of none.
    """

    user_id: UUID
    username: str
    name: str
    avatar_url: str
    is_system: bool
    user: UserRow | None
    memberships: tuple[MemberRow, ...]


class OrganizationSync(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim says about organizations: `mapping` leads from its values to their ids. Without a field there is no sync."""

    field: str = ""
    mapping: dict[str, list[UUID]] = {}
    assign_default: bool = True


class GroupSync(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim says about groups of one organization: values by id, by another name, or by their own name.

    `regex_filter` holds for names, and not for what is mapped to ids. None: every name.
    """

    field: str = ""
    mapping: dict[str, list[UUID]] = {}
    regex_filter: str | None = None
    auto_create_missing_groups: bool = False
    legacy_group_name_mapping: dict[str, str] = {}


class RoleSync(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim says about roles: values that stand for other names, and those that are names themselves."""

    field: str = ""
    mapping: dict[str, list[str]] = {}


class SyncDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What the server's settings say: for as long as nothing is stored, and of the deployment's roles and who may come.

    `groups` is for the default organization. `allowed_groups` are names after its mapping; empty: everybody may come.
    """

    organizations: OrganizationSync = OrganizationSync()
    groups: GroupSync = GroupSync()
    site_roles: RoleSync = RoleSync()
    site_roles_of_all: tuple[str, ...] = ()
    allowed_groups: tuple[str, ...] = ()


class WantedGroups(msgspec.Struct, frozen=True):
    """The groups that somebody shall be in: these ids, and those with one of these names."""

    ids: frozenset[UUID]
    names: tuple[str, ...]


class NamedGroup(msgspec.Struct, frozen=True):
    """A group by id and names; `has_user` tells whether the user in question is in it, `is_of_provider` who made it."""

    id: UUID
    name: str
    display_name: str
    is_of_provider: bool
    has_user: bool


class MemberAdded(DomainEvent, frozen=True, kw_only=True):
    """organization_member.added: the user belongs to the organization now, without any role but the implied one."""

    organization_id: UUID
    user_id: UUID


class MemberRemoved(DomainEvent, frozen=True, kw_only=True):
    """organization_member.removed: the user's group memberships there are gone as well."""

    organization_id: UUID
    user_id: UUID
