"""A template's versions: the list, one with all that its import has found, its log, and what may be done with it."""

from typing import Any, NamedTuple

from litestar import Response, get, post
from litestar.response import Redirect, Stream

from homeport.database import Database, Listener
from homeport.files.service import FileCache
from homeport.kit.crypto import Cipher
from homeport.kit.errors import BadRequest, HomeportError
from homeport.kit.http import Page as Window
from homeport.kit.routes import lasting, requires
from homeport.provisioning.schemas import ProvisionerJobLog
from homeport.rbac import Subject
from homeport.templates.schemas import (
    PatchTemplateVersionRequest,
    Preset,
    TemplateVersion,
    TemplateVersionExternalAuth,
    TemplateVersionParameter,
    TemplateVersionVariable,
)
from homeport.templates.service import contents, sources, templates, versions
from homeport.web.actions import JOB_UNDER_WAY
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form
from homeport.web.log_stream import line_asked_for, log_stream
from homeport.web.pages.workspaces import PAGE_SIZE, asked
from homeport.web.rendering import View
from homeport.web.template_place import TemplatePlace, load_template_place, load_version
from homeport.web.variables import sent_values, variable_fields
from homeport.workspaces.schemas import WorkspaceResource
from homeport.workspaces.service import previews

_READ = requires("template:read", is_page=True)
_UPDATE = requires("template:update", is_page=True)
_LIST = "/templates/{template:str}/versions"
_ONE = f"{_LIST}/{{version:str}}"
_NOTICES = {"promote": "promoted", "archive": "archived", "unarchive": "unarchived", "cancel": "import-canceled"}
Page = Response[str] | Redirect


class Found(NamedTuple):
    """What an import has found; empty while it goes on."""

    parameters: list[TemplateVersionParameter]
    variables: list[TemplateVersionVariable]
    presets: list[Preset]
    external_auth: list[TemplateVersionExternalAuth]
    resources: list[WorkspaceResource]
    lines: list[ProvisionerJobLog]


@get(_LIST, opt=_READ, include_in_schema=False)
async def show_versions(view: View, template: str, db: Database, subject: Subject) -> Response[str]:
    """Show a page of the versions, newest first; archived ones when they are asked for."""
    return await versions_page(view, db, subject, template)


async def versions_page(
    view: View, db: Database, subject: Subject, template: str, *, problems: Problems = NO_PROBLEMS
) -> Response[str]:
    """Return the page of a template's versions; `problems` are those of an upload."""
    _, number = asked(view)
    has_archived = view.request.query_params.get("show") == "archived"
    async with db.connection() as conn:
        place = await load_template_place(view, conn, subject, template, "versions")
        window = Window(limit=PAGE_SIZE + 1, offset=(number - 1) * PAGE_SIZE)
        found = await versions.list_versions(
            conn, subject=subject, template_id=place.template.id, page=window, has_archived=has_archived
        )
    return view.page(
        "template_versions.html",
        status=problems.status,
        problems=problems,
        place=place,
        template=place.template,
        versions=found[:PAGE_SIZE],
        has_next=len(found) > PAGE_SIZE,
        has_archived=has_archived,
        number=number,
    )


@post(f"{_LIST}/archive-unused", opt=_UPDATE, include_in_schema=False, status_code=200)
async def archive_unused(view: View, template: str, db: Database, subject: Subject) -> Page:
    """Archive the versions that are neither active nor in use."""
    await read_form(view.request)
    async with db.connection() as conn:
        place = await load_template_place(view, conn, subject, template, "versions")
    await versions.archive_unused(db, subject=subject, template_id=place.template.id, is_all=True)
    return view.go(place.address("/versions", notice="archived-unused"))


@get(_ONE, opt=_READ, include_in_schema=False)
async def show_version(view: View, template: str, version: str, db: Database, subject: Subject) -> Response[str]:
    """Show a version: its log, and what its import has found."""
    place, found = await load_version(view, db, subject, template, version)
    return await _page(view, db, subject, place, found)


@get(f"{_ONE}/log", opt=lasting(_READ), include_in_schema=False)
async def follow_version(
    view: View, template: str, version: str, db: Database, listener: Listener, subject: Subject
) -> Stream:
    """Send the lines of the import's log as they come."""
    _, found = await load_version(view, db, subject, template, version)
    batches = await contents.follow_import_logs(
        db, listener, subject=subject, version_id=found.id, after=line_asked_for(view), before=None
    )
    return log_stream(batches)


