"""Deployment roles of users: reading them, and giving and taking them by two gates (spec: authorization-and-data 3.3)."""

from collections.abc import Collection
from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection, Database
from homeport.identity import rules
from homeport.identity.errors import LastOwner
from homeport.identity.queries import users as queries
from homeport.identity.schemas import AssignableRoles, UpdateRoles, User, UserRoles
from homeport.identity.service.trail import attempt_user, record_kept_owner, record_user
from homeport.identity.service.users import OWNER, OWNERS_LOCK, is_acting_owner, require_person, resolve_user
from homeport.identity.service.views import load_user_view, role_fields
from homeport.identity.types import UserRolesChanged
from homeport.kit import clock
from homeport.kit.errors import BadRequest, invalid_field
from homeport.kit.ids import NIL_ID
from homeport.rbac import (
    Action,
    Object,
    ResourceType,
    RoleName,
    Subject,
    assignment_refusal,
    built_in_roles,
    is_allowed,
    may_assign,
    require,
)
from homeport.telemetry.logs import get_logger

MEMBER = "member"
_log = get_logger(__name__)
# Any organization: its roles are named alike in all.
_OF_ORGANIZATIONS = frozenset(role.name for role in built_in_roles(NIL_ID))
_ASSIGN_ROLE = Object(ResourceType.ASSIGN_ROLE)


async def get_roles(db: Database, *, subject: Subject, value: str) -> UserRoles:
    """Return the names of a user's roles. Needs user:read_personal."""
    async with db.connection() as conn:
        found = await resolve_user(conn, subject, value)
        require(subject, Action.READ_PERSONAL, rules.user_object(found.id), noun="user")
        return UserRoles(list(found.rbac_roles), await queries.list_organization_roles(conn, found.id))


def list_assignable_roles(subject: Subject) -> list[AssignableRoles]:
    """Return the deployment's roles and which of them `subject` may give away. Needs assign_role:read."""
    require(subject, Action.READ, _ASSIGN_ROLE, noun="role")
    can_assign = is_allowed(subject, Action.ASSIGN, _ASSIGN_ROLE)
    return [
        AssignableRoles(
            **role_fields(role), assignable=can_assign and may_assign(subject.role_names, role.role_name), built_in=True
        )
        for role in built_in_roles()
    ]


async def update_roles(db: Database, *, subject: Subject, value: str, request: UpdateRoles) -> User:
    """Make `request.roles` the user's deployment roles. Not one's own; an active owner must remain."""
    async with db.transaction() as conn:
        found = await resolve_user(conn, subject, value)
        attempt_user(subject.id, AuditAction.WRITE, found)
        require_person(found)
        if found.id == subject.id:
            raise BadRequest("You cannot change your own roles.")
        wanted = _known_roles(request.roles)
        await conn.lock(OWNERS_LOCK)
        before = await queries.lock_user(conn, found.id)
        added, removed = wanted - set(before.rbac_roles), set(before.rbac_roles) - wanted
        _require_assignable(subject, added, removed)
        if OWNER in removed and is_acting_owner(before) and not await queries.count_other_owners(conn, before.id):
            raise LastOwner
        after = await queries.update_roles(conn, before.id, sorted(wanted), clock.now())
        await record_user(conn, subject.id, AuditAction.WRITE, before=before, after=after)
        await conn.emit(UserRolesChanged(user_id=before.id))
        return await load_user_view(conn, after)


async def set_claimed_roles(conn: Connection, user_id: UUID, wanted: Collection[str]) -> frozenset[str]:
    """Make those of `wanted` that are deployment roles the user's, as their provider says; return what is no such role.

    The caller holds OWNERS_LOCK. The last owner who can sign in stays one, and audit says so: claims lock nobody out.
    """
    known = {role.name for role in built_in_roles()}
    before = await queries.lock_user_to_change(conn, user_id)
    roles = (set(wanted) & known) - {MEMBER}
    is_losing = OWNER in set(before.rbac_roles) - roles and is_acting_owner(before)
    if is_losing and not await queries.count_other_owners(conn, user_id):
        roles.add(OWNER)
        _log.warning("the last owner stays one, though the provider's claim does not say so", user_id=str(user_id))
        await record_kept_owner(conn, before)
    if roles != set(before.rbac_roles):
        after = await queries.update_roles(conn, user_id, sorted(roles), clock.now())
        await record_user(conn, user_id, AuditAction.WRITE, before=before, after=after)
        await conn.emit(UserRolesChanged(user_id=user_id))
    return frozenset(set(wanted) - known)


def _known_roles(names: list[str]) -> set[str]:
    known = {role.name for role in built_in_roles()}
    for name in names:
        if name.partition(":")[0] in _OF_ORGANIZATIONS:
            raise invalid_field("roles", f"{name[:64]!r} is a role of organizations; give it to the member there.")
        if name not in known:
            raise invalid_field(
                "roles",
                f"{name[:64]!r} is no role of the deployment, which has no custom roles. Known are: {', '.join(sorted(known))}.",
            )
    return set(names) - {MEMBER}


def _require_assignable(subject: Subject, added: set[str], removed: set[str]) -> None:
    if added or not removed:
        require(subject, Action.ASSIGN, _ASSIGN_ROLE, noun="role")
    if removed:
        require(subject, Action.UNASSIGN, _ASSIGN_ROLE, noun="role")
    for name in sorted(added | removed):
        if not may_assign(subject.role_names, RoleName(name)):
            raise assignment_refusal(subject, RoleName(name))
