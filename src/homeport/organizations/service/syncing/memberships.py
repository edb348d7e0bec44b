"""The organizations of a person, as a claim says. The setting's field governs all memberships of everybody who signs in."""

from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection
from homeport.kit import clock
from homeport.organizations.queries import members as queries
from homeport.organizations.queries import syncing as sync_queries
from homeport.organizations.rules.syncing import wanted_organizations
from homeport.organizations.service.syncing.person import Person
from homeport.organizations.service.trail import record_member
from homeport.organizations.types import MemberAdded, MemberRemoved, OrganizationSync
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)


async def synchronize(conn: Connection, person: Person, settings: OrganizationSync, default_id: UUID) -> None:
    """Add and remove memberships until they are what the claim says; who is removed leaves the groups there."""
    values = person.values_of(settings.field, known=settings.mapping)
    if values is None:
        return
    named = wanted_organizations(settings, values, default_id)
    wanted = await sync_queries.list_live_organizations(conn, named)
    person.note_unknown("organizations", named - wanted)
    present = {row.organization_id for row in await queries.list_memberships(conn, person.user_id, None)}
    for organization_id in sorted(present - wanted):
        await _remove(conn, person.user_id, organization_id)
    for organization_id in sorted(wanted - present):
        await _add(conn, person.user_id, organization_id)
    if present and not wanted:
        _log.warning("a person is in no organization any more, as the provider says", user_id=str(person.user_id))


async def _remove(conn: Connection, user_id: UUID, organization_id: UUID) -> None:
    before = await queries.lock_member(conn, organization_id, user_id)
    if before is None:
        return
    await queries.delete_member(conn, organization_id, user_id)
    await conn.emit(MemberRemoved(organization_id=organization_id, user_id=user_id))
    await record_member(conn, user_id, AuditAction.DELETE, before=before)


async def _add(conn: Connection, user_id: UUID, organization_id: UUID) -> None:
    for row in await queries.insert_missing_members(conn, organization_id, [user_id], clock.now()):
        await conn.emit(MemberAdded(organization_id=organization_id, user_id=user_id))
        await record_member(conn, user_id, AuditAction.CREATE, after=row)
