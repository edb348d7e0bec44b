"""Names of clients as people see them: they come from strangers."""

import unicodedata
from urllib.parse import urlsplit

from homeport.oauth2.rules import redirects
from homeport.oauth2.types import AppRow

_MOST = 64
_NAMELESS = "An application without a name"
# Control and format characters (those that turn the direction of writing among them), line ends, and what stands for nothing.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def client_name(app: AppRow) -> str:
    """Return a client's name on one line, without characters that hide or turn others; at most 64 characters."""
    return shown_name(app.name)


def shown_name(name: str) -> str:
    """Return a name that a stranger has chosen, as it can be shown among words of ours."""
    visible = "".join(" " if letter.isspace() else letter for letter in name if not _is_hidden(letter))
    found = " ".join(visible.split())
    return (found if len(found) <= _MOST else f"{found[: _MOST - 1]}…") or _NAMELESS


def client_host(app: AppRow) -> str:
    """Return the host of a client's document, or an empty text for other clients."""
    return urlsplit(app.metadata_url).hostname or "" if app.metadata_url else ""


def has_private_scheme(redirect_uri: str) -> bool:
    """Whether an answer goes to an application by a scheme that any application can claim."""
    return not redirect_uri.startswith(("https://", "http://"))


def is_loopback(redirect_uri: str) -> bool:
    """Whether an answer goes to a program on the person's own computer."""
    return redirects.is_loopback(redirect_uri)


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in _HIDDEN and not letter.isspace()
