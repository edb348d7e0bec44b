"""From places of proxies to sources of a page policy (spec: identity 8.2)."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from homeport.proxies.types import AppHosts, ProxyPlace

EVERYTHING: Final = "*"
_SCHEMES: Final = ("ws", "wss", "http", "https")


def app_hosts(primary: ProxyPlace, proxies: Iterable[ProxyPlace]) -> AppHosts:
    """Return the hosts of the primary and of proxies, each once, in the order in which they come.

    Pages reach the primary as their own origin, so its address is no source to connect to.
    """
    others = list(proxies)
    connect = [source for place in others for source in connect_sources(place.url)]
    frame = [source for place in (primary, *others) if (source := frame_source(place))]
    return AppHosts(_narrowed(connect), _narrowed(frame))


def connect_sources(url: str) -> tuple[str, ...]:
    """Return the sources that let pages speak with a proxy, by WebSockets and by HTTP."""
    host = host_of(url)
    if not host or host == EVERYTHING:
        return (host,) if host else ()
    return tuple(f"{scheme}://{host}" for scheme in _SCHEMES)


def frame_source(place: ProxyPlace) -> str:
    """Return the source of the applications at a place.

    A policy knows a `*` as the whole first label only: `*--apps.example.com` becomes `*.example.com`. A pattern with a `*`
    further inside cannot be said; then, and without a pattern, it is the place's own host.
    """
    pattern = host_of(place.wildcard_hostname)
    first, _, rest = pattern.partition(".")
    if not pattern or "*" in rest or (first != EVERYTHING and "*" in first and not rest):
        return host_of(place.url)
    return f"*.{rest}" if "*" in first and rest else pattern


def host_of(text: str) -> str:
    """Return the host with its port, in small letters, of an address or of a host itself; empty where it is none.

    What a policy would read as something else than a host is none.
    """
    bare = text.strip()
    try:
        host = (urlsplit(bare).netloc if "://" in bare else bare.partition("/")[0]).rpartition("@")[2].lower()
    except ValueError:
        return ""
    is_host = host.isascii() and all(letter.isalnum() or letter in ".-:[]_*" for letter in host)
    return host if is_host else ""


def _narrowed(sources: Iterable[str]) -> tuple[str, ...]:
    """Return each source once; `*` alone where it is among them, since it says all."""
    found = tuple(dict.fromkeys(sources))
    return (EVERYTHING,) if EVERYTHING in found else found
