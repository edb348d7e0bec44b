"""Redirect addresses: which may be registered, and which registered one a request names (RFC 6749 3.1.2, 8252, 9700 2.1).

A request's address must equal a registered one to the letter. The one freedom: the port of http on a loopback host.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})
MOST_URIS = 32
MOST_BYTES = 2048
# Private-use schemes without a dot are against RFC 8252 section 7.1; these belong to clients that people use.
KNOWN_SCHEMES = frozenset(
    {
        "cursor",
        "vscode",
        "vscode-insiders",
        "vscodium",
        "windsurf",
        "zed",
        "claude",
        "jetbrains",
        "kiro",
        "trae",
        "warp",
    }
)
_FORBIDDEN_SCHEMES = frozenset(
    {
        "javascript",
        "data",
        "file",
        "ftp",
        "vbscript",
        "blob",
        "about",
        "view-source",
        "mailto",
        "tel",
        "sms",
        "ws",
        "wss",
    }
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*\Z")
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(?::([0-9]{1,5}))?(/[^#]*|\?[^#]*)?\Z")
_ALLOWED = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+\Z")


def problem(uri: str, *, is_public: bool) -> str:
    """Say why an address cannot be registered, or return an empty text. Names no part of it: it may be hostile."""
    if not uri:
        return "A redirect address is empty."
    if len(uri) > MOST_BYTES:
        return f"A redirect address has more than {MOST_BYTES} bytes."
    if "#" in uri:
        return "A redirect address has a fragment."
    if not _ALLOWED.match(uri) or "*" in uri.partition("?")[0]:
        return "A redirect address has characters that no address has, or a wildcard."
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "A redirect address cannot be read."
    scheme, colon, _ = uri.partition(":")
    if not colon or not _SCHEME.match(scheme):
        return "A redirect address has no scheme, or one with capital letters."
    if "@" in parts.netloc:
        return "A redirect address has a user name."
    if scheme == "https":
        return "" if parts.hostname else "A redirect address has no host."
    if scheme == "http":
        return (
            "" if _LOOPBACK.match(uri) else "A redirect address with http must lead to 127.0.0.1, [::1] or localhost."
        )
    return _private_use_problem(scheme, uri, is_public=is_public)


def _private_use_problem(scheme: str, uri: str, *, is_public: bool) -> str:
    if scheme in _FORBIDDEN_SCHEMES:
        return "A redirect address has a scheme that is never allowed."
    if scheme not in KNOWN_SCHEMES and "." not in scheme:
        return "A redirect address has a private-use scheme without a dot; use a domain of yours, as com.example.app."
    if not uri[len(scheme) + 1 :].startswith("/"):
        return "A redirect address with a private-use scheme needs a path or an authority."
    return "" if is_public else "A redirect address with a private-use scheme is for public clients only."


def matched(uri: str, registered: Iterable[str]) -> bool:
    """Whether a request's address is a registered one: to the letter, or but for the port of http on a loopback host."""
    known = list(registered)
    if uri in known:
        return True
    found = _without_port(uri)
    return bool(found) and any(found == _without_port(each) for each in known)


def is_loopback(uri: str) -> bool:
    """Whether an address leads to a program on the person's own machine."""
    return _LOOPBACK.match(uri) is not None


def host_of(uri: str) -> str:
    """Return what people should look at: the host of an address, or its private-use scheme."""
    parts = urlsplit(uri)
    return (parts.hostname or "") if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def _without_port(uri: str) -> str:
    """Return a loopback address without its port; empty for any other address, and for a port that is none."""
    found = _LOOPBACK.match(uri)
    if found is None or (found[2] is not None and not 0 < int(found[2]) < 65536):
        return ""
    return f"http://{found[1]}{found[3] or ''}"
