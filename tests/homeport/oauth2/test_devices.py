"""Devices that cannot show a browser get tokens once a person has answered for them (RFC 8628)."""

import asyncio
import re
from collections import Counter
from datetime import timedelta

import pytest

from homeport.oauth2.rules.user_codes import ALPHABET, read_user_code
from homeport.oauth2.service.devices import answer_device_request, find_device_request
from homeport.oauth2.service.grants import record_grant
from homeport.oauth2.types import DEVICE_GRANT
from tests.homeport.oauth2.world import MCP, READ, World, is_refused
from tests.support.accounts import ACCESS_URL

DEVICE = "/oauth2/device"
GRANTS = (DEVICE_GRANT, "refresh_token")


@pytest.fixture
async def person(world):
    return await world.accounts.make("member")


@pytest.fixture
async def client(world):
    return await world.make_client(is_public=True, grant_types=GRANTS)


async def begin(world, client, **form):
    answer = await world.post(DEVICE, {**client.form, **form})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def poll(world, client, begun, **more):
    return await world.token(client, grant_type=DEVICE_GRANT, device_code=begun["device_code"], **more)


async def decide(world, client, person, begun, *, is_allowed=True):
    """What the page does."""
    found = await find_device_request(world.db, begun["user_code"])
    assert found is not None
    async with world.db.transaction() as conn:
        grant = None
        if is_allowed:
            resource = found.row.resource_uri or ""
            grant = await record_grant(
                conn, user_id=person.id, app=client.app, resource_uri=resource, scopes=found.row.scopes
            )
        return await answer_device_request(
            conn, found.row, user_id=person.id, grant_id=grant.id if grant else None, scopes=found.row.scopes
        )


