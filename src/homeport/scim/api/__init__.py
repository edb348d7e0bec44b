"""Handlers of SCIM. Its own documents describe it, so the API document leaves it out."""

from typing import Any

from litestar import Router

from homeport.scim.api import discovery, groups, users
from homeport.scim.types import BASE

# A group of ten thousand people is a megabyte or two.
MOST_BODY = 8 * 1024 * 1024


def router() -> Router:
    """Return the routes. They exist only where SCIM is switched on."""
    return Router(
        BASE,
        route_handlers=[*discovery.routes, *users.routes, *groups.routes],
        request_max_body_size=MOST_BODY,
        include_in_schema=False,
    )


# Everywhere else below /scim, and where SCIM is switched off.
absent_routes: list[Any] = [discovery.nothing]
