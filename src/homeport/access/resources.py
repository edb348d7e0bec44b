"""The door of protected resources beside the HTTP API: what counts as a credential there, and every refusal's challenge.

A token counts in the header Authorization or Coder-Session-Token, and nowhere else: no cookie, no query, no form
(RFC 6750, OAuth 2.1 section 5.1). Ordinary API keys and sessions are let in by policy; an access token of a client only
where its audience is this resource.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from homeport.access import rules
from homeport.access.errors import ForeignRequest, ResourceRefused, SignedOut
from homeport.access.rules import Headers
from homeport.access.service.sessions import Sessions
from homeport.identity.types import Identity
from homeport.kit.addresses import canonical, well_known
from homeport.kit.routes import Resource
from homeport.rbac import scopes_cover

_METADATA = "oauth-protected-resource"
_ANYBODY = "*"


class Doorkeeper:
    """Lets requests in at the protected resources of one deployment."""

    def __init__(self, sessions: Sessions, *, allowed_origins: Sequence[str] = ()) -> None:
        self._sessions = sessions
        self._allowed = tuple(allowed_origins)

    async def admit(self, scope: Any, resource: Resource) -> Identity:
        """Return who asks. Raises ForeignRequest, and ResourceRefused (400, 401) with its challenge."""
        headers, query = scope["headers"], scope["query_string"]
        if problem := foreign_host(headers, self._sessions.access_url, self._allowed):
            raise ForeignRequest(421, problem)
        if problem := foreign_origin(headers, self._sessions.access_url, self._allowed):
            raise ForeignRequest(403, problem)
        if problem := unreadable_credential(headers, query):
            raise self.refusal(resource, 400, "invalid_request", problem)
        token = presented_token(headers)
        if not token:
            raise self.refusal(resource, 401, "", "Send an access token in the header Authorization, as Bearer.")
        try:
            return await self._sessions.authenticate(token, resource=resource.path)
        except SignedOut as error:
            raise self.refusal(resource, 401, "invalid_token", error.description) from error

    def require_scopes(
        self, resource: Resource, identity: Identity, *, needed: Sequence[str], asked: Sequence[str]
    ) -> None:
        """Raise ResourceRefused (403) unless the token's scopes cover `needed`; the challenge says to ask for `asked`."""
        if not scopes_cover(identity.key_scopes, needed):
            words = "The access token does not cover this; ask for the scopes that the challenge names"
            raise self.refusal(resource, 403, "insufficient_scope", words, scopes=asked)

    def refusal(
        self, resource: Resource, status: int, code: str, words: str, *, scopes: Sequence[str] | None = None
    ) -> ResourceRefused:
        """Build a refusal with the resource's challenge; without `scopes` it names those to begin with."""
        address = f"{canonical(self._sessions.access_url)}{resource.path}"
        return ResourceRefused(
            status,
            code,
            words,
            metadata=well_known(address, _METADATA),
            scopes=resource.scopes if scopes is None else scopes,
        )


def presented_token(headers: Headers) -> str:
    """Return the token in the headers, or an empty text. Other schemes of authorization are nothing to us."""
    return rules.bearer(rules.header(headers, b"authorization")) or rules.header(headers, b"coder-session-token")


def unreadable_credential(headers: Headers, query: bytes) -> str:
    """Say why credentials cannot be read: there are two, or one is malformed (RFC 6750 sections 2 and 3.1)."""
    found = [value for name, value in headers if name == b"authorization"]
    is_named = bool(rules.header(headers, b"coder-session-token"))
    if len(found) > 1:
        return "There is more than one Authorization header"
    scheme, _, value = (found[0] if found else b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        if not value.strip() or any(letter.isspace() for letter in value.strip()):
            return "The Authorization header is malformed: write Bearer, a space and one token"
        if is_named:
            return "Send the token in one header: Authorization or Coder-Session-Token"
    elif not is_named:
        return ""
    return "A token is in the query as well: send it in the header alone" if _has_token(query) else ""


def _has_token(query: bytes) -> bool:
    return bool(query) and bool(rules.query_value(query, "access_token"))


def foreign_host(headers: Headers, access_url: str, allowed: Sequence[str]) -> str:
    """Say why the name under which the server was reached is not expected: somebody may have bound theirs to our address.

    Names are expected that nobody else can bind: that of the access address, localhost, and addresses themselves.
    """
    name = _host_name(rules.header(headers, b"host"))
    if _ANYBODY in allowed or _is_local(name) or (name and name in {_host_of(access_url), *map(_host_of, allowed)}):
        return ""
    return "This server is not known under the host name of this request."


def foreign_origin(headers: Headers, access_url: str, allowed: Sequence[str]) -> str:
    """Say why the page that sends a request is not expected. Pages of this server and of this machine's loopback are."""
    origin = rules.header(headers, b"origin")
    if not origin or _ANYBODY in allowed or origin.rstrip("/") in {entry.rstrip("/") for entry in allowed}:
        return ""
    if canonical(origin) == canonical(_origin_of(access_url)):
        return ""
    if origin.startswith(("http://", "https://")) and _is_loopback(_host_of(origin)):
        return ""
    return "Pages of this origin may not call this server."


def _origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _host_of(address: str) -> str:
    return _host_name(urlsplit(address).netloc if "://" in address else address)


def _host_name(netloc: str) -> str:
    """Return the name in `name:port`, in lower case and without the brackets of IPv6."""
    if netloc.startswith("["):
        name, _, port = netloc[1:].partition("]")
        return name.lower() if not port or port.startswith(":") else ""
    return netloc.partition(":")[0].lower().rstrip(".")


def _is_local(name: str) -> bool:
    return _is_loopback(name) or _address(name) is not None


def _is_loopback(name: str) -> bool:
    address = _address(name)
    return name == "localhost" or (address is not None and address.is_loopback)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
