"""Resource indicators (RFC 8707): which addresses name a protected resource of this deployment, in one canonical form.

The deployment has these resources: itself (the access address: the HTTP API), and each MCP endpoint. A token is good at
the one that it was asked for and at no other; a token asked for without a resource is good at the HTTP API only.
"""

from urllib.parse import urlsplit

from homeport.oauth2.types import MCP_PATH, REFERENCE_MCP_PATH

_DEFAULT_PORTS = {"http": "80", "https": "443"}
PATHS = ("", MCP_PATH, REFERENCE_MCP_PATH)


def canonical(uri: str) -> str:
    """Return the canonical form of an absolute http(s) address, or an empty text when it is none.

    Scheme and host in lower case, IDNA host, no default port, no slash alone for a path; the rest to the letter.
    Fragments and user names make it none (RFC 8707 section 2).
    """
    if not uri.isascii() or not uri.isprintable() or " " in uri or "#" in uri:
        return ""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return ""
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return ""
    shown = f"[{host}]" if ":" in host else host
    if port is not None and str(port) != _DEFAULT_PORTS[scheme]:
        shown = f"{shown}:{port}"
    path = "" if parts.path == "/" and not parts.query else parts.path
    return f"{scheme}://{shown}{path}{'?' + parts.query if parts.query else ''}"


def resources_of(access_url: str) -> tuple[str, ...]:
    """Return every protected resource of this deployment, the HTTP API first, in canonical form."""
    root = canonical(access_url)
    return tuple(f"{root}{path}" for path in PATHS)


def own_resource(uri: str, access_url: str) -> str:
    """Return the canonical form of a resource of ours, or an empty text when `uri` names none."""
    found = canonical(uri)
    return found if found in resources_of(access_url) else ""


def is_audience(audience: str | None, resource: str, access_url: str) -> bool:
    """Whether a token for `audience` (None: asked for without a resource) is good at the resource of ours `resource`."""
    return (audience or canonical(access_url)) == resource
