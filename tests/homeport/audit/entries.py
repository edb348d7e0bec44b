"""Entries and connections for tests, written straight into the logs; and who reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from homeport.audit.queries.connections import insert_connection
from homeport.audit.queries.entries import insert_entry
from homeport.audit.types import ConnectionRow
from homeport.database import Database
from homeport.kit.ids import NIL_ID, new_id
from homeport.rbac import Subject, expand_roles, scope_named
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Person
from tests.support.names import unique_name

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reader(*roles: str) -> Subject:
    """Return somebody with these roles, such as `auditor` or `organization-auditor:<id>`."""
    local = [role.partition(":") for role in roles if ":" in role]
    held = expand_roles([role for role in roles if ":" not in role], {UUID(place): [name] for name, _, place in local})
    return Subject.build(new_id(), roles=held, groups=(), scope=scope_named("all"), friendly_name="ada", kind="user")


async def write(db: Database, minute: int = 0, **given: Any) -> UUID:
    """Write one entry that is `minute` minutes older than T0, and return its id."""
    row = {
        "id": new_id(), "time": T0 - timedelta(minutes=minute), "user_id": NIL_ID, "organization_id": NIL_ID, "ip": "192.0.2.1",
        "user_agent": "test", "resource_type": "workspace", "resource_id": new_id(), "resource_target": "dev",
        "resource_icon": "", "action": "write", "diff": {}, "status_code": 200, "additional_fields": {},
        "request_id": new_id(), **given,
    }  # fmt: skip
    async with db.transaction() as conn:
        await insert_entry(conn, *row.values())
    return UUID(str(row["id"]))


async def connect(db: Database, place: dict[str, Any], minute: int = 0, **given: Any) -> ConnectionRow:
    """Write one connection that began `minute` minutes before T0."""
    values = {
        "id": new_id(), "connect_time": T0 - timedelta(minutes=minute), "workspace_name": "dev", "agent_name": "main", "type": "ssh",
        "ip": "192.0.2.1", "user_id": NIL_ID, "user_agent": "ssh", "slug_or_port": "", "status_code": None,
        "connection_id": new_id(), "disconnect_time": None, "disconnect_reason": "", "exit_code": None,
        "replica_id": None, **place, **given,
    }  # fmt: skip
    row = ConnectionRow(**values)
    async with db.transaction() as conn:
        await insert_connection(conn, row)
    return row


async def make_place(db: Database, owner: Person, organization_id: UUID = DEFAULT_ORGANIZATION_ID) -> dict[str, Any]:
    """Make a workspace, and return the columns that say where a connection goes."""
    job, template, version, workspace = [new_id() for _ in range(4)]
    async with db.transaction() as conn:
        await conn.execute(
            "insert into provisioner_jobs (id, organization_id, initiator_id, provisioner, type, tags, created_at, updated_at)"
            " values ($1, $2, $3, 'echo', 'template_version_import', '{}', $4, $4)",
            job, organization_id, owner.id, T0,
        )  # fmt: skip
        await conn.execute(
            "insert into templates (id, organization_id, name, provisioner, active_version_id, created_by, created_at, updated_at)"
            " values ($1, $2, $3, 'echo', $4, $5, $6, $6)",
            template, organization_id, unique_name("t"), version, owner.id, T0,
        )  # fmt: skip
        await conn.execute(
            "insert into template_versions (id, template_id, organization_id, name, job_id, created_by, created_at, updated_at)"
            " values ($1, $2, $3, 'v1', $4, $5, $6, $6)",
            version, template, organization_id, job, owner.id, T0,
        )  # fmt: skip
        await conn.execute(
            "insert into workspaces (id, owner_id, organization_id, template_id, name, last_used_at, created_at, updated_at)"
            " values ($1, $2, $3, $4, $5, $6, $6, $6)",
            workspace, owner.id, organization_id, template, unique_name("ws"), T0,
        )  # fmt: skip
    return {"organization_id": organization_id, "workspace_owner_id": owner.id, "workspace_id": workspace}


async def make_organization(db: Database, name: str) -> UUID:
    """Make an organization, and return its id."""
    found = new_id()
    await db.execute(
        "insert into organizations (id, name, display_name, description, created_at, updated_at) values ($1, $2, '', '', $3, $3)",
        found, name, T0,
    )  # fmt: skip
    return found
