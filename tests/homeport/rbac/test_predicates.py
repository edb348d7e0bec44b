"""Predicates agree with single decisions on every row of a real table, and their texts stay few and plain."""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest

from homeport.database import Database
from homeport.rbac import (
    ACTIONS,
    Acl,
    Action,
    AllowEntry,
    Columns,
    Grants,
    Object,
    Permission,
    Predicate,
    ResourceType,
    Role,
    Scope,
    Subject,
    agent_scope,
    built_in_roles,
    custom_role,
    expand_roles,
    is_allowed,
    predicate,
    predicate_by_type,
    scope_for_key,
)
from tests.homeport.rbac import oracle
from tests.homeport.rbac.people import ALL, GROUP, ME, ORG, OTHER_ORG, SOMEBODY, holder
from tests.homeport.rbac.rows import COLUMNS, passing, passing_each, store

PEOPLE = [UUID(int=0x100 + number) for number in range(4)]
ORGANIZATIONS = [UUID(int=0x200 + number) for number in range(4)]
GROUPS = [UUID(int=0x300 + number) for number in range(4)]
IDS = [UUID(int=0x400 + number) for number in range(6)]
TYPES = [ResourceType.WORKSPACE, ResourceType.TEMPLATE, ResourceType.AUDIT_LOG, ResourceType.FILE, ResourceType.USER]
ROUNDS, SUBJECTS, ROWS = 250, 40, 25
# Of every fourth case so many rows are decided once more without one of its parts.
EVERY, PROBES = 4, 3

# What a list may know of its rows, from everything to next to nothing.
LAYOUTS = {
    "all": COLUMNS,
    "no ACL": COLUMNS._replace(user_acl=None, group_acl=None),
    "group ACL": COLUMNS._replace(user_acl=None),
    "user ACL": COLUMNS._replace(group_acl=None),
    "always in an organization": COLUMNS._replace(is_organization_nullable=False),
    "no organization": COLUMNS._replace(organization=None),
    "no owner": COLUMNS._replace(owner=None),
    "no id": COLUMNS._replace(id=None),
    "text id": COLUMNS._replace(id="o.text_id", id_type="text"),
    "user": Columns(id="o.id", owner="o.id"),
    "nothing": Columns(),
}


class Dice:
    """Random subjects and objects around a few ids, so that they often meet."""

    def __init__(self, seed: int) -> None:
        self.roll = random.Random(seed)

    def some(self, values: Sequence[UUID], most: int = 3) -> list[UUID]:
        return self.roll.sample(values, self.roll.randint(0, min(most, len(values))))

    def permission(self, type_: ResourceType) -> Permission:
        about = self.roll.choice([type_, type_, type_, ResourceType.WILDCARD, ResourceType.GROUP])
        action = self.roll.choice([*sorted(ACTIONS[type_]), Action.WILDCARD])
        return Permission(about, action, self.roll.random() < 0.3)

    def role(self, type_: ResourceType) -> Role:
        organization_id = self.roll.choice([None, *ORGANIZATIONS])
        if self.roll.random() < 0.4:
            return self.roll.choice(built_in_roles(organization_id))

        def permissions(chance: float) -> list[Permission]:
            return [self.permission(type_) for _ in range(3) if self.roll.random() < chance]

        # An organization's role as people make it grants there alone; the engine reads more from the database than that.
        if organization_id is not None and self.roll.random() < 0.5:
            return custom_role(f"custom-{self.roll.randint(1, 3)}", organization_id, organization=permissions(0.7))
        return custom_role(
            "custom", organization_id, site=permissions(0.1), organization=permissions(0.4), user=permissions(0.4)
        )

    def scope(self, type_: ResourceType) -> Scope:
        kind = self.roll.random()
        if kind < 0.35:
            return ALL
        if kind < 0.5:
            workspace_id, template_id, version_id = self.roll.sample(IDS, 3)
            return agent_scope(workspace_id, template_id, version_id, self.roll.choice(PEOPLE))
        entries: list[AllowEntry] = []
        for _ in range(self.roll.randint(1, 3)):
            entry_type = self.roll.choice([type_, ResourceType.WILDCARD, ResourceType.GROUP])
            ids: list[UUID | str] = [*IDS, *PEOPLE, "*", "*", "", "text"]
            entries.append(AllowEntry(entry_type, self.roll.choice(ids)))
        if kind < 0.75:
            actions = self.roll.sample(sorted(ACTIONS[type_]), 2)
            return scope_for_key([f"{type_}:{action}" for action in actions], entries)
        return Scope(name="x", roles=tuple(self.role(type_) for _ in range(2)), allow_list=tuple(entries))

    def subject(self, type_: ResourceType) -> Subject:
        roles = [self.role(type_) for _ in range(self.roll.randint(0, 4))]
        if self.roll.random() < 0.5:
            roles += expand_roles([], {id_: [] for id_ in self.some(ORGANIZATIONS)})
        id_ = self.roll.choice(PEOPLE)
        groups = self.some([*GROUPS, *ORGANIZATIONS], most=6)
        return Subject.build(id_, roles=roles, groups=groups, scope=self.scope(type_), friendly_name="random")

    def acl(self, keys: Sequence[UUID], type_: ResourceType) -> dict[str, list[str]]:
        if self.roll.random() < 0.4:
            return {}
        actions = [*sorted(ACTIONS[type_]), "*"]
        return {str(key): self.roll.sample(actions, self.roll.randint(0, 2)) for key in self.some(keys, most=4)}

    def target(self, type_: ResourceType) -> Object:
        return Object(
            type_,
            id=self.roll.choice(IDS),
            owner_id=self.roll.choice([None, *PEOPLE]),
            organization_id=self.roll.choice([None, *ORGANIZATIONS]),
            user_acl=self.acl(PEOPLE, type_),
            group_acl=self.acl([*GROUPS, *ORGANIZATIONS], type_),
        )


