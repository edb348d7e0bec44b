"""Access lists of templates: who stands in them, whom they could name, and what becomes of the deleted (authorization-and-data 16)."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from homeport.rbac import PREBUILDS_USER_ID
from tests.homeport.organizations.crews import DEFAULT, HERE, add, fields, make, organization
from tests.homeport.templates.template_world import TemplateWorld
from tests.support.accounts import Person
from tests.support.statements import watch_statements


def acl_path(template: dict[str, Any]) -> str:
    """Return the path of a template's access list."""
    return f"/templates/{template['id']}/acl"


async def grant(world: TemplateWorld, person: Person, template: dict[str, Any], **perms: dict[str, str]) -> None:
    """Set roles in a template's access list."""
    answer = await world.api.call(person, "PATCH", acl_path(template), perms)
    assert answer.status_code == 200, answer.text


async def stored(world: TemplateWorld, template: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both lists as they are kept."""
    row = await world.db.fetchrow("select user_acl, group_acl from templates where id = $1", template["id"])
    assert row is not None
    return row["user_acl"], row["group_acl"]


async def names(world: TemplateWorld, person: Person) -> list[str]:
    """Return the templates that somebody is shown."""
    return [each["name"] for each in (await world.api.call(person, "GET", "/templates")).json()]


@pytest.mark.requirement("ACL-ROLES-01")
async def test_roles_grant_what_they_say(world: TemplateWorld) -> None:
    admin, ann = await world.accounts.make("template-admin"), await world.accounts.make()
    boss = await world.accounts.make("organization-user-admin")
    crew = await make(world.api, boss, "crew")
    open_ = await world.template(admin, name="open")
    assert await stored(world, open_) == ({}, {DEFAULT: ["read", "use"]})
    closed = await world.template(admin, name="closed", disable_everyone_group_access=True)
    assert await stored(world, closed) == ({}, {})
    assert await names(world, ann) == ["open"]
    # A group's role counts for its members, from their next request on.
    await grant(world, admin, closed, group_perms={crew["id"]: "use"})
    assert (await stored(world, closed))[1] == {crew["id"]: ["read", "use"]}
    assert await names(world, ann) == ["open"]
    await add(world.api, boss, crew, ann)
    assert await names(world, ann) == ["closed", "open"]
    assert (await world.api.call(ann, "PATCH", f"/templates/{closed['id']}", {"icon": "x"})).status_code == 403
    await grant(world, admin, closed, group_perms={crew["id"]: "admin"})
    assert (await stored(world, closed))[1] == {crew["id"]: ["*"]}
    assert (await world.api.call(ann, "PATCH", f"/templates/{closed['id']}", {"icon": "x"})).status_code == 200
    await grant(world, admin, closed, group_perms={crew["id"]: ""}, user_perms={str(ann.id): "use"})
    assert await stored(world, closed) == ({str(ann.id): ["read", "use"]}, {})
    assert (await world.api.call(ann, "PATCH", f"/templates/{closed['id']}", {"icon": "y"})).status_code == 403
    await grant(world, admin, closed, user_perms={str(ann.id): ""})
    assert await names(world, ann) == ["open"]
    assert (await world.api.call(ann, "GET", acl_path(closed))).status_code == 404


@pytest.mark.requirement("ACL-ROLES-02")
async def test_only_people_of_the_deployment_and_groups_of_the_organization_get_roles(world: TemplateWorld) -> None:
    blue = await organization(world.db)
    owner, stranger, gone = [await world.accounts.make(kind) for kind in ("owner", "stranger", "member")]
    template = await world.template(owner)
    far = await make(world.api, owner, "far", place=blue)
    # People need not belong to the organization.
    await grant(world, owner, template, user_perms={str(stranger.id): "use"})
    assert await names(world, stranger) == [template["name"]]
    await world.db.execute("update users set deleted = true where id = $1", gone.id)
    before = await stored(world, template)
    for field, key in (
        ("user_perms", str(gone.id)), ("user_perms", str(PREBUILDS_USER_ID)), ("user_perms", str(uuid4())),
        ("user_perms", DEFAULT), ("group_perms", far["id"]), ("group_perms", str(blue)), ("group_perms", str(uuid4())),
        ("group_perms", str(stranger.id)),
    ):  # fmt: skip
        body: dict[str, Any] = {"user_perms": {str(owner.id): "admin"}}
        body.setdefault(field, {})[key] = "use"
        refused = await world.api.call(owner, "PATCH", acl_path(template), body)
        assert (refused.status_code, [each["field"] for each in refused.json()["validations"]]) == (
            400,
            [f"{field}.{key}"],
        )
    for body in (
        {"user_perms": {"x": "use"}}, {"user_perms": {str(owner.id): "king"}}, {"group_perms": {DEFAULT: None}},
        {"group_perms": {DEFAULT: ["read"]}}, {"group_perms": [DEFAULT]},
    ):  # fmt: skip
        refused = await world.api.call(owner, "PATCH", acl_path(template), body)
        assert refused.status_code == 400
        assert fields(refused) == list(body)
    assert await stored(world, template) == before


@pytest.mark.requirement("ACL-READ-01")
async def test_who_may_not_update_sees_of_the_list_what_may_be_read_anyway(world: TemplateWorld) -> None:
    owner, ann, bob = [await world.accounts.make(kind) for kind in ("owner", "member", "member")]
    crew, ship = await make(world.api, owner, "crew"), await make(world.api, owner, "ship")
    await add(world.api, owner, crew, ann, bob)
    template = await world.template(owner)
    people = {str(ann.id): "admin", str(owner.id): "use"}
    await grant(world, owner, template, user_perms=people, group_perms={crew["id"]: "use", ship["id"]: "admin"})

    async def seen(person: Person) -> tuple[list[str], dict[str, int]]:
        acl = (await world.api.call(person, "GET", acl_path(template))).json()
        groups = {f"{each['name']}:{each['role']}": len(each["members"]) for each in acl["group"]}
        return sorted(f"{each['username']}:{each['role']}" for each in acl["users"]), groups

    everything = sorted([f"{ann.username}:admin", f"{owner.username}:use"])
    assert await seen(owner) == (everything, {"crew:use": 2, "Everyone:use": 3, "ship:admin": 0})
    # Ann may update it by the list; who is in the groups is another matter.
    assert await seen(ann) == (everything, {"crew:use": 1, "Everyone:use": 1, "ship:admin": 0})
    assert await seen(bob) == ([], {"crew:use": 1, "Everyone:use": 1})


@pytest.mark.requirement("ACL-DELETED-01")
async def test_the_deleted_leave_access_lists(world: TemplateWorld) -> None:
    owner, ann = await world.accounts.make("owner"), await world.accounts.make()
    crew = await make(world.api, owner, "crew")
    templates = [await world.template(owner) for _ in range(2)]
    for template in templates:
        await grant(world, owner, template, user_perms={str(ann.id): "use"}, group_perms={crew["id"]: "use"})
    assert (await world.api.call(owner, "DELETE", f"/groups/{crew['id']}")).status_code == 200
    assert (await world.api.call(owner, "DELETE", f"/users/{ann.id}")).status_code in {200, 204}
    for template in templates:
        assert await stored(world, template) == ({}, {DEFAULT: ["read", "use"]})
    # An id that has stayed all the same is not shown, and may be taken out.
    stale = str(uuid4())
    await world.db.execute("update templates set group_acl = jsonb_build_object($1::text, '[\"read\"]'::jsonb)", stale)
    assert (await world.api.call(owner, "GET", acl_path(templates[0]))).json() == {"users": [], "group": []}
    await grant(world, owner, templates[0], group_perms={stale: ""})
    assert (await stored(world, templates[0]))[1] == {}


@pytest.mark.requirement("ACL-DELETED-01")
async def test_a_group_that_is_deleted_while_it_gets_a_role_stays_in_no_list(world: TemplateWorld) -> None:
    owner = await world.accounts.make("owner")
    templates = [await world.template(owner) for _ in range(2)]
    for round_ in range(6):
        crew = await make(world.api, owner, f"crew-{round_}")
        answers = await asyncio.gather(
            world.api.call(owner, "PATCH", acl_path(templates[0]), {"group_perms": {crew["id"]: "use"}}),
            world.api.call(owner, "DELETE", f"/groups/{crew['id']}"),
            world.api.call(owner, "PATCH", acl_path(templates[1]), {"group_perms": {crew["id"]: "use"}}),
        )
        assert answers[1].status_code == 200
        assert {answers[0].status_code, answers[2].status_code} <= {200, 400}
        for template in templates:
            assert (await stored(world, template))[1] == {DEFAULT: ["read", "use"]}


@pytest.mark.requirement("ACL-AVAILABLE-01")
async def test_whom_a_list_could_name_is_told_to_who_may_update(world: TemplateWorld) -> None:
    blue = await organization(world.db)
    owner, stranger, member = [await world.accounts.make(kind) for kind in ("owner", "stranger", "member")]
    local = await world.accounts.make("organization-template-admin")
    await make(world.api, owner, "crew", display_name="Night shift")
    await make(world.api, owner, "far", place=blue)
    template = await world.template(owner)

    async def seen(person: Person, query: str = "") -> tuple[set[str], list[str]]:
        answer = await world.api.call(person, "GET", f"{acl_path(template)}/available?{query}")
        assert answer.status_code == 200, answer.text
        return {each["username"] for each in answer.json()["users"]}, [each["name"] for each in answer.json()["groups"]]

    inside = {owner.username, member.username, local.username}
    assert await seen(local) == (inside, ["crew", "Everyone"])
    # Who may read all people may name them all.
    assert await seen(owner) == (inside | {stranger.username}, ["crew", "Everyone"])
    assert await seen(local, "q=NIGHT") == (set(), ["crew"])
    assert await seen(local, f"q={member.email.upper()}") == ({member.username}, [])
    assert await seen(local, "q=%25") == (set(), [])
    first, second = await seen(local, "limit=1"), await seen(local, "limit=1&offset=1")
    assert (len(first[0]), len(second[0]), first[1], second[1]) == (1, 1, ["crew"], ["Everyone"])
    assert first[0] != second[0]
    refused = await world.api.call(member, "GET", f"{acl_path(template)}/available")
    assert refused.status_code == 403
    assert "template:update" in refused.json()["detail"]
    assert (await world.api.call(stranger, "GET", f"{acl_path(template)}/available")).status_code == 404
    for query in ("limit=-1", "limit=1001", "offset=x", "q=%00"):
        refused = await world.api.call(owner, "GET", f"{acl_path(template)}/available?{query}")
        assert (refused.status_code, fields(refused)) == (400, [query.partition("=")[0]])


@pytest.mark.requirement("ACL-QUERIES-01")
async def test_many_groups_in_a_list_take_no_more_queries(
    world: TemplateWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, member = await world.accounts.make("owner"), await world.accounts.make()
    template = await world.template(owner)
    await add(world.api, owner, await make(world.api, owner, "g0"), member)
    seen = watch_statements(world.db, monkeypatch)

    async def cost(person: Person, path: str) -> int:
        # Of a call before, the last may still be told of.
        await asyncio.sleep(0)
        seen.clear()
        assert (await world.api.call(person, "GET", path)).status_code == 200
        await asyncio.sleep(0)
        return len(seen)

    calls = [
        (person, path)
        for person in (owner, member)
        for path in (
            "/templates",
            "/organizations/default/templates",
            acl_path(template),
            f"{acl_path(template)}/available",
        )
        if person is owner or not path.endswith("available")
    ]
    for person in (owner, member):
        await cost(person, "/templates")
    # The first use of a session is noted beside the request.
    await world.api.gate.sessions.close()
    before = [await cost(*call) for call in calls]
    await world.db.execute(
        "insert into groups (id, organization_id, name, created_at, updated_at)"
        " select gen_random_uuid(), $1, 'more' || n, now(), now() from generate_series(1, 300) n",
        DEFAULT,
    )
    await world.db.execute("insert into group_members select id, $1 from groups where name like 'more%'", member.id)
    await world.db.execute(
        "update templates set group_acl = group_acl ||"
        " (select jsonb_object_agg(id::text, '[\"read\"]'::jsonb) from groups where name like 'more%')"
    )
    assert len((await world.api.call(owner, "GET", acl_path(template))).json()["group"]) == 301
    assert len((await world.api.call(member, "GET", HERE)).json()) == 302
    assert [await cost(*call) for call in calls] == before
    assert max(before) <= 6
