"""One application: the rooms joined to routes, event handlers and loops, between an outermost and an innermost layer."""

from functools import cache

from litestar import Litestar
from litestar.middleware import DefineMiddleware
from litestar.routes import HTTPRoute, WebSocketRoute
from litestar.types import ASGIApp

from homeport.access.authenticators import Authenticators
from homeport.access.cors import CrossOrigin
from homeport.access.live import LiveConnections
from homeport.access.middleware import Gate
from homeport.access.providers import dependencies as access_dependencies
from homeport.access.rate_limits import RateLimits
from homeport.access.resources import Doorkeeper
from homeport.access.service.links import LinkClock
from homeport.access.service.sessions import Sessions
from homeport.agents.service.switchboard import Switchboard
from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.files.service import FileCache
from homeport.identity.login.configured import providers_of
from homeport.kit.crypto import Cipher
from homeport.kit.ids import new_id
from homeport.mcp.endpoint import Endpoint
from homeport.mcp.registry import Surroundings
from homeport.provisioning.service.acquire import Acquirer
from homeport.proxies.service.hosts import HostCache
from homeport.server import rooms
from homeport.server.attempts import Attempts
from homeport.server.binding import Bound, Door, provide
from homeport.server.edge import Edge
from homeport.server.errors import HANDLERS
from homeport.server.openapi import openapi_config
from homeport.server.parts import Parts
from homeport.server.requests import JsonRequest
from homeport.server.sockets import SocketRefusals, note_error
from homeport.server.version import VERSION

MAX_BODY = 1024 * 1024
# What handlers may take as parameters; `mcp` is for the endpoint that stands before them.
_OF_PARTS = ("db", "settings", "cipher", "listener", "file_cache", "switchboard", "acquirer", "providers", "mcp")


def build_parts(settings: Settings, db: Database, listener: Listener, cipher: Cipher) -> Parts:
    """Make the long-lived objects that rooms share."""
    replica_id = new_id()
    providers = providers_of(settings)
    links = LinkClock(db, cipher, providers, access_url=settings.access_url)
    sessions = Sessions(db, settings, links=links)
    doorkeeper = Doorkeeper(sessions, allowed_origins=settings.mcp_allowed_origins)
    file_cache = FileCache(db)
    switchboard = Switchboard(db, listener, cipher, replica_id=replica_id)
    return Parts(
        settings=settings,
        db=db,
        listener=listener,
        cipher=cipher,
        authenticators=Authenticators(),
        providers=providers,
        links=links,
        sessions=sessions,
        live=LiveConnections(sessions),
        file_cache=file_cache,
        doorkeeper=doorkeeper,
        replica_id=replica_id,
        hosts=HostCache(db, settings),
        switchboard=switchboard,
        acquirer=Acquirer(db, listener, access_url=settings.access_url, hung_after=settings.provisioner_hang_timeout),
        mcp=Endpoint(Surroundings(db, cipher, settings, switchboard, file_cache), doorkeeper, version=VERSION),
    )


def build_asgi(parts: Parts, *, has_proof: bool = False) -> tuple[ASGIApp, Litestar, Gate]:
    """Join all rooms. `has_proof` makes a route that answers without its decision an error (tests)."""
    gate = Gate(
        parts.db,
        parts.sessions,
        parts.authenticators,
        RateLimits(parts.settings, parts.db),
        doorkeeper=parts.doorkeeper,
        live=parts.live,
        has_proof=has_proof,
    )
    rooms.connect(parts)
    app = _register(
        rooms.Choice(
            oauth2=parts.settings.oauth2_provider_enable,
            scim=bool(parts.settings.scim_auth_header),
            swagger=parts.settings.swagger_enable,
        )
    )
    bound = Bound(app, {**{name: getattr(parts, name) for name in _OF_PARTS}, "rate_limits": gate.rate_limits}, gate)
    inner = CrossOrigin(bound, bound.routes, origins=parts.settings.cors_allowed_origins)
    return Edge(Attempts(SocketRefusals(inner), parts.db), parts.settings, parts.hosts), app, gate


@cache
def _register(choice: rooms.Choice) -> Litestar:
    """Join the routes of all rooms. They know no server: see binding.py."""
    app = Litestar(
        route_handlers=rooms.routes(choice),
        dependencies={**access_dependencies, **{name: provide(name) for name in (*_OF_PARTS, "rate_limits")}},
        middleware=[DefineMiddleware(Door)],
        exception_handlers=HANDLERS,
        after_exception=[note_error],
        openapi_config=openapi_config(is_served=choice.swagger),
        request_class=JsonRequest,
        request_max_body_size=MAX_BODY,
        debug=False,
        logging_config=None,
    )
    _resolve_in_order(app)
    return app


def _resolve_in_order(app: Litestar) -> None:
    """Resolve the injected parameters of a handler one after the other.

    The framework resolves independent ones side by side in a task group, which costs more than a query where providers
    only read what is there already, as all of ours do.
    """
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            models = [model for _, model in route.route_handler_map.values()]
        elif isinstance(route, WebSocketRoute):
            models = [model for model in [route.handler_parameter_model] if model is not None]
        else:
            continue
        for model in models:
            model.dependency_batches = [{one} for batch in model.dependency_batches for one in batch]
