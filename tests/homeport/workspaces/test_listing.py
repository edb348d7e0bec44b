"""The list of workspaces: who sees what, searches, order, and a cost that does not grow with the total."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from homeport.database import Connection, Database
from homeport.kit.clock import FakeClock
from homeport.kit.http import page
from homeport.kit.ids import new_id
from homeport.rbac import (
    Action,
    AllowEntry,
    Grants,
    Permission,
    ResourceType,
    Role,
    Subject,
    branches_by_type,
    built_in_roles,
    expand_roles,
    is_allowed,
    scope_for_key,
    scope_named,
)
from homeport.workspaces.queries import listing
from homeport.workspaces.queries.workspaces import find_workspace
from homeport.workspaces.rules.searching import parse_search
from homeport.workspaces.service import workspace_object
from homeport.workspaces.service.listing import CASES, list_workspaces
from homeport.workspaces.types import WorkspaceRow
from tests.homeport.workspaces.world import World
from tests.support.accounts import Person


async def names(world: World, person: Any, query: str = "", **more: Any) -> list[str]:
    answer = await world.api.call(person, "GET", "/workspaces", params={"q": query, **more})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["count"] >= len(found["workspaces"])
    return [workspace["name"] for workspace in found["workspaces"]]


@pytest.mark.requirement("WS-LIST-01")
async def test_everybody_sees_what_they_may_read(world: World, clock: FakeClock) -> None:
    elsewhere = await world.organization()
    people = {
        "ann": await world.accounts.make(),
        "bob": await world.accounts.make(),
        "foreign": await world.accounts.make(organization_ids=[elsewhere]),
        "both": await world.accounts.make(organization_ids=[world.organization_id, elsewhere]),
        "owner": await world.accounts.make("owner"),
        "auditor": await world.accounts.make("auditor"),
        "template-admin": await world.accounts.make("template-admin"),
        "organization-admin": await world.accounts.make("organization-admin"),
        "organization-template-admin": await world.accounts.make("organization-template-admin"),
        "limited": await world.accounts.make("owner", scopes=["coder:application_connect"]),
    }
    here, there = await world.template(), await world.template(organization_id=elsewhere)
    made = []
    for name, template in (("ann", here), ("bob", here), ("foreign", there), ("both", here), ("both", there)):
        clock.advance(timedelta(seconds=1))
        made.append(await world.create(people[name], template))
    await world.complete(made[1].latest_build)
    await world.api.call(people["bob"], "PUT", f"/workspaces/{made[1].id}/dormant", {"dormant": True})
    await world.db.execute("update workspaces set deleted = true where id = $1", made[3].id)
    for person in people.values():
        expected = []
        for workspace in reversed(made):
            async with world.db.connection() as conn:
                row = await find_workspace(conn, workspace.id)
            assert row is not None
            if not row.deleted and is_allowed(person.me, Action.READ, workspace_object(row)):
                expected.append(workspace.name)
        assert await names(world, person) == expected, person.kind
    assert len(await names(world, people["owner"])) == 4
    assert len(await names(world, people["ann"])) == 1


@pytest.mark.requirement("WS-SEARCH-01")
async def test_searches(world: World, clock: FakeClock) -> None:
    ann, admin = await world.accounts.make(), await world.accounts.make("owner")
    template = await world.template(parameters=[{"name": "size", "default_value": "small"}])
    other = await world.template()
    running = await world.running(ann, template, name="dev-running", values={"size": "very large"})
    clock.advance(timedelta(hours=1))
    stopped = await world.stopped(ann, other, name="dev-stopped")
    clock.advance(timedelta(hours=1))
    pending = await world.create(admin, template, name="pending")
    await world.activate(other, await world.version(other.id))
    await world.api.call(ann, "PUT", f"/workspaces/{stopped.id}/dormant", {"dormant": True})

    async def found(query: str) -> set[str]:
        return set(await names(world, admin, query))

    everything = {"dev-running", "dev-stopped", "pending"}
    assert await names(world, admin) == ["pending", "dev-stopped", "dev-running"]
    assert await found("owner:me") == {"pending"}
    assert await found(f"owner:{ann.username.upper()}") == {"dev-running", "dev-stopped"}
    assert await found("owner:nobody") == set()
    assert await found(f"{ann.username}/dev-running") == {"dev-running"}
    assert await found("name:DEV-running") == {"dev-running"}
    assert await found("name:dev") == set()
    assert await found("DEV") == {"dev-running", "dev-stopped"}
    assert await found("%") == set()
    assert await found(f"template:{template.name}") == {"dev-running", "pending"}
    assert await found("organization:coder") == everything
    assert await found(f"organization:{world.organization_id}") == everything
    assert await found("organization:none") == set()
    assert await found("status:running") == {"dev-running"}
    assert await found("status:stopped,pending") == {"dev-stopped", "pending"}
    assert await found("status:deleting") == set()
    assert await found("outdated:true") == {"dev-stopped"}
    assert await found("outdated:false") == {"dev-running", "pending"}
    assert await found("dormant:true") == {"dev-stopped"}
    assert await found("dormant:false") == {"dev-running", "pending"}
    assert await found(f"id:{running.id},{pending.id}") == {"dev-running", "pending"}
    assert await found('param:"size=very large"') == {"dev-running"}
    assert await found("param:size") == {"dev-running", "pending"}
    assert await found("last_used_after:2026-01-01T12:30:00Z") == {"dev-stopped", "pending"}
    assert await found("last_used_before:2026-01-01T12:30:00Z") == {"dev-running"}
    assert await found("status:running owner:me") == set()
    answer = await world.api.call(admin, "GET", "/workspaces", params={"q": "colour:red"})
    assert answer.status_code == 400
    assert answer.json()["validations"][0]["field"] == "colour"
    for wrong in ({"limit": -1}, {"offset": -1}, {"limit": "x"}, {"offset": 2**40}, {"limit": 10_000}):
        assert (await world.api.call(admin, "GET", "/workspaces", params=wrong)).status_code == 400
    assert (await world.api.call(None, "GET", "/workspaces")).status_code == 401


@pytest.mark.requirement("WS-SEARCH-02")
async def test_agents_are_searched_by_the_status_that_is_shown(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    moments: dict[str, dict[str, Any]] = {
        "fresh": {},
        "late": {"created_at": clock.now() - timedelta(minutes=5)},
        "patient": {"created_at": clock.now() - timedelta(days=5), "connection_timeout_seconds": 0},
        "here": {"first_connected_at": clock.now(), "last_connected_at": clock.now()},
        "silent": {"first_connected_at": clock.now(), "last_connected_at": clock.now() - timedelta(seconds=31)},
        "gone": {
            "first_connected_at": clock.now(), "last_connected_at": clock.now(), "disconnected_at": clock.now(),
        },
        "back": {
            "first_connected_at": clock.now(), "last_connected_at": clock.now(),
            "disconnected_at": clock.now() - timedelta(seconds=1),
        },
    }  # fmt: skip
    for name, columns in moments.items():
        workspace = await world.running(ann, template, name=name)
        agent = workspace.latest_build.resources[0].agents[0]
        for column, value in columns.items():
            await world.db.execute(f"update workspace_agents set {column} = $2 where id = $1", agent.id, value)
    shown: dict[str, set[str]] = {}
    listed = await list_workspaces(world.db, subject=ann.me, query="", page=page())
    for workspace in listed.workspaces:
        shown.setdefault(workspace.latest_build.resources[0].agents[0].status, set()).add(workspace.name)
    assert shown.keys() == {"connecting", "connected", "disconnected", "timeout"}
    for status, expected in shown.items():
        assert set(await names(world, ann, f"has-agent:{status}")) == expected
    assert len(await names(world, ann, "has-agent:connected,disconnected")) == 4


@pytest.mark.requirement("WS-LIST-02")
async def test_pages_and_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    await world.many(ann.id, template, 30, datetime(2026, 1, 1, tzinfo=UTC))

    async def read(**window: int) -> tuple[list[str], int]:
        answer = (await world.api.call(ann, "GET", "/workspaces", params=window)).json()
        return [workspace["name"] for workspace in answer["workspaces"]], answer["count"]

    assert await read(limit=3) == (["bulk-1", "bulk-2", "bulk-3"], 30)
    assert await read(limit=3, offset=28) == (["bulk-29", "bulk-30"], 30)
    assert await read(limit=3, offset=40) == ([], 30)
    assert (await read())[1] == 30
    monkeypatch.setattr(listing, "COUNTED_AHEAD", 10)
    assert (await read(limit=3))[1] == 13
    assert (await read(limit=3, offset=15))[1] == 28
    assert (await read(limit=3, offset=18))[1] == 30


class Counting(Connection):
    """A connection that counts its statements."""

    statements = 0

    async def fetch(self, sql: str, *args: Any) -> Any:
        Counting.statements += 1
        return await super().fetch(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        Counting.statements += 1
        return await super().fetchval(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> Any:
        Counting.statements += 1
        return await super().fetchrow(sql, *args)


@pytest.mark.requirement("WS-LIST-03")
async def test_a_page_takes_as_many_queries_for_one_workspace_as_for_many(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homeport.database.database.Connection", Counting)
    ann = await world.accounts.make()
    template = await world.template()

    async def cost() -> int:
        Counting.statements = 0
        await list_workspaces(world.db, subject=ann.me, query="", page=page(limit=50))
        return Counting.statements

    await world.running(ann, template)
    one = await cost()
    for _ in range(4):
        await world.running(ann, template)
    assert await cost() == one
    assert one <= 11


async def plan_of(db: Database, wanted: listing.Listing, *, statement: str = "") -> dict[str, Any]:
    window = [50, 0] if not statement else [1050]
    async with db.connection() as conn:
        text = await conn.fetchval(
            f"explain (analyze, format json) {statement or wanted.page}", *wanted.arguments, *window
        )
    found = json.loads(text) if isinstance(text, str) else text
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


def rows_read(plan: dict[str, Any], table: str = "workspaces") -> float:
    """Return how many rows of a table were looked at, those that a filter dropped among them."""
    own = 0.0
    if plan.get("Relation Name") == table:
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(rows_read(child, table) for child in plan.get("Plans", []))


def scanned(plan: dict[str, Any]) -> set[str]:
    """Return the tables that are read from one end to the other, but for small ones."""
    own = {plan["Relation Name"]} & {"workspaces"} if plan["Node Type"] == "Seq Scan" else set()
    return own.union(*(scanned(child) for child in plan.get("Plans", [])))


def listing_of(person: Person, query: str, now: datetime) -> listing.Listing:
    branches = branches_by_type(person.me, Action.READ, CASES)
    return listing.Listing(parse_search(query), branches, asker_id=person.id, now=now)


@pytest.mark.requirement("WS-LIST-04")
async def test_a_page_of_fifty_reads_fifty_of_thousands(world: World, clock: FakeClock) -> None:
    ann, bob, owner = await world.accounts.make(), await world.accounts.make(), await world.accounts.make("owner")
    admin = await world.accounts.make("organization-admin")
    template = await world.template()
    await world.many(ann.id, template, 4000, clock.now())
    await world.many(bob.id, template, 100, clock.now() - timedelta(days=1))
    searches = ("", f"owner:{bob.username}", f"template:{template.name}", "organization:coder", "status:running")
    asked = [(person, search) for person in (owner, admin) for search in searches]
    for person, search in [(bob, ""), (bob, "owner:me"), (bob, f"template:{template.name}"), *asked]:
        plan = await plan_of(world.db, listing_of(person, search, clock.now()))
        assert plan["Actual Rows"] == 50, (person.kind, search)
        # Few rows may be sorted before their builds are looked at; never are more builds looked at than needed.
        if "status" not in search:
            assert not scanned(plan), (person.kind, search)
            assert rows_read(plan) <= 100, (person.kind, search)
        assert rows_read(plan, "workspace_builds") == (50 if "status" in search else 0), (person.kind, search)


@pytest.mark.requirement("WS-LIST-05")
async def test_what_one_may_not_see_costs_nothing(world: World, clock: FakeClock) -> None:
    """Everything elsewhere was used later than anything in one's own organizations."""
    elsewhere = await world.organization()
    places = [await world.organization() for _ in range(3)]
    foreign = await world.accounts.make(organization_ids=[elsewhere])
    kinds = ("member", "organization-admin", "organization-template-admin")
    people = [await world.accounts.make(kind, organization_ids=places) for kind in kinds]
    await world.many(foreign.id, await world.template(organization_id=elsewhere), 4000, clock.now())
    for number, place in enumerate(places):
        template = await world.template(organization_id=place)
        for person in people:
            await world.many(person.id, template, 100, clock.now() - timedelta(days=1, seconds=number))
    for person in people:
        wanted = listing_of(person, "", clock.now())
        plan = await plan_of(world.db, wanted)
        assert "workspaces" not in scanned(plan), person.kind
        assert plan["Actual Rows"] == 50
        # Nothing of the 4,000: the own 300, or the 900 of the places (and once more one's own among them, for dormant ones).
        visible = 300 if person.kind == "member" else 1200
        assert rows_read(plan) <= visible, person.kind
        counted = await plan_of(world.db, wanted, statement=wanted.count)
        assert rows_read(counted) <= visible, person.kind


