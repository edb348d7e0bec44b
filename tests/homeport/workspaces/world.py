"""A deployment in which workspaces can be made: templates, versions, jobs that end as a test wants, and HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.kit.ids import new_id
from homeport.provisioning import service as provisioning
from homeport.provisioning.types import BuildResult, ProvisionedAgent, ProvisionedApp, ProvisionedResource
from homeport.workspaces.api import routes
from homeport.workspaces.schemas import (
    CreateWorkspaceBuildRequest,
    CreateWorkspaceRequest,
    Workspace,
    WorkspaceBuild,
    WorkspaceBuildParameter,
)
from homeport.workspaces.service import build_view, builds, creation, reading
from homeport.workspaces.service.registration import register
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person, build_api
from tests.support.names import unique_name

HOUR = 3600 * 1_000_000_000


class Template(msgspec.Struct):
    """A template with its active version."""

    id: UUID
    version_id: UUID
    name: str


AGENT = ProvisionedAgent(
    name="main",
    operating_system="linux",
    architecture="amd64",
    apps=[ProvisionedApp(slug="web", display_name="Web", subdomain=True)],
)
MACHINE = ProvisionedResource(type="process", name="machine", agents=[AGENT], daily_cost=3)


class World:
    """See the module. Everything happens in the test's database, by the services."""

    def __init__(self, db: Database, listener: Listener) -> None:
        self.db, self.listener = db, listener
        self.cipher = Cipher([bytes(range(32))])
        self.accounts = Accounts(db)
        self.organization_id = DEFAULT_ORGANIZATION_ID
        register(db.events, self.cipher, Settings())
        self.api: Api = build_api(db, routes=routes, provided={"listener": listener})

    async def template(
        self,
        *,
        parameters: Sequence[Mapping[str, Any]] = (),
        organization_id: UUID = DEFAULT_ORGANIZATION_ID,
        job: str = "succeeded",
        group_acl: Mapping[str, list[str]] | None = None,
        **settings: Any,
    ) -> Template:
        """Insert a template that everybody of the organization may use; `settings` are its columns."""
        author = await self.accounts.make("owner", organization_ids=[organization_id])
        id, version_id, name, now = new_id(), new_id(), unique_name("tpl"), clock.now()
        acl = {str(organization_id): ["read", "use"]} if group_acl is None else dict(group_acl)
        columns: dict[str, Any] = {
            "id": id, "organization_id": organization_id, "name": name, "provisioner": "echo",
            "active_version_id": version_id, "created_by": author.id, "group_acl": acl, "default_ttl": 0,
            "created_at": now, "updated_at": now, **settings,
        }  # fmt: skip
        await self.insert("templates", columns)
        await self.version(id, id=version_id, author=author.id, parameters=parameters, job=job)
        return Template(id, version_id, columns["name"])

    async def version(
        self,
        template_id: UUID,
        *,
        id: UUID | None = None,
        author: UUID | None = None,
        parameters: Sequence[Mapping[str, Any]] = (),
        job: str = "succeeded",
    ) -> UUID:
        """Insert a version whose import job is `pending`, `running`, `succeeded`, `failed` or `canceled`."""
        template = await self.db.fetchrow("select * from templates where id = $1", template_id)
        assert template is not None
        id, job_id, now = id or new_id(), new_id(), clock.now()
        author = author or template["created_by"]
        await self.insert(
            "provisioner_jobs",
            {
                "id": job_id, "organization_id": template["organization_id"], "initiator_id": author,
                "provisioner": "echo", "type": "template_version_import",
                "tags": {"scope": "organization", "owner": ""}, "created_at": now, "updated_at": now,
                "started_at": None if job == "pending" else now,
                "completed_at": now if job in {"succeeded", "failed", "canceled"} else None,
                "canceled_at": now if job == "canceled" else None, "error": "it broke" if job == "failed" else "",
            },
        )  # fmt: skip
        await self.insert(
            "template_versions",
            {
                "id": id, "template_id": template_id, "organization_id": template["organization_id"],
                "name": unique_name("v"), "job_id": job_id, "created_by": author, "created_at": now, "updated_at": now,
            },
        )  # fmt: skip
        for order, parameter in enumerate(parameters):
            given = {"type": "string", "required": False, "display_order": order, **parameter}
            await self.insert("template_version_parameters", {"template_version_id": id, **given})
        return id

    async def activate(self, template: Template, version_id: UUID) -> None:
        """Make a version the active one."""
        await self.db.execute("update templates set active_version_id = $2 where id = $1", template.id, version_id)

    async def create(
        self, person: Person, template: Template, *, name: str = "", owner: str = "me", **more: Any
    ) -> Workspace:
        """Create a workspace as `person`; its first build is pending."""
        values = [WorkspaceBuildParameter(*each) for each in more.pop("values", {}).items()]
        request = CreateWorkspaceRequest(
            name=name or unique_name("ws"), template_id=template.id, rich_parameter_values=values, **more
        )
        return await creation.create_workspace(self.db, self.cipher, subject=person.me, owner=owner, request=request)

    async def running(self, person: Person, template: Template | None = None, **more: Any) -> Workspace:
        """Create a workspace and let its start succeed with one agent."""
        workspace = await self.create(person, template or await self.template(), **more)
        await self.complete(workspace.latest_build)
        return await self.read(person, workspace.id)

    async def stopped(self, person: Person, template: Template | None = None, **more: Any) -> Workspace:
        """Create a workspace, start it and stop it."""
        workspace = await self.running(person, template, **more)
        await self.complete(await self.build(person, workspace.id, "stop"), resources=[])
        return await self.read(person, workspace.id)

    async def build(self, person: Person, workspace_id: UUID, transition: Any, **more: Any) -> WorkspaceBuild:
        """Ask for a build as `person`."""
        values = [WorkspaceBuildParameter(*each) for each in more.pop("values", {}).items()]
        request = CreateWorkspaceBuildRequest(transition=transition, rich_parameter_values=values, **more)
        return await builds.create_build(
            self.db, self.cipher, subject=person.me, workspace_id=workspace_id, request=request
        )

    async def build_view(self, build_id: UUID) -> WorkspaceBuild:
        """Return a build, whoever asks."""
        async with self.db.connection() as conn:
            return await build_view(conn, build_id)

    async def read(self, person: Person, workspace_id: UUID, *, can_be_deleted: bool = False) -> Workspace:
        """Return a workspace as `person` sees it."""
        return await reading.get_workspace(
            self.db, subject=person.me, workspace_id=workspace_id, can_be_deleted=can_be_deleted
        )

    async def begin(self, build: WorkspaceBuild) -> None:
        """Let a daemon have taken the build's job."""
        await self.db.execute("update provisioner_jobs set started_at = $2 where id = $1", build.job.id, clock.now())

    async def complete(
        self,
        build: WorkspaceBuild,
        *,
        resources: Sequence[ProvisionedResource] | None = None,
        state: bytes = b"state",
    ) -> None:
        """End the build well, as a daemon's report does."""
        result = BuildResult(state=state, resources=list(resources if resources is not None else [MACHINE]))
        await self.begin(build)
        async with self.db.transaction() as conn:
            await provisioning.complete_job(conn, build.job.id, result, clock.now())

    async def fail(self, build: WorkspaceBuild, *, state: bytes | None = None, error: str = "broken") -> None:
        """End the build badly."""
        await self.begin(build)
        async with self.db.transaction() as conn:
            await provisioning.fail_job(conn, build.job.id, error=error, state=state, now=clock.now())

    async def state_of(self, build_id: UUID) -> bytes | None:
        """Return the state that a build holds."""
        sealed = await self.db.fetchval("select provisioner_state from workspace_builds where id = $1", build_id)
        return None if sealed is None else self.cipher.decrypt(sealed)

    async def insert(self, table: str, columns: Mapping[str, Any]) -> None:
        """Insert one row."""
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        await self.db.execute(f"insert into {table} ({', '.join(columns)}) values ({places})", *columns.values())

    async def audit_of(self, resource_id: UUID) -> list[tuple[str, str]]:
        """Return type and action of what was done to an object, oldest first; what was tried in vain is left out."""
        found = await self.db.fetch(
            """
            select resource_type, action from audit_logs where resource_id = $1 and status_code < 400
            order by time, xmin::text::bigint, ctid
            """,
            resource_id,
        )
        return [(row["resource_type"], row["action"]) for row in found]

    async def organization(self) -> UUID:
        """Insert another organization with its Everyone group."""
        id, name, now = new_id(), unique_name("org"), clock.now()
        await self.insert("organizations", {"id": id, "name": name, "created_at": now, "updated_at": now})
        await self.insert(
            "groups",
            {"id": id, "organization_id": id, "name": "Everyone", "created_at": now, "updated_at": now},
        )
        return id

    async def custom_role(self, organization_id: UUID, *permissions: str) -> str:
        """Insert a custom role that holds `type:action` in an organization, and return its name."""
        name, now = unique_name("role"), clock.now()
        held = [dict(zip(("resource_type", "action"), each.split(":"), strict=True)) for each in permissions]
        await self.insert(
            "custom_roles",
            {
                "id": new_id(), "name": name, "organization_id": organization_id,
                "org_permissions": [{"negate": False, **each} for each in held], "created_at": now, "updated_at": now,
            },
        )  # fmt: skip
        return name

    async def many(self, owner_id: UUID, template: Template, count: int, newest: datetime) -> None:
        """Insert `count` running workspaces at once, each with a build and its job, one second of use apart."""
        await self.db.execute(
            """
            with made as (
                insert into workspaces (id, owner_id, organization_id, template_id, name, last_used_at, created_at, updated_at)
                select gen_random_uuid(), $1, t.organization_id, t.id, 'bulk-' || taken.count + n,
                    $4::timestamptz - make_interval(secs => n), $4, $4
                from generate_series(1, $3::int) n, templates t,
                    lateral (select count(*) from workspaces where owner_id = $1) taken
                where t.id = $2 returning *
            ), jobs as (
                insert into provisioner_jobs (
                    id, organization_id, initiator_id, provisioner, type, tags, created_at, updated_at, started_at, completed_at
                )
                select id, organization_id, $1, 'echo', 'workspace_build', '{"scope": "organization", "owner": ""}', $4, $4, $4, $4
                from made returning id
            )
            insert into workspace_builds (
                id, workspace_id, template_version_id, build_number, transition, initiator_id, job_id, created_at, updated_at
            )
            select id, id, $5, 1, 'start', $1, id, $4, $4 from made
            """,
            owner_id,
            template.id,
            count,
            newest,
            template.version_id,
        )
        for table in ("workspaces", "workspace_builds", "provisioner_jobs"):
            await self.db.execute(f"analyze {table}")
