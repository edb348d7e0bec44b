"""The subject of a decision, with its roles and scope compiled into one rule per (type, action) when first asked for.

A rule is a table of sets, not a remembered answer: every decision is evaluated on the object itself.
"""

from collections.abc import Iterable
from typing import Final, Literal
from uuid import UUID

from homeport.rbac.rules.levels import (
    ANY_ORGANIZATION,
    EVERYWHERE,
    Holding,
    OrganizationKey,
    Organizations,
    Reach,
    intersect,
    own_keys,
    reach_of,
    with_any,
)
from homeport.rbac.rules.scopes import ALL, parse_object_id, scope_named
from homeport.rbac.types import ACTIONS, Action, AllowEntry, Grants, ResourceType, Role, RoleName, Scope

SubjectKind = Literal["user", "agent", "provisioner", "system"]


class Rule:
    """Where one subject may do one action on one type.

    `ids` are the only objects that the scope admits (None = all). `is_everywhere`, `organizations` and `own` are the
    reach of roles and scope together; `shared` is the reach of the scope alone, within which an object's ACL may grant
    more.
    """

    __slots__ = ("ids", "is_everywhere", "organizations", "own", "shared")

    def __init__(self, ids: frozenset[UUID | str] | None, reach: Reach, shared: Reach) -> None:
        self.ids = ids
        self.is_everywhere = reach.is_everywhere
        self.organizations = reach.organizations
        self.own = reach.own
        self.shared = shared


class Subject:
    """Who asks: an id, roles, groups and a scope. Immutable; equal to another with the same, whatever their order."""

    __slots__ = (
        "_group_keys",
        "_holdings",
        "_key",
        "_own",
        "friendly_name",
        "groups",
        "id",
        "kind",
        "members",
        "organization_ids",
        "roles",
        "rules",
        "scope",
    )

    def __init__(
        self,
        id: UUID,
        *,
        roles: Iterable[Role],
        groups: Iterable[UUID],
        scope: Scope,
        friendly_name: str,
        kind: SubjectKind = "user",
    ) -> None:
        self.id: Final = id
        self.roles: Final = tuple(roles)
        self.groups: Final = frozenset(groups)
        self.scope: Final = scope
        self.friendly_name: Final = friendly_name
        self.kind: Final = kind
        self.rules: Final[dict[ResourceType, dict[Action, Rule]]] = {}
        self._holdings, self.organization_ids = _hold(self.roles)
        self.members: Final = with_any(self.organization_ids)
        self._own: Organizations = own_keys(self.members)
        self._key = ""
        self._group_keys: dict[OrganizationKey, frozenset[str]] = {}

    @classmethod
    def build(
        cls,
        id: UUID,
        *,
        roles: Iterable[Role],
        groups: Iterable[UUID] = (),
        scope: Scope,
        friendly_name: str,
        kind: SubjectKind = "user",
    ) -> "Subject":
        """Make a subject from expanded roles (`expand_roles`) and a scope (`scope_for_key`)."""
        return cls(id, roles=roles, groups=groups, scope=scope, friendly_name=friendly_name, kind=kind)

    @property
    def role_names(self) -> tuple[RoleName, ...]:
        """Return the identities of the roles, the implied ones among them."""
        return tuple(role.role_name for role in self.roles)

    @property
    def key(self) -> str:
        """Return the subject's id as ACLs spell it."""
        if not self._key:
            self._key = str(self.id)
        return self._key

    def without_scope(self) -> "Subject":
        """Return the same person with a credential that may all that they may: to tell which of both refuses."""
        return Subject(
            self.id,
            roles=self.roles,
            groups=self.groups,
            scope=scope_named(ALL),
            friendly_name=self.friendly_name,
            kind=self.kind,
        )

    def group_keys(self, organization: OrganizationKey) -> frozenset[str]:
        """Return the ACL entries that count for the subject on objects of an organization: its groups and everyone's.

        Empty where the subject is no member. The spelling of the ids is remembered, for it costs more than the decision.
        """
        keys = self._group_keys.get(organization)
        if keys is None:
            if organization not in self.members:
                return frozenset()
            if organization == ANY_ORGANIZATION:
                keys = frozenset(map(str, self.groups))
            else:
                keys = self.group_keys(ANY_ORGANIZATION) | {str(organization)}
            self._group_keys[organization] = keys
        return keys

    def rule(self, type_: ResourceType, action: Action) -> Rule:
        """Return the rule for an action on a type, compiled at its first use. Raises ValueError for an unknown pair."""
        try:
            return self.rules[type_][action]
        except KeyError:
            return self._compile(ResourceType(type_), Action(action))

    def _compile(self, type_: ResourceType, action: Action) -> Rule:
        if action not in ACTIONS.get(type_, ()):
            raise ValueError(f"{action} is not an action on {type_}")
        pair = (type_, action)
        reach, shared = reach_of(self._holdings, pair, self._own), EVERYWHERE
        ids: frozenset[UUID | str] | None = None
        if not self.scope.is_unrestricted:
            holdings, _ = _hold(self.scope.roles)
            shared = reach_of(holdings, pair, self._own)
            reach = intersect(reach, shared)
            ids = _admitted_ids(self.scope.allow_list, type_)
        rule = Rule(ids, reach, shared)
        self.rules.setdefault(type_, {})[action] = rule
        return rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subject) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((self.id, self.groups))

    def __repr__(self) -> str:
        roles = ", ".join(sorted(map(str, self.role_names)))
        return f"<Subject {self.friendly_name} ({self.kind} {self.id}): {roles}; scope {self.scope.name}>"

    def _identity(self) -> tuple[object, ...]:
        return (
            self.id,
            self.kind,
            self.groups,
            _contents(self.roles),
            _contents(self.scope.roles),
            frozenset(self.scope.allow_list),
        )


def _hold(roles: Iterable[Role]) -> tuple[tuple[Holding, ...], frozenset[UUID]]:
    """Gather the organizations in which each set of grants is held, and all organizations together."""
    held: dict[Grants, list[OrganizationKey]] = {}
    organization_ids: set[UUID] = set()
    for role in roles:
        organizations = held.setdefault(role.grants, [])
        if role.organization_id is not None:
            organizations.append(role.organization_id)
            organization_ids.add(role.organization_id)
    return tuple((grants, with_any(ids)) for grants, ids in held.items()), frozenset(organization_ids)


def _admitted_ids(allow_list: Iterable[AllowEntry], type_: ResourceType) -> frozenset[UUID | str] | None:
    ids: set[UUID | str] = set()
    for entry in allow_list:
        if entry.type not in (type_, ResourceType.WILDCARD):
            continue
        if entry.id == "*":
            return None
        ids.add(parse_object_id(entry.id) if isinstance(entry.id, str) else entry.id)
    return frozenset(ids)


def _contents(roles: Iterable[Role]) -> frozenset[object]:
    return frozenset((role.role_name, *map(frozenset, role.grants.permissions)) for role in roles)
