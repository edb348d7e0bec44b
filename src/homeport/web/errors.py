"""Errors as pages, for everything outside the API, and for people on the pages of the authorization server."""

from typing import Any

from homeport.identity.login.callbacks import is_callback
from homeport.kit.http import takes_html
from homeport.oauth2.errors import OAuthError
from homeport.web import bare
from homeport.web.rendering import error_page

_EXPLAINED = 403
_NO_PAGES = ("/api", "/mcp", "/oauth2", "/.well-known", "/healthz", "/debug", "/static")


def wants_page(path: str, accept: str) -> bool:
    """Tell whether an error is shown to a person. Programs get JSON: at the API, and at pages where they ask for it."""
    if path in bare.PATHS or is_callback(path):
        return takes_html(accept)
    if any(path == prefix or path.startswith(f"{prefix}/") for prefix in _NO_PAGES):
        return False
    return takes_html(accept) or "json" not in accept.lower()


def render(request: Any, status: int, message: str, detail: str = "") -> Any:
    """Return a readable page for an error. `message` is shown to the person, escaped; so is what a refusal explains."""
    if request.url.path in bare.PATHS or is_callback(request.url.path):
        return bare.refused_page(status, message)
    return error_page(request, status, message, detail if status == _EXPLAINED else "")


def apology(message: str) -> tuple[dict[str, str], str]:
    """Return headers and text of the page for an error that nothing inside has answered; it needs nothing of the request."""
    page = bare.refused_page(500, message)
    return {"content-type": "text/html; charset=utf-8", **page.headers}, page.content


def render_oauth(error: OAuthError) -> Any:
    """Return a readable page for an error of the authorization server."""
    return bare.refused_oauth_page(error)
