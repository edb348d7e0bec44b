"""What workspaces of a template version would be made of: found by its import and by dry runs."""

from uuid import UUID

from homeport.database import Connection, Database
from homeport.provisioning.service import get_job
from homeport.provisioning.types import ProvisionerJobRow
from homeport.rbac import Subject
from homeport.templates.errors import JobUnfinished
from homeport.templates.service import get_version
from homeport.templates.service.dry_runs import get_dry_run
from homeport.workspaces.schemas import WorkspaceResource
from homeport.workspaces.service.resources import resource_views


async def list_version_resources(db: Database, *, subject: Subject, version_id: UUID) -> list[WorkspaceResource]:
    """Return what a start and a stop would have, by the version's import. Raises 412 while the import goes on."""
    async with db.connection() as conn:
        found = await get_version(conn, subject, version_id)
        return await _resources(conn, await get_job(conn, found.version.job_id), "import")


async def list_dry_run_resources(
    db: Database, *, subject: Subject, version_id: UUID, job_id: UUID
) -> list[WorkspaceResource]:
    """Return what a start would have, by a dry run. Raises 403 for another job, 412 while the dry run goes on."""
    async with db.connection() as conn:
        job = await get_dry_run(conn, subject=subject, version_id=version_id, job_id=job_id)
        return await _resources(conn, job, "dry run")


async def _resources(conn: Connection, job: ProvisionerJobRow, what: str) -> list[WorkspaceResource]:
    if job.completed_at is None:
        raise JobUnfinished(what)
    return (await resource_views(conn, [job.id])).get(job.id, [])
