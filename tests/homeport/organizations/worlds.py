"""Rows that fill an organization, put there by SQL: whatever the services would ask for first."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from homeport.database import Database
from homeport.kit.ids import new_id
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Api, Person
from tests.support.names import unique_name

PREBUILDS = UUID("c42fdf75-3097-471c-8c33-fb52454d81c0")
_TAGS = '{"scope": "organization", "owner": ""}'

# One row of each table that belongs to organizations: $1 the organization, $2 a fresh id, $3 a user; and what more it takes.
INSERTS: Mapping[str, str] = {
    "workspaces": "insert into workspaces (id, owner_id, organization_id, template_id, name, last_used_at, created_at, updated_at)"
    " select $2, $3, $1, t.id, 'ws', now(), now(), now() from templates t limit 1",
    "templates": "insert into templates (id, organization_id, name, provisioner, active_version_id, created_by, created_at, updated_at)"
    " values ($2, $1, 'tpl-' || $2::uuid::text, 'echo', gen_random_uuid(), $3, now(), now())",
    "template_versions": "insert into template_versions (id, organization_id, name, job_id, created_by, created_at, updated_at)"
    " select $2, $1, 'v', j.id, $3, now(), now() from provisioner_jobs j limit 1",
    "provisioner_keys": "insert into provisioner_keys (id, organization_id, name, hashed_secret, created_at)"
    " select $2, $1, 'key', decode(md5($2::uuid::text), 'hex'), now() where $3::uuid is not null",
    "provisioner_daemons": "insert into provisioner_daemons (id, organization_id, kind, name, version, provisioners, created_at)"
    " select $2, $1, 'psk', 'd', 'v1', '{echo}', now() where $3::uuid is not null",
    "provisioner_jobs": "insert into provisioner_jobs (id, organization_id, initiator_id, provisioner, type, tags, created_at, updated_at)"
    f" values ($2, $1, $3, 'echo', 'template_version_import', '{_TAGS}', now(), now())",
    "groups": "insert into groups (id, organization_id, name, created_at, updated_at)"
    " select $2, $1, 'crew', now(), now() where $3::uuid is not null",
    "organization_members": "insert into organization_members (user_id, organization_id, created_at, updated_at)"
    " select $3, $1, now(), now() where $2::uuid is not null",
    "custom_roles": "insert into custom_roles (id, organization_id, name, created_at, updated_at)"
    " select $2, $1, 'deployer', now(), now() where $3::uuid is not null",
    "files": "insert into files (id, hash, organization_id, created_by, mimetype, size, data, created_at)"
    " values ($2, decode(md5($2::uuid::text), 'hex'), $1, $3, 't', 1, 'x', now())",
}


async def make_organization(api: Api, owner: Person, name: str = "", **words: str) -> dict[str, Any]:
    """Make an organization as its owner-to-be does; a plain member is in it."""
    answer = await api.call(owner, "POST", "/organizations", {"name": name or unique_name("org"), **words})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def insert(db: Database, table: str, organization_id: UUID | str, user_id: UUID, *, more: str = "") -> UUID:
    """Put one row of this table into an organization, and return its id; `more` are assignments of further columns."""
    row_id = new_id()
    await db.execute(INSERTS[table], UUID(str(organization_id)), row_id, user_id)
    if more:
        await db.execute(f"update {table} set {more} where id = $1", row_id)
    return row_id


async def furnish_default(db: Database, user_id: UUID) -> None:
    """Put into the default organization what rows of others refer to: a template and a job."""
    for table in ("templates", "provisioner_jobs"):
        await insert(db, table, DEFAULT_ORGANIZATION_ID, user_id)