@pytest.mark.requirement("WS-LIST-01")
@pytest.mark.parametrize("seed", range(4))
async def test_any_search_of_anybody_finds_what_decisions_and_the_words_say(
    world: World, clock: FakeClock, seed: int
) -> None:
    """Random people (custom roles, groups of roles, scopes with few ids) against a plain reading of the rules."""
    roll = random.Random(seed)
    places = [world.organization_id, await world.organization(), await world.organization()]
    templates = {place: await world.template(organization_id=place, name="twin") for place in places}
    names = {row["id"]: row["name"] for row in await world.db.fetch("select id, name from organizations")}
    owners = [await world.accounts.make(organization_ids=places) for _ in range(3)]
    for owner in owners:
        for place in places:
            await world.many(
                owner.id, templates[place], roll.randint(1, 4), clock.now() - timedelta(seconds=roll.randint(1, 9))
            )
    await world.db.execute("update workspaces set dormant_at = now() where right(name, 1) in ('2', '3')")
    async with world.db.connection() as conn:
        found = [await find_workspace(conn, row["id"]) for row in await conn.fetch("select id from workspaces")]
    rows = sorted((row for row in found if row is not None), key=lambda row: (-row.last_used_at.timestamp(), row.id))
    for _ in range(25):
        asker = roll.choice(owners)
        subject = some_subject(roll, asker.id, places, [row.id for row in rows])
        place, owner, part = roll.choice(places), roll.choice(owners), roll.choice("123")
        tests: dict[str, Test] = {
            f"organization:{roll.choice([names[place], str(place)])}": lies_in(place),
            f"owner:{owner.username}": is_of(owner.id),
            "owner:me": is_of(asker.id),
            "template:TWIN": lambda _: True,
            "template:none": lambda _: False,
            "dormant:true": lambda row: row.dormant_at is not None,
            "status:running": lambda _: True,
            f"bulk-{part}": has(part),
        }
        chosen = roll.sample(sorted(tests), roll.randint(0, 3))
        if len({word.partition(":")[0] for word in chosen}) < len(chosen):
            continue
        expected = [
            row.id
            for row in rows
            if is_allowed(subject, Action.READ, workspace_object(row)) and all(tests[word](row) for word in chosen)
        ]
        limit, offset = roll.randint(1, 8), roll.choice([0, 0, 3])
        answer = await list_workspaces(
            world.db, subject=subject, query=" ".join(chosen), page=page(limit=limit, offset=offset)
        )
        assert [each.id for each in answer.workspaces] == expected[offset : offset + limit], (subject, chosen)
        if answer.workspaces or offset == 0:
            assert answer.count == len(expected), (subject, chosen)


