"""One application: the rooms joined to routes, event handlers and loops, between an outermost and an innermost layer."""

from typing import Any

from litestar import Litestar, Router
from litestar.config.response_cache import ResponseCacheConfig
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp

from homeport.access.authenticators import Authenticators
from homeport.access.headers import SecurityHeaders
from homeport.access.middleware import Authentication, Gate
from homeport.access.providers import dependencies as access_dependencies
from homeport.access.rate_limits import LoginLimit
from homeport.access.service.sessions import Sessions
from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.kit.crypto import Cipher
from homeport.server import rooms
from homeport.server.edge import Edge
from homeport.server.errors import HANDLERS
from homeport.server.openapi import openapi_config
from homeport.server.parts import Parts

MAX_BODY = 1024 * 1024


def build_parts(settings: Settings, db: Database, listener: Listener, cipher: Cipher) -> Parts:
    """Make the long-lived objects that rooms share."""
    return Parts(settings=settings, db=db, listener=listener, cipher=cipher, authenticators=Authenticators())


def build_asgi(parts: Parts, *, has_proof: bool = False) -> tuple[ASGIApp, Litestar, Gate]:
    """Join all rooms. `has_proof` makes a route that answers without its decision an error (tests)."""
    gate = Gate(
        parts.db,
        Sessions(parts.db, parts.settings),
        parts.authenticators,
        LoginLimit(parts.settings),
        has_proof=has_proof,
    )
    rooms.connect(parts)
    app = Litestar(
        route_handlers=[Router("/api/v2", route_handlers=rooms.api_routes()), *rooms.root_routes()],
        dependencies={**access_dependencies, **_shared(parts)},
        middleware=[
            DefineMiddleware(SecurityHeaders, additions=None, is_https=parts.settings.is_https),
            DefineMiddleware(Authentication, gate=gate),
        ],
        exception_handlers=HANDLERS,
        openapi_config=openapi_config(),
        response_cache_config=ResponseCacheConfig(default_expiration=None),
        request_max_body_size=MAX_BODY,
        signature_types=[],
        debug=False,
    )
    return Edge(app), app, gate


def _shared(parts: Parts) -> dict[str, Provide]:
    def constant(value: Any) -> Provide:
        return Provide(lambda: value, sync_to_thread=False)

    return {
        "db": constant(parts.db),
        "settings": constant(parts.settings),
        "cipher": constant(parts.cipher),
        "listener": constant(parts.listener),
    }


class Application:
    """Everything of one server process above the database: the ASGI application and what runs beside it."""

    def __init__(self, settings: Settings, db: Database, listener: Listener, cipher: Cipher) -> None:
        self.parts = build_parts(settings, db, listener, cipher)
        self.asgi, self.litestar, self._gate = build_asgi(self.parts)

    async def start(self) -> None:
        """Start the background loops."""

    async def start_daemons(self) -> None:
        """Start the built-in provisioner daemons; the server listens already."""

    async def stop(self) -> None:
        """End loops and daemons in order."""
        await self._gate.close()

    async def banner(self) -> str:
        """Return what the operator reads when the server is up."""
        return f"Homeport serves at {self.parts.settings.access_url}"
