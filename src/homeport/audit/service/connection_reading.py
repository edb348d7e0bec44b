"""Pages of the connection log, and the whole of it."""

from collections.abc import AsyncIterator

from homeport.audit.errors import SearchTooBroad
from homeport.audit.queries import connections as queries
from homeport.audit.queries import names
from homeport.audit.queries.connections import ConnectionView
from homeport.audit.queries.selections import Condition, Selection
from homeport.audit.rules import parse_connection_search
from homeport.audit.schemas import ConnectionLog, ConnectionLogResponse
from homeport.audit.service.paging import Log, read_all, read_page, require_reachable
from homeport.audit.service.selecting import ids_of_name, is_one_of, organization_of, readable_organizations
from homeport.audit.service.views import connection_view
from homeport.audit.types import ConnectionSearch
from homeport.database import Connection, Database
from homeport.database.errors import QueryCanceled
from homeport.kit.http import Page
from homeport.rbac import Action, Columns, Predicate, ResourceType, Subject, predicate

_COLUMNS = Columns(id="c.id", organization="c.organization_id")
# What has no end of its own, such as one request to an application, is over.
_IS_OPEN = "c.connection_id is not null and c.disconnect_time is null"
_LOG = Log[ConnectionView](
    list_rows=queries.list_connections,
    count_rows=queries.count_connections,
    find_place=queries.find_connection_place,
    place_of=lambda row: (row.connect_time, row.id),
    columns="c.connect_time, c.id",
)


async def list_connection_logs(db: Database, *, subject: Subject, query: str, page: Page) -> ConnectionLogResponse:
    """Return one page of the connections that `subject` may read (`connection_log:read`), newest first.

    Raises 400 for a search that is not understood or takes too long, and for a page too far back.
    """
    search = parse_connection_search(query)
    require_reachable(page)
    try:
        async with db.connection() as conn:
            selection = await _select(conn, subject, search)
            if selection is None:
                return ConnectionLogResponse([], 0)
            found, count = await read_page(conn, _LOG, selection, page)
    except QueryCanceled as error:
        raise SearchTooBroad from error
    return ConnectionLogResponse([connection_view(one) for one in found], count)


async def export_connection_logs(db: Database, *, subject: Subject, query: str) -> AsyncIterator[ConnectionLog]:
    """Return every connection that `subject` may read, newest first. Raises as `list_connection_logs`."""
    search = parse_connection_search(query)
    try:
        async with db.connection() as conn:
            selection = await _select(conn, subject, search)
        if selection is None:
            return _nothing()
        found = await read_all(db, _LOG, selection)
    except QueryCanceled as error:
        raise SearchTooBroad from error
    return (connection_view(one) async for one in found)


async def _nothing() -> AsyncIterator[ConnectionLog]:
    for one in list[ConnectionLog]():
        yield one


def _visible(subject: Subject, first: int) -> Predicate:
    return predicate(subject, Action.READ, ResourceType.CONNECTION_LOG, _COLUMNS, first_parameter=first)


async def _select(conn: Connection, subject: Subject, search: ConnectionSearch) -> Selection | None:
    """Return what to ask for; None: the subject can see no connection at all."""
    if _visible(subject, 1).is_never:
        return None
    exact = [*_plain(search), *await _of_people(conn, subject, search)]
    if search.organization is not None:
        found = await organization_of(conn, subject, search.organization, ResourceType.CONNECTION_LOG)
        exact.append(Condition("c.organization_id = {}", (found,)))
    period = []
    if search.connected_after is not None:
        period.append(Condition("c.connect_time >= {}", (search.connected_after,)))
    if search.connected_before is not None:
        period.append(Condition("c.connect_time <= {}", (search.connected_before,)))
    return Selection(
        conditions=(*exact, *period),
        visible=lambda first: _visible(subject, first),
        organizations=() if exact else readable_organizations(subject, ResourceType.CONNECTION_LOG),
    )


def _plain(search: ConnectionSearch) -> list[Condition]:
    wanted = (
        ("c.type = {}", search.type),
        ("c.workspace_id = {}", search.workspace_id),
        ("c.connection_id = {}", search.connection_id),
    )
    found = [Condition(sql, (value,)) for sql, value in wanted if value is not None]
    if search.is_ongoing is not None:
        found.append(Condition(_IS_OPEN if search.is_ongoing else f"not ({_IS_OPEN})"))
    return found


async def _of_people(conn: Connection, subject: Subject, search: ConnectionSearch) -> list[Condition]:
    found = []
    for column, name in (("c.user_id", search.username), ("c.workspace_owner_id", search.workspace_owner)):
        if name is not None:
            found.append(is_one_of(column, await ids_of_name(conn, subject, name)))
    for column, email in (("c.user_id", search.user_email), ("c.workspace_owner_id", search.workspace_owner_email)):
        if email is not None:
            found.append(is_one_of(column, await names.list_users_by_email(conn, email)))
    return found
