"""Claims of an OpenID Connect provider into a person (spec: identity 7.4). Pure decisions, each with its refusal."""

from collections.abc import Sequence
from typing import Any

import msgspec

from homeport.identity.errors import AddressNotAllowed, NotVouchedFor
from homeport.identity.rules.claiming import merged, picture_from, storable
from homeport.kit.errors import BadRequest
from homeport.kit.names import is_storable, validate_email

# The standard allows 255 characters for sub (OpenID Connect Core 2); what an index of PostgreSQL can hold is not much more.
_MOST_LINKED_ID = 2048
# What the ID token says of itself; no other source speaks of that.
_OF_THE_TOKEN = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "azp", "at_hash", "c_hash", "auth_time", "jti"}
)


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """Which claims count, and who may come: the settings, as far as claims are concerned."""

    email: str = "email"
    username: str = "preferred_username"
    name: str = "name"
    email_domains: Sequence[str] = ()
    is_email_trusted: bool = False


class Profile(msgspec.Struct, frozen=True):
    """What claims say of a person."""

    email: str
    username: str
    name: str
    avatar_url: str


def linked_id_of(claims: dict[str, Any]) -> str:
    """Return whom the token is about, of all issuers' people. Raises NotVouchedFor where it says nobody."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.strip():
        raise NotVouchedFor("The provider's ID token does not say who you are: its claim sub is missing or empty.")
    found = f"{claims.get('iss', '')}||{subject}"
    if not is_storable(found) or len(found.encode()) > _MOST_LINKED_ID:
        raise NotVouchedFor(
            "The provider's ID token does not say who you are in a way that can be kept.",
            detail=f"Its claims iss and sub may have {_MOST_LINKED_ID - 2} bytes together, none of them NUL.",
        )
    return found


def merge_user_info(id_token: dict[str, Any], user_info: dict[str, Any]) -> dict[str, Any]:
    """Return both, userinfo before the ID token, but for what the token says of itself."""
    return merged(id_token, {name: value for name, value in user_info.items() if name not in _OF_THE_TOKEN})


def merge_access_token(id_token: dict[str, Any], access_token: dict[str, Any]) -> dict[str, Any]:
    """Return both, the ID token before the access token."""
    described = {name: value for name, value in access_token.items() if name not in _OF_THE_TOKEN}
    return merged(described, id_token)


def profile_of(claims: dict[str, Any], fields: Fields) -> Profile:
    """Return what claims say of a person. Raises NotVouchedFor (400) or AddressNotAllowed (403)."""
    email = _email(claims, fields)
    _require_verified(claims, email, fields)
    _require_domain(email, fields.email_domains)
    return Profile(
        email=email,
        username=_text(claims, fields.username),
        name=_text(claims, fields.name),
        avatar_url=picture_from(_text(claims, "picture")),
    )


def is_true(value: Any) -> bool:
    """Tell whether a claim says yes; some providers send switches as text."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _email(claims: dict[str, Any], fields: Fields) -> str:
    email = claims.get(fields.email)
    if email is None or email == "":
        wish = _text(claims, fields.username)
        if not _is_address(wish):
            raise NotVouchedFor(
                "The provider does not tell your e-mail address.", detail=f"The claim '{fields.email}' is missing."
            )
        return wish
    if not isinstance(email, str) or not _is_address(email.strip()):
        raise NotVouchedFor(
            "The provider does not tell your e-mail address.", detail=f"The claim '{fields.email}' is no address."
        )
    return email.strip()


def _require_verified(claims: dict[str, Any], email: str, fields: Fields) -> None:
    """Refuse an address that the provider has not verified; some never say, and then the operator has chosen to trust it."""
    verified = claims.get("email_verified")
    if verified is not None and not is_true(verified) and not fields.is_email_trusted:
        raise AddressNotAllowed(f"Verify your e-mail address {email} at the provider, then sign in again.")


def _require_domain(email: str, domains: Sequence[str]) -> None:
    allowed = {domain.strip().removeprefix("@").lower() for domain in domains} - {""}
    domain = email.rpartition("@")[2].lower()
    if allowed and domain not in allowed:
        raise AddressNotAllowed(f"E-mail addresses of the domain {domain} may not sign in here.")


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except BadRequest:
        return False
    return is_storable(text)


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return str(storable(value)).strip() if isinstance(value, str) else ""
