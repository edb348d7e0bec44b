"""Finding organizations (spec: authorization-and-data 11)."""

from uuid import UUID

from homeport.database import Connection, Database
from homeport.identity.service.users import resolve_user
from homeport.kit.ids import NIL_ID
from homeport.kit.names import is_storable
from homeport.organizations.errors import OrganizationNotFound
from homeport.organizations.queries import members as member_queries
from homeport.organizations.queries import organizations as queries
from homeport.organizations.rules import organization_object
from homeport.organizations.schemas import Organization
from homeport.organizations.types import DEFAULT_ORGANIZATION_ALIAS, OrganizationRow
from homeport.rbac import Action, ResourceType, Subject, predicate, require

_NOUN = "organization"


async def resolve_organization(conn: Connection, subject: Subject, value: str) -> OrganizationRow:
    """Return the organization that `default`, the nil id, an id or a name means. Unknown and unreadable are one 404."""
    found = await _find(conn, value)
    # An unknown one is decided as well: about an id that nothing has, so the answer looks the same.
    require(subject, Action.READ, organization_object(found.id if found else NIL_ID), noun=_NOUN)
    if found is None:
        raise OrganizationNotFound
    return found


async def get_organization(db: Database, *, subject: Subject, value: str) -> Organization:
    """Return an organization for the wire."""
    async with db.connection() as conn:
        return organization_view(await resolve_organization(conn, subject, value))


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


async def _find(conn: Connection, value: str) -> OrganizationRow | None:
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
    return await queries.find_organization(conn, organization_id)


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
