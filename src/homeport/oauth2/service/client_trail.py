"""What audit records of clients and their secrets. Clients that make themselves known are nobody: the nil id acts."""

from uuid import UUID

from homeport.audit import AuditAction, AuditResource, record
from homeport.database import Connection
from homeport.kit.ids import NIL_ID
from homeport.oauth2.service.trail import APP, SECRET
from homeport.oauth2.types import AppRow, ClientChanged, SecretRow


async def record_app(
    conn: Connection,
    action: AuditAction,
    *,
    before: AppRow | None = None,
    after: AppRow | None = None,
    subject_id: UUID = NIL_ID,
    reason: str = "",
) -> None:
    """Record that a client was registered, changed or deleted, and tell whoever has it cached."""
    row = after or before
    assert row is not None
    fields = {"client_id": row.client_id, "app_id": str(row.id)}
    await record(
        conn,
        subject_id=subject_id,
        action=action,
        resource=AuditResource(row.id, row.name, icon=row.icon),
        before=before,
        after=after,
        resource_type=APP.resource_type,
        additional_fields={**fields, "reason": reason} if reason else fields,
    )
    await conn.emit(ClientChanged(app_id=row.id))


async def record_secret(
    conn: Connection,
    action: AuditAction,
    app: AppRow,
    *,
    before: SecretRow | None = None,
    after: SecretRow | None = None,
    subject_id: UUID = NIL_ID,
) -> None:
    """Record that a secret of a client was made or deleted."""
    row = after or before
    assert row is not None
    await record(
        conn,
        subject_id=subject_id,
        action=action,
        resource=AuditResource(row.id, app.name, icon=app.icon),
        before=before,
        after=after,
        resource_type=SECRET.resource_type,
        additional_fields={"client_id": app.client_id, "app_id": str(app.id)},
    )
