"""What happens to a job. Emitted inside the transaction that makes it so. No I/O.

Rows are as they are after the change. A job ends exactly once: by completed, failed or canceled.
"""

from typing import Literal

from homeport.database.events import DomainEvent
from homeport.provisioning.types.results import DeclaredVariable, JobResult
from homeport.provisioning.types.rows import ProvisionerJobRow


class JobAcquired(DomainEvent, frozen=True, kw_only=True):
    """job.acquired: a daemon has taken the job."""

    job: ProvisionerJobRow


class JobUpdated(DomainEvent, frozen=True, kw_only=True):
    """job.updated: the daemon has read the template's readme or variables (None: not reported in this update)."""

    job: ProvisionerJobRow
    readme: str | None
    variables: tuple[DeclaredVariable, ...] | None


class JobCompleted(DomainEvent, frozen=True, kw_only=True):
    """job.completed: the daemon has finished the job and this is what came out."""

    job: ProvisionerJobRow
    result: JobResult


class JobFailed(DomainEvent, frozen=True, kw_only=True):
    """job.failed: it has ended with `job.error`. `state` is what the engine had made by then; None keeps what there was."""

    job: ProvisionerJobRow
    state: bytes | None
    cause: Literal["reported", "hung", "pending", "unstoppable", "orphaned", "revoked", "refused"]


class JobCanceled(DomainEvent, frozen=True, kw_only=True):
    """job.canceled: it has ended because somebody canceled it. `state` as in `JobFailed`."""

    job: ProvisionerJobRow
    state: bytes | None
