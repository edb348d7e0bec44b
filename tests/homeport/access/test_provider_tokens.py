"""A person's access token at a provider, for what works in their name."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from homeport.access.service.links import LinkClock
from homeport.database import Database
from homeport.identity.types import LoginType
from homeport.kit.clock import FakeClock
from homeport.kit.crypto import Cipher
from tests.support.accounts import build_api
from tests.support.issuer import Issuer, running_issuer
from tests.support.signing_in import signed_in

CIPHER = Cipher([bytes(range(32))])
LIFETIME = timedelta(hours=1, seconds=1)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A provider whose tokens last an hour."""
    with running_issuer() as running:
        yield running


@pytest.mark.requirement("WS-SESSION-03")
async def test_it_is_renewed_where_it_has_ended_and_empty_where_that_fails(
    db: Database, issuer: Issuer, clock: FakeClock
) -> None:
    api = build_api(db, **issuer.settings)
    await signed_in(api, issuer)
    user_id = await db.fetchval("select user_id from user_links")
    links = LinkClock(db, CIPHER, api.providers, access_url=api.settings.access_url)

    async def stored() -> str:
        return CIPHER.decrypt(await db.fetchval("select access_token_sealed from user_links")).decode()

    first = await links.access_token(user_id, LoginType.OIDC)
    assert (first, issuer.refreshes()) == (await stored(), 0)
    clock.advance(LIFETIME)
    second = await links.access_token(user_id, LoginType.OIDC)
    assert (second, issuer.refreshes()) == (await stored(), 1)
    assert second not in {"", first}
    # Of another kind, of somebody else, or sealed with a key that is gone, there is none.
    assert await links.access_token(user_id, LoginType.GITHUB) == ""
    assert await links.access_token(uuid4(), LoginType.OIDC) == ""
    strange = LinkClock(db, Cipher([bytes(32)]), api.providers, access_url=api.settings.access_url)
    assert await strange.access_token(user_id, LoginType.OIDC) == ""
    await db.execute("update user_links set refresh_token_sealed = null")
    clock.advance(LIFETIME)
    assert await links.access_token(user_id, LoginType.OIDC) == ""
