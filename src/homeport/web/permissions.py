"""Roles in words: what one may do, and the boxes with which a custom role is put together. Pure."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

import msgspec

from homeport.identity.schemas import Permission, Role
from homeport.rbac import ACTIONS, SITE_ONLY_TYPES, Action, Object, ResourceType, Subject, is_allowed

TYPE_WORDS = {
    ResourceType.API_KEY: "API keys",
    ResourceType.ASSIGN_ORG_ROLE: "Roles in organizations",
    ResourceType.ASSIGN_ROLE: "Roles of the deployment",
    ResourceType.AUDIT_LOG: "Audit log",
    ResourceType.CONNECTION_LOG: "Connection log",
    ResourceType.CRYPTO_KEY: "Keys of the server",
    ResourceType.DEBUG_INFO: "Debugging",
    ResourceType.DEPLOYMENT_CONFIG: "Settings of the deployment",
    ResourceType.DEPLOYMENT_STATS: "Statistics of the deployment",
    ResourceType.FILE: "Uploaded files",
    ResourceType.GROUP: "Groups",
    ResourceType.GROUP_MEMBER: "Members of groups",
    ResourceType.IDPSYNC_SETTINGS: "Synchronization with identity providers",
    ResourceType.INBOX_NOTIFICATION: "Notifications in the inbox",
    ResourceType.LICENSE: "Licences",
    ResourceType.NOTIFICATION_MESSAGE: "Notifications that are sent",
    ResourceType.NOTIFICATION_PREFERENCE: "Choices of notifications",
    ResourceType.NOTIFICATION_TEMPLATE: "Texts of notifications",
    ResourceType.OAUTH2_APP: "Applications",
    ResourceType.OAUTH2_APP_CODE_TOKEN: "What people allow applications",
    ResourceType.OAUTH2_APP_SECRET: "Secrets of applications",
    ResourceType.ORGANIZATION: "Organizations",
    ResourceType.ORGANIZATION_MEMBER: "Members",
    ResourceType.PREBUILT_WORKSPACE: "Prebuilt workspaces",
    ResourceType.PROVISIONER_DAEMON: "Provisioners",
    ResourceType.PROVISIONER_JOBS: "Jobs of provisioners",
    ResourceType.REPLICAS: "Servers",
    ResourceType.SYSTEM: "The system",
    ResourceType.TAILNET_COORDINATOR: "Network",
    ResourceType.TEMPLATE: "Templates",
    ResourceType.USER: "Users",
    ResourceType.WEBPUSH_SUBSCRIPTION: "Push notifications",
    ResourceType.WORKSPACE: "Workspaces",
    ResourceType.WORKSPACE_AGENT_DEVCONTAINERS: "Development containers",
    ResourceType.WORKSPACE_AGENT_RESOURCE_MONITOR: "Resource monitors",
    ResourceType.WORKSPACE_DORMANT: "Dormant workspaces",
    ResourceType.WORKSPACE_PROXY: "Workspace proxies",
}
# What most roles are about stands first; the rest follows by its words.
_FIRST = (
    ResourceType.WORKSPACE,
    ResourceType.TEMPLATE,
    ResourceType.ORGANIZATION_MEMBER,
    ResourceType.GROUP,
    ResourceType.GROUP_MEMBER,
    ResourceType.ASSIGN_ORG_ROLE,
    ResourceType.ORGANIZATION,
)
_EVERYTHING = "everything"
_LOCAL = "organization_permissions"
_LOCAL_TYPES = frozenset(ACTIONS) - SITE_ONLY_TYPES
# With more types than that, those that are left out are named instead.
_MOST_NAMED = 12
_LEVELS = (
    ("site_permissions", "In the whole deployment"),
    (_LOCAL, "In the organization"),
    ("user_permissions", "On what is one's own"),
)


class Line(msgspec.Struct, frozen=True):
    """What a role says about one type, or about several alike."""

    types: str
    actions: str
    is_refused: bool = False


class Level(msgspec.Struct, frozen=True):
    """What a role says about objects of one kind: all, an organization's, or one's own."""

    words: str
    lines: list[Line]


class Box(msgspec.Struct, frozen=True):
    """One permission of the matrix. `reason` says why it cannot be chosen; empty when it can."""

    value: str
    action: str
    is_chosen: bool
    reason: str


class Row(msgspec.Struct, frozen=True):
    """The permissions on one type."""

    type: str
    words: str
    boxes: list[Box]

    @property
    def beyond(self) -> int:
        """How many are chosen that the author could not grant."""
        return sum(box.is_chosen and bool(box.reason) for box in self.boxes)


def levels(role: Role) -> list[Level]:
    """Return a role's permissions in words, levels without any left out."""
    found = [
        (words, _lines(getattr(role, field), ACTIONS if field != _LOCAL else _LOCAL_TYPES)) for field, words in _LEVELS
    ]
    return [Level(words, lines) for words, lines in found if lines]


