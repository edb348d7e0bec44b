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
from homeport.templates.schemas import Preset, Template, TemplateVersionParameter
from homeport.templates.service.contents import list_presets
from homeport.templates.service.forms import form_parameters
from homeport.templates.service.templates import list_templates
from homeport.web.dependent import Entered, read_entered
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form
from homeport.web.parameters import build_fields
from homeport.web.places import find_template, workspace_path
from homeport.web.rendering import View
from homeport.workspaces.errors import InvalidParameters
from homeport.workspaces.schemas import CreateWorkspaceRequest, WorkspaceBuildParameter
from homeport.workspaces.service import create_workspace
from homeport.workspaces.service.isolation import Outlook, isolation_outlook

_READ = requires("template:read", is_page=True)
_NAME = frozenset({"name"})
_LONGEST_NAME = 32
NO_PRESET = "none"


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
async def show_form(view: View, template: str, db: Database, subject: Subject, cipher: Cipher) -> Response[str]:
    """Show the form of a template's active version."""
    wish = view.request.query_params.get("preset", "")
    loaded = await _load(view, template, db, cipher, subject, wish)
    name = view.request.query_params.get("name", "")[:_LONGEST_NAME] or random_name()
    return _page(view, loaded, name=name, values={}, problems=NO_PROBLEMS, wrong={})


@post(
    "/templates/{template:str}/workspace",
    opt=requires("workspace:create", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def create(view: View, template: str, db: Database, subject: Subject, cipher: Cipher) -> Response[str] | Redirect:
    """Create the workspace and lead to its page, where its first build can be watched."""
    form = await read_form(view.request)
    loaded = await _load(view, template, db, cipher, subject, form.text("preset") or NO_PRESET)
    entered = await _entered(db, cipher, subject, loaded, form)
    loaded = loaded._replace(parameters=entered.parameters)
    values = {**entered.values, **loaded.fixed}
    if entered.unseen:
        return _page(view, loaded, name=form.text("name"), values=values, problems=entered.problems, wrong={})
    request = _request(loaded, form.text("name"), values)
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
    presets: list[Preset]
    preset: Preset | None

    @property
    def fixed(self) -> dict[str, str]:
        """Return what the preset sets."""
        return {} if self.preset is None else {each.name: each.value for each in self.preset.parameters}


def _request(loaded: _Loaded, name: str, values: Mapping[str, str]) -> CreateWorkspaceRequest:
    return CreateWorkspaceRequest(
        name=name,
        template_id=loaded.template.id,
        rich_parameter_values=[WorkspaceBuildParameter(name, value) for name, value in values.items()],
        template_version_preset_id=None if loaded.preset is None else loaded.preset.id,
    )


async def _entered(db: Database, cipher: Cipher, subject: Subject, loaded: _Loaded, form: Form) -> Entered:
    async with db.connection() as conn:

        async def ask(values: Mapping[str, str]) -> list[TemplateVersionParameter]:
            version_id = loaded.template.active_version_id
            return await form_parameters(
                conn, cipher, subject=subject, version_id=version_id, owner_id=subject.id, values=values
            )

        return await read_entered(ask, form, is_first_build=True, fixed=loaded.fixed)


async def _load(view: View, template: str, db: Database, cipher: Cipher, subject: Subject, wish: str) -> _Loaded:
    """Return what the form shows. `wish` is the id of a preset, NO_PRESET, or empty for the default one."""
    async with db.connection() as conn:
        found = await find_template(conn, subject, template, view.request.query_params.get("organization", ""))
        presets = await list_presets(conn, subject=subject, version_id=found.active_version_id)
        outlook = await isolation_outlook(conn, subject=subject, template=found)
        loaded = _Loaded(found, [], outlook, presets, _chosen(presets, wish))
        parameters = await form_parameters(
            conn,
            cipher,
            subject=subject,
            version_id=found.active_version_id,
            owner_id=subject.id,
            values=loaded.fixed,
        )
    return loaded._replace(parameters=parameters)


def _chosen(presets: list[Preset], wish: str) -> Preset | None:
    """Return the preset that is asked for. One of an older version is none any more: the form is shown without it."""
    return next((each for each in presets if (str(each.id) == wish if wish else each.is_default)), None)


def _page(
    view: View,
    loaded: _Loaded,
    *,
    name: str,
    values: Mapping[str, str],
    problems: Problems,
    wrong: Mapping[str, str],
) -> Response[str]:
    fields = build_fields(loaded.parameters, values=values, problems=wrong, is_first_build=True, preset=loaded.fixed)
    return view.page(
        "new_workspace.html",
        status=problems.status,
        template=loaded.template,
        outlook=loaded.outlook,
        organization=view.request.query_params.get("organization", ""),
        name=name,
        fields=fields,
        presets=loaded.presets,
        preset=loaded.preset,
        no_preset=NO_PRESET,
        problems=problems,
        wrong=wrong,
    )


routes: list[Any] = [choose_template, show_form, create]
