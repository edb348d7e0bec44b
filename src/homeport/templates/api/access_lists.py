"""HTTP of a template's access list."""

from uuid import UUID

from litestar import get, patch
from litestar.handlers import HTTPRouteHandler

from homeport.access.routes import requires
from homeport.database import Database
from homeport.kit.http import Response
from homeport.rbac import Subject
from homeport.templates.schemas import TemplateACL, UpdateTemplateACL
from homeport.templates.service import access_lists

_PATH = "/templates/{template:str}/acl"


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


routes: list[HTTPRouteHandler] = [get_acl, update_acl]
