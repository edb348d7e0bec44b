"""Asking for builds, canceling them, and showing one with its log, live while it runs."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect, Stream

from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError, NotFound
from homeport.kit.http import Page as Window
from homeport.kit.routes import lasting, requires
from homeport.provisioning.service import follow_logs
from homeport.rbac import Subject
from homeport.templates.schemas import TemplateVersionParameter
from homeport.templates.service.forms import form_parameters
from homeport.web.actions import UNDER_WAY
from homeport.web.dependent import read_entered
from homeport.web.forms import NO_PROBLEMS, Problems, read_form
from homeport.web.log_stream import line_asked_for, log_stream
from homeport.web.parameters import build_fields
from homeport.web.places import owner_of, workspace_path
from homeport.web.rendering import View
from homeport.workspaces.errors import InvalidParameters
from homeport.workspaces.schemas import CreateWorkspaceBuildRequest, Workspace, WorkspaceBuild, WorkspaceBuildParameter
from homeport.workspaces.service import cancellation, create_build, reading, states
from homeport.workspaces.types import Transition

_READ = requires("workspace:read", is_page=True)
Page = Response[str] | Redirect


def _post(path: str, permission: str) -> Callable[[Any], HTTPRouteHandler]:
    return post(
        f"/{{handle:str}}/{{name:str}}{path}",
        opt=requires(permission, is_page=True),
        include_in_schema=False,
        status_code=200,
    )


@_post("/start", "workspace:start")
async def start(view: View, handle: str, name: str, db: Database, subject: Subject, cipher: Cipher) -> Page:
    """Start a workspace; with `update`, on its template's active version. Values that it lacks are asked for."""
    form = await read_form(view.request)
    workspace = await _find(db, subject, handle, name)
    is_update = form.get("update") == "1"
    try:
        await _build(db, cipher, subject, workspace, "start", is_update=is_update)
    except InvalidParameters as error:
        parameters = await _parameters(db, cipher, subject, workspace, {}, is_update=is_update)
        return await _form_page(view, db, subject, workspace, parameters, is_update=is_update, error=error, values={})
    return view.go(workspace_path(workspace))


@_post("/stop", "workspace:stop")
async def stop(view: View, handle: str, name: str, db: Database, subject: Subject, cipher: Cipher) -> Page:
    """Stop a workspace."""
    await read_form(view.request)
    workspace = await _find(db, subject, handle, name)
    await _build(db, cipher, subject, workspace, "stop")
    return view.go(workspace_path(workspace))


@_post("/restart", "workspace:stop")
async def restart(view: View, handle: str, name: str, db: Database, subject: Subject, cipher: Cipher) -> Page:
    """Stop a workspace; its page starts it again when that is done."""
    form = await read_form(view.request)
    workspace = await _find(db, subject, handle, name)
    build = await _build(db, cipher, subject, workspace, "stop")
    update = "&update=1" if form.get("update") == "1" else ""
    return view.go(f"{workspace_path(workspace)}?restart={build.build_number}{update}")


@get("/{handle:str}/{name:str}/delete", opt=_READ, include_in_schema=False)
async def confirm_delete(view: View, handle: str, name: str, db: Database, subject: Subject) -> Page:
    """Ask whether the workspace shall really go."""
    workspace = await _find(db, subject, handle, name)
    return _delete_page(view, workspace, NO_PROBLEMS)


@_post("/delete", "workspace:delete")
async def delete(view: View, handle: str, name: str, db: Database, subject: Subject, cipher: Cipher) -> Page:
    """Delete a workspace whose name was typed in."""
    form = await read_form(view.request)
    workspace = await _find(db, subject, handle, name)
    problems = Problems()
    if form.text("confirm") != workspace.name:
        problems.status, problems.summary = 400, "Nothing was deleted."
        problems.fields["confirm"] = f"Type {workspace.name} to confirm."
        return _delete_page(view, workspace, problems)
    build = await _build(db, cipher, subject, workspace, "delete")
    # The workspace's own page is gone as soon as this has succeeded; the build's page stays.
    return view.go(f"{workspace_path(workspace)}/builds/{build.build_number}")


@_post("/cancel", "workspace:update")
async def cancel(view: View, handle: str, name: str, db: Database, subject: Subject) -> Page:
    """Ask the latest build to stop."""
    await read_form(view.request)
    workspace = await _find(db, subject, handle, name)
    await cancellation.cancel_build(db, subject=subject, build_id=workspace.latest_build.id)
    return view.go(f"{workspace_path(workspace)}?notice=canceling")


@get("/{handle:str}/{name:str}/parameters", opt=_READ, include_in_schema=False)
async def show_parameters(view: View, handle: str, name: str, db: Database, subject: Subject, cipher: Cipher) -> Page:
    """Show the values of a workspace as a form."""
    workspace = await _find(db, subject, handle, name)
    is_update = view.request.query_params.get("update") == "1"
    parameters = await _parameters(db, cipher, subject, workspace, {}, is_update=is_update)
    return await _form_page(view, db, subject, workspace, parameters, is_update=is_update, values={})


@_post("/parameters", "workspace:start")
async def start_with_parameters(
    view: View, handle: str, name: str, db: Database, subject: Subject, cipher: Cipher
) -> Page:
    """Start a workspace with other values."""
    form = await read_form(view.request)
    workspace = await _find(db, subject, handle, name)
    is_update = form.get("update") == "1"

    async def ask(values: Mapping[str, str]) -> list[TemplateVersionParameter]:
        return await _parameters(db, cipher, subject, workspace, values, is_update=is_update)

    entered = await read_entered(ask, form, is_first_build=False)
    parameters, values = entered.parameters, entered.values
    if entered.unseen:
        return await _form_page(
            view, db, subject, workspace, parameters, is_update=is_update, values=values, more=entered.problems
        )
    try:
        await _build(db, cipher, subject, workspace, "start", is_update=is_update, values=values)
    except HomeportError as error:
        return await _form_page(
            view, db, subject, workspace, parameters, is_update=is_update, error=error, values=values
        )
    return view.go(workspace_path(workspace))


