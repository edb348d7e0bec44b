"""The list of workspaces: what a search asks for among what the asker may read."""

from homeport.database import Database
from homeport.kit import clock
from homeport.kit.http import Page
from homeport.rbac import Action, ResourceType, Subject, branches_by_type
from homeport.workspaces.queries import listing
from homeport.workspaces.rules.searching import parse_search
from homeport.workspaces.schemas import WorkspacesResponse
from homeport.workspaces.service.views import workspace_views

# A dormant workspace is another type, upon which fewer roles have rights.
CASES = (
    ("w.dormant_at IS NULL", ResourceType.WORKSPACE),
    ("w.dormant_at IS NOT NULL", ResourceType.WORKSPACE_DORMANT),
)


async def list_workspaces(db: Database, *, subject: Subject, query: str, page: Page) -> WorkspacesResponse:
    """Return one page, used last first, and the count (see `queries.listing.count_workspaces` for its limit).

    Raises 400 for a search that is not understood.
    """
    search = parse_search(query)
    branches = branches_by_type(subject, Action.READ, CASES)
    if not branches:
        return WorkspacesResponse([], 0)
    wanted = listing.Listing(search, branches, asker_id=subject.id, now=clock.now())
    async with db.connection() as conn:
        ids = await listing.list_page(conn, wanted, limit=page.limit, offset=page.offset)
        if len(ids) < page.limit and (ids or page.offset == 0):
            count = page.offset + len(ids)
        else:
            count = await listing.count_workspaces(conn, wanted, end=page.offset + page.limit)
        return WorkspacesResponse(await workspace_views(conn, ids, reader_id=subject.id), count)
