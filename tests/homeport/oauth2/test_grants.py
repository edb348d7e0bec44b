"""What people have allowed: they see and end it, owners anybody's; its end is the end of every token at once."""

import asyncio
from typing import Any

import pytest

from tests.homeport.oauth2.visitors import Visitor, asking
from tests.homeport.oauth2.world import ADDRESS, CALLBACK, MCP, OAuthClient, Replica, World, is_refused
from tests.homeport.web.site import CSRF_TOKEN, Document
from tests.support.accounts import ACCESS_URL, Person

GRANTS = "/api/v2/oauth2-provider/grants"


@pytest.fixture
async def person(world: World) -> Person:
    return await world.accounts.make("member")


async def listed(world: World, person: Person, query: str = "") -> list[dict[str, Any]]:
    reply = await world.first.request("GET", f"{GRANTS}{query}", headers=person.headers)
    assert reply.status_code == 200, reply.text
    assert reply.headers["cache-control"] == "no-store"
    found: list[dict[str, Any]] = reply.json()
    return found


async def allowed(world: World, client: OAuthClient, person: Person, **changes: str) -> dict[str, Any]:
    """Let a person allow a client on the page, and return the tokens."""
    given = await Visitor(world.first, person).allow(asking(client, prompt="consent", **changes))
    reply = await world.redeem(client, given["code"])
    assert reply.status_code == 200, reply.text
    tokens: dict[str, Any] = reply.json()
    return tokens


@pytest.mark.requirement("CON-06")
async def test_a_grant_says_who_allowed_what_to_whom(world: World, person: Person):
    client = await world.make_client(name="Reports", is_public=True)
    assert await listed(world, person) == []
    tokens = await allowed(world, client, person)
    await allowed(world, client, person, scope="coder:workspaces.create", resource=MCP)
    await allowed(world, client, person, scope="template:read")
    on_mcp, on_api = sorted(await listed(world, person, "?user=me"), key=lambda each: each["resource"], reverse=True)
    assert on_api["scopes"] == ["coder:workspaces.read", "template:read"]
    assert (on_api["resource"], on_mcp["resource"]) == (ACCESS_URL, MCP)
    assert on_mcp["scopes"] == ["coder:workspaces.create"]
    for grant in (on_api, on_mcp):
        assert (grant["client_name"], grant["client_id"]) == ("Reports", client.id)
        assert (grant["username"], grant["user_id"]) == (person.username, str(person.id))
        assert grant["redirect_hosts"] == ["client.example"]
        assert "last_used_at" not in grant
        assert None not in grant.values()
    assert await world.works(tokens["access_token"])
    await world.first.gate.close()
    (used,) = (each for each in await listed(world, person) if each["resource"] == ACCESS_URL)
    assert used["last_used_at"] >= used["created_at"]


@pytest.mark.requirement("CON-06")
async def test_people_see_their_own_and_owners_everybodys(world: World, person: Person):
    other, owner = await world.accounts.make("member"), await world.accounts.make("owner")
    first, second = await world.make_client(), await world.make_client()
    for who, client in ((person, first), (other, first), (other, second)):
        await world.code(client, who)
    assert {each["username"] for each in await listed(world, person)} == {person.username}
    assert len(await listed(world, other)) == 2
    assert len(await listed(world, owner)) == 3
    assert len(await listed(world, owner, f"?user={other.username}")) == 2
    assert len(await listed(world, owner, f"?user={other.id}&client_id={second.id}")) == 1
    assert len(await listed(world, owner, f"?client_id={first.id}")) == 2
    assert len(await listed(world, owner, "?limit=1&offset=2")) == 1
    assert await listed(world, owner, "?user=me") == []
    for nothing in ("00000000-0000-4000-8000-000000000000", "x", "https://x.example/y", "%00", "%C3%A9"):
        assert await listed(world, owner, f"?client_id={nothing}") == []
    assert (
        await world.first.request("GET", f"{GRANTS}?user={other.username}", headers=person.headers)
    ).status_code == 404
    assert (await world.first.request("GET", f"{GRANTS}?user=%00", headers=owner.headers)).status_code == 404
    assert (await world.first.request("GET", GRANTS)).status_code == 401


