"""Provisioners of an organization: its daemons and what each does, the jobs with why they wait, and the keys of remote daemons."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.types import Identity
from homeport.kit.errors import HomeportError, NotFound
from homeport.kit.routes import requires
from homeport.provisioning.schemas import CreateProvisionerKeyRequest, ProvisionerDaemon, ProvisionerJob, ProvisionerKey
from homeport.provisioning.service import daemons, keys, views
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, require
from homeport.templates.service.dry_runs import cancel_dry_run
from homeport.templates.service.versions import cancel_import
from homeport.web.forms import NO_PROBLEMS, Form, Problems, field_problem, read_form, remaining
from homeport.web.rendering import View
from homeport.web.tenancy import Place, load_place
from homeport.workspaces.service.cancellation import cancel_build

_PATH = "/organizations/{organization:str}/provisioners"
_READ = requires("provisioner_daemon:read", is_page=True)
_DELETE = requires("provisioner_daemon:delete", is_page=True)
_FIELDS = ("name", "tags")
_MOST_DAEMONS = 500
_MOST_JOBS = 50
_UNDER_WAY = ["pending", "running", "canceling"]
Page = Response[str] | Redirect


class Rights(msgspec.Struct, frozen=True):
    """What the page offers; the services decide again."""

    can_read_jobs: bool
    can_create_keys: bool
    can_delete_keys: bool


@get(_PATH, opt=_READ, include_in_schema=False)
async def show_provisioners(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Show daemons, keys, and the jobs that wait or run; with `?jobs=all` the latest, however they ended."""
    place = await load_place(db, identity, organization, "provisioners")
    return await _page(view, db, identity.subject, place)


