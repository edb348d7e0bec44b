"""Trials of a version: a job that tells what a start would make and makes nothing."""

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from homeport.database import Connection, Database, Listener
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.errors import BadRequest, Forbidden, invalid_field
from homeport.kit.ids import random_name
from homeport.kit.names import validate_name
from homeport.provisioning.schemas import MatchedProvisioners, ProvisionerJob, ProvisionerJobLog
from homeport.provisioning.service import (
    cancel_job,
    follow_logs,
    get_job,
    insert_job,
    job_views,
    list_logs,
    matched_provisioners,
)
from homeport.provisioning.types import ProvisionerJobRow
from homeport.rbac import Action, Subject
from homeport.templates.errors import VersionUnfinished
from homeport.templates.rules import judge_values, left_to_terraform
from homeport.templates.schemas import CreateTemplateVersionDryRunRequest
from homeport.templates.service import access
from homeport.templates.service.forms import evaluate_facts, version_form


async def create_dry_run(
    db: Database, cipher: Cipher, *, subject: Subject, version_id: UUID, request: CreateTemplateVersionDryRunRequest
) -> ProvisionerJob:
    """Queue a dry run. Needs `template:update`; raises 400 for values that do not fit and 412 before a good import."""
    if request.workspace_name:
        validate_name(request.workspace_name, "workspace_name")
    values = {value.name: value.value for value in request.rich_parameter_values or []}
    variables = {value.name: value.value for value in request.user_variable_values or []}
    if any("\x00" in text for pair in (values | variables).items() for text in pair):
        raise invalid_field("rich_parameter_values", "Text must not hold NUL characters.")
    async with db.transaction() as conn:
        version = (await access.get_version(conn, subject, version_id, Action.UPDATE)).version
        imported = await get_job(conn, version.job_id)
        if imported.job_status != "succeeded":
            raise VersionUnfinished("tried")
        form = await version_form(conn, cipher, version.id)
        form = msgspec.structs.replace(form, variables={**form.variables, **variables})
        found = await evaluate_facts(conn, form, owner_id=subject.id, requested=values, previous={})
        errors = judge_values(found, values, {}, is_first_build=True)
        if errors:
            raise BadRequest("The values do not fit the template's parameters.", validations=errors)
        sealed = cipher.encrypt(msgspec.json.encode(variables)).hex() if variables else ""
        job = await insert_job(
            conn,
            organization_id=version.organization_id,
            initiator_id=subject.id,
            provisioner=imported.provisioner,
            type="template_version_dry_run",
            file_id=imported.file_id,
            input={
                "template_version_id": str(version.id),
                "workspace_name": request.workspace_name or random_name(),
                "rich_parameter_values": left_to_terraform(
                    found, {each.name: each.default_value for each in found.rows} | values, values, {}
                ),
                "variables_sealed": sealed,
            },
            tags=imported.tags,
            now=clock.now(),
        )
        return (await job_views(conn, [job.id]))[job.id]


async def get_dry_run(
    conn: Connection, *, subject: Subject, version_id: UUID, job_id: UUID, action: Action = Action.READ
) -> ProvisionerJobRow:
    """Return a dry run of this version. Raises 404 for an unknown job and 403 for any other job."""
    version = (await access.get_version(conn, subject, version_id, action)).version
    job = await get_job(conn, job_id)
    if job.type != "template_version_dry_run" or job.input.get("template_version_id") != str(version.id):
        raise Forbidden("This job is no dry run of this template version.")
    return job


async def read_dry_run(conn: Connection, *, subject: Subject, version_id: UUID, job_id: UUID) -> ProvisionerJob:
    """Return a dry run as the API shows jobs."""
    job = await get_dry_run(conn, subject=subject, version_id=version_id, job_id=job_id)
    return (await job_views(conn, [job.id]))[job.id]


async def cancel_dry_run(db: Database, *, subject: Subject, version_id: UUID, job_id: UUID) -> None:
    """Ask a dry run to stop. Raises 412 when it has ended or is canceled already."""
    async with db.transaction() as conn:
        job = await get_dry_run(conn, subject=subject, version_id=version_id, job_id=job_id, action=Action.UPDATE)
        await cancel_job(conn, job.id, clock.now())


async def list_dry_run_logs(
    conn: Connection, *, subject: Subject, version_id: UUID, job_id: UUID, after: int, before: int | None
) -> list[ProvisionerJobLog]:
    """Return lines of a dry run's log."""
    job = await get_dry_run(conn, subject=subject, version_id=version_id, job_id=job_id)
    return await list_logs(conn, job.id, after=after, before=before)


async def follow_dry_run_logs(
    db: Database, listener: Listener, *, subject: Subject, version_id: UUID, job_id: UUID, after: int
) -> AsyncIterator[list[ProvisionerJobLog]]:
    """Return a dry run's log as it grows."""
    async with db.connection() as conn:
        job = await get_dry_run(conn, subject=subject, version_id=version_id, job_id=job_id)
    return follow_logs(db, listener, job.id, after=after)


async def match_dry_run(conn: Connection, *, subject: Subject, version_id: UUID, job_id: UUID) -> MatchedProvisioners:
    """Count the daemons that could take a dry run."""
    job = await get_dry_run(conn, subject=subject, version_id=version_id, job_id=job_id)
    return await matched_provisioners(conn, job.organization_id, job.provisioner, job.tags)
