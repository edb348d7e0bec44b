"""Recording entries and reading them."""

from typing import Any
from uuid import UUID

import msgspec

from homeport.audit import queries, rules
from homeport.audit.schemas import AuditLog, AuditLogOrganization, AuditLogResponse, AuditLogUser
from homeport.audit.types import AuditAction, AuditResource, declaration_of
from homeport.database import Connection, Database
from homeport.kit import clock
from homeport.kit.http import Page
from homeport.kit.ids import NIL_ID, new_id
from homeport.kit.request import RequestInfo, current_request
from homeport.rbac import Action, Columns, ResourceType, Subject, predicate

_COLUMNS = Columns(id="a.id", organization="a.organization_id")
_LINKS = {"workspace": "/workspaces/", "template": "/templates/", "user": "/users/"}


async def record(
    conn: Connection,
    *,
    subject_id: UUID,
    action: AuditAction,
    resource: AuditResource,
    before: msgspec.Struct | None = None,
    after: msgspec.Struct | None = None,
    resource_type: str = "",
    status_code: int = 200,
    additional_fields: dict[str, Any] | None = None,
) -> None:
    """Write one entry inside the caller's transaction.

    `before` and `after` are rows of one declared type (None: there was, or is, none); the diff holds what changed.
    `resource_type` is needed only where neither row is given. Address, user agent and request id come from the request.
    """
    sample = after if after is not None else before
    declaration = declaration_of(type(sample)) if sample is not None else None
    if declaration is None and not resource_type:
        raise TypeError("audit.record needs a row or a resource type.")
    has_diff = declaration is not None and status_code < 400 and action not in {AuditAction.LOGIN, AuditAction.LOGOUT}
    request = current_request()
    await queries.insert_entry(
        conn,
        new_id(),
        clock.now(),
        subject_id,
        resource.organization_id,
        request.ip,
        request.user_agent,
        resource_type or (declaration.resource_type if declaration else ""),
        resource.id,
        resource.target,
        resource.icon,
        action.value,
        rules.difference(declaration, before, after) if has_diff and declaration else {},
        status_code,
        {**(additional_fields or {}), **_subsystem(request)},
        UUID(request.request_id),
    )


def _subsystem(request: RequestInfo) -> dict[str, str]:
    """Say which part of the server acted where nobody had signed in."""
    return {"subsystem": request.subsystem} if request.subsystem else {}


async def list_audit_logs(db: Database, *, subject: Subject, query: str, page: Page) -> AuditLogResponse:
    """Return one page of the entries that `subject` may read (`audit_log:read`, site-wide or per organization)."""
    search = rules.parse_search(query)
    visible = predicate(subject, Action.READ, ResourceType.AUDIT_LOG, _COLUMNS, first_parameter=13)
    async with db.connection() as conn:
        entries, count = await queries.list_entries(
            conn, search, predicate=visible.sql, arguments=visible.args, limit=page.limit, offset=page.offset
        )
    return AuditLogResponse(audit_logs=[_view(entry) for entry in entries], count=count)


def _view(entry: queries.EntryRow) -> AuditLog:
    organization = None
    if entry.organization_id != NIL_ID and entry.organization_name is not None:
        organization = AuditLogOrganization(
            entry.organization_id,
            entry.organization_name,
            entry.organization_display_name or "",
            entry.organization_icon or "",
        )
    user = None
    if entry.username is not None:
        user = AuditLogUser(
            entry.user_id,
            entry.username,
            entry.user_name or "",
            entry.email or "",
            entry.avatar_url or "",
            entry.user_status or "",
            entry.user_login_type or "",
            entry.user_created_at,
            entry.user_last_seen_at,
        )
    link = _LINKS.get(entry.resource_type)
    return AuditLog(
        id=entry.id,
        request_id=entry.request_id,
        time=entry.time,
        ip=entry.ip,
        user_agent=entry.user_agent,
        resource_type=entry.resource_type,
        resource_id=entry.resource_id,
        resource_target=entry.resource_target,
        resource_icon=entry.resource_icon,
        action=entry.action,
        diff=entry.diff,
        status_code=entry.status_code,
        additional_fields=entry.additional_fields,
        description=rules.describe(entry.action, entry.resource_type, entry.resource_target, entry.status_code),
        resource_link=f"{link}{entry.resource_id}" if link and not entry.is_deleted else "",
        is_deleted=entry.is_deleted,
        organization_id=entry.organization_id,
        organization=organization,
        user=user,
    )
