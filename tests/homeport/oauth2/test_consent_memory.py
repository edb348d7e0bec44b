"""What of a person's answer is kept: whom it spares the next question, what audit and logs say, what a code holds."""

import asyncio
import logging
from typing import Any

import pytest

from homeport.oauth2.types import AuthMethod
from tests.homeport.oauth2.visitors import Visitor, asking, given, is_page, token_of
from tests.homeport.oauth2.world import CALLBACK, CHALLENGE, MCP, VERIFIER, OAuthClient, World
from tests.support.accounts import ACCESS_URL, Person


@pytest.fixture
async def person(world: World) -> Person:
    return await world.accounts.make("member")


async def codes(world: World) -> int:
    return int(await world.db.fetchval("select count(*) from oauth2_provider_app_codes"))


@pytest.mark.requirement("CON-05")
@pytest.mark.parametrize(
    ("client", "uri"),
    [
        ({"is_public": True}, CALLBACK),
        ({"is_public": True}, "http://127.0.0.1:1/cb"),
        ({"is_public": True, "kind": "dynamic", "dynamically_registered": True}, CALLBACK),
        ({"kind": "dynamic", "dynamically_registered": True}, CALLBACK),
        ({"is_public": True}, "cursor://anysphere.cursor-mcp/oauth/callback"),
        ({}, "http://localhost:1/cb"),
    ],
)
async def test_whom_anybody_can_copy_is_shown_every_time(
    world: World, person: Person, client: dict[str, Any], uri: str
):
    made = await world.make_client(redirect_uris=[uri], **client)
    visitor, wanted = Visitor(world.first, person), asking(made, redirect_uri=uri)
    for _ in range(2):
        assert "code" in await visitor.allow(wanted)
    assert given(await visitor.open({**wanted, "prompt": "none"}))["error"] == "consent_required"


@pytest.mark.requirement("CON-05", "AUT-07")
async def test_a_confidential_client_is_remembered_within_what_was_allowed(world: World, person: Person):
    uris = [CALLBACK, "https://other.example/cb"]
    client = await world.make_client(redirect_uris=uris)
    visitor = Visitor(world.first, person)
    both = "workspace:read template:read"
    assert "code" in await visitor.allow(asking(client, scope=both))
    assert "code" in given(await visitor.open(asking(client, scope="template:read")))
    for more in (
        {"scope": f"{both} file:read"},
        {"scope": "workspace:*"},
        {"resource": MCP},
        {"redirect_uri": uris[1]},
    ):
        assert is_page(await visitor.open(asking(client, **{"scope": both, **more})), 200), more
    somebody = Visitor(world.first, await world.accounts.make("member"))
    assert is_page(await somebody.open(asking(client, scope=both)), 200)
    # The deployment's own address is the same resource as none, and another answer adds to what was allowed.
    assert "code" in given(await visitor.open(asking(client, scope=both, resource=ACCESS_URL)))
    assert "code" in await visitor.allow(asking(client, scope="file:read"))
    assert "code" in given(await visitor.open(asking(client, scope=f"{both} file:read")))
    await world.db.execute("delete from oauth2_provider_grants")
    assert is_page(await visitor.open(asking(client, scope=both)), 200)


@pytest.mark.requirement("CON-05")
async def test_a_silent_answer_holds_what_was_asked_for_and_no_more(world: World, person: Person):
    client = await world.make_client()
    visitor = Visitor(world.first, person)
    await visitor.allow(asking(client, scope="workspace:read template:read"))
    code = given(await visitor.open(asking(client, scope="template:read")))["code"]
    tokens = (await world.redeem(client, code)).json()
    assert tokens["scope"] == "template:read"


