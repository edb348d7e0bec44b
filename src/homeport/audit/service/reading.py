"""Pages of the audit log, and the whole of it."""

from collections.abc import AsyncIterator

from homeport.audit.errors import SearchTooBroad
from homeport.audit.queries import entries as queries
from homeport.audit.queries.entries import EntryRow
from homeport.audit.rules import parse_search
from homeport.audit.schemas import AuditLog, AuditLogResponse
from homeport.audit.service.paging import Log, read_all, read_page, require_reachable
from homeport.audit.service.selecting import select
from homeport.audit.service.views import entry_view
from homeport.database import Database
from homeport.database.errors import QueryCanceled
from homeport.kit.http import Page
from homeport.rbac import Subject

_LOG = Log[EntryRow](
    list_rows=queries.list_entries,
    count_rows=queries.count_entries,
    find_place=queries.find_place,
    place_of=lambda row: (row.time, row.id),
    columns="a.time, a.id",
)


async def list_audit_logs(db: Database, *, subject: Subject, query: str, page: Page) -> AuditLogResponse:
    """Return one page of the entries that `subject` may read (`audit_log:read`, site-wide or per organization).

    Raises 400 for a search that is not understood or takes too long, and for a page too far back.
    """
    search = parse_search(query)
    require_reachable(page)
    try:
        async with db.connection() as conn:
            selection = await select(conn, subject, search)
            if selection is None:
                return AuditLogResponse([], 0)
            entries, count = await read_page(conn, _LOG, selection, page)
    except QueryCanceled as error:
        raise SearchTooBroad from error
    return AuditLogResponse(audit_logs=[entry_view(entry) for entry in entries], count=count)


async def export_audit_logs(db: Database, *, subject: Subject, query: str) -> AsyncIterator[AuditLog]:
    """Return every entry that `subject` may read, newest first. Raises as `list_audit_logs`, before the first entry."""
    search = parse_search(query)
    try:
        async with db.connection() as conn:
            selection = await select(conn, subject, search)
        if selection is None:
            return _nothing()
        entries = await read_all(db, _LOG, selection)
    except QueryCanceled as error:
        raise SearchTooBroad from error
    return (entry_view(entry) async for entry in entries)


async def _nothing() -> AsyncIterator[AuditLog]:
    for one in list[AuditLog]():
        yield one
