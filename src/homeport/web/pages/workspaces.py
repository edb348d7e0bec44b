"""The list of workspaces."""

from typing import Any

from litestar import Response, get

from homeport.database import Database
from homeport.kit.errors import BadRequest
from homeport.kit.http import Page
from homeport.kit.routes import requires
from homeport.provisioning.service.daemons import list_unisolated
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed
from homeport.templates.service.templates import list_templates
from homeport.web.actions import UNDER_WAY, buttons
from homeport.web.forms import NO_PROBLEMS, Problems
from homeport.web.rendering import View
from homeport.workspaces.schemas import Workspace, WorkspacesResponse
from homeport.workspaces.service import list_workspaces

PAGE_SIZE = 50


@get("/workspaces", opt=requires("workspace:read", is_page=True), include_in_schema=False)
async def show_workspaces(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show one's own workspaces, or all that one may read, and a search among them."""
    query = view.request.query_params
    search, show = query.get("q", "")[:2000], "all" if query.get("show") == "all" else "mine"
    number = page_number(query.get("page", ""))
    problems, found = NO_PROBLEMS, WorkspacesResponse([], 0)
    try:
        found = await list_workspaces(db, subject=subject, query=_asked(search, show), page=window(number))
    except BadRequest as error:
        problems = Problems(error, known=frozenset())
    paging: dict[str, Any] = {
        "count": found.count,
        "search": search,
        "show": show,
        "number": number,
        "page_size": PAGE_SIZE,
    }
    context = await _context(db, subject, found.workspaces)
    return view.page(
        "workspaces.html", status=problems.status, problems=problems, access_url=view.settings.access_url,
        **paging, **context,
    )  # fmt: skip


async def _context(db: Database, subject: Subject, workspaces: list[Workspace]) -> dict[str, Any]:
    """Return what the page shows of the workspaces; without any, whether there is a template to make one from.

    Who looks after the deployment is told which provisioners do not isolate workspaces.
    """
    is_operator = is_allowed(subject, Action.READ, Object(ResourceType.DEBUG_INFO))
    has_templates, unisolated = True, list[str]()
    if not workspaces or is_operator:
        async with db.connection() as conn:
            has_templates = bool(workspaces or await list_templates(conn, subject=subject, is_usable=True))
            unisolated = await list_unisolated(conn, subject) if is_operator else []
    return {
        "unisolated": unisolated,
        "workspaces": workspaces,
        "has_several": len({workspace.organization_id for workspace in workspaces}) > 1,
        "buttons": {workspace.id: buttons(subject, workspace) for workspace in workspaces},
        "is_changing": any(workspace.latest_build.status in UNDER_WAY for workspace in workspaces),
        "has_templates": has_templates,
    }


def _asked(search: str, show: str) -> str:
    """Return the search with the owner that the choice beside it means, unless the search names one itself."""
    return search.strip() if show == "all" or "owner:" in search else f"owner:me {search}".strip()


def asked(view: View) -> tuple[str, int]:
    """Return the search and the number of the page that an address asks for."""
    query = view.request.query_params
    return query.get("q", "")[:2000], page_number(query.get("page", ""))


def window(number: int) -> Page:
    """Return the rows of a page, counted from 1."""
    return Page(limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)


def page_number(text: str) -> int:
    """Read a page's number, counted from 1; what is no sensible number is 1."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= 100_000 else 1


routes: list[Any] = [show_workspaces]