def seen(target: Object, name: str, columns: Columns) -> Object | None:
    """Return the object that a row is in a list that knows these columns only; None where such a list has no such row."""
    if not columns.is_organization_nullable and columns.organization and target.organization_id is None:
        return None
    owner_id = target.owner_id if columns.owner else None
    return Object(
        target.type,
        id=target.id if columns.id else "",
        owner_id=target.id if name == "user" and isinstance(target.id, UUID) else owner_id,
        organization_id=target.organization_id if columns.organization else None,
        user_acl=target.user_acl if columns.user_acl else {},
        group_acl=target.group_acl if columns.group_acl else {},
    )


class Case(NamedTuple):
    """One question about many rows: `targets` are the rows as a list with these columns sees them, by position."""

    who: Subject
    action: Action
    columns: Columns
    targets: dict[int, Object]

    def decided(self) -> set[int]:
        return {place for place, target in self.targets.items() if is_allowed(self.who, self.action, target)}

    def read_again(self) -> set[int]:
        return {place for place, target in self.targets.items() if _oracle(self.who, self.action, target)}


def make_case(dice: Dice, type_: ResourceType, objects: Sequence[Object]) -> Case:
    """Choose somebody, an action and what the list knows of its rows."""
    name = dice.roll.choice(list(LAYOUTS))
    views = {place: seen(target, name, LAYOUTS[name]) for place, target in enumerate(objects)}
    targets = {place: view for place, view in views.items() if view is not None}
    return Case(dice.subject(type_), dice.roll.choice(sorted(ACTIONS[type_])), LAYOUTS[name], targets)


def parts_that_matter(case: Case) -> Iterator[str]:
    """Name the parts without which some of the first rows would be decided otherwise."""
    who, action = case.who, case.action
    for target in [*case.targets.values()][:PROBES]:
        is_granted = _oracle(who, action, target)
        others = {
            "custom roles": (
                _with(who, roles=[role for role in who.roles if not role.name.startswith("custom")]),
                target,
            ),
            "negations": (_with(who, roles=[_without_negations(role) for role in who.roles]), target),
            "groups": (_with(who, groups=()), target),
            "scope": (_with(who, scope=ALL), target),
            "allow-list": (_with(who, scope=msgspec.structs.replace(who.scope, allow_list=ALL.allow_list)), target),
            "user ACL": (who, msgspec.structs.replace(target, user_acl={})),
            "group ACL": (who, msgspec.structs.replace(target, group_acl={})),
            "everyone": (
                who,
                msgspec.structs.replace(target, group_acl=_without(target.group_acl, target.organization_id)),
            ),
            "organization": (who, msgspec.structs.replace(target, organization_id=None)),
            "any organization": (who, msgspec.structs.replace(target, any_organization=True)),
        }
        for name, (changed, instead) in others.items():
            if _oracle(changed, action, instead) != is_granted:
                yield name


