"""Roles of members: listing what there is, and giving and taking by two gates (spec: authorization-and-data 3.3)."""

from collections.abc import Sequence
from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection, Database
from homeport.identity.schemas import AssignableRoles, UpdateRoles
from homeport.identity.service.views import role_fields
from homeport.kit import clock
from homeport.organizations.errors import MemberNotFound, OwnMembership
from homeport.organizations.queries import custom_roles as role_queries
from homeport.organizations.queries import members as queries
from homeport.organizations.rules import ORGANIZATION_MEMBER_ROLE, role_object, wanted_roles
from homeport.organizations.schemas import OrganizationMember
from homeport.organizations.service.members import member_view, resolve_member
from homeport.organizations.service.organizations import resolve_organization
from homeport.organizations.service.trail import attempt_member, record_member
from homeport.organizations.service.views import list_roles, organization_roles
from homeport.rbac import (
    Action,
    RoleName,
    Subject,
    assignment_refusal,
    built_in_roles,
    is_allowed,
    may_assign,
    require,
)

_NOUN = "role"


async def list_assignable_roles(db: Database, *, subject: Subject, organization: str) -> list[AssignableRoles]:
    """Return an organization's roles and which of them `subject` may give away. Needs assign_org_role:read there."""
    async with db.connection() as conn:
        place = await resolve_organization(conn, subject, organization)
        require(subject, Action.READ, role_object(place.id), noun=_NOUN)
        roles = await list_roles(conn, place.id)
    can_assign = is_allowed(subject, Action.ASSIGN, role_object(place.id))
    built_in = {role.name for role in built_in_roles(place.id)}
    return [
        AssignableRoles(
            **role_fields(role),
            assignable=can_assign and may_assign(subject.role_names, role.role_name),
            built_in=role.name in built_in,
        )
        for role in roles
        # Everybody has it by belonging; it is neither given nor shown.
        if role.name != ORGANIZATION_MEMBER_ROLE
    ]


async def update_member_roles(
    db: Database, *, subject: Subject, organization: str, user: str, request: UpdateRoles
) -> OrganizationMember:
    """Make `request.roles` the member's roles in this organization. Not one's own."""
    async with db.transaction() as conn:
        place = await resolve_organization(conn, subject, organization)
        target = await resolve_member(conn, subject, place.id, user)
        attempt_member(
            subject.id, AuditAction.WRITE, organization_id=place.id, user_id=target.user_id, username=target.username
        )
        if target.user_id == subject.id:
            raise OwnMembership("You cannot change your own roles in an organization.")
        if target.is_system:
            raise MemberNotFound
        wanted = await _hold_wanted(conn, place.id, request.roles)
        before = await queries.lock_member(conn, place.id, target.user_id)
        if before is None:
            raise MemberNotFound
        _require_assignable(subject, place.id, added=wanted - set(before.roles), removed=set(before.roles) - wanted)
        after = await queries.update_member_roles(conn, place.id, target.user_id, sorted(wanted), clock.now())
        await record_member(conn, subject.id, AuditAction.WRITE, before=before, after=after)
        return member_view(after, (await organization_roles(conn, place.id))(after.roles))


async def _hold_wanted(conn: Connection, organization_id: UUID, names: Sequence[str]) -> set[str]:
    """Return the roles that a member shall have, all of which stay until the transaction ends. Raises 400 for unknown ones.

    Before the member's row is locked: whoever deletes a role holds it first and the members then.
    """
    known = {role.name for role in await list_roles(conn, organization_id)}
    wanted = wanted_roles(names, known)
    custom = wanted - {role.name for role in built_in_roles(organization_id)}
    held = await role_queries.hold_custom_roles(conn, organization_id, sorted(custom))
    return wanted_roles(names, known - (custom - held))


def _require_assignable(subject: Subject, organization_id: UUID, *, added: set[str], removed: set[str]) -> None:
    if added or not removed:
        require(subject, Action.ASSIGN, role_object(organization_id), noun=_NOUN)
    if removed:
        require(subject, Action.UNASSIGN, role_object(organization_id), noun=_NOUN)
    for name in sorted(added | removed):
        if not may_assign(subject.role_names, RoleName(name, organization_id)):
            raise assignment_refusal(subject, RoleName(name, organization_id))
