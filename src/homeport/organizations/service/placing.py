"""Putting people into an organization inside a transaction of another room, whoever is behind it."""

from collections.abc import Collection
from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection
from homeport.kit import clock
from homeport.organizations.queries import members as queries
from homeport.organizations.rules import member_object
from homeport.organizations.service.trail import record_member
from homeport.organizations.types import MemberAdded
from homeport.rbac import Action, Subject, require


async def ensure_members(
    conn: Connection, *, subject: Subject, organization_id: UUID, user_ids: Collection[UUID]
) -> None:
    """Let these people belong to the organization; who does already stays as they are. Needs organization_member:create."""
    require(subject, Action.CREATE, member_object(organization_id), noun="member")
    if not user_ids:
        return
    for row in await queries.insert_missing_members(conn, organization_id, user_ids, clock.now()):
        await conn.emit(MemberAdded(organization_id=organization_id, user_id=row.user_id))
        await record_member(conn, subject.id, AuditAction.CREATE, after=row)