def chosen_of(role: Role) -> list[str]:
    """Return a custom role's permissions as the values of its boxes."""
    return [f"{each.resource_type}:{each.action}" for each in role.organization_permissions]


def matrix(author: Subject, organization_id: UUID, chosen: Collection[str]) -> list[Row]:
    """Return every permission that a role of this organization could hold, by type.

    What the author could not grant is closed, unless the role holds it: then it stays open, to be taken out.
    """
    types = (*_FIRST, *sorted(_LOCAL_TYPES - set(_FIRST), key=TYPE_WORDS.__getitem__))
    return [
        Row(
            type_.value,
            TYPE_WORDS[type_],
            [_box(author, organization_id, type_, action, chosen) for action in _ordered(ACTIONS[type_])],
        )
        for type_ in types
    ]


def wanted_permissions(values: Iterable[str]) -> list[Permission]:
    """Return the permissions that the boxes of a form stand for; the service says what is wrong with odd ones."""
    pairs = [value.partition(":") for value in dict.fromkeys(values)]
    return [Permission(negate=False, resource_type=type_, action=action) for type_, _, action in pairs]


def _box(author: Subject, organization_id: UUID, type_: ResourceType, action: Action, chosen: Collection[str]) -> Box:
    value = f"{type_}:{action}"
    can_grant = is_allowed(author, action, Object(type_, organization_id=organization_id))
    reason = "" if can_grant else "You do not have this permission here, so you cannot grant it."
    return Box(value, action.replace("_", " "), value in chosen, reason)


def _lines(permissions: Iterable[Permission], types: Collection[ResourceType]) -> list[Line]:
    """Return what permissions say about these types. Types about which the same is said share a line, the widest first."""
    by_type: dict[tuple[bool, str], list[str]] = {}
    for each in permissions:
        if each.resource_type in types or each.resource_type == ResourceType.WILDCARD:
            by_type.setdefault((each.negate, each.resource_type), []).append(each.action)
    alike: dict[tuple[bool, str], list[str]] = {}
    for (is_refused, type_), actions in by_type.items():
        alike.setdefault((is_refused, _action_words(type_, actions)), []).append(type_)
    found = [Line(_types_words(named, types), actions, is_refused) for (is_refused, actions), named in alike.items()]
    return sorted(found, key=lambda line: (line.is_refused, line.actions != _EVERYTHING))


def _types_words(named: Collection[str], types: Collection[ResourceType]) -> str:
    if len(named) <= _MOST_NAMED:
        return ", ".join(_type_words(type_) for type_ in named)
    rest = sorted(TYPE_WORDS[type_] for type_ in types if type_ not in named)
    return f"All but {', '.join(rest)}" if rest else "All that there is"


def _action_words(type_: str, actions: list[str]) -> str:
    known = ACTIONS.get(ResourceType(type_), frozenset()) if type_ in ResourceType._value2member_map_ else frozenset()
    if "*" in actions or (known and known <= set(actions)):
        return _EVERYTHING
    return ", ".join(action.replace("_", " ") for action in _ordered(actions))


def _type_words(type_: str) -> str:
    if type_ == ResourceType.WILDCARD:
        return "All that there is"
    return TYPE_WORDS[ResourceType(type_)] if type_ in ResourceType._value2member_map_ else type_.replace("_", " ")


def _ordered(actions: Iterable[Action] | Iterable[str]) -> list[Any]:
    """Return actions in the order in which they are declared: what is common first."""
    order = list(Action)
    return sorted(actions, key=lambda action: order.index(Action(action)) if action in set(order) else len(order))
