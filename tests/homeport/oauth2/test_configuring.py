"""Clients that manage their registration (RFC 7592)."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from homeport.oauth2.queries import clients as queries
from tests.homeport.oauth2.test_metadata import empties
from tests.homeport.oauth2.test_registration import CALLBACK, registered
from tests.homeport.oauth2.world import OAuthClient, World, is_refused

READ, OPERATE = "coder:workspaces.read", "coder:workspaces.operate"


async def manage(
    world: World,
    method: str,
    client: dict[str, Any],
    body: Any = None,
    *,
    token: str | None = None,
    client_id: str = "",
) -> httpx.Response:
    held = client["registration_access_token"] if token is None else token
    more = {"json": body} if body is not None else {}
    return await world.first.request(
        method,
        f"/oauth2/clients/{client_id or client['client_id']}",
        headers={"authorization": f"Bearer {held}"},
        **more,
    )


async def as_client(world: World, found: dict[str, Any]) -> OAuthClient:
    async with world.db.connection() as conn:
        app = await queries.find_app(conn, UUID(found["client_id"]))
    assert app is not None
    return OAuthClient(app, found.get("client_secret", ""))


@pytest.mark.requirement("REG-09", "REG-10", "DIS-10")
async def test_a_client_reads_what_is_stored_of_it(world: World) -> None:
    made = await registered(world, client_name="Mine", scope=READ, contacts=["a@client.example"], software_id="x")
    answer = await manage(world, "GET", made)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    assert empties(found) == []
    secret = {"client_secret", "client_secret_expires_at"}
    assert found == {name: value for name, value in made.items() if name not in secret}


@pytest.mark.requirement("REG-10")
async def test_a_client_replaces_what_it_has_said(world: World) -> None:
    made = await registered(
        world, client_name="Before", client_uri="https://client.example/", scope=f"{READ} {OPERATE}"
    )
    body = {"client_id": made["client_id"], "client_name": "After", "redirect_uris": ["https://client.example/other"]}
    answer = await manage(world, "PUT", made, body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert empties(found) == []
    assert (found["client_name"], found["redirect_uris"]) == ("After", ["https://client.example/other"])
    assert "client_uri" not in found
    assert "scope" not in found
    assert found["token_endpoint_auth_method"] == made["token_endpoint_auth_method"]
    assert found["registration_access_token"] == made["registration_access_token"]
    assert (await manage(world, "GET", made)).json() == found
    (entry,) = await world.audited("oauth2_provider_app", "write")
    assert entry["diff"]["name"] == {"old": "Before", "new": "After", "secret": False}


@pytest.mark.requirement("REG-10", "REG-08")
async def test_what_cannot_be_registered_cannot_be_set_later(world: World) -> None:
    made = await registered(world, token_endpoint_auth_method="none")
    good = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
    for changes, code in (
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"client_id": str(uuid4())}, "invalid_client_metadata"),
        ({"client_id": "https://evil.example/x"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": CALLBACK}, "invalid_client_metadata"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
    ):
        assert is_refused(await manage(world, "PUT", made, {**good, **changes}), code), changes
    confidential = await registered(world)
    public = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
    assert is_refused(await manage(world, "PUT", confidential, public), "invalid_client_metadata")
    assert (await manage(world, "GET", made)).json()["redirect_uris"] == [CALLBACK]


@pytest.mark.requirement("REG-10")
async def test_nobody_else_reaches_a_registration_and_refusals_are_alike(world: World) -> None:
    made, other = await registered(world), await registered(world)
    by_owner = await world.make_client()
    owner = await world.accounts.make("owner")
    token = made["registration_access_token"]
    tokens = [
        "",
        "x",
        f"{token}x",
        token[:-1],
        token.upper(),
        other["registration_access_token"],
        "hp_reg_a_b",
        owner.token,
    ]
    ids = [str(uuid4()), "not-an-id", "%00", by_owner.id, other["client_id"], f"{made['client_id']}x"]
    answers: list[httpx.Response] = []
    for method in ("GET", "PUT", "DELETE"):
        body = {"redirect_uris": [CALLBACK]} if method == "PUT" else None
        path = f"/oauth2/clients/{made['client_id']}"
        more: dict[str, Any] = {"json": body} if body else {}
        bare = [{}, {"authorization": f"Basic {token}"}, {"authorization": token}, owner.headers]
        answers += [await manage(world, method, made, body, token=wrong) for wrong in tokens]
        answers += [await manage(world, method, made, body, client_id=client_id) for client_id in ids]
        answers += [await world.first.request(method, path, headers=headers, **more) for headers in bare]
        answers.append(await world.first.request(method, f"{path}?access_token={token}", **more))
    for answer in answers:
        assert is_refused(answer, "invalid_token", 401)
        assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert len({answer.content for answer in answers}) == 1
    assert (await manage(world, "GET", made)).status_code == 200


@pytest.mark.requirement("REG-10")
async def test_deleting_ends_everything_at_once(world: World) -> None:
    person = await world.accounts.make()
    made = await registered(world, client_name="Doomed")
    client = await as_client(world, made)
    tokens = await world.tokens(client, person)
    code = await world.code(client, person)
    assert await world.works(tokens["access_token"])
    answer = await manage(world, "DELETE", made)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert not await world.works(tokens["access_token"])
    assert is_refused(await world.refresh(client, tokens["refresh_token"]), "invalid_client", 401)
    assert is_refused(await world.redeem(client, code), "invalid_client", 401)
    for method in ("GET", "DELETE"):
        assert is_refused(await manage(world, method, made), "invalid_token", 401)
    assert await world.db.fetchval("select count(*) from api_keys where login_type = 'oauth2_provider_app'") == 0
    (entry,) = await world.audited("oauth2_provider_app", "delete")
    assert entry["resource_target"] == "Doomed"


@pytest.mark.requirement("REG-10")
async def test_a_narrowed_scope_counts_for_codes_and_tokens_at_once(world: World) -> None:
    person = await world.accounts.make()
    made = await registered(world, scope=f"{READ} {OPERATE}")
    client = await as_client(world, made)
    wide = await world.tokens(client, person, scopes=(READ, OPERATE))
    code = await world.code(client, person, scopes=(READ, OPERATE))
    answer = await manage(world, "PUT", made, {"redirect_uris": [CALLBACK], "scope": READ})
    assert answer.json()["scope"] == READ
    assert is_refused(await world.redeem(client, code), "invalid_grant")
    assert not await world.works(wide["access_token"])
    narrow = await world.tokens(client, person, scopes=(READ,))
    assert await world.works(narrow["access_token"])
    await manage(world, "PUT", made, {"redirect_uris": [CALLBACK], "scope": READ, "client_name": "Renamed"})
    assert await world.works(narrow["access_token"])


async def test_a_scope_said_at_registration_is_no_limit(world: World) -> None:
    """Libraries put the scope of the first challenge there, and ask for more later."""
    person = await world.accounts.make()
    client = await as_client(world, await registered(world, scope=READ))
    assert await world.tokens(client, person, scopes=(READ, OPERATE))


async def test_codes_for_an_address_that_is_gone_are_gone(world: World) -> None:
    person = await world.accounts.make()
    made = await registered(world, redirect_uris=[CALLBACK, "https://client.example/kept"])
    client = await as_client(world, made)
    gone = await world.code(client, person)
    kept = await world.code(client, person, redirect_uri="https://client.example/kept")
    await manage(world, "PUT", made, {"redirect_uris": ["https://client.example/kept"]})
    assert is_refused(await world.redeem(client, gone), "invalid_grant")
    answer = await world.redeem(client, kept, redirect_uri="https://client.example/kept")
    assert answer.status_code == 200, answer.text


async def test_changing_the_proof_renews_the_secret(world: World) -> None:
    made = await registered(world)
    keyed = await manage(
        world,
        "PUT",
        made,
        {
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": "https://client.example/keys",
        },
    )
    assert keyed.status_code == 200, keyed.text
    assert "client_secret" not in keyed.json()
    client = await as_client(world, made)
    assert is_refused(await world.token(client, grant_type="refresh_token", refresh_token="x"), "invalid_client", 401)
    back = await manage(
        world, "PUT", made, {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post"}
    )
    secret = back.json()["client_secret"]
    assert secret not in {made["client_secret"], ""}
    client = await as_client(world, {**made, "client_secret": secret})
    assert is_refused(await world.token(client, grant_type="refresh_token", refresh_token="x"), "invalid_grant")
