"""Members of organizations: resolving, listing, adding and removing (spec: authorization-and-data 11)."""

from uuid import UUID

from homeport.audit import AuditAction
from homeport.database import Connection, Database, UniqueViolation
from homeport.identity.errors import UserNotFound
from homeport.identity.rules import user_object
from homeport.identity.schemas import SlimRole
from homeport.identity.service.users import find_named, require_person
from homeport.identity.service.views import site_roles
from homeport.identity.types import UserCreated
from homeport.kit import clock
from homeport.kit.errors import invalid_field
from homeport.kit.http import Page
from homeport.kit.names import is_storable
from homeport.organizations.errors import AlreadyMember, MemberNotFound, OwnMembership
from homeport.organizations.queries import members as queries
from homeport.organizations.queries import organizations as organization_queries
from homeport.organizations.rules import member_object
from homeport.organizations.schemas import (
    OrganizationMember,
    OrganizationMemberWithUserData,
    PaginatedMembersResponse,
)
from homeport.organizations.service.organizations import resolve_organization
from homeport.organizations.service.trail import attempt_member, record_member
from homeport.organizations.service.views import organization_roles
from homeport.organizations.types import MemberAdded, MemberRemoved, MemberRow, MemberWithUserRow, ResolvedMember
from homeport.rbac import Action, Predicate, ResourceType, Subject, filter_allowed, is_allowed, predicate, require

_NOUN = "member"


async def resolve_owner(conn: Connection, subject: Subject, value: str) -> ResolvedMember:
    """Return the user that `me`, an id or a username means, with the memberships in all organizations that the asker may read.

    The asker needs either to read the user or to read one of the memberships; else the user does not exist from there.
    """
    return await _resolve(conn, subject, value, None)


async def resolve_member(conn: Connection, subject: Subject, organization_id: UUID, value: str) -> ResolvedMember:
    """Like `resolve_owner` within one organization; a user who is not its member is a 404 for everybody."""
    found = await _resolve(conn, subject, value, organization_id)
    if not found.memberships:
        raise MemberNotFound
    return found


async def list_memberships(conn: Connection, user_id: UUID) -> list[MemberRow]:
    """Return a user's memberships, whoever asks."""
    return await queries.list_memberships(conn, user_id, None)


async def list_members(
    db: Database,
    *,
    subject: Subject,
    organization: str,
    page: Page | None,
    query: str = "",
    has_system_users: bool = False,
) -> PaginatedMembersResponse:
    """Return the members that `subject` may read, by username, and how many there are; all of them without a page.

    `query` is a part of username, name or address.
    """
    if not is_storable(query):
        raise invalid_field("q", "The search holds characters that no name has.")
    text = query.strip() or None
    async with db.connection() as conn:
        found = await resolve_organization(conn, subject, organization)
        visible = _readable(subject)
        rows = await queries.list_members(
            conn,
            found.id,
            has_system_users=has_system_users,
            text=text,
            predicate=visible.sql,
            arguments=visible.args,
            limit=page.limit if page else None,
            offset=page.offset if page else 0,
        )
        count = await queries.count_members(
            conn,
            found.id,
            has_system_users=has_system_users,
            text=text,
            predicate=visible.sql,
            arguments=visible.args,
        )
        shown = await organization_roles(conn, found.id)
    return PaginatedMembersResponse([_user_view(row, shown(row.roles)) for row in rows], count)


async def add_member(db: Database, *, subject: Subject, organization: str, user: str) -> OrganizationMember:
    """Add a user, by id or username. Needs organization_member:create; that alone, not the right to read users.

    Raises AlreadyMember.
    """
    async with db.transaction() as conn:
        place = await resolve_organization(conn, subject, organization)
        require(subject, Action.CREATE, member_object(place.id), noun=_NOUN)
        target = await find_named(conn, subject, user)
        if target is None:
            raise UserNotFound
        require_person(target)
        try:
            async with conn.savepoint():
                row = await queries.insert_member(conn, place.id, target.id, (), clock.now())
        except UniqueViolation as error:
            raise AlreadyMember(target.username) from error
        await conn.emit(MemberAdded(organization_id=place.id, user_id=target.id))
        await record_member(conn, subject.id, AuditAction.CREATE, after=row)
        return member_view(row, (await organization_roles(conn, place.id))(row.roles))


