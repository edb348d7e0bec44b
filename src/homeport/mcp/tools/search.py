"""Search and fetch, as ChatGPT's connectors ask for them: one list of results, and one result in full."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from homeport.kit.errors import BadRequest
from homeport.kit.http import page
from homeport.mcp import needs, views
from homeport.mcp.arguments import Arguments
from homeport.mcp.errors import NothingHere
from homeport.mcp.registry import READS, Call, tool
from homeport.templates.service import templates
from homeport.workspaces.service import listing, reading

_MOST = 50


class Search(Arguments):
    """Arguments of search."""

    query: Annotated[
        str,
        Meta(
            max_length=1000,
            description="Words to look for in templates and workspaces. For workspaces also owner:me, status:running or "
            "template:name. Empty: everything.",
        ),
    ]


class Fetch(Arguments):
    """Arguments of fetch."""

    id: Annotated[str, Meta(min_length=1, max_length=200, description="Id of a result of search.")]


class Hit(msgspec.Struct, frozen=True):
    """A result of search."""

    id: str
    title: str
    url: str


class Document(msgspec.Struct, frozen=True):
    """A result in full."""

    id: str
    title: str
    text: str
    url: str
    metadata: dict[str, str]


@tool("search", "Search", needs=needs.SEARCH, hints=READS, kind=Search)
async def search(call: Call, given: Search) -> Any:
    """Search the templates and workspaces that the person can see."""
    return {"results": [*await _templates(call, given.query), *await _workspaces(call, given.query)]}


@tool("fetch", "Fetch", needs=needs.SEARCH, hints=READS, kind=Fetch)
async def fetch(call: Call, given: Fetch) -> Any:
    """Return one result of search in full: a template or a workspace, as JSON."""
    kind, _, name = given.id.partition(":")
    try:
        found = UUID(name)
    except ValueError:
        raise NothingHere("The id is none that search has returned.") from None
    url = call.around.settings.access_url
    if kind == "template":
        async with call.db.connection() as conn:
            template = await templates.read_template(conn, subject=call.subject, template_id=found)
        shown = views.template(template, url)
        return _document(given.id, f"Template {template.display_name or template.name}", shown.url, "template", shown)
    if kind == "workspace":
        workspace = await reading.get_workspace(call.db, subject=call.subject, workspace_id=found)
        details = views.workspace_details(workspace, url)
        return _document(given.id, f"Workspace {details.owner}/{details.name}", details.url, "workspace", details)
    raise NothingHere("The id is none that search has returned.")


async def _templates(call: Call, query: str) -> list[Hit]:
    words = query.lower().split()
    async with call.db.connection() as conn:
        found = await templates.list_templates(conn, subject=call.subject)
    url = call.around.settings.access_url
    hits = []
    for each in found:
        text = f"{each.name} {each.display_name} {each.description}".lower()
        if all(word in text for word in words):
            title = f"Template {each.display_name or each.name}"
            hits.append(Hit(f"template:{each.id}", title, views.template_url(url, each)))
    return hits[:_MOST]


async def _workspaces(call: Call, query: str) -> list[Hit]:
    try:
        found = await listing.list_workspaces(call.db, subject=call.subject, query=query, page=page(limit=_MOST))
    except BadRequest:
        # Words that are no search of workspaces may still be words of a template.
        return []
    url = call.around.settings.access_url
    return [
        Hit(f"workspace:{each.id}", f"Workspace {each.owner_name}/{each.name}", views.workspace_url(url, each))
        for each in found.workspaces
    ]


def _document(id_: str, title: str, url: str, kind: str, shown: Any) -> Document:
    return Document(id_, title, views.to_text(shown), url, {"type": kind})


TOOLS = (search, fetch)
