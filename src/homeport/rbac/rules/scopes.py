"""Scopes: ceilings that a key or an agent puts over its owner's roles (spec: authorization-and-data 6).

Names are `all`, `application_connect`, `type:action`, `type:*` and the composites below. All of them grant at the site
level, so the scopes of one key add up by joining their permissions. What the composites contain is our choice: what
their name promises, and the reading without which it cannot be used.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final
from uuid import UUID

from homeport.rbac.errors import UnknownScope
from homeport.rbac.rules.roles import permissions
from homeport.rbac.types import (
    ACTIONS,
    ALLOW_ALL,
    Action,
    AllowEntry,
    Grants,
    Permission,
    ResourceType,
    Role,
    Scope,
)

ALL: Final = "all"
APPLICATION_CONNECT: Final = "application_connect"

_EVERYTHING = (Permission(ResourceType.WILDCARD, Action.WILDCARD),)
_SELF = "user:read,read_personal organization:read organization_member:read "
_SEE_WORKSPACES = "workspace:read workspace_dormant:read template:read "

_COMPOSITES: Final[Mapping[str, tuple[Permission, ...]]] = {
    "coder:all": _EVERYTHING,
    "coder:application_connect": permissions("workspace:application_connect"),
    "coder:apikeys.manage_self": permissions("api_key:* user:read"),
    "coder:templates.author": permissions(
        _SELF + "template:* file:create,read provisioner_jobs:create,read,update provisioner_daemon:read"
    ),
    "coder:templates.build": permissions(
        _SELF + "template:read file:create,read provisioner_jobs:create,read,update provisioner_daemon:read"
    ),
    "coder:workspaces.access": permissions(_SELF + _SEE_WORKSPACES + "workspace:ssh,application_connect"),
    "coder:workspaces.create": permissions(
        _SELF
        + _SEE_WORKSPACES
        + "template:use workspace:create,update,start provisioner_daemon:read provisioner_jobs:read"
    ),
    "coder:workspaces.delete": permissions(
        _SELF + _SEE_WORKSPACES + "workspace:update,stop,delete workspace_dormant:update,stop,delete "
        "prebuilt_workspace:update,delete provisioner_daemon:read provisioner_jobs:read"
    ),
    "coder:workspaces.read": permissions(_SELF + _SEE_WORKSPACES + "provisioner_daemon:read provisioner_jobs:read"),
    "coder:workspaces.operate": permissions(
        _SELF + _SEE_WORKSPACES + "workspace:update,start,stop workspace_dormant:update,start,stop "
        "provisioner_daemon:read provisioner_jobs:read,update"
    ),
}
_NAMED: Final[Mapping[str, tuple[Permission, ...]]] = {
    ALL: _EVERYTHING,
    APPLICATION_CONNECT: _COMPOSITES["coder:application_connect"],
    **_COMPOSITES,
    **{
        f"{type_}:{action}": (Permission(type_, action),)
        for type_, actions in ACTIONS.items()
        for action in (Action.WILDCARD, *sorted(actions))
    },
}
_INTERNAL_TYPES = frozenset(
    {
        ResourceType.SYSTEM,
        ResourceType.CRYPTO_KEY,
        ResourceType.DEBUG_INFO,
        ResourceType.REPLICAS,
        ResourceType.TAILNET_COORDINATOR,
        ResourceType.NOTIFICATION_MESSAGE,
        ResourceType.OAUTH2_APP_CODE_TOKEN,
        ResourceType.WORKSPACE_AGENT_DEVCONTAINERS,
        ResourceType.WORKSPACE_AGENT_RESOURCE_MONITOR,
    }
)

SCOPE_NAMES: Final = frozenset(_NAMED)
"""Every scope name that can be evaluated."""

EXTERNAL_SCOPE_NAMES: Final = tuple(
    sorted(name for name in _NAMED if name in _COMPOSITES or name.partition(":")[0] not in _INTERNAL_TYPES)
)
"""The scope names that people may put on a key; the rest belong to the server itself."""

_FULL = frozenset((ALL, "coder:all"))


def scope_named(name: str) -> Scope:
    """Return the scope of that name, on all objects. Raises UnknownScope."""
    return _scope_for_names((name,))


def scope_for_key(names: Iterable[str], allow_list: Iterable[str | AllowEntry] = ("*:*",)) -> Scope:
    """Return the scope of a key: all that its scope names allow together, on the objects of its allow-list.

    No names, or an empty list, allow nothing. Raises UnknownScope on a name or an entry (`type:id`) that means nothing.
    """
    scope = _scope_for_names(tuple(sorted(set(names))))
    entries = tuple(entry if isinstance(entry, AllowEntry) else parse_allow_entry(entry) for entry in allow_list)
    if any(entry == ALLOW_ALL[0] for entry in entries):
        return scope
    return Scope(name=scope.name, roles=scope.roles, allow_list=entries)


def scopes_cover(held: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether the scopes `held` together allow all that the scopes `wanted` allow: broader ones stand for narrower ones.

    An unknown name covers nothing, and nothing covers it.
    """
    names = [name for name in held if name in _NAMED]
    if not _FULL.isdisjoint(names):
        return all(name in _NAMED for name in wanted)
    has = {(permission.resource_type, permission.action) for name in names for permission in _NAMED[name]}
    return all(name in _NAMED and all(_is_in(permission, has) for permission in _NAMED[name]) for name in wanted)


