"""The page on which people connect devices (RFC 8628 section 3.3): sign in, the code, the client, an explicit answer."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from homeport.kit.clock import FakeClock
from homeport.oauth2.types import DEVICE_GRANT
from tests.homeport.oauth2.visitors import Visitor, is_page, leads_to_sign_in, token_of
from tests.homeport.oauth2.world import MCP, OAuthClient, Replica, World, is_refused
from tests.homeport.web.site import Document
from tests.support.accounts import Person

PATH = "/oauth2/device/verify"


@pytest.fixture
async def person(world: World) -> Person:
    return await world.accounts.make("member")


@pytest.fixture
async def client(world: World) -> OAuthClient:
    return await world.make_client(is_public=True, name="Set-top box", grant_types=[DEVICE_GRANT, "refresh_token"])


async def begin(world: World, client: OAuthClient, **form: str) -> dict[str, Any]:
    reply = await world.post("/oauth2/device", {**client.form, **form})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def poll(world: World, client: OAuthClient, device: dict[str, Any]) -> Any:
    return await world.token(client, grant_type=DEVICE_GRANT, device_code=device["device_code"])


class Page(Visitor):
    """Somebody at the device page."""

    async def look(self, code: str = "", **headers: str) -> Any:
        return await self.send("GET", {"user_code": code} if code else "", path=PATH, headers=headers)

    async def reply(self, fields: dict[str, str], **headers: str) -> Any:
        content = "&".join(f"{name}={value}" for name, value in fields.items())
        sent = {"content-type": "application/x-www-form-urlencoded", **headers}
        return await self.send("POST", "", path=PATH, headers=sent, content=content)


@pytest.mark.requirement("DEV-03")
@pytest.mark.parametrize("decision", ["allow", "deny"])
async def test_a_person_answers_a_device(world: World, person: Person, client: OAuthClient, decision: str):
    device = await begin(world, client, scope="coder:workspaces.create", resource=MCP)
    assert device["verification_uri_complete"].endswith(f"{PATH}?user_code={device['user_code']}")
    page = Page(world.first, person)
    empty = await page.look()
    assert is_page(empty, 200)
    assert Document(empty.text).field("user_code")["value"] == ""
    question = await page.look(device["user_code"].lower().replace("-", " "))
    assert is_page(question, 200)
    text = Document(question.text).text
    for words in (
        "Set-top box",
        device["user_code"],
        "Create workspaces in your name.",
        MCP,
        person.username,
        person.email,
    ):
        assert words in text
    assert is_refused(await poll(world, client, device), "authorization_pending")
    fields = {"user_code": device["user_code"], "csrf_token": token_of(question), "decision": decision}
    done = await page.reply(fields)
    assert is_page(done, 200)
    assert ("The device is connected" in done.text) is (decision == "allow")
    answer = await poll(world, client, device)
    if decision == "deny":
        assert is_refused(answer, "access_denied")
    else:
        assert answer.status_code == 200, answer.text
        assert answer.json()["scope"] == "coder:workspaces.create"
    # Nothing waits any more.
    assert is_page(await page.look(device["user_code"]), 400)
    assert is_page(await page.reply(fields), 400)
    (entry,) = await world.audited("oauth2_provider_grant")
    assert entry["additional_fields"]["consent"] == ("given" if decision == "allow" else "denied")
    assert entry["user_id"] == person.id


@pytest.mark.requirement("DEV-03")
async def test_a_stranger_signs_in_first_and_keeps_the_code(world: World, client: OAuthClient):
    device = await begin(world, client)
    stranger = Page(world.first, None)
    assert leads_to_sign_in(await stranger.look()) == PATH
    assert leads_to_sign_in(await stranger.look(device["user_code"])) == f"{PATH}?user_code={device['user_code']}"
    assert leads_to_sign_in(await stranger.reply({"user_code": device["user_code"], "decision": "allow"}))
    assert leads_to_sign_in(await stranger.look("\r\nx: y//evil?é&redirect=1")) == f"{PATH}?user_code=xyevilredirect1"
    assert is_refused(await poll(world, client, device), "authorization_pending")


@pytest.mark.requirement("DEV-03")
async def test_an_answer_needs_the_form_of_this_session_for_this_device(
    world: World, person: Person, client: OAuthClient
):
    device, other_device = await begin(world, client), await begin(world, client)
    page, other = Page(world.first, person), Page(world.first, await world.accounts.make("member"))
    code = device["user_code"]
    elsewhere = token_of(await page.look(other_device["user_code"]))
    foreign = token_of(await other.look(code))
    own = token_of(await page.look(code))
    for token in ("", "x", elsewhere, foreign, own[:-1]):
        for decision in ("allow", "deny"):
            refused = await page.reply({"user_code": code, "csrf_token": token, "decision": decision})
            assert is_page(refused, 400)
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "", "origin": "https://evil.example"}):
        assert (
            await page.reply({"user_code": code, "csrf_token": own, "decision": "allow"}, **headers)
        ).status_code == 400
    assert is_page(await page.reply({"user_code": code, "csrf_token": own, "decision": "switch"}), 400)
    assert is_refused(await poll(world, client, device), "authorization_pending")
    # A page that says so can be answered.
    again = token_of(await page.reply({"user_code": code, "csrf_token": "x", "decision": "allow"}))
    assert is_page(await page.reply({"user_code": code, "csrf_token": again, "decision": "allow"}), 200)
    assert (await poll(world, client, device)).status_code == 200


@pytest.mark.requirement("DEV-03")
async def test_looking_answers_nothing(world: World, person: Person, client: OAuthClient):
    device = await begin(world, client)
    page = Page(world.first, person)
    for _ in range(3):
        await page.look(device["user_code"])
        await page.send("GET", {"user_code": device["user_code"], "decision": "allow"}, path=PATH, headers={})
    assert is_refused(await poll(world, client, device), "authorization_pending")


@pytest.mark.requirement("DEV-03")
async def test_of_several_answers_at_once_one_counts(
    world: World, second: Replica, person: Person, client: OAuthClient
):
    other = await world.accounts.make("member")
    device = await begin(world, client)
    code = device["user_code"]
    answers = []
    for replica, who, decision in ((world.first, person, "allow"), (second, other, "deny"), (second, person, "deny")):
        page = Page(replica, who)
        fields = {"user_code": code, "csrf_token": token_of(await page.look(code)), "decision": decision}
        answers.append(page.reply(fields))
    replies = await asyncio.gather(*answers)
    assert sorted(reply.status_code for reply in replies) == [200, 400, 400]


@pytest.mark.requirement("DEV-03")
async def test_wrong_codes_are_few(
    world: World, second: Replica, person: Person, client: OAuthClient, clock: FakeClock
):
    person = await world.accounts.make("member")
    pages = [Page(replica, person) for replica in (world.first, second)]
    wrong = await pages[0].look("BCDF-GHJK")
    assert is_page(wrong, 400)
    assert "No device waits with this code" in Document(wrong.text).text
    assert Document(wrong.text).field("user_code")["value"] == "BCDF-GHJK"
    # What cannot be a code costs nothing.
    for odd in ("x", "AEIO-UAEI", "BCDF-GHJ", "B" * 500, "<script>", "ÄÖÜß"):
        assert is_page(await pages[0].look(odd), 400)
    device = await begin(world, client)
    for _ in range(20):
        assert is_page(await pages[0].look(device["user_code"]), 200)
    # Guessing side by side, at two servers, and by either method, counts together.
    guesses = [page.look(f"BCDFGHJ{letter}") for letter in "LMNPQ" for page in pages]
    guesses += [
        page.reply({"user_code": f"BCDFGHJ{letter}", "csrf_token": "x"}) for letter in "RSTVWXZ" for page in pages
    ]
    replies = await asyncio.gather(*guesses)
    assert sorted(reply.status_code for reply in replies) == [400] * 9 + [429] * 15
    locked = await pages[1].look(device["user_code"])
    assert is_page(locked, 429)
    assert "Too many wrong codes. Try again in" in Document(locked.text).text
    program = Page(world.first, person, has_browser=False)
    told = await program.look(device["user_code"])
    assert (told.status_code, 0 < int(told.headers["retry-after"]) <= 900) == (429, True)
    # Others are not locked out, and after a while nobody is.
    assert is_page(await Page(world.first, await world.accounts.make("member")).look(device["user_code"]), 200)
    clock.advance(timedelta(minutes=16))
    fresh = await begin(world, client)
    person = await world.accounts.make("member")
    assert is_page(await Page(world.first, person).look(device["user_code"]), 400)
    assert is_page(await Page(world.first, person).look(fresh["user_code"]), 200)


async def test_the_count_of_wrong_codes_begins_anew(world: World, client: OAuthClient, clock: FakeClock):
    person = await world.accounts.make("member", lifetime=timedelta(days=2))
    page = Page(world.first, person)
    for letter in "BCDFGHJKLMN":
        last = await page.look(f"ZZZZZZZ{letter}")
    assert last.status_code == 429
    clock.advance(timedelta(minutes=16))
    assert is_page(await page.look("ZZZZ-ZZZP"), 400)


async def test_an_expired_code_is_none(world: World, client: OAuthClient, clock: FakeClock):
    person = await world.accounts.make("member", lifetime=timedelta(days=2))
    device = await begin(world, client)
    page = Page(world.first, person)
    token = token_of(await page.look(device["user_code"]))
    clock.advance(timedelta(minutes=15))
    assert is_page(await page.reply({"user_code": device["user_code"], "csrf_token": token, "decision": "allow"}), 400)
    assert is_page(await page.look(device["user_code"]), 400)


@pytest.mark.requirement("DEV-03")
async def test_a_program_answers_with_its_session_in_a_header(world: World, person: Person, client: OAuthClient):
    device = await begin(world, client)
    program = Page(world.first, person, has_browser=False)
    assert is_refused(await program.reply({"user_code": "BCDF-GHJK"}), "invalid_request")
    assert (await program.reply({"user_code": device["user_code"]})).status_code == 200
    assert (await poll(world, client, device)).status_code == 200


async def test_an_application_connects_no_device(world: World, person: Person, client: OAuthClient):
    device = await begin(world, client)
    tokens = await world.tokens(await world.make_client(), person, scopes=["coder:all"])
    application = Person("app", person.id, person.username, person.email, tokens["access_token"], None)
    for has_browser in (True, False):
        page = Page(world.first, application, has_browser=has_browser)
        assert (await page.look(device["user_code"])).status_code == 403
        assert (await page.reply({"user_code": device["user_code"], "decision": "allow"})).status_code == 403


@pytest.mark.requirement("DEV-03")
async def test_the_device_page_warns_of_codes_that_others_sent(world: World, person: Person, client: OAuthClient):
    unknown = await world.make_client(
        is_public=True, kind="dynamic", dynamically_registered=True, grant_types=[DEVICE_GRANT],
        name="<img src=x onerror=alert(1)>",
    )  # fmt: skip
    for made, is_unknown in ((client, False), (unknown, True)):
        device = await begin(world, made)
        page = await Page(world.first, person).look(device["user_code"])
        assert is_page(page, 200)
        text = Document(page.text).text
        assert "If somebody else sent you this code" in text
        assert ("Nobody here has checked this application" in text) is is_unknown
