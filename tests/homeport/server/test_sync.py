"""The whole server brings people into line with their provider's claims: its rooms are connected."""

import pytest

from homeport.identity.types import LinkClaims, LoginType, SignedIn
from tests.homeport.server.deployment import Deployment
from tests.support.names import unique_name


@pytest.mark.requirement("SYNC-GROUP-03")
async def test_a_sign_in_reaches_the_groups_of_the_server(deployment: Deployment) -> None:
    owner, person = await deployment.accounts.make("owner"), await deployment.accounts.make("member")
    group = await deployment.ask(owner, "POST", "/organizations/default/groups", {"name": unique_name("group")})
    settings = {"field": "groups", "mapping": {"g-1": [group["id"]]}}
    await deployment.ask(owner, "PATCH", "/organizations/default/settings/idpsync/groups", settings)
    said = LinkClaims(merged_claims={"groups": ["g-1"]})
    async with deployment.db.transaction() as conn:
        await conn.emit(SignedIn(user_id=person.id, login_type=LoginType.OIDC, claims=said, is_new=False))
    found = await deployment.ask(owner, "GET", f"/groups/{group['id']}")
    assert [member["id"] for member in found["members"]] == [str(person.id)]