async def remove_member(db: Database, *, subject: Subject, organization: str, user: str) -> None:
    """Remove a member, who leaves the organization's groups as well. Not oneself, not a system user."""
    async with db.transaction() as conn:
        place = await resolve_organization(conn, subject, organization)
        target = await resolve_member(conn, subject, place.id, user)
        attempt_member(
            subject.id,
            AuditAction.DELETE,
            organization_id=place.id,
            user_id=target.user_id,
            username=target.username,
        )
        require(subject, Action.DELETE, member_object(place.id, target.user_id), noun=_NOUN)
        if target.is_system:
            raise MemberNotFound
        if target.user_id == subject.id:
            raise OwnMembership("You cannot remove yourself from an organization.")
        before = await queries.lock_member(conn, place.id, target.user_id)
        if before is None:
            raise MemberNotFound
        await queries.delete_member(conn, place.id, target.user_id)
        await conn.emit(MemberRemoved(organization_id=place.id, user_id=target.user_id))
        await record_member(conn, subject.id, AuditAction.DELETE, before=before)


async def place_created_user(conn: Connection, event: UserCreated) -> None:
    """Put a new user into its organizations, by the rights of who made it (None: the first user, by nobody's)."""
    for organization_id in event.organization_ids:
        found = await organization_queries.find_organization(conn, organization_id)
        if event.actor is not None:
            require(event.actor, Action.CREATE, member_object(organization_id), noun=_NOUN)
        if found is None:
            raise invalid_field("organization_ids", f"There is no organization {organization_id}.")
        row = await queries.insert_member(conn, organization_id, event.user_id, (), clock.now())
        await conn.emit(MemberAdded(organization_id=organization_id, user_id=event.user_id))
        actor_id = event.actor.id if event.actor else event.user_id
        await record_member(conn, actor_id, AuditAction.CREATE, after=row)


def member_view(row: MemberRow, roles: list[SlimRole]) -> OrganizationMember:
    """Return a membership as the wire shows it."""
    return OrganizationMember(
        user_id=row.user_id,
        organization_id=row.organization_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        roles=roles,
    )


async def _resolve(conn: Connection, subject: Subject, value: str, organization_id: UUID | None) -> ResolvedMember:
    # The target is looked up whoever asks; what the asker may see of it is decided below.
    target = await find_named(conn, subject, value)
    if target is None:
        is_allowed(subject, Action.READ, user_object())
        raise MemberNotFound
    rows = await queries.list_memberships(conn, target.id, organization_id)
    readable = filter_allowed(subject, Action.READ, rows, lambda row: member_object(row.organization_id, row.user_id))
    can_read_user = is_allowed(subject, Action.READ, user_object(target.id))
    if not can_read_user and not readable:
        raise MemberNotFound
    return ResolvedMember(
        user_id=target.id,
        username=target.username,
        name=target.name,
        avatar_url=target.avatar_url,
        is_system=target.is_system,
        user=target if can_read_user else None,
        memberships=tuple(readable),
    )


def _readable(subject: Subject) -> Predicate:
    return predicate(
        subject,
        Action.READ,
        ResourceType.ORGANIZATION_MEMBER,
        queries.MEMBER_COLUMNS,
        first_parameter=queries.FIRST_MEMBER_PARAMETER,
    )


def _user_view(row: MemberWithUserRow, roles: list[SlimRole]) -> OrganizationMemberWithUserData:
    return OrganizationMemberWithUserData(
        user_id=row.user_id,
        organization_id=row.organization_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        roles=roles,
        username=row.username,
        name=row.name,
        avatar_url=row.avatar_url,
        email=row.email,
        global_roles=site_roles(row.global_roles),
    )
