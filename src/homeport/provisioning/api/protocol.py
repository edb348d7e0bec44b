"""HTTP that daemons speak: acquire a job, read its archive, report, finish. Every call about a job brings the job's token."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from homeport.access.routes import job_route, lasting, provisioner_route
from homeport.access.types import ProvisionerIdentity
from homeport.config import Settings
from homeport.database import Database
from homeport.provisioning.api.waiting import unless_gone
from homeport.provisioning.schemas import (
    AcquiredJob,
    AcquireJobRequest,
    CommitQuotaRequest,
    CommitQuotaResponse,
    CompleteJobRequest,
    FailJobRequest,
    UpdateJobRequest,
    UpdateJobResponse,
)
from homeport.provisioning.service import Acquirer, daemons, progress

DAEMON_ID_HEADER = "Homeport-Daemon-Id"
MAX_REPORT = 16 * 1024 * 1024

JobToken = Annotated[str, Parameter(header="Homeport-Job-Token", description="The token that came with the job.")]


@post(
    "/organizations/{organization:str}/provisionerdaemons/acquire",
    summary="Acquire a job",
    description="Waits up to wait_seconds (at most 30) for a job; 204 without one. The header Homeport-Daemon-Id names the daemon.",
    tags=["Provisioning"],
    opt=lasting(provisioner_route()),
    status_code=200,
)
async def acquire_job(
    organization: str,
    data: AcquireJobRequest,
    daemon: ProvisionerIdentity,
    db: Database,
    acquirer: Acquirer,
    request: Request[Any, Any, Any],
) -> Response[AcquiredJob | None]:
    """Register the daemon and hand it its next job; where it hangs up meanwhile, others get that."""
    row = await daemons.register_daemon(db, daemon, organization, data)
    job = await unless_gone(request, acquirer.acquire(row, wait_seconds=data.wait_seconds))
    return Response(job, status_code=204 if job is None else 200, headers={DAEMON_ID_HEADER: str(row.id)})


@get(
    "/provisionerjobs/{job:str}/file",
    summary="Get a job's archive",
    tags=["Provisioning"],
    opt=job_route(),
    media_type="application/x-tar",
)
async def get_job_file(job: UUID, job_token: JobToken, db: Database) -> Response[bytes]:
    """Return the tar that the job works on."""
    return Response(await progress.read_job_file(db, job, job_token), media_type="application/x-tar")


@post(
    "/provisionerjobs/{job:str}/update",
    summary="Report progress of a job",
    description="At least every 5 seconds, even without news. 403 or 409: the job is no longer the caller's; abandon the work.",
    tags=["Provisioning"],
    opt=job_route(),
    status_code=200,
    request_max_body_size=MAX_REPORT,
)
async def update_job(
    job: UUID, data: UpdateJobRequest, job_token: JobToken, db: Database, settings: Settings
) -> UpdateJobResponse:
    """Take logs, readme and variables; answer whether to stop."""
    return await progress.update_job(db, job, job_token, data, force_after=settings.provisioner_force_cancel_interval)


@post(
    "/provisionerjobs/{job:str}/complete",
    summary="Complete a job",
    tags=["Provisioning"],
    opt=job_route(),
    status_code=204,
    request_max_body_size=MAX_REPORT,
)
async def complete_job(job: UUID, data: CompleteJobRequest, job_token: JobToken, db: Database) -> None:
    """Take the result that belongs to the job's type."""
    await progress.complete_job(db, job, job_token, data)


@post(
    "/provisionerjobs/{job:str}/fail",
    summary="Fail a job",
    tags=["Provisioning"],
    opt=job_route(),
    status_code=204,
    request_max_body_size=MAX_REPORT,
)
async def fail_job(job: UUID, data: FailJobRequest, job_token: JobToken, db: Database) -> None:
    """Take the error, or the end of a canceled job."""
    await progress.report_failure(db, job, job_token, data)


@post(
    "/provisionerjobs/{job:str}/quota",
    summary="Commit the quota of a job",
    tags=["Provisioning"],
    opt=job_route(),
    status_code=200,
)
async def commit_quota(job: UUID, data: CommitQuotaRequest, job_token: JobToken, db: Database) -> CommitQuotaResponse:
    """Answer whether the planned build fits the budget."""
    return await progress.commit_quota(db, job, job_token, data.daily_cost)


routes: list[HTTPRouteHandler] = [acquire_job, get_job_file, update_job, complete_job, fail_job, commit_quota]
