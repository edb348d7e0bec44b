"""The OpenAPI document: made from the handlers, with one credential scheme that no browser sends by itself (spec: identity 10)."""

from typing import Any

from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from homeport.server.version import VERSION

SCHEME = "CoderSessionToken"
PATH = "/api/v2/openapi.json"


def openapi_config() -> OpenAPIConfig:
    """Describe the API; the document itself is served at `/openapi/openapi.json` by the framework."""
    return OpenAPIConfig(
        title="Homeport API",
        version=VERSION,
        description="The HTTP API of Homeport, wire-compatible with the reference system's.",
        components=Components(
            security_schemes={
                SCHEME: SecurityScheme(type="apiKey", name="Coder-Session-Token", security_scheme_in="header")
            }
        ),
        security=[{SCHEME: []}],
        path="/api/v2/docs",
        render_plugins=[],
        use_handler_docstrings=True,
    )


def document(app: Litestar) -> dict[str, Any]:
    """Return the document as plain JSON."""
    return app.openapi_schema.to_schema()
