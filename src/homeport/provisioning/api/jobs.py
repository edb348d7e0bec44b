"""HTTP of an organization's jobs."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from homeport.access.routes import requires
from homeport.database import Database
from homeport.kit.http import LimitParameter, OffsetParameter
from homeport.provisioning.api.query import ids_in, statuses_in, tags_in
from homeport.provisioning.schemas import ProvisionerJob
from homeport.provisioning.service import views
from homeport.provisioning.service.views import JobFilter
from homeport.rbac import Subject


@get(
    "/organizations/{organization:str}/provisionerjobs",
    summary="List provisioner jobs",
    tags=["Organizations"],
    opt=requires("provisioner_jobs:read"),
)
async def list_jobs(
    organization: str,
    subject: Subject,
    db: Database,
    limit: LimitParameter = 50,
    offset: OffsetParameter = 0,
    ids: Annotated[str | None, Parameter(description="Ids, separated by commas.")] = None,
    status: Annotated[str | None, Parameter(description="Statuses, separated by commas.")] = None,
    tags: Annotated[str | None, Parameter(description="Tags that jobs must have, as a JSON object.")] = None,
    initiator: Annotated[UUID | None, Parameter(description="Who asked for the job.")] = None,
) -> list[ProvisionerJob]:
    """Return the organization's jobs, newest first."""
    which = JobFilter(
        ids=ids_in(ids, "ids"), statuses=statuses_in(status), tags=tags_in(tags), initiator_id=initiator,
        limit=limit or 50, offset=offset,
    )  # fmt: skip
    async with db.connection() as conn:
        return await views.list_jobs(conn, subject, organization, which)


@get(
    "/organizations/{organization:str}/provisionerjobs/{job:str}",
    summary="Get a provisioner job",
    tags=["Organizations"],
    opt=requires("provisioner_jobs:read"),
)
async def get_job(organization: str, job: UUID, subject: Subject, db: Database) -> ProvisionerJob:
    """Return one job of the organization."""
    async with db.connection() as conn:
        return await views.read_job(conn, subject, organization, job)


routes: list[HTTPRouteHandler] = [list_jobs, get_job]
