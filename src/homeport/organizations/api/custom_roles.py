"""HTTP routes of an organization's custom roles."""

from typing import Any

from litestar import delete, post, put

from homeport.database import Database
from homeport.identity.schemas import Role
from homeport.kit.routes import requires
from homeport.organizations.schemas import CustomRoleRequest
from homeport.organizations.service import custom_roles
from homeport.rbac import Subject

_ROLES = "/organizations/{organization:str}/members/roles"
_TAGS = ["Members"]


@post(
    _ROLES,
    opt=requires("assign_org_role:create"),
    status_code=200,
    tags=_TAGS,
    summary="Create a custom organization role",
)
async def create_custom_role(organization: str, data: CustomRoleRequest, subject: Subject, db: Database) -> list[Role]:
    """Make a role that grants what the caller holds; returns the organization's custom roles."""
    return await custom_roles.create_custom_role(db, subject=subject, organization=organization, request=data)


@put(_ROLES, opt=requires("assign_org_role:update"), tags=_TAGS, summary="Update a custom organization role")
async def update_custom_role(organization: str, data: CustomRoleRequest, subject: Subject, db: Database) -> list[Role]:
    """Change what a role shows and grants; returns the organization's custom roles."""
    return await custom_roles.update_custom_role(db, subject=subject, organization=organization, request=data)


@delete(
    f"{_ROLES}/{{rolename:str}}",
    opt=requires("assign_org_role:delete"),
    status_code=200,
    tags=_TAGS,
    summary="Delete a custom organization role",
)
async def delete_custom_role(organization: str, rolename: str, subject: Subject, db: Database) -> list[Role]:
    """Delete a role and take it from its holders; returns the organization's custom roles that are left."""
    return await custom_roles.delete_custom_role(db, subject=subject, organization=organization, name=rolename)


routes: list[Any] = [create_custom_role, update_custom_role, delete_custom_role]
