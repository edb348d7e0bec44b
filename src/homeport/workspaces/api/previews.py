"""Routes that show what a template version makes. They stand here because this room owns resources."""

from typing import Any
from uuid import UUID

from litestar import get

from homeport.database import Database
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.workspaces.schemas import WorkspaceResource
from homeport.workspaces.service import previews

_READ = requires("template:read")


@get(
    "/templateversions/{templateversion:str}/resources",
    opt=_READ,
    tags=["Templates"],
    summary="Get resources by template version",
)
async def list_version_resources(templateversion: UUID, subject: Subject, db: Database) -> list[WorkspaceResource]:
    """List what workspaces of the version have when they run and when they are stopped."""
    return await previews.list_version_resources(db, subject=subject, version_id=templateversion)


@get(
    "/templateversions/{templateversion:str}/dry-run/{job:str}/resources",
    opt=_READ,
    tags=["Templates"],
    summary="Get template version dry-run resources by job ID",
)
async def list_dry_run_resources(
    templateversion: UUID, job: UUID, subject: Subject, db: Database
) -> list[WorkspaceResource]:
    """List what a dry run would have made."""
    return await previews.list_dry_run_resources(db, subject=subject, version_id=templateversion, job_id=job)


routes: list[Any] = [list_version_resources, list_dry_run_resources]
