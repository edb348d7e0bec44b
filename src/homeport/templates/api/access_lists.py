"""HTTP of a template's access list."""

from typing import Annotated
from uuid import UUID

from litestar import get, patch
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from homeport.access.routes import requires
from homeport.database import Database
from homeport.kit.http import LimitParameter, OffsetParameter, Response, page
from homeport.rbac import Subject
from homeport.templates.schemas import ACLAvailable, TemplateACL, UpdateTemplateACL
from homeport.templates.service import access_lists

_PATH = "/templates/{template:str}/acl"
Search = Annotated[str, QueryParameter(name="q", description="A part of a name, of people also of the e-mail address.")]


@get(_PATH, summary="Get a template's access list", tags=["Enterprise"], opt=requires("template:read"))
async def get_acl(template: UUID, subject: Subject, db: Database) -> TemplateACL:
    """Return users and groups with their roles."""
    async with db.connection() as conn:
        return await access_lists.read_acl(conn, subject=subject, template_id=template)


@patch(_PATH, summary="Update a template's access list", tags=["Enterprise"], opt=requires("template:update"))
async def update_acl(template: UUID, data: UpdateTemplateACL, subject: Subject, db: Database) -> Response:
    """Set roles of users and groups; an empty role takes one away."""
    await access_lists.update_acl(db, subject=subject, template_id=template, request=data)
    return Response("The access list has been changed.")


@get(
    f"{_PATH}/available",
    summary="Get whom a template's access list could name",
    tags=["Enterprise"],
    opt=requires("template:update"),
)
async def list_available(
    template: UUID,
    subject: Subject,
    db: Database,
    search: Search = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
) -> ACLAvailable:
    """Return people and groups by name, a page of each: the first hundred without a limit."""
    async with db.connection() as conn:
        return await access_lists.list_available(
            conn, subject=subject, template_id=template, query=search, page=page(limit=limit, offset=offset)
        )


routes: list[HTTPRouteHandler] = [get_acl, update_acl, list_available]
