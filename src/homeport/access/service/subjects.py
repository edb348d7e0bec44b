"""A row of the authentication query into a subject.

Subjects are remembered by the contents of the row, never by an id: what has changed in the database since makes another
subject. So the compiled tables are shared between requests without ever being stale.
"""

from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from homeport.rbac import Role, RoleName, Subject, custom_role, expand_roles, read_permissions, scope_for_key

_decode = msgspec.json.Decoder().decode


@lru_cache(maxsize=4096)
def build_subject(
    user_id: UUID,
    username: str,
    roles: tuple[str, ...],
    organization_ids: tuple[UUID, ...],
    organization_roles: tuple[str, ...],
    custom_roles: str,
    group_ids: tuple[UUID, ...],
    scopes: tuple[str, ...],
    allow_list: tuple[str, ...],
    can_owner_enter_workspaces: bool,
) -> Subject:
    """Build the subject of a person. `organization_roles` are names joined by commas, `custom_roles` is JSON text.

    Raises UnknownScope for a key whose scopes this version does not know.
    """
    expanded = expand_roles(
        roles,
        memberships(organization_ids, organization_roles),
        read_custom_roles(custom_roles),
        can_owner_enter_workspaces=can_owner_enter_workspaces,
    )
    return Subject.build(
        user_id,
        roles=expanded,
        # Everyone in an organization is in its Everyone group, which has the organization's id.
        groups=(*group_ids, *organization_ids),
        scope=scope_for_key(scopes, allow_list),
        friendly_name=username,
    )


@lru_cache(maxsize=4096)
def memberships(organization_ids: tuple[UUID, ...], organization_roles: tuple[str, ...]) -> dict[UUID, tuple[str, ...]]:
    """Return the stored role names by organization; the dictionary is shared, so nobody changes it."""
    return {
        id_: tuple(names.split(",")) if names else ()
        for id_, names in zip(organization_ids, organization_roles, strict=True)
    }


@lru_cache(maxsize=1024)
def read_custom_roles(text: str) -> dict[RoleName, Role]:
    """Compile the custom roles in the query's JSON (a list per membership); kept while the text is the same."""
    found: dict[RoleName, Role] = {}
    groups: list[list[dict[str, Any]] | None] = _decode(text) if text else []
    for group in groups:
        for item in group or ():
            organization_id = UUID(item["organization_id"])
            found[RoleName(item["name"], organization_id)] = custom_role(
                item["name"],
                organization_id,
                display_name=item["display_name"],
                site=read_permissions(item["site"]),
                organization=read_permissions(item["organization"]),
                user=read_permissions(item["user"]),
            )
    return found
