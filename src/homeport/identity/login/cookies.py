"""The two cookies of a signed-in browser (spec: identity 8.1): Path=/, HttpOnly, SameSite=Lax, Secure by setting."""

from litestar.datastructures import Cookie

from homeport.config import Settings
from homeport.identity.types import CSRF_COOKIE, SESSION_COOKIE
from homeport.kit.ids import random_text

_CSRF_LENGTH = 43


def sign_in_cookies(settings: Settings, token: str) -> list[Cookie]:
    """Return the session's cookie and a fresh CSRF token; pages embed the latter, so scripts need not read the cookie."""
    return [_cookie(settings, SESSION_COOKIE, token), csrf_cookie(settings, random_text(_CSRF_LENGTH))]


def csrf_cookie(settings: Settings, token: str) -> Cookie:
    """Return the cookie that holds a CSRF token."""
    return _cookie(settings, CSRF_COOKIE, token)


def sign_out_cookies(settings: Settings) -> list[Cookie]:
    """Return the cookies that make a browser forget its session."""
    return [_cookie(settings, name, "", max_age=-1) for name in (SESSION_COOKIE, CSRF_COOKIE)]


def passing_cookie(settings: Settings, name: str, value: str, *, max_age: int) -> Cookie:
    """Return a cookie that lives for some seconds (negative: no longer): what a sign-in at a provider needs on its way."""
    return _cookie(settings, name, value, max_age=max_age)


def _cookie(settings: Settings, name: str, value: str, *, max_age: int | None = None) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.has_secure_cookies,
        max_age=max_age,
    )
