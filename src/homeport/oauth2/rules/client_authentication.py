"""How a request names its client and proves to be it (RFC 6749 section 2.3, OAuth 2.1 section 2.4): one way, never two."""

import base64
import binascii
from urllib.parse import unquote_plus

import msgspec

from homeport.oauth2.errors import OAuthError, invalid_client, invalid_request
from homeport.oauth2.rules.assertions import subject_of
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.types import JWT_BEARER_ASSERTION

PARAMETERS = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})


class Presented(msgspec.Struct, frozen=True):
    """Who a request says it comes from, and by what it would prove that (all empty: a public client)."""

    client_id: str
    secret: str = ""
    assertion: str = ""
    is_basic: bool = False


def presented_client(authorization: str, form: Form) -> Presented:
    """Return how the client presents itself. Raises invalid_request for two ways at once, or none."""
    basic = _basic(authorization)
    assertion = _assertion(form)
    posted_id, posted_secret = form.get("client_id"), form.get("client_secret")
    if [basic is not None and bool(basic[1]), bool(posted_secret), bool(assertion)].count(True) > 1:
        raise invalid_request("The client proves itself in more than one way; use one.")
    if basic is not None:
        if posted_id and posted_id != basic[0]:
            raise invalid_request("The client_id differs from the one in the Authorization header.")
        return Presented(basic[0], basic[1] or posted_secret, assertion, is_basic=True)
    if assertion:
        named = subject_of(assertion)
        if not named or (posted_id and posted_id != named):
            raise invalid_client("The client assertion names no client, or not the one of client_id.")
        return Presented(named, assertion=assertion)
    return Presented(form.need("client_id"), posted_secret)


def claimed_client_id(authorization: str, form: Form) -> str:
    """Return whatever the request calls its client, for counting attempts; empty where it calls it nothing."""
    try:
        return presented_client(authorization, form).client_id
    except OAuthError:
        return ""


def _basic(authorization: str) -> tuple[str, str] | None:
    """Return id and secret of HTTP Basic, or None where another scheme or nothing is used."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode("utf-8")
        name, colon, secret = text.partition(":")
        # As forms are (RFC 6749 section 2.3.1). Clients that leave it out send the same: our secrets need no encoding.
        found = unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise invalid_client("The Authorization header cannot be read.", is_basic=True) from None
    if not colon or not found[0] or "\x00" in found[0]:
        raise invalid_client("The Authorization header names no client.", is_basic=True)
    return found


def _assertion(form: Form) -> str:
    assertion, kind = form.get("client_assertion"), form.get("client_assertion_type")
    if not assertion and not kind:
        return ""
    if not assertion or kind != JWT_BEARER_ASSERTION:
        raise invalid_request(f"A client assertion comes with client_assertion_type {JWT_BEARER_ASSERTION}.")
    return assertion
