"""What has expired is removed, in batches, by one server at a time, and nothing else."""

import asyncio
from datetime import timedelta

import pytest

from homeport.database import Database
from homeport.kit import clock as kit_clock
from homeport.oauth2.service import purging
from homeport.oauth2.service.purging import purge
from homeport.oauth2.tasks import INTERVAL_SECONDS, purge_once
from homeport.oauth2.types import CODE_LIFETIME, DEVICE_CODE_LIFETIME, DEVICE_GRANT
from homeport.server.application import Application
from tests.homeport.oauth2.world import MCP, World
from tests.support.waiting import until

TABLES = (
    "oauth2_provider_app_codes", "oauth2_provider_app_tokens", "oauth2_provider_token_families",
    "oauth2_provider_spent_refresh_tokens", "oauth2_provider_device_codes", "oauth2_provider_single_uses",
)  # fmt: skip


@pytest.fixture
async def person(world):
    return await world.accounts.make("member", lifetime=timedelta(days=3650))


@pytest.fixture
async def client(world):
    return await world.make_client(is_public=True, grant_types=["authorization_code", "refresh_token", DEVICE_GRANT])


async def counts(world):
    found = [await world.db.fetchval(f"select count(*) from {table}") for table in TABLES]
    keys = await world.db.fetchval("select count(*) from api_keys where login_type = 'oauth2_provider_app'")
    return (*found, keys)


async def test_codes_and_device_codes_go_when_they_expire(world, client, person, clock):
    await world.code(client, person)
    await world.post("/oauth2/device", client.form)
    assert await purge(world.db, world.settings) == 0
    clock.advance(CODE_LIFETIME + timedelta(seconds=1))
    assert await purge(world.db, world.settings) == 1
    clock.advance(DEVICE_CODE_LIFETIME)
    assert await purge(world.db, world.settings) == 1
    assert await counts(world) == (0,) * 7


async def test_a_token_goes_with_its_key_when_both_its_halves_have_expired(world, client, person, clock):
    tokens = await world.tokens(client, person)
    clock.advance(timedelta(days=29))
    # The access token has expired long since, the refresh token has not: the pair stays, and still refreshes.
    assert await purge(world.db, world.settings) == 0
    assert await counts(world) == (0, 1, 1, 0, 0, 0, 1)
    assert (await world.refresh(client, tokens["refresh_token"])).status_code == 200
    clock.advance(timedelta(days=30, seconds=1))
    await purge(world.db, world.settings)
    # With the last token its family goes, and with that what it remembers.
    assert await counts(world) == (0,) * 7


async def test_used_tokens_are_remembered_for_as_long_as_they_could_have_lived(world, client, person, clock):
    first = await world.tokens(client, person)
    tokens = (await world.refresh(client, first["refresh_token"])).json()
    for _ in range(2):
        clock.advance(timedelta(days=20))
        await purge(world.db, world.settings)
        tokens = (await world.refresh(client, tokens["refresh_token"])).json()
    # Of the three that were used the oldest is forgotten; the others would still be recognised.
    assert await world.db.fetchval("select count(*) from oauth2_provider_spent_refresh_tokens") == 2
    assert await world.works(tokens["access_token"])


async def test_a_family_goes_at_its_absolute_end(world, client, person, clock):
    tokens = await world.tokens(client, person)
    await world.db.execute(
        "update oauth2_provider_token_families set expires_at = $1", kit_clock.now() + timedelta(days=1)
    )
    clock.advance(timedelta(days=1, seconds=1))
    await purge(world.db, world.settings)
    assert await counts(world) == (0,) * 7
    assert not await world.works(tokens["access_token"])


async def test_grants_and_clients_of_administrators_stay(world, client, person, clock):
    await world.tokens(client, person)
    clock.advance(timedelta(days=1000))
    await purge(world.db, world.settings)
    assert await world.db.fetchval("select count(*) from oauth2_provider_grants") == 1
    assert await world.db.fetchval("select count(*) from oauth2_provider_apps") == 1


@pytest.mark.requirement("REG-07")
async def test_clients_that_registered_themselves_go_unless_somebody_allows_them_something(world, person, clock):
    used = await world.make_client(is_public=True, kind="dynamic", dynamically_registered=True)
    unused = await world.make_client(is_public=True, kind="dynamic", dynamically_registered=True)
    await world.code(used, person)
    clock.advance(world.settings.oauth2_unused_client_lifetime + timedelta(seconds=1))
    await purge(world.db, world.settings)
    left = [row["id"] for row in await world.db.fetch("select id from oauth2_provider_apps")]
    assert left == [used.app.id]
    (entry,) = await world.audited("oauth2_provider_app", "delete")
    assert (entry["resource_id"], entry["additional_fields"]["reason"]) == (unused.app.id, "unused")


async def test_many_go_in_batches(world, client, person, clock, monkeypatch):
    monkeypatch.setattr(purging, "BATCH", 3)
    for _ in range(8):
        await world.tokens(client, person)
        await world.code(client, person)
    clock.advance(timedelta(days=31))
    assert await purge(world.db, world.settings) == 24
    assert await counts(world) == (0,) * 7


async def test_two_servers_do_not_disturb_each_other_and_use_goes_on(world, second, client, person, clock):
    for _ in range(10):
        await world.code(client, person)
    live = await world.tokens(client, person, resource="")
    clock.advance(CODE_LIFETIME + timedelta(seconds=1))
    *_, answer = await asyncio.gather(
        purge(world.db, world.settings), purge(second.db, second.settings), world.refresh(client, live["refresh_token"])
    )
    assert answer.status_code == 200
    await purge(world.db, world.settings)
    assert await world.db.fetchval("select count(*) from oauth2_provider_app_codes") == 0


async def test_rows_in_use_are_left_for_the_next_round(world, client, person, clock):
    await world.code(client, person)
    clock.advance(CODE_LIFETIME + timedelta(seconds=1))
    async with world.db.transaction() as conn:
        await conn.execute("select 1 from oauth2_provider_app_codes for update")
        assert await purge(world.db, world.settings) == 0
    assert await purge(world.db, world.settings) == 1


async def test_the_server_purges_by_itself(world, client, person, clock, tmp_path):
    await world.code(client, person)
    await world.tokens(client, person, resource=MCP)
    parts = world.first.parts
    settings = parts.settings.__class__(
        access_url=parts.settings.access_url, data_dir=tmp_path, provisioner_daemons=0, oauth2_provider_enable=True
    )
    database = Database(world.db.url, pool_size=4)
    application = Application(settings, database, parts.listener, parts.cipher)
    await application.start()
    try:
        clock.advance(CODE_LIFETIME)

        async def is_done():
            clock.advance(timedelta(seconds=INTERVAL_SECONDS))
            return await world.db.fetchval("select count(*) from oauth2_provider_app_codes") == 0

        await until(is_done)
        assert await world.db.fetchval("select count(*) from oauth2_provider_app_tokens") == 1
    finally:
        await application.stop_streams()
        await application.stop()
        await database.close()


async def test_a_round_says_how_much_went(db, person, clock):
    async with World(db) as world:
        client = await world.make_client()
        await world.code(client, person)
        clock.advance(CODE_LIFETIME + timedelta(seconds=1))
        assert await purge_once(db, world.settings) == 1
        assert await purge_once(db, world.settings) == 0
