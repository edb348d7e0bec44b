"""Routes of the audit log."""

from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from homeport.audit.api.lines import MEDIA_TYPE, as_lines
from homeport.audit.schemas import AuditLogResponse
from homeport.audit.service import export_audit_logs
from homeport.audit.service import list_audit_logs as list_page
from homeport.database import Database
from homeport.kit.http import AfterParameter, LimitParameter, OffsetParameter, page
from homeport.kit.routes import requires
from homeport.rbac import Subject

_READ = requires("audit_log:read")
_TAGS = ["Audit"]
LogSearch = Annotated[
    str,
    QueryParameter(
        name="q",
        description="Search: action:, resource_type:, username:, date_from: … and the beginning of a name.",
        max_length=2000,
    ),
]


@get("/audit", opt=_READ, tags=_TAGS, summary="Get audit logs")
async def list_audit_logs(
    db: Database,
    subject: Subject,
    q: LogSearch = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
    after_id: AfterParameter = None,
) -> AuditLogResponse:
    """Return one page of the entries that the asker may read, newest first."""
    asked = page(limit=limit, offset=offset, after_id=after_id)
    return await list_page(db, subject=subject, query=q, page=asked)


@get("/audit/export", opt=_READ, tags=_TAGS, summary="Export audit logs", media_type=MEDIA_TYPE)
async def export_log(db: Database, subject: Subject, q: LogSearch = "") -> Stream:
    """Return every entry that the asker may read, newest first: one `AuditLog` as JSON a line."""
    return as_lines(await export_audit_logs(db, subject=subject, query=q), name="audit.jsonl")


routes: list[Any] = [list_audit_logs, export_log]
