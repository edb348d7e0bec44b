"""The list of workspaces: who sees what, searches, order, and a cost that does not grow with the total."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeport.database import Connection, Database
from homeport.kit.clock import FakeClock
from homeport.kit.http import page
from homeport.kit.ids import new_id
from homeport.rbac import Action, is_allowed
from homeport.workspaces.queries import listing
from homeport.workspaces.queries.workspaces import find_workspace
from homeport.workspaces.rules.searching import parse_search
from homeport.workspaces.service import workspace_object
from homeport.workspaces.service.listing import list_workspaces
from tests.homeport.workspaces.world import World


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


async def plan_of(db: Database, statement: listing.Statement) -> dict[str, Any]:
    count = len(statement.arguments)
    sql = f"select w.id {statement.source} order by w.last_used_at desc, w.id limit ${count + 1} offset ${count + 2}"
    async with db.connection() as conn:
        text = await conn.fetchval(f"explain (analyze, format json) {sql}", *statement.arguments, 50, 0)
    found = json.loads(text) if isinstance(text, str) else text
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


def rows_read(plan: dict[str, Any]) -> float:
    own = plan["Actual Rows"] * plan["Actual Loops"] + plan.get("Rows Removed by Filter", 0)
    return float(own) + sum(rows_read(child) for child in plan.get("Plans", []))


def node_types(plan: dict[str, Any]) -> set[str]:
    return {plan["Node Type"]}.union(*(node_types(child) for child in plan.get("Plans", [])))


@pytest.mark.requirement("WS-LIST-04")
async def test_a_page_of_fifty_reads_fifty_of_thousands(world: World, clock: FakeClock) -> None:
    ann, bob = await world.accounts.make(), await world.accounts.make()
    template = await world.template()
    await world.many(ann.id, template, 4000, clock.now())
    await world.many(bob.id, template, 100, clock.now() - timedelta(days=1))
    everything: tuple[str, list[Any]] = ("TRUE", [])
    own = ("(w.owner_id = $1::uuid AND w.organization_id = ANY($2::uuid[]))", [bob.id, [world.organization_id]])
    place = ("w.organization_id = ANY($1::uuid[])", [[world.organization_id]])
    for predicate, arguments in (everything, own, place):
        statement = listing.filtered(
            parse_search(""), predicate=predicate, arguments=arguments, asker_id=bob.id, now=clock.now()
        )
        plan = await plan_of(world.db, statement)
        assert "Sort" not in node_types(plan), predicate
        assert "Seq Scan" not in node_types(plan), predicate
        assert rows_read(plan) <= 4 * 50, predicate
    statement = listing.filtered(
        parse_search("owner:me"), predicate="TRUE", arguments=[], asker_id=bob.id, now=clock.now()
    )
    assert rows_read(await plan_of(world.db, statement)) <= 4 * 50


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
