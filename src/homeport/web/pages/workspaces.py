"""The list of workspaces."""

from typing import Any

from litestar import Response, get

from homeport.database import Database
from homeport.kit.errors import BadRequest
from homeport.kit.http import Page
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.templates.service.templates import list_templates
from homeport.web.actions import UNDER_WAY, buttons
from homeport.web.forms import NO_PROBLEMS, Problems
from homeport.web.rendering import View
from homeport.workspaces.schemas import WorkspacesResponse
from homeport.workspaces.service import list_workspaces

PAGE_SIZE = 50


@get("/workspaces", opt=requires("workspace:read", is_page=True), include_in_schema=False)
async def show_workspaces(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show one's own workspaces, or all that one may read, and a search among them."""
    query = view.request.query_params
    search, show = query.get("q", "")[:2000], "all" if query.get("show") == "all" else "mine"
    number = page_number(query.get("page", ""))
    asked = search if show == "all" or "owner:" in search else f"owner:me {search}"
    problems = NO_PROBLEMS
    try:
        window = Page(limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
        found = await list_workspaces(db, subject=subject, query=asked.strip(), page=window)
    except BadRequest as error:
        problems, found = Problems(error, known=frozenset()), WorkspacesResponse([], 0)
    has_templates = True
    if not found.workspaces:
        async with db.connection() as conn:
            has_templates = bool(await list_templates(conn, subject=subject))
    return view.page(
        "workspaces.html",
        status=problems.status,
        workspaces=found.workspaces,
        buttons={workspace.id: buttons(subject, workspace) for workspace in found.workspaces},
        is_changing=any(workspace.latest_build.status in UNDER_WAY for workspace in found.workspaces),
        count=found.count,
        search=search,
        show=show,
        number=number,
        page_size=PAGE_SIZE,
        problems=problems,
        has_templates=has_templates,
        access_url=view.settings.access_url,
    )


def page_number(text: str) -> int:
    """Read a page's number, counted from 1; what is no sensible number is 1."""
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= 100_000 else 1


routes: list[Any] = [show_workspaces]
