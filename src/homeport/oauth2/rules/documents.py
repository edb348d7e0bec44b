"""Client id metadata documents: which addresses may be a client_id, what a document must say, how long it counts.

The client_id is the https address of a JSON document about the client. Nobody has registered such a client: its word is as
good as the address. (draft-ietf-oauth-client-id-metadata-document.)
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from homeport.oauth2.errors import OAuthError
from homeport.oauth2.rules.registration import BY_DOCUMENT, Metadata, read_metadata
from homeport.oauth2.types import AppRow, GrantType

MOST_BYTES: Final = 5 * 1024
SHORTEST_LIFE: Final = timedelta(minutes=5)
DEFAULT_LIFE: Final = timedelta(hours=1)
LONGEST_LIFE: Final = timedelta(hours=24)
_MOST_URL: Final = 2048
_ADDRESS: Final = re.compile(r"https://[a-z0-9.\-:\[\]]+/[A-Za-z0-9\-._~/@!$&'()*+,;=:%]*\Z")
_HOST: Final = re.compile(r"(?!-)[a-z0-9\-]{1,63}(?<!-)(\.(?!-)[a-z0-9\-]{1,63}(?<!-))*\Z")
_MAX_AGE: Final = re.compile(r"(s-maxage|max-age)\s*=\s*\"?(\d{1,10})\"?\Z")


def address_problem(url: str) -> str:
    """Say why an address cannot be a client_id, or return an empty text. One spelling of an address only is accepted."""
    if len(url) > _MOST_URL:
        return f"The client_id has more than {_MOST_URL} characters."
    if "#" in url or "?" in url:
        return "A client_id that is an address has no fragment and no query."
    if not _ADDRESS.match(url):
        return "A client_id that is an address begins with https:// and a host in small letters, and has a path."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "The client_id cannot be read as an address."
    if port == 443 or (port is not None and f":{port}" != parts.netloc[-len(str(port)) - 1 :]):
        return "A client_id that is an address names no port, or one other than 443."
    if not parts.hostname or not _is_host(parts.hostname) or "@" in parts.netloc or parts.netloc.endswith(":"):
        return "A client_id that is an address needs a host, and no user name."
    if parts.path == "/":
        return "A client_id that is an address has a path beyond the slash."
    segments = re.sub("%2e", ".", parts.path, flags=re.IGNORECASE).split("/")
    if "." in segments or ".." in segments:
        return "A client_id that is an address has no segments of dots."
    return ""


def domain_problem(url: str, *, allowed: Sequence[str], denied: Sequence[str]) -> str:
    """Say why the policy of this deployment refuses documents from the host of an address, or return an empty text."""
    host = host_of(url)
    if _is_below(host, denied) or (allowed and not _is_below(host, allowed)):
        return "This server accepts no clients from that domain; ask its administrator."
    return ""


def host_of(url: str) -> str:
    """Return the host of an address without its port: what people are shown of a client with a document."""
    return urlsplit(url).hostname or ""


def is_private_host(url: str, hosts: Iterable[str]) -> bool:
    """Whether the settings let this host serve documents from a private network; `hosts` are host or host:port."""
    parts = urlsplit(url)
    name, port = parts.hostname or "", parts.port or 443
    shown = f"[{name}]" if ":" in name else name
    return not {name, shown, f"{shown}:{port}"}.isdisjoint(host.lower() for host in hosts)


def read_document(url: str, document: object) -> Metadata:
    """Return what the document at an address says of its client. Raises OAuthError with what is wrong with it."""
    if not isinstance(document, Mapping):
        raise OAuthError("invalid_client", "The client's metadata document is not a JSON object.")
    if document.get("client_id") != url:
        raise OAuthError("invalid_client", "The client's metadata document has another client_id than its address.")
    if any(str(name).startswith("client_secret") for name in document):
        raise OAuthError("invalid_client", "The client's metadata document holds a client secret; it is public.")
    if not isinstance(document.get("client_name"), str) or not document["client_name"].strip():
        raise OAuthError("invalid_client", "The client's metadata document has no client_name.")
    found = read_metadata(document, BY_DOCUMENT)
    if not found.name:
        raise OAuthError("invalid_client", "The client's metadata document has a client_name that does not print.")
    if not found.redirect_uris or GrantType.AUTHORIZATION_CODE not in found.grant_types:
        raise OAuthError("invalid_client", "The client's metadata document needs redirect_uris and authorization_code.")
    return found


def expires_at(headers: Mapping[str, str], now: datetime) -> datetime:
    """Return until when an answer with these headers (names in small letters) counts, within our own bounds (RFC 9111)."""
    return now + min(max(_life(headers, now), SHORTEST_LIFE), LONGEST_LIFE)


def revoking_change(before: AppRow, after: AppRow) -> str:
    """Say which change of a document ends all that was granted to its client, or return an empty text.

    People allowed a client by its name, at its addresses, that proves itself by its keys. An address that falls away
    ends nothing, nor do keys that are renewed one by one.
    """
    if before.name != after.name:
        return "client_name"
    if set(after.callbacks) - set(before.callbacks):
        return "redirect_uris"
    if before.token_endpoint_auth_method != after.token_endpoint_auth_method:
        return "token_endpoint_auth_method"
    if before.jwks_uri != after.jwks_uri:
        return "jwks_uri"
    keys_before, keys_after = _key_ids(before.jwks), _key_ids(after.jwks)
    return "jwks" if keys_before and keys_before.isdisjoint(keys_after) else ""


def _life(headers: Mapping[str, str], now: datetime) -> timedelta:
    directives = [part.strip().lower() for part in headers.get("cache-control", "").split(",")]
    if "no-store" in directives or "no-cache" in directives:
        return timedelta(0)
    ages = {found[1]: int(found[2]) for part in directives if (found := _MAX_AGE.match(part))}
    if ages:
        return timedelta(seconds=min(ages.get("s-maxage", ages.get("max-age", 0)), 10**9) - _age(headers))
    if "expires" in headers:
        try:
            moment = parsedate_to_datetime(headers["expires"])
        except ValueError:
            return timedelta(0)
        return (moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)) - now
    return DEFAULT_LIFE


def _age(headers: Mapping[str, str]) -> int:
    text = headers.get("age", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return len(host) <= 253 and _HOST.match(host) is not None and not host.rpartition(".")[2].isdecimal()
    return True


def _is_below(host: str, domains: Iterable[str]) -> bool:
    return any(
        host == domain or host.endswith(f".{domain}") for domain in (each.lower().strip(".") for each in domains)
    )


def _key_ids(jwks: dict[str, Any] | None) -> set[str]:
    keys = jwks.get("keys", []) if jwks else []
    return {"|".join(f"{key.get(name, '')}" for name in ("kty", "crv", "n", "x", "y")) for key in keys}
