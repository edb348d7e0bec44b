"""HTTP of jobs, daemons and keys, and of the protocol that daemons speak."""

from litestar import Router
from litestar.handlers import HTTPRouteHandler

from homeport.provisioning.api import daemons, jobs, keys, protocol

routes: list[HTTPRouteHandler] = [*jobs.routes, *daemons.routes, *keys.routes, *protocol.routes]


def router() -> Router:
    """Return the room's routes."""
    return Router("", route_handlers=routes)
