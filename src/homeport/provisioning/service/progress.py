"""What the daemon that owns a job reports: progress with logs, quota, result, failure. Each call must bring the job's token."""

from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import msgspec

from homeport.database import Connection, Database
from homeport.files import service as files
from homeport.kit import clock
from homeport.kit.crypto import hash_token, tokens_equal
from homeport.provisioning import rules
from homeport.provisioning.errors import JobEnded, JobNotFound, JobTokenInvalid, ResultMismatch
from homeport.provisioning.queries import jobs as queries
from homeport.provisioning.schemas import (
    CommitQuotaResponse,
    CompleteJobRequest,
    FailedBuild,
    FailJobRequest,
    UpdateJobRequest,
    UpdateJobResponse,
)
from homeport.provisioning.service import inputs, jobs
from homeport.provisioning.service.log_space import append_logs
from homeport.provisioning.service.packing import unpack_state
from homeport.provisioning.types import BuildResult, JobResult, JobType, JobUpdated, ProvisionerJobRow
from homeport.rbac import Action, InternalName, Object, ResourceType, require, system_subject

Build = TypeVar("Build", BuildResult, FailedBuild)
_RESULT_FIELDS: dict[JobType, str] = {
    "template_version_import": "template_import",
    "template_version_dry_run": "dry_run",
    "workspace_build": "workspace_build",
}


async def read_job_file(db: Database, job_id: UUID, token: str) -> bytes:
    """Return the archive that the job works on. Raises 403, 404 or 409 where the token does not own a living job."""
    async with db.connection() as conn:
        job = _require_owner(await queries.find_job(conn, job_id), job_id, token)
        if job.file_id is None:
            raise JobNotFound
        return await files.read_content(conn, job.file_id)


async def update_job(
    db: Database, job_id: UUID, token: str, request: UpdateJobRequest, *, force_after: timedelta
) -> UpdateJobResponse:
    """Take a sign of life with log lines, readme and variables, and answer whether to stop.

    A log that is too long loses its middle; that never fails the job. What was taken before, and comes again because its answer
    got lost, is a sign of life alone. Raises 403 for a wrong token and 409 once the job has ended.
    """
    async with db.transaction() as conn:
        now = clock.now()
        job = await _lock_owned(conn, job_id, token)
        is_repeated = 0 < request.sequence <= job.last_report
        job = await append_logs(
            conn, job, [] if is_repeated else request.logs, now=now, report=max(request.sequence, job.last_report)
        )
        response = UpdateJobResponse(
            canceled=job.canceled_at is not None, force=rules.is_forced(job.canceled_at, now, force_after)
        )
        if request.readme is None and request.variables is None:
            return response
        if not is_repeated:
            job = await _take_contents(conn, job, request)
        values = [] if request.variables is None else await inputs.variable_values(conn, job)
    if job.completed_at is not None:
        # The variables were refused: that is stored, and the daemon has nothing left to do.
        raise JobEnded(job_id)
    return UpdateJobResponse(canceled=response.canceled, force=response.force, variable_values=values)


async def commit_quota(db: Database, job_id: UUID, token: str, daily_cost: int) -> CommitQuotaResponse:
    """Ask whether the planned build fits the owner's budget, and book it if so."""
    async with db.transaction() as conn:
        return await inputs.check_quota(conn, await _lock_owned(conn, job_id, token), daily_cost)


async def complete_job(db: Database, job_id: UUID, token: str, request: CompleteJobRequest) -> None:
    """Take a result, once. Raises 400 where it belongs to another type of job, 403 and 409 as `update_job`."""
    rules.refuse_nul(request)
    rules.refuse_impossible_moments(request)
    if request.workspace_build is not None:
        build = await _unpacked(db, job_id, token, request.workspace_build)
        request = msgspec.structs.replace(request, workspace_build=build)
    async with db.transaction() as conn:
        job = await _lock_ending(conn, job_id, token, request.sequence)
        if job is not None:
            result = _result_of(job.type, request)
            await jobs.complete_job(conn, job_id, result, clock.now(), report=request.sequence)


async def report_failure(db: Database, job_id: UUID, token: str, request: FailJobRequest) -> None:
    """Take a failure, or the end of a canceled job, once; the state that the engine has left is kept either way."""
    build = request.workspace_build
    state = None if build is None else (await _unpacked(db, job_id, token, build)).state
    async with db.transaction() as conn:
        job = await _lock_ending(conn, job_id, token, request.sequence)
        if job is None:
            return
        now = clock.now()
        if request.canceled and job.canceled_at is not None:
            await jobs.end_canceled_job(conn, job_id, state=state, now=now, report=request.sequence)
        else:
            await jobs.fail_job(
                conn, job_id, error=request.error, error_code=request.error_code, state=state, now=now,
                report=request.sequence,
            )  # fmt: skip


async def _unpacked(db: Database, job_id: UUID, token: str, build: Build) -> Build:
    """Return what was built with its state as it is. For whoever does not own the job nothing is unpacked: they are refused soon."""
    if not build.is_state_packed or build.state is None:
        return build
    async with db.connection() as conn:
        job = await queries.find_job(conn, job_id)
    if job is None or job.completed_at is not None or not _is_token_of(job, token):
        return build
    return msgspec.structs.replace(build, state=await unpack_state(build.state), is_state_packed=False)


async def _take_contents(conn: Connection, job: ProvisionerJobRow, request: UpdateJobRequest) -> ProvisionerJobRow:
    rules.refuse_nul(request.variables, "variables")
    readme = None if request.readme is None else request.readme.replace("\x00", "")
    variables = None if request.variables is None else tuple(request.variables)
    await conn.emit(JobUpdated(job=job, readme=readme, variables=variables))
    return await jobs.get_job(conn, job.id)


async def _lock_owned(conn: Connection, job_id: UUID, token: str) -> ProvisionerJobRow:
    return _require_owner(await queries.lock_job(conn, job_id), job_id, token)


async def _lock_ending(conn: Connection, job_id: UUID, token: str, sequence: int) -> ProvisionerJobRow | None:
    """Return a living job that this token owns; None where this very report has ended it, and only the answer got lost."""
    job = await queries.lock_job(conn, job_id)
    has_ended = job is not None and job.completed_at is not None and _is_token_of(job, token)
    if job is not None and has_ended and 0 < sequence == job.last_report:
        return None
    return _require_owner(job, job_id, token)


def _is_token_of(job: ProvisionerJobRow, token: str) -> bool:
    return job.token_hash is not None and tokens_equal(job.token_hash, hash_token(token))


def _require_owner(job: ProvisionerJobRow | None, job_id: UUID, token: str) -> ProvisionerJobRow:
    """Return a living job that this token owns. A daemon whose key was deleted owns nothing any more."""
    if job is None:
        raise JobNotFound
    if not _is_token_of(job, token):
        raise JobTokenInvalid
    if job.completed_at is not None:
        raise JobEnded(job_id)
    if job.worker_id is None:
        raise JobTokenInvalid
    target = Object(ResourceType.PROVISIONER_JOBS, organization_id=job.organization_id)
    require(system_subject(InternalName.PROVISIONERD), Action.UPDATE, target, noun="job")
    return job


def _result_of(job_type: JobType, request: CompleteJobRequest) -> JobResult:
    wanted = _RESULT_FIELDS[job_type]
    given = {field: value for field in _RESULT_FIELDS.values() if (value := getattr(request, field)) is not None}
    if given.keys() != {wanted}:
        raise ResultMismatch(wanted)
    result: JobResult = given[wanted]
    return result
