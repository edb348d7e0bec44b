"""Custom roles of an organization: making, changing and deleting them (spec: authorization-and-data 10 and 27.3).

Nobody grants by a role what they do not hold there themselves, with the key that they use. Who does not hold what a role
grants already may still take it away, or delete the role.
"""

from collections.abc import Iterable
from typing import cast
from uuid import UUID

import msgspec

from homeport.audit import AuditAction
from homeport.database import Connection, Database, UniqueViolation
from homeport.identity.schemas import Permission, Role
from homeport.identity.service.views import role_view
from homeport.kit import clock
from homeport.kit.errors import BadRequest, FieldError
from homeport.kit.ids import new_id
from homeport.kit.names import is_storable, validate_display_name
from homeport.organizations.errors import BuiltInRole, OrganizationNotFound, RoleNameTaken, RoleNotFound
from homeport.organizations.queries import custom_roles as queries
from homeport.organizations.queries import organizations as organization_queries
from homeport.organizations.rules import role_object
from homeport.organizations.schemas import CustomRoleRequest
from homeport.organizations.service.organizations import resolve_organization
from homeport.organizations.service.trail import attempt_role, record_role
from homeport.organizations.service.views import compile_role
from homeport.organizations.types import CustomRoleRow
from homeport.rbac import Action, ResourceType, Subject, find_custom_role_errors, require
from homeport.rbac import Permission as RbacPermission
from homeport.rbac.rules.roles import RESERVED_ROLE_NAMES

_NOUN = "role"
_MOST_ERRORS = 20
# Longer than the name of any type or action: what is cut off makes no unknown name a known one.
_LONGEST_WORD = 64


async def create_custom_role(
    db: Database, *, subject: Subject, organization: str, request: CustomRoleRequest
) -> list[Role]:
    """Make a role and return the organization's custom roles. Needs assign_org_role:create there. Raises RoleNameTaken."""
    async with db.transaction() as conn:
        organization_id = await _authorize(conn, subject, organization, Action.CREATE)
        wanted = _wanted(subject, organization_id, request)
        try:
            async with conn.savepoint():
                row = await queries.insert_custom_role(conn, wanted)
        except UniqueViolation as error:
            raise RoleNameTaken(request.name) from error
        await record_role(conn, subject.id, AuditAction.CREATE, after=row)
        return await _list(conn, organization_id)


async def update_custom_role(
    db: Database, *, subject: Subject, organization: str, request: CustomRoleRequest
) -> list[Role]:
    """Give the role of this name what the request says, from its holders' next request on; returns the custom roles.

    Needs assign_org_role:update there, and all that the role shall grant. Raises RoleNotFound.
    """
    async with db.transaction() as conn:
        organization_id = await _authorize(conn, subject, organization, Action.UPDATE, request.name)
        wanted = _wanted(subject, organization_id, request)
        before = await queries.lock_custom_role(conn, organization_id, request.name)
        if before is None:
            raise RoleNotFound
        changed = msgspec.structs.replace(
            before, display_name=wanted.display_name, org_permissions=wanted.org_permissions
        )
        after = await queries.update_custom_role(conn, changed, clock.now())
        await record_role(conn, subject.id, AuditAction.WRITE, before=before, after=after)
        return await _list(conn, organization_id)


async def delete_custom_role(db: Database, *, subject: Subject, organization: str, name: str) -> list[Role]:
    """Delete a role, which its holders lose at once; returns what custom roles are left. Needs assign_org_role:delete there.

    Raises RoleNotFound, and BuiltInRole.
    """
    async with db.transaction() as conn:
        organization_id = await _authorize(conn, subject, organization, Action.DELETE, name)
        if name.lower() in RESERVED_ROLE_NAMES:
            raise BuiltInRole(name)
        before = await queries.lock_custom_role(conn, organization_id, name) if is_storable(name) else None
        if before is None:
            raise RoleNotFound
        await queries.delete_custom_role(conn, before.id)
        await record_role(conn, subject.id, AuditAction.DELETE, before=before)
        return await _list(conn, organization_id)


async def _authorize(conn: Connection, subject: Subject, organization: str, action: Action, name: str = "") -> UUID:
    """Decide about roles, or about one that may be there, and let changes of one organization's roles take turns.

    Two deletions could wait for each other's holders.
    """
    place = await resolve_organization(conn, subject, organization)
    known = await queries.find_custom_role(conn, place.id, name) if name and is_storable(name) else None
    if known is not None:
        attempt_role(subject.id, AuditAction.DELETE if action is Action.DELETE else AuditAction.WRITE, known)
    require(subject, action, role_object(place.id), noun=_NOUN)
    if await organization_queries.lock_to_change(conn, place.id) is None:
        raise OrganizationNotFound
    return place.id


async def _list(conn: Connection, organization_id: UUID) -> list[Role]:
    return [role_view(compile_role(row)) for row in await queries.list_custom_roles(conn, organization_id)]


def _wanted(subject: Subject, organization_id: UUID, request: CustomRoleRequest) -> CustomRoleRow:
    """Return the row that the request asks for. Raises one 400 that names what is wrong with it."""
    granted = _read(request.organization_permissions)
    errors = find_custom_role_errors(
        subject,
        organization_id=organization_id,
        name=request.name,
        site=_read(request.site_permissions),
        organization=granted,
        user=_read(request.user_permissions),
    )
    if request.organization_member_permissions:
        errors.append(
            FieldError(
                "organization_member_permissions", "Permissions on what members own are not supported; grant others."
            )
        )
    if request.organization_id.lower() not in {"", str(organization_id)}:
        errors.append(
            FieldError("organization_id", "The role belongs to the organization in the path; leave this empty.")
        )
    try:
        validate_display_name(request.display_name)
    except BadRequest as error:
        errors.extend(error.validations)
    if errors:
        raise BadRequest("The role is not valid.", validations=errors[:_MOST_ERRORS])
    now = clock.now()
    return CustomRoleRow(
        id=new_id(),
        name=request.name,
        display_name=request.display_name,
        organization_id=organization_id,
        site_permissions=[],
        org_permissions=[
            {"negate": False, "resource_type": str(each.resource_type), "action": str(each.action)} for each in granted
        ],
        user_permissions=[],
        created_at=now,
        updated_at=now,
    )


def _read(permissions: Iterable[Permission] | None) -> list[RbacPermission]:
    """Return each permission once, in the order of the alphabet. Names may be unknown: whoever judges them says so."""
    words = {
        (each.resource_type[:_LONGEST_WORD], each.action[:_LONGEST_WORD], each.negate) for each in permissions or ()
    }
    return [
        RbacPermission(cast(ResourceType, type_), cast(Action, action), negate)
        for type_, action, negate in sorted(words)
    ]
