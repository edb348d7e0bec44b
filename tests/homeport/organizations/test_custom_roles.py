"""Custom roles of organizations: making, changing, deleting, and everything that is refused (authorization-and-data 10, 27.3, 29)."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport.rbac import ACTIONS, Action, ResourceType
from homeport.rbac.rules.roles import ORGANIZATION_ROLE_NAMES, SITE_ROLE_NAMES
from tests.homeport.organizations.worlds import make_organization
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person
from tests.support.waiting import until

DEFAULT = str(DEFAULT_ORGANIZATION_ID)
ROLES = "/organizations/default/members/roles"


def permission(text: str, **more: Any) -> dict[str, Any]:
    type_, _, action = text.partition(":")
    return {"resource_type": type_, "action": action, **more}


def role(name: str = "deployer", *permissions: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "organization_permissions": [permission(each) for each in permissions], **more}


async def _make(api: Api, person: Person, *arguments: str, **more: Any) -> dict[str, Any]:
    answer = await api.call(person, "POST", ROLES, role(*arguments, **more))
    assert answer.status_code == 200, answer.text
    return next(each for each in answer.json() if each["name"] == arguments[0])


async def _give(api: Api, person: Person, member: Person, *names: str) -> None:
    path = f"/organizations/default/members/{member.id}/roles"
    answer = await api.call(person, "PUT", path, {"roles": list(names)})
    assert answer.status_code == 200, answer.text


async def _sees_others(api: Api, person: Person) -> bool:
    """Tell whether somebody holds organization_member:read: else a member sees only the own membership."""
    return len((await api.call(person, "GET", "/organizations/default/members")).json()) > 1


def _fields(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.text
    return [each["field"] for each in answer.json()["validations"]]


@pytest.mark.requirement("ORG-CUSTOM-01")
async def test_a_custom_role_is_made_given_changed_and_deleted(api: Api, accounts: Accounts) -> None:
    admin, member = await accounts.make("organization-admin"), await accounts.make()
    made = await _make(api, admin, "deployer", "template:read", "organization_member:read", display_name="Deployer")
    assert made == {
        "name": "deployer",
        "organization_id": DEFAULT,
        "display_name": "Deployer",
        "site_permissions": [],
        "user_permissions": [],
        "organization_permissions": [
            permission("organization_member:read", negate=False), permission("template:read", negate=False),
        ],
        "organization_member_permissions": [],
    }  # fmt: skip
    listed = {each["name"]: each for each in (await api.call(admin, "GET", ROLES)).json()}
    assert (listed["deployer"]["built_in"], listed["deployer"]["assignable"]) == (False, True)
    assert not await _sees_others(api, member)
    await _give(api, admin, member, "deployer")
    # With the next request, by the same session.
    assert await _sees_others(api, member)
    # Named in another case it is the same role, and keeps its name.
    changed = await api.call(admin, "PUT", ROLES, role("DEPLOYER", "template:read", display_name="Shipping"))
    assert [(each["name"], each["display_name"]) for each in changed.json()] == [("deployer", "Shipping")]
    assert not await _sees_others(api, member)
    assert (await api.call(admin, "PUT", ROLES, role("deployer", "organization_member:read"))).status_code == 200
    assert await _sees_others(api, member)
    gone = await api.call(admin, "DELETE", f"{ROLES}/Deployer")
    assert (gone.status_code, gone.json()) == (200, [])
    assert not await _sees_others(api, member)
    assert (await api.call(admin, "DELETE", f"{ROLES}/deployer")).status_code == 404


@pytest.mark.requirement("ORG-CUSTOM-02")
async def test_a_role_of_a_deleted_roles_name_has_no_holders(api: Api, accounts: Accounts) -> None:
    admin, member = await accounts.make("organization-admin"), await accounts.make()
    await _make(api, admin, "deployer", "organization_member:read")
    await _make(api, admin, "other")
    await _give(api, admin, member, "deployer", "organization-auditor", "other")
    await api.call(admin, "DELETE", f"{ROLES}/deployer")
    roles = await api.db.fetchval("select roles from organization_members where user_id = $1", member.id)
    assert set(roles) == {"organization-auditor", "other"}
    await _give(api, admin, member, "other")
    await _make(api, admin, "deployer", "organization_member:read")
    assert not await _sees_others(api, member)


@pytest.mark.requirement("ORG-CUSTOM-03")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a:b"}, "name"),
        ({"name": f"deployer:{DEFAULT}"}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "x" * 33}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "new"}, "name"),
        *(({"name": name}, "name") for name in (*SITE_ROLE_NAMES, *ORGANIZATION_ROLE_NAMES)),
        ({"name": "Organization-Admin"}, "name"),
        ({"name": "OWNER"}, "name"),
        ({"display_name": "x" * 65}, "display_name"),
        ({"display_name": "a\x00"}, "display_name"),
        ({"organization_id": str(uuid4())}, "organization_id"),
        ({"organization_id": "nonsense"}, "organization_id"),
        ({"site_permissions": [permission("template:read")]}, "site_permissions"),
        ({"user_permissions": [permission("template:read")]}, "user_permissions"),
        ({"organization_member_permissions": [permission("template:read")]}, "organization_member_permissions"),
        *(
            ({"organization_permissions": [wrong]}, "organization_permissions")
            for wrong in (
                permission("*:*"),
                permission("template:*"),
                permission("*:read"),
                permission("template:read", negate=True),
                permission("*:*", negate=True),
                permission("nonsense:read"),
                permission("nonsense:nonsense"),
                permission(":"),
                permission("Template:read"),
                permission("template:fly"),
                permission("template:ssh"),
                permission("license:read"),
                permission("deployment_config:read"),
                permission("user:read"),
                permission("x" * 100_000 + ":" + "y" * 100_000),
                permission("template\x00:read"),
            )
        ),
    ],
)  # fmt: skip
async def test_what_no_custom_role_may_be(api: Api, accounts: Accounts, change: dict[str, Any], field: str) -> None:
    owner = await accounts.make("owner")
    await _make(api, owner, "deployer")
    for method in ("POST", "PUT"):
        answer = await api.call(owner, method, ROLES, {**role("tester" if method == "POST" else "deployer"), **change})
        assert _fields(answer) == [field]
        assert len(answer.content) < 1000
    rows = await api.db.fetch("select name, display_name, org_permissions from custom_roles")
    assert [tuple(row) for row in rows] == [("deployer", "", [])]


@pytest.mark.requirement("ORG-CUSTOM-03")
@pytest.mark.parametrize("body", [
    {}, [], {"name": None}, {"name": "a", "organization_permissions": {}}, {"name": "a", "organization_permissions": [1]},
    {"name": "a", "organization_permissions": [{"resource_type": "template"}]},
    {"name": "a", "organization_permissions": [{"resource_type": "template", "action": 1}]},
])  # fmt: skip
async def test_what_is_no_role_at_all(api: Api, accounts: Accounts, body: Any) -> None:
    owner = await accounts.make("owner")
    for method in ("POST", "PUT"):
        assert (await api.call(owner, method, ROLES, body)).status_code == 400


@pytest.mark.requirement("ORG-CUSTOM-03")
async def test_a_crowd_of_mistakes_gets_a_short_answer(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    wrong = [f"nonsense{number}:read" for number in range(5000)]
    answer = await api.call(owner, "POST", ROLES, role("deployer", *wrong))
    assert 0 < len(_fields(answer)) <= 20


@pytest.mark.requirement("ORG-CUSTOM-04")
async def test_what_clients_send_besides(api: Api, accounts: Accounts) -> None:
    admin = await accounts.make("organization-admin")
    wanted = {
        **role("deployer", "template:read", "template:read"), "organization_id": DEFAULT.upper(), "site_permissions": None,
        "user_permissions": [], "organization_member_permissions": None, "assignable": True, "built_in": False,
    }  # fmt: skip
    made = await api.call(admin, "POST", ROLES, wanted)
    assert made.status_code == 200, made.text
    assert made.json()[0]["organization_permissions"] == [permission("template:read", negate=False)]
    empty = await api.call(admin, "POST", ROLES, {"name": "empty"})
    assert [each["name"] for each in empty.json()] == ["deployer", "empty"]


@pytest.mark.requirement("ORG-CUSTOM-05")
async def test_a_name_is_given_once_in_an_organization_whatever_its_case(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    await make_organization(api, owner, "blue")
    await _make(api, owner, "deployer")
    for name in ("deployer", "Deployer", "DEPLOYER"):
        answer = await api.call(owner, "POST", ROLES, role(name))
        assert answer.status_code == 409, answer.text
        assert [each["field"] for each in answer.json()["validations"]] == ["name"]
    assert (await api.call(owner, "POST", ROLES.replace("default", "blue"), role("deployer"))).status_code == 200
    answers = await asyncio.gather(*(api.call(owner, "POST", ROLES, role("twin")) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert (await api.call(owner, "PUT", ROLES, role("none-such"))).status_code == 404


@pytest.mark.requirement("ORG-CUSTOM-06")
async def test_nobody_grants_what_they_do_not_hold_there(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    blue = UUID((await make_organization(api, owner, "blue"))["id"])
    makers = role("makers", "assign_org_role:create", "assign_org_role:update", "assign_org_role:read")
    for place in ("default", "blue"):
        assert (await api.call(owner, "POST", ROLES.replace("default", place), makers)).status_code == 200
    maker = await accounts.make(organization_roles=["makers"])
    # Holds it, but in another organization; and by roles of the deployment.
    elsewhere = await accounts.make(organization_roles=["makers"], organization_ids=[DEFAULT_ORGANIZATION_ID, blue])
    await api.db.execute(
        "update organization_members set roles = '{organization-admin}' where user_id = $1 and organization_id = $2",
        elsewhere.id, blue,
    )  # fmt: skip
    site = await accounts.make(roles=["template-admin"], organization_roles=["makers"])
    both = await accounts.make(organization_roles=["makers", "organization-template-admin"])
    for person, wanted, status in (
        (maker, "workspace:read", 400), (elsewhere, "workspace:read", 400), (site, "workspace:read", 200),
        (both, "workspace:read", 200), (both, "workspace:delete", 400), (maker, "assign_org_role:create", 200),
        (maker, "assign_org_role:delete", 400), (maker, "organization:read", 200),
    ):  # fmt: skip
        name = f"r{uuid4().hex[:8]}"
        answer = await api.call(person, "POST", ROLES, role(name, wanted))
        assert answer.status_code == status, (wanted, answer.text)
        if status == 400:
            assert _fields(answer) == ["organization_permissions"]
            assert wanted in answer.json()["validations"][0]["detail"]


@pytest.mark.requirement("ORG-CUSTOM-06")
async def test_a_narrowed_key_grants_no_more_than_it_may_do(api: Api, accounts: Accounts) -> None:
    scopes = ["organization:read", "assign_org_role:create", "assign_org_role:read", "template:read"]
    narrowed = await accounts.make("owner", scopes=scopes)
    assert (await api.call(narrowed, "POST", ROLES, role("reader", "template:read"))).status_code == 200
    assert _fields(await api.call(narrowed, "POST", ROLES, role("writer", "template:update"))) == [
        "organization_permissions"
    ]
    one = await accounts.make("owner", allow_list=[f"template:{uuid4()}", "organization:*", "assign_org_role:*"])
    assert _fields(await api.call(one, "POST", ROLES, role("one", "template:read"))) == ["organization_permissions"]


@pytest.mark.requirement("ORG-CUSTOM-06")
async def test_an_owner_grants_everything_that_organizations_have(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    by_fault: dict[str, set[str]] = {}
    for type_ in sorted(set(ACTIONS) - {ResourceType.WILDCARD}):
        for action in sorted(ACTIONS[type_]):
            answer = await api.call(owner, "POST", ROLES, role("probe", f"{type_}:{action}"))
            if answer.status_code == 200:
                await api.call(owner, "DELETE", f"{ROLES}/probe")
            else:
                detail = answer.json()["validations"][0]["detail"]
                fault = "nowhere" if "not part of an organization" in detail else "not held"
                by_fault.setdefault(fault, set()).add(f"{type_}:{action}")
    # Owners do not enter dormant workspaces.
    assert by_fault["not held"] == {
        f"{ResourceType.WORKSPACE_DORMANT}:{action}"
        for action in (Action.START, Action.SSH, Action.APPLICATION_CONNECT, Action.SHARE)
    }
    assert "license:read" in by_fault["nowhere"]


@pytest.mark.requirement("ORG-CUSTOM-07")
async def test_who_does_not_hold_what_a_role_grants_may_still_take_it_away(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    await _make(api, owner, "keepers", "assign_org_role:update", "assign_org_role:delete")
    await _make(api, owner, "deployer", "workspace:read", "template:read", "organization:read")
    keeper = await accounts.make(organization_roles=["keepers"])
    # What stays is granted anew, so it must be held.
    kept = await api.call(keeper, "PUT", ROLES, role("deployer", "workspace:read"))
    assert _fields(kept) == ["organization_permissions"]
    fewer = await api.call(keeper, "PUT", ROLES, role("deployer", "organization:read"))
    assert fewer.status_code == 200, fewer.text
    assert (await api.call(keeper, "DELETE", f"{ROLES}/deployer")).status_code == 200


@pytest.mark.requirement("ORG-CUSTOM-08")
@pytest.mark.identities(
    "anonymous", "stranger", "member", "auditor", "template-admin", "user-admin", "organization-auditor",
    "organization-user-admin", "organization-template-admin",
)  # fmt: skip
async def test_who_may_not_keep_roles(api: Api, identity: Person, accounts: Accounts) -> None:
    await _make(api, await accounts.make("owner"), "deployer")
    for method, path, body in (
        ("POST", ROLES, role("x")),
        ("PUT", ROLES, role("deployer")),
        ("DELETE", f"{ROLES}/deployer", None),
    ):
        answer = await api.call(identity, method, path, body)
        expected = {"anonymous": 401, "stranger": 404}.get(identity.kind, 403)
        assert answer.status_code == expected, answer.text
        if expected == 403:
            assert "assign_org_role:" in answer.json()["detail"]
    assert await api.db.fetchval("select count(*) from custom_roles") == 1


@pytest.mark.requirement("ORG-CUSTOM-08")
async def test_roles_of_another_organization_are_out_of_reach(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    blue = UUID((await make_organization(api, owner, "blue"))["id"])
    await _make(api, owner, "deployer")
    admin = await accounts.make(organization_ids=[blue], organization_roles=["organization-admin"])
    for place, status in ((DEFAULT, 404), (str(blue), 404)):
        path = ROLES.replace("default", place)
        assert (await api.call(admin, "DELETE", f"{path}/deployer")).status_code == status
        assert (await api.call(admin, "PUT", path, role("deployer"))).status_code == status
    member = await accounts.make(organization_ids=[blue])
    for name in ("deployer", f"deployer:{DEFAULT}"):
        answer = await api.call(admin, "PUT", f"/organizations/{blue}/members/{member.id}/roles", {"roles": [name]})
        assert _fields(answer) == ["roles"]
    for name in ("none-such", "%00", "x" * 3000, "%F0%9F%A6%8A"):
        assert (await api.call(owner, "DELETE", f"{ROLES}/{name}")).status_code == 404
    for name in ("organization-admin", "Owner"):
        assert (await api.call(owner, "DELETE", f"{ROLES}/{name}")).status_code == 400


@pytest.mark.requirement("ORG-CUSTOM-09")
async def test_changes_of_roles_are_in_the_audit_log(api: Api, accounts: Accounts) -> None:
    admin = await accounts.make("organization-admin")
    await _make(api, admin, "deployer", "template:read")
    await api.call(admin, "PUT", ROLES, role("deployer", "template:read", "template:update", display_name="D"))
    await api.call(admin, "DELETE", f"{ROLES}/deployer")
    await api.call(admin, "POST", ROLES, role("refused", "nonsense:read"))
    rows = await api.db.fetch(
        "select action, diff, resource_target, status_code, user_id, organization_id from audit_logs"
        " where resource_type = 'custom_role' and status_code < 400 order by time"
    )
    assert {(row["resource_target"], row["user_id"], row["organization_id"]) for row in rows} == {
        ("deployer", admin.id, DEFAULT_ORGANIZATION_ID)
    }
    created, changed, deleted = (row["diff"] for row in rows)
    assert set(created) == {"name", "org_permissions"}
    assert created["org_permissions"] == {"old": [], "new": ["template:read"], "secret": False}
    assert changed == {
        "display_name": {"old": "", "new": "D", "secret": False},
        "org_permissions": {"old": ["template:read"], "new": ["template:read", "template:update"], "secret": False},
    }
    assert deleted["name"] == {"old": "deployer", "new": "", "secret": False}


@pytest.mark.requirement("ORG-CUSTOM-10")
async def test_a_role_is_given_while_it_is_deleted_and_nobody_keeps_it(api: Api, accounts: Accounts) -> None:
    admin, members = await accounts.make("owner"), [await accounts.make() for _ in range(3)]
    for _ in range(6):
        for name in ("first", "second"):
            await _make(api, admin, name, "organization_member:read")
        asks = [
            *(("PUT", f"/organizations/default/members/{one.id}/roles", {"roles": ["first", "second"]}) for one in members),
            ("DELETE", f"{ROLES}/first", None), ("DELETE", f"{ROLES}/second", None),
            ("PUT", ROLES, role("first", "template:read")),
        ]  # fmt: skip
        answers = await asyncio.gather(*(api.call(admin, *ask) for ask in asks))
        assert {answer.status_code for answer in answers[:3]} <= {200, 400}, [answer.text for answer in answers[:3]]
        assert [answer.status_code for answer in answers[3:5]] == [200, 200], [answer.text for answer in answers[3:]]
        assert answers[5].status_code in {200, 404}
        names = "select count(*) from organization_members where 'first' = any(roles) or 'second' = any(roles)"
        assert await api.db.fetchval(names) == 0
    for one in members:
        assert not await _sees_others(api, one)


@pytest.mark.requirement("ORG-CUSTOM-10")
async def test_a_deletion_waits_for_whoever_is_giving_the_role(api: Api, accounts: Accounts) -> None:
    admin, member = await accounts.make("owner"), await accounts.make()
    await _make(api, admin, "deployer", "organization_member:read")
    async with api.db.transaction() as giving:
        await giving.execute("select from custom_roles where name = 'deployer' for share")
        pid = await giving.fetchval("select pg_backend_pid()")
        deleting = asyncio.create_task(api.call(admin, "DELETE", f"{ROLES}/deployer"))

        async def waits() -> bool:
            sql = "select exists (select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))"
            return bool(await api.db.fetchval(sql, pid))

        await until(waits)
        await giving.execute("update organization_members set roles = '{deployer}' where user_id = $1", member.id)
    assert (await asyncio.wait_for(deleting, 10)).status_code == 200
    assert await api.db.fetchval("select roles from organization_members where user_id = $1", member.id) == []
    assert not await _sees_others(api, member)


@pytest.mark.requirement("ORG-ROLES-04")
async def test_a_key_that_may_not_assign_sees_nothing_assignable(api: Api, accounts: Accounts) -> None:
    scopes = ["organization:read", "assign_org_role:read"]
    for person, is_assignable in (
        (await accounts.make("owner"), True),
        (await accounts.make("owner", scopes=scopes), False),
    ):
        listed = (await api.call(person, "GET", ROLES)).json()
        assert {each["assignable"] for each in listed} == {is_assignable}
        assert {each["built_in"] for each in listed} == {True}
