"""A second, slow reading of the rules, written from their text step by step: it shares no code with the engine."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from homeport.rbac import Action, Object, Permission, ResourceType, Role, Scope


def decide(
    me: UUID, roles: Sequence[Role], groups: Iterable[UUID], scope: Scope, action: Action, target: Object
) -> bool:
    memberships = {role.organization_id for role in roles if role.organization_id is not None}
    if not _listed(scope, target) or not _levels_allow(me, scope.roles, memberships, action, target):
        return False
    return _levels_allow(me, roles, memberships, action, target) or _acl_allows(
        me, set(groups), memberships, action, target
    )


def vote(permissions: Iterable[Permission], action: Action, type_: ResourceType) -> int:
    matching = [p for p in permissions if p.action in (action, "*") and p.resource_type in (type_, "*")]
    if not matching:
        return 0
    return -1 if any(p.negate for p in matching) else 1


def _levels_allow(me: UUID, roles: Sequence[Role], memberships: set[UUID], action: Action, target: Object) -> bool:
    site = vote([p for role in roles for p in role.grants.site_permissions], action, target.type)
    held: dict[UUID, list[Permission]] = {}
    for role in roles:
        if role.organization_id is not None:
            held.setdefault(role.organization_id, []).extend(role.grants.organization_permissions)
    votes = {id_: vote(permissions, action, target.type) for id_, permissions in held.items()}
    if target.any_organization:
        organization = 1 if 1 in votes.values() else 0
        is_placed = bool(memberships)
    elif target.organization_id is None:
        organization, is_placed = 0, True
    else:
        organization = votes.get(target.organization_id, 0)
        is_placed = target.organization_id in memberships
    user = 0
    if target.owner_id == me:
        user = vote([p for role in roles for p in role.grants.user_permissions], action, target.type)
    if site != 0:
        return site == 1
    if organization != 0:
        return organization == 1
    return is_placed and user == 1


def _listed(scope: Scope, target: Object) -> bool:
    return any(
        entry.type in ("*", target.type) and (entry.id == "*" or str(entry.id) == str(target.id))
        for entry in scope.allow_list
    )


def _acl_allows(me: UUID, groups: set[UUID], memberships: set[UUID], action: Action, target: Object) -> bool:
    wanted = {str(action), "*"}
    if wanted & set(target.user_acl.get(str(me), ())):
        return True
    if target.any_organization:
        is_member, everyone = bool(memberships), None
    else:
        is_member, everyone = target.organization_id in memberships, target.organization_id
    keys = {str(group) for group in groups} | ({str(everyone)} if everyone else set())
    return is_member and any(wanted & set(target.group_acl.get(key, ())) for key in keys)
