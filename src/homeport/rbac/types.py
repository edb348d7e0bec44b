"""What a decision speaks about: actions, types, permissions, roles, objects (spec: authorization-and-data 1-2).

Values of the enums are the names on the wire. Nothing here decides: see `rules/`.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

Acl = Mapping[str, Collection[str]]
"""Text of a user's, group's or organization's id to the actions granted to it (`*` for all), as the columns hold it."""

NO_ACL: Final[Acl] = MappingProxyType({})


class Action(StrEnum):
    """What one may do. `WILDCARD` stands in permissions only: nobody asks for a decision about it."""

    WILDCARD = "*"
    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    READ_PERSONAL = "read_personal"
    UPDATE_PERSONAL = "update_personal"
    START = "start"
    STOP = "stop"
    SSH = "ssh"
    APPLICATION_CONNECT = "application_connect"
    CREATE_AGENT = "create_agent"
    DELETE_AGENT = "delete_agent"
    SHARE = "share"
    USE = "use"
    VIEW_INSIGHTS = "view_insights"
    ASSIGN = "assign"
    UNASSIGN = "unassign"


class ResourceType(StrEnum):
    """What one may do it to. `WILDCARD` stands in permissions and allow-lists only."""

    WILDCARD = "*"
    API_KEY = "api_key"
    ASSIGN_ORG_ROLE = "assign_org_role"
    ASSIGN_ROLE = "assign_role"
    AUDIT_LOG = "audit_log"
    CONNECTION_LOG = "connection_log"
    CRYPTO_KEY = "crypto_key"
    DEBUG_INFO = "debug_info"
    DEPLOYMENT_CONFIG = "deployment_config"
    DEPLOYMENT_STATS = "deployment_stats"
    FILE = "file"
    GROUP = "group"
    GROUP_MEMBER = "group_member"
    IDPSYNC_SETTINGS = "idpsync_settings"
    INBOX_NOTIFICATION = "inbox_notification"
    LICENSE = "license"
    NOTIFICATION_MESSAGE = "notification_message"
    NOTIFICATION_PREFERENCE = "notification_preference"
    NOTIFICATION_TEMPLATE = "notification_template"
    OAUTH2_APP = "oauth2_app"
    OAUTH2_APP_CODE_TOKEN = "oauth2_app_code_token"
    OAUTH2_APP_SECRET = "oauth2_app_secret"
    ORGANIZATION = "organization"
    ORGANIZATION_MEMBER = "organization_member"
    PREBUILT_WORKSPACE = "prebuilt_workspace"
    PROVISIONER_DAEMON = "provisioner_daemon"
    PROVISIONER_JOBS = "provisioner_jobs"
    REPLICAS = "replicas"
    SYSTEM = "system"
    TAILNET_COORDINATOR = "tailnet_coordinator"
    TEMPLATE = "template"
    USER = "user"
    WEBPUSH_SUBSCRIPTION = "webpush_subscription"
    WORKSPACE = "workspace"
    WORKSPACE_AGENT_DEVCONTAINERS = "workspace_agent_devcontainers"
    WORKSPACE_AGENT_RESOURCE_MONITOR = "workspace_agent_resource_monitor"
    WORKSPACE_DORMANT = "workspace_dormant"
    WORKSPACE_PROXY = "workspace_proxy"


def _actions(text: str) -> frozenset[Action]:
    return frozenset(Action(name) for name in text.split())


_CRUD = _actions("create read update delete")
_WORKSPACE = _actions("create read update delete start stop ssh application_connect create_agent delete_agent share")

ACTIONS: Final[Mapping[ResourceType, frozenset[Action]]] = MappingProxyType(
    {
        ResourceType.API_KEY: _CRUD,
        ResourceType.ASSIGN_ORG_ROLE: _CRUD | _actions("assign unassign"),
        ResourceType.ASSIGN_ROLE: _actions("assign unassign read"),
        ResourceType.AUDIT_LOG: _actions("create read"),
        ResourceType.CONNECTION_LOG: _actions("read update"),
        ResourceType.CRYPTO_KEY: _CRUD,
        ResourceType.DEBUG_INFO: _actions("read"),
        ResourceType.DEPLOYMENT_CONFIG: _actions("read update"),
        ResourceType.DEPLOYMENT_STATS: _actions("read"),
        ResourceType.FILE: _actions("create read"),
        ResourceType.GROUP: _CRUD,
        ResourceType.GROUP_MEMBER: _actions("read"),
        ResourceType.IDPSYNC_SETTINGS: _actions("read update"),
        ResourceType.INBOX_NOTIFICATION: _actions("create read update"),
        ResourceType.LICENSE: _actions("create read delete"),
        ResourceType.NOTIFICATION_MESSAGE: _CRUD,
        ResourceType.NOTIFICATION_PREFERENCE: _actions("read update"),
        ResourceType.NOTIFICATION_TEMPLATE: _actions("read update"),
        ResourceType.OAUTH2_APP: _CRUD,
        ResourceType.OAUTH2_APP_CODE_TOKEN: _actions("create read delete"),
        ResourceType.OAUTH2_APP_SECRET: _CRUD,
        ResourceType.ORGANIZATION: _CRUD,
        ResourceType.ORGANIZATION_MEMBER: _CRUD,
        ResourceType.PREBUILT_WORKSPACE: _actions("update delete"),
        ResourceType.PROVISIONER_DAEMON: _CRUD,
        ResourceType.PROVISIONER_JOBS: _actions("read update create"),
        ResourceType.REPLICAS: _actions("read"),
        ResourceType.SYSTEM: _CRUD,
        ResourceType.TAILNET_COORDINATOR: _CRUD,
        ResourceType.TEMPLATE: _CRUD | _actions("use view_insights"),
        ResourceType.USER: _CRUD | _actions("read_personal update_personal"),
        ResourceType.WEBPUSH_SUBSCRIPTION: _actions("create read delete"),
        ResourceType.WORKSPACE: _WORKSPACE,
        ResourceType.WORKSPACE_AGENT_DEVCONTAINERS: _actions("create"),
        ResourceType.WORKSPACE_AGENT_RESOURCE_MONITOR: _actions("create read update"),
        ResourceType.WORKSPACE_DORMANT: _WORKSPACE,
        ResourceType.WORKSPACE_PROXY: _CRUD,
    }
)
"""The actions that exist on each type; every other pair is a mistake of the asker."""


