"""First user, sign-in and sign-out over HTTP."""

import asyncio

import pytest

from homeport.database import Database
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, build_api

PASSWORD = "Harbour-Light-77"
ADA = {"email": "ada@homeport.test", "username": "ada", "password": PASSWORD, "name": "Ada Lovelace"}


async def _first(api: Api, **more: str) -> str:
    answer = await api.call(None, "POST", "/users/first", {**ADA, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["user_id"]


async def _login(api: Api, email: str = ADA["email"], password: str = PASSWORD):
    return await api.call(None, "POST", "/users/login", {"email": email, "password": password})


@pytest.mark.requirement("IDENTITY-FIRST-01")
async def test_the_first_user_owns_the_deployment_and_there_is_only_one(api: Api) -> None:
    assert (await api.call(None, "GET", "/users/first")).status_code == 404
    answer = await api.call(None, "POST", "/users/first", ADA)
    assert answer.status_code == 201
    assert answer.json()["organization_id"] == str(DEFAULT_ORGANIZATION_ID)
    assert (await api.call(None, "GET", "/users/first")).status_code == 200
    again = await api.call(None, "POST", "/users/first", {**ADA, "username": "eve", "email": "eve@homeport.test"})
    assert again.status_code == 409
    token = (await _login(api)).json()["session_token"]
    me = (await api.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": token})).json()
    assert me["roles"] == [{"name": "owner", "display_name": "Owner"}]
    assert me["organization_ids"] == [str(DEFAULT_ORGANIZATION_ID)]
    assert me["status"] == "active"


@pytest.mark.requirement("IDENTITY-FIRST-02")
async def test_of_many_first_users_at_once_exactly_one_is_made(api: Api) -> None:
    bodies = [{**ADA, "username": f"ada{n}", "email": f"ada{n}@homeport.test"} for n in range(6)]
    answers = await asyncio.gather(*(api.call(None, "POST", "/users/first", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert await api.db.fetchval("select count(*) from users where not is_system") == 1


@pytest.mark.requirement("IDENTITY-FIRST-03")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no-address"), ("email", "a\x00b@c.d"), ("email", "x" * 10_000 + "@c.d"),
        ("username", ""), ("username", "two words"), ("username", "a--b"), ("username", "🦊"), ("username", "x" * 33),
        ("username", "a\x00b"), ("username", "new"), ("password", "short"), ("password", ""), ("password", "aaaaaaaaaaaaaaaaaaaa"),
        ("password", "x" * 10_000), ("name", " padded "), ("name", "n" * 65), ("name", "a\x00b"),
    ],
)  # fmt: skip
async def test_a_first_user_with_odd_values_is_refused_by_field(api: Api, field: str, value: str) -> None:
    answer = await api.call(None, "POST", "/users/first", {**ADA, field: value})
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["validations"]] == [field]
    assert await api.db.fetchval("select count(*) from users where not is_system") == 0


@pytest.mark.requirement("IDENTITY-FIRST-03")
async def test_all_wrong_fields_are_named_at_once(api: Api) -> None:
    answer = await api.call(None, "POST", "/users/first", {"email": "x", "username": "!", "password": "y"})
    assert {each["field"] for each in answer.json()["validations"]} == {"email", "username", "password"}


@pytest.mark.requirement("IDENTITY-LOGIN-01")
async def test_sign_in_gives_a_session_in_body_and_cookie(api: Api) -> None:
    await _first(api)
    answer = await _login(api, email="ADA@homeport.test")
    assert answer.status_code == 201
    token = answer.json()["session_token"]
    key_id, _, secret = token.partition("-")
    assert (len(key_id), len(secret)) == (10, 22)
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("coder_session_token="))
    assert cookie.startswith(f"coder_session_token={token};")
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {"path=/", "httponly", "samesite=lax"}
    me = await api.raw("GET", "/api/v2/users/me", headers={"Cookie": f"coder_session_token={token}"})
    assert me.json()["username"] == "ada"
    stored = await api.db.fetchrow("select * from api_keys where id = $1", key_id)
    assert stored is not None
    assert secret.encode() not in stored["hashed_secret"]
    assert len(stored["hashed_secret"]) == 32


@pytest.mark.requirement("IDENTITY-COOKIE-01")
async def test_cookies_are_secure_behind_https(db: Database) -> None:
    api = build_api(db, access_url="https://homeport.test")
    await _first(api)
    for cookie in (await _login(api)).headers.get_list("set-cookie"):
        assert "secure" in cookie.lower()


@pytest.mark.requirement("IDENTITY-LOGIN-02")
@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@homeport.test", "wrong"), ("nobody@homeport.test", PASSWORD), ("", ""), ("a\x00b", PASSWORD),
        ("ada@homeport.test", ""), ("ada@homeport.test", "x" * 10_000), ("prebuilds@system", ""), ("ada@homeport.test", "a\x00b"),
    ],
)  # fmt: skip
async def test_unknown_and_wrong_look_the_same(api: Api, email: str, password: str) -> None:
    await _first(api)
    answer = await _login(api, email, password)
    assert answer.status_code == 401
    assert answer.json() == {"message": "Incorrect email or password."}
    assert "set-cookie" not in answer.headers