@pytest.mark.requirement("DEV-01")
async def test_a_device_gets_its_two_codes(world, client):
    answer = await world.post(DEVICE, client.form)
    assert answer.headers["cache-control"] == "no-store"
    begun = answer.json()
    assert re.fullmatch(r"hp_dc_[A-Za-z0-9]{10}_[A-Za-z0-9]{32}", begun["device_code"])
    assert re.fullmatch(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", begun["user_code"])
    assert len(ALPHABET) ** 8 > 2**20
    assert begun["verification_uri"] == f"{ACCESS_URL}/oauth2/device/verify"
    assert begun["verification_uri_complete"] == f"{ACCESS_URL}/oauth2/device/verify?user_code={begun['user_code']}"
    assert (begun["expires_in"], begun["interval"]) == (900, 5)
    row = await world.db.fetchrow("select * from oauth2_provider_device_codes")
    assert not any(part in str(dict(row)) for part in begun["device_code"].split("_")[2:])


@pytest.mark.requirement("DEV-01")
async def test_who_may_begin(world, client):
    plain = await world.make_client(is_public=True)
    assert is_refused(await world.post(DEVICE, plain.form), "unauthorized_client")
    assert is_refused(await world.post(DEVICE, {}), "invalid_request")
    secretive = await world.make_client(grant_types=GRANTS)
    assert is_refused(await world.post(DEVICE, {"client_id": secretive.id}), "invalid_client", 401)
    for resource in ("https://other.example", "nonsense", f"{MCP}#x", f"{MCP}/x"):
        assert is_refused(await world.post(DEVICE, {**client.form, "resource": resource}), "invalid_target")
    limited = await world.make_client(is_public=True, grant_types=GRANTS, scope=READ)
    assert is_refused(await world.post(DEVICE, {**limited.form, "scope": "coder:all"}), "invalid_scope")


@pytest.mark.requirement("DEV-02")
async def test_polling_from_waiting_to_success(world, second, client, person, clock):
    begun = await begin(world, client, scope=f"{READ} openid", resource=MCP.replace("http:", "HTTP:"))
    assert is_refused(await poll(world, client, begun), "authorization_pending")
    clock.advance(timedelta(seconds=5))
    assert is_refused(await poll(world, client, begun), "authorization_pending")
    # Too fast, on whatever server: from now on it has to wait for longer.
    clock.advance(timedelta(seconds=4))
    assert is_refused(await poll(world, client, begun, on=second), "slow_down")
    clock.advance(timedelta(seconds=9))
    assert is_refused(await poll(world, client, begun), "slow_down")
    clock.advance(timedelta(seconds=15))
    assert is_refused(await poll(world, client, begun), "authorization_pending")
    assert await decide(world, client, person, begun)
    answer = await poll(world, client, begun)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["scope"] == READ
    assert await world.db.fetchval("select audience from api_keys where id = $1", tokens["access_token"][:10]) == MCP
    assert (await world.refresh(client, tokens["refresh_token"])).status_code == 200
    assert is_refused(await poll(world, client, begun), "invalid_grant")
    (entry,) = await world.audited("oauth2_provider_app_token", "create")
    assert entry["additional_fields"]["grant_type"] == DEVICE_GRANT
    assert entry["user_id"] == person.id


@pytest.mark.requirement("DEV-02")
async def test_a_refusal_is_told_once(world, client, person):
    begun = await begin(world, client)
    assert await decide(world, client, person, begun, is_allowed=False)
    assert is_refused(await poll(world, client, begun), "access_denied")
    assert is_refused(await poll(world, client, begun), "invalid_grant")


@pytest.mark.requirement("DEV-02")
async def test_the_first_answer_counts_and_a_late_one_does_not(world, client, person, clock):
    begun = await begin(world, client)
    found = await find_device_request(world.db, begun["user_code"])
    assert found is not None
    assert await decide(world, client, person, begun, is_allowed=False)
    async with world.db.transaction() as conn:
        assert not await answer_device_request(conn, found.row, user_id=person.id, grant_id=None, scopes=[READ])
    late = await begin(world, client)
    waiting = await find_device_request(world.db, late["user_code"])
    assert waiting is not None
    clock.advance(timedelta(minutes=15))
    assert await find_device_request(world.db, late["user_code"]) is None
    async with world.db.transaction() as conn:
        assert not await answer_device_request(conn, waiting.row, user_id=person.id, grant_id=None, scopes=[READ])
    assert is_refused(await poll(world, client, late), "expired_token")


@pytest.mark.requirement("DEV-02", "TOK-09")
async def test_of_many_polls_at_once_on_two_servers_one_succeeds(world, second, client, person):
    begun = await begin(world, client)
    assert await decide(world, client, person, begun)
    servers = [world.first, second]
    answers = await asyncio.gather(*(poll(world, client, begun, on=servers[number % 2]) for number in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 19}
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert await world.works(won["access_token"])


@pytest.mark.requirement("DEV-02")
async def test_a_device_code_is_its_clients(world, client, person):
    other = await world.make_client(is_public=True, grant_types=GRANTS)
    begun = await begin(world, client)
    assert await decide(world, client, person, begun)
    assert is_refused(await poll(world, other, begun), "invalid_grant")
    for wrong in ("x", begun["user_code"], begun["device_code"].rpartition("_")[0] + "_" + "a" * 32):
        assert is_refused(await world.token(client, grant_type=DEVICE_GRANT, device_code=wrong), "invalid_grant")
    assert is_refused(await world.token(client, grant_type=DEVICE_GRANT), "invalid_request")
    await world.db.execute("update users set status = 'suspended' where id = $1", person.id)
    assert is_refused(await poll(world, client, begun), "invalid_grant")
    await world.db.execute("update users set status = 'active' where id = $1", person.id)
    assert (await poll(world, client, begun)).status_code == 200


async def test_beginning_is_limited_as_authorization_is(db):
    async with World(db, dangerous_disable_rate_limits=False, oauth2_authorize_rate_limit=3) as world:
        client = await world.make_client(is_public=True, grant_types=GRANTS)
        for _ in range(3):
            await begin(world, client)
        answer = await world.post(DEVICE, client.form)
        assert is_refused(answer, "too_many_requests", 429)
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("typed", ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "b-c-d-f-g-h-j-k", "BCDF–GHJK"])
def test_codes_are_read_however_they_are_typed(typed):
    assert read_user_code(typed) == "BCDFGHJK"


@pytest.mark.parametrize(
    "typed", ["", "BCDF-GHJ", "BCDF-GHJKL", "ACDF-GHJK", "BCDF1GHJK", "B" * 1000, "ßCDFGHJK", "BCDF\x00GHJK"]
)
def test_what_is_no_code_is_none(typed):
    assert read_user_code(typed) == ""
