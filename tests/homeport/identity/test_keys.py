"""API keys and tokens over HTTP (identity 3)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from homeport.database import Database
from homeport.kit.clock import FakeClock
from tests.support.accounts import Accounts, Api, Person, build_api

DAY = 24 * 3600 * 10**9
PREBUILDS = "prebuilds"


async def _token(api: Api, person: Person, user: str = "me", **body: object):
    return await api.call(person, "POST", f"/users/{user}/keys/tokens", body)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.requirement("IDENTITY-TOKEN-01")
async def test_a_token_is_made_listed_read_and_deleted_with_an_audit_trail(
    api: Api, accounts: Accounts, clock: FakeClock
) -> None:
    person = await accounts.make()
    assert (await api.call(person, "GET", "/users/me/keys/tokens")).json() == []
    made = await _token(api, person, token_name="ci")
    assert made.status_code == 201
    token = made.json()["key"]
    key_id = token.partition("-")[0]
    assert (await api.raw("GET", "/api/v2/users/me", headers={"Authorization": f"Bearer {token}"})).json()["id"] == str(
        person.id
    )
    listed = (await api.call(person, "GET", "/users/me/keys/tokens")).json()
    assert [each["username"] for each in listed] == [person.username]
    by_name = (await api.call(person, "GET", "/users/me/keys/tokens/CI")).json()
    by_id = (await api.call(person, "GET", f"/users/me/keys/{key_id}")).json()
    assert by_name == by_id
    assert by_name["id"] == key_id
    assert by_name["token_name"] == "ci"
    assert (by_name["scope"], by_name["scopes"]) == ("all", ["coder:all"])
    assert by_name["allow_list"] == [{"type": "*", "id": "*"}]
    assert by_name["lifetime_seconds"] == 7 * 86400
    assert _moment(by_name["expires_at"]) == clock.now() + timedelta(days=7)
    assert (await api.call(person, "DELETE", f"/users/me/keys/{key_id}")).status_code == 204
    assert (await api.call(person, "DELETE", f"/users/me/keys/{key_id}")).status_code == 404
    assert (await api.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": token})).status_code == 401
    rows = await api.db.fetch(
        "select action, diff, user_id from audit_logs where resource_type = 'api_key' order by time, action"
    )
    assert sorted(row["action"] for row in rows) == ["create", "delete"]
    secret = token.partition("-")[2]
    assert all(
        row["user_id"] == person.id and secret not in str(row["diff"]) and "hashed" not in str(row["diff"])
        for row in rows
    )


@pytest.mark.requirement("IDENTITY-TOKEN-02")
async def test_names_are_unique_per_user_whatever_their_case(api: Api, accounts: Accounts) -> None:
    ada, ben = await accounts.make(), await accounts.make()
    assert (await _token(api, ada, token_name="ci")).status_code == 201
    again = await _token(api, ada, token_name="CI")
    assert again.status_code == 409
    assert again.json()["validations"][0]["field"] == "name"
    assert (await _token(api, ben, token_name="ci")).status_code == 201
    answers = await asyncio.gather(*(_token(api, ada, token_name="same") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    nameless = await asyncio.gather(_token(api, ada), _token(api, ada))
    assert {answer.status_code for answer in nameless} == {201}


@pytest.mark.requirement("IDENTITY-TOKEN-03")
async def test_lifetimes_are_capped_for_members_and_owners_apart(db: Database, accounts: Accounts) -> None:
    api = build_api(db, max_token_lifetime=timedelta(days=10), max_admin_token_lifetime=timedelta(days=5))
    member, owner = await accounts.make(), await accounts.make("owner")
    for person, cap in ((member, 10), (owner, 5)):
        config = (await api.call(person, "GET", "/users/me/keys/tokens/tokenconfig")).json()
        assert config == {"max_token_lifetime": cap * DAY}
        assert (await _token(api, person, lifetime=cap * DAY)).status_code == 201
        over = await _token(api, person, lifetime=cap * DAY + 1)
        assert over.status_code == 400
        assert "lifetime must be less" in over.text
    seen_by_owner = await api.call(owner, "GET", f"/users/{member.username}/keys/tokens/tokenconfig")
    assert seen_by_owner.json() == {"max_token_lifetime": 10 * DAY}
    for lifetime in (-1, -(2**62), 10**30, 2**63 - 1, 1):
        answer = await _token(api, member, lifetime=lifetime)
        assert answer.status_code == 400, lifetime


@pytest.mark.requirement("IDENTITY-TOKEN-04")
@pytest.mark.parametrize(
    ("asked", "scope", "scopes"),
    [
        ({}, "all", ["coder:all"]),
        ({"scope": "all"}, "all", ["coder:all"]),
        ({"scope": "application_connect"}, "application_connect", ["coder:application_connect"]),
        ({"scopes": ["coder:application_connect"]}, "application_connect", ["coder:application_connect"]),
        ({"scopes": ["workspace:read", "template:*", "workspace:read"]}, "", ["workspace:read", "template:*"]),
    ],
)
async def test_scopes_old_and_new(
    api: Api, accounts: Accounts, asked: dict[str, Any], scope: str, scopes: list[str]
) -> None:
    person = await accounts.make()
    assert (await _token(api, person, token_name="t", **asked)).status_code == 201
    seen = (await api.call(person, "GET", "/users/me/keys/tokens/t")).json()
    assert (seen["scope"], seen["scopes"]) == (scope, scopes)


@pytest.mark.requirement("IDENTITY-TOKEN-05")
@pytest.mark.parametrize(
    "body",
    [
        {"scope": "no-such"}, {"scopes": ["system:read"]}, {"scopes": ["x" * 10_000]}, {"scopes": [""]}, {"scopes": ["a\x00b"]},
        {"scopes": "all"}, {"token_name": "two words"}, {"token_name": "🦊"}, {"token_name": "x" * 10_000}, {"token_name": "a\x00b"},
        {"allow_list": [{"type": "no", "id": "*"}]}, {"allow_list": [{"type": "workspace", "id": ""}]},
        {"allow_list": [{"type": "workspace", "id": "a\x00"}]}, {"allow_list": [{"type": "workspace", "id": "*"}] * 200},
        {"lifetime": "1h"}, {"lifetime": 1.5},
    ],
)  # fmt: skip
async def test_odd_tokens_are_refused(api: Api, accounts: Accounts, body: dict[str, Any]) -> None:
    person = await accounts.make()
    answer = await _token(api, person, **body)
    assert answer.status_code == 400, answer.text
    assert await api.db.fetchval("select count(*) from api_keys where login_type = 'token'") == 0


@pytest.mark.requirement("IDENTITY-TOKEN-06")
async def test_an_allow_list_is_kept_and_holds(api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    other = str(uuid4())
    made = await _token(api, person, token_name="narrow", allow_list=[{"type": "user", "id": other}])
    seen = (await api.call(person, "GET", "/users/me/keys/tokens/narrow")).json()
    assert seen["allow_list"] == [{"type": "user", "id": other}]
    narrow = {"Coder-Session-Token": made.json()["key"]}
    assert (await api.raw("GET", "/api/v2/users/me", headers=narrow)).status_code == 404


@pytest.mark.requirement("IDENTITY-KEY-01")
async def test_a_session_key_is_made_without_a_cookie(api: Api, accounts: Accounts, clock: FakeClock) -> None:
    person = await accounts.make()
    made = await api.call(person, "POST", "/users/me/keys")
    assert made.status_code == 201
    assert "set-cookie" not in made.headers
    key_id = made.json()["key"].partition("-")[0]
    seen = (await api.call(person, "GET", f"/users/me/keys/{key_id}")).json()
    assert seen["login_type"] == "password"
    assert _moment(seen["expires_at"]) == clock.now() + timedelta(days=7)
    assert (await api.call(person, "GET", "/users/me/keys/tokens")).json() == []


@pytest.mark.requirement("IDENTITY-KEY-02")
async def test_keys_of_others_are_out_of_reach(api: Api, accounts: Accounts) -> None:
    ada, ben, owner = await accounts.make(), await accounts.make(), await accounts.make("owner")
    await _token(api, ada, token_name="mine")
    key_id = ada.token.partition("-")[0]
    for path in (
        f"/users/{ada.id}/keys/{key_id}",
        f"/users/me/keys/{key_id}",
        f"/users/{ada.id}/keys/tokens",
        f"/users/{ada.id}/keys/tokens/mine",
    ):
        assert (await api.call(ben, "GET", path)).status_code == 404
    assert (await api.call(ben, "DELETE", f"/users/me/keys/{key_id}")).status_code == 404
    assert (await _token(api, ben, user=str(ada.id))).status_code == 404
    assert (await api.call(owner, "GET", f"/users/me/keys/{key_id}")).status_code == 404, "not the owner's own key"
    assert (await api.call(owner, "GET", f"/users/{ada.username}/keys/{key_id}")).status_code == 200
    assert (await _token(api, owner, user=ada.username, token_name="by-owner")).status_code == 201
    everybody = (await api.call(owner, "GET", "/users/me/keys/tokens?include_all=true")).json()
    assert {each["token_name"] for each in everybody} == {"mine", "by-owner"}
    assert (await api.call(ben, "GET", "/users/me/keys/tokens?include_all=true")).json() == []
    user_admin = await accounts.make("user-admin")
    assert (await _token(api, user_admin, user=ada.username)).status_code == 403


@pytest.mark.requirement("IDENTITY-KEY-03")
async def test_nobody_makes_keys_for_system_or_deleted_users(api: Api, accounts: Accounts) -> None:
    owner, gone = await accounts.make("owner"), await accounts.make()
    assert (await _token(api, owner, user=PREBUILDS)).status_code == 403
    assert (await api.call(owner, "POST", f"/users/{PREBUILDS}/keys")).status_code == 403
    assert (await api.call(owner, "DELETE", f"/users/{gone.id}")).status_code == 200
    assert (await _token(api, owner, user=str(gone.id))).status_code == 404
    assert (await api.call(gone, "GET", "/users/me")).status_code == 401


@pytest.mark.requirement("IDENTITY-KEY-04")
@pytest.mark.parametrize("key_id", ["x", "%00", "x" * 5000, "%F0%9F%A6%8A", "0123456789"])
async def test_unknown_keys_are_404(api: Api, accounts: Accounts, key_id: str) -> None:
    person = await accounts.make()
    for path in (f"/users/me/keys/{key_id}", f"/users/me/keys/tokens/{key_id}"):
        assert (await api.call(person, "GET", path)).status_code == 404
    assert (await api.call(person, "DELETE", f"/users/me/keys/{key_id}")).status_code == 404


@pytest.mark.requirement("IDENTITY-GITKEY-01")
async def test_a_git_key_is_made_once_sealed_and_replaced_on_demand(api: Api, accounts: Accounts) -> None:
    person, other = await accounts.make(), await accounts.make()
    answers = await asyncio.gather(*(api.call(person, "GET", "/users/me/gitsshkey") for _ in range(4)))
    keys = {answer.json()["public_key"] for answer in answers}
    assert len(keys) == 1
    first = keys.pop()
    assert first.startswith("ssh-ed25519 ")
    assert first.endswith("\n")
    sealed = await api.db.fetchval("select private_key_sealed from git_ssh_keys where user_id = $1", person.id)
    assert b"OPENSSH" not in sealed
    second = (await api.call(person, "PUT", "/users/me/gitsshkey")).json()["public_key"]
    assert second != first
    assert (await api.call(person, "GET", "/users/me/gitsshkey")).json()["public_key"] == second
    assert (await api.call(other, "GET", f"/users/{person.id}/gitsshkey")).status_code == 404
    diff = await api.db.fetchval("select diff from audit_logs where resource_type = 'git_ssh_key'")
    assert diff["public_key"]["new"] == second
    assert "PRIVATE" not in str(diff)
