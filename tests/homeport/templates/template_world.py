"""Templates made the way clients make them: upload, version, import by a daemon, template."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from homeport.database import Database, Listener
from homeport.files.api import routes as file_routes
from homeport.files.rules import archive
from homeport.files.service import FileCache
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.ids import new_id
from homeport.provisioning.queries import daemons as daemon_queries
from homeport.provisioning.schemas import AcquiredJob, CompleteJobRequest, FailJobRequest, UpdateJobRequest
from homeport.provisioning.service import Acquirer, progress
from homeport.provisioning.types import (
    DaemonRow,
    DeclaredVariable,
    ImportResult,
    ProvisionedParameter,
)
from homeport.templates.api import routes
from homeport.templates.service import Imports
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person, build_api
from tests.support.names import unique_name

ORGANIZATION = "/organizations/default"


class TemplateWorld:
    """See the module."""

    def __init__(self, db: Database, listener: Listener) -> None:
        self.db, self.listener = db, listener
        self.accounts = Accounts(db)
        self.cipher = Cipher([bytes(range(32))])
        Imports(self.cipher).register(db.events)
        self.file_cache = FileCache(db)
        self.api: Api = build_api(
            db, routes=[*file_routes, *routes], provided={"listener": listener, "file_cache": self.file_cache}
        )
        self.acquirer = Acquirer(db, listener)

    async def upload(self, person: Person, data: bytes | None = None) -> str:
        """Upload an archive and return its id."""
        answer = await self.api.call(
            person, "POST", "/files", content=data or archive.pack({"homeport.yaml": unique_name("x").encode()}),
            headers={"Content-Type": "application/x-tar"},
        )  # fmt: skip
        assert answer.status_code in {200, 201}, answer.text
        file_id: str = answer.json()["hash"]
        return file_id

    async def version(self, person: Person, **body: Any) -> dict[str, Any]:
        """Make a version whose import is pending."""
        if "file_id" not in body and "example_id" not in body:
            body["file_id"] = await self.upload(person)
        answer = await self.api.call(
            person,
            "POST",
            f"{ORGANIZATION}/templateversions",
            {"provisioner": "echo", "storage_method": "file", **body},
        )
        assert answer.status_code == 201, answer.text
        version: dict[str, Any] = answer.json()
        return version

    async def acquire(self, tags: dict[str, str] | None = None) -> AcquiredJob:
        """Take the next job as a daemon."""
        row = DaemonRow(
            id=new_id(), organization_id=DEFAULT_ORGANIZATION_ID, key_id=None, kind="psk", name=unique_name("d"), version="1",
            api_version="1.0", provisioners=["echo"], tags=tags or {"scope": "organization", "owner": ""},
            created_at=clock.now(), last_seen_at=None,
        )  # fmt: skip
        async with self.db.transaction() as conn:
            daemon = await daemon_queries.upsert_daemon(conn, row)
        job = await self.acquirer.acquire(daemon, wait_seconds=0)
        assert job is not None
        return job

    async def declare(
        self, job: AcquiredJob, *variables: DeclaredVariable, readme: str | None = None
    ) -> dict[str, str]:
        """Report variables and readme; returns the values that the server has."""
        answer = await progress.update_job(
            self.db, job.job_id, job.job_token, UpdateJobRequest(variables=list(variables), readme=readme),
            force_after=timedelta(minutes=10),
        )  # fmt: skip
        return {value.name: value.value for value in answer.variable_values}

    async def complete(self, job: AcquiredJob, *parameters: ProvisionedParameter, readme: str | None = None) -> None:
        """End an import well."""
        result = ImportResult(parameters=list(parameters), readme=readme)
        await progress.complete_job(self.db, job.job_id, job.job_token, CompleteJobRequest(template_import=result))

    async def fail(self, job: AcquiredJob, error: str = "homeport.yaml:3: no") -> None:
        """End an import badly."""
        await progress.report_failure(self.db, job.job_id, job.job_token, FailJobRequest(error=error))

    async def imported(self, person: Person, *parameters: ProvisionedParameter, **body: Any) -> dict[str, Any]:
        """Make a version whose import has succeeded."""
        version = await self.version(person, **body)
        await self.complete(await self.acquire(), *parameters)
        return version

    async def template(self, person: Person, *parameters: ProvisionedParameter, **body: Any) -> dict[str, Any]:
        """Make a template."""
        version = await self.imported(person, *parameters)
        answer = await self.create(person, version["id"], **body)
        assert answer.status_code == 201, answer.text
        template: dict[str, Any] = answer.json()
        return template

    async def create(self, person: Person, version_id: str | UUID, **body: Any) -> Any:
        """Ask for a template of a version."""
        return await self.api.call(
            person, "POST", f"{ORGANIZATION}/templates",
            {"name": unique_name("tpl"), "template_version_id": str(version_id), **body},
        )  # fmt: skip