@pytest.mark.requirement("CON-06", "AUD-06")
@pytest.mark.parametrize("who", ["self", "owner"])
async def test_the_end_of_a_grant_is_the_end_of_its_tokens(world: World, second: Replica, person: Person, who: str):
    client, public = await world.make_client(), await world.make_client(is_public=True)
    tokens, untouched = await allowed(world, client, person), await allowed(world, public, person)
    waiting = await Visitor(world.first, person).allow(asking(public, scope="template:read"))
    pending = await world.code(client, person)
    (grant,) = await listed(world, person, f"?client_id={client.id}")
    revoker = person if who == "self" else await world.accounts.make("owner")
    reply = await world.first.request("DELETE", f"{GRANTS}/{grant['id']}", headers=revoker.headers)
    assert (reply.status_code, reply.content) == (204, b"")
    for replica in (world.first, second):
        assert not await world.works(tokens["access_token"], on=replica)
        assert await world.works(untouched["access_token"], on=replica)
    assert is_refused(await world.refresh(client, tokens["refresh_token"]), "invalid_grant")
    assert is_refused(await world.redeem(client, pending), "invalid_grant")
    assert (await world.redeem(public, waiting["code"])).status_code == 200
    again = await world.first.request("DELETE", f"{GRANTS}/{grant['id']}", headers=revoker.headers)
    assert again.status_code == 404
    (entry,) = await world.audited("oauth2_provider_grant", "delete")
    assert (entry["user_id"], str(entry["resource_id"])) == (revoker.id, grant["id"])
    assert entry["diff"]["scopes"]["old"] == ["coder:workspaces.read"]


@pytest.mark.requirement("CON-06")
async def test_nobody_else_ends_a_grant_or_learns_of_it(world: World, person: Person):
    client = await world.make_client()
    await world.code(client, person)
    (grant,) = await listed(world, person)
    other = await world.accounts.make("member")
    for id in (grant["id"], "00000000-0000-4000-8000-000000000000"):
        reply = await world.first.request("DELETE", f"{GRANTS}/{id}", headers=other.headers)
        assert reply.status_code == 404
    assert (await world.first.request("DELETE", f"{GRANTS}/x", headers=person.headers)).status_code in {400, 404}
    assert len(await listed(world, person)) == 1


@pytest.mark.requirement("CON-06")
async def test_a_client_loses_all_that_a_person_has_allowed_it(world: World, person: Person):
    client, other_client = await world.make_client(), await world.make_client()
    somebody = await world.accounts.make("member")
    mine = [await allowed(world, client, person), await allowed(world, client, person, resource=MCP)]
    theirs, elsewhere = await allowed(world, client, somebody), await allowed(world, other_client, person)
    waiting = await world.code(client, person)
    for _ in range(2):
        reply = await world.first.request("DELETE", f"/oauth2/tokens?client_id={client.id}", headers=person.headers)
        assert (reply.status_code, reply.content) == (204, b"")
    assert not await world.works(mine[0]["access_token"])
    for tokens in mine:
        assert is_refused(await world.refresh(client, tokens["refresh_token"]), "invalid_grant")
    assert is_refused(await world.redeem(client, waiting), "invalid_grant")
    assert await world.works(theirs["access_token"])
    assert await world.works(elsewhere["access_token"])
    assert [each["client_id"] for each in await listed(world, person)] == [other_client.id]
    assert len(await world.audited("oauth2_provider_grant", "delete")) == 2


