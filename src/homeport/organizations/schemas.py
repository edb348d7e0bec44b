"""Wire shapes of organizations and their members. Names are the reference's model names."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.identity.schemas import SlimRole


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
