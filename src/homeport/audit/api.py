"""HTTP routes of audit."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from homeport.audit import service
from homeport.audit.schemas import AuditLogResponse
from homeport.database import Database
from homeport.kit.http import LimitParameter, OffsetParameter, page
from homeport.kit.routes import requires
from homeport.rbac import Subject


@get("/audit", opt=requires("audit_log:read"), tags=["Audit"], summary="Get audit logs")
async def list_audit_logs(
    db: Database,
    subject: Subject,
    q: Annotated[
        str,
        QueryParameter(
            name="q", description="Search: action:, resource_type:, username:, date_from: …", max_length=2000
        ),
    ] = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
) -> AuditLogResponse:
    """Return one page of the entries that the asker may read, newest first."""
    return await service.list_audit_logs(db, subject=subject, query=q, page=page(limit=limit, offset=offset))


routes = [list_audit_logs]
