"""Rows of the room, and the hosts that browsers must be told of."""

import msgspec


class ProxyPlace(msgspec.Struct, frozen=True):
    """Where a proxy is: its address, and the host pattern of the applications behind it (empty: none)."""

    url: str
    wildcard_hostname: str


class AppHosts(msgspec.Struct, frozen=True):
    """Sources of a page policy: `connect` for proxies that pages speak with, `frame` for applications that they show."""

    connect: tuple[str, ...] = ()
    frame: tuple[str, ...] = ()
