"""HTTP routes of members and of the roles that they hold."""

from typing import Annotated, Any

from litestar import delete, get, post, put
from litestar.params import QueryParameter

from homeport.database import Database
from homeport.identity.schemas import AssignableRoles, UpdateRoles
from homeport.kit.http import LimitParameter, OffsetParameter, page
from homeport.kit.routes import requires
from homeport.organizations.schemas import (
    OrganizationMember,
    OrganizationMemberWithUserData,
    PaginatedMembersResponse,
)
from homeport.organizations.service import members, roles
from homeport.rbac import Subject

_MEMBERS = ["Members"]
SearchParameter = Annotated[
    str, QueryParameter(name="q", max_length=256, description="A part of username, name or e-mail address.")
]


@get(
    "/organizations/{organization:str}/members",
    opt=requires("organization_member:read"),
    tags=_MEMBERS,
    summary="List organization members",
)
async def list_members(
    organization: str, subject: Subject, db: Database, q: SearchParameter = "", include_system: bool = False
) -> list[OrganizationMemberWithUserData]:
    """List all members that the caller may read."""
    found = await members.list_members(
        db, subject=subject, organization=organization, page=None, query=q, has_system_users=include_system
    )
    return found.members


@get(
    "/organizations/{organization:str}/paginated-members",
    opt=requires("organization_member:read"),
    tags=_MEMBERS,
    summary="Paginated organization members",
)
async def list_members_paginated(
    organization: str,
    subject: Subject,
    db: Database,
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
    q: SearchParameter = "",
    include_system: bool = False,
) -> PaginatedMembersResponse:
    """List a page of the members that the caller may read, with their number."""
    return await members.list_members(
        db,
        subject=subject,
        organization=organization,
        page=page(limit=limit, offset=offset),
        query=q,
        has_system_users=include_system,
    )


@get(
    "/organizations/{organization:str}/members/roles",
    opt=requires("assign_org_role:read"),
    tags=_MEMBERS,
    summary="Get member roles by organization",
)
async def list_member_roles(organization: str, subject: Subject, db: Database) -> list[AssignableRoles]:
    """List an organization's roles and whether the caller may give them."""
    return await roles.list_assignable_roles(db, subject=subject, organization=organization)


@post(
    "/organizations/{organization:str}/members/{user:str}",
    opt=requires("organization_member:create"),
    status_code=200,
    tags=_MEMBERS,
    summary="Add organization member",
)
async def add_member(organization: str, user: str, subject: Subject, db: Database) -> OrganizationMember:
    """Add a user to an organization."""
    return await members.add_member(db, subject=subject, organization=organization, user=user)


@delete(
    "/organizations/{organization:str}/members/{user:str}",
    opt=requires("organization_member:delete"),
    status_code=204,
    tags=_MEMBERS,
    summary="Remove organization member",
)
async def remove_member(organization: str, user: str, subject: Subject, db: Database) -> None:
    """Remove a member from an organization and its groups."""
    await members.remove_member(db, subject=subject, organization=organization, user=user)


@put(
    "/organizations/{organization:str}/members/{user:str}/roles",
    opt=requires("assign_org_role:assign"),
    tags=_MEMBERS,
    summary="Assign role to organization member",
)
async def update_member_roles(
    organization: str, user: str, data: UpdateRoles, subject: Subject, db: Database
) -> OrganizationMember:
    """Set a member's roles in an organization."""
    return await roles.update_member_roles(db, subject=subject, organization=organization, user=user, request=data)


routes: list[Any] = [
    list_members,
    list_members_paginated,
    list_member_roles,
    add_member,
    remove_member,
    update_member_roles,
]
