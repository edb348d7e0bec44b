"""Role names as text: `name`, or `name:organization-uuid` (spec: authorization-and-data 1)."""

from collections.abc import Iterable
from uuid import UUID

from homeport.rbac.errors import InvalidRoleName
from homeport.rbac.types import RoleName


def parse_role_name(text: str) -> RoleName:
    """Read a role name. Raises InvalidRoleName: empty, more than one colon, or an organization that is no UUID."""
    name, colon, organization = text.partition(":")
    if not name:
        raise InvalidRoleName(text, "it has no name")
    if not colon:
        return RoleName(name)
    if ":" in organization:
        raise InvalidRoleName(text, "it has more than one colon")
    try:
        return RoleName(name, UUID(organization))
    except ValueError:
        raise InvalidRoleName(text, "what follows the colon is not an organization's id") from None


def role_changes(
    before: Iterable[RoleName], after: Iterable[RoleName]
) -> tuple[frozenset[RoleName], frozenset[RoleName]]:
    """Return the roles that `after` adds to `before`, and those that it removes."""
    old, new = frozenset(before), frozenset(after)
    return new - old, old - new
