"""The three levels of a decision, in closed form per (type, action) (spec: authorization-and-data 4 and 5).

A `Reach` says where something is allowed: everywhere, in these organizations, or on own objects in these organizations.
Reaches are closed under intersection, so roles and scope become one, and the same sets answer single decisions and
lists.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from homeport.rbac.types import Grants, Pair

ANY_ORGANIZATION: Final = "*"
"""Key that stands for "in at least one organization"."""

OrganizationKey = UUID | str | None
"""An organization's id, `ANY_ORGANIZATION`, or None for objects outside of all organizations."""

Organizations = frozenset[OrganizationKey]

NOWHERE_KEYS: Final[Organizations] = frozenset()
_WITHOUT: Final[Organizations] = frozenset((None,))
_ANY: Final[Organizations] = frozenset((ANY_ORGANIZATION,))


class Reach(NamedTuple):
    """Where an action is allowed: `organizations` whoever owns the object, `own` where the subject owns it."""

    is_everywhere: bool
    organizations: Organizations
    own: Organizations

    @property
    def is_nowhere(self) -> bool:
        """Tell whether nothing is within reach."""
        return not (self.is_everywhere or self.organizations or self.own)


EVERYWHERE: Final = Reach(True, NOWHERE_KEYS, NOWHERE_KEYS)
NOWHERE: Final = Reach(False, NOWHERE_KEYS, NOWHERE_KEYS)

Holding = tuple[Grants, Organizations]
"""Grants, and the organizations in which they are held (with `ANY_ORGANIZATION` among them unless there are none)."""


def with_any(organizations: Iterable[OrganizationKey]) -> Organizations:
    """Return the organizations as a set of keys, with the key for any of them where there is one."""
    keys = frozenset(organizations)
    return keys | _ANY if keys else keys


def own_keys(members: Organizations) -> Organizations:
    """Return where user-level grants may count: outside of organizations, and in those that the subject belongs to."""
    return members | _WITHOUT


def reach_of(holdings: Iterable[Holding], pair: Pair, own: Organizations) -> Reach:
    """Combine the votes of all holdings on one (type, action). `own` is `own_keys` of the subject's memberships.

    A higher level always wins, and within a level a refusal wins. Organizations where the action is refused lose the
    user level too.
    """
    site = user = 0
    allowed = denied = NOWHERE_KEYS
    for grants, organizations in holdings:
        vote = grants.site.get(pair)
        if vote is not None and site >= 0:
            site = vote
        vote = grants.user.get(pair)
        if vote is not None and user >= 0:
            user = vote
        vote = grants.organization.get(pair)
        if vote is not None:
            if vote > 0:
                allowed = allowed | organizations if allowed else organizations
            else:
                denied = denied | organizations
    if site:
        return EVERYWHERE if site > 0 else NOWHERE
    if denied:
        allowed = with_any(allowed - denied - _ANY)
        own = (own - denied) | (own & _ANY)
    return Reach(False, allowed, own if user > 0 else NOWHERE_KEYS)


def intersect(first: Reach, second: Reach) -> Reach:
    """Return where both allow."""
    if first.is_everywhere:
        return second
    if second.is_everywhere:
        return first
    organizations = first.organizations & second.organizations
    own = (first.organizations | first.own) & (second.organizations | second.own)
    return Reach(False, organizations, own)
