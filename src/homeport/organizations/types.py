"""Rows of organizations and members, what a resolved member is, and this room's events. No I/O."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.database.events import DomainEvent
from homeport.identity.types import UserRow

DEFAULT_ORGANIZATION_ALIAS = "default"


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

    name: str
    display_name: str
    organization_id: UUID
    site_permissions: list[dict[str, object]]
    org_permissions: list[dict[str, object]]
    user_permissions: list[dict[str, object]]


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


class MemberAdded(DomainEvent, frozen=True, kw_only=True):
    """organization_member.added: the user belongs to the organization now, without any role but the implied one."""

    organization_id: UUID
    user_id: UUID


class MemberRemoved(DomainEvent, frozen=True, kw_only=True):
    """organization_member.removed: the user's group memberships there are gone as well."""

    organization_id: UUID
    user_id: UUID
