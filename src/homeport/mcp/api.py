"""Where MCP is served: the address of this server's own, and that of the reference."""

from collections.abc import Callable, Sequence

from litestar.handlers import ASGIRouteHandler, asgi
from litestar.types import Receive, Scope, Send

from homeport.kit.routes import protected_resource
from homeport.mcp.endpoint import Endpoint
from homeport.oauth2.rules.scopes import DEFAULT_SCOPES
from homeport.oauth2.types import MCP_PATH, REFERENCE_MCP_PATH


def routes(endpoint: Callable[[], Endpoint]) -> Sequence[ASGIRouteHandler]:
    """Return the routes, served by whichever endpoint it is then; both answer alike, and each is a resource of its own."""

    @asgi(MCP_PATH, opt=protected_resource(MCP_PATH, scopes=DEFAULT_SCOPES), copy_scope=False)
    async def mcp(scope: Scope, receive: Receive, send: Send) -> None:
        """Serve MCP."""
        await endpoint().serve(scope, receive, send)

    @asgi(REFERENCE_MCP_PATH, opt=protected_resource(REFERENCE_MCP_PATH, scopes=DEFAULT_SCOPES), copy_scope=False)
    async def reference_mcp(scope: Scope, receive: Receive, send: Send) -> None:
        """Serve MCP where clients of the reference look for it."""
        await endpoint().serve(scope, receive, send)

    return [mcp, reference_mcp]
