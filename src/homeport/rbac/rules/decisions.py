"""Decisions one by one: may this subject do this to that object (spec: authorization-and-data 4).

Services call `require`. A refusal is a 404 as if the object did not exist, unless the subject may read it: then a 403
says which permission is missing.
"""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TypeVar
from uuid import UUID

from homeport.kit.errors import Forbidden, NotFound
from homeport.rbac.rules.explanations import explain
from homeport.rbac.rules.levels import ANY_ORGANIZATION, OrganizationKey
from homeport.rbac.rules.scopes import parse_object_id
from homeport.rbac.rules.subjects import Subject
from homeport.rbac.types import ACTIONS, Action, Object, ResourceType

T = TypeVar("T")


_KNOWN_TO_ALL = frozenset(
    {
        ResourceType.DEBUG_INFO,
        ResourceType.DEPLOYMENT_CONFIG,
        ResourceType.DEPLOYMENT_STATS,
        ResourceType.REPLICAS,
        ResourceType.SYSTEM,
    }
)
"""What every deployment has once: that it exists is no secret, so a refusal to read it is explained, too."""

MOST_KEPT = 100


class DecisionLog:
    """What was decided while one request was served: how often, and whether its route is declared public.

    With `keeps`, also what was allowed: the first `MOST_KEPT` of them, for connections that last longer than a decision.
    """

    __slots__ = ("is_public", "kept", "made")

    def __init__(self, *, keeps: bool = False) -> None:
        self.made = 0
        self.is_public = False
        self.kept: list[tuple[Action, Object]] | None = [] if keeps else None

    def keep(self, action: Action, target: Object) -> None:
        """Remember what was allowed."""
        if self.kept is not None and len(self.kept) < MOST_KEPT:
            self.kept.append((action, target))


decisions: ContextVar[DecisionLog | None] = ContextVar("homeport_rbac_decisions", default=None)
"""The log of the request being served. The HTTP edge sets a fresh one; tests prove with it that every route decides."""


def record_public() -> None:
    """Note that the request being served needs no decision."""
    log = decisions.get()
    if log is not None:
        log.is_public = True


def count_decision() -> None:
    """Note that a decision was made for the request being served."""
    log = decisions.get()
    if log is not None:
        log.made += 1


def is_allowed(subject: Subject, action: Action, target: Object) -> bool:
    """Decide. Raises ValueError when the action does not exist on the object's type: a mistake of the caller."""
    log = decisions.get()
    if log is None:
        return _decide(subject, action, target)
    log.made += 1
    is_granted = _decide(subject, action, target)
    if is_granted:
        log.keep(action, target)
    return is_granted


def _decide(subject: Subject, action: Action, target: Object) -> bool:
    try:
        rule = subject.rules[target.type][action]
    except KeyError:
        rule = subject.rule(target.type, action)
    if rule.ids is not None and not _is_admitted(rule.ids, target.id):
        return False
    if rule.is_everywhere:
        return True
    organization = ANY_ORGANIZATION if target.any_organization else target.organization_id
    if rule.organizations and organization in rule.organizations:
        return True
    if rule.own and target.owner_id == subject.id and organization in rule.own:
        return True
    if target.user_acl or target.group_acl:
        shared = rule.shared
        return (
            shared.is_everywhere
            or organization in shared.organizations
            or (target.owner_id == subject.id and organization in shared.own)
        ) and _is_shared(subject, action, target, organization)
    return False


def require(subject: Subject, action: Action, target: Object, *, noun: str) -> None:
    """Return when allowed. Raises NotFound when the subject may not even read the object, else Forbidden.

    `noun` names the object in the message ("template"). What is to be created has no existence to hide, so that refusal
    is always Forbidden: whoever creates checks first that the subject may read the place where it goes.
    """
    if not is_allowed(subject, action, target):
        raise refusal(subject, action, target, noun=noun)


def require_any(subject: Subject, action: Action, targets: Iterable[Object], *, noun: str) -> None:
    """Return when the action is allowed on one of several views of one object, the main view first.

    A prebuilt workspace, for instance, is a workspace and a prebuilt workspace. Views whose type lacks the action are
    passed over. Refuses as `require` does, in terms of the main view. Raises ValueError when there is no view.
    """
    views = tuple(targets)
    if not views:
        raise ValueError("an object has at least one view")
    for view in views:
        if action in ACTIONS[view.type] and is_allowed(subject, action, view):
            return
    readable = next((view for view in views if _may_read(subject, view)), views[0])
    raise refusal(subject, action, readable, noun=noun)


def refusal(subject: Subject, action: Action, target: Object, *, noun: str) -> NotFound | Forbidden:
    """Return the error for a refused action: hidden when the object may not be read, else explained (`explanations.py`)."""
    is_hidden = action == Action.READ or (action != Action.CREATE and not _may_read(subject, target))
    if is_hidden and target.type not in _KNOWN_TO_ALL:
        return not_found(noun)
    has_without_scope = not subject.scope.is_unrestricted and _decide(subject.without_scope(), action, target)
    return Forbidden(
        f"You do not have permission to {action.replace('_', ' ')} this {noun}.",
        detail=explain(subject, action, target, has_without_scope=has_without_scope),
    )


def not_found(noun: str) -> NotFound:
    """Return the error for an object that does not exist or may not be read: nobody can tell which."""
    return NotFound(f"{noun[:1].upper()}{noun[1:]} not found or you do not have access to it.")


def filter_allowed(subject: Subject, action: Action, items: Iterable[T], object_of: Callable[[T], Object]) -> list[T]:
    """Return the items on whose objects the action is allowed, in order. Raises ValueError on mixed types."""
    kept: list[T] = []
    type_ = None
    for item in items:
        target = object_of(item)
        if type_ is None:
            type_ = target.type
        elif target.type != type_:
            raise ValueError(f"cannot filter {target.type} among {type_}")
        if is_allowed(subject, action, target):
            kept.append(item)
    return kept


def _may_read(subject: Subject, target: Object) -> bool:
    return Action.READ in ACTIONS[target.type] and is_allowed(subject, Action.READ, target)


def _is_admitted(ids: frozenset[UUID | str], id_: UUID | str) -> bool:
    return id_ in ids or (isinstance(id_, str) and parse_object_id(id_) in ids)


def _is_shared(subject: Subject, action: Action, target: Object, organization: OrganizationKey) -> bool:
    """Tell whether the object's ACL grants the action: to the subject, or to members through a group or as everyone."""
    actions = target.user_acl.get(subject.key)
    if actions is not None and (action in actions or "*" in actions):
        return True
    acl = target.group_acl
    if not acl:
        return False
    keys = subject.group_keys(organization)
    if len(acl) < len(keys):
        for key, actions in acl.items():  # noqa: SIM110 - a generator would cost as much as the whole decision
            if key in keys and (action in actions or "*" in actions):
                return True
        return False
    for key in keys:
        actions = acl.get(key)
        if actions is not None and (action in actions or "*" in actions):
            return True
    return False
