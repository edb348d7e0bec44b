"""The audit log, for those who may read it."""

from typing import Any

from litestar import Response, get

from homeport.audit.schemas import AuditLogResponse
from homeport.audit.service import list_audit_logs
from homeport.database import Database
from homeport.kit.errors import BadRequest
from homeport.kit.routes import requires
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, refusal
from homeport.web.forms import NO_PROBLEMS, Problems
from homeport.web.pages.workspaces import PAGE_SIZE, page_number, window
from homeport.web.rendering import View


@get("/audit", opt=requires("audit_log:read", is_page=True), include_in_schema=False)
async def show_audit(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show who did what, newest first."""
    _require_any(subject)
    query = view.request.query_params
    search, number = query.get("q", "")[:2000], page_number(query.get("page", ""))
    problems, found = NO_PROBLEMS, AuditLogResponse([], 0)
    try:
        found = await list_audit_logs(db, subject=subject, query=search, page=window(number))
    except BadRequest as error:
        problems = Problems(error, known=frozenset())
    paging: dict[str, Any] = {"count": found.count, "search": search, "number": number, "page_size": PAGE_SIZE}
    return view.page("audit.html", status=problems.status, entries=found.audit_logs, problems=problems, **paging)


def _require_any(subject: Subject) -> None:
    """Refuse whoever may read no entry at all, instead of an empty page."""
    target = Object(ResourceType.AUDIT_LOG, any_organization=True)
    if not is_allowed(subject, Action.READ, target):
        raise refusal(subject, Action.READ, target, noun="audit log")


routes: list[Any] = [show_audit]
