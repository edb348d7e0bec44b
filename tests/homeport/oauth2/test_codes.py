"""Codes become tokens: once, for their client, with their verifier, address and resource."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from homeport.oauth2.rules.pkce import challenge_of
from homeport.oauth2.types import CODE_LIFETIME
from tests.homeport.oauth2.world import CALLBACK, CHALLENGE, MCP, READ, VERIFIER, is_refused
from tests.support.accounts import ACCESS_URL

OTHER_VERIFIER = "another-verifier-that-is-long-enough-too-0123456789"


@pytest.fixture
async def person(world):
    return await world.accounts.make("member")


@pytest.fixture
async def client(world):
    return await world.make_client()


@pytest.fixture
async def public(world):
    return await world.make_client(is_public=True)


@pytest.mark.requirement("TOK-05", "M02")
@pytest.mark.parametrize(
    "verifier",
    [
        "",
        OTHER_VERIFIER,
        VERIFIER[:-1],
        VERIFIER.upper(),
        challenge_of(VERIFIER),
        "a" * 42,
        "a" * 129,
        VERIFIER + "é",
        VERIFIER + " ",
    ],
)
async def test_without_the_verifier_a_code_is_worth_nothing_and_stays_good_for_its_owner(
    world, public, person, verifier
):
    code = await world.code(public, person)
    assert is_refused(await world.redeem(public, code, verifier=verifier), "invalid_grant")
    # Whoever has the code alone can neither use it nor spoil it.
    answer = await world.redeem(public, code)
    assert answer.status_code == 200
    assert await world.works(answer.json()["access_token"])


@pytest.mark.requirement("TOK-05", "M02")
async def test_a_verifier_without_a_challenge_is_refused(world, client, person):
    code = await world.code(client, person, challenge="")
    assert is_refused(await world.redeem(client, code), "invalid_grant")
    assert (await world.redeem(client, code, verifier="")).status_code == 200


@pytest.mark.requirement("M02")
async def test_the_vector_of_the_standard(world, public, person):
    code = await world.code(public, person, challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    assert (await world.redeem(public, code, verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).status_code == 200


@pytest.mark.requirement("TOK-06")
@pytest.mark.parametrize("is_public", [True, False])
async def test_a_code_is_its_clients(world, person, is_public):
    mine, other = await world.make_client(is_public=is_public), await world.make_client(is_public=is_public)
    code = await world.code(mine, person)
    assert is_refused(await world.redeem(other, code), "invalid_grant")
    tokens = (await world.redeem(mine, code)).json()
    # Nor does somebody else's replay end anything.
    assert is_refused(await world.redeem(other, code), "invalid_grant")
    assert await world.works(tokens["access_token"])


@pytest.mark.requirement("TOK-07")
@pytest.mark.parametrize("is_public", [True, False])
async def test_a_code_used_twice_ends_what_came_of_it(world, person, is_public):
    client = await world.make_client(is_public=is_public)
    code = await world.code(client, person)
    first = (await world.redeem(client, code)).json()
    second = (await world.refresh(client, first["refresh_token"])).json()
    assert await world.works(second["access_token"])
    assert is_refused(await world.redeem(client, code), "invalid_grant")
    assert not await world.works(second["access_token"])
    assert is_refused(await world.refresh(client, second["refresh_token"]), "invalid_grant")
    ends = await world.audited("oauth2_provider_token_family", "delete")
    assert [(entry["additional_fields"]["reason"], entry["user_id"]) for entry in ends] == [("code_reuse", person.id)]
    # Again, with nothing left to end.
    assert is_refused(await world.redeem(client, code), "invalid_grant")


@pytest.mark.requirement("TOK-07")
async def test_a_wrong_replay_ends_nothing(world, public, person):
    code = await world.code(public, person)
    tokens = (await world.redeem(public, code)).json()
    for wrong in ({"verifier": OTHER_VERIFIER}, {"verifier": ""}):
        assert is_refused(await world.redeem(public, code, **wrong), "invalid_grant")
    secret = code.rpartition("_")
    assert is_refused(await world.redeem(public, f"{secret[0]}_{'a' * 32}"), "invalid_grant")
    assert await world.works(tokens["access_token"])


@pytest.mark.requirement("TOK-08")
async def test_a_code_lives_for_ten_minutes_at_most(world, client, person, clock):
    assert timedelta(minutes=10) >= CODE_LIFETIME
    late, early = await world.code(client, person), None
    clock.advance(CODE_LIFETIME)
    assert is_refused(await world.redeem(client, late), "invalid_grant")
    early = await world.code(client, person)
    clock.advance(CODE_LIFETIME - timedelta(seconds=1))
    assert (await world.redeem(client, early)).status_code == 200


@pytest.mark.requirement("TOK-09")
@pytest.mark.parametrize("is_public", [True, False])
async def test_of_fifty_redemptions_at_once_on_two_servers_one_succeeds(world, second, person, is_public):
    client = await world.make_client(is_public=is_public)
    code = await world.code(client, person)
    servers = [world.first, second]
    answers = await asyncio.gather(*(world.redeem(client, code, on=servers[number % 2]) for number in range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 49}
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    assert await world.db.fetchval("select count(*) from oauth2_provider_token_families") <= 1


@pytest.mark.requirement("TOK-09")
async def test_a_form_sent_twice_at_once_leaves_its_winner_working(world, second, person, client):
    for _ in range(5):
        code = await world.code(client, person)
        answers = await asyncio.gather(world.redeem(client, code), world.redeem(client, code, on=second))
        won = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(won) == 1
        assert await world.works(won[0]["access_token"])


@pytest.mark.requirement("RED-09")
async def test_a_redirect_address_that_is_sent_must_be_the_authorized_one(world, client, public, person):
    async def redeem(client, *, sent, authorized=CALLBACK, challenge=CHALLENGE):
        code = await world.code(client, person, redirect_uri=authorized, challenge=challenge)
        form = {"grant_type": "authorization_code", "code": code, **({"redirect_uri": sent} if sent else {})}
        return await world.token(client, **form, **({"code_verifier": VERIFIER} if challenge else {}))

    for wrong in (f"{CALLBACK}/", f"{CALLBACK}?x=1", "https://evil.example/callback", "http://client.example/callback"):
        assert is_refused(await redeem(public, sent=wrong), "invalid_grant")
        assert is_refused(await redeem(public, sent=wrong, authorized=""), "invalid_grant")
    assert (await redeem(public, sent=CALLBACK)).status_code == 200
    # PKCE binds the code, so it may be left out; without PKCE nothing else does.
    assert (await redeem(public, sent="")).status_code == 200
    assert is_refused(await redeem(client, sent="", challenge=""), "invalid_grant")
    assert (await redeem(client, sent="", authorized="", challenge="")).status_code == 200
    assert (await redeem(client, sent=CALLBACK, authorized="")).status_code == 200


@pytest.mark.requirement("TOK-06")
async def test_what_ends_a_person_ends_their_codes(world, client, person):
    code = await world.code(client, person)
    await world.db.execute("update users set status = 'suspended' where id = $1", person.id)
    assert is_refused(await world.redeem(client, code), "invalid_grant")
    # Refused, so nothing was used up.
    await world.db.execute("update users set status = 'active' where id = $1", person.id)
    assert (await world.redeem(client, code)).status_code == 200


@pytest.mark.requirement("REG-10")
async def test_a_code_for_more_than_the_client_may_have_today_is_refused(world, person):
    client = await world.make_client(scope=f"{READ} coder:workspaces.create")
    code = await world.code(client, person, scopes=["coder:workspaces.create"])
    await world.db.execute("update oauth2_provider_apps set scope = $2 where id = $1", client.app.id, READ)
    assert is_refused(await world.redeem(client, code), "invalid_grant")
    assert (await world.redeem(client, await world.code(client, person, scopes=[READ]))).status_code == 200


async def test_a_confidential_client_has_one_set_of_tokens_and_a_public_one_twenty(world, client, public, person):
    first = await world.tokens(client, person)
    second = await world.tokens(client, person)
    assert not await world.works(first["access_token"])
    assert is_refused(await world.refresh(client, first["refresh_token"]), "invalid_grant")
    assert await world.works(second["access_token"])
    # Others have theirs, and each resource is for itself.
    other = await world.accounts.make("member")
    theirs = await world.tokens(client, other)
    await world.tokens(client, person, resource=MCP)
    assert await world.works(second["access_token"])
    assert await world.works(theirs["access_token"])
    many = [await world.tokens(public, person) for _ in range(21)]
    assert [await world.works(tokens["access_token"]) for tokens in (many[0], many[1], many[20])] == [False, True, True]


@pytest.mark.requirement("RES-01", "RES-04", "M03")
async def test_a_token_is_for_the_resource_of_the_authorization(world, client, person):
    for asked in ("", MCP):
        code = await world.code(client, person, resource=MCP)
        answer = await world.redeem(client, code, **({"resource": asked} if asked else {}))
        assert answer.status_code == 200
        row = await world.db.fetchrow("select audience from api_keys where id = $1", answer.json()["access_token"][:10])
        assert row["audience"] == MCP
        # Good there, and nowhere else.
        assert not await world.works(answer.json()["access_token"])
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        headers = {
            "authorization": f"Bearer {answer.json()['access_token']}", "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2025-06-18",
        }  # fmt: skip
        assert (await world.first.request("POST", "/mcp", json=ping, headers=headers)).status_code == 200
        assert (
            await world.first.request("POST", "/api/experimental/mcp/http", json=ping, headers=headers)
        ).status_code == 401


@pytest.mark.requirement("RES-02", "RES-04", "M03")
@pytest.mark.parametrize(
    ("bound", "asked"),
    [
        ("", ACCESS_URL), ("", MCP), (MCP, ACCESS_URL), (MCP, f"{MCP}/"), (MCP, f"{MCP}?x=1"), (MCP, f"{MCP}/more"),
        (MCP, "https://other.example/mcp"), (MCP, "/mcp"), (MCP, "mcp"), (MCP, f"{MCP}#part"), (MCP, "urn:x"), (MCP, "http://["),
        (MCP, "http://homeport.test:99999/mcp"), (MCP, "http://me@homeport.test/mcp"), (ACCESS_URL, MCP),
    ],
)  # fmt: skip
async def test_another_resource_than_the_authorized_one_is_refused_and_nothing_is_used_up(
    world, client, person, bound, asked
):
    code = await world.code(client, person, resource=bound)
    assert is_refused(await world.redeem(client, code, resource=asked), "invalid_target")
    assert (await world.redeem(client, code)).status_code == 200


@pytest.mark.requirement("RES-03")
@pytest.mark.parametrize(
    ("bound", "asked"),
    [
        (MCP, "HTTP://Homeport.TEST/mcp"), (MCP, "http://homeport.test:80/mcp"), (ACCESS_URL, f"{ACCESS_URL}/"),
        (ACCESS_URL, "http://HOMEPORT.test:80"),
    ],
)  # fmt: skip
async def test_spellings_of_one_resource_are_equal(world, client, person, bound, asked):
    answer = await world.redeem(client, await world.code(client, person, resource=bound), resource=asked)
    assert answer.status_code == 200
    assert await world.db.fetchval("select audience from oauth2_provider_app_tokens") == bound


@pytest.mark.requirement("RES-02")
async def test_several_resources_are_refused_unless_they_are_one(world, client, person):
    code = await world.code(client, person, resource=MCP)
    form = [
        ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER),
        *client.form.items(), ("resource", MCP),
    ]  # fmt: skip
    assert is_refused(await world.post("/oauth2/tokens", [*form, ("resource", ACCESS_URL)]), "invalid_target")
    assert (await world.post("/oauth2/tokens", [*form, ("resource", MCP)])).status_code == 200


@pytest.mark.requirement("RES-05")
async def test_without_a_resource_a_token_is_good_at_the_api_alone(world, client, person):
    tokens = await world.tokens(client, person)
    assert await world.works(tokens["access_token"])
    assert await world.db.fetchval("select audience from oauth2_provider_app_tokens") is None
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await world.first.request("POST", "/mcp", json={}, headers=headers)).status_code == 401


@pytest.mark.requirement("CON-09", "M06")
async def test_an_issued_token_is_recorded_with_person_and_client_and_without_secrets(world, client, person):
    tokens = await world.tokens(client, person, resource=MCP)
    (entry,) = await world.audited("oauth2_provider_app_token")
    assert (entry["action"], entry["user_id"], entry["resource_target"]) == ("create", person.id, client.app.name)
    assert entry["additional_fields"]["client_id"] == client.id
    assert entry["additional_fields"]["grant_type"] == "authorization_code"
    assert entry["diff"]["audience"] == {"old": "null", "new": MCP, "secret": False}
    assert entry["request_id"].int
    assert entry["diff"]["refresh_hash"] == {"old": "", "new": "", "secret": True}
    text = str(entry)
    secrets = [
        tokens["access_token"],
        *tokens["refresh_token"].split("_")[2:],
        tokens["access_token"].partition("-")[2],
    ]
    assert not any(secret in text for secret in secrets)
