"""The OpenAPI document, made from the handlers (spec: identity 10).

Its one credential scheme is a header that no browser sends by itself.
"""

from typing import Any

from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from homeport.server.version import VERSION

SCHEME = "CoderSessionToken"


def openapi_config() -> OpenAPIConfig:
    """Describe the API. The framework serves the document at `/swagger/openapi.json`."""
    scheme = SecurityScheme(type="apiKey", name="Coder-Session-Token", security_scheme_in="header")
    return OpenAPIConfig(
        title="Homeport API",
        version=VERSION,
        description="The HTTP API of Homeport, wire-compatible with the reference system's.",
        components=Components(security_schemes={SCHEME: scheme}),
        security=[{SCHEME: []}],
        path="/swagger",
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
    )


def document(app: Litestar) -> dict[str, Any]:
    """Return the document as plain JSON."""
    return app.openapi_schema.to_schema()