@get("/{handle:str}/{name:str}/builds/{number:str}", opt=_READ, include_in_schema=False)
async def show_build(view: View, handle: str, name: str, number: str, db: Database, subject: Subject) -> Response[str]:
    """Show one build with its log."""
    build = await _find_build(db, subject, handle, name, number)
    return view.page(
        "build.html",
        build=build,
        base=f"/@{build.workspace_owner_name}/{build.workspace_name}",
        lines=await states.list_build_logs(db, subject=subject, build_id=build.id),
        parameters=await states.list_build_parameters(db, subject=subject, build_id=build.id),
        is_under_way=build.status in UNDER_WAY,
    )


@get("/{handle:str}/{name:str}/builds/{number:str}/log", opt=lasting(_READ), include_in_schema=False)
async def follow_build(
    view: View, handle: str, name: str, number: str, db: Database, listener: Listener, subject: Subject
) -> Stream:
    """Send the lines of a build's log after line `after` as they come, then `end`."""
    build = await _find_build(db, subject, handle, name, number)
    return log_stream(follow_logs(db, listener, build.job.id, after=line_asked_for(view)))


async def _find(db: Database, subject: Subject, handle: str, name: str) -> Workspace:
    return await reading.get_workspace_by_name(db, subject=subject, owner=owner_of(handle), name=name)


async def _find_build(db: Database, subject: Subject, handle: str, name: str, number: str) -> WorkspaceBuild:
    """Return a build by its number, also of a deleted workspace: its last build is what deleted it."""
    workspace = await reading.get_workspace_by_name(
        db, subject=subject, owner=owner_of(handle), name=name, can_be_deleted=True
    )
    latest = workspace.latest_build
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
    if wanted == latest.build_number:
        return latest
    if 0 < wanted < latest.build_number:
        # Numbers have no gaps, and the newest build comes first.
        window = Window(limit=1, offset=latest.build_number - wanted)
        found = await states.list_builds(db, subject=subject, workspace_id=workspace.id, page=window)
        if found and found[0].build_number == wanted:
            return found[0]
    raise NotFound("This workspace has no such build.")


async def _build(
    db: Database,
    cipher: Cipher,
    subject: Subject,
    workspace: Workspace,
    transition: Transition,
    *,
    is_update: bool = False,
    values: Mapping[str, str] | None = None,
) -> WorkspaceBuild:
    request = CreateWorkspaceBuildRequest(
        transition=transition,
        template_version_id=workspace.template_active_version_id if is_update else None,
        rich_parameter_values=[WorkspaceBuildParameter(name, value) for name, value in (values or {}).items()],
        reason="dashboard",
    )
    return await create_build(db, cipher, subject=subject, workspace_id=workspace.id, request=request)


async def _parameters(
    db: Database, cipher: Cipher, subject: Subject, workspace: Workspace, values: Mapping[str, str], *, is_update: bool
) -> list[TemplateVersionParameter]:
    version_id = workspace.template_active_version_id if is_update else workspace.latest_build.template_version_id
    async with db.connection() as conn:
        return await form_parameters(
            conn,
            cipher,
            subject=subject,
            version_id=version_id,
            owner_id=workspace.owner_id,
            values=values,
            previous=await reading.last_values(conn, subject, workspace.id),
        )


async def _form_page(
    view: View,
    db: Database,
    subject: Subject,
    workspace: Workspace,
    parameters: list[TemplateVersionParameter],
    *,
    is_update: bool,
    values: Mapping[str, str],
    error: HomeportError | None = None,
    more: Problems | None = None,
) -> Response[str]:
    given = await states.list_build_parameters(db, subject=subject, build_id=workspace.latest_build.id)
    previous = {value.name: value.value for value in given}
    wrong: Mapping[str, str] = {}
    if isinstance(error, InvalidParameters):
        problems, wrong = Problems(error), Problems(error).fields
        problems.fields = {}
    else:
        problems = more or Problems(error, known=frozenset())
    known = {parameter.name: parameter for parameter in parameters}
    # Values that hold for one build only begin with their default again.
    kept = {name: value for name, value in previous.items() if name in known and not known[name].ephemeral}
    is_new = frozenset(known) - frozenset(previous)
    fields = [
        msgspec.structs.replace(field, is_locked=field.is_locked and field.parameter not in is_new)
        for field in build_fields(parameters, values={**kept, **values}, problems=wrong, is_first_build=False)
    ]
    return view.page(
        "parameters.html",
        status=problems.status,
        workspace=workspace,
        base=workspace_path(workspace),
        fields=fields,
        problems=problems,
        wrong=wrong,
        is_update=is_update,
        is_running=workspace.latest_build.status == "running",
    )


def _delete_page(view: View, workspace: Workspace, problems: Problems) -> Response[str]:
    return view.page(
        "delete_workspace.html",
        status=problems.status,
        workspace=workspace,
        base=workspace_path(workspace),
        problems=problems,
    )


routes: list[Any] = [
    start,
    stop,
    restart,
    confirm_delete,
    delete,
    cancel,
    show_parameters,
    start_with_parameters,
    show_build,
    follow_build,
]
