"""Where a request comes from: the peer of the connection, or the client whom a trusted proxy in front names.

A header counts only where the peer is a trusted proxy; otherwise whoever asks could call themselves anything. Of
`X-Forwarded-For` the hop furthest to the right that is no trusted proxy is the client: what stands left of it the client may have
written itself. Scheme and host are never taken from such headers; ACCESS_URL says them.
"""

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from homeport.access.rules import Headers
from homeport.config import Settings
from homeport.config.browsers import read_networks

UNKNOWN: Final = "0.0.0.0"  # noqa: S104 the reference's value for "unknown"
_MOST_HOPS: Final = 32
Address = IPv4Address | IPv6Address


class Peers:
    """Whom one deployment believes."""

    def __init__(self, settings: Settings) -> None:
        self._networks = read_networks(settings.proxy_trusted_origins)
        self._headers = tuple(name.lower().encode() for name in settings.proxy_trusted_headers)

    def client(self, scope: Any) -> str:
        """Return the address of whoever asks, of IPv4 always in its own form; `UNKNOWN` where the connection has none."""
        peer = scope.get("client")
        text = str(peer[0]) if peer else UNKNOWN
        if (address := _address(text)) is None:
            return text
        text = str(address)
        if not self._is_trusted(address):
            return text
        for name in self._headers:
            if (found := self._named(scope["headers"], name)) is not None:
                return str(found)
        return text

    def _named(self, headers: Headers, name: bytes) -> Address | None:
        """Return the client that a header names, going from the nearest hop away until one is no trusted proxy."""
        found: Address | None = None
        for hop in _hops(headers, name):
            address = _address(hop)
            if address is None:
                # What comes before something unreadable is nobody's word; the hop after it is the last that is known.
                return found
            found = address
            if not self._is_trusted(address):
                return found
        return found

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _hops(headers: Headers, name: bytes) -> Iterator[str]:
    """Yield the entries of a header from right to left; several headers of one name are one list (RFC 9110 section 5.3)."""
    texts = [value.decode("latin-1") for key, value in headers if key == name]
    yield from [part.strip() for part in ",".join(texts).split(",")][::-1][:_MOST_HOPS]


@lru_cache(maxsize=1024)
def _address(text: str) -> Address | None:
    """Read an address with or without a port: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1]:80."""
    bare = text.strip('"')
    if bare.startswith("["):
        bare, _, rest = bare[1:].partition("]")
        if rest and not (rest[0] == ":" and rest[1:].isdigit()):
            return None
    elif bare.count(":") == 1:
        bare, _, port = bare.partition(":")
        if not port.isdigit():
            return None
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.scope_id is not None:
            return None
        return found.ipv4_mapped or found
    return found
