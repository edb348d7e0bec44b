"""Organizations: finding, making, renaming and deleting them (spec: authorization-and-data 11 and 18)."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.audit import AuditAction
from homeport.database import CheckViolation, Connection, Database, UniqueViolation
from homeport.identity.rules import validate_all
from homeport.identity.service.users import resolve_user
from homeport.kit import clock
from homeport.kit.ids import NIL_ID, new_id
from homeport.kit.names import is_storable, validate_display_name, validate_text
from homeport.organizations.errors import (
    DefaultOrganization,
    OrganizationNameTaken,
    OrganizationNotEmpty,
    OrganizationNotFound,
)
from homeport.organizations.queries import members as member_queries
from homeport.organizations.queries import organizations as queries
from homeport.organizations.rules import MAX_DESCRIPTION, MAX_ICON, organization_object, validate_organization_name
from homeport.organizations.schemas import CreateOrganizationRequest, Organization, UpdateOrganizationRequest
from homeport.organizations.service.trail import attempt_organization, record_member, record_organization
from homeport.organizations.types import DEFAULT_ORGANIZATION_ALIAS, MemberAdded, OrganizationRow
from homeport.rbac import Action, ResourceType, Subject, predicate, require

_NOUN = "organization"


async def resolve_organization(
    conn: Connection, subject: Subject, value: str, *, has_deleted: bool = False
) -> OrganizationRow:
    """Return the organization that `default`, the nil id, an id or a name means. Unknown and unreadable are one 404.

    With `has_deleted` an id finds a deleted one as well.
    """
    found = await _find(conn, value, has_deleted=has_deleted)
    # An unknown one is decided as well: about an id that nothing has, so the answer looks the same.
    require(subject, Action.READ, organization_object(found.id if found else NIL_ID), noun=_NOUN)
    if found is None:
        raise OrganizationNotFound
    return found


async def get_organization(db: Database, *, subject: Subject, value: str, has_deleted: bool = False) -> Organization:
    """Return an organization for the wire; with `has_deleted` also a deleted one, which only its id finds.

    Roles of a deleted organization give nothing, so it is seen by those who may read all organizations.
    """
    async with db.connection() as conn:
        found = await resolve_organization(conn, subject, value, has_deleted=has_deleted)
    view = organization_view(found)
    if has_deleted:
        view.deleted = found.deleted
    return view


async def create_organization(db: Database, *, subject: Subject, request: CreateOrganizationRequest) -> Organization:
    """Make an organization with its group of all, and `subject` as a plain member: no role comes with it.

    Needs organization:create. Raises OrganizationNameTaken.
    """
    require(subject, Action.CREATE, organization_object(), noun=_NOUN)
    now = clock.now()
    wanted = _changed(_blank(now), request)
    async with db.transaction() as conn:
        try:
            async with conn.savepoint():
                row = await queries.insert_organization(conn, wanted)
        except UniqueViolation as error:
            raise OrganizationNameTaken(request.name) from error
        await queries.insert_everyone(conn, row.id, now)
        member = await member_queries.insert_member(conn, row.id, subject.id, (), now)
        await conn.emit(MemberAdded(organization_id=row.id, user_id=subject.id))
        await record_organization(conn, subject.id, AuditAction.CREATE, after=row, status_code=201)
        await record_member(conn, subject.id, AuditAction.CREATE, after=member)
    return organization_view(row)


async def update_organization(
    db: Database, *, subject: Subject, value: str, request: UpdateOrganizationRequest
) -> Organization:
    """Change names, description and icon. Needs organization:update there. Raises OrganizationNameTaken."""
    async with db.transaction() as conn:
        found = await resolve_organization(conn, subject, value)
        attempt_organization(subject.id, AuditAction.WRITE, found)
        require(subject, Action.UPDATE, organization_object(found.id), noun=_NOUN)
        before = await queries.lock_to_change(conn, found.id)
        if before is None:
            raise OrganizationNotFound
        try:
            async with conn.savepoint():
                after = await queries.update_organization(conn, _changed(before, request), clock.now())
        except UniqueViolation as error:
            raise OrganizationNameTaken(request.name or before.name) from error
        await record_organization(conn, subject.id, AuditAction.WRITE, before=before, after=after)
    return organization_view(after)


async def delete_organization(db: Database, *, subject: Subject, value: str) -> None:
    """Delete an organization softly: its name is free, and what its members held there is gone with their next request.

    Needs organization:delete there. Raises DefaultOrganization, and OrganizationNotEmpty with what is left in it.
    """
    async with db.transaction() as conn:
        found = await resolve_organization(conn, subject, value)
        attempt_organization(subject.id, AuditAction.DELETE, found)
        require(subject, Action.DELETE, organization_object(found.id), noun=_NOUN)
        if found.is_default:
            raise DefaultOrganization
        before = await queries.lock_to_delete(conn, found.id)
        if before is None:
            raise OrganizationNotFound
        try:
            async with conn.savepoint():
                after = await queries.update_organization(
                    conn, msgspec.structs.replace(before, deleted=True), clock.now()
                )
        except CheckViolation as error:
            # In the trigger's own words: triggers/organizations_are_empty_when_deleted.sql.
            raise OrganizationNotEmpty(error.detail) from error
        await record_organization(conn, subject.id, AuditAction.DELETE, before=before, after=after)


async def list_organizations(db: Database, *, subject: Subject) -> list[Organization]:
    """Return the organizations that `subject` may read, by name."""
    return await _list(db, subject, None)


async def list_organizations_of_user(db: Database, *, subject: Subject, value: str) -> list[Organization]:
    """Return those of a user's organizations that `subject` may read."""
    async with db.connection() as conn:
        user = await resolve_user(conn, subject, value)
    return await _list(db, subject, user.id)


