"""Routes of the connection log."""

from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from homeport.audit.api.lines import MEDIA_TYPE, as_lines
from homeport.audit.schemas import ConnectionLogResponse
from homeport.audit.service import export_connection_logs
from homeport.audit.service import list_connection_logs as list_page
from homeport.database import Database
from homeport.kit.http import AfterParameter, LimitParameter, OffsetParameter, page
from homeport.kit.routes import requires
from homeport.rbac import Subject

_READ = requires("connection_log:read")
_TAGS = ["Enterprise"]
ConnectionSearch = Annotated[
    str,
    QueryParameter(
        name="q",
        description="Search: type:, username:, workspace_owner:, status: ongoing or completed …",
        max_length=2000,
    ),
]


@get("/connectionlog", opt=_READ, tags=_TAGS, summary="Get connection logs")
async def list_connection_logs(
    db: Database,
    subject: Subject,
    q: ConnectionSearch = "",
    limit: LimitParameter = 0,
    offset: OffsetParameter = 0,
    after_id: AfterParameter = None,
) -> ConnectionLogResponse:
    """Return one page of the connections that the asker may read, newest first."""
    asked = page(limit=limit, offset=offset, after_id=after_id)
    return await list_page(db, subject=subject, query=q, page=asked)


@get("/connectionlog/export", opt=_READ, tags=_TAGS, summary="Export connection logs", media_type=MEDIA_TYPE)
async def export_log(db: Database, subject: Subject, q: ConnectionSearch = "") -> Stream:
    """Return every connection that the asker may read, newest first: one `ConnectionLog` as JSON a line."""
    return as_lines(await export_connection_logs(db, subject=subject, query=q), name="connections.jsonl")


routes: list[Any] = [list_connection_logs, export_log]
