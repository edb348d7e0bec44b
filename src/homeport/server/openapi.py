"""The OpenAPI document, made from the handlers (spec: identity 10).

Its credential schemes are headers that no browser sends by itself. What the framework cannot know is added here: who may
call a route, and that refusals all have one shape.
"""

import re
from collections.abc import Iterator
from typing import Any

from litestar import Litestar, MediaType, Request, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, Reference, SecurityScheme
from litestar.routes import HTTPRoute

from homeport.kit.errors import NotFound
from homeport.kit.routes import KEY, Access, Credential
from homeport.server.version import VERSION
from homeport.web.rendering import render_bare

SCHEME = "CoderSessionToken"
_SCHEMES = {
    SCHEME: "Coder-Session-Token",
    "CoderProvisionerKey": "Coder-Provisioner-Daemon-Key",
    "HomeportJobToken": "Homeport-Job-Token",
}
# Agents bring their token in the header of people's. What may come without a credential says so by an empty choice.
_SECURITY: dict[Credential, list[dict[str, list[str]]]] = {
    "public": [],
    "optional": [{}, {SCHEME: []}],
    "user": [{SCHEME: []}],
    "agent": [{SCHEME: []}],
    "provisioner": [{"CoderProvisionerKey": []}, {SCHEME: []}],
    "job": [{"HomeportJobToken": []}],
}
_REFUSED = {
    "description": "Refused; the message says why, and validations name the fields that are at fault.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Response"}}},
}
_OAUTH = "/oauth2/"
_REFUSED_BY_OAUTH = {
    "description": "Refused, in the standards' words (RFC 6749 section 5.2).",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OAuth2ErrorBody"}}},
}
_PAGE_PATHS = ["/", "/index.html"]
_DOCUMENT_PATHS = ["/openapi.json", "/doc.json"]
_SERVED = ["", *_PAGE_PATHS, *_DOCUMENT_PATHS]
_NO_WORD = re.compile(r"[^a-z0-9]+")


def openapi_config(*, is_served: bool = True) -> OpenAPIConfig:
    """Describe the API. The framework serves a page at `/swagger` and the document beside it, where they are to be served."""
    schemes: dict[str, SecurityScheme | Reference] = {
        name: SecurityScheme(type="apiKey", name=header, security_scheme_in="header")
        for name, header in _SCHEMES.items()
    }
    return OpenAPIConfig(
        title="Homeport API",
        version=VERSION,
        description="The HTTP API of Homeport, wire-compatible with the reference system's.",
        components=Components(security_schemes=schemes),
        security=[{SCHEME: []}],
        path="/swagger",
        render_plugins=[_Page(is_served=is_served), _Document(is_served=is_served)],
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, *_: _NO_WORD.sub("-", str(handler.summary).lower()).strip("-"),
    )


def document(app: Litestar) -> dict[str, Any]:
    """Return the document as plain JSON."""
    schema: dict[str, Any] = app.openapi_schema.to_schema()
    for path, method, access in _routes(app):
        operation = schema["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            operation["security"] = _SECURITY[access.credential]
            responses = operation["responses"]
            operation["responses"] = {status: one for status, one in responses.items() if status < "4"} | {
                "4XX": _REFUSED_BY_OAUTH if path.startswith(_OAUTH) else _REFUSED
            }
    return schema


class _Page(OpenAPIRenderPlugin):
    """Serves the page on which people read the document and try requests. It knows no session; see web/static/api.js."""

    def __init__(self, *, is_served: bool) -> None:
        super().__init__(path=_PAGE_PATHS, media_type=MediaType.HTML)
        self._is_served = is_served

    def receive_router(self, router: Router) -> None:
        """Take away the framework's own page for whatever else is below: what is not there is told as everywhere."""
        router.routes = [one for one in router.routes if one.path in {f"{router.path}{path}" for path in _SERVED}]

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page."""
        _require_served(self._is_served)
        return render_bare("api.html").encode()


class _Document(JsonRenderPlugin):
    """Serves the completed document, which is made once."""

    def __init__(self, *, is_served: bool) -> None:
        super().__init__(path=_DOCUMENT_PATHS)
        self._is_served = is_served
        self._text: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the document as JSON."""
        _require_served(self._is_served)
        if self._text is None:
            self._text = self.render_json(request, document(request.app))
        return self._text


def _require_served(is_served: bool) -> None:
    if not is_served:
        raise NotFound("The page about the API is switched off (SWAGGER_ENABLE).")


def _routes(app: Litestar) -> Iterator[tuple[str, str, Access]]:
    """Yield path, method and declared access of each handler."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            access: Access | None = handler.opt.get(KEY)
            if access is not None:
                yield route.path_format, str(method), access
