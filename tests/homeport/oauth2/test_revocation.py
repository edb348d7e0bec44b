"""Clients give their tokens back (RFC 7009)."""

import pytest

from tests.homeport.oauth2.world import is_refused

REVOKE = "/oauth2/revoke"


@pytest.fixture
async def person(world):
    return await world.accounts.make("member")


@pytest.fixture(params=[True, False], ids=["public", "confidential"])
async def client(world, request):
    return await world.make_client(is_public=request.param)


def is_done(answer):
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    assert answer.headers["cache-control"] == "no-store"
    return True


@pytest.mark.requirement("REV-01")
async def test_a_refresh_token_takes_its_family_along(world, second, client, person):
    first = await world.tokens(client, person)
    sibling = (await world.refresh(client, first["refresh_token"])).json()
    other = (await world.refresh(client, first["refresh_token"])).json()
    assert is_done(await world.post(REVOKE, {**client.form, "token": other["refresh_token"]}, on=second))
    for tokens in (sibling, other):
        assert not await world.works(tokens["access_token"])
    for token in (first, sibling, other):
        assert is_refused(await world.refresh(client, token["refresh_token"]), "invalid_grant")
    (entry,) = await world.audited("oauth2_provider_token_family", "delete")
    assert (entry["additional_fields"]["reason"], entry["user_id"]) == ("revoked", person.id)


@pytest.mark.requirement("REV-01")
async def test_a_used_refresh_token_ends_its_family_as_well(world, client, person):
    first = await world.tokens(client, person)
    last = (await world.refresh(client, first["refresh_token"])).json()
    assert is_done(await world.post(REVOKE, {**client.form, "token": first["refresh_token"]}))
    assert not await world.works(last["access_token"])


@pytest.mark.requirement("REV-01")
async def test_an_access_token_takes_its_refresh_token_along_and_leaves_the_others(world, client, person):
    first = await world.tokens(client, person)
    mine = (await world.refresh(client, first["refresh_token"])).json()
    sibling = (await world.refresh(client, first["refresh_token"])).json()
    assert is_done(await world.post(REVOKE, {**client.form, "token": mine["access_token"]}))
    assert not await world.works(mine["access_token"])
    assert is_refused(await world.refresh(client, mine["refresh_token"]), "invalid_grant")
    assert await world.works(sibling["access_token"])
    assert is_done(await world.post(REVOKE, {**client.form, "token": sibling["access_token"]}))
    # Nothing is left that a retry could be answered from.
    assert is_refused(await world.refresh(client, first["refresh_token"]), "invalid_grant")
    reasons = [
        entry["additional_fields"]["reason"] for entry in await world.audited("oauth2_provider_app_token", "delete")
    ]
    assert reasons == ["revoked", "revoked"]


@pytest.mark.requirement("REV-01", "REV-02")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nonsense"])
async def test_hints_change_nothing_and_twice_is_as_good_as_once(world, client, person, kind, hint):
    tokens = await world.tokens(client, person)
    form = {**client.form, "token": tokens[kind], **({"token_type_hint": hint} if hint else {})}
    assert is_done(await world.post(REVOKE, form))
    assert is_done(await world.post(REVOKE, form))
    assert not await world.works(tokens["access_token"])


@pytest.mark.requirement("REV-01", "REV-02")
async def test_what_is_not_the_clients_token_stays(world, client, person):
    other = await world.make_client(is_public=True)
    tokens = await world.tokens(other, person)
    wrong_secret = tokens["access_token"][:11] + "a" * 22
    wrong_refresh = tokens["refresh_token"].rpartition("_")[0] + "_" + "a" * 32
    strange = ["x", "hp_rt_", "hp_rt_a_b", "\x01", "💥", "a" * 5_000, "' or 1=1 --", "0123456789-" + "0" * 22]
    code = await world.code(other, person)
    for token in (
        tokens["access_token"],
        tokens["refresh_token"],
        wrong_secret,
        wrong_refresh,
        person.token,
        code,
        *strange,
    ):
        assert is_done(await world.post(REVOKE, {**client.form, "token": token}))
        if token in {wrong_secret, wrong_refresh, person.token}:
            assert is_done(await world.post(REVOKE, {**other.form, "token": token}))
    assert await world.works(tokens["access_token"])
    assert await world.works(person.token)
    assert (await world.refresh(other, tokens["refresh_token"])).status_code == 200
    assert (await world.redeem(other, code)).status_code == 200


@pytest.mark.requirement("REV-02")
async def test_the_client_proves_itself_as_at_the_token_endpoint(world, person):
    client = await world.make_client()
    tokens = await world.tokens(client, person)
    token = {"token": tokens["refresh_token"]}
    assert is_refused(await world.post(REVOKE, token), "invalid_request")
    assert is_refused(await world.post(REVOKE, {**token, "client_id": client.id}), "invalid_client", 401)
    assert is_refused(
        await world.post(REVOKE, {**token, "client_id": client.id, "client_secret": "x"}), "invalid_client", 401
    )
    assert is_refused(await world.post(REVOKE, {**token, "client_id": person.id.hex}), "invalid_client", 401)
    assert is_refused(await world.post(REVOKE, client.form), "invalid_request")
    assert is_refused(await world.post(f"{REVOKE}?token=x", {**client.form, **token}), "invalid_request")
    assert is_refused(await world.first.request("GET", REVOKE), "invalid_request", 405)
    assert await world.works(tokens["access_token"])
    assert is_done(await world.post(REVOKE, token, headers=client.basic()))
    assert not await world.works(tokens["access_token"])