def _is_in(permission: Permission, has: set[tuple[ResourceType, Action]]) -> bool:
    type_, action = permission.resource_type, permission.action
    if (type_, action) in has or (type_, Action.WILDCARD) in has:
        return True
    return action == Action.WILDCARD and type_ in ACTIONS and all((type_, each) in has for each in ACTIONS[type_])


def agent_scope(
    workspace_id: UUID, template_id: UUID, version_id: UUID, owner_id: UUID, *, has_user_data: bool = True
) -> Scope:
    """Return the ceiling of a workspace's agent: everything, on its own workspace, template, version and owner.

    Without `has_user_data` (the agent's key scope `no_user_data`) its owner's personal data is closed too. Raises
    ValueError when an id is nil: that would open the objects that have no id.
    """
    ids = (workspace_id, template_id, version_id, owner_id)
    if not all(id_.int for id_ in ids):
        raise ValueError("an agent's scope needs four ids that are not nil")
    return Scope(
        name="workspace-agent",
        roles=(_FULL_ROLE if has_user_data else _WITHOUT_USER_DATA_ROLE,),
        allow_list=tuple(AllowEntry(ResourceType.WILDCARD, id_) for id_ in ids),
    )


def covers(outer: Scope, inner: Scope) -> bool:
    """Tell whether all that `inner` allows lies within `outer`: whoever is held by `outer` may then hand out `inner`.

    Both are scopes of keys, which grant at the site level and refuse nothing.
    """
    if outer.is_unrestricted:
        return True
    held = {(one.resource_type, one.action) for role in outer.roles for one in role.grants.site_permissions}
    wanted = [one for role in inner.roles for one in role.grants.site_permissions]
    return all(_holds(held, one.resource_type, one.action) for one in wanted) and all(
        any(entry.type in {ResourceType.WILDCARD, one.type} and entry.id in {"*", one.id} for entry in outer.allow_list)
        for one in inner.allow_list
    )


def _holds(held: set[tuple[ResourceType, Action]], type_: ResourceType, action: Action) -> bool:
    """Tell whether a set of permissions has one, by itself or by wildcards; a wildcard also by all that it stands for."""
    if not held.isdisjoint({(type_, action), (type_, Action.WILDCARD), (ResourceType.WILDCARD, Action.WILDCARD)}):
        return True
    return action == Action.WILDCARD and type_ in ACTIONS and all((type_, one) in held for one in ACTIONS[type_])


def parse_allow_entry(text: str) -> AllowEntry:
    """Read `type:id` of an allow-list; a bare `*` is `*:*`. Raises UnknownScope when it cannot be read."""
    if text == "*":
        return ALLOW_ALL[0]
    type_, colon, id_ = text.partition(":")
    if not colon or type_ not in ResourceType._value2member_map_:
        raise UnknownScope(text, field="allow_list")
    return AllowEntry(ResourceType(type_), parse_object_id(id_))


def parse_object_id(text: str) -> UUID | str:
    """Return an object's id as a UUID where it is one, so that both spellings of an id meet."""
    try:
        return UUID(text)
    except ValueError:
        return text


@lru_cache(maxsize=1024)
def _scope_for_names(names: tuple[str, ...]) -> Scope:
    # A pure function of a few names: remembered so that a key's votes are not counted anew on every request.
    unknown = next((name for name in names if name not in _NAMED), None)
    if unknown is not None:
        raise UnknownScope(unknown)
    name = " ".join(names)
    if not _FULL.isdisjoint(names):
        return Scope(name=name, roles=(_FULL_ROLE,), is_unrestricted=True)
    joined = Grants(site=dict.fromkeys(permission for name in names for permission in _NAMED[name]))
    return Scope(name=name, roles=(Role(name=f"scope {name}", grants=joined),))


_FULL_ROLE: Final = Role(name="scope all", grants=Grants(site=_EVERYTHING))
_WITHOUT_USER_DATA_ROLE: Final = Role(
    name="scope no_user_data",
    grants=Grants(site=_EVERYTHING + permissions("user:read_personal,update_personal", negate=True)),
)
