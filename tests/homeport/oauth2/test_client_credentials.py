"""Clients that work in the name of a service identity: what they get, and never more than it may."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.homeport.oauth2.world import MCP, READ, OAuthClient, is_refused
from tests.support.accounts import ACCESS_URL, DEFAULT_ORGANIZATION_ID

APPS = "/api/v2/oauth2-provider/apps"
GRANTS = ["client_credentials"]


@pytest.fixture
async def owner(world):
    return await world.accounts.make("owner")


@pytest.fixture
async def robot(world):
    return await world.accounts.make("member")


@pytest.fixture
async def client(world, robot):
    return await world.make_client(
        grant_types=GRANTS, service_user_id=robot.id, scope=f"{READ} coder:workspaces.create"
    )


async def ask(world, client, **form):
    return await world.token(client, grant_type="client_credentials", **form)


async def register(world, person, **body):
    """Ask the API for a client."""
    wanted = {"name": "ci", "callback_url": "", "grant_types": GRANTS, **body}
    return await world.first.request("POST", APPS, headers=person.headers, json=wanted)


async def with_secret(world, person, made):
    from homeport.oauth2.queries.apps import find_app  # lazy: only these tests read a client back

    answer = await world.first.request("POST", f"{APPS}/{made['id']}/secrets", headers=person.headers)
    assert answer.status_code == 201, answer.text
    app = await find_app(world.db, made["id"])
    assert app is not None
    return OAuthClient(app, answer.json()["client_secret_full"])


@pytest.mark.requirement("M2M-01")
async def test_a_client_works_as_its_service_identity_without_a_refresh_token(world, client, robot):
    answer = await ask(world, client, scope=f"{READ} openid")
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "expiry", "scope"}
    assert tokens["scope"] == READ
    assert (await world.whoami(tokens["access_token"])).json()["id"] == str(robot.id)
    (entry,) = await world.audited("oauth2_provider_app_token", "create")
    assert entry["user_id"] == robot.id
    assert entry["additional_fields"]["client_id"] == client.id
    assert entry["additional_fields"]["grant_type"] == "client_credentials"
    # Each answer is for itself: the next one ends nothing.
    again = (await ask(world, client)).json()
    assert await world.works(tokens["access_token"])
    assert await world.works(again["access_token"])


@pytest.mark.requirement("M2M-01", "AUD-05")
async def test_a_token_has_no_more_rights_than_the_identity_and_no_more_scope_than_asked(world, owner, robot):
    client = await world.make_client(grant_types=GRANTS, service_user_id=robot.id)
    everything = (await ask(world, client, scope="coder:all")).json()
    headers = {"authorization": f"Bearer {everything['access_token']}"}
    body = {"email": "x@example.com", "username": "x", "login_type": "none"}
    refused = await world.first.request("POST", "/api/v2/users", headers=headers, json=body)
    assert refused.status_code == 403
    # An owner's rights within a scope that leaves them out.
    powerful = await world.make_client(grant_types=GRANTS, service_user_id=owner.id)
    narrow = (await ask(world, powerful)).json()
    assert narrow["scope"] == READ
    headers = {"authorization": f"Bearer {narrow['access_token']}"}
    assert (await world.first.request("POST", "/api/v2/users", headers=headers, json=body)).status_code == 403
    # And what the identity loses, its tokens lose at once.
    wide = (await ask(world, powerful, scope="coder:all")).json()
    headers = {"authorization": f"Bearer {wide['access_token']}"}
    assert (await world.first.request("GET", "/api/v2/audit", headers=headers)).json()["count"] > 0
    await world.db.execute("update users set rbac_roles = '{}' where id = $1", owner.id)
    assert (await world.first.request("GET", "/api/v2/audit", headers=headers)).json()["count"] == 0


@pytest.mark.requirement("M2M-01")
async def test_the_scope_stays_within_the_clients(world, client):
    assert (await ask(world, client)).json()["scope"] == READ
    both = f"{READ} coder:workspaces.create"
    assert (await ask(world, client, scope=both)).json()["scope"] == both
    assert (await ask(world, client, scope=f"{READ} coder:all")).json()["scope"] == READ
    assert is_refused(await ask(world, client, scope="coder:all"), "invalid_scope")
    assert is_refused(await ask(world, client, scope="x " * 3000), "invalid_scope")


@pytest.mark.requirement("M2M-01", "RES-01", "M03")
async def test_a_resource_binds_the_token(world, client):
    tokens = (await ask(world, client, resource=MCP)).json()
    assert not await world.works(tokens["access_token"])
    found = await world.post("/oauth2/introspect", {**client.form, "token": tokens["access_token"]})
    assert found.json()["aud"] == MCP
    assert await world.works((await ask(world, client, resource=f"{ACCESS_URL}/")).json()["access_token"])
    for wrong in ("https://other.example/mcp", "mcp", f"{MCP}#x"):
        assert is_refused(await ask(world, client, resource=wrong), "invalid_target")


@pytest.mark.requirement("M2M-01")
async def test_who_may_not(world, robot, client):
    public = await world.make_client(is_public=True, grant_types=GRANTS, service_user_id=robot.id)
    assert is_refused(await ask(world, public), "unauthorized_client")
    nobody = await world.make_client(grant_types=GRANTS)
    assert is_refused(await ask(world, nobody), "unauthorized_client")
    codes = await world.make_client(service_user_id=robot.id)
    assert is_refused(await ask(world, codes), "unauthorized_client")
    assert is_refused(
        await world.token(None, client_id=client.id, grant_type="client_credentials"), "invalid_client", 401
    )


@pytest.mark.requirement("M2M-01", "AUD-06")
@pytest.mark.parametrize("end", ["suspend", "delete"])
async def test_the_end_of_the_identity_ends_the_tokens_and_gives_no_new_ones(world, owner, robot, client, end):
    tokens = (await ask(world, client)).json()
    path = f"/api/v2/users/{robot.username}"
    if end == "suspend":
        await world.first.request("PUT", f"{path}/status/suspend", headers=owner.headers)
    else:
        await world.first.request("DELETE", path, headers=owner.headers)
    assert not await world.works(tokens["access_token"])
    assert is_refused(await ask(world, client), "unauthorized_client")
    assert await world.db.fetchval("select count(*) from oauth2_provider_app_tokens") == 0


@pytest.mark.requirement("M2M-01")
async def test_an_organization_gets_an_identity_of_its_own(world, owner):
    answer = await register(world, owner, name="Nightly_Units.2", service_organization="default")
    assert answer.status_code == 201, answer.text
    client = await with_secret(world, owner, answer.json())
    tokens = (await ask(world, client)).json()
    me = (await world.whoami(tokens["access_token"])).json()
    assert me["username"].startswith("svc-nightly-units-2-")
    assert me["login_type"] == "none"
    assert me["roles"] == []
    assert me["organization_ids"] == [str(DEFAULT_ORGANIZATION_ID)]
    assert me["status"] == "active"
    # An ordinary member, to whom nobody can sign in.
    roles = await world.db.fetchval(
        "select roles from organization_members where user_id = $1", client.app.service_user_id
    )
    assert roles == []
    actions = Counter(entry["action"] for entry in await world.audited("user"))
    assert actions["create"] == 1


@pytest.mark.requirement("M2M-01")
async def test_an_account_is_given_by_who_could_make_tokens_for_it(world, owner, robot):
    answer = await register(world, owner, service_user=robot.username)
    assert answer.status_code == 201, answer.text
    client = await with_secret(world, owner, answer.json())
    assert (await world.whoami((await ask(world, client)).json()["access_token"])).json()["id"] == str(robot.id)
    own = await register(world, owner, service_user="me")
    assert own.json()["service_user_id"] == str(owner.id)
    for wrong, status in (("nobody-here", 404), ("prebuilds", 403)):
        refused = await register(world, owner, service_user=wrong)
        assert refused.status_code in {status, 400, 404}, refused.text
    assert (await register(world, robot, service_user="me")).status_code == 403
    both = await register(world, owner, service_user="me", service_organization="default")
    assert both.status_code == 400


async def test_an_identity_signs_in_nowhere(world, owner):
    await register(world, owner, service_organization="default")
    row = await world.db.fetchrow("select email, hashed_password, login_type from users where username like 'svc-%'")
    assert row["email"].endswith("@service.invalid")
    assert row["hashed_password"] == ""
    for password in ("", "x"):
        body = {"email": row["email"], "password": password}
        assert (await world.first.request("POST", "/api/v2/users/login", json=body)).status_code in {400, 401}


async def test_tokens_of_services_are_purged_when_they_expire(world, client, clock):
    from homeport.oauth2.service.purging import purge  # lazy: only this test purges here

    await ask(world, client)
    clock.advance(timedelta(hours=1, seconds=1))
    assert await purge(world.db, world.settings) == 1
    assert await world.db.fetchval("select count(*) from api_keys where login_type = 'oauth2_provider_app'") == 0
