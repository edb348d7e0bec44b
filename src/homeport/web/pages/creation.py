"""Making a workspace from a template: choosing one, and the form of its parameters."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError
from homeport.kit.ids import random_name
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.templates.schemas import Template, TemplateVersionParameter
from homeport.templates.service.contents import list_parameters
from homeport.templates.service.templates import list_templates
from homeport.web.forms import NO_PROBLEMS, Problems, read_form
from homeport.web.parameters import build_fields, read_values
from homeport.web.places import find_template, workspace_path
from homeport.web.rendering import View
from homeport.workspaces.errors import InvalidParameters
from homeport.workspaces.schemas import CreateWorkspaceRequest, WorkspaceBuildParameter
from homeport.workspaces.service import create_workspace
from homeport.workspaces.service.isolation import Outlook, isolation_outlook

_READ = requires("template:read", is_page=True)
_NAME = frozenset({"name"})


@get("/workspaces/new", opt=_READ, include_in_schema=False)
async def choose_template(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show the templates that one may make a workspace from, of all one's organizations."""
    async with db.connection() as conn:
        templates = await list_templates(conn, subject=subject, is_usable=True)
    usable = [template for template in templates if not template.deprecated]
    has_several = len({template.organization_id for template in usable}) > 1
    return view.page(
        "choose_template.html", templates=usable, has_several=has_several, access_url=view.settings.access_url
    )


@get("/templates/{template:str}/workspace", opt=_READ, include_in_schema=False)
async def show_form(view: View, template: str, db: Database, subject: Subject) -> Response[str]:
    """Show the form of a template's active version."""
    loaded = await _load(view, template, db, subject)
    return _page(view, loaded, name=random_name(), values={}, problems=NO_PROBLEMS, wrong={})


@post(
    "/templates/{template:str}/workspace",
    opt=requires("workspace:create", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def create(view: View, template: str, db: Database, subject: Subject, cipher: Cipher) -> Response[str] | Redirect:
    """Create the workspace and lead to its page, where its first build can be watched."""
    form = await read_form(view.request)
    loaded = await _load(view, template, db, subject)
    values = read_values(loaded.parameters, form, is_first_build=True)
    request = CreateWorkspaceRequest(
        name=form.text("name"),
        template_id=loaded.template.id,
        rich_parameter_values=[WorkspaceBuildParameter(name, value) for name, value in values.items()],
    )
    wrong: Mapping[str, str] = {}
    try:
        workspace = await create_workspace(db, cipher, subject=subject, owner="me", request=request)
    except InvalidParameters as error:
        problems, wrong = Problems(error), Problems(error).fields
        problems.fields = {}
    except HomeportError as error:
        problems = Problems(error, known=_NAME)
    else:
        return view.go(workspace_path(workspace))
    return _page(view, loaded, name=form.text("name"), values=values, problems=problems, wrong=wrong)


class _Loaded(NamedTuple):
    template: Template
    parameters: list[TemplateVersionParameter]
    outlook: Outlook


async def _load(view: View, template: str, db: Database, subject: Subject) -> _Loaded:
    async with db.connection() as conn:
        found = await find_template(conn, subject, template, view.request.query_params.get("organization", ""))
        parameters = await list_parameters(conn, subject=subject, version_id=found.active_version_id)
        return _Loaded(found, parameters, await isolation_outlook(conn, subject=subject, template=found))


def _page(
    view: View,
    loaded: _Loaded,
    *,
    name: str,
    values: Mapping[str, str],
    problems: Problems,
    wrong: Mapping[str, str],
) -> Response[str]:
    fields = build_fields(loaded.parameters, values=values, problems=wrong, is_first_build=True)
    return view.page(
        "new_workspace.html",
        status=problems.status,
        template=loaded.template,
        outlook=loaded.outlook,
        organization=view.request.query_params.get("organization", ""),
        name=name,
        fields=fields,
        problems=problems,
        wrong=wrong,
    )


routes: list[Any] = [choose_template, show_form, create]
