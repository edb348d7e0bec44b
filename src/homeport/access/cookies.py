"""Names of cookies where the access address is https: `__Host-` before each, which browsers let nobody else set.

A page on a sibling host (workspace applications are such) can set a cookie for the whole domain that our pages then send; one
whose name begins with `__Host-` it cannot (RFC 6265bis section 4.1.3). So all our cookies bear the prefix outside, and the
plain names inside: the outermost layer translates, and nothing else of the server knows. What counts on the way in:

- A cookie with the prefix, always. Two of one name with different values are none: somebody has tampered.
- A plain one only where no browser sends it, and none with the prefix stands beside it: programs of the reference system send
  `coder_session_token`, and no other site can make them. From browsers plain cookies of whatever name are dropped.
"""

from homeport.access.rules import Headers, header

PREFIX = b"__Host-"
_FETCH = frozenset({b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"origin"})


def inward(headers: Headers) -> Headers:
    """Return the headers of a request with the cookies that count, under the names that the server uses."""
    if not any(name == b"cookie" for name, _ in headers):
        return headers
    prefixed: dict[bytes, bytes | None] = {}
    plain: list[tuple[bytes, bytes]] = []
    for key, text in headers:
        for pair in text.split(b";") if key == b"cookie" else ():
            name, has_value, value = (part.strip() for part in pair.partition(b"="))
            if not has_value:
                continue
            if name.startswith(PREFIX):
                name = name.removeprefix(PREFIX)
                prefixed[name] = value if prefixed.get(name, value) == value else None
            else:
                plain.append((name, value))
    kept = [(name, value) for name, value in prefixed.items() if value is not None]
    if not is_browser(headers):
        kept += [(name, value) for name, value in plain if name not in prefixed]
    others = [each for each in headers if each[0] != b"cookie"]
    if not kept:
        return others
    return [*others, (b"cookie", b"; ".join(name + b"=" + value for name, value in kept))]


def outward(headers: Headers) -> Headers:
    """Return the headers of an answer with the prefix before the name of each cookie that it sets or deletes."""
    return [(name, PREFIX + value if _needs_prefix(name, value) else value) for name, value in headers]


def is_browser(headers: Headers) -> bool:
    """Tell whether a browser may have sent a request: it says so by headers of Fetch, an origin, or its name."""
    return any(name in _FETCH for name, _ in headers) or header(headers, b"user-agent").startswith("Mozilla/")


def _needs_prefix(name: bytes, value: bytes) -> bool:
    return name == b"set-cookie" and not value.startswith(PREFIX)
