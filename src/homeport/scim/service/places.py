"""Where accounts and groups of the identity provider are put, and what both kinds of resources need alike."""

from collections.abc import Iterator
from uuid import UUID

from homeport.config import Settings
from homeport.database import Connection, UniqueViolation
from homeport.kit.ids import random_text
from homeport.organizations.errors import OrganizationNotFound
from homeport.organizations.service.organizations import resolve_organization
from homeport.organizations.types import DEFAULT_ORGANIZATION_ALIAS
from homeport.rbac import Subject
from homeport.scim.errors import ScimError, not_unique, unknown
from homeport.scim.rules.resources import is_version

_TRIES = 5
_SUFFIX = 4
_DIGITS = "0123456789"
_WORDS = {
    "scim_users_name_key": "Another account has this userName.",
    "scim_users_external_key": "Another account has this externalId.",
    "scim_groups_external_key": "Another group has this externalId.",
}


async def organization_id(conn: Connection, subject: Subject, settings: Settings) -> UUID:
    """Return the organization that the settings name, or the default one."""
    wanted = settings.scim_organization or DEFAULT_ORGANIZATION_ALIAS
    try:
        return (await resolve_organization(conn, subject, wanted)).id
    except OrganizationNotFound as error:
        raise ScimError(503, "The organization that SCIM_ORGANIZATION names does not exist.") from error


def suffixes() -> Iterator[str]:
    """Yield a few endings for names that are in use."""
    return (random_text(_SUFFIX, _DIGITS) for _ in range(_TRIES))


def read_id(kind: str, text: str) -> UUID:
    """Return the id in an address. What is none is the id of nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise unknown(kind, text) from None


def taken(error: UniqueViolation) -> ScimError:
    """Turn the violation of an index of ours into its refusal."""
    return not_unique(_WORDS.get(error.constraint, "Another resource has one of these values."))


def require_version(if_match: str, version: str) -> None:
    """Raise 412 where the client wants to change another version than there is."""
    if if_match and not is_version(if_match, version):
        raise ScimError(412, "The resource has been changed meanwhile. Read it again, then change it.")
