"""A token opens the resource that it was issued for, as long as person, client and grant are what they were."""

from datetime import timedelta
from typing import Any

import pytest

from homeport.kit.clock import FakeClock
from homeport.oauth2.rules.scopes import ADVERTISED_SCOPES
from tests.homeport.mcp.client import PATHS, Agent, challenge, initialize
from tests.homeport.mcp.places import Places
from tests.homeport.oauth2.world import CALLBACK, OAuthClient, World
from tests.support.accounts import ACCESS_URL, Person

API = "/api/v2/users/me"


async def _opens(world: World, token: str, path: str) -> bool:
    if path == API:
        return await world.works(token)
    answer = await Agent(world.first, token, path=path).post(initialize())
    assert answer.status_code in {200, 401}, answer.text
    if answer.status_code == 401:
        assert challenge(answer)["error"] == "invalid_token"
    return answer.status_code == 200


@pytest.mark.requirement("AUD-01", "AUD-02", "M03")
async def test_a_token_opens_its_own_resource_and_no_other(world: World, ada: Person):
    client = await world.make_client()
    resources = {"": API, ACCESS_URL: API, f"{ACCESS_URL}/": API, **{f"{ACCESS_URL}{path}": path for path in PATHS}}
    for resource, place in resources.items():
        token = (await world.tokens(client, ada, resource=resource.rstrip("/")))["access_token"]
        opened = [path for path in (API, *PATHS) if await _opens(world, token, path)]
        assert opened == [place], resource


@pytest.mark.requirement("AUD-01")
async def test_a_refreshed_token_keeps_its_resource(world: World, ada: Person):
    client = await world.make_client()
    tokens = await world.tokens(client, ada, resource=f"{ACCESS_URL}/mcp")
    refreshed = (await world.refresh(client, tokens["refresh_token"])).json()["access_token"]
    assert [path for path in (API, *PATHS) if await _opens(world, refreshed, path)] == ["/mcp"]


@pytest.mark.requirement("AUD-03")
async def test_ordinary_keys_and_sessions_open_mcp_in_a_header(world: World, ada: Person):
    made = await world.first.request("POST", "/api/v2/users/me/keys/tokens", headers=ada.headers, json={})
    for token in (ada.token, made.json()["key"]):
        for path in PATHS:
            assert await _opens(world, token, path)
            named = {"authorization": None, "coder-session-token": token}
            assert (await Agent(world.first, "", path=path).post(initialize(), headers=named)).status_code == 200


@pytest.mark.requirement("AUD-05")
async def test_who_loses_a_right_loses_it_for_old_tokens_at_once(world: World, places: Places):
    admin = await world.accounts.make("owner")
    tokens = await world.tokens(await world.make_client(), admin, resource=f"{ACCESS_URL}/mcp")
    agent = Agent(world.first, tokens["access_token"])
    await places.running(await world.accounts.make())
    assert len(await agent.ok("coder_list_workspaces", owner="")) == 1
    await world.db.execute("update users set rbac_roles = '{}' where id = $1", admin.id)
    assert await agent.ok("coder_list_workspaces", owner="") == []


@pytest.mark.requirement("AUD-05")
async def test_scopes_give_nothing_that_the_person_does_not_have(world: World, ada: Person, places: Places):
    workspace_id = (await places.running(await world.accounts.make())).id
    tokens = await world.tokens(
        await world.make_client(), ada, resource=f"{ACCESS_URL}/mcp", scopes=[*ADVERTISED_SCOPES, "coder:all"]
    )
    agent = Agent(world.first, tokens["access_token"])
    assert await agent.ok("coder_list_workspaces", owner="") == []
    assert "not found" in await agent.failure("coder_get_workspace", workspace_id=str(workspace_id))
    words = await agent.failure("coder_create_workspace_build", workspace_id=str(workspace_id), transition="delete")
    assert "not found" in words


async def _suspend(world: World, person: Person, _: OAuthClient) -> None:
    owner = await world.accounts.make("owner")
    answer = await world.first.request("PUT", f"/api/v2/users/{person.id}/status/suspend", headers=owner.headers)
    assert answer.status_code == 200, answer.text


async def _delete_user(world: World, person: Person, _: OAuthClient) -> None:
    owner = await world.accounts.make("owner")
    answer = await world.first.request("DELETE", f"/api/v2/users/{person.id}", headers=owner.headers)
    assert answer.status_code == 200, answer.text


async def _delete_client(world: World, _: Person, client: OAuthClient) -> None:
    await world.db.execute("delete from oauth2_provider_apps where id = $1", client.app.id)


async def _revoke_grant(world: World, person: Person, client: OAuthClient) -> None:
    answer = await world.first.request("DELETE", f"/oauth2/tokens?client_id={client.id}", headers=person.headers)
    assert answer.status_code == 204, answer.text


@pytest.mark.requirement("AUD-06")
@pytest.mark.parametrize("event", [_suspend, _delete_user, _delete_client, _revoke_grant])
async def test_what_ends_a_grant_ends_its_tokens_at_once(world: World, ada: Person, event: Any):
    client = await world.make_client()
    tokens = await world.tokens(client, ada, resource=f"{ACCESS_URL}/mcp")
    assert await _opens(world, tokens["access_token"], "/mcp")
    await event(world, ada, client)
    assert not await _opens(world, tokens["access_token"], "/mcp")


@pytest.mark.requirement("AUD-07")
async def test_expiry_is_to_the_second(world: World, ada: Person, clock: FakeClock):
    tokens = await world.tokens(await world.make_client(), ada, resource=f"{ACCESS_URL}/mcp")
    clock.advance(timedelta(seconds=tokens["expires_in"] - 1))
    assert await _opens(world, tokens["access_token"], "/mcp")
    clock.advance(timedelta(seconds=2))
    assert not await _opens(world, tokens["access_token"], "/mcp")


@pytest.mark.requirement("AUD-07")
async def test_nothing_but_an_access_token_is_one(world: World, ada: Person):
    client = await world.make_client()
    tokens = await world.tokens(client, ada, resource=f"{ACCESS_URL}/mcp")
    code = await world.code(client, ada, resource=f"{ACCESS_URL}/mcp")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiJhZGEiLCJhdWQiOiJodHRwOi8vaG9tZXBvcnQudGVzdC9tY3AifQ."
    for artefact in (tokens["refresh_token"], code, client.secret, client.id, unsigned, CALLBACK):
        assert not await _opens(world, artefact, "/mcp")
        assert not await world.works(artefact)
