"""Absolute http(s) addresses in one canonical form, where the metadata of what they name is found, and paths of our own."""

import unicodedata
from urllib.parse import unquote, urlsplit

_DEFAULT_PORTS = {"http": "80", "https": "443"}
MOST_PATH = 8192
# Once by our own router, once more by whoever stands between.
_DECODINGS = 2


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
    """Return `target` when it is a path of this server, else `/`: a redirect must never lead to another site.

    Browsers drop tabs and line ends, take a backslash for a slash, and go to another host where two slashes come first; proxies
    and pages on the way may decode once more. So the path is looked at as it is and decoded, and what could be read as anything
    else is refused, not mended. The query is looked at as it is: it may hold anything that is encoded.
    """
    if not 0 < len(target) <= MOST_PATH or not _is_plain(target):
        return "/"
    path = target.partition("?")[0].partition("#")[0]
    for _ in range(_DECODINGS):
        if not _is_own(path):
            return "/"
        path = unquote(path)
    return target if _is_own(path) else "/"


def _is_plain(text: str) -> bool:
    # What only looks like a slash becomes one where somebody normalizes: the fullwidth solidus, for one.
    folded = unicodedata.normalize("NFKC", text)
    return text.isprintable() and "\\" not in folded and folded.count("/") == text.count("/")


def _is_own(path: str) -> bool:
    """Tell whether a path begins on this server and stays there once its dots are resolved."""
    return path.startswith("/") and "//" not in path and _is_plain(path)
