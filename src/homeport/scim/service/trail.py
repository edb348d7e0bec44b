"""What audit shows of what a provider says of accounts and groups; changes of the accounts and groups themselves, their rooms record."""

from uuid import UUID

from homeport.audit import AuditAction, AuditResource, declare, record
from homeport.database import Connection
from homeport.identity.types import UserRow
from homeport.organizations.types import GroupRow
from homeport.scim.types import PersonRow, TeamRow

# The address, the display name and whether it works stand in `users`, which `identity` records.
declare(
    "user",
    PersonRow,
    tracked=("user_name", "external_id", "given_name", "family_name", "formatted_name", "email_type", "is_kept"),
    ignored=("id", "email", "display_name", "is_active", "created_at", "updated_at"),
)
declare("group", TeamRow, tracked=("external_id",), ignored=("id", "display_name", "created_at", "updated_at"))


async def record_person(
    conn: Connection, actor_id: UUID, account: UserRow, *, before: PersonRow, after: PersonRow
) -> None:
    """Record a change of what the provider says of an account."""
    resource = AuditResource(account.id, account.username)
    await record(conn, subject_id=actor_id, action=AuditAction.WRITE, resource=resource, before=before, after=after)


async def record_team(conn: Connection, actor_id: UUID, group: GroupRow, *, before: TeamRow, after: TeamRow) -> None:
    """Record another id of a group at the provider."""
    resource = AuditResource(group.id, group.name, organization_id=group.organization_id, icon=group.avatar_url)
    await record(conn, subject_id=actor_id, action=AuditAction.WRITE, resource=resource, before=before, after=after)
