"""Groups of organizations over HTTP (authorization-and-data 16)."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from homeport.rbac import PREBUILDS_USER_ID
from tests.homeport.organizations.crews import DEFAULT, EVERYONE, HERE, add, fields, make, organization
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person
from tests.support.statements import watch_statements


@pytest.mark.requirement("GROUP-NAMES-01")
@pytest.mark.parametrize(
    "name",
    [
        "",
        "Everyone",
        "everyone",
        "EVERYONE",
        "a b",
        "a--b",
        "-a",
        "a-",
        "a:b",
        "a/b",
        "new",
        "x" * 256,
        "a\n",
        "a\x00",
        "ü",
    ],
)
async def test_names_that_are_none_are_refused(api: Api, accounts: Accounts, name: str) -> None:
    admin = await accounts.make("organization-user-admin")
    refused = await api.call(admin, "POST", HERE, {"name": name})
    assert (refused.status_code, fields(refused)) == (400, ["name"])
    crew = await make(api, admin, "crew")
    renamed = await api.call(admin, "PATCH", f"/groups/{crew['id']}", {"name": name})
    # An empty name asks for no change.
    assert renamed.status_code == (200 if name == "" else 400)


@pytest.mark.requirement("GROUP-NAMES-01")
async def test_a_name_is_taken_once_in_an_organization_whatever_its_case(api: Api, accounts: Accounts) -> None:
    blue = await organization(api.db)
    owner = await accounts.make("owner")
    crew = await make(api, owner, "Crew")
    other = await make(api, owner, "other")
    for answer in (
        await api.call(owner, "POST", HERE, {"name": "crew"}),
        await api.call(owner, "PATCH", f"/groups/{other['id']}", {"name": "CREW"}),
    ):
        assert (answer.status_code, fields(answer)) == (409, ["name"])
    # In another organization, of another case by itself, and with a long name as identity providers send.
    assert (await make(api, owner, "crew", place=blue))["organization_name"] == "blue"
    assert (await api.call(owner, "PATCH", f"/groups/{crew['id']}", {"name": "CREW"})).json()["name"] == "CREW"
    assert (await make(api, owner, "x" * 255))["name"] == "x" * 255
    for word in ("CREW", "crew"):
        assert (await api.call(owner, "GET", f"{HERE}/{word}")).json()["id"] == crew["id"]
    at_once = await asyncio.gather(*(api.call(owner, "POST", HERE, {"name": "same"}) for _ in range(5)))
    assert sorted(answer.status_code for answer in at_once) == [201, 409, 409, 409, 409]


@pytest.mark.requirement("GROUP-FIELDS-01")
async def test_a_group_has_what_it_was_given(api: Api, accounts: Accounts) -> None:
    admin = await accounts.make("organization-admin")
    given: dict[str, Any] = {
        "display_name": "The crew",
        "avatar_url": "https://pics.example.com/a.png?x=1",
        "quota_allowance": 2**31 - 1,
    }
    crew = await make(api, admin, "crew", **given)
    assert set(crew) == {
        "id", "name", "display_name", "organization_id", "organization_name", "organization_display_name", "members",
        "total_member_count", "avatar_url", "quota_allowance", "source",
    }  # fmt: skip
    assert crew == {**crew, **given, "organization_id": DEFAULT, "organization_name": "coder", "source": "user"}
    assert (crew["members"], crew["total_member_count"]) == ([], 0)
    path = f"/groups/{crew['id']}"
    changed = await api.call(
        admin, "PATCH", path, {"display_name": "", "avatar_url": "/emojis/1.png", "quota_allowance": 0}
    )
    assert changed.json() == {**crew, "display_name": "", "avatar_url": "/emojis/1.png", "quota_allowance": 0}
    assert (await api.call(admin, "GET", path)).json() == changed.json()
    # Nothing asked, nothing changed.
    assert (await api.call(admin, "PATCH", path, {})).json() == changed.json()


@pytest.mark.requirement("GROUP-FIELDS-01")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("quota_allowance", value) for value in (-1, 2**31, 2**63, 1.5, "3", True)],
        *[("display_name", value) for value in (" a", "a" * 65, "a\x00b", 3)],
        *[
            ("avatar_url", value)
            for value in ("javascript:alert(1)", "//evil.example.com/x", "x", "https://a b", "/" * 3000)
        ],
        *[("add_users", value) for value in (["nobody"], [1], "all", [str(uuid4())[:-1]])],
        *[("remove_users", value) for value in (["nobody"], {"a": 1})],
    ],
)
async def test_a_field_that_is_not_valid_is_named(api: Api, accounts: Accounts, field: str, value: Any) -> None:
    admin = await accounts.make("organization-admin")
    crew = await make(api, admin, "crew")
    refused = await api.call(admin, "PATCH", f"/groups/{crew['id']}", {field: value})
    assert (refused.status_code, fields(refused)) == (400, [field]), refused.text
    if not field.endswith("users"):
        refused = await api.call(admin, "POST", HERE, {"name": "more", field: value})
        assert (refused.status_code, fields(refused)) == (400, [field]), refused.text


@pytest.mark.requirement("GROUP-EVERYONE-01")
async def test_everyone_is_who_belongs_to_the_organization(api: Api, accounts: Accounts) -> None:
    admin, member = await accounts.make("organization-admin"), await accounts.make()
    everyone = (await api.call(admin, "GET", EVERYONE)).json()
    # The prebuilds user belongs to the organization and is not shown.
    assert {each["username"] for each in everyone["members"]} == {admin.username, member.username}
    assert everyone["total_member_count"] == 2
    for body in (
        {"name": "all"},
        {"name": "everyone"},
        {"add_users": [str(member.id)]},
        {"remove_users": [str(member.id)]},
        {"display_name": "x", "name": "all"},
    ):
        assert (await api.call(admin, "PATCH", EVERYONE, body)).status_code == 400
    assert (await api.call(admin, "DELETE", EVERYONE)).status_code == 400
    assert (await api.call(admin, "GET", EVERYONE)).json() == everyone
    change = {"name": "Everyone", "display_name": "All hands", "avatar_url": "/icon/x.png", "quota_allowance": 7}
    assert (await api.call(admin, "PATCH", EVERYONE, change)).json() == {**everyone, **change}


@pytest.mark.requirement("GROUP-MEMBERS-01")
async def test_members_come_and_go_all_or_nothing(api: Api, accounts: Accounts) -> None:
    await organization(api.db)
    admin, stranger = await accounts.make("organization-user-admin"), await accounts.make("stranger")
    people = [await accounts.make() for _ in range(4)]
    ann, bob, cem, dan = (str(each.id) for each in people)
    crew = await make(api, admin, "crew")
    path = f"/groups/{crew['id']}"

    async def patch(status: int, **body: Any) -> Any:
        answer = await api.call(admin, "PATCH", path, body)
        assert answer.status_code == status, answer.text
        return answer

    async def members() -> set[str]:
        return {each["id"] for each in (await api.call(admin, "GET", path)).json()["members"]}

    shown = (await patch(200, add_users=[ann, bob])).json()
    assert {each["id"] for each in shown["members"]} == {ann, bob}
    assert shown["total_member_count"] == 2
    for body, field in (
        ({"add_users": [cem, ann]}, "add_users"),
        ({"add_users": [cem, cem]}, "add_users"),
        ({"add_users": [cem, str(stranger.id)]}, "add_users"),
        ({"add_users": [cem, str(uuid4())]}, "add_users"),
        ({"add_users": [cem], "remove_users": [dan]}, "remove_users"),
        ({"remove_users": [ann, ann]}, "remove_users"),
        ({"remove_users": [ann, str(stranger.id)]}, "remove_users"),
    ):
        refused = await patch(412, name="renamed", **body)
        assert fields(refused) == [field]
        assert (await api.call(admin, "GET", path)).json() == shown
    assert fields(await patch(400, add_users=[cem], remove_users=[cem])) == ["add_users"]
    await patch(200, add_users=[cem, dan], remove_users=[ann], name="ship")
    assert await members() == {bob, cem, dan}
    await patch(200, add_users=[], remove_users=[bob, cem, dan])
    assert await members() == set()


@pytest.mark.requirement("GROUP-MEMBERS-02")
async def test_only_living_people_are_members(api: Api, accounts: Accounts) -> None:
    blue = await organization(api.db)
    owner, gone = await accounts.make("owner"), await accounts.make()
    crew, ship = await make(api, owner, "crew"), await make(api, owner, "ship")
    foreign = await make(api, owner, "far", place=blue)
    path = f"/groups/{crew['id']}"
    await add(api, owner, crew, gone)
    await api.db.execute("update users set deleted = true where id = $1", gone.id)
    assert (await api.call(owner, "GET", path)).json()["total_member_count"] == 0
    for value, status, words in (
        (str(PREBUILDS_USER_ID), 400, "system user"),
        (str(gone.id), 412, "not a member"),
        (crew["id"], 400, "is a group"),
        (ship["id"], 400, "is a group"),
        (DEFAULT, 400, "is a group"),
        (foreign["id"], 412, "not a member"),
    ):
        refused = await api.call(owner, "PATCH", path, {"add_users": [value]})
        assert (refused.status_code, fields(refused)) == (status, ["add_users"])
        assert words in refused.json()["validations"][0]["detail"]
        assert value in refused.json()["validations"][0]["detail"]


@pytest.mark.requirement("GROUP-READ-01")
async def test_what_is_seen_of_a_group_and_of_its_members(api: Api, accounts: Accounts) -> None:
    owner, ann, bob, outside = [await accounts.make(kind) for kind in ("owner", "member", "member", "member")]
    crew = await make(api, owner, "crew")
    await add(api, owner, crew, ann, bob)
    path, by_name = f"/groups/{crew['id']}", f"{HERE}/crew"
    for kind in ("owner", "auditor", "template-admin", "user-admin", "organization-admin", "organization-auditor"):
        seen = (await api.call(await accounts.make(kind), "GET", path)).json()
        assert {each["id"] for each in seen["members"]} == {str(ann.id), str(bob.id)}, kind
        assert "email" in seen["members"][0]
    for one in (path, by_name):
        seen = (await api.call(ann, "GET", one)).json()
        assert [each["id"] for each in seen["members"]] == [str(ann.id)]
        assert seen["total_member_count"] == 2
        assert (await api.call(outside, "GET", one)).status_code == 404
    everyone = (await api.call(outside, "GET", EVERYONE)).json()
    assert [each["id"] for each in everyone["members"]] == [str(outside.id)]
    assert everyone["total_member_count"] > 3
    assert [each["name"] for each in (await api.call(outside, "GET", "/groups")).json()] == ["Everyone"]
    assert [each["name"] for each in (await api.call(ann, "GET", HERE)).json()] == ["crew", "Everyone"]


@pytest.mark.requirement("GROUP-RIGHTS-01")
async def test_who_may_do_what(api: Api, accounts: Accounts) -> None:
    blue = await organization(api.db)
    owner = await accounts.make("owner")
    crew = await make(api, owner, "crew")
    path = f"/groups/{crew['id']}"
    member = await accounts.make()
    await add(api, owner, crew, member)
    foreign = await accounts.make(organization_ids=[blue], organization_roles=["organization-admin"])
    calls: tuple[tuple[str, str, Any], ...] = (
        ("PATCH", path, {"display_name": "x"}),
        ("DELETE", path, None),
        ("POST", HERE, {"name": "more"}),
    )
    for method, where, body in calls:
        for kind in ("auditor", "template-admin", "organization-auditor", "organization-template-admin"):
            refused = await api.call(await accounts.make(kind), method, where, body)
            assert refused.status_code == 403, (kind, method)
            assert "group:" in refused.json()["detail"]
        assert (await api.call(member, method, where, body)).status_code == 403
        assert (await api.call(foreign, method, where, body)).status_code == 404
    unknown = await api.call(owner, "GET", f"/groups/{uuid4()}")
    assert unknown.status_code == 404
    assert (await api.call(foreign, "GET", path)).json() == unknown.json()
    assert (await api.call(owner, "GET", f"{HERE}/none-such")).json() == unknown.json()
    assert (await api.call(owner, "GET", "/groups/crew")).status_code in {400, 404}
    for kind in ("owner", "user-admin", "organization-admin", "organization-user-admin"):
        person = await accounts.make(kind)
        made = await make(api, person, f"of-{kind}")
        assert (await api.call(person, "PATCH", f"/groups/{made['id']}", {"name": f"by-{kind}"})).status_code == 200
        assert (await api.call(person, "DELETE", f"/groups/{made['id']}")).status_code == 200
        assert (await api.call(person, "DELETE", f"/groups/{made['id']}")).status_code == 404


@pytest.mark.requirement("GROUP-LIST-01")
async def test_lists_are_filtered_searched_and_paged(api: Api, accounts: Accounts) -> None:
    blue = await organization(api.db)
    owner, ann, bob = await accounts.make("owner"), await accounts.make(), await accounts.make()
    both = await accounts.make(organization_ids=[DEFAULT_ORGANIZATION_ID, blue])
    made = {name: await make(api, owner, name) for name in ("alpha", "beta", "gamma")}
    far = await make(api, owner, "alpha", place=blue, display_name="Far Beta")
    await add(api, owner, made["beta"], ann, both)
    await add(api, owner, far, both)

    async def names(person: Person, query: str = "", path: str = "/groups") -> list[str]:
        answer = await api.call(person, "GET", f"{path}?{query}")
        assert answer.status_code == 200, answer.text
        return [f"{each['organization_name']}/{each['name']}" for each in answer.json()]

    everything = ["blue/alpha", "coder/alpha", "coder/beta", "blue/Everyone", "coder/Everyone", "coder/gamma"]
    assert sorted(await names(owner)) == sorted(everything)
    assert await names(owner, "organization=blue") == await names(owner, path=f"/organizations/{blue}/groups")
    assert await names(owner, f"organization={blue}") == ["blue/alpha", "blue/Everyone"]
    assert await names(owner, "q=BETA") == ["blue/alpha", "coder/beta"]
    assert await names(owner, "q=%25") == []
    assert await names(owner, "q=a&limit=2&offset=1", HERE) == ["coder/beta", "coder/gamma"]
    assert await names(owner, "limit=2", HERE) == ["coder/alpha", "coder/beta"]
    assert await names(owner, f"has_member={both.username}&q=alpha") == ["blue/alpha"]
    assert await names(owner, f"has_member={ann.id}") == ["coder/beta", "coder/Everyone"]
    assert await names(ann, "has_member=me") == ["coder/beta", "coder/Everyone"]
    two = f"{made['gamma']['id']},{made['beta']['id']}"
    assert await names(owner, f"group_ids={two}") == ["coder/beta", "coder/gamma"]
    assert await names(owner, f"group_ids={made['gamma']['id']}&group_ids={far['id']}") == ["blue/alpha", "coder/gamma"]
    assert await names(owner, f"group_ids={two}&has_member={ann.id}") == ["coder/beta"]
    assert await names(owner, f"group_ids={made['gamma']['id']}&has_member={ann.id}") == []
    assert await names(ann, f"group_ids={two}") == ["coder/beta"]
    # That somebody else is in a group is told to those who may see its members.
    assert (await api.call(bob, "GET", f"/groups?has_member={ann.id}")).status_code == 400
    auditor = await accounts.make(organization_ids=[blue], organization_roles=["organization-auditor"])
    assert await names(auditor, f"has_member={both.id}") == ["blue/alpha", "blue/Everyone"]
    for query in (
        "organization=none-such", "has_member=nobody-here", "group_ids=x", f"group_ids={two},x", "limit=-1", "limit=x",
        "offset=-1", "q=%00", "group_ids=" + ",".join([DEFAULT] * 1001),
    ):  # fmt: skip
        refused = await api.call(owner, "GET", f"/groups?{query}")
        assert (refused.status_code, fields(refused)) == (400, [query.partition("=")[0]]), refused.text


@pytest.mark.requirement("GROUP-LIST-02")
async def test_a_list_takes_as_many_queries_for_many_groups_as_for_one(
    api: Api, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, member = await accounts.make("owner"), await accounts.make()
    seen = watch_statements(api.db, monkeypatch)

    async def cost(person: Person, path: str) -> int:
        # Of a call before, the last may still be told of.
        await asyncio.sleep(0)
        seen.clear()
        assert (await api.call(person, "GET", path)).status_code == 200
        await asyncio.sleep(0)
        return len(seen)

    paths = ["/groups", HERE, f"/groups?has_member={member.username}", "/groups?organization=default&q=g&limit=20"]
    await add(api, owner, await make(api, owner, "g0"), member)
    for person in (owner, member):
        await cost(person, "/groups")
    # The first use of a session is noted beside the request.
    await api.gate.sessions.close()
    before = [await cost(person, path) for person in (owner, member) for path in paths]
    await api.db.execute(
        "insert into groups (id, organization_id, name, created_at, updated_at)"
        " select gen_random_uuid(), $1, 'g' || n, now(), now() from generate_series(1, 300) n",
        DEFAULT_ORGANIZATION_ID,
    )
    await api.db.execute(
        "insert into group_members select id, $1 from groups where name like 'g_%' and name <> 'g0'", member.id
    )
    assert len((await api.call(owner, "GET", HERE)).json()) == 302
    assert [await cost(person, path) for person in (owner, member) for path in paths] == before
    assert max(before) <= 7
