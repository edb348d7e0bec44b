"""HTTP of dry runs of a version."""

from typing import Any
from uuid import UUID

from litestar import Response as HttpResponse
from litestar import WebSocket, get, patch, post, websocket
from litestar.handlers import BaseRouteHandler

from homeport.access.routes import requires
from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.kit.http import AfterLine, BeforeLine, Response
from homeport.provisioning.api.streams import send_logs
from homeport.provisioning.schemas import MatchedProvisioners, ProvisionerJob, ProvisionerJobLog
from homeport.provisioning.service import format_text
from homeport.rbac import Subject
from homeport.templates.api.logs import Format
from homeport.templates.schemas import CreateTemplateVersionDryRunRequest
from homeport.templates.service import dry_runs

_RUNS = "/templateversions/{templateversion:str}/dry-run"
_RUN = f"{_RUNS}/{{job:str}}"
_TAGS = ["Templates"]


@post(_RUNS, summary="Create a dry run", tags=_TAGS, opt=requires("template:update"))
async def create_dry_run(
    templateversion: UUID, data: CreateTemplateVersionDryRunRequest, subject: Subject, db: Database, cipher: Cipher
) -> ProvisionerJob:
    """Queue a job that tells what a start would make."""
    return await dry_runs.create_dry_run(db, cipher, subject=subject, version_id=templateversion, request=data)


@get(_RUN, summary="Get a dry run", tags=_TAGS, opt=requires("template:read"))
async def get_dry_run(templateversion: UUID, job: UUID, subject: Subject, db: Database) -> ProvisionerJob:
    """Return the job."""
    async with db.connection() as conn:
        return await dry_runs.read_dry_run(conn, subject=subject, version_id=templateversion, job_id=job)


@patch(f"{_RUN}/cancel", summary="Cancel a dry run", tags=_TAGS, opt=requires("template:update"))
async def cancel_dry_run(templateversion: UUID, job: UUID, subject: Subject, db: Database) -> Response:
    """Ask the job to stop."""
    await dry_runs.cancel_dry_run(db, subject=subject, version_id=templateversion, job_id=job)
    return Response("The dry run is being canceled.")


@get(f"{_RUN}/matched-provisioners", summary="Count daemons for a dry run", tags=_TAGS, opt=requires("template:read"))
async def get_matched_provisioners(
    templateversion: UUID, job: UUID, subject: Subject, db: Database
) -> MatchedProvisioners:
    """Count the daemons that could take the job."""
    async with db.connection() as conn:
        return await dry_runs.match_dry_run(conn, subject=subject, version_id=templateversion, job_id=job)


@get(f"{_RUN}/logs", summary="Get the log of a dry run", tags=_TAGS, opt=requires("template:read"))
async def get_logs(
    templateversion: UUID,
    job: UUID,
    subject: Subject,
    db: Database,
    after: AfterLine = 0,
    before: BeforeLine = None,
    form: Format = "json",
) -> HttpResponse[list[ProvisionerJobLog] | str]:
    """Return lines of the log."""
    async with db.connection() as conn:
        lines = await dry_runs.list_dry_run_logs(
            conn, subject=subject, version_id=templateversion, job_id=job, after=after, before=before or None
        )
    if form == "text":
        return HttpResponse(format_text(lines), media_type="text/plain")
    return HttpResponse(lines)


@websocket(f"{_RUN}/logs", opt=requires("template:read"))
async def follow_logs(
    socket: WebSocket[Any, Any, Any],
    templateversion: UUID,
    job: UUID,
    subject: Subject,
    db: Database,
    listener: Listener,
    after: AfterLine = 0,
) -> None:
    """Send the log as it grows."""
    batches = await dry_runs.follow_dry_run_logs(
        db, listener, subject=subject, version_id=templateversion, job_id=job, after=after
    )
    await send_logs(socket, batches)


routes: list[BaseRouteHandler] = [
    create_dry_run,
    get_dry_run,
    cancel_dry_run,
    get_matched_provisioners,
    get_logs,
    follow_logs,
]
