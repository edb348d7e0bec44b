"""Which rooms there are: their routes, and the wiring of events and registries that lets lower rooms not know upper ones."""

from typing import Any

from homeport.audit import api as audit_api
from homeport.files import api as files_api
from homeport.identity import api as identity_api
from homeport.server import deployment
from homeport.server.parts import Parts


def api_routes() -> list[Any]:
    """Return every route below /api/v2."""
    return [*deployment.api_routes, *audit_api.routes, *identity_api.routes, *files_api.routes]


def root_routes() -> list[Any]:
    """Return the routes outside of the API."""
    return [*deployment.root_routes]


def connect(parts: Parts) -> None:
    """Register event handlers, authenticators and hooks."""
