"""Refresh tokens: rotation, families, reuse, the grace for clients that lost an answer, and what ends them."""

import asyncio
from datetime import timedelta

import pytest

from homeport.oauth2.service.tokens.refresh_grant import MOST_RETRIES
from tests.homeport.oauth2.world import MCP, READ, Replica, World, is_refused
from tests.support.accounts import ACCESS_URL

CREATE = "coder:workspaces.create"
PASSWORD = "a-Long-Passphrase-4711"
GRACE = timedelta(seconds=90)


@pytest.fixture
async def person(world):
    return await world.accounts.make("member")


@pytest.fixture(params=[True, False], ids=["public", "confidential"])
async def client(world, request):
    return await world.make_client(is_public=request.param)


async def chain(world, client, tokens, count):
    """Refresh several times in a row and return the last answer."""
    for _ in range(count):
        answer = await world.refresh(client, tokens["refresh_token"])
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
    return tokens


@pytest.mark.requirement("REF-01")
async def test_each_refresh_gives_a_new_pair_and_ends_the_old_one(world, client, person, clock):
    first = await world.tokens(client, person)
    second = (await world.refresh(client, first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["token_type"] == "Bearer"
    assert second["scope"] == READ
    assert not await world.works(first["access_token"])
    assert await world.works(second["access_token"])
    clock.advance(GRACE)
    assert is_refused(await world.refresh(client, first["refresh_token"]), "invalid_grant")
    assert is_refused(await world.refresh(client, second["refresh_token"]), "invalid_grant")


@pytest.mark.requirement("REF-02")
async def test_a_used_token_that_comes_back_late_ends_the_family(world, client, person, clock):
    first = await world.tokens(client, person)
    last = await chain(world, client, first, 3)
    clock.advance(GRACE + timedelta(seconds=1))
    last = await chain(world, client, last, 1)
    assert is_refused(await world.refresh(client, first["refresh_token"]), "invalid_grant")
    assert not await world.works(last["access_token"])
    assert is_refused(await world.refresh(client, last["refresh_token"]), "invalid_grant")
    ends = await world.audited("oauth2_provider_token_family", "delete")
    assert [(entry["additional_fields"]["reason"], entry["user_id"]) for entry in ends] == [
        ("refresh_token_reuse", person.id)
    ]
    assert ends[0]["additional_fields"]["client_id"] == client.id


@pytest.mark.requirement("REF-02")
async def test_the_grace_can_be_nothing(db, person, clock):
    async with World(db, oauth2_refresh_grace=timedelta(0)) as world:
        client = await world.make_client(is_public=True)
        first = await world.tokens(client, person)
        second = (await world.refresh(client, first["refresh_token"])).json()
        assert is_refused(await world.refresh(client, first["refresh_token"]), "invalid_grant")
        assert not await world.works(second["access_token"])


@pytest.mark.requirement("REF-02")
async def test_other_families_of_the_person_stay(world, person, clock):
    client = await world.make_client(is_public=True)
    stolen, other = await world.tokens(client, person), await world.tokens(client, person)
    await chain(world, client, stolen, 1)
    clock.advance(GRACE)
    assert is_refused(await world.refresh(client, stolen["refresh_token"]), "invalid_grant")
    assert await world.works(other["access_token"])
    await chain(world, client, other, 2)


@pytest.mark.requirement("REF-03")
async def test_a_retry_within_the_grace_gets_a_pair_of_its_own_and_kills_nobodys(world, client, person, clock):
    first = await world.tokens(client, person)
    winner = (await world.refresh(client, first["refresh_token"])).json()
    clock.advance(GRACE - timedelta(seconds=1))
    retry = await world.refresh(client, first["refresh_token"])
    assert retry.status_code == 200
    pairs = [winner, retry.json()]
    assert len({pair["refresh_token"] for pair in pairs}) == 2
    # The grace is counted from the first use: the winner's next refresh does not shorten it, a retry does not lengthen it.
    pairs = [await chain(world, client, pair, 1) for pair in pairs]
    assert [await world.works(pair["access_token"]) for pair in pairs] == [True, True]
    clock.advance(timedelta(seconds=1))
    assert is_refused(await world.refresh(client, first["refresh_token"]), "invalid_grant")
    assert [await world.works(pair["access_token"]) for pair in pairs] == [False, False]


@pytest.mark.requirement("REF-03")
async def test_twenty_refreshes_at_once_on_two_servers_all_get_a_pair_that_works(world, second, client, person):
    first = await world.tokens(client, person)
    servers = [world.first, second]
    answers = await asyncio.gather(
        *(world.refresh(client, first["refresh_token"], on=servers[number % 2]) for number in range(20))
    )
    assert [answer.status_code for answer in answers] == [200] * 20
    pairs = [answer.json() for answer in answers]
    assert len({pair["refresh_token"] for pair in pairs}) == 20
    assert [await world.works(pair["access_token"], on=second) for pair in pairs] == [True] * 20
    assert not await world.works(first["access_token"])
    assert await world.db.fetchval("select count(*) from oauth2_provider_spent_refresh_tokens") == 1
    assert await world.db.fetchval("select retries from oauth2_provider_spent_refresh_tokens") == 19
    await chain(world, client, pairs[7], 1)


@pytest.mark.requirement("REF-03")
async def test_retries_are_bounded_and_too_many_end_nothing(world, person, clock):
    client = await world.make_client(is_public=True)
    first = await world.tokens(client, person)
    winner = (await world.refresh(client, first["refresh_token"])).json()
    for _ in range(MOST_RETRIES):
        assert (await world.refresh(client, first["refresh_token"])).status_code == 200
    for _ in range(2):
        assert is_refused(await world.refresh(client, first["refresh_token"]), "invalid_grant")
    assert await world.works(winner["access_token"])


@pytest.mark.requirement("REF-04", "TOK-06")
async def test_a_refresh_token_is_its_clients(world, client, person, clock):
    other = await world.make_client(is_public=client.app.is_public)
    tokens = await world.tokens(client, person)
    assert is_refused(await world.refresh(other, tokens["refresh_token"]), "invalid_grant")
    second = (await world.refresh(client, tokens["refresh_token"])).json()
    # A used one neither, in the grace and after it: nothing ends, because it is not its client that asks.
    assert is_refused(await world.refresh(other, tokens["refresh_token"]), "invalid_grant")
    clock.advance(GRACE * 2)
    assert is_refused(await world.refresh(other, tokens["refresh_token"]), "invalid_grant")
    assert await world.works(second["access_token"])


@pytest.mark.requirement("REF-04")
async def test_a_confidential_client_must_prove_itself_to_refresh(world, person):
    client = await world.make_client()
    tokens = await world.tokens(client, person)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert is_refused(await world.post("/oauth2/tokens", {**form, "client_id": client.id}), "invalid_client", 401)
    assert is_refused(await world.post("/oauth2/tokens", form), "invalid_request")
    assert (await world.refresh(client, tokens["refresh_token"])).status_code == 200


@pytest.mark.requirement("REF-05")
async def test_a_refresh_may_ask_for_less_and_for_all_again_but_never_for_more(world, client, person):
    tokens = await world.tokens(client, person, scopes=[READ, CREATE])
    for wrong in ("coder:all", f"{READ} coder:workspaces.delete", "user:delete", "nonsense", f"{READ} nonsense"):
        assert is_refused(await world.refresh(client, tokens["refresh_token"], scope=wrong), "invalid_scope")
    less = (await world.refresh(client, tokens["refresh_token"], scope=READ)).json()
    assert less["scope"] == READ
    held = await world.db.fetchval("select scopes from api_keys where id = $1", less["access_token"][:10])
    assert held == [READ]
    # What is covered by something granted counts as granted.
    part = (await world.refresh(client, less["refresh_token"], scope="workspace:read")).json()
    assert part["scope"] == "workspace:read"
    again = (await world.refresh(client, part["refresh_token"])).json()
    assert again["scope"] == f"{READ} {CREATE}"


@pytest.mark.requirement("REF-06", "RES-04")
async def test_a_refresh_keeps_the_resource(world, client, person):
    tokens = await world.tokens(client, person, resource=MCP)
    for wrong in (ACCESS_URL, "https://other.example", "nonsense"):
        assert is_refused(await world.refresh(client, tokens["refresh_token"], resource=wrong), "invalid_target")
    for asked in ({}, {"resource": MCP}):
        answer = await world.refresh(client, tokens["refresh_token"], **asked)
        assert answer.status_code == 200
        tokens = answer.json()
        assert (
            await world.db.fetchval("select audience from api_keys where id = $1", tokens["access_token"][:10]) == MCP
        )
    plain = await world.tokens(client, person)
    assert is_refused(await world.refresh(client, plain["refresh_token"], resource=ACCESS_URL), "invalid_target")
    assert (await world.refresh(client, plain["refresh_token"])).status_code == 200


@pytest.mark.requirement("REF-07")
async def test_a_refresh_token_expires_without_use_and_its_family_at_last(db, person, clock):
    lifetimes = {
        "oauth2_refresh_token_lifetime": timedelta(days=2),
        "oauth2_session_lifetime": timedelta(days=5),
        "oauth2_access_token_lifetime": timedelta(hours=1),
    }
    async with World(db, **lifetimes) as world:
        client = await world.make_client(is_public=True)
        idle = await world.tokens(client, person)
        used = await world.tokens(client, person)
        clock.advance(timedelta(days=1, hours=23))
        used = await chain(world, client, used, 1)
        clock.advance(timedelta(hours=1))
        assert is_refused(await world.refresh(client, idle["refresh_token"]), "invalid_grant")
        clock.advance(timedelta(days=1))
        used = await chain(world, client, used, 1)
        clock.advance(timedelta(days=1, hours=23, minutes=30))
        used = await chain(world, client, used, 1)
        # Nothing outlives the family, however long it was asked for.
        assert used["expires_in"] == 1800
        clock.advance(timedelta(minutes=30, seconds=1))
        assert is_refused(await world.refresh(client, used["refresh_token"]), "invalid_grant")
        assert not await world.works(used["access_token"])


@pytest.mark.requirement("REF-07", "AUD-06")
@pytest.mark.parametrize("end", ["suspended", "deleted", "password", "everywhere", "client", "secret", "grant"])
async def test_what_ends_the_tokens_ends_them_at_once_retries_too(world, second, person, end):
    admin = await world.accounts.make("owner")
    client = await world.make_client()
    first = await world.tokens(client, person)
    last = (await world.refresh(client, first["refresh_token"])).json()
    code = await world.code(client, person, resource=MCP)
    sql, path, body = "", f"/api/v2/users/{person.username}", None
    if end == "suspended":
        method, path = "PUT", f"{path}/status/suspend"
    elif end == "deleted":
        method = "DELETE"
    elif end == "password":
        method, path, body = "PUT", f"{path}/password", {"password": PASSWORD}
    elif end == "everywhere":
        method, path = "DELETE", f"{path}/sessions?applications=true"
    else:
        method = ""
        sql = {
            "client": "delete from oauth2_provider_apps where id = $1",
            "secret": "delete from oauth2_provider_app_secrets where app_id = $1",
            "grant": "delete from oauth2_provider_grants where app_id = $1",
        }[end]
    if method:
        answer = await world.first.request(method, path, headers=admin.headers, json=body)
        assert answer.status_code in {200, 204}, answer.text
    else:
        await world.db.execute(sql, client.app.id)
    assert not await world.works(last["access_token"], on=second)
    gone = ("invalid_client", 401) if end in {"client", "secret"} else ("invalid_grant", 400)
    for token in (first["refresh_token"], last["refresh_token"]):
        assert is_refused(await world.refresh(client, token, on=second), *gone)
    assert is_refused(await world.redeem(client, code), *gone)
    if end == "suspended":
        await world.first.request("PUT", f"/api/v2/users/{person.username}/status/activate", headers=admin.headers)
        assert is_refused(await world.refresh(client, last["refresh_token"]), *gone)


@pytest.mark.requirement("REF-08")
async def test_tokens_live_in_the_database_not_in_a_server(world, client, person, worker_database):
    from homeport.database import Database  # lazy: another server than the fixtures'

    tokens = await world.tokens(client, person)
    await world.first.gate.close()
    database = Database(worker_database, pool_size=2)
    try:
        after_restart = Replica(database)
        answer = await world.refresh(client, tokens["refresh_token"], on=after_restart)
        assert answer.status_code == 200
        assert await world.works(answer.json()["access_token"], on=after_restart)
        await after_restart.gate.close()
    finally:
        await database.close()


@pytest.mark.requirement("CON-09")
async def test_a_refresh_is_recorded(world, client, person):
    tokens = await world.tokens(client, person)
    await chain(world, client, tokens, 1)
    await world.refresh(client, tokens["refresh_token"])
    refreshed, retried = [
        entry
        for entry in await world.audited("oauth2_provider_app_token")
        if entry["additional_fields"]["grant_type"] == "refresh_token"
    ]
    assert (refreshed["action"], retried["action"]) == ("write", "create")
    assert refreshed["user_id"] == person.id
    assert refreshed["additional_fields"]["family_id"] == retried["additional_fields"]["family_id"]


@pytest.mark.requirement("REG-10")
async def test_a_client_with_narrower_limits_gets_less_at_its_next_refresh(world, client, person):
    tokens = await world.tokens(client, person, scopes=[READ, CREATE])
    await world.db.execute("update oauth2_provider_apps set scope = $2 where id = $1", client.app.id, READ)
    tokens = (await world.refresh(client, tokens["refresh_token"])).json()
    assert tokens["scope"] == READ
    await world.db.execute("update oauth2_provider_apps set scope = $2 where id = $1", client.app.id, "user:read")
    assert is_refused(await world.refresh(client, tokens["refresh_token"]), "invalid_grant")


async def test_races_between_use_and_end_leave_nothing_behind(world, second, person):
    """Whoever wins, the other sees it: no token survives the end of its family, and nobody is told of a deadlock."""
    client = await world.make_client(is_public=True)
    for _ in range(10):
        tokens = await world.tokens(client, person)
        answers = await asyncio.gather(
            world.refresh(client, tokens["refresh_token"]),
            world.refresh(client, tokens["refresh_token"], on=second),
            world.post("/oauth2/revoke", {**client.form, "token": tokens["refresh_token"]}, on=second),
            world.post("/oauth2/revoke", {**client.form, "token": tokens["access_token"]}),
        )
        assert {answer.status_code for answer in answers} <= {200, 400}
        await world.post("/oauth2/revoke", {**client.form, "token": tokens["refresh_token"]})
        assert (
            await world.db.fetchval("select count(*) from oauth2_provider_app_tokens where user_id = $1", person.id)
            == 0
        )
        left = "select count(*) from api_keys where login_type = 'oauth2_provider_app' and user_id = $1"
        assert await world.db.fetchval(left, person.id) == 0


@pytest.mark.parametrize("end", ["client", "delete", "suspend"])
async def test_a_refresh_meets_the_end_of_its_client_or_its_person(world, second, end):
    admin = await world.accounts.make("owner")
    for _ in range(8):
        person = await world.accounts.make("member")
        client = await world.make_client()
        tokens = await world.tokens(client, person)
        path = f"/api/v2/users/{person.username}"
        if end == "client":
            ending = second.db.execute("delete from oauth2_provider_apps where id = $1", client.app.id)
        elif end == "delete":
            ending = second.request("DELETE", path, headers=admin.headers)
        else:
            ending = second.request("PUT", f"{path}/status/suspend", headers=admin.headers)
        answer, ended = await asyncio.gather(world.refresh(client, tokens["refresh_token"]), ending)
        assert answer.status_code in {200, 400, 401}, answer.text
        assert ended == 1 or ended.status_code in {200, 204}
        left = "select count(*) from api_keys where login_type = 'oauth2_provider_app' and user_id = $1"
        assert await world.db.fetchval(left, person.id) == 0
