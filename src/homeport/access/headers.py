"""Headers that every answer carries, and those that pages carry (spec: identity 8.2).

The outermost layer of the server puts them on: answers that no route gives carry them as well.
"""

from collections.abc import Iterable
from typing import Final

from homeport.access.page_policy import PagePolicy
from homeport.access.rules import Headers, header
from homeport.config import Settings
from homeport.config.browsers import strict_transport
from homeport.proxies.service.hosts import HostCache

_NOSNIFF: Final = (b"x-content-type-options", b"nosniff")
_REFERRER: Final = (b"referrer-policy", b"same-origin")
_NO_STORE: Final = (b"cache-control", b"no-store")
# What no page of ours needs, frames in it included; the clipboard and the full screen stay with our own pages.
_NEEDLESS: Final = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi", "payment",
    "serial", "usb",
)  # fmt: skip
_PERMISSIONS: Final = (b"permissions-policy", ", ".join(f"{name}=()" for name in _NEEDLESS).encode())


class SecurityHeaders:
    """What one deployment adds: nosniff and a referrer policy everywhere, the policies of pages on HTML.

    What an answer says itself stays. One that says nothing of caches is kept by none: it may be about a person.
    """

    def __init__(self, settings: Settings, hosts: HostCache) -> None:
        transport = strict_transport(settings)
        self._always = [_NOSNIFF, *([(b"strict-transport-security", transport.encode())] if transport else [])]
        self._policy = PagePolicy(settings, hosts)

    def added_to(self, answer: Iterable[tuple[bytes, bytes]], request: Headers) -> Headers:
        """Return the headers of an answer to `request` with ours; those that it has already stay as they are."""
        is_page = has_policy = has_referrer = is_about_caches = False
        for name, value in answer:
            if name == b"content-type":
                is_page = value.startswith(b"text/html")
            elif name == b"content-security-policy":
                has_policy = True
            elif name == b"referrer-policy":
                has_referrer = True
            elif name == b"cache-control":
                is_about_caches = True
        # What comes last would count, and the pages that say it themselves are stricter.
        found = [*answer, *self._always]
        if not has_referrer:
            found.append(_REFERRER)
        if not is_about_caches:
            found.append(_NO_STORE)
        if is_page:
            found.append(_PERMISSIONS)
            if not has_policy:
                found.append((b"content-security-policy", self._policy.header(header(request, b"host"))))
        return found
