"""Applications made of few rooms. Registering their routes takes a third of a second, so those of one shape share it.

What differs between two of a shape (database, settings, door) is bound to each request: `bind` returns an ASGI application that
serves with the values that it was given.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Litestar, Router
from litestar.middleware import DefineMiddleware

from homeport.access.middleware import Gate
from homeport.access.providers import dependencies
from homeport.identity.api import routes as identity_routes
from homeport.organizations.api import routes as organization_routes
from homeport.server.binding import Bound, Door, provide

_MOST = 6
_shapes: dict[tuple[Any, ...], tuple[Litestar, list[Any]]] = {}


def bind(values: Mapping[str, Any], gate: Gate, *, routes: Sequence[Any], root_routes: Sequence[Any]) -> Any:
    """Return an application of identity, organizations and the given routes that serves with these values and this door."""
    return Bound(_registered(tuple(sorted(values)), list(routes), list(root_routes)), values, gate)


def _registered(names: tuple[str, ...], routes: list[Any], root_routes: list[Any]) -> Litestar:
    key = (names, tuple(map(id, routes)), tuple(map(id, root_routes)))
    # The routes are kept as well: their ids are what tells shapes apart.
    found = _shapes.pop(key, None) or (_build(names, routes, root_routes), [routes, root_routes])
    while len(_shapes) >= _MOST:
        del _shapes[next(iter(_shapes))]
    # The one used last stands last.
    _shapes[key] = found
    return found[0]


def _build(names: tuple[str, ...], routes: list[Any], root_routes: list[Any]) -> Litestar:
    from homeport.server.errors import HANDLERS  # lazy: only HTTP tests need the server room
    from homeport.server.requests import JsonRequest  # lazy: as above
    from homeport.server.sockets import note_error  # lazy: as above

    return Litestar(
        route_handlers=[
            Router("/api/v2", route_handlers=[*identity_routes, *organization_routes, *routes]),
            *root_routes,
        ],
        dependencies={**dependencies, **{name: provide(name) for name in names}},
        middleware=[DefineMiddleware(Door)],
        exception_handlers=HANDLERS,
        after_exception=[note_error],
        request_class=JsonRequest,
        request_max_body_size=1024 * 1024,
        openapi_config=None,
        logging_config=None,
    )
