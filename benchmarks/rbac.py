"""Costs of the decision engine: single decisions, predicates, and building the subject of a request.

Names are those of the reference system's benchmarks. No answer is cached: the first decision of a fresh subject is measured
too, and objects are new, with ids that are equal to the subject's but not the same Python values, as rows of a database are.
"""

import sys
import timeit
from collections.abc import Callable, Sequence
from uuid import UUID

from rich.console import Console

from benchmarks.figures import Figure
from homeport.rbac import (
    Action,
    Columns,
    Object,
    ResourceType,
    Role,
    RoleName,
    Scope,
    Subject,
    custom_role,
    expand_roles,
    filter_allowed,
    is_allowed,
    predicate,
    scope_for_key,
    scope_named,
)
from homeport.rbac.rules.roles import permissions

ME, ORG, SOMEBODY = UUID(int=1), UUID(int=2), UUID(int=3)
GROUPS = [UUID(int=0x100 + number) for number in range(10)]
TEMPLATES = Columns(id="t.id", organization="t.organization_id", user_acl="t.user_acl", group_acl="t.group_acl")
REPEATS = 7


def microseconds(work: Callable[[], object], *, times: int) -> float:
    """Return the cost of one call: the best of several rounds, less the cost of calling anything at all."""
    floor = min(timeit.repeat(lambda: None, number=times, repeat=REPEATS))
    best = min(timeit.repeat(work, number=times, repeat=REPEATS))
    return (best - floor) / times * 1e6


def run() -> list[Figure]:
    """Measure everything."""
    return [*_decisions(), *_with_groups(), *_filters(), *_many_organizations(), *_first_decisions(), *_subjects()]


def _kinds() -> dict[str, tuple[Sequence[Role], Scope]]:
    """Return the subjects that are measured: roles and scope."""
    everything = scope_named("all")
    narrow = scope_for_key(["workspace:*", "template:*", "organization:read"], [f"workspace:{_same(9)}", "template:*"])
    custom = _custom_roles([_same(2)])
    return {
        "no roles": ([], everything),
        "owner": (expand_roles(["owner"], {ORG: []}), everything),
        "member of two": (expand_roles([], {ORG: [], UUID(int=3): []}), everything),
        "organization's admin": (expand_roles([], {ORG: ["organization-admin"]}), everything),
        "roles in ten": (
            expand_roles(["auditor"], {UUID(int=2 + n): ["organization-admin"] for n in range(10)}),
            everything,
        ),
        "custom roles": (expand_roles([], {ORG: [role.name for role in custom.values()]}, custom), everything),
        "owner, scoped": (expand_roles(["owner"], {ORG: []}), narrow),
        "custom roles, scoped": (expand_roles([], {ORG: [role.name for role in custom.values()]}, custom), narrow),
    }


def _custom_roles(places: Sequence[UUID]) -> dict[RoleName, Role]:
    """Return ten custom roles in each place, some with refusals, as rows of a database may hold them."""
    found = {}
    for place in places:
        for number in range(10):
            grants = permissions("workspace:read,start template:update group:read file:read", negate=number == 9)
            role = custom_role(f"custom-{number}", place, organization=grants[number % 4 :])
            found[role.role_name] = role
    return found


def _decisions() -> list[Figure]:
    mine = Object(ResourceType.WORKSPACE, id=_same(9), owner_id=_same(1), organization_id=_same(2))
    foreign = Object(ResourceType.WORKSPACE, id=_same(9), owner_id=_same(3), organization_id=_same(2))
    return [
        _decision(f"Authorize: {name}, {whose}", roles, scope, target)
        for name, (roles, scope) in _kinds().items()
        for whose, target in (("own", mine), ("another's", foreign))
    ]


def _with_groups() -> list[Figure]:
    acl = {str(SOMEBODY): ["read"], str(UUID(int=0x999)): ["use"], str(GROUPS[7]): ["read", "use"]}
    acl |= {str(UUID(int=0x2000 + number)): ["read"] for number in range(20)}
    shared = Object(ResourceType.TEMPLATE, id=_same(9), organization_id=_same(2), user_acl=acl, group_acl=acl)
    figures = []
    for name, (roles, scope) in _kinds().items():
        for action, what in ((Action.USE, "shared"), (Action.DELETE, "not shared")):
            figures.append(
                _decision(f"AuthorizeGroups: {name}, {what}", roles, scope, shared, action=action, groups=GROUPS)
            )
    return figures


