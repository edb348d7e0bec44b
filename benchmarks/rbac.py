"""Costs of the decision engine: single decisions, predicates, and building the subject of a request.

Nothing is cached: the first decision of a fresh subject is measured too, and objects are new, with ids that are equal to
the subject's but not the same Python values, as rows of a database are.
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
    Scope,
    Subject,
    expand_roles,
    is_allowed,
    predicate,
    scope_for_key,
    scope_named,
)

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
    return [*_decisions(), *_first_decisions(), *_predicates(), *_subjects()]


def _decisions() -> list[Figure]:
    organizations = {ORG: ["organization-auditor"]}
    everything = scope_named("all")
    narrow = scope_for_key(["workspace:*", "template:*", "organization:read"], [f"workspace:{_same(9)}", "template:*"])
    mine = Object(ResourceType.WORKSPACE, id=_same(9), owner_id=_same(1), organization_id=_same(2))
    foreign = Object(ResourceType.WORKSPACE, id=_same(9), owner_id=_same(3), organization_id=_same(2))
    acl = {str(SOMEBODY): ["read"], str(UUID(int=0x999)): ["use"], str(GROUPS[7]): ["read", "use"]}
    shared = Object(ResourceType.TEMPLATE, id=_same(9), organization_id=_same(2), user_acl=acl, group_acl=acl)
    roles = {
        "owner": expand_roles(["owner"], organizations),
        "member": expand_roles([], organizations),
        "ten organizations": expand_roles(["auditor"], {UUID(int=2 + n): ["organization-admin"] for n in range(10)}),
    }
    figures = [
        _decision("owner", roles["owner"], everything, foreign, goal=1.5),
        _decision("member, own workspace", roles["member"], everything, mine, goal=1.5),
        _decision("member, refused", roles["member"], everything, foreign, goal=1.5),
        _decision("admin of ten organizations", roles["ten organizations"], everything, foreign, goal=1.5),
    ]
    use, ssh = Action.USE, Action.SSH
    return [
        *figures,
        _decision("groups, ACL and scope", roles["member"], narrow, shared, goal=3.0, action=use, groups=GROUPS),
        _decision("groups, ACL and scope, own", roles["member"], narrow, mine, goal=3.0, action=ssh, groups=GROUPS),
        _decision("groups, ACL and scope, refused", roles["member"], narrow, shared, goal=3.0, action=Action.DELETE,
                  groups=GROUPS),
    ]  # fmt: skip


def _decision(
    name: str,
    roles: Sequence[Role],
    scope: Scope,
    target: Object,
    *,
    goal: float,
    action: Action = Action.READ,
    groups: Sequence[UUID] = (),
) -> Figure:
    subject = _subject(roles, scope, groups)
    cost = microseconds(lambda: is_allowed(subject, action, target), times=100_000)
    return Figure(f"decision: {name}", cost, "µs", goal)


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


def _predicates() -> list[Figure]:
    figures = []
    for count in (1, 5, 10, 50, 100):
        names = ["organization-auditor", "organization-workspace-creation-ban"]
        roles = expand_roles([], {UUID(int=2 + number): names for number in range(count)})
        scope = scope_for_key(["template:read", "workspace:read"])

        def build(roles: list[Role] = roles, scope: Scope = scope) -> object:
            # A fresh subject each time: nothing that was worked out before helps.
            return predicate(_subject(roles, scope, GROUPS), Action.READ, ResourceType.TEMPLATE, TEMPLATES)

        cost = microseconds(build, times=500) / 1000
        goal = 0.5 if count == 100 else None
        figures.append(Figure(f"subject and predicate, {_organizations(count)}", cost, "ms", goal))
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
