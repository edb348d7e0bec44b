"""A new template from an example: choosing one, its import with its log, and the name of the template."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get, post
from litestar.response import Redirect, Stream

from homeport.database import Database, Listener
from homeport.files.service import FileCache
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError, NotFound
from homeport.kit.routes import lasting, requires
from homeport.rbac import Subject
from homeport.templates.schemas import (
    CreateTemplateRequest,
    CreateTemplateVersionRequest,
    TemplateExample,
    TemplateVersion,
)
from homeport.templates.service import contents, sources, templates, versions
from homeport.templates.service.examples import list_examples
from homeport.web.actions import JOB_UNDER_WAY
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form, remaining
from homeport.web.log_stream import line_asked_for, log_stream
from homeport.web.pages.template_versions import import_with_variables, load_found
from homeport.web.rendering import View
from homeport.web.template_place import places_for_templates
from homeport.web.variables import variable_fields

_READ = requires("template:read", is_page=True)
_CREATE = requires("template:create", is_page=True)
_VERSION = "/templates/new/versions/{id:str}"
_FIELDS = ("name", "display_name", "description", "icon")
Page = Response[str] | Redirect


@get("/templates/new", opt=_CREATE, include_in_schema=False)
async def choose_example(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show the examples that come with the server, and where an archive can be uploaded."""
    return await choice_page(view, db, subject)


async def choice_page(
    view: View, db: Database, subject: Subject, *, status: int = 200, problems: Problems = NO_PROBLEMS
) -> Response[str]:
    """Return the page on which a new template begins."""
    return view.page(
        "template_examples.html",
        status=problems.status if problems else status,
        problems=problems,
        examples=list_examples(),
        organizations=await places_for_templates(db, subject),
    )


@get("/templates/new/examples/{example:str}", opt=_CREATE, include_in_schema=False)
async def show_example(view: View, example: str, db: Database, subject: Subject) -> Response[str]:
    """Show what an example's author says about it, and where it may be imported."""
    return await _example_page(view, db, subject, _find(example), NO_PROBLEMS)


@post("/templates/new/examples/{example:str}", opt=_CREATE, include_in_schema=False, status_code=200)
async def import_example(
    view: View, example: str, db: Database, subject: Subject, cipher: Cipher, file_cache: FileCache
) -> Page:
    """Import an example and lead to the page on which it becomes a template."""
    form = await read_form(view.request)
    found = _find(example)
    request = CreateTemplateVersionRequest(
        provisioner=sources.example_engine(found.id), example_id=found.id, message=f"From the example {found.name}"
    )
    try:
        made = await versions.create_version(
            db,
            cipher,
            file_cache,
            subject=subject,
            organization=form.text("organization") or "default",
            request=request,
        )
    except HomeportError as error:
        return await _example_page(view, db, subject, found, Problems(error, known=frozenset()))
    return view.go(_path(made.id, found.id))


@get(_VERSION, opt=_READ, include_in_schema=False)
async def show_import(view: View, id: str, db: Database, subject: Subject) -> Page:
    """Show the import of a version that is no template's yet, and, when it has succeeded, the form of the template."""
    found = await _load(db, subject, id)
    if found.template_id is None:
        return await _import_page(view, db, subject, found, None, NO_PROBLEMS)
    async with db.connection() as conn:
        template = await templates.read_template(conn, subject=subject, template_id=found.template_id)
    return view.go(f"/templates/{template.name}?{urlencode({'organization': template.organization_name})}")


@get(f"{_VERSION}/log", opt=lasting(_READ), include_in_schema=False)
async def follow_import(view: View, id: str, db: Database, listener: Listener, subject: Subject) -> Stream:
    """Send the lines of the import's log as they come."""
    found = await _load(db, subject, id)
    batches = await contents.follow_import_logs(
        db, listener, subject=subject, version_id=found.id, after=line_asked_for(view), before=None
    )
    return log_stream(batches)


@post(f"{_VERSION}/variables", opt=_CREATE, include_in_schema=False, status_code=200)
async def give_variables(
    view: View, id: str, db: Database, subject: Subject, cipher: Cipher, file_cache: FileCache
) -> Page:
    """Import the same files again with values for the template's variables."""
    form = await read_form(view.request)
    found = await _load(db, subject, id)
    try:
        made = await import_with_variables(db, cipher, file_cache, subject, found, form, message=found.message)
    except HomeportError as error:
        return await _import_page(view, db, subject, found, None, Problems(error, known=frozenset()))
    return view.go(_path(made.id, view.request.query_params.get("example", "")))


@post(_VERSION, opt=_CREATE, include_in_schema=False, status_code=200)
async def create_template(view: View, id: str, db: Database, subject: Subject) -> Page:
    """Make a template of the imported version."""
    form = await read_form(view.request)
    found = await _load(db, subject, id)
    request = CreateTemplateRequest(
        name=form.text("name"),
        display_name=form.text("display_name"),
        description=form.text("description"),
        icon=form.text("icon"),
        template_version_id=found.id,
        disable_everyone_group_access=form.get("everyone") != "1",
    )
    try:
        made = await templates.create_template(
            db, subject=subject, organization=str(found.organization_id), request=request
        )
    except HomeportError as error:
        return await _import_page(view, db, subject, found, form, Problems(error, known=frozenset(_FIELDS)))
    query = urlencode({"organization": made.organization_name, "notice": "template"})
    return view.go(f"/templates/{made.name}?{query}")


def _find(example_id: str) -> TemplateExample:
    for example in list_examples():
        if example.id == example_id:
            return example
    raise NotFound("There is no such example.")


def _path(version_id: UUID, example_id: str) -> str:
    return f"/templates/new/versions/{version_id}?{urlencode({'example': example_id[:64]})}"


async def _load(db: Database, subject: Subject, version_id: str) -> TemplateVersion:
    """Return a version that is no template's yet. Raises 404."""
    try:
        parsed = UUID(version_id)
    except ValueError:
        raise NotFound("There is no such version.") from None
    async with db.connection() as conn:
        return await versions.read_version(conn, subject=subject, version_id=parsed)


async def _example_page(
    view: View, db: Database, subject: Subject, example: TemplateExample, problems: Problems
) -> Response[str]:
    return view.page(
        "template_example.html",
        status=problems.status,
        example=example,
        engine=sources.example_engine(example.id),
        organizations=await places_for_templates(db, subject),
        problems=problems,
    )


async def _import_page(
    view: View, db: Database, subject: Subject, version: TemplateVersion, form: Form | None, problems: Problems
) -> Response[str]:
    example_id = view.request.query_params.get("example", "")[:64]
    example = next((each for each in list_examples() if each.id == example_id), None)
    values = remaining(form or {}, *_FIELDS)
    if form is None and example is not None:
        values = {"name": example.id, "display_name": "", "description": example.description, "icon": example.icon}
    found = await load_found(view, db, subject, version)
    return view.page(
        "template_import.html",
        status=problems.status,
        version=version,
        example_id=example_id,
        is_under_way=version.job.status in JOB_UNDER_WAY,
        fields=variable_fields(found.variables),
        values=values,
        is_for_everyone=form is None or form.get("everyone") == "1",
        problems=problems,
        **found._asdict(),
    )


routes: list[Any] = [
    choose_example,
    show_example,
    import_example,
    show_import,
    follow_import,
    give_variables,
    create_template,
]
