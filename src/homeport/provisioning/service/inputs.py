"""What upper rooms contribute to jobs of their types. The composition root registers it once; this room only calls it.

`register` says what a daemon needs to work on a job, `register_completion` what is added to that outside of all transactions,
`register_variables` what values declared variables have, `register_quota` whether a planned build fits the budget,
`register_metadata` what a list of jobs shows around them.
"""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from homeport.database import Connection, Database
from homeport.kit.errors import HomeportError
from homeport.provisioning.schemas import (
    AcquiredJob,
    CommitQuotaResponse,
    JobInput,
    JobVariableValue,
    ProvisionerJobMetadata,
)
from homeport.provisioning.types import JobType, ProvisionerJobRow

InputBuilder = Callable[[Connection, ProvisionerJobRow], Awaitable[JobInput]]
InputCompleter = Callable[[Database, AcquiredJob], Awaitable[JobInput]]
VariableResolver = Callable[[Connection, ProvisionerJobRow], Awaitable[list[JobVariableValue]]]
QuotaCheck = Callable[[Connection, ProvisionerJobRow, int], Awaitable[CommitQuotaResponse]]
MetadataLoader = Callable[[Connection, Sequence[ProvisionerJobRow]], Awaitable[dict[UUID, ProvisionerJobMetadata]]]

_builders: dict[JobType, InputBuilder] = {}
_completers: dict[JobType, InputCompleter] = {}
_variables: dict[JobType, VariableResolver] = {}
_quotas: dict[JobType, QuotaCheck] = {}
_metadata: dict[JobType, MetadataLoader] = {}


def register(job_type: JobType, builder: InputBuilder) -> None:
    """Let `builder(conn, job)` make the input of this type of job when a daemon acquires it, inside that transaction."""
    _builders[job_type] = builder


def register_completion(job_type: JobType, completer: InputCompleter) -> None:
    """Let `completer(db, job)` add to the input what has to be asked for elsewhere, when the job is taken and no transaction waits.

    It takes seconds at most, and raises nothing for what it does not get.
    """
    _completers[job_type] = completer


def register_variables(job_type: JobType, resolver: VariableResolver) -> None:
    """Let `resolver(conn, job)` give the values of the variables after a daemon has declared them."""
    _variables[job_type] = resolver


def register_quota(job_type: JobType, check: QuotaCheck) -> None:
    """Let `check(conn, job, daily_cost)` decide, and see to it that of two checks at once the later sees the earlier."""
    _quotas[job_type] = check


def register_metadata(job_type: JobType, loader: MetadataLoader) -> None:
    """Let `loader(conn, jobs)` name what surrounds jobs of this type, for lists of jobs and daemons."""
    _metadata[job_type] = loader


async def build_input(conn: Connection, job: ProvisionerJobRow) -> JobInput:
    """Return what a daemon needs for the job. Raises the builder's errors; they end the job as failed."""
    builder = _builders.get(job.type)
    if builder is None:
        raise HomeportError(f"This server cannot prepare jobs of type {job.type}.")
    return await builder(conn, job)


async def complete_input(db: Database, job: AcquiredJob) -> JobInput:
    """Return the input of a job that was just taken, with what `register_completion` adds."""
    completer = _completers.get(job.type)
    return job.input if completer is None else await completer(db, job)


async def variable_values(conn: Connection, job: ProvisionerJobRow) -> list[JobVariableValue]:
    """Return the values of the variables that the job's template declares; none without a resolver."""
    resolver = _variables.get(job.type)
    return [] if resolver is None else await resolver(conn, job)


async def check_quota(conn: Connection, job: ProvisionerJobRow, daily_cost: int) -> CommitQuotaResponse:
    """Ask whether the job may cost this much a day; types without a budget are not limited."""
    check = _quotas.get(job.type)
    return (
        CommitQuotaResponse(ok=True, credits_consumed=0, budget=-1)
        if check is None
        else await check(conn, job, daily_cost)
    )


async def job_metadata(conn: Connection, jobs: Sequence[ProvisionerJobRow]) -> dict[UUID, ProvisionerJobMetadata]:
    """Return what surrounds these jobs, by job id: one query or so per type, not per job."""
    found: dict[UUID, ProvisionerJobMetadata] = {}
    for job_type, loader in _metadata.items():
        mine = [job for job in jobs if job.type == job_type]
        if mine:
            found |= await loader(conn, mine)
    return found
