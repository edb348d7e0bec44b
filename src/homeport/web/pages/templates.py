"""Templates: the list, and one with its README, parameters and versions."""

from typing import Any

from litestar import Response, get

from homeport.database import Database
from homeport.kit.errors import BadRequest
from homeport.kit.http import Page
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.templates.schemas import Template
from homeport.templates.service.contents import list_parameters, list_presets
from homeport.templates.service.templates import list_templates
from homeport.templates.service.versions import list_versions, read_version
from homeport.web.forms import NO_PROBLEMS, Problems
from homeport.web.rendering import View
from homeport.web.template_place import load_template_place, places_for_templates
from homeport.workspaces.service.isolation import isolation_outlook

_READ = requires("template:read", is_page=True)
_SHOWN_VERSIONS = 5


@get("/templates", opt=_READ, include_in_schema=False)
async def show_templates(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show the templates that one may see, and a search among them."""
    search = view.request.query_params.get("q", "")[:2000]
    problems, found = NO_PROBLEMS, list[Template]()
    async with db.connection() as conn:
        try:
            found = await list_templates(conn, subject=subject, query=search)
        except BadRequest as error:
            problems = Problems(error, known=frozenset())
    return view.page(
        "templates.html",
        status=problems.status,
        templates=found,
        has_several=len({each.organization_id for each in found}) > 1,
        search=search,
        problems=problems,
        access_url=view.settings.access_url,
        can_create=bool(await places_for_templates(db, subject)),
    )


@get("/templates/{template:str}", opt=_READ, include_in_schema=False)
async def show_template(view: View, template: str, db: Database, subject: Subject) -> Response[str]:
    """Show a template: what its author says about it, what it asks for, and its versions."""
    async with db.connection() as conn:
        place = await load_template_place(view, conn, subject, template, "")
        found = place.template
        active = await read_version(conn, subject=subject, version_id=found.active_version_id)
        versions = await list_versions(
            conn, subject=subject, template_id=found.id, page=Page(limit=_SHOWN_VERSIONS), has_archived=False
        )
        parameters = await list_parameters(conn, subject=subject, version_id=active.id)
        presets = await list_presets(conn, subject=subject, version_id=active.id)
        outlook = await isolation_outlook(conn, subject=subject, template=found)
    return view.page(
        "template.html",
        place=place,
        template=found,
        active=active,
        versions=versions,
        parameters=parameters,
        presets=presets,
        outlook=outlook,
    )


routes: list[Any] = [show_templates, show_template]
