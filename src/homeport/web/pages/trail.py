"""The audit log and the connection log, for those who may read them."""

from typing import Any, get_args

from litestar import Response, get

from homeport.audit.schemas import AuditLogResponse, ConnectionLogResponse
from homeport.audit.service import list_audit_logs, list_connection_logs
from homeport.audit.types import RESOURCE_TYPES, AuditAction, ConnectionType
from homeport.database import Database
from homeport.identity.rules import user_object
from homeport.kit.errors import BadRequest
from homeport.kit.routes import requires
from homeport.organizations.service.organizations import list_organizations
from homeport.rbac import Action, Object, ResourceType, Subject, filter_allowed, is_allowed
from homeport.web.changes import changes, object_path, outcome
from homeport.web.forms import NO_PROBLEMS, Problems
from homeport.web.logs import asked, may_read, require_log, shown
from homeport.web.rendering import View

_ENTRY_KEYS = ("action", "resource_type", "username", "organization", "date_from", "date_to")
_CONNECTION_KEYS = (
    "type",
    "status",
    "username",
    "workspace_owner",
    "organization",
    "connected_after",
    "connected_before",
)
_MOST_PROPOSED = 100
CONNECTION_WORDS = {
    "ssh": "SSH",
    "vscode": "VS Code",
    "jetbrains": "JetBrains",
    "reconnecting_pty": "terminal",
    "workspace_app": "application",
    "port_forwarding": "forwarded port",
}


@get("/audit", opt=requires("audit_log:read", is_page=True), include_in_schema=False)
async def show_audit(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show who did what, newest first."""
    require_log(subject, ResourceType.AUDIT_LOG, "audit log")
    wanted = asked(view.request.query_params, _ENTRY_KEYS)
    problems, found = NO_PROBLEMS, AuditLogResponse([], 0)
    try:
        found = await list_audit_logs(db, subject=subject, query=wanted.search, page=wanted.page)
    except BadRequest as error:
        problems = Problems(error, known=frozenset({*_ENTRY_KEYS, "q"}))
    entries, after = shown(found.audit_logs)
    return view.page(
        "audit.html",
        status=problems.status,
        entries=[(each, changes(each.diff), object_path(each), outcome(each.status_code)) for each in entries],
        actions=[*AuditAction],
        types=sorted(RESOURCE_TYPES),
        **await _shared(db, subject, ResourceType.AUDIT_LOG, wanted, problems, found.count, after),
    )


@get("/connectionlog", opt=requires("connection_log:read", is_page=True), include_in_schema=False)
async def show_connections(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show who entered which workspace, newest first."""
    require_log(subject, ResourceType.CONNECTION_LOG, "connection log")
    wanted = asked(view.request.query_params, _CONNECTION_KEYS)
    problems, found = NO_PROBLEMS, ConnectionLogResponse([], 0)
    try:
        found = await list_connection_logs(db, subject=subject, query=wanted.search, page=wanted.page)
    except BadRequest as error:
        problems = Problems(error, known=frozenset({*_CONNECTION_KEYS, "q"}))
    connections, after = shown(found.connection_logs)
    return view.page(
        "connections.html",
        status=problems.status,
        connections=connections,
        types=get_args(ConnectionType),
        type_words=CONNECTION_WORDS,
        **await _shared(db, subject, ResourceType.CONNECTION_LOG, wanted, problems, found.count, after),
    )


async def _shared(
    db: Database, subject: Subject, type_: ResourceType, wanted: Any, problems: Problems, count: int, after: str
) -> dict[str, Any]:
    """Return what the pages of both logs need: fields, proposals for them, and the way to older rows."""
    places = filter_allowed(
        subject,
        Action.READ,
        await list_organizations(db, subject=subject),
        lambda each: Object(type_, organization_id=each.id),
    )
    return {
        "values": wanted.values,
        "search": wanted.search,
        "is_first": wanted.is_first,
        "query": wanted.query,
        "after": after,
        "count": count,
        "problems": problems,
        "organizations": [each.name for each in places[:_MOST_PROPOSED]],
        "has_audit": may_read(subject, ResourceType.AUDIT_LOG),
        "has_connections": may_read(subject, ResourceType.CONNECTION_LOG),
        "can_read_users": is_allowed(subject, Action.READ, user_object()),
    }


routes: list[Any] = [show_audit, show_connections]
