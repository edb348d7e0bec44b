"""HTTP routes of organizations."""

from typing import Any

from litestar import get

from homeport.database import Database
from homeport.kit.routes import requires
from homeport.organizations.schemas import Organization
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
async def get_organization(organization: str, subject: Subject, db: Database) -> Organization:
    """Return an organization by `default`, id or name."""
    return await organizations.get_organization(db, subject=subject, value=organization)


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
    list_organizations_of_user,
    get_organization_of_user,
]
