"""HTTP of templates and their versions.

`GET /templateversions/{id}/resources` and its dry-run twin stand in the room of workspaces, which owns resources.
"""

from litestar import Router
from litestar.handlers import BaseRouteHandler

from homeport.templates.api import access_lists, dry_runs, examples, forms, logs, templates, versions

routes: list[BaseRouteHandler] = [
    *examples.routes,
    *templates.routes,
    *access_lists.routes,
    *versions.routes,
    *logs.routes,
    *dry_runs.routes,
    *forms.routes,
]


def router() -> Router:
    """Return the room's routes."""
    return Router("", route_handlers=routes)
