"""What the provider's token endpoint says of times, and when a refresh token is shown to it."""

from datetime import timedelta
from typing import Any

import pytest

from homeport.database import Database
from homeport.kit.clock import FakeClock
from tests.support.issuer import Issuer
from tests.support.signing_in import api_of, me, signed_in


@pytest.mark.requirement("CLOCK-REFRESH-04")
async def test_no_refresh_token_is_spent_while_there_are_no_keys(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    token = await signed_in(api_of(db, issuer), issuer)
    issuer.gives_id_token_on_refresh = True
    # Another server, which has never seen the keys.
    other = api_of(db, issuer)
    issuer.failing["/keys"] = (500, {})
    clock.advance(timedelta(hours=1, seconds=1))
    assert (await me(other, token)).status_code == 401
    assert issuer.refreshes() == 0
    del issuer.failing["/keys"]
    clock.advance(timedelta(seconds=6))
    assert (await me(other, token)).status_code == 200
    assert issuer.refreshes() == 1


@pytest.mark.requirement("CLOCK-REFRESH-04")
@pytest.mark.parametrize("trouble", ["changed keys", "keys away", "odd claims"])
async def test_a_refresh_token_that_comes_with_what_nobody_believes_is_kept_all_the_same(
    db: Database, issuer: Issuer, clock: FakeClock, trouble: str
) -> None:
    """The one before has been spent."""
    issuer.lifetime = 2
    api = api_of(db, issuer)
    token = await signed_in(api, issuer)
    before = await db.fetchrow("select oauth_expiry, claims from user_links")
    issuer.gives_id_token_on_refresh = True
    # The keys have just been fetched, so they are not fetched again in the same breath.
    clock.advance(timedelta(seconds=3))
    if trouble == "odd claims":
        issuer.id_token_changes = {"aud": "another"}
    else:
        issuer.rotate("second")
        if trouble == "keys away":
            issuer.failing["/keys"] = (500, {})
    assert (await me(api, token)).status_code == 401
    assert await db.fetchrow("select oauth_expiry, claims from user_links") == before
    issuer.id_token_changes = {}
    issuer.failing.clear()
    clock.advance(timedelta(seconds=6))
    assert (await me(api, token)).status_code == 200
    assert issuer.refreshes() == 2


@pytest.mark.requirement("CLOCK-AWAY-02")
async def test_a_provider_is_waited_for_as_a_whole(
    db: Database, issuer: Issuer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homeport.access.service.links.PATIENCE", timedelta(seconds=0.5))
    token = await signed_in(api_of(db, issuer), issuer)
    other = api_of(db, issuer)
    issuer.delays = {"/.well-known/openid-configuration": 0.3, "/keys": 0.3, "/token": 0.3}
    clock.advance(timedelta(hours=1, seconds=1))
    assert (await me(other, token)).status_code == 401
    assert await db.fetchval("select refreshing_until from user_links") is None
    issuer.delays = {}
    clock.advance(timedelta(seconds=4))
    assert (await me(other, token)).status_code == 200


@pytest.mark.requirement("CLOCK-EXPIRY-01")
@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [
        (90, 90), ("90", 90), (1.5, 1.5), (0, 0), (-5, 0), ("-Infinity", 0), (None, None), ("soon", None), ([90], None),
        ("NaN", None), ("Infinity", None), (10**9, None), (10**400, None),
    ],
)  # fmt: skip
async def test_when_a_token_of_the_provider_ends(
    db: Database, issuer: Issuer, clock: FakeClock, lifetime: Any, seconds: float | None
) -> None:
    issuer.lifetime = lifetime
    await signed_in(api_of(db, issuer), issuer)
    expected = None if seconds is None else clock.now() + timedelta(seconds=seconds)
    assert await db.fetchval("select oauth_expiry from user_links") == expected
