"""Absolute http(s) addresses in one canonical form, where the metadata of what they name is found, and paths of our own."""

from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": "80", "https": "443"}


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


def well_known(uri: str, name: str) -> str:
    """Return where the document `name` about an address is: the name goes between host and path (RFC 8414 and 9728, section 3)."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}/.well-known/{name}{parts.path.rstrip('/')}"


def local_path(target: str) -> str:
    """Return `target` when it is a path of this server, else `/`: a redirect must never lead to another site."""
    is_local = (
        target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable() and "\\" not in target
    )
    return target if is_local else "/"
