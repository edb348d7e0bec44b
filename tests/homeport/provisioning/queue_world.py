"""Jobs, daemons and an HTTP application of the queue's room alone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from homeport.database import Connection, Database, Listener
from homeport.kit import clock
from homeport.kit.ids import NIL_ID, new_id
from homeport.provisioning import service
from homeport.provisioning.api import routes
from homeport.provisioning.queries import daemons as daemon_queries
from homeport.provisioning.queries import jobs as job_queries
from homeport.provisioning.schemas import AcquiredJob, ImportInput, LogLine, ProvisionerJobLog, UpdateJobRequest
from homeport.provisioning.service import Acquirer, progress
from homeport.provisioning.service.authentication import daemon_resolver, resolve_job_holder
from homeport.provisioning.types import (
    DaemonRow,
    Isolation,
    JobCanceled,
    JobCompleted,
    JobFailed,
    JobUpdated,
    ProvisionerJobRow,
)
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, build_api
from tests.support.names import unique_name

FORCE_AFTER = timedelta(minutes=10)
PSK = "the deployment's own secret"


async def prepare_import(_conn: Connection, _job: ProvisionerJobRow) -> ImportInput:
    """The input of every job here."""
    return ImportInput(template_version_id=NIL_ID)


class QueueWorld:
    """See the module."""

    def __init__(self, db: Database, listener: Listener) -> None:
        self.db, self.listener = db, listener
        self.accounts = Accounts(db)
        self.organization_id = DEFAULT_ORGANIZATION_ID
        self.acquirer = Acquirer(db, listener, access_url="http://homeport.test", poll_seconds=5)
        self.events: list[Any] = []
        for kind in (JobUpdated, JobCompleted, JobFailed, JobCanceled):
            db.events.subscribe(kind, self._note)
        self.api: Api = build_api(db, routes=routes, provided={"acquirer": self.acquirer}, provisioner_daemon_psk=PSK)
        self.api.authenticators.register_provisioner("provisioner", daemon_resolver(PSK))
        self.api.authenticators.register_provisioner("job", resolve_job_holder)

    async def close(self) -> None:
        await self.api.gate.close()

    async def job(self, **changes: Any) -> ProvisionerJobRow:
        """Put an import job into the queue; tags are normalised for `owner`."""
        owner = changes.pop("owner", None)
        values: dict[str, Any] = {
            "organization_id": self.organization_id,
            "initiator_id": new_id(),
            "provisioner": "echo",
            "type": "template_version_import",
            "file_id": None,
            "input": {},
            "now": clock.now(),
            **changes,
        }
        values["tags"] = service.provisioner_tags(changes.get("tags", {}), owner)
        async with self.db.transaction() as conn:
            return await service.insert_job(conn, **values)

    async def daemon(
        self,
        tags: dict[str, str] | None = None,
        *,
        owner: UUID | None = None,
        organization_id: UUID | None = None,
        provisioners: tuple[str, ...] = ("echo",),
        key_id: UUID | None = None,
        isolation: Isolation = "",
    ) -> DaemonRow:
        """Insert a daemon that was seen now."""
        row = DaemonRow(
            id=new_id(), organization_id=organization_id or self.organization_id, key_id=key_id,
            kind="key" if key_id else "psk", name=unique_name("daemon"), version="1", api_version="1.0",
            provisioners=list(provisioners), tags=service.provisioner_tags(tags or {}, owner), created_at=clock.now(),
            last_seen_at=None, isolation=isolation,
        )  # fmt: skip
        async with self.db.transaction() as conn:
            return await daemon_queries.upsert_daemon(conn, row)

    async def acquire(self, daemon: DaemonRow | None = None, *, wait_seconds: float = 0) -> AcquiredJob | None:
        return await self.acquirer.acquire(daemon or await self.daemon(), wait_seconds=wait_seconds)

    async def running(self, **changes: Any) -> AcquiredJob:
        """A job that a daemon works on."""
        return await self.running_on(await self.daemon(), **changes)

    async def running_on(self, daemon: DaemonRow, **changes: Any) -> AcquiredJob:
        """A job that this daemon works on."""
        await self.job(**changes)
        job = await self.acquire(daemon)
        assert job is not None
        return job

    async def find(self, job_id: UUID) -> ProvisionerJobRow:
        async with self.db.connection() as conn:
            job = await job_queries.find_job(conn, job_id)
        assert job is not None
        return job

    async def log(self, job: AcquiredJob, *outputs: str, **changes: Any) -> None:
        """Report lines of output."""
        lines = [LogLine(output=output, **changes) for output in outputs]
        await progress.update_job(
            self.db, job.job_id, job.job_token, UpdateJobRequest(logs=lines), force_after=FORCE_AFTER
        )

    async def lines(self, job_id: UUID) -> list[ProvisionerJobLog]:
        async with self.db.connection() as conn:
            return await service.list_logs(conn, job_id)

    async def set(self, job_id: UUID, **columns: Any) -> None:
        """Change columns of a job behind everybody's back."""
        for column, value in columns.items():
            await self.db.execute(f"update provisioner_jobs set {column} = $2 where id = $1", job_id, value)

    async def _note(self, _conn: Connection, event: Any) -> None:
        self.events.append(event)