Test = Callable[[WorkspaceRow], bool]


def lies_in(place: UUID) -> Test:
    return lambda row: row.organization_id == place


def is_of(owner_id: UUID) -> Test:
    return lambda row: row.owner_id == owner_id


def has(part: str) -> Test:
    return lambda row: f"bulk-{part}" in row.name


def some_subject(roll: random.Random, user_id: UUID, places: list[UUID], ids: list[UUID]) -> Subject:
    """Somebody with built-in and custom roles here and there, now and then under a scope that admits few objects."""
    joined: dict[UUID, list[str]] = {place: [] for place in places if roll.random() < 0.8}
    site = [name for name in ("owner", "template-admin", "auditor") if roll.random() < 0.1]
    roles = expand_roles(site, joined)
    for place in joined:
        roles += [role for role in built_in_roles(place) if roll.random() < 0.15]
        types = [ResourceType.WORKSPACE, ResourceType.WORKSPACE_DORMANT]
        held = [Permission(roll.choice(types), Action.READ, roll.random() < 0.3) for _ in range(roll.randint(0, 2))]
        roles.append(Role("custom", Grants(organization=held), place))
    entries = [AllowEntry(ResourceType.WORKSPACE, id_) for id_ in roll.sample(ids, 3)]
    scope = scope_for_key(("coder:all",), entries) if roll.random() < 0.2 else scope_named("coder:all")
    return Subject.build(user_id, roles=roles, scope=scope, friendly_name="somebody")


