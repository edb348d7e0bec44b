"""HTTP routes of organizations."""

from typing import Any

from litestar import delete, get, patch, post

from homeport.database import Database
from homeport.kit.http import Response
from homeport.kit.routes import requires
from homeport.organizations.schemas import CreateOrganizationRequest, Organization, UpdateOrganizationRequest
from homeport.organizations.service import organizations
from homeport.rbac import Subject

_TAGS = ["Organizations"]


@get("/organizations", opt=requires("organization:read"), tags=_TAGS, summary="Get organizations")
async def list_organizations(subject: Subject, db: Database) -> list[Organization]:
    """List the organizations that the caller may read."""
    return await organizations.list_organizations(db, subject=subject)


@get(
    "/organizations/{organization:str}", opt=requires("organization:read"), tags=_TAGS, summary="Get organization by ID"
)
async def get_organization(
    organization: str, subject: Subject, db: Database, include_deleted: bool = False
) -> Organization:
    """Return an organization by `default`, id or name; with `include_deleted` by its id also when it is deleted."""
    return await organizations.get_organization(db, subject=subject, value=organization, has_deleted=include_deleted)


@post("/organizations", opt=requires("organization:create"), tags=_TAGS, summary="Create organization")
async def create_organization(data: CreateOrganizationRequest, subject: Subject, db: Database) -> Organization:
    """Make an organization; the caller is its first member, without any role there."""
    return await organizations.create_organization(db, subject=subject, request=data)


@patch(
    "/organizations/{organization:str}",
    opt=requires("organization:update"),
    tags=_TAGS,
    summary="Update organization",
)
async def update_organization(
    organization: str, data: UpdateOrganizationRequest, subject: Subject, db: Database
) -> Organization:
    """Change an organization's names, description and icon."""
    return await organizations.update_organization(db, subject=subject, value=organization, request=data)


@delete(
    "/organizations/{organization:str}",
    opt=requires("organization:delete"),
    status_code=200,
    tags=_TAGS,
    summary="Delete organization",
)
async def delete_organization(organization: str, subject: Subject, db: Database) -> Response:
    """Delete an organization that nothing is left in (else 409); its name is free again."""
    await organizations.delete_organization(db, subject=subject, value=organization)
    return Response(message="The organization has been deleted.")


@get(
    "/users/{user:str}/organizations",
    opt=requires("organization:read"),
    tags=["Users"],
    summary="Get organizations by user",
)
async def list_organizations_of_user(user: str, subject: Subject, db: Database) -> list[Organization]:
    """List a user's organizations."""
    return await organizations.list_organizations_of_user(db, subject=subject, value=user)


@get(
    "/users/{user:str}/organizations/{organizationname:str}",
    opt=requires("organization:read"),
    tags=["Users"],
    summary="Get organization by user and organization name",
)
async def get_organization_of_user(user: str, organizationname: str, subject: Subject, db: Database) -> Organization:
    """Return one of a user's organizations."""
    return await organizations.get_organization_of_user(db, subject=subject, value=user, name=organizationname)


routes: list[Any] = [
    list_organizations,
    get_organization,
    create_organization,
    update_organization,
    delete_organization,
    list_organizations_of_user,
    get_organization_of_user,
]