def _oracle(who: Subject, action: Action, target: Object) -> bool:
    return oracle.decide(who.id, who.roles, who.groups, who.scope, action, target)


def _with(who: Subject, **more: Any) -> Subject:
    kept: dict[str, Any] = {"roles": who.roles, "groups": who.groups, "scope": who.scope}
    return Subject.build(who.id, friendly_name="changed", **(kept | more))


def _without_negations(role: Role) -> Role:
    levels = [[one for one in level if not one.negate] for level in role.grants.permissions]
    grants = Grants(site=levels[0], organization=levels[1], user=levels[2])
    return msgspec.structs.replace(role, grants=grants)


def _without(acl: Acl, id_: UUID | None) -> Acl:
    return {key: actions for key, actions in acl.items() if key != str(id_)}


@pytest.mark.requirement("RBAC-PROPERTY-01")
@pytest.mark.timeout(300)
async def test_predicates_decisions_and_the_second_reading_agree_on_random_worlds(db: Database) -> None:
    assert ROUNDS * SUBJECTS == 10_000
    outcomes, mattered = {True: 0, False: 0}, Counter[str]()
    async with db.connection() as connection:
        for seed in range(ROUNDS):
            dice = Dice(seed)
            type_ = TYPES[seed % len(TYPES)]
            objects = [dice.target(type_) for _ in range(ROWS)]
            await store(connection, objects)
            cases = [make_case(dice, type_, objects) for _ in range(SUBJECTS)]
            conditions = [predicate(case.who, case.action, type_, case.columns) for case in cases]
            found = await passing_each(connection, conditions)
            for turn, case in enumerate(cases):
                context = f"seed {seed}, turn {turn}: {case.who!r} {case.action} {type_} with {case.columns}"
                decided = case.decided()
                assert decided == case.read_again(), context
                assert found[turn] & case.targets.keys() == decided, context
                for target in [*case.targets.values()][:PROBES]:
                    anywhere = msgspec.structs.replace(target, any_organization=True)
                    assert is_allowed(case.who, case.action, anywhere) == _oracle(case.who, case.action, anywhere), (
                        context
                    )
                outcomes[True] += len(decided)
                outcomes[False] += len(case.targets) - len(decided)
                if turn % EVERY == 0:
                    mattered.update(set(parts_that_matter(case)))
    assert min(outcomes.values()) > 10_000, outcomes
    # Each part decides often, else agreement on it would mean little.
    assert len(mattered) == 10, mattered
    assert min(mattered.values()) >= 10, mattered


@pytest.mark.requirement("RBAC-PREDICATE-02")
def test_who_may_see_everything_or_nothing_costs_no_condition() -> None:
    everything = predicate(holder(["owner"]), Action.READ, ResourceType.WORKSPACE, COLUMNS)
    assert everything == Predicate("TRUE")
    assert everything.is_always
    nothing = predicate(holder(), Action.READ, ResourceType.AUDIT_LOG, Columns(organization="organization_id"))
    assert nothing == Predicate("FALSE")
    assert nothing.is_never
    elsewhere = holder(["owner"], scope=scope_for_key(["template:read"]))
    assert predicate(elsewhere, Action.READ, ResourceType.WORKSPACE, COLUMNS).is_never
    other_list = holder(["owner"], scope=scope_for_key(["all"], [f"template:{SOMEBODY}"]))
    assert predicate(other_list, Action.READ, ResourceType.WORKSPACE, COLUMNS).is_never


