"""What becomes of a person who signs in with these claims."""

import json
from typing import Any
from uuid import UUID

import httpx

from homeport.database import Database
from tests.support.accounts import Api
from tests.support.issuer import Issuer
from tests.support.signing_in import cookies_of, sign_in

ADA: dict[str, Any] = {"sub": "ada-1", "email": "ada@example.com", "preferred_username": "ada"}


async def come(api: Api, issuer: Issuer, **claims: Any) -> str:
    """Sign Ada in with these claims and return the session's token."""
    issuer.person = {**ADA, **claims}
    reply = await sign_in(api, issuer)
    assert reply.status_code == 307, reply.text
    return cookies_of(reply)["coder_session_token"]


async def tried(api: Api, issuer: Issuer, **claims: Any) -> httpx.Response:
    """Try to sign Ada in with these claims."""
    issuer.person = {**ADA, **claims}
    return await sign_in(api, issuer)


async def organizations(db: Database, username: str = "ada") -> set[str]:
    """Return the names of the organizations that somebody is in."""
    rows = await db.fetch(
        "select o.name from organization_members m join organizations o on o.id = m.organization_id"
        " join users u on u.id = m.user_id where u.username = $1",
        username,
    )
    return {row["name"] for row in rows}


async def groups(db: Database, username: str = "ada") -> set[str]:
    """Return the names of the groups that somebody is in by a row."""
    rows = await db.fetch(
        "select g.name from group_members m join groups g on g.id = m.group_id join users u on u.id = m.user_id"
        " where u.username = $1",
        username,
    )
    return {row["name"] for row in rows}


async def site_roles(db: Database, username: str = "ada") -> list[str]:
    """Return the roles of the site that somebody has."""
    found: list[str] = await db.fetchval("select rbac_roles from users where username = $1", username)
    return found


async def local_roles(db: Database, organization_id: UUID, username: str = "ada") -> list[str]:
    """Return the roles that somebody has in an organization."""
    found: list[str] = await db.fetchval(
        "select m.roles from organization_members m join users u on u.id = m.user_id"
        " where u.username = $1 and m.organization_id = $2",
        username,
        organization_id,
    )
    return found


async def synced(db: Database) -> list[tuple[str, str]]:
    """Return what audit says that the sync has done: types of objects and actions, in order."""
    rows = await db.fetch(
        "select resource_type, action, additional_fields from audit_logs where additional_fields ->> 'subsystem' = 'idp_sync'"
        " order by time, id"
    )
    return [(row["resource_type"], row["action"]) for row in rows]


async def store(db: Database, kind: str, organization_id: UUID | None, settings: Any) -> None:
    """Store settings as they are, whatever the API would say of them."""
    await db.execute(
        "delete from idp_sync_settings where kind = $1 and organization_id is not distinct from $2",
        kind,
        organization_id,
    )
    await db.execute(
        "insert into idp_sync_settings (id, kind, organization_id, settings, updated_at)"
        " values (gen_random_uuid(), $1, $2, $3, now())",
        kind, organization_id, json.loads(json.dumps(settings, default=str)),
    )  # fmt: skip
