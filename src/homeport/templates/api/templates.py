"""HTTP of templates."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from homeport.access.routes import requires
from homeport.database import Database
from homeport.kit.http import Response
from homeport.rbac import Subject
from homeport.templates.schemas import (
    ArchiveTemplateVersionsRequest,
    ArchiveTemplateVersionsResponse,
    CreateTemplateRequest,
    Template,
    UpdateActiveTemplateVersion,
    UpdateTemplateMeta,
)
from homeport.templates.service import templates, versions

Search = Annotated[
    str, Parameter(query="q", description="name:, exact_name:, organization:, deprecated:, or bare words.")
]
_IN_ORGANIZATION = "/organizations/{organization:str}/templates"


@get("/templates", summary="List templates", tags=["Templates"], opt=requires("template:read"))
async def list_templates(subject: Subject, db: Database, search: Search = "") -> list[Template]:
    """Return the templates of all organizations that the caller may read, by name."""
    async with db.connection() as conn:
        return await templates.list_templates(conn, subject=subject, query=search)


@get(_IN_ORGANIZATION, summary="List templates of an organization", tags=["Templates"], opt=requires("template:read"))
async def list_organization_templates(
    organization: str, subject: Subject, db: Database, search: Search = ""
) -> list[Template]:
    """Return the organization's templates that the caller may read, by name."""
    async with db.connection() as conn:
        return await templates.list_templates(conn, subject=subject, organization=organization, query=search)


@post(_IN_ORGANIZATION, summary="Create a template", tags=["Templates"], opt=requires("template:create"))
async def create_template(organization: str, data: CreateTemplateRequest, subject: Subject, db: Database) -> Template:
    """Make a template of an imported version."""
    return await templates.create_template(db, subject=subject, organization=organization, request=data)


@get(
    f"{_IN_ORGANIZATION}/{{templatename:str}}",
    summary="Get a template by name",
    tags=["Templates"],
    opt=requires("template:read"),
)
async def get_template_by_name(organization: str, templatename: str, subject: Subject, db: Database) -> Template:
    """Return an organization's template."""
    async with db.connection() as conn:
        return await templates.read_template_by_name(
            conn, subject=subject, organization=organization, name=templatename
        )


@get("/templates/{template:str}", summary="Get a template", tags=["Templates"], opt=requires("template:read"))
async def get_template(template: UUID, subject: Subject, db: Database) -> Template:
    """Return a template by id."""
    async with db.connection() as conn:
        return await templates.read_template(conn, subject=subject, template_id=template)


@patch("/templates/{template:str}", summary="Update a template", tags=["Templates"], opt=requires("template:update"))
async def update_template(template: UUID, data: UpdateTemplateMeta, subject: Subject, db: Database) -> Template:
    """Change settings; absent ones stay."""
    return await templates.update_template(db, subject=subject, template_id=template, request=data)


@delete(
    "/templates/{template:str}",
    summary="Delete a template",
    tags=["Templates"],
    opt=requires("template:delete"),
    status_code=200,
)
async def delete_template(template: UUID, subject: Subject, db: Database) -> Response:
    """Delete a template without workspaces."""
    await templates.delete_template(db, subject=subject, template_id=template)
    return Response("The template has been deleted.")


@patch(
    "/templates/{template:str}/versions",
    summary="Set the active version",
    tags=["Templates"],
    opt=requires("template:update"),
)
async def promote_version(
    template: UUID, data: UpdateActiveTemplateVersion, subject: Subject, db: Database
) -> Response:
    """Make a version the one that new workspaces get."""
    await templates.promote_version(db, subject=subject, template_id=template, version_id=data.id)
    return Response("The active version has been changed.")


@post(
    "/templates/{template:str}/versions/archive",
    summary="Archive unused versions",
    tags=["Templates"],
    opt=requires("template:update"),
    status_code=200,
)
async def archive_versions(
    template: UUID, data: ArchiveTemplateVersionsRequest, subject: Subject, db: Database
) -> ArchiveTemplateVersionsResponse:
    """Archive versions whose import has failed, or all that nothing uses."""
    return await versions.archive_unused(db, subject=subject, template_id=template, is_all=data.all)


routes: list[HTTPRouteHandler] = [
    list_templates,
    list_organization_templates,
    create_template,
    get_template_by_name,
    get_template,
    update_template,
    delete_template,
    promote_version,
    archive_versions,
]
