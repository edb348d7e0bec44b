"""The list of workspaces: what a search asks for among what the asker may read."""

from homeport.database import Database
from homeport.kit import clock
from homeport.kit.http import Page
from homeport.rbac import Action, ResourceType, Subject, predicate_by_type
from homeport.workspaces.queries import listing
from homeport.workspaces.rules.searching import parse_search
from homeport.workspaces.schemas import WorkspacesResponse
from homeport.workspaces.service.views import workspace_views

# A dormant workspace is another type, upon which fewer roles have rights.
_CASES = (
    ("w.dormant_at IS NULL", ResourceType.WORKSPACE),
    ("w.dormant_at IS NOT NULL", ResourceType.WORKSPACE_DORMANT),
)


async def list_workspaces(db: Database, *, subject: Subject, query: str, page: Page) -> WorkspacesResponse:
    """Return one page, used last first, and the count (see `queries.listing.count_workspaces` for its limit).

    Raises 400 for a search that is not understood.
    """
    search = parse_search(query)
    visible = predicate_by_type(subject, Action.READ, _CASES, listing.COLUMNS)
    if visible.is_never:
        return WorkspacesResponse([], 0)
    statement = listing.filtered(
        search, predicate=visible.sql, arguments=visible.args, asker_id=subject.id, now=clock.now()
    )
    async with db.connection() as conn:
        ids = await listing.list_page(conn, statement, limit=page.limit, offset=page.offset)
        if len(ids) < page.limit and (ids or page.offset == 0):
            count = page.offset + len(ids)
        else:
            count = await listing.count_workspaces(conn, statement, end=page.offset + page.limit)
        return WorkspacesResponse(await workspace_views(conn, ids, reader_id=subject.id), count)
