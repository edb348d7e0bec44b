"""Pure decisions at the door: which credential counts, who is exempt from CSRF, where a browser is sent (spec: identity 2, 8)."""

from urllib.parse import parse_qsl, quote, urlencode

from homeport.identity.types import CSRF_COOKIE, SESSION_COOKIE
from homeport.kit.addresses import canonical, local_path
from homeport.kit.crypto import tokens_equal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
CSRF_MISMATCH = (
    "CSRF error encountered. The header Coder-Session-Token and the cookie coder_session_token are both set and differ. "
    "Send one of them, or the same value in both."
)
CSRF_GENERAL = (
    "Something is wrong with your CSRF token. Reload the page and try again. If you call the API from a program, "
    "send the session in the header Coder-Session-Token and no cookie."
)
_CSRF_EXEMPT_PATHS = frozenset({"/api/v2/csp/reports", "/api/v2/users/first"})
# Nobody need be signed in to be harmed by these: a foreign page could sign its visitor in as somebody else, or own a fresh server.
_WAYS_IN = frozenset({"/api/v2/users/first", "/api/v2/users/login", "/setup", "/login"})
# Pages that send no referrer, so that nothing of an authorization request leaks by it. Where no Sec-Fetch-Site comes with their
# forms (plain http beyond loopback), Origin is "null" and says nothing; each of these forms carries a token of its own.
_FORMS_WITHOUT_ORIGIN = frozenset(
    {"/login", "/reset-password", "/reset-password/change", "/oauth2/authorize", "/oauth2/device/verify"}
)
Headers = list[tuple[bytes, bytes]]


def header(headers: Headers, name: bytes) -> str:
    """Return the first header of a (lower-case) name, or an empty text."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return ""


def cookie(headers: Headers, name: str) -> str:
    """Return the first cookie of a name, or an empty text. Quotes around the value are taken off (RFC 6265 section 4.1.1)."""
    prefix = f"{name}=".encode()
    for key, value in headers:
        if key == b"cookie" and prefix in value:
            for pair in value.split(b";"):
                pair = pair.strip()
                if pair.startswith(prefix):
                    return pair[len(prefix) :].strip(b' "').decode("latin-1")
    return ""


def query_value(query: bytes, name: str) -> str:
    """Return the first query parameter of a name, or an empty text."""
    if name.encode() not in query and b"%" not in query:
        return ""
    for key, value in parse_qsl(query.decode("latin-1"), max_num_fields=1000):
        if key == name:
            return value
    return ""


def presented_token(headers: Headers, query: bytes) -> str:
    """Return the session token that counts; the first place that has one wins (spec: identity 2)."""
    found = cookie(headers, SESSION_COOKIE)
    if not found and query:
        found = query_value(query, SESSION_COOKIE)
    if not found:
        found = header(headers, b"coder-session-token")
    if not found:
        found = bearer(header(headers, b"authorization"))
    if not found and query:
        found = query_value(query, "access_token")
    return found


def is_in_query(token: str, query: bytes) -> bool:
    """Tell whether a token stands in the query, from which logs and histories copy it."""
    return bool(query) and token in {query_value(query, SESSION_COOKIE), query_value(query, "access_token")}


def is_good_at(audience: str | None, path: str, access_url: str) -> bool:
    """Tell whether an access token for `audience` is good at our resource below this path; "" is the HTTP API.

    None was asked for without a resource: it is good at the HTTP API. The audience is stored in canonical form.
    """
    root = canonical(access_url)
    return (audience or root) == f"{root}{path}"


def bearer(authorization: str) -> str:
    """Return the token of `Bearer <token>`, whatever the scheme's case; empty for other schemes."""
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def csrf_problem(*, method: str, path: str, headers: Headers, query: bytes, access_url: str = "") -> str:
    """Say why a request is refused as forged, or return an empty text (spec: identity 8.1).

    `path` is that of the route, as the router has understood it: what it takes for the API must not be a page here.
    """
    if method in SAFE_METHODS:
        return ""
    session, is_page = cookie(headers, SESSION_COOKIE), not (path == "/api" or path.startswith("/api/"))
    if path in _WAYS_IN or (is_page and session):
        is_ours = _is_same_site(headers, access_url, can_lack_origin=path in _FORMS_WITHOUT_ORIGIN)
        if not is_ours:
            return CSRF_GENERAL
    if is_page or not session:
        return ""
    if path in _CSRF_EXEMPT_PATHS or _names_session(session, headers, query):
        return ""
    sent, expected = header(headers, b"x-csrf-token"), cookie(headers, CSRF_COOKIE)
    if sent and expected and tokens_equal(sent.encode(), expected.encode()):
        return ""
    named = header(headers, b"coder-session-token")
    return CSRF_MISMATCH if named and named != session else CSRF_GENERAL


def _names_session(session: str, headers: Headers, query: bytes) -> bool:
    """Tell whether the request proves that its author knows a credential, which a forger's page does not."""
    return (
        tokens_equal(header(headers, b"coder-session-token").encode(), session.encode())
        or tokens_equal(query_value(query, SESSION_COOKIE).encode(), session.encode())
        or bool(header(headers, b"coder-provisioner-daemon-psk") or header(headers, b"coder-provisioner-daemon-key"))
        or bool(bearer(header(headers, b"authorization")))
    )


def _is_same_site(headers: Headers, access_url: str, *, can_lack_origin: bool = False) -> bool:
    """Tell whether a form of our own pages was sent: browsers say so, and what says nothing is no browser's forgery."""
    site = header(headers, b"sec-fetch-site")
    if site:
        return site in {"same-origin", "none"}
    origin = header(headers, b"origin")
    if not origin or (origin == "null" and can_lack_origin):
        return True
    return _is_own_origin(origin, headers, access_url)


def is_foreign_socket(headers: Headers, access_url: str) -> bool:
    """Tell whether a page of another origin opens a WebSocket with the cookie of a session.

    Browsers send Origin with every WebSocket, and cookies to sites next door (workspace applications) as well.
    """
    origin = header(headers, b"origin")
    if not origin or not cookie(headers, SESSION_COOKIE):
        return False
    return not _is_own_origin(origin, headers, access_url)


def _is_own_origin(origin: str, headers: Headers, access_url: str) -> bool:
    """Tell whether an origin is ours: that of the request's own host, or of the access address where a proxy names another."""
    host = origin.partition("://")[2]
    return bool(host) and host in {header(headers, b"host"), access_url.partition("://")[2].partition("/")[0]}


def login_location(path: str, query: bytes, message: str) -> str:
    """Return where a signed-out browser goes; it comes back to `path` afterwards, which is local by construction."""
    target = quote(path, safe="/~@:!$&'()*+,;=-._")
    if query:
        target += "?" + query.decode("latin-1")
    return "/login?" + urlencode({"message": message, "redirect": local_path(target)})
