"""The way to a provider and back, the same for every provider (spec: identity 7.1).

What must be the same on the way back lies in short-lived cookies of the browser that went: the state, where the person wants
to go afterwards, the PKCE verifier and the nonce. Whoever brings a code without them did not set out from here.
"""

from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

import msgspec
from litestar.datastructures import Cookie

from homeport.config import Settings
from homeport.identity.errors import ProviderRefused, StateMissing, StateUnknown
from homeport.identity.login.cookies import passing_cookie
from homeport.kit.addresses import local_path
from homeport.kit.crypto import tokens_equal
from homeport.kit.errors import invalid_field
from homeport.kit.ids import random_text

STATE_COOKIE = "oauth_state"
REDIRECT_COOKIE = "oauth_redirect"
VERIFIER_COOKIE = "oauth_pkce_verifier"
NONCE_COOKIE = "oauth_nonce"
# What a conversion brings along besides; it is made when that begins, and over when its journey is.
CONVERSION_COOKIE = "coder_oauth_convert_jwt"
# States that begin so belong to the conversion of an account; they never make a session.
CONVERT_PREFIX = "convert-"
# As long as providers wait for people at most: device codes of GitHub live 15 minutes.
SECONDS = 1200
_STATE_LENGTH = 32
# RFC 7636 section 4.1 wants 43 to 128.
_VERIFIER_LENGTH = 64
_MOST_STATE = 128
_MOST_REDIRECT = 2048


class Journey(msgspec.Struct, frozen=True):
    """One way to a provider and back. `redirect` is a local path."""

    state: str
    redirect: str
    verifier: str
    nonce: str

    @property
    def converts(self) -> bool:
        """Whether this is about converting an account and not about a session."""
        return self.state.startswith(CONVERT_PREFIX)


class Arrival(msgspec.Struct, frozen=True):
    """A browser back from a provider with a code, on a journey of its own."""

    code: str
    journey: Journey


def begin(query: Mapping[str, str]) -> Journey:
    """Begin a journey as the query asks: `redirect` is where to go afterwards, `oidc_merge_state` a conversion's state.

    Raises BadRequest for a state that is none of a conversion's: nobody else chooses states.
    """
    state = query.get("oidc_merge_state", "")
    if state and not (state.startswith(CONVERT_PREFIX) and len(state) <= _MOST_STATE and _is_plain(state)):
        raise invalid_field("oidc_merge_state", "This is not the state of a conversion; ask for one by convert-login.")
    return Journey(
        state=state or random_text(_STATE_LENGTH),
        redirect=reduced(query.get("redirect", "")),
        verifier=random_text(_VERIFIER_LENGTH),
        nonce=random_text(_STATE_LENGTH),
    )


def journey_cookies(settings: Settings, journey: Journey) -> list[Cookie]:
    """Return the cookies of a journey. That of the redirect is always among them, so that no old one stays."""
    values = {
        STATE_COOKIE: journey.state,
        REDIRECT_COOKIE: quote(journey.redirect, safe="/"),
        VERIFIER_COOKIE: journey.verifier,
        NONCE_COOKIE: journey.nonce,
    }
    return [passing_cookie(settings, name, value, max_age=SECONDS) for name, value in values.items()]


def ended_cookies(settings: Settings) -> list[Cookie]:
    """Return the cookies that make a browser forget its journey: no code and no state is good twice."""
    names = (STATE_COOKIE, REDIRECT_COOKIE, VERIFIER_COOKIE, NONCE_COOKIE, CONVERSION_COOKIE)
    return [passing_cookie(settings, name, "", max_age=-1) for name in names]


def arrive(query: Mapping[str, str], cookies: Mapping[str, str]) -> Arrival | None:
    """Return what a browser brings back; None where it brings nothing and is to be sent to the provider.

    Raises ProviderRefused (400), StateMissing (400), StateUnknown (401): no cookie, or another journey's.
    """
    if query.get("error"):
        raise ProviderRefused(query["error"], query.get("error_description", ""), query.get("error_uri", ""))
    code = query.get("code", "")
    if not code:
        return None
    state, expected = query.get("state", ""), cookies.get(STATE_COOKIE, "")
    if not state:
        raise StateMissing
    if not expected:
        raise StateUnknown("The cookie oauth_state is missing.")
    if not tokens_equal(state.encode(), expected.encode()):
        raise StateUnknown("The state and the cookie oauth_state differ.")
    journey = Journey(
        state=state,
        redirect=reduced(unquote(cookies.get(REDIRECT_COOKIE, ""))),
        verifier=cookies.get(VERIFIER_COOKIE, ""),
        nonce=cookies.get(NONCE_COOKIE, ""),
    )
    return Arrival(code, journey)


def reduced(target: str) -> str:
    """Return where a person goes after signing in: a path of this server, whatever host the target names."""
    if len(target) > _MOST_REDIRECT:
        return "/"
    if "://" in target.partition("?")[0]:
        try:
            parts = urlsplit(target)
        except ValueError:
            return "/"
        target = parts.path + (f"?{parts.query}" if parts.query else "")
    return local_path(target)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.replace("-", "").isalnum()
