"""Accounts between SCIM's form and ours: what a document wants, and what an account looks like as a document."""

import re
from collections.abc import Collection, Iterable
from typing import Any, Final

from homeport.kit.errors import BadRequest
from homeport.kit.names import MAX_DISPLAY_NAME, MAX_NAME, is_valid_username, validate_email
from homeport.scim.errors import invalid_value
from homeport.scim.rules.bodies import read_boolean, read_text
from homeport.scim.types import Document, Person, PersonRow

MOST_USER_NAME: Final = 254
MOST_EXTERNAL_ID: Final = 254
MOST_NAME: Final = 128
MOST_TYPE: Final = 32
WORK: Final = "work"
_UNFIT: Final = re.compile(r"[^a-zA-Z0-9]+")
_NO_NAME: Final = "user"


def document_of(row: PersonRow) -> Document:
    """Return an account as the tree that operations change, with what a provider may change in it."""
    found: Document = {
        "username": row.user_name,
        "active": row.is_active,
        "emails": [{"value": row.email, "type": row.email_type, "primary": True}],
    }
    name = {"givenname": row.given_name, "familyname": row.family_name, "formatted": formatted(row)}
    if kept := {key: value for key, value in name.items() if value}:
        found["name"] = kept
    for key, value in (("externalid", row.external_id), ("displayname", row.display_name)):
        if value:
            found[key] = value
    return found


def wanted_person(document: Document, before: PersonRow | None = None, *, touched: Collection[str] = ()) -> Person:
    """Return what a document wants. Names that this server does not keep are ignored. Raises invalidValue.

    `touched` are the names that the provider has written itself; the others stand in the document because they were so.
    """
    user_name = read_text(document.get("username"), "userName", most=MOST_USER_NAME)
    if not user_name:
        raise invalid_value("userName is required.")
    name = {} if document.get("name") is None else document["name"]
    if not isinstance(name, dict):
        raise invalid_value("name is an object with givenName, familyName and formatted.")
    given, family, shown = (
        read_text(name.get(key.lower()), f"name.{key}", most=MOST_NAME)
        for key in ("givenName", "familyName", "formatted")
    )
    email, email_type = _address(document.get("emails"), user_name)
    joined = joined_name(given, family)
    is_same = before is not None and shown == formatted(before)
    explicit = before.formatted_name if before and is_same else "" if shown == joined else shown
    return Person(
        user_name=user_name,
        external_id=read_text(document.get("externalid"), "externalId", most=MOST_EXTERNAL_ID),
        email=email,
        email_type=email_type,
        display_name=_display_name(document, explicit or joined or shown, before, is_touched="displayname" in touched),
        given_name=given,
        family_name=family,
        formatted_name=explicit,
        is_active=_is_active(document, before),
    )


def formatted(row: PersonRow | Person) -> str:
    """Return the whole name: as the provider writes it, else of its parts, else the display name."""
    return row.formatted_name or joined_name(row.given_name, row.family_name) or row.display_name


def joined_name(given: str, family: str) -> str:
    """Join the parts of a name."""
    return f"{given} {family}".strip()


def username_candidates(user_name: str, random: Iterable[str]) -> Iterable[str]:
    """Yield valid usernames made from a provider's name of an account: the nearest, then the same with what is random."""
    local = user_name.partition("@")[0]
    base = _UNFIT.sub("-", local).strip("-")[:MAX_NAME].strip("-")
    if base and is_valid_username(base):
        yield base
    base = base or _NO_NAME
    for suffix in random:
        yield f"{base[: MAX_NAME - len(suffix) - 1].strip('-')}-{suffix}"


def _display_name(document: Document, whole: str, before: PersonRow | None, *, is_touched: bool) -> str:
    """Return the display name: the provider's; one that was taken from the whole name goes on following it.

    Where nothing is said of it, it is the whole name; where it is said to be none, it is none.
    """
    given = read_text(document.get("displayname"), "displayName", most=MOST_USER_NAME)
    if is_touched and not given:
        return ""
    follows = before is not None and not is_touched and before.display_name == _cut(formatted(before))
    return _cut(whole if follows or not given else given)


def _cut(name: str) -> str:
    return name[:MAX_DISPLAY_NAME].strip()


def _is_active(document: Document, before: PersonRow | None) -> bool:
    # Left out, it stays: nobody who was suspended comes back because a provider says nothing.
    if document.get("active") is None:
        return before is None or before.is_active
    return read_boolean(document["active"], "active")


def _address(emails: Any, user_name: str) -> tuple[str, str]:
    """Return the one address that is kept and its type: the primary one, else the first for work, else the first.

    A user name that is an address stands in where none is given.
    """
    found = [one for one in _addresses(emails) if one["value"]]
    found.sort(key=lambda one: (not one["primary"], one["type"].lower() != WORK))
    address, kind = (found[0]["value"], found[0]["type"]) if found else (user_name, WORK)
    try:
        return validate_email(address), kind
    except BadRequest:
        if found:
            raise invalid_value("emails: the address has not the form name@domain.") from None
        raise invalid_value("emails: an address is required, unless userName is one.") from None


def _addresses(emails: Any) -> list[dict[str, Any]]:
    if emails is None:
        return []
    if not isinstance(emails, list):
        raise invalid_value("emails is a list.")
    return [_one_address(one) for one in emails]


def _one_address(found: Any) -> dict[str, Any]:
    if isinstance(found, str):
        found = {"value": found}
    if not isinstance(found, dict):
        raise invalid_value("emails holds objects with value, type and primary.")
    return {
        "value": read_text(found.get("value"), "emails.value", most=MOST_USER_NAME),
        "type": read_text(found.get("type"), "emails.type", most=MOST_TYPE) or WORK,
        "primary": found.get("primary") is not None and read_boolean(found["primary"], "emails.primary"),
    }
