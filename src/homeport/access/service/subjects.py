"""A row of the authentication query into a subject.

Subjects are remembered by the contents of the row, never by an id: what has changed in the database since makes another
subject. So the compiled tables are shared between requests without ever being stale.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from homeport.rbac import (
    Role,
    RoleName,
    Scope,
    Subject,
    SubjectKind,
    custom_role,
    expand_roles,
    read_permissions,
    scope_for_key,
)


class StoredRole(msgspec.Struct, frozen=True):
    """A custom role with its permissions as they are stored."""

    name: str
    display_name: str
    organization_id: UUID
    site: list[dict[str, Any]]
    organization: list[dict[str, Any]]
    user: list[dict[str, Any]]


class Holdings(msgspec.Struct, frozen=True):
    """What a user holds: role names by organization in the order of joining, groups with rows, and the custom roles."""

    organizations: dict[UUID, tuple[str, ...]] = {}
    groups: tuple[UUID, ...] = ()
    custom_roles: tuple[StoredRole, ...] = ()


_decode = msgspec.json.Decoder(Holdings).decode


@lru_cache(maxsize=4096)
def build_subject(
    user_id: UUID,
    username: str,
    roles: tuple[str, ...],
    holdings: str,
    scopes: tuple[str, ...],
    allow_list: tuple[str, ...],
    can_owner_enter_workspaces: bool,
) -> Subject:
    """Build the subject of a person; `holdings` is the column's text.

    Raises UnknownScope for a key whose scopes this version does not know.
    """
    return build_holder(
        user_id,
        roles=roles,
        holdings=holdings,
        scope=scope_for_key(scopes, allow_list),
        friendly_name=username,
        can_owner_enter_workspaces=can_owner_enter_workspaces,
    )


def build_holder(
    user_id: UUID,
    *,
    roles: Sequence[str],
    holdings: str,
    scope: Scope,
    friendly_name: str,
    kind: SubjectKind = "user",
    can_owner_enter_workspaces: bool = True,
) -> Subject:
    """Build the subject of whatever acts with the rights of a person, below the ceiling of a scope: a session, an agent."""
    held = read_holdings(holdings)
    expanded = expand_roles(
        roles, held.organizations, read_custom_roles(holdings), can_owner_enter_workspaces=can_owner_enter_workspaces
    )
    return Subject.build(
        user_id,
        roles=expanded,
        # Everyone in an organization is in its Everyone group, which has the organization's id.
        groups=(*held.groups, *held.organizations),
        scope=scope,
        friendly_name=friendly_name,
        kind=kind,
    )


@lru_cache(maxsize=4096)
def read_holdings(text: str) -> Holdings:
    """Read what a user holds; kept while the text is the same. The result is shared, so nobody changes it."""
    return _decode(text)


@lru_cache(maxsize=1024)
def read_custom_roles(text: str) -> dict[RoleName, Role]:
    """Compile the custom roles of what a user holds; kept and shared like it."""
    return {
        RoleName(role.name, role.organization_id): custom_role(
            role.name,
            role.organization_id,
            display_name=role.display_name,
            site=read_permissions(role.site),
            organization=read_permissions(role.organization),
            user=read_permissions(role.user),
        )
        for role in read_holdings(text).custom_roles
    }
