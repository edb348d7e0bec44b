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
