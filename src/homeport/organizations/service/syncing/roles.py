"""The roles of a person in one organization, as a claim says. The field governs all of them but the one that all members have."""

from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection
from homeport.kit import clock
from homeport.organizations.queries import custom_roles as role_queries
from homeport.organizations.queries import members as queries
from homeport.organizations.rules import ORGANIZATION_MEMBER_ROLE
from homeport.organizations.rules.syncing import wanted_names
from homeport.organizations.service.syncing.person import Person
from homeport.organizations.service.trail import record_member
from homeport.organizations.types import RoleSync
from homeport.rbac import built_in_roles


async def synchronize(conn: Connection, person: Person, organization_id: UUID, settings: RoleSync) -> None:
    """Give a member the roles that the claim says, and take all others."""
    values = person.values_of(settings.field, known=settings.mapping)
    if values is None:
        return
    named = wanted_names(settings.mapping, values) - {ORGANIZATION_MEMBER_ROLE}
    built_in = {role.name for role in built_in_roles(organization_id)}
    # Custom ones are held first and the member then, as whoever deletes a role does.
    custom = await role_queries.hold_custom_roles(conn, organization_id, sorted(named - built_in))
    wanted = named & (built_in | custom)
    person.note_unknown("roles of an organization", named - wanted)
    before = await queries.lock_member(conn, organization_id, person.user_id)
    if before is None or wanted == set(before.roles):
        return
    after = await queries.update_member_roles(conn, organization_id, person.user_id, sorted(wanted), clock.now())
    await record_member(conn, person.user_id, AuditAction.WRITE, before=before, after=after)
