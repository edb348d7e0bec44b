"""Pages on which people answer strangers: no script, no frame around them, nothing of the request leaves by a referrer.

They have no `form-action`: browsers hold it against every redirect that follows a form, and after an answer those lead to the
client's address and on from there, where only the client knows. No form on them leads anywhere but here.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import MediaType, Response

from homeport.identity.types import SESSION_COOKIE
from homeport.kit.http import takes_html
from homeport.oauth2.errors import OAuthError, invalid_request
from homeport.oauth2.rules.authorization import Pairs, read_pairs
from homeport.oauth2.rules.forms import FORM_TYPE
from homeport.web.rendering import NO_STORE, PageRequest, render_bare

_QUIET: Final = {**NO_STORE, "pragma": "no-cache", "referrer-policy": "no-referrer"}
HEADERS: Final = {
    **_QUIET,
    "x-frame-options": "DENY",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
PATHS: Final = frozenset({"/oauth2/authorize", "/oauth2/device/verify"})
_DECISIONS: Final = frozenset({"allow", "deny", "switch"})
_HEADINGS: Final = {
    "access_denied": "You cannot allow this",
    "invalid_client": "This application is not known here",
    "too_many": "Too many attempts",
}
_HINTS: Final = {
    "invalid_client": (
        "Go back to the application and connect it anew: it has to register again. If it was set up by hand, its client_id "
        "is wrong or the application was deleted."
    ),
    "invalid_request": "The application that sent you here has made a mistake. Go back to it and try again.",
}


def bare_page(template: str, /, *, status: int = 200, **context: Any) -> Response[str]:
    """Render a template on `bare.html` into an answer."""
    return Response(
        render_bare(template, **context), status_code=status, media_type=MediaType.HTML, headers=dict(HEADERS)
    )


def refused_page(
    status: int, message: str, *, code: str = "", headers: Mapping[str, str] | None = None
) -> Response[str]:
    """Say what is wrong, here: where the request came from is not certain enough to go back to."""
    heading = _HEADINGS.get("too_many" if status == 429 else code, "This did not work")
    page = bare_page(
        "refused.html", status=status, heading=heading, message=message, code=code, hint=_HINTS.get(code, "")
    )
    page.headers.update(headers or {})
    return page


def refused_oauth_page(error: OAuthError) -> Response[str]:
    """Say an OAuth error to a person."""
    return refused_page(error.status, error.message, code=error.code)


def see_other(location: str, **more: Any) -> Response[bytes]:
    """Send the browser on with GET. The address stays as it is: it is ASCII, and quoted already."""
    return Response(b"", status_code=303, media_type=MediaType.TEXT, headers={**_QUIET, "location": location}, **more)


def to_sign_in(target: str, **more: Any) -> Response[bytes]:
    """Send the browser to the sign-in page, from which it comes back to a path of ours."""
    return see_other(f"/login?redirect={quote(target, safe='')}", **more)


def wants_html(request: PageRequest) -> bool:
    """Tell whether a browser asks, and not a program."""
    return takes_html(request.headers.get("accept", ""))


def has_session_in_header(request: PageRequest) -> bool:
    """Tell whether the session came in a header, as programs send it: no page of another site can do that."""
    headers = request.headers
    return not request.cookies.get(SESSION_COOKIE) and bool(
        headers.get("coder-session-token") or headers.get("authorization")
    )


async def read_answer(request: PageRequest) -> Pairs:
    """Return the fields of a form, or of a program that sends none. Raises invalid_request for another media type."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != FORM_TYPE:
        raise invalid_request(f"Send the fields as {FORM_TYPE}.")
    return read_pairs(body)


class Reply(msgspec.Struct, frozen=True):
    """What a person has answered. `token` is the form's; None where a program needs none, its session being in a header."""

    decision: str
    token: str | None


def reply_of(request: PageRequest, fields: Pairs) -> Reply:
    """Return what the fields of a form say; a program that sends none allows, as with the reference."""
    first = dict(reversed(fields))
    decision, token = first.get("decision") or "allow", first.get("csrf_token", "")
    if decision not in _DECISIONS:
        raise invalid_request("The field decision is one of allow, deny and switch.")
    return Reply(decision, None if not token and has_session_in_header(request) else token)