async def test_a_workspace_that_is_unknown_or_foreign_is_not_found(world: World) -> None:
    ann, bob = await world.accounts.make(), await world.accounts.make()
    admin = await world.accounts.make("organization-admin")
    workspace = await world.create(ann, await world.template())
    for person, status in ((ann, 200), (bob, 404), (admin, 200)):
        assert (await world.api.call(person, "GET", f"/workspaces/{workspace.id}")).status_code == status
    assert (await world.api.call(ann, "GET", f"/workspaces/{new_id()}")).status_code == 404
    assert (await world.api.call(ann, "GET", "/workspaces/seven")).status_code == 400
    by_name = f"/users/{ann.username}/workspace/{workspace.name.upper()}"
    assert (await world.api.call(ann, "GET", by_name)).status_code == 200
    assert (await world.api.call(admin, "GET", by_name)).json()["id"] == str(workspace.id)
    assert (await world.api.call(bob, "GET", by_name)).status_code == 404
    assert (await world.api.call(ann, "GET", "/users/me/workspace/none")).status_code == 404
    await world.complete(workspace.latest_build)
    await world.complete(await world.build(ann, workspace.id, "delete"), resources=[])
    assert (await world.api.call(ann, "GET", by_name)).status_code == 404
    deleted = await world.api.call(ann, "GET", by_name + "?include_deleted=true")
    assert deleted.json()["latest_build"]["status"] == "deleted"
    by_id = f"/workspaces/{workspace.id}?include_deleted=true"
    assert (await world.api.call(ann, "GET", by_id)).status_code == 200
    assert (await world.api.call(bob, "GET", by_id)).status_code == 404