def _decision(
    name: str,
    roles: Sequence[Role],
    scope: Scope,
    target: Object,
    *,
    action: Action = Action.READ,
    groups: Sequence[UUID] = (),
) -> Figure:
    subject = _subject(roles, scope, groups)
    cost = microseconds(lambda: is_allowed(subject, action, target), times=50_000)
    return Figure(name, cost, "µs", 3.0)


def _filters() -> list[Figure]:
    """Measure a list of a thousand objects, by object."""
    objects = [
        Object(ResourceType.WORKSPACE, id=_same(n), owner_id=_same(n % 7), organization_id=_same(n % 5))
        for n in range(1000)
    ]
    figures = []
    for name, (roles, scope) in _kinds().items():
        subject = _subject(roles, scope, GROUPS)

        def keep(subject: Subject = subject) -> object:
            return filter_allowed(subject, Action.READ, objects, lambda target: target)

        figures.append(Figure(f"Filter: {name}, by object", microseconds(keep, times=20) / 1000, "µs", 3.0))
    return figures


def _many_organizations() -> list[Figure]:
    """Measure what must stay flat, or next to it, in the number of organizations; every one has custom roles."""
    figures = []
    for count in (1, 5, 10, 50, 100):
        places = [UUID(int=2 + number) for number in range(count)]
        custom = _custom_roles(places)
        names = ["organization-auditor", "organization-workspace-creation-ban", "custom-0", "custom-1", "custom-9"]
        roles = expand_roles([], dict.fromkeys(places, names), custom)
        scope = scope_for_key(["template:read", "workspace:read"])
        target = Object(
            ResourceType.TEMPLATE, id=_same(9), organization_id=_same(1 + count), group_acl={str(GROUPS[7]): ["use"]}
        )
        figures.append(_decision(f"ManyOrgs {count}: Authorize", roles, scope, target, groups=GROUPS))
        subject = _subject(roles, scope, GROUPS)
        subject.rule(ResourceType.TEMPLATE, Action.READ)

        def condition(subject: Subject = subject) -> object:
            return predicate(subject, Action.READ, ResourceType.TEMPLATE, TEMPLATES)

        def compile_first(roles: list[Role] = roles, scope: Scope = scope) -> object:
            # A fresh subject each time: nothing that was worked out before helps.
            return predicate(_subject(roles, scope, GROUPS), Action.READ, ResourceType.TEMPLATE, TEMPLATES)

        goal = 0.5 if count == 100 else None
        figures.append(Figure(f"ManyOrgs {count}: predicate", microseconds(condition, times=500) / 1000, "ms", goal))
        cost = microseconds(compile_first, times=50) / 1000
        figures.append(Figure(f"ManyOrgs {count}: subject and predicate, {len(roles)} roles", cost, "ms", goal))
    return figures


def _first_decisions() -> list[Figure]:
    target = Object(ResourceType.WORKSPACE, id=_same(9), owner_id=_same(1), organization_id=_same(2))
    figures = []
    for count in (1, 100):
        roles = expand_roles([], {UUID(int=2 + number): [] for number in range(count)})

        def first(roles: list[Role] = roles) -> bool:
            return is_allowed(_subject(roles), Action.READ, target)

        def without(roles: list[Role] = roles) -> Subject:
            return _subject(roles)

        cost = microseconds(first, times=2_000) - microseconds(without, times=2_000)
        figures.append(Figure(f"first decision of a subject in {_organizations(count)}", cost, "µs"))
    return figures


def _subjects() -> list[Figure]:
    figures = []
    for count in (1, 10, 100):
        names = {UUID(int=2 + number): ["organization-admin"] for number in range(count)}

        def build(names: dict[UUID, list[str]] = names) -> Subject:
            return _subject(expand_roles(["user-admin"], names), scope_for_key(["all"]), GROUPS)

        figures.append(
            Figure(f"subject from role names, {_organizations(count)}", microseconds(build, times=500), "µs")
        )
    return figures


def _subject(roles: Sequence[Role], scope: Scope | None = None, groups: Sequence[UUID] = ()) -> Subject:
    scope = scope or scope_named("all")
    return Subject.build(ME, roles=roles, groups=groups, scope=scope, friendly_name="benchmark")


def _same(number: int) -> UUID:
    """Return an id that is equal to a constant above, yet another Python value."""
    return UUID(int=number)


def _organizations(count: int) -> str:
    return "1 organization" if count == 1 else f"{count} organizations"


def _main() -> None:
    from benchmarks.__main__ import show  # lazy: the collector imports every benchmark, this one among them

    show({"rbac": run()}, Console(width=None if sys.stdout.isatty() else 120))


if __name__ == "__main__":
    _main()