@pytest.mark.requirement("IDENTITY-LOGIN-03")
async def test_a_failed_sign_in_is_audited_without_a_session(api: Api) -> None:
    user_id = await _first(api)
    await _login(api, password="wrong")
    entry = await api.db.fetchrow("select * from audit_logs where action = 'login'")
    assert entry is not None
    assert (str(entry["user_id"]), entry["status_code"], entry["diff"]) == (user_id, 401, {})
    assert await api.db.fetchval("select count(*) from api_keys") == 0


@pytest.mark.requirement("IDENTITY-LOGIN-04")
async def test_a_dormant_account_wakes_by_signing_in_and_a_suspended_one_is_named(api: Api) -> None:
    user_id = await _first(api)
    await api.db.execute("update users set status = 'dormant'  where id = $1", user_id)
    assert (await _login(api)).status_code == 201
    assert await api.db.fetchval("select status from users where id = $1", user_id) == "active"
    diff = await api.db.fetchval("select diff from audit_logs where action = 'write' and resource_type = 'user'")
    assert diff["status"] == {"old": "dormant", "new": "active", "secret": False}
    await api.db.execute("update users set status = 'suspended' where id = $1", user_id)
    answer = await _login(api)
    assert answer.status_code == 401
    assert "suspended" in answer.json()["message"]
    wrong = await _login(api, password="wrong")
    assert "suspended" not in wrong.text


@pytest.mark.requirement("IDENTITY-LOGIN-05")
async def test_the_password_is_checked_before_settings_and_login_type_show(db: Database) -> None:
    api = build_api(db, disable_password_auth=True)
    user_id = await _first(api)
    assert (await _login(api)).status_code == 201, "owners may still sign in"
    await db.execute("update users set rbac_roles = '{}' where id = $1", user_id)
    assert (await _login(api, password="wrong")).status_code == 401
    assert (await _login(api)).status_code == 403
    open_api = build_api(db)
    await db.execute("update users set login_type = 'github' where id = $1", user_id)
    answer = await _login(open_api)
    assert answer.status_code == 403
    assert "github" in answer.json()["message"]
    assert "password" in answer.json()["message"]


@pytest.mark.requirement("IDENTITY-LOGOUT-01")
async def test_signing_out_ends_this_session_and_application_keys_only(api: Api, accounts: Accounts) -> None:
    await _first(api)
    here = (await _login(api)).json()["session_token"]
    there = (await _login(api)).json()["session_token"]
    headers = {"Coder-Session-Token": here}
    for scope in ("application_connect", "all"):
        await api.raw(
            "POST",
            "/api/v2/users/me/keys/tokens",
            headers=headers,
            json={"scope": scope, "token_name": scope.replace("_", "-")},
        )
    other = await accounts.make("member", scopes=["coder:application_connect"])
    answer = await api.raw("POST", "/api/v2/users/logout", headers=headers)
    assert answer.status_code == 200
    assert any(
        "coder_session_token=" in cookie and "max-age=-1" in cookie.lower()
        for cookie in answer.headers.get_list("set-cookie")
    )
    assert (await api.raw("GET", "/api/v2/users/me", headers=headers)).status_code == 401
    assert (await api.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": there})).status_code == 200
    left = {
        row["token_name"] for row in await api.db.fetch("select token_name from api_keys where login_type = 'token'")
    }
    assert left == {"all"}
    assert await api.db.fetchval("select count(*) from api_keys where user_id = $1", other.id) == 1


@pytest.mark.requirement("IDENTITY-LOGIN-06")
async def test_attempts_are_limited_per_address(db: Database) -> None:
    api = build_api(db, dangerous_disable_rate_limits=False, login_rate_limit=3)
    body = {"email": "nobody@homeport.test", "password": "x"}
    statuses = [(await api.call(None, "POST", "/users/login", body)).status_code for _ in range(3)]
    assert statuses == [401, 401, 401]
    refused = await api.call(None, "POST", "/users/login", body)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["message"].startswith("Too many attempts")
    assert (await api.call(None, "POST", "/users/login", body, address="192.0.2.8")).status_code == 401


@pytest.mark.requirement("IDENTITY-PUBLIC-01")
async def test_methods_scopes_and_password_check_need_no_session(api: Api) -> None:
    methods = (await api.call(None, "GET", "/users/authmethods")).json()
    assert methods == {
        "password": {"enabled": True},
        "github": {"enabled": False, "default_provider_configured": False},
        "oidc": {"enabled": False, "signInText": "", "iconUrl": ""},
    }
    scopes = (await api.call(None, "GET", "/auth/scopes")).json()["external"]
    assert {"all", "application_connect", "coder:all", "workspace:read"} <= set(scopes)
    weak = (await api.call(None, "POST", "/users/validate-password", {"password": "password"})).json()
    assert weak["valid"] is False
    assert weak["details"]
    strong = (await api.call(None, "POST", "/users/validate-password", {"password": PASSWORD})).json()
    assert strong == {"valid": True, "details": ""}


@pytest.mark.requirement("IDENTITY-BODY-01")
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'"x"', b"null", b'{"email": 1, "password": "x"}', b'{"email": "x"}', b"\xff\xfe"]
)
async def test_a_malformed_body_is_a_400(api: Api, content: bytes) -> None:
    answer = await api.raw("POST", "/api/v2/users/login", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]