@post(
    f"{_PATH}/keys",
    opt=requires("provisioner_daemon:create", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def create_key(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Make a key, and show its secret this once."""
    form = await read_form(view.request)
    place = await load_place(db, identity, organization, "provisioners")
    tags, wrong = _tags(form.text("tags"))
    if wrong:
        return await _page(view, db, identity.subject, place, form=form, problems=field_problem("tags", wrong))
    request = CreateProvisionerKeyRequest(name=form.text("name"), tags=tags)
    try:
        secret = await keys.create_key(db, identity.subject, str(place.organization.id), request)
    except HomeportError as error:
        problems = Problems(error, known=frozenset(_FIELDS))
        return await _page(view, db, identity.subject, place, form=form, problems=problems)
    return await _page(view, db, identity.subject, place, secret=secret, made=request.name)


@get(f"{_PATH}/keys/{{provisionerkey:str}}/delete", opt=_DELETE, include_in_schema=False)
async def confirm_deletion(
    view: View, organization: str, provisionerkey: str, db: Database, identity: Identity
) -> Response[str]:
    """Ask before a key goes, and say whom that stops."""
    place = await load_place(db, identity, organization, "provisioners")
    return await _deletion_page(view, db, identity.subject, place, provisionerkey, NO_PROBLEMS)


@post(f"{_PATH}/keys/{{provisionerkey:str}}/delete", opt=_DELETE, include_in_schema=False, status_code=200)
async def delete_key(view: View, organization: str, provisionerkey: str, db: Database, identity: Identity) -> Page:
    """Delete a key."""
    await read_form(view.request)
    place = await load_place(db, identity, organization, "provisioners")
    try:
        await keys.delete_key(db, identity.subject, str(place.organization.id), provisionerkey)
    except HomeportError as error:
        return await _deletion_page(
            view, db, identity.subject, place, provisionerkey, Problems(error, known=frozenset())
        )
    return view.go(f"{place.path}/provisioners?notice=daemon-key-gone")


@post(
    f"{_PATH}/jobs/{{job:str}}/cancel",
    opt=requires("provisioner_jobs:read", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def cancel_job(view: View, organization: str, job: str, db: Database, identity: Identity) -> Page:
    """Ask a job to stop: whoever may do that to its build or version may do it here."""
    await read_form(view.request)
    place = await load_place(db, identity, organization, "provisioners")
    async with db.connection() as conn:
        found = await views.read_job(conn, identity.subject, str(place.organization.id), _id(job))
    try:
        await _cancel(db, identity.subject, found)
    except HomeportError as error:
        problems = Problems(error, known=frozenset())
        return await _page(view, db, identity.subject, place, canceling=problems)
    return view.go(f"{place.path}/provisioners?notice=job-canceling")


async def _cancel(db: Database, subject: Subject, job: ProvisionerJob) -> None:
    version, build = job.input.template_version_id, job.input.workspace_build_id
    if job.type == "workspace_build" and build is not None:
        await cancel_build(db, subject=subject, build_id=build)
    elif job.type == "template_version_dry_run" and version is not None:
        await cancel_dry_run(db, subject=subject, version_id=version, job_id=job.id)
    elif version is not None:
        await cancel_import(db, subject=subject, version_id=version)
    else:
        raise NotFound("What this job was for is gone.")


async def _page(
    view: View,
    db: Database,
    subject: Subject,
    place: Place,
    *,
    form: Form | None = None,
    problems: Problems = NO_PROBLEMS,
    canceling: Problems = NO_PROBLEMS,
    secret: str = "",
    made: str = "",
) -> Response[str]:
    can, organization = _rights(subject, place), str(place.organization.id)
    shows_all = view.request.query_params.get("jobs") == "all"
    known: list[ProvisionerKey] = []
    jobs: list[ProvisionerJob] = []
    which = daemons.DaemonFilter(has_offline=True, limit=_MOST_DAEMONS)
    async with db.connection() as conn:
        found = await daemons.list_daemons(conn, subject, organization, which)
        if can.can_create_keys or can.can_delete_keys:
            known = await keys.list_keys(conn, subject, organization)
        if can.can_read_jobs:
            wanted = views.JobFilter(statuses=None if shows_all else _UNDER_WAY, limit=_MOST_JOBS + 1)
            jobs = await views.list_jobs(conn, subject, organization, wanted)
    return view.page(
        "provisioners.html",
        status=max(problems.status, canceling.status),
        place=place,
        can=can,
        daemons=sorted(found, key=_by_life),
        keys=known,
        users=_users(found),
        jobs=jobs[:_MOST_JOBS],
        has_more=len(jobs) > _MOST_JOBS,
        shows_all=shows_all,
        values=remaining(form or {}, *_FIELDS),
        problems=problems,
        canceling=canceling,
        secret=secret,
        made=made,
        access_url=view.settings.access_url.rstrip("/"),
        can_cancel=frozenset({"pending", "running"}),
    )


async def _deletion_page(
    view: View, db: Database, subject: Subject, place: Place, name: str, problems: Problems
) -> Response[str]:
    organization = place.organization.id
    target = Object(ResourceType.PROVISIONER_DAEMON, organization_id=organization)
    require(subject, Action.DELETE, target, noun="provisioner key")
    async with db.connection() as conn:
        every = await keys.list_key_daemons(conn, subject, str(organization))
    found = next((each for each in every if each.key.name.lower() == name.lower()), None)
    if found is None:
        raise NotFound("There is no such key.")
    busy = sum(each.status == "busy" for each in found.daemons)
    alive = sum(each.status in {"busy", "idle"} for each in found.daemons)
    return view.page(
        "confirm.html",
        status=problems.status,
        heading=f"Delete the key {found.key.name}",
        consequences=[
            f"Provisioners that use it now: {alive}. They get no more jobs, from this moment on.",
            f"Jobs that they work on: {busy}. These end as failed, with this reason; the state from before is kept.",
        ],
        problems=problems,
        action=f"{place.path}/provisioners/keys/{found.key.name}/delete",
        typed="",
        button="Delete key",
        back=f"{place.path}/provisioners",
        keep="Keep it",
    )


def _rights(subject: Subject, place: Place) -> Rights:
    organization = place.organization.id
    daemon = Object(ResourceType.PROVISIONER_DAEMON, organization_id=organization)
    return Rights(
        can_read_jobs=is_allowed(
            subject, Action.READ, Object(ResourceType.PROVISIONER_JOBS, organization_id=organization)
        ),
        can_create_keys=is_allowed(subject, Action.CREATE, daemon),
        can_delete_keys=is_allowed(subject, Action.DELETE, daemon),
    )


def _by_life(daemon: ProvisionerDaemon) -> tuple[int, str]:
    return (("busy", "idle", "offline").index(daemon.status or "offline"), daemon.name)


def _users(found: list[ProvisionerDaemon]) -> dict[UUID, int]:
    """Return how many living daemons hold each key."""
    counts: dict[UUID, int] = {}
    for daemon in found:
        if daemon.status != "offline":
            counts[daemon.key_id] = counts.get(daemon.key_id, 0) + 1
    return counts


def _tags(text: str) -> tuple[dict[str, str], str]:
    """Return tags of lines like `region=eu`, and what is wrong with them."""
    tags: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, separator, value = line.partition("=")
        if not separator or not name.strip():
            return {}, f"Write each tag on a line of its own, like region=eu; '{line[:40]}' is not one."
        tags[name.strip()] = value.strip()
    return tags, ""


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such job.") from None


routes: list[Any] = [show_provisioners, create_key, confirm_deletion, delete_key, cancel_job]
