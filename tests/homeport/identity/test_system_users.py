"""System users belong to the server, service accounts to programs: what neither can do, and what is guarded twice."""

from datetime import timedelta

import pytest

from homeport.database import CheckViolation, Database
from homeport.identity.errors import SystemUser
from homeport.identity.service.keys import create_key
from homeport.identity.types import PREBUILDS_USER_ID, LoginType
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api

PATHS = ("prebuilds", str(PREBUILDS_USER_ID))


@pytest.mark.requirement("SYSTEM-FIXED-01", "M15")
@pytest.mark.parametrize("value", PATHS)
async def test_no_owner_changes_a_system_user(api: Api, accounts: Accounts, value: str) -> None:
    owner = await accounts.make("owner")
    before = await api.db.fetchrow("select * from users where is_system")
    for method, path, body in (
        ("PUT", "/profile", {"username": "x", "name": ""}),
        ("PUT", "/password", {"password": "Another-Light-88"}),
        ("PUT", "/roles", {"roles": ["owner"]}),
        ("PUT", "/status/suspend", None),
        ("PUT", "/status/activate", None),
        ("PUT", "/appearance", {"theme_preference": "dark"}),
        ("PUT", "/quiet-hours", {"schedule": "1 1 * * *"}),
        ("PUT", "/gitsshkey", None),
        ("POST", "/keys", None),
        ("POST", "/keys/tokens", {}),
        ("DELETE", "", None),
    ):
        refused = await api.call(owner, method, f"/users/{value}{path}", body)
        assert refused.status_code == 403, (path, refused.text)
        assert "System users" in refused.json()["message"], path
    assert await api.db.fetchrow("select * from users where is_system") == before
    assert await api.db.fetchval("select count(*) from api_keys where user_id = $1", PREBUILDS_USER_ID) == 0
    assert before is not None
    assert (before["id"], before["username"], before["email"], before["login_type"], before["rbac_roles"]) == (
        PREBUILDS_USER_ID, "prebuilds", "prebuilds@system", "none", [],
    )  # fmt: skip