@pytest.mark.requirement("CON-06", "M04")
async def test_ending_a_client_by_name_needs_a_session_and_a_client(world: World, person: Person):
    client = await world.make_client()
    assert (await world.first.request("DELETE", f"/oauth2/tokens?client_id={client.id}")).status_code == 401
    for query, code, status in (
        ("", "invalid_request", 400),
        ("?client_id=", "invalid_request", 400),
        ("?client_id=x", "invalid_client", 401),
        ("?client_id=%00", "invalid_client", 401),
        ("?client_id=00000000-0000-4000-8000-000000000000", "invalid_client", 401),
    ):
        reply = await world.first.request("DELETE", f"/oauth2/tokens{query}", headers=person.headers)
        assert is_refused(reply, code, status)
    cookie = {"cookie": f"coder_session_token={person.token}", "sec-fetch-site": "cross-site"}
    await world.code(client, person)
    forged = await world.first.request("DELETE", f"/oauth2/tokens?client_id={client.id}", headers=cookie)
    assert forged.status_code == 400
    assert len(await listed(world, person)) == 1


@pytest.mark.requirement("CON-06")
async def test_the_account_page_lists_applications_and_ends_them(world: World, person: Person):
    client = await world.make_client(name="<i>Reports</i>", is_public=True)
    cookie = {"cookie": f"coder_session_token={person.token}; csrf_token={CSRF_TOKEN}", "sec-fetch-site": "same-origin"}

    async def page() -> Document:
        return Document((await world.first.request("GET", "/account", headers=cookie)).text)

    assert "You have not allowed any application" in (await page()).text
    tokens = await allowed(world, client, person, scope="workspace:ssh", resource=MCP)
    shown = await page()
    for words in ("<i>Reports</i>", "Answers go to client.example.", f"For {MCP}.", "Run commands and open shells"):
        assert words in shown.text
    action = next(form["action"] for form in shown.all("form") if "/applications/" in form["action"])
    other = await world.accounts.make("member")
    foreign = {**cookie, "cookie": f"coder_session_token={other.token}; csrf_token={CSRF_TOKEN}"}
    form = {"csrf_token": CSRF_TOKEN}
    assert (await world.first.request("POST", action, data=form, headers=foreign)).status_code == 404
    assert (await world.first.request("POST", action, data={}, headers=cookie)).status_code == 400
    odd = await world.first.request("POST", "/account/applications/x/revoke", data=form, headers=cookie)
    assert odd.status_code == 404
    done = await world.first.request("POST", action, data=form, headers=cookie)
    assert (done.status_code, done.headers["location"]) == (303, "/account?notice=application#applications")
    assert "You have not allowed any application" in (await page()).text
    assert is_refused(await world.refresh(client, tokens["refresh_token"]), "invalid_grant")


async def test_without_the_authorization_server_the_account_page_says_nothing_of_applications(
    world: World, person: Person
):
    off = Replica(world.db, oauth2_provider_enable=False)
    world.replicas.append(off)
    page = await off.request("GET", "/account", headers={"cookie": f"coder_session_token={person.token}"})
    assert page.status_code == 200
    assert "Applications" not in Document(page.text).text


async def test_revoking_and_allowing_at_once_never_leaves_half_a_grant(world: World, person: Person):
    client = await world.make_client()
    for _ in range(10):
        await Visitor(world.first, person).allow(asking(client, prompt="consent"))
        (grant,) = await listed(world, person)
        program = Visitor(world.first, person, has_browser=False)
        answer, ended = await asyncio.gather(
            program.answer(asking(client)),
            world.first.request("DELETE", f"{GRANTS}/{grant['id']}", headers=person.headers, address=ADDRESS),
        )
        assert (answer.status_code, ended.status_code) == (303, 204)
        assert answer.headers["location"].startswith(f"{CALLBACK}?code=")
        orphans = """
            select count(*) from oauth2_provider_app_codes c
            where not exists (select 1 from oauth2_provider_grants g where g.id = c.grant_id)
        """
        assert await world.db.fetchval(orphans) == 0