@pytest.mark.requirement("CON-09", "M06")
async def test_answers_are_audited(world: World, person: Person):
    client = await world.make_client()
    visitor = Visitor(world.first, person)
    wanted = asking(client, resource=MCP)
    code = (await visitor.allow(wanted))["code"]
    await visitor.allow(asking(client, scope="coder:workspaces.create", resource=MCP), "deny")
    given_entry, denied = await world.audited("oauth2_provider_grant")
    assert (given_entry["action"], given_entry["user_id"], given_entry["status_code"]) == ("create", person.id, 200)
    assert given_entry["additional_fields"]["consent"] == "given"
    assert given_entry["additional_fields"]["client_id"] == client.id
    assert given_entry["diff"]["scopes"]["new"] == ["coder:workspaces.read"]
    assert given_entry["diff"]["resource_uri"]["new"] == MCP
    assert (denied["additional_fields"]["consent"], denied["status_code"]) == ("denied", 403)
    assert denied["user_id"] == person.id
    (made,) = await world.audited("oauth2_provider_app_code")
    assert made["diff"]["code_challenge"]["new"] == CHALLENGE
    assert made["diff"]["code_challenge_method"]["new"] == "S256"
    assert made["diff"]["resource_uri"]["new"] == MCP
    assert made["diff"]["hashed_secret"] == {"old": "", "new": "", "secret": True}
    assert given_entry["request_id"] == made["request_id"]
    _, prefix, secret = code.rsplit("_", 2)
    everything = str([dict(row) for row in await world.db.fetch("select * from audit_logs")])
    stored = str([dict(row) for row in await world.db.fetch("select * from oauth2_provider_app_codes")])
    for hidden in (prefix, secret, VERIFIER):
        assert hidden not in everything
        assert hidden not in stored


@pytest.mark.requirement("CON-09")
async def test_nothing_secret_is_logged(world: World, person: Person, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    client = await world.make_client()
    visitor = Visitor(world.first, person)
    canary = "state-that-only-the-client-knows"
    wanted = asking(client, state=canary)
    page = await visitor.open(wanted)
    code = given(await visitor.answer(wanted, {"csrf_token": token_of(page)}))["code"]
    await visitor.answer(wanted, {"csrf_token": token_of(page)})
    await visitor.open({**wanted, "client_id": "unknown"})
    await visitor.open({**wanted, "redirect_uri": "https://evil.example/"})
    # The test's own HTTP client writes addresses as well.
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    text = str([(record.getMessage(), record.__dict__) for record in ours])
    for hidden in (code, code.rsplit("_", 1)[1], token_of(page), person.token, canary):
        assert hidden not in text


@pytest.mark.requirement("M06")
async def test_codes_of_flows_without_pkce_and_resource_hold_none(world: World, person: Person):
    client = await world.make_client(method=AuthMethod.SECRET_BASIC)
    await Visitor(world.first, person).allow(asking(client, code_challenge=None, code_challenge_method=None))
    row = await world.db.fetchrow("select * from oauth2_provider_app_codes")
    assert row is not None
    assert (row["code_challenge"], row["code_challenge_method"], row["resource_uri"]) == (None, None, None)


async def test_a_confidential_client_has_one_code_and_a_public_one_several(world: World, person: Person):
    for is_public, expected in ((False, 1), (True, 3)):
        client = await world.make_client(is_public=is_public)
        for _ in range(3):
            await Visitor(world.first, person).allow(asking(client, prompt="consent"))
        count = await world.db.fetchval(
            "select count(*) from oauth2_provider_app_codes where app_id = $1", client.app.id
        )
        assert count == expected


async def test_a_client_that_is_removed_between_page_and_answer_is_unknown(world: World, person: Person):
    client = await world.make_client()
    visitor = Visitor(world.first, person)
    token = token_of(await visitor.open(asking(client)))
    await world.db.execute("delete from oauth2_provider_apps where id = $1", client.app.id)
    assert is_page(await visitor.answer(asking(client), {"csrf_token": token}), 401)


async def _answered_while_removed(world: World, person: Person, client: OAuthClient) -> int:
    visitor = Visitor(world.first, person)
    token = token_of(await visitor.open(asking(client)))
    removal = world.db.execute("delete from oauth2_provider_apps where id = $1", client.app.id)
    reply, _ = await asyncio.gather(visitor.answer(asking(client), {"csrf_token": token}), removal)
    return reply.status_code


async def test_removing_a_client_and_answering_it_never_meet_halfway(world: World, person: Person):
    for _ in range(10):
        client = await world.make_client()
        assert await _answered_while_removed(world, person, client) in {303, 401}
    assert await codes(world) == 0
    assert await world.db.fetchval("select count(*) from oauth2_provider_grants") == 0
