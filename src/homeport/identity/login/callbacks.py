"""The HTTP side of signing in through a provider, the same for every provider: where browsers go, and what refusals look like.

People are never shown JSON: whatever is refused leads them to the sign-in page with a sentence. Programs get the refusal itself.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import unquote

from litestar import Request, Response
from litestar.response import Redirect

from homeport.audit.service.attempts import note_failure
from homeport.config import Settings
from homeport.identity.login.notices import login_path
from homeport.identity.login.redirecting import REDIRECT_COOKIE, Journey, ended_cookies, journey_cookies, reduced
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError
from homeport.kit.http import takes_html
from homeport.telemetry.logs import get_logger

NOT_STORED = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_log = get_logger(__name__)
HttpRequest: TypeAlias = Request[Any, Any, Any]


def is_callback(path: str) -> bool:
    """Tell whether providers send people here, who are part of the API for programs and a page for browsers."""
    return path.startswith("/api/v2/users/") and path.endswith("/callback")


async def serve(
    request: HttpRequest, settings: Settings, cipher: Cipher, work: Callable[[], Awaitable[Response[Any]]]
) -> Response[Any]:
    """Answer by `work`. What it refuses leads a person to the sign-in page by 303; for a program it stays an error."""
    try:
        return await work()
    except HomeportError as error:
        # What the provider said of itself is for who runs the server, and neither for people nor a mistake of ours.
        _log.warning("a sign-in through a provider failed", message=error.message, detail=error.detail)
        if not takes_html(request.headers.get("accept", "")):
            raise
        note_failure(error.status)
        target = reduced(request.query_params.get("redirect", "") or unquote(request.cookies.get(REDIRECT_COOKIE, "")))
        told = [error.detail] if error.status == 403 and error.detail else [one.detail for one in error.validations]
        words = " ".join([error.message, *told])
        return Redirect(
            login_path(cipher, words, redirect=target),
            status_code=303,
            headers=dict(NOT_STORED),
            cookies=ended_cookies(settings),
        )


def depart(settings: Settings, journey: Journey, location: str) -> Response[Any]:
    """Send a browser to the provider, with what it must bring back."""
    return Redirect(location, status_code=307, headers=dict(NOT_STORED), cookies=journey_cookies(settings, journey))
