"""Which names a provider may write: those that are kept, those of the standard that are not, and those that nobody may change."""

from typing import Final, Literal

from homeport.scim.errors import invalid_path, mutability
from homeport.scim.types import Attribute

Kind = Literal["simple", "complex", "many", "ignored"]

# What is kept of an account (RFC 7643 4.1), with the names below it.
PERSON: Final[dict[str, tuple[Kind, frozenset[str]]]] = {
    "username": ("simple", frozenset()),
    "externalid": ("simple", frozenset()),
    "displayname": ("simple", frozenset()),
    "active": ("simple", frozenset()),
    "name": ("complex", frozenset(("formatted", "givenname", "familyname"))),
    "emails": ("many", frozenset(("value", "type", "primary"))),
}
TEAM: Final[dict[str, tuple[Kind, frozenset[str]]]] = {
    "externalid": ("simple", frozenset()),
    "displayname": ("simple", frozenset()),
    "members": ("many", frozenset(("value", "type", "display", "$ref"))),
}
# Providers map much more by default: what the standard knows is taken and not kept, so that nothing of a request fails by it.
_NOT_KEPT: Final = frozenset(
    ("nickname", "profileurl", "title", "usertype", "preferredlanguage", "locale", "timezone", "password", "phonenumbers", "ims",
     "photos", "addresses", "entitlements", "roles", "x509certificates", "schemas")
)  # fmt: skip
_NOT_KEPT_BELOW: Final = {
    "name": frozenset(("middlename", "honorificprefix", "honorificsuffix")),
    "emails": frozenset(("display",)),
}
_FIXED: Final = frozenset(("id", "meta", "groups"))
_REQUIRED: Final = frozenset(("username", "emails", "active"))


def kind_of(attribute: Attribute, known: dict[str, tuple[Kind, frozenset[str]]]) -> Kind:
    """Return how an attribute is written. Raises mutability for one that is fixed, invalidPath for one that nobody knows."""
    if attribute.schema or attribute.name in _NOT_KEPT:
        return "ignored"
    if attribute.name in _FIXED:
        raise mutability(f"{attribute.name} cannot be changed.")
    if attribute.name not in known:
        raise invalid_path(f"{str(attribute)[:64]!r} is no attribute of this resource.")
    kind, below = known[attribute.name]
    if not attribute.sub or attribute.sub in below:
        return kind
    if attribute.sub in _NOT_KEPT_BELOW.get(attribute.name, ()):
        return "ignored"
    raise invalid_path(f"{str(attribute)[:64]!r} is no attribute of this resource.")


def require_removable(attribute: Attribute) -> None:
    """Raise mutability for what must have a value."""
    if attribute.name in _REQUIRED and attribute.sub in {"", "value"}:
        raise mutability(f"{attribute} is required and cannot be removed.")