@post(f"{_ONE}/state", opt=_UPDATE, include_in_schema=False, status_code=200)
async def change_state(view: View, template: str, version: str, db: Database, subject: Subject) -> Page:
    """Promote, archive or take back a version, or cancel its import."""
    form = await read_form(view.request)
    place, found = await load_version(view, db, subject, template, version)
    wish = form.text("do")
    try:
        if wish == "promote":
            await templates.promote_version(db, subject=subject, template_id=place.template.id, version_id=found.id)
        elif wish in {"archive", "unarchive"}:
            await versions.set_archived(db, subject=subject, version_id=found.id, is_archived=wish == "archive")
        elif wish == "cancel":
            await versions.cancel_import(db, subject=subject, version_id=found.id)
        else:
            raise BadRequest("Choose what the page offers.")
    except HomeportError as error:
        return await _page(view, db, subject, place, found, problems=Problems(error, known=frozenset()))
    return view.go(place.version_address(found, notice=_NOTICES[wish]))


@post(f"{_ONE}/about", opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_about(view: View, template: str, version: str, db: Database, subject: Subject) -> Page:
    """Change a version's name and message."""
    form = await read_form(view.request)
    place, found = await load_version(view, db, subject, template, version)
    request = PatchTemplateVersionRequest(name=form.text("name"), message=form.get("message", "").strip())
    try:
        changed = await versions.update_version(db, subject=subject, version_id=found.id, request=request)
    except HomeportError as error:
        problems = Problems(error, known=frozenset({"name", "message"}))
        return await _page(view, db, subject, place, found, problems=problems, about=(request.name, request.message))
    return view.go(place.version_address(changed, notice="version-changed"))


@post(f"{_ONE}/variables", opt=_UPDATE, include_in_schema=False, status_code=200)
async def import_again(
    view: View, template: str, version: str, db: Database, subject: Subject, cipher: Cipher, file_cache: FileCache
) -> Page:
    """Make a new version of the same files with other values of the template's variables."""
    form = await read_form(view.request)
    place, found = await load_version(view, db, subject, template, version)
    try:
        made = await import_with_variables(
            db, cipher, file_cache, subject, found, form, message=f"Other variables than {found.name}"
        )
    except HomeportError as error:
        return await _page(view, db, subject, place, found, problems=Problems(error, known=frozenset()))
    return view.go(place.version_address(made))


async def import_with_variables(
    db: Database,
    cipher: Cipher,
    file_cache: FileCache,
    subject: Subject,
    found: TemplateVersion,
    form: Form,
    *,
    message: str,
) -> TemplateVersion:
    """Make a new version of a version's files with the values of variables that a form holds."""
    async with db.connection() as conn:
        declared = await contents.list_variables(conn, subject=subject, version_id=found.id)
    sent = sent_values(declared, form)
    return await sources.create_next(
        db,
        cipher,
        file_cache,
        subject=subject,
        version_id=found.id,
        message=message,
        values=sent.given,
        without=sent.cleared,
    )


async def _page(
    view: View,
    db: Database,
    subject: Subject,
    place: TemplatePlace,
    version: TemplateVersion,
    *,
    problems: Problems = NO_PROBLEMS,
    about: tuple[str | None, str | None] | None = None,
) -> Response[str]:
    found = await load_found(view, db, subject, version)
    return view.page(
        "template_version.html",
        status=problems.status,
        place=place,
        template=place.template,
        version=version,
        is_active=version.id == place.template.active_version_id,
        is_under_way=version.job.status in JOB_UNDER_WAY,
        lacks_values=version.job.error_code == "REQUIRED_TEMPLATE_VARIABLES",
        fields=variable_fields(found.variables),
        about=about or (version.name, version.message),
        problems=problems,
        **found._asdict(),
    )


async def load_found(view: View, db: Database, subject: Subject, version: TemplateVersion) -> Found:
    """Return what the import of a version has found so far."""
    async with db.connection() as conn:
        lines = await contents.list_import_logs(conn, subject=subject, version_id=version.id, after=0, before=None)
        if version.job.completed_at is None:
            return Found([], [], [], [], [], lines)
        parameters = await contents.list_parameters(conn, subject=subject, version_id=version.id)
        variables = await contents.list_variables(conn, subject=subject, version_id=version.id)
        presets = await contents.list_presets(conn, subject=subject, version_id=version.id)
        external_auth = await contents.list_external_auth(
            conn, subject=subject, version_id=version.id, access_url=view.settings.access_url
        )
    resources = await previews.list_version_resources(db, subject=subject, version_id=version.id)
    shown = [each for each in resources if each.workspace_transition == "start" and not each.hide]
    return Found(parameters, variables, presets, external_auth, shown, lines)


routes: list[Any] = [
    show_versions,
    archive_unused,
    show_version,
    follow_version,
    change_state,
    save_about,
    import_again,
]