@pytest.mark.requirement("RBAC-PREDICATE-03")
def test_the_text_depends_on_no_id_and_no_number_of_organizations() -> None:
    def text(*organizations: UUID, me: UUID, groups: list[UUID]) -> str:
        who = holder([], {id_: [] for id_ in organizations}, id_=me, groups=groups)
        return predicate(who, Action.READ, ResourceType.WORKSPACE, COLUMNS).sql

    one = text(ORG, me=ME, groups=[GROUP])
    assert one == text(ORG, OTHER_ORG, me=SOMEBODY, groups=[GROUP, ORG])
    assert re.search(r"[0-9a-f]{8}-", one) is None


def test_what_the_organization_grants_already_is_not_asked_again_for_own_rows() -> None:
    admin = holder([], {ORG: ["organization-admin"]})
    columns = Columns(id="id", organization="organization_id", owner="owner_id")
    condition = predicate(admin, Action.READ, ResourceType.WORKSPACE, columns)
    assert condition == Predicate("organization_id = ANY($1::uuid[])", ([ORG],))


def test_parameters_begin_where_the_caller_wants_and_each_is_used() -> None:
    who = holder(
        [], {ORG: [], OTHER_ORG: ["organization-auditor"]}, groups=[GROUP], scope=scope_for_key(["all"], [f"*:{ME}"])
    )
    for first in (1, 4):
        condition = predicate(who, Action.READ, ResourceType.TEMPLATE, COLUMNS, first_parameter=first)
        numbers = {int(number) for number in re.findall(r"\$(\d+)", condition.sql)}
        assert numbers == set(range(first, first + len(condition.args)))


async def test_an_index_on_the_organization_or_the_owner_serves(db: Database) -> None:
    member = holder([], {ORG: []})
    admin = holder([], {ORG: ["organization-admin"]})
    columns = Columns(id="o.id", organization="o.organization_id", owner="o.owner_id")
    async with db.connection() as connection:
        await store(connection, [])
        await connection.execute(
            """
            insert into objects (position, id, organization_id, owner_id)
            select n, gen_random_uuid(), gen_random_uuid(), gen_random_uuid() from generate_series(1, 20000) n
            """
        )
        await connection.execute("create index on objects (organization_id)")
        await connection.execute("create index on objects (owner_id)")
        await connection.execute("analyze objects")
        for who in (member, admin):
            condition = predicate(who, Action.READ, ResourceType.WORKSPACE, columns)
            plan = await connection.fetch(f"explain select * from objects o where {condition.sql}", *condition.args)
            text = "\n".join(record[0] for record in plan)
            assert "Index" in text, text
            assert "Seq Scan" not in text, text


@pytest.mark.requirement("RBAC-PREDICATE-04")
async def test_rows_whose_type_depends_on_their_state_get_the_condition_of_their_type(db: Database) -> None:
    cases = [("not o.is_dormant", ResourceType.WORKSPACE), ("o.is_dormant", ResourceType.WORKSPACE_DORMANT)]
    columns = Columns(id="o.id", organization="o.organization_id", owner="o.owner_id")
    people = {
        "member": holder([], {ORG: []}),
        "template admin": holder(["template-admin"], {ORG: []}),
        "organization's template admin": holder([], {ORG: ["organization-template-admin"], OTHER_ORG: []}),
        "organization's admin": holder([], {ORG: ["organization-admin"]}),
        "agent": holder([], {ORG: []}, scope=agent_scope(IDS[0], IDS[1], IDS[2], ME)),
        "owner": holder(["owner"]),
        "nobody": holder(),
    }
    objects = [
        Object(type_, id=id_, owner_id=owner, organization_id=organization)
        for _, type_ in cases
        for id_ in IDS[:2]
        for owner in (ME, SOMEBODY)
        for organization in (ORG, OTHER_ORG)
    ]
    async with db.connection() as connection:
        await store(connection, objects)
        for name, who in people.items():
            for action in ACTIONS[ResourceType.WORKSPACE]:
                condition = predicate_by_type(who, action, cases, columns)
                decided = {place for place, target in enumerate(objects) if is_allowed(who, action, target)}
                assert await passing(connection, condition) == decided, (name, action)
    assert predicate_by_type(people["owner"], Action.READ, cases, columns).is_always
    assert "is_dormant" not in predicate_by_type(people["member"], Action.READ, cases, columns).sql
