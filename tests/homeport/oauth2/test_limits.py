"""Limits on what strangers may do: apart for authorization, tokens and registration, and told in the standards' words."""

from datetime import UTC, datetime, timedelta

import pytest

from homeport.access.rate_limits import RateLimits
from homeport.config import Settings
from homeport.kit.clock import FakeClock, use_clock
from homeport.kit.errors import TooManyRequests
from homeport.kit.ids import new_id
from tests.homeport.oauth2.visitors import asking, query_of
from tests.homeport.oauth2.world import CALLBACK, World, is_refused

LIMITS = {
    "dangerous_disable_rate_limits": False,
    "oauth2_authorize_rate_limit": 2,
    "oauth2_token_rate_limit": 2,
    "oauth2_register_rate_limit": 2,
}


@pytest.mark.requirement("TOK-13", "REG-07")
@pytest.mark.parametrize("exhausted", ["authorize", "token", "register"])
async def test_each_limit_is_for_itself(db, exhausted):
    async with World(db, **LIMITS) as world:
        client = await world.make_client(is_public=True)
        body = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
        wrong = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": client.id}

        async def ask(what):
            if what == "authorize":
                return await world.first.request("GET", f"/oauth2/authorize?{query_of(asking(client))}")
            if what == "token":
                return await world.post("/oauth2/tokens", wrong)
            return await world.first.request("POST", "/oauth2/register", json=body)

        usual = {"authorize": 303, "token": 400, "register": 201}
        status = usual.pop(exhausted)
        for _ in range(2):
            assert (await ask(exhausted)).status_code == status
        answer = await ask(exhausted)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert is_refused(answer, "too_many_requests", 429)
        for other, status in usual.items():
            assert (await ask(other)).status_code == status


async def test_attempts_are_counted_by_address(db):
    async with World(db, **LIMITS) as world:
        form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": str(new_id())}
        for _ in range(2):
            await world.post("/oauth2/tokens", form, address="198.51.100.1")
        assert (await world.post("/oauth2/tokens", form, address="198.51.100.1")).status_code == 429
        assert (await world.post("/oauth2/tokens", form, address="198.51.100.2")).status_code == 401


async def test_what_was_counted_is_forgotten_after_a_while(db):
    limits = RateLimits(Settings(oauth2_token_rate_limit=2), db)
    clock = FakeClock(datetime.now(UTC))
    with use_clock(clock):
        for number in range(10_001):
            await limits.count("token", f"address {number}")
        clock.advance(timedelta(minutes=3))
        await limits.count("token", "address again")
        assert len(limits._counted) == 1


async def test_nobody_is_limited_where_the_limits_are_off(db):
    limits = RateLimits(Settings(oauth2_token_rate_limit=1, dangerous_disable_rate_limits=True), db)
    for _ in range(5):
        await limits.count("token", "somebody")
        await limits.require("token", "somebody")
        await limits.hit("authorize", "somebody")


async def test_looking_does_not_count(db):
    limits = RateLimits(Settings(oauth2_token_rate_limit=1), db)
    for _ in range(5):
        await limits.require("token", "somebody")
    await limits.count("token", "somebody")
    with pytest.raises(TooManyRequests) as refusal:
        await limits.require("token", "somebody")
    assert 1 <= refusal.value.retry_after <= 60
    await limits.require("token", "somebody else")
