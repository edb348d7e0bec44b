"""Clients ask what their tokens are good for (RFC 7662)."""

from datetime import timedelta

import pytest

from homeport.kit import clock as kit_clock
from tests.homeport.oauth2.world import MCP, READ, is_refused
from tests.support.accounts import ACCESS_URL

INTROSPECT = "/oauth2/introspect"


@pytest.fixture
async def person(world):
    return await world.accounts.make("member")


@pytest.fixture
async def client(world):
    return await world.make_client()


async def ask(world, client, token, **more):
    answer = await world.post(INTROSPECT, {**client.form, "token": token, **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


@pytest.mark.requirement("INT-01")
async def test_only_a_client_that_has_proved_itself_may_ask(world, client, person):
    tokens = await world.tokens(client, person)
    token = {"token": tokens["access_token"]}
    public = await world.make_client(is_public=True)
    assert is_refused(await world.post(INTROSPECT, token), "invalid_request")
    for form in ({"client_id": client.id}, {"client_id": client.id, "client_secret": "x"}, public.form):
        assert is_refused(await world.post(INTROSPECT, {**form, **token}), "invalid_client", 401)
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert is_refused(await world.post(INTROSPECT, token, headers=bearer), "invalid_request")
    assert (await world.post(INTROSPECT, token, headers=client.basic())).json()["active"] is True
    assert is_refused(await world.post(INTROSPECT, client.form), "invalid_request")


@pytest.mark.requirement("INT-02")
async def test_an_active_access_token_is_described(world, client, person, clock):
    tokens = await world.tokens(client, person, resource=MCP)
    now = int(kit_clock.now().timestamp())
    assert await ask(world, client, tokens["access_token"]) == {
        "active": True, "scope": READ, "client_id": client.id, "username": person.username, "token_type": "Bearer",
        "exp": now + 3600, "iat": now, "sub": str(person.id), "aud": MCP, "iss": ACCESS_URL,
    }  # fmt: skip
    plain = await world.tokens(client, person)
    assert (await ask(world, client, plain["access_token"], token_type_hint="refresh_token"))["aud"] == ACCESS_URL


@pytest.mark.requirement("INT-02")
async def test_an_active_refresh_token_is_described(world, client, person, clock):
    tokens = await world.tokens(client, person)
    found = await ask(world, client, tokens["refresh_token"])
    assert found["active"] is True
    assert found["token_type"] == "refresh_token"
    assert found["exp"] == int((kit_clock.now() + world.settings.oauth2_refresh_token_lifetime).timestamp())


@pytest.mark.requirement("INT-02")
async def test_of_all_others_nothing_is_said(world, client, person, clock):
    other = await world.make_client()
    public = await world.make_client(is_public=True)
    foreign = await world.tokens(public, person)
    first = await world.tokens(client, person)
    tokens = (await world.refresh(client, first["refresh_token"])).json()
    wrong = tokens["access_token"][:11] + "a" * 22
    wrong_refresh = tokens["refresh_token"].rpartition("_")[0] + "_" + "a" * 32
    inactive = {"active": False}
    for asker, token in (
        (other, tokens["access_token"]), (other, tokens["refresh_token"]), (client, foreign["access_token"]),
        (client, foreign["refresh_token"]), (client, first["access_token"]), (client, first["refresh_token"]),
        (client, wrong), (client, wrong_refresh), (client, person.token), (client, "x"), (client, "💥" * 100),
        (client, client.secret), (client, await world.code(other, person)),
    ):  # fmt: skip
        assert await ask(world, asker, token) == inactive
    assert (await ask(world, client, tokens["access_token"]))["active"] is True
    clock.advance(timedelta(hours=1))
    assert await ask(world, client, tokens["access_token"]) == inactive
    assert (await ask(world, client, tokens["refresh_token"]))["active"] is True


@pytest.mark.requirement("INT-02", "AUD-06")
async def test_what_has_ended_is_inactive_at_once(world, second, client, person):
    admin = await world.accounts.make("owner")
    tokens = await world.tokens(client, person)
    await world.post("/oauth2/revoke", {**client.form, "token": tokens["refresh_token"]}, on=second)
    assert await ask(world, client, tokens["access_token"]) == {"active": False}
    tokens = await world.tokens(client, person)
    await second.request("PUT", f"/api/v2/users/{person.username}/status/suspend", headers=admin.headers)
    assert await ask(world, client, tokens["access_token"]) == {"active": False}


@pytest.mark.requirement("DIS-10")
async def test_no_member_is_empty(world, client, person):
    tokens = await world.tokens(client, person)
    found = await ask(world, client, tokens["access_token"])
    assert None not in found.values()
    assert "" not in found.values()
    assert all(isinstance(found[name], int) for name in ("exp", "iat"))
