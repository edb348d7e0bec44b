"""The Content-Security-Policy of pages (spec: identity 8.2): our own origin, and what proxies, apps and the operator add."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from homeport.config import Settings
from homeport.config.browsers import read_policy
from homeport.proxies.service.hosts import HostCache
from homeport.proxies.types import AppHosts

REPORTS: Final = "/api/v2/csp/reports"
_NOTHING: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
# A directive that browsers take in the place of one of ours would replace it: it begins with what that one allows.
_INSTEAD_OF: Final = MappingProxyType(
    {
        "fenced-frame-src": "frame-src",
        "prefetch-src": "default-src",
        "script-src-attr": "script-src",
        "script-src-elem": "script-src",
        "style-src-attr": "style-src",
        "style-src-elem": "style-src",
    }
)
_MOST_KEPT: Final = 32


class PagePolicy:
    """The policy of one deployment. It follows the hosts of `hosts`, and remembers what it has built for a Host header."""

    def __init__(self, settings: Settings, hosts: HostCache) -> None:
        self._hosts = hosts
        self._ancestors = settings.csp_frame_ancestors
        self._additions = read_policy(settings.additional_csp_policy)
        self._built: dict[str, bytes] = {}
        self._built_of = hosts.current

    def header(self, host: str) -> bytes:
        """Return the policy for a page that was asked for under a host."""
        if self._built_of is not self._hosts.current or len(self._built) > _MOST_KEPT:
            self._built, self._built_of = {}, self._hosts.current
        if host not in self._built:
            self._built[host] = content_security_policy(
                host=host, hosts=self._built_of, ancestors=self._ancestors, additions=self._additions
            ).encode()
        return self._built[host]


def sign_in_policy(settings: Settings, host: str) -> str:
    """Return the policy of the page on which people sign in: it frames nothing, and is never framed.

    After its form a client's authorization may go on, and browsers hold `form-action` against every redirect that follows, on
    the client's side as well; so it has none.
    """
    return content_security_policy(host=host, additions=read_policy(settings.additional_csp_policy), leads_away=True)


def content_security_policy(
    *,
    host: str,
    hosts: AppHosts | None = None,
    ancestors: Sequence[str] = ("'self'",),
    additions: Mapping[str, tuple[str, ...]] = _NOTHING,
    leads_away: bool = False,
) -> str:
    """Build a policy: WebSockets to the request's host, the given hosts, and `additions` behind what is there already."""
    own = (f"ws://{host}", f"wss://{host}") if is_host(host) else ()
    connect, frame = (hosts.connect, hosts.frame) if hosts else ((), ())
    directives: dict[str, tuple[str, ...]] = {
        "default-src": ("'self'",),
        "child-src": ("'self'",),
        "connect-src": ("'self'", *own, *(one for one in connect if one not in own)),
        "script-src": ("'self'",),
        "font-src": ("'self'", "data:"),
        "form-action": ("'self'",),
        "frame-ancestors": tuple(ancestors),
        "frame-src": ("'self'", *frame),
        "img-src": ("'self'", "https:", "data:"),
        "manifest-src": ("'self'", "blob:"),
        "media-src": ("'self'",),
        "object-src": ("'self'",),
        "style-src": ("'self'", "'unsafe-inline'"),
        "worker-src": ("'self'", "blob:"),
        "report-uri": (REPORTS,),
    }
    if not ancestors:
        del directives["frame-ancestors"]
    for name, values in additions.items():
        begun = directives.get(name) or directives.get(_INSTEAD_OF.get(name, ""), ())
        directives[name] = (*begun, *(value for value in values if value not in begun))
    if leads_away:
        del directives["form-action"]
        directives["frame-ancestors"] = ("'none'",)
    return "; ".join(" ".join((name, *values)) for name, values in directives.items())


def is_host(host: str) -> bool:
    """Tell whether a Host header is one: nothing else may slip into a policy."""
    return (
        bool(host)
        and len(host) <= 255
        and all(letter.isalnum() or letter in ".-:[]_" for letter in host)
        and host.isascii()
    )