async def get_organization_of_user(db: Database, *, subject: Subject, value: str, name: str) -> Organization:
    """Return an organization by name (or id), provided that the user belongs to it."""
    async with db.connection() as conn:
        user = await resolve_user(conn, subject, value)
        found = await resolve_organization(conn, subject, name)
        if await member_queries.find_member(conn, found.id, user.id) is None:
            raise OrganizationNotFound
    return organization_view(found)


def organization_view(row: OrganizationRow) -> Organization:
    """Return an organization as the wire shows it."""
    return Organization(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        description=row.description,
        icon=row.icon,
        created_at=row.created_at,
        updated_at=row.updated_at,
        is_default=row.is_default,
    )


async def _find(conn: Connection, value: str, *, has_deleted: bool) -> OrganizationRow | None:
    if value == DEFAULT_ORGANIZATION_ALIAS:
        return await queries.get_default(conn)
    if not is_storable(value):
        return None
    try:
        organization_id = UUID(value)
    except ValueError:
        return await queries.find_organization_by_name(conn, value)
    if organization_id == NIL_ID:
        return await queries.get_default(conn)
    return await queries.find_organization(conn, organization_id, has_deleted=has_deleted)


def _blank(now: datetime) -> OrganizationRow:
    return OrganizationRow(
        id=new_id(),
        name="",
        display_name="",
        description="",
        icon="",
        is_default=False,
        deleted=False,
        created_at=now,
        updated_at=now,
    )


def _changed(row: OrganizationRow, request: CreateOrganizationRequest | UpdateOrganizationRequest) -> OrganizationRow:
    """Return the row with the request's words. Raises one 400 for all that is not valid."""
    name = request.name or row.name
    display_name = request.display_name or row.display_name or name
    description = row.description if request.description is None else request.description
    icon = row.icon if request.icon is None else request.icon
    validate_all(
        # A name from before a rule may stay as it is.
        lambda: name if name and name == row.name else validate_organization_name(name),
        lambda: validate_display_name(request.display_name or ""),
        lambda: validate_text(description, "description", most=MAX_DESCRIPTION),
        lambda: validate_text(icon, "icon", most=MAX_ICON),
    )
    return msgspec.structs.replace(row, name=name, display_name=display_name, description=description, icon=icon)


async def _list(db: Database, subject: Subject, member_id: UUID | None) -> list[Organization]:
    visible = predicate(
        subject,
        Action.READ,
        ResourceType.ORGANIZATION,
        queries.ORGANIZATION_COLUMNS,
        first_parameter=queries.FIRST_ORGANIZATION_PARAMETER,
    )
    async with db.connection() as conn:
        rows = await queries.list_organizations(
            conn, member_id=member_id, predicate=visible.sql, arguments=visible.args
        )
    return [organization_view(row) for row in rows]