class Permission(msgspec.Struct, frozen=True):
    """Allow, or with `negate` refuse, an action on a resource type; either may be the wildcard."""

    resource_type: ResourceType
    action: Action
    negate: bool = False


class RoleName(NamedTuple):
    """A role's identity: its name, and the organization it belongs to (None = the whole deployment)."""

    name: str
    organization_id: UUID | None = None

    def __str__(self) -> str:
        return self.name if self.organization_id is None else f"{self.name}:{self.organization_id}"


Pair = tuple[ResourceType, Action]
Votes = Mapping[Pair, int]


class Grants:
    """Permissions at the three levels, with their votes worked out: +1 allows, -1 refuses, absent abstains.

    One instance serves every organization that has the role, so an instance is compared by identity.
    """

    __slots__ = (
        "organization",
        "organization_permissions",
        "site",
        "site_permissions",
        "user",
        "user_permissions",
    )

    def __init__(
        self,
        *,
        site: Iterable[Permission] = (),
        organization: Iterable[Permission] = (),
        user: Iterable[Permission] = (),
    ) -> None:
        self.site_permissions = tuple(site)
        self.organization_permissions = tuple(organization)
        self.user_permissions = tuple(user)
        self.site = count_votes(self.site_permissions)
        self.organization = count_votes(self.organization_permissions)
        self.user = count_votes(self.user_permissions)

    @property
    def permissions(self) -> tuple[tuple[Permission, ...], ...]:
        """Return the permissions of the site, organization and user level."""
        return self.site_permissions, self.organization_permissions, self.user_permissions


class Role(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A named set of grants. With an organization it makes its holder a member there, whatever it grants."""

    name: str
    grants: Grants
    organization_id: UUID | None = None
    display_name: str = ""

    @property
    def role_name(self) -> RoleName:
        """Return the role's identity."""
        return RoleName(self.name, self.organization_id)


class AllowEntry(NamedTuple):
    """An entry of a scope's allow-list: a type and an id, or `*` for either. The id "" admits objects without one."""

    type: ResourceType
    id: UUID | str


ALLOW_ALL: Final = (AllowEntry(ResourceType.WILDCARD, "*"),)


class Scope(msgspec.Struct, frozen=True, eq=False):
    """A ceiling over the roles: what the scope's own roles, taken together, allow on the objects of its allow-list."""

    name: str
    roles: tuple[Role, ...]
    allow_list: tuple[AllowEntry, ...] = ALLOW_ALL
    is_unrestricted: bool = False
    """True only where the roles allow everything and the list holds everything: then nothing needs evaluating."""


class Object(msgspec.Struct, frozen=True, gc=False):
    """What an action is done to. `any_organization` asks "in at least one", and then `organization_id` says nothing.

    `name` is for the words of a refusal, which those read who may read the object; no decision looks at it.
    """

    type: ResourceType
    id: UUID | str = ""
    owner_id: UUID | None = None
    organization_id: UUID | None = None
    any_organization: bool = False
    user_acl: Acl = NO_ACL
    group_acl: Acl = NO_ACL
    name: str = ""


def count_votes(permissions: Iterable[Permission]) -> dict[Pair, int]:
    """Work out the vote on each (type, action) that the permissions name; a refusal beats any number of grants."""
    votes: dict[Pair, int] = {}
    for permission in permissions:
        vote = -1 if permission.negate else 1
        for pair in _matches(permission):
            if votes.get(pair) != -1:
                votes[pair] = vote
    return votes


def _matches(permission: Permission) -> Iterable[Pair]:
    types = ACTIONS if permission.resource_type == ResourceType.WILDCARD else (permission.resource_type,)
    for type_ in types:
        actions = ACTIONS.get(type_, frozenset())
        if permission.action == Action.WILDCARD:
            yield from ((type_, action) for action in actions)
        elif permission.action in actions:
            yield type_, permission.action