@pytest.mark.requirement("SYSTEM-FIXED-02")
async def test_nobody_puts_a_system_user_into_or_out_of_anything(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    group = (await api.call(owner, "POST", "/organizations/default/groups", {"name": "crew"})).json()
    added = await api.call(owner, "PATCH", f"/groups/{group['id']}", {"add_users": [str(PREBUILDS_USER_ID)]})
    assert added.status_code in {400, 403, 404, 412}, added.text
    place = (await api.call(owner, "POST", "/organizations", {"name": "elsewhere"})).json()
    for organization in ("default", place["id"]):
        path = f"/organizations/{organization}/members/prebuilds"
        assert (await api.call(owner, "POST", path)).status_code in {400, 403, 404, 409}
        assert (await api.call(owner, "DELETE", path)).status_code in {403, 404}
        assert (await api.call(owner, "PUT", f"{path}/roles", {"roles": ["organization-admin"]})).status_code in {
            403,
            404,
        }
    members = await api.db.fetch(
        "select organization_id, roles from organization_members where user_id = $1", PREBUILDS_USER_ID
    )
    assert [(row["organization_id"], row["roles"]) for row in members] == [(DEFAULT_ORGANIZATION_ID, [])]
    assert await api.db.fetchval("select count(*) from group_members where user_id = $1", PREBUILDS_USER_ID) == 0


@pytest.mark.requirement("SYSTEM-FIXED-03")
@pytest.mark.parametrize(
    "statement",
    [
        "update users set rbac_roles = '{owner}' where is_system",
        "update users set is_system = false where is_system",
        "update users set deleted = true where is_system",
        "delete from users where is_system",
        "update users set is_system = true where not is_system",
        "update api_keys set user_id = 'c42fdf75-3097-471c-8c33-fb52454d81c0'",
    ],
)
async def test_the_database_refuses_as_well(db: Database, accounts: Accounts, statement: str) -> None:
    await accounts.make()
    with pytest.raises(CheckViolation):
        await db.execute(statement)


@pytest.mark.requirement("SYSTEM-FIXED-03")
async def test_no_service_makes_a_key_for_a_system_user(db: Database) -> None:
    async with db.transaction() as conn:
        with pytest.raises(SystemUser):
            await create_key(conn, user_id=PREBUILDS_USER_ID, login_type=LoginType.TOKEN, lifetime=timedelta(hours=1))


@pytest.mark.requirement("SYSTEM-FIXED-04")
async def test_a_system_user_cannot_sign_in(api: Api) -> None:
    for password in ("", "prebuilds", "Harbour-Light-77"):
        reply = await api.call(None, "POST", "/users/login", {"email": "prebuilds@system", "password": password})
        assert reply.status_code == 401


@pytest.mark.requirement("USER-SERVICE-01")
async def test_a_service_account_works_by_tokens_and_nobody_signs_in_to_it(api: Api, accounts: Accounts) -> None:
    owner, admin = await accounts.make("owner"), await accounts.make("user-admin")
    body = {"email": "ci@homeport.test", "username": "ci", "login_type": "none", "user_status": "active"}
    made = await api.call(admin, "POST", "/users", body)
    assert (made.status_code, made.json()["login_type"], made.json()["status"]) == (201, "none", "active")
    for password in ("", "Harbour-Light-77"):
        login = await api.call(None, "POST", "/users/login", {"email": "ci@homeport.test", "password": password})
        assert login.status_code == 401
    reset = await api.call(owner, "PUT", "/users/ci/password", {"password": "Another-Light-88"})
    assert reset.status_code == 400
    session = await api.call(owner, "POST", "/users/ci/keys")
    assert (session.status_code, "tokens" in session.json()["detail"]) == (400, True)
    assert (await api.call(await accounts.make(), "POST", "/users/ci/keys/tokens", {})).status_code == 404
    assert (await api.call(admin, "POST", "/users/ci/keys/tokens", {})).status_code in {403, 404}
    token = (await api.call(owner, "POST", "/users/ci/keys/tokens", {"token_name": "build"})).json()["key"]
    headers = {"Coder-Session-Token": token}
    me = await api.raw("GET", "/api/v2/users/me", headers=headers)
    assert me.json()["username"] == "ci"
    assert (await api.raw("POST", "/api/v2/users/me/keys", headers=headers)).status_code == 400
    assert (await api.call(owner, "PUT", "/users/ci/status/suspend")).status_code == 200
    assert (await api.raw("GET", "/api/v2/users/me", headers=headers)).status_code == 401
    assert (await api.call(owner, "PUT", "/users/ci/status/activate")).status_code == 200
    assert (await api.raw("GET", "/api/v2/users/me", headers=headers)).status_code == 200


@pytest.mark.requirement("USER-ROLES-01")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("organization-admin", "of organizations"),
        ("organization-auditor:5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10", "of organizations"),
        ("custom-site-role", "no custom roles"),
        ("", "no custom roles"),
    ],
)
async def test_the_route_of_the_deployment_takes_its_own_roles_only(
    api: Api, accounts: Accounts, name: str, words: str
) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    refused = await api.call(owner, "PUT", f"/users/{person.id}/roles", {"roles": [name]})
    assert refused.status_code == 400
    (problem,) = refused.json()["validations"]
    assert problem["field"] == "roles"
    assert words in problem["detail"]
    place = await api.call(owner, "PUT", f"/organizations/default/members/{person.id}/roles", {"roles": ["owner"]})
    assert place.status_code == 400


@pytest.mark.requirement("USER-CREATE-01")
async def test_an_account_is_made_with_status_and_organizations(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    place = (await api.call(owner, "POST", "/organizations", {"name": "elsewhere"})).json()
    body = {"email": "a@homeport.test", "username": "a", "password": "Harbour-Light-77"}
    for status in ("active", "dormant", "suspended"):
        wanted = {**body, "username": status, "email": f"{status}@homeport.test", "user_status": status}
        made = await api.call(owner, "POST", "/users", {**wanted, "organization_ids": [place["id"], place["id"]]})
        assert (made.status_code, made.json()["status"], made.json()["organization_ids"]) == (
            201,
            status,
            [place["id"]],
        )
    # A key that may make accounts, but no members.
    narrow = await accounts.make("owner", scopes=("user:create", "user:read", "organization:read"))
    refused = await api.call(narrow, "POST", "/users", {**body, "organization_ids": [place["id"]]})
    assert refused.status_code == 403
    assert await api.db.fetchval("select count(*) from users where username = 'a'") == 0
