"""Resource indicators (RFC 8707): which addresses name a protected resource of this deployment, in one canonical form.

The deployment has these resources: itself (the access address: the HTTP API), and each MCP endpoint. A token is good at
the one that it was asked for and at no other; a token asked for without a resource is good at the HTTP API only.
"""

from homeport.kit.addresses import canonical
from homeport.oauth2.types import MCP_PATH, REFERENCE_MCP_PATH

__all__ = ["PATHS", "canonical", "own_resource", "resources_of"]

PATHS = ("", MCP_PATH, REFERENCE_MCP_PATH)


def resources_of(access_url: str) -> tuple[str, ...]:
    """Return every protected resource of this deployment, the HTTP API first, in canonical form."""
    root = canonical(access_url)
    return tuple(f"{root}{path}" for path in PATHS)


def own_resource(uri: str, access_url: str) -> str:
    """Return the canonical form of a resource of ours, or an empty text when `uri` names none."""
    found = canonical(uri)
    return found if found in resources_of(access_url) else ""
