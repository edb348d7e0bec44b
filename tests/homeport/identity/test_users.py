"""Users over HTTP: finding, listing, making, changing, suspending, deleting."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person

PASSWORD = "Harbour-Light-77"
ODD = ["%00", "x" * 5000, "%F0%9F%A6%8A", "%ff", "..", "%20", "none-such", "00000000-0000-0000-0000-000000000000"]


def _body(name: str = "grace", **more: object) -> dict[str, object]:
    return {"email": f"{name}@homeport.test", "username": name, "password": PASSWORD, **more}


@pytest.mark.requirement("IDENTITY-USER-01")
async def test_a_user_is_found_by_me_id_and_username(api: Api, accounts: Accounts) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    seen = [
        (await api.call(owner, "GET", f"/users/{value}")).json()
        for value in (str(person.id), person.username, person.username.upper())
    ]
    assert seen[0] == seen[1] == seen[2]
    mine = (await api.call(person, "GET", "/users/me")).json()
    assert {**mine, "last_seen_at": 0, "updated_at": 0} == {**seen[0], "last_seen_at": 0, "updated_at": 0}
    assert set(mine) == {
        "id", "username", "name", "email", "avatar_url", "created_at", "updated_at", "last_seen_at", "status", "login_type",
        "theme_preference", "organization_ids", "roles",
    }  # fmt: skip


@pytest.mark.requirement("IDENTITY-USER-02")
@pytest.mark.parametrize("value", ODD)
async def test_unknown_users_are_404_for_everybody(api: Api, accounts: Accounts, value: str) -> None:
    owner = await accounts.make("owner")
    for method, path in (
        ("GET", ""),
        ("GET", "/roles"),
        ("GET", "/login-type"),
        ("DELETE", ""),
        ("PUT", "/status/suspend"),
    ):
        assert (await api.call(owner, method, f"/users/{value}{path}")).status_code == 404, (method, path)


@pytest.mark.requirement("IDENTITY-USER-03")
async def test_members_do_not_see_each_other(api: Api, accounts: Accounts) -> None:
    ada, ben = await accounts.make(), await accounts.make()
    unknown = await api.call(ada, "GET", f"/users/{uuid4()}")
    foreign = await api.call(ada, "GET", f"/users/{ben.id}")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["message"] == unknown.json()["message"]
    assert [each["id"] for each in (await api.call(ada, "GET", "/users")).json()["users"]] == [str(ada.id)]


@pytest.mark.requirement("IDENTITY-LIST-01", "M15")
async def test_the_list_hides_system_users_pages_and_counts(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    for _ in range(6):
        await accounts.make()
    everything = (await api.call(owner, "GET", "/users")).json()
    names = [each["username"] for each in everything["users"]]
    assert everything["count"] == 7
    assert names == sorted(names, key=str.lower)
    assert "prebuilds" not in names
    shown = (await api.call(owner, "GET", "/users?q=include_system:true")).json()
    assert shown["count"] == 8
    first = (await api.call(owner, "GET", "/users?limit=3")).json()
    assert first["count"] == 7
    second = (await api.call(owner, "GET", f"/users?limit=3&after_id={first['users'][-1]['id']}")).json()
    third = (await api.call(owner, "GET", "/users?limit=3&offset=6")).json()
    assert [each["username"] for each in (*first["users"], *second["users"], *third["users"])] == names


@pytest.mark.requirement("IDENTITY-LIST-02")
async def test_the_list_is_searched_by_status_role_and_words(api: Api, accounts: Accounts) -> None:
    owner, auditor = await accounts.make("owner"), await accounts.make("auditor")
    sleeper = await accounts.make(status="dormant")
    await api.db.execute("update users set name = '100%_done' where id = $1", auditor.id)

    async def find(query: str) -> set[str]:
        found = (await api.call(owner, "GET", "/users", params={"q": query})).json()
        assert found["count"] == len(found["users"])
        return {each["id"] for each in found["users"]}

    assert await find("status:dormant") == {str(sleeper.id)}
    assert await find("status:active,dormant") == {str(owner.id), str(auditor.id), str(sleeper.id)}
    assert await find("role:auditor") == {str(auditor.id)}
    assert await find(f"role:owner,auditor {owner.username}") == {str(owner.id)}
    assert await find(sleeper.email.upper()) == {str(sleeper.id)}
    assert await find("0%_d") == {str(auditor.id)}
    assert await find("%") == {str(auditor.id)}
    assert await find("nobody-has-this") == set()


@pytest.mark.requirement("IDENTITY-LIST-03")
@pytest.mark.parametrize(
    "query",
    [
        "q=status:odd",
        "q=planet:mars",
        "q=%22open",
        "q=%00",
        "limit=-1",
        "limit=x",
        "offset=-1",
        "after_id=x",
        "limit=5000",
    ],
)
async def test_odd_searches_are_400(api: Api, accounts: Accounts, query: str) -> None:
    answer = await api.call(await accounts.make("owner"), "GET", f"/users?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["validations"]


@pytest.mark.requirement("IDENTITY-CREATE-01")
async def test_an_account_is_made_dormant_in_the_default_organization(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    answer = await api.call(owner, "POST", "/users", _body())
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["status"], made["roles"], made["login_type"]) == ("dormant", [], "password")
    assert made["organization_ids"] == [str(DEFAULT_ORGANIZATION_ID)]
    login = await api.call(None, "POST", "/users/login", {"email": "grace@homeport.test", "password": PASSWORD})
    assert login.status_code == 201
    entry = await api.db.fetchrow("select * from audit_logs where resource_type = 'user' and action = 'create'")
    assert entry is not None
    assert entry["user_id"] == owner.id
    assert entry["diff"]["hashed_password"] == {"old": "", "new": "", "secret": True}
    assert PASSWORD not in str(entry["diff"])


@pytest.mark.requirement("IDENTITY-CREATE-02")
async def test_used_names_are_a_409_by_field_also_in_parallel(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    bodies = [_body("grace", email=f"g{n}@homeport.test") for n in range(5)]
    answers = await asyncio.gather(*(api.call(owner, "POST", "/users", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    taken = await api.call(owner, "POST", "/users", _body("GRACE", email="other@homeport.test"))
    assert [each["field"] for each in taken.json()["validations"]] == ["username"]
    mail = await api.call(owner, "POST", "/users", _body("linus", email=(await _email(api, "grace")).upper()))
    assert mail.status_code == 409
    service = _body("pipeline", email="pipeline@service.invalid", login_type="none", password="")
    assert (await api.call(owner, "POST", "/users", service)).status_code == 201
    again = (await api.call(owner, "POST", "/users", service)).json()
    assert [each["field"] for each in again["validations"]] == ["username"], "nobody has typed this address"
    assert [each["field"] for each in mail.json()["validations"]] == ["email"]


@pytest.mark.requirement("IDENTITY-CREATE-03")
@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"login_type": "token"}, "login_type"), ({"login_type": "none"}, "password"), ({"login_type": "magic"}, "login_type"),
        ({"password": ""}, "password"), ({"username": "a b"}, "username"), ({"email": "x"}, "email"),
        ({"organization_ids": ["x"]}, "organization_ids"), ({"organization_ids": [str(uuid4())]}, "organization_ids"),
        ({"user_status": "odd"}, "user_status"),
    ],
)  # fmt: skip
async def test_odd_accounts_are_refused_and_nothing_stays(
    api: Api, accounts: Accounts, more: dict[str, Any], field: str
) -> None:
    owner = await accounts.make("owner")
    answer = await api.call(owner, "POST", "/users", _body(**more))
    assert answer.status_code == 400, answer.text
    assert any(each["field"].startswith(field) for each in answer.json()["validations"]), answer.text
    assert await api.db.fetchval("select count(*) from users where username = 'grace'") == 0


@pytest.mark.requirement("IDENTITY-CREATE-04")
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("owner", 201),
        ("user-admin", 201),
        ("member", 403),
        ("auditor", 403),
        ("organization-admin", 403),
        ("anonymous", 401),
    ],
)
async def test_who_may_make_accounts(api: Api, accounts: Accounts, kind: str, status: int) -> None:
    person = await accounts.make(kind)
    assert (await api.call(person, "POST", "/users", _body(login_type="none", password=""))).status_code == status


@pytest.mark.requirement("IDENTITY-PROFILE-01")
async def test_people_change_their_own_names_and_admins_those_of_others(api: Api, accounts: Accounts) -> None:
    ada, ben, admin = await accounts.make(), await accounts.make(), await accounts.make("user-admin")
    changed = await api.call(ada, "PUT", "/users/me/profile", {"username": "countess", "name": "Ada L."})
    assert (changed.json()["username"], changed.json()["name"]) == ("countess", "Ada L.")
    assert (await api.call(ada, "PUT", "/users/me/profile", {"username": ben.username})).status_code == 409
    assert (await api.call(ada, "PUT", f"/users/{ben.id}/profile", {"username": "x"})).status_code == 404
    assert (await api.call(admin, "PUT", f"/users/{ben.id}/profile", {"username": "benjamin"})).status_code == 200
    assert (await api.call(admin, "PUT", "/users/prebuilds/profile", {"username": "x"})).status_code == 403
    for bad in ("", "a b", "🦊", "x" * 33, "a\x00"):
        assert (await api.call(ada, "PUT", "/users/me/profile", {"username": bad})).status_code == 400
    done = "select diff from audit_logs where resource_target = 'countess' and status_code < 400"
    diff = await api.db.fetchval(done)
    assert diff["username"]["new"] == "countess"


@pytest.mark.requirement("IDENTITY-PASSWORD-01")
async def test_ones_own_password_needs_the_old_one_and_ends_other_sessions(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    await api.call(owner, "POST", "/users", _body())
    tokens = [(await _login(api, "grace")).json()["session_token"] for _ in range(2)]
    me = Person("member", uuid4(), "grace", "", tokens[0], None)
    path = "/users/me/password"
    for body in (
        {"password": "Another-Light-88"},
        {"password": "Another-Light-88", "old_password": "wrong"},
        {"password": "weak", "old_password": PASSWORD},
        {"password": PASSWORD, "old_password": PASSWORD},
        {"password": "x" * 10_000, "old_password": PASSWORD},
    ):
        assert (await api.call(me, "PUT", path, body)).status_code == 400, body
    done = await api.call(me, "PUT", path, {"password": "Another-Light-88", "old_password": PASSWORD})
    assert done.status_code == 204
    assert (await api.call(me, "GET", "/users/me")).status_code == 200, "the session in use stays"
    other = await api.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": tokens[1]})
    assert other.status_code == 401
    assert (await _login(api, "grace")).status_code == 401
    assert (await _login(api, "grace", "Another-Light-88")).status_code == 201


@pytest.mark.requirement("IDENTITY-PASSWORD-02")
async def test_admins_reset_passwords_of_people_below_them_only(api: Api, accounts: Accounts) -> None:
    owner, admin, member, auditor = [await accounts.make(kind) for kind in ("owner", "user-admin", "member", "auditor")]
    body = {"password": "Another-Light-88"}
    assert (await api.call(admin, "PUT", f"/users/{member.id}/password", body)).status_code == 204
    assert (await api.call(member, "GET", "/users/me")).status_code == 401, "all sessions have ended"
    for higher in (owner, auditor):
        assert (await api.call(admin, "PUT", f"/users/{higher.id}/password", body)).status_code == 403
    assert (await api.call(auditor, "PUT", f"/users/{owner.id}/password", body)).status_code == 403
    assert (await api.call(owner, "PUT", "/users/prebuilds/password", body)).status_code == 403
    await api.db.execute("update users set login_type = 'oidc' where id = $1", member.id)
    assert (await api.call(owner, "PUT", f"/users/{member.id}/password", body)).status_code == 400


@pytest.mark.requirement("IDENTITY-STATUS-01")
async def test_suspending_ends_sessions_at_once_and_activating_brings_tokens_back(api: Api, accounts: Accounts) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    token = (await api.call(person, "POST", "/users/me/keys/tokens", {})).json()["key"]
    assert (await api.call(owner, "PUT", f"/users/{person.id}/status/suspend")).json()["status"] == "suspended"
    assert (await api.call(person, "GET", "/users/me")).status_code == 401
    headers = {"Coder-Session-Token": token}
    assert (await api.raw("GET", "/api/v2/users/me", headers=headers)).status_code == 401
    assert (await api.call(owner, "PUT", f"/users/{person.id}/status/suspend")).status_code == 200
    assert (await api.call(owner, "PUT", f"/users/{person.id}/status/activate")).json()["status"] == "active"
    assert (await api.call(person, "GET", "/users/me")).status_code == 401, "sessions do not come back"
    assert (await api.raw("GET", "/api/v2/users/me", headers=headers)).status_code == 200
    actions = await api.db.fetch("select diff from audit_logs where resource_type = 'user' and action = 'write'")
    assert sorted(row["diff"]["status"]["new"] for row in actions) == ["active", "suspended"]


@pytest.mark.requirement("IDENTITY-STATUS-02")
async def test_nobody_suspends_or_deletes_oneself_the_higher_or_system_users(api: Api, accounts: Accounts) -> None:
    owner, admin, member = [await accounts.make(kind) for kind in ("owner", "user-admin", "member")]
    assert (await api.call(owner, "PUT", "/users/me/status/suspend")).status_code == 400
    assert (await api.call(owner, "DELETE", "/users/me")).status_code == 403
    assert (await api.call(admin, "PUT", f"/users/{owner.id}/status/suspend")).status_code in {400, 403}
    assert (await api.call(admin, "DELETE", f"/users/{owner.id}")).status_code in {400, 403}
    assert (await api.call(member, "PUT", "/users/me/status/suspend")).status_code == 403
    assert (await api.call(member, "DELETE", "/users/me")).status_code == 403
    for method, path in (("PUT", "/status/suspend"), ("DELETE", ""), ("PUT", "/status/activate")):
        assert (await api.call(owner, method, f"/users/prebuilds{path}")).status_code in {200, 403}
    assert await api.db.fetchval("select status from users where username = 'prebuilds'") == "active"
    assert await api.db.fetchval("select count(*) from users where deleted or status = 'suspended'") == 0


@pytest.mark.requirement("IDENTITY-OWNER-01")
async def test_two_owners_cannot_remove_each_other_at_the_same_time(api: Api, accounts: Accounts) -> None:
    for method, path, body in (
        ("PUT", "/status/suspend", None),
        ("PUT", "/roles", {"roles": []}),
        ("DELETE", "", None),
    ):
        ada, ben = await accounts.make("owner"), await accounts.make("owner")
        answers = await asyncio.gather(
            api.call(ada, method, f"/users/{ben.id}{path}", body), api.call(ben, method, f"/users/{ada.id}{path}", body)
        )
        assert {answer.status_code for answer in answers} <= {200, 400, 401, 403, 404}
        left = await api.db.fetchval(
            "select count(*) from users where 'owner' = any(rbac_roles) and not deleted and status <> 'suspended'"
        )
        assert left >= 1
        await api.db.execute("update users set rbac_roles = '{}' where not is_system")


@pytest.mark.requirement("IDENTITY-DELETE-01")
async def test_a_deleted_user_is_gone_and_its_name_is_free(api: Api, accounts: Accounts) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    answer = await api.call(owner, "DELETE", f"/users/{person.username}")
    assert answer.status_code == 200
    assert answer.json()["message"]
    assert (await api.call(person, "GET", "/users/me")).status_code == 401
    assert (await api.call(owner, "GET", f"/users/{person.id}")).status_code == 404
    assert await api.db.fetchval("select count(*) from organization_members where user_id = $1", person.id) == 0
    again = await api.call(owner, "POST", "/users", {**_body(person.username), "email": person.email})
    assert again.status_code == 201


@pytest.mark.requirement("IDENTITY-ROLES-01")
async def test_roles_are_given_by_the_matrix(api: Api, accounts: Accounts) -> None:
    owner, admin, member = [await accounts.make(kind) for kind in ("owner", "user-admin", "member")]
    path = f"/users/{member.id}/roles"
    given = await api.call(owner, "PUT", path, {"roles": ["auditor", "template-admin", "member"]})
    assert [role["name"] for role in given.json()["roles"]] == ["auditor", "template-admin"]
    assert (await api.call(member, "GET", "/users/me/roles")).json() == {
        "roles": ["auditor", "template-admin"], "organization_roles": {str(DEFAULT_ORGANIZATION_ID): []},
    }  # fmt: skip
    assert (await api.call(admin, "PUT", path, {"roles": []})).status_code == 403
    assert (await api.call(admin, "PUT", path, {"roles": ["auditor", "template-admin", "owner"]})).status_code == 403
    assert (await api.call(admin, "PUT", path, {"roles": ["auditor", "template-admin"]})).status_code == 200
    for own in (owner, admin, member):
        answer = await api.call(own, "PUT", "/users/me/roles", {"roles": ["owner"]})
        assert answer.status_code == 400
    assert (await api.call(member, "PUT", f"/users/{owner.id}/roles", {"roles": []})).status_code == 403
    for bad in (["no-such"], ["organization-admin"], ["auditor:x"], [""], ["x" * 10_000], ["a\x00"]):
        assert (await api.call(owner, "PUT", path, {"roles": bad})).status_code == 400
    assert (await api.call(owner, "PUT", "/users/prebuilds/roles", {"roles": ["owner"]})).status_code == 403


@pytest.mark.requirement("IDENTITY-ROLES-02")
async def test_the_list_of_roles_says_what_the_caller_may_give(api: Api, accounts: Accounts) -> None:
    async def assignable(kind: str) -> set[str]:
        listed = (await api.call(await accounts.make(kind), "GET", "/users/roles")).json()
        assert all(each["built_in"] for each in listed)
        assert {each["name"] for each in listed} == {"owner", "member", "auditor", "template-admin", "user-admin"}
        return {each["name"] for each in listed if each["assignable"]}

    assert await assignable("owner") == {"owner", "member", "auditor", "template-admin", "user-admin"}
    assert await assignable("user-admin") == {"member"}
    assert await assignable("member") == set()


@pytest.mark.requirement("IDENTITY-LOOK-01")
async def test_appearance_and_login_type_are_personal(api: Api, accounts: Accounts) -> None:
    ada, ben = await accounts.make(), await accounts.make()
    assert (await api.call(ada, "GET", "/users/me/appearance")).json() == {"theme_preference": "", "terminal_font": ""}
    look = {"theme_preference": "dark", "terminal_font": "fira-code"}
    assert (await api.call(ada, "PUT", "/users/me/appearance", look)).json() == look
    assert (await api.call(ada, "GET", "/users/me/appearance")).json() == look
    for bad in (
        {**look, "terminal_font": "comic"},
        {**look, "theme_preference": "x" * 65},
        {**look, "theme_preference": "\x00"},
    ):
        assert (await api.call(ada, "PUT", "/users/me/appearance", bad)).status_code == 400
    assert (await api.call(ada, "GET", "/users/me/login-type")).json() == {"login_type": "password"}
    for path in ("appearance", "login-type", "roles"):
        assert (await api.call(ben, "GET", f"/users/{ada.id}/{path}")).status_code == 404


async def _login(api: Api, name: str, password: str = PASSWORD):
    return await api.call(None, "POST", "/users/login", {"email": await _email(api, name), "password": password})


async def _email(api: Api, username: str) -> str:
    email: str = await api.db.fetchval("select email from users where username = $1", username)
    return email
