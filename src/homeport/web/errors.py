"""Errors as pages, for everything outside the API."""

from typing import Any

from homeport.web.rendering import error_page

_NO_PAGES = ("/api", "/mcp", "/oauth2", "/.well-known", "/healthz", "/debug", "/static")


def wants_page(path: str) -> bool:
    """Tell whether an error at `path` is shown to a person; programs get JSON."""
    return not any(path == prefix or path.startswith(f"{prefix}/") for prefix in _NO_PAGES)


def render(request: Any, status: int, message: str) -> Any:
    """Return a readable page for an error. `message` is shown to the person, escaped."""
    return error_page(request, status, message)
