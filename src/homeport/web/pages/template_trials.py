"""Dry runs of a version: the form of its parameters, and a run with its log and what a start would make."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.response import Redirect, Stream

from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError, NotFound
from homeport.kit.routes import lasting, requires
from homeport.rbac import Subject
from homeport.templates.schemas import (
    CreateTemplateVersionDryRunRequest,
    TemplateVersion,
    TemplateVersionParameter,
    VariableValue,
)
from homeport.templates.service import contents, dry_runs
from homeport.web.actions import JOB_UNDER_WAY
from homeport.web.forms import NO_PROBLEMS, Problems, read_form
from homeport.web.log_stream import line_asked_for, log_stream
from homeport.web.parameters import build_fields, read_values
from homeport.web.rendering import View
from homeport.web.template_place import TemplatePlace, load_version
from homeport.workspaces.service import previews

_READ = requires("template:read", is_page=True)
_UPDATE = requires("template:update", is_page=True)
_FORM = "/templates/{template:str}/versions/{version:str}/dry-run"
_RUN = f"{_FORM}/{{job:str}}"
Page = Response[str] | Redirect


@get(_FORM, opt=_UPDATE, include_in_schema=False)
async def show_form(view: View, template: str, version: str, db: Database, subject: Subject) -> Response[str]:
    """Show the form of the version's parameters."""
    place, found = await load_version(view, db, subject, template, version)
    return await _form(view, db, subject, place, found)


@post(_FORM, opt=_UPDATE, include_in_schema=False, status_code=200)
async def begin(view: View, template: str, version: str, db: Database, subject: Subject, cipher: Cipher) -> Page:
    """Begin a dry run with the values of the form."""
    form = await read_form(view.request)
    place, found = await load_version(view, db, subject, template, version)
    parameters = await _parameters(db, subject, found)
    values = read_values(parameters, form, is_first_build=True)
    request = CreateTemplateVersionDryRunRequest(
        workspace_name=form.text("name"),
        rich_parameter_values=[VariableValue(name=name, value=value) for name, value in values.items()],
    )
    try:
        job = await dry_runs.create_dry_run(db, cipher, subject=subject, version_id=found.id, request=request)
    except HomeportError as error:
        names = frozenset(each.name for each in parameters)
        return await _form(
            view, db, subject, place, found, values=values, name=form.text("name"), problems=_problems(error, names)
        )
    return view.go(place.version_address(found, f"/dry-run/{job.id}"))


@get(_RUN, opt=_READ, include_in_schema=False)
async def show_run(view: View, template: str, version: str, job: str, db: Database, subject: Subject) -> Response[str]:
    """Show a dry run with its log, and what a start would make as soon as it is known."""
    place, found = await load_version(view, db, subject, template, version)
    job_id = _job_id(job)
    async with db.connection() as conn:
        run = await dry_runs.read_dry_run(conn, subject=subject, version_id=found.id, job_id=job_id)
        lines = await dry_runs.list_dry_run_logs(
            conn, subject=subject, version_id=found.id, job_id=job_id, after=0, before=None
        )
    resources = []
    if run.status == "succeeded":
        resources = await previews.list_dry_run_resources(db, subject=subject, version_id=found.id, job_id=job_id)
    return view.page(
        "template_trial.html",
        place=place,
        template=place.template,
        version=found,
        run=run,
        lines=lines,
        is_under_way=run.status in JOB_UNDER_WAY,
        resources=[each for each in resources if not each.hide],
    )


@get(f"{_RUN}/log", opt=lasting(_READ), include_in_schema=False)
async def follow_run(
    view: View, template: str, version: str, job: str, db: Database, listener: Listener, subject: Subject
) -> Stream:
    """Send the lines of a dry run's log as they come."""
    _, found = await load_version(view, db, subject, template, version)
    batches = await dry_runs.follow_dry_run_logs(
        db, listener, subject=subject, version_id=found.id, job_id=_job_id(job), after=line_asked_for(view)
    )
    return log_stream(batches)


@post(f"{_RUN}/cancel", opt=_UPDATE, include_in_schema=False, status_code=200)
async def cancel(view: View, template: str, version: str, job: str, db: Database, subject: Subject) -> Page:
    """Ask a dry run to stop."""
    await read_form(view.request)
    place, found = await load_version(view, db, subject, template, version)
    await dry_runs.cancel_dry_run(db, subject=subject, version_id=found.id, job_id=_job_id(job))
    return view.go(place.version_address(found, f"/dry-run/{job}", notice="trial-canceled"))


def _job_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such dry run.") from None


async def _parameters(db: Database, subject: Subject, version: TemplateVersion) -> list[TemplateVersionParameter]:
    if version.job.completed_at is None:
        return []
    async with db.connection() as conn:
        return await contents.list_parameters(conn, subject=subject, version_id=version.id)


async def _form(
    view: View,
    db: Database,
    subject: Subject,
    place: TemplatePlace,
    version: TemplateVersion,
    *,
    values: Mapping[str, str] | None = None,
    name: str = "",
    problems: Problems = NO_PROBLEMS,
) -> Response[str]:
    parameters = await _parameters(db, subject, version)
    wrong = {field: words for field, words in problems.fields.items() if field != "workspace_name"}
    return view.page(
        "template_dry_run.html",
        status=problems.status,
        place=place,
        template=place.template,
        version=version,
        fields=build_fields(parameters, values=values or {}, problems=wrong, is_first_build=True),
        name=name,
        problems=problems,
    )


def _problems(error: HomeportError, names: frozenset[str]) -> Problems:
    """Return what was wrong: a parameter may be called as a field of ours, so those come first."""
    problems = Problems(error, known=names | {"workspace_name"})
    if "workspace_name" in problems.fields and "workspace_name" not in names:
        problems.fields["name"] = problems.fields.pop("workspace_name")
    return problems


routes: list[Any] = [show_form, begin, show_run, follow_run, cancel]
