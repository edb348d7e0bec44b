"""The consent page: what it shows, and that one answer to one page counts once, for exactly what was shown."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from homeport.kit import clock
from homeport.kit.clock import FakeClock
from tests.homeport.oauth2.visitors import PATH, Visitor, asking, given, is_page, leads_to_sign_in, token_of
from tests.homeport.oauth2.world import CALLBACK, CHALLENGE, MCP, Replica, World, is_refused
from tests.homeport.web.site import Document
from tests.support.accounts import ACCESS_URL, Person

ATTACK = "</h1><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
DOCUMENT = "https://app.client.example/oauth/client.json"


@pytest.fixture
async def person(world: World) -> Person:
    return await world.accounts.make("member")


async def codes(world: World) -> int:
    return int(await world.db.fetchval("select count(*) from oauth2_provider_app_codes"))


def link(page: Any, id: str) -> str:
    return next(tag["href"] for tag in Document(page.text).all("a") if tag.get("id") == id)


def words(page: Any, id: str) -> str:
    """The words of the element with this id."""
    rest = page.text.partition(f'id="{id}"')[2].partition(">")[2]
    return " ".join(Document(rest.partition("</ul>" if id == "scope-list" else "</")[0]).text.split())


@pytest.mark.requirement("CON-01")
async def test_the_page_says_who_asks_for_what_and_where_the_answer_goes(world: World, person: Person):
    client = await world.make_client(name="Reports & Co")
    wanted = asking(client, scope="coder:workspaces.create workspace:ssh", resource=MCP)
    page = await Visitor(world.first, person).open(wanted)
    assert is_page(page, 200)
    text = Document(page.text).text
    assert "Allow Reports & Co to use Homeport as you?" in text
    assert words(page, "redirect-host") == "client.example"
    assert f"For {MCP}" in text
    assert person.username in text
    assert person.email in text
    assert words(page, "scope-list") == (
        "Create workspaces in your name. coder:workspaces.create "
        "Run commands and open shells in workspaces. workspace:ssh"
    )
    assert "Never more than you may do yourself." in words(page, "scope-disclaimer")
    forms = Document(page.text).all("form")
    assert [(form["id"], form["method"]) for form in forms] == [("allow-form", "post")]
    assert dict(parse_qsl(urlsplit(forms[0]["action"]).query)) == wanted
    assert "Nobody here has checked" not in text
    assert "your own computer" not in text
    plain = Document((await Visitor(world.first, person).open(asking(client))).text).text
    assert f"For {ACCESS_URL} (the API of Homeport)" in plain


@pytest.mark.requirement("CON-01", "CON-02")
@pytest.mark.parametrize(
    ("client", "uri", "expected"),
    [
        ({}, CALLBACK, set()),
        ({"is_public": True}, CALLBACK, set()),
        ({"is_public": True}, "http://127.0.0.1:4711/cb", {"computer"}),
        ({"is_public": True}, "http://localhost/cb", {"computer"}),
        ({"is_public": True}, "http://[::1]:1/cb", {"computer"}),
        ({"is_public": True}, "cursor://anysphere.cursor-mcp/oauth/callback", {"application"}),
        ({"is_public": True, "kind": "dynamic", "dynamically_registered": True}, CALLBACK, {"dynamic"}),
        ({"kind": "dynamic", "dynamically_registered": True}, CALLBACK, {"dynamic"}),
        (
            {"is_public": True, "kind": "dynamic", "dynamically_registered": True},
            "http://localhost:9/cb",
            {"dynamic", "computer"},
        ),
    ],
)
async def test_the_page_warns_of_what_nobody_has_checked(
    world: World, person: Person, client: dict[str, Any], uri: str, expected: set[str]
):
    made = await world.make_client(redirect_uris=[uri], **client)
    page = await Visitor(world.first, person).open(asking(made, redirect_uri=uri))
    assert is_page(page, 200)
    text = Document(page.text).text
    shown = {
        "computer": "The answer goes to a program on your own computer.",
        "application": "The answer goes to an application on this device",
        "dynamic": "Nobody here has checked this application. It registered itself",
    }
    assert {name for name, sentence in shown.items() if sentence in text} == expected


@pytest.mark.requirement("CON-01", "CON-02")
async def test_a_client_with_a_document_is_shown_with_its_host(world: World, person: Person):
    now = clock.now()
    client = await world.make_client(
        is_public=True,
        kind="metadata_document",
        metadata_url=DOCUMENT,
        metadata_fetched_at=now,
        metadata_expires_at=now + timedelta(hours=1),
    )
    page = await Visitor(world.first, person).open(asking(client))
    assert is_page(page, 200)
    assert words(page, "client-host") == "app.client.example"
    assert "All that is certain: it is described at" in Document(page.text).text
    assert "code" in await Visitor(world.first, person).allow(asking(client))


@pytest.mark.requirement("CON-07")
async def test_names_are_words_and_nothing_of_a_client_is_loaded(world: World, person: Person):
    logo = "https://evil.example/logo.png"
    client = await world.make_client(
        name=ATTACK[:64], icon=logo, logo_uri=logo, client_uri="javascript:alert(1)", tos_uri=logo, policy_uri=logo
    )
    for wanted in (asking(client), asking(client, state=ATTACK, scope=f"workspace:read {ATTACK}")):
        page = await Visitor(world.first, person).open(wanted)
        assert is_page(page, 200)
        assert "evil.example" not in page.text
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "</h1><script>alert(1)</script>" in Document(page.text).text
    turned = await world.make_client(name="\u202egnihsihp\u202c\u200b\n\n Bank")
    page = await Visitor(world.first, person).open(asking(turned))
    assert "Allow gnihsihp Bank to" in Document(page.text).text


@pytest.mark.requirement("CON-01")
async def test_full_access_is_called_so(world: World, person: Person):
    client = await world.make_client()
    page = await Visitor(world.first, person).open(asking(client, scope="all"))
    assert "This is full access." in Document(page.text).text
    assert "This is full access." not in Document((await Visitor(world.first, person).open(asking(client))).text).text


@pytest.mark.requirement("CON-03", "M05")
async def test_an_answer_counts_once(world: World, person: Person):
    client = await world.make_client(is_public=True)
    wanted = asking(client)
    visitor = Visitor(world.first, person)
    token = token_of(await visitor.open(wanted))
    assert "code" in given(await visitor.answer(wanted, {"csrf_token": token}))
    again = await visitor.answer(wanted, {"csrf_token": token})
    assert is_page(again, 400)
    assert "decide anew" in Document(again.text).text
    assert await codes(world) == 1
    # The page that says so can be answered.
    assert "code" in given(await visitor.answer(wanted, {"csrf_token": token_of(again)}))
    assert await codes(world) == 2


@pytest.mark.requirement("CON-03", "M05")
async def test_of_many_answers_at_once_one_counts(world: World, second: Replica, person: Person):
    client = await world.make_client(is_public=True)
    wanted = asking(client)
    token = token_of(await Visitor(world.first, person).open(wanted))
    visitors = [Visitor(replica, person) for replica in (world.first, second)] * 5
    replies = await asyncio.gather(*(visitor.answer(wanted, {"csrf_token": token}) for visitor in visitors))
    assert sorted(reply.status_code for reply in replies) == [303] + [400] * 9
    assert await codes(world) == 1


@pytest.mark.requirement("CON-03", "M05")
async def test_a_form_is_for_one_session_and_one_request(world: World, person: Person):
    client, other = await world.make_client(is_public=True), await world.make_client(is_public=True)
    wanted = asking(client)
    visitor = Visitor(world.first, person)
    somebody = Visitor(world.first, await world.accounts.make("member"))
    foreign = token_of(await somebody.open(wanted))
    elsewhere = token_of(await visitor.open(asking(other)))
    own = token_of(await visitor.open(wanted))
    nonce, expiry, signature = own.split("-")
    wrong = [
        "", "x", "--", "-9-", foreign, elsewhere, own[:-1], own + "0", own.upper(), f"{nonce}x-{expiry}-{signature}",
        f"{nonce}-{int(expiry) + 1}-{signature}", f"{nonce}-99999999999-{signature}", f"{nonce}-{expiry}-{'0' * 64}",
        f"{nonce}-{'9' * 400}-{signature}", f"{nonce}-{expiry}-zz", "\x00", "٣-٣-٣", "é" * 500,
    ]  # fmt: skip
    for token in wrong:
        for fields in ({"csrf_token": token}, {"csrf_token": token, "decision": "deny"}):
            assert is_page(await visitor.answer(wanted, fields), 400), token
    assert is_page(await visitor.answer(wanted), 400)
    assert await codes(world) == 0
    assert await world.audited("oauth2_provider_grant") == []
    # None of these has used the form up.
    assert "code" in given(await visitor.answer(wanted, {"csrf_token": own}))


@pytest.mark.requirement("CON-03")
async def test_a_form_grows_old(world: World, clock: FakeClock):
    person = await world.accounts.make("member")
    client = await world.make_client(is_public=True)
    visitor = Visitor(world.first, person)
    token = token_of(await visitor.open(asking(client)))
    clock.advance(timedelta(minutes=29))
    fresh = token_of(await visitor.open(asking(client)))
    clock.advance(timedelta(minutes=2))
    assert is_page(await visitor.answer(asking(client), {"csrf_token": token}), 400)
    assert "code" in given(await visitor.answer(asking(client), {"csrf_token": fresh}))


@pytest.mark.requirement("CON-03", "M05")
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
        {"sec-fetch-site": "", "origin": "null"},
        {"sec-fetch-site": "same-origin", "referer": f"{ACCESS_URL}{PATH}"},
        {"sec-fetch-site": "same-origin", "origin": ACCESS_URL, "x-csrf-token": "c" * 43},
    ],
)
async def test_a_post_without_the_pages_token_allows_nothing(world: World, person: Person, headers: dict[str, Any]):
    client = await world.make_client(is_public=True)
    visitor = Visitor(world.first, person)
    page = await visitor.open(asking(client))
    for fields in ({}, {"decision": "allow"}, {"csrf_token": "c" * 43}):
        reply = await visitor.answer(
            asking(client), fields, cookie=f"coder_session_token={person.token}; csrf_token={'c' * 43}", **headers
        )
        assert reply.status_code == 400
        assert "location" not in reply.headers
    assert await codes(world) == 0
    if "evil" in str(headers) or headers["sec-fetch-site"] in {"cross-site", "same-site"}:
        # Not even the right token helps a page of another site.
        stolen = await visitor.answer(asking(client), {"csrf_token": token_of(page)}, **headers)
        assert stolen.status_code == 400


@pytest.mark.requirement("CON-03")
async def test_a_header_beside_a_cookie_proves_nothing_new(world: World, person: Person):
    client = await world.make_client(is_public=True)
    both: dict[str, Any] = {"coder-session-token": person.token, "authorization": f"Bearer {person.token}"}
    assert is_page(await Visitor(world.first, person).answer(asking(client), **both), 400)
    assert await codes(world) == 0


@pytest.mark.requirement("CON-03")
async def test_a_program_allows_by_a_post_with_its_session_in_a_header(world: World, person: Person):
    client = await world.make_client(is_public=True)
    program = Visitor(world.first, person, has_browser=False)
    assert "code" in given(await program.answer(asking(client)))
    bearer = Visitor(world.first, None, has_browser=False)
    assert "code" in given(await bearer.answer(asking(client), authorization=f"Bearer {person.token}"))
    assert "code" in await program.allow(asking(client))
    assert given(await program.answer(asking(client), {"decision": "deny"}))["error"] == "access_denied"
    # Where it sends a token, the token counts.
    assert is_refused(await program.answer(asking(client), {"csrf_token": "x"}), "invalid_request")
    assert is_refused(await program.answer(asking(client), {"decision": "maybe"}), "invalid_request")
    assert leads_to_sign_in(await Visitor(world.first, None, has_browser=False).answer(asking(client)))
    assert await codes(world) == 3


@pytest.mark.requirement("CON-04")
@pytest.mark.parametrize(
    "change",
    [
        {"scope": "coder:all"},
        {"scope": "coder:workspaces.read coder:workspaces.delete"},
        {"scope": ""},
        {"resource": MCP},
        {"resource": ACCESS_URL},
        {"redirect_uri": "https://client.example/other"},
        {"redirect_uri": ""},
        {"code_challenge": "b" * 43},
        {"code_challenge": ""},
        {"state": "other"},
        {"client_id": "other"},
        {"prompt": "none"},
        {"extra": "1"},
    ],
)
async def test_an_answer_is_for_what_was_shown(world: World, person: Person, change: dict[str, str]):
    uris = [CALLBACK, "https://client.example/other"]
    client, other = await world.make_client(redirect_uris=uris), await world.make_client(redirect_uris=uris)
    if "client_id" in change:
        change = {"client_id": other.id}
    shown, visitor = asking(client), Visitor(world.first, person)
    token = token_of(await visitor.open(shown))
    reply = await visitor.answer({**shown, **change}, {"csrf_token": token})
    assert reply.status_code in {303, 400}
    assert "code=" not in reply.headers.get("location", "")
    assert await codes(world) == 0
    # What the body says beside the answer changes nothing.
    assert "code" in given(await visitor.answer(shown, {"csrf_token": token, **change}))
    row = await world.db.fetchrow("select * from oauth2_provider_app_codes")
    assert row is not None
    assert (row["scopes"], row["resource_uri"], row["code_challenge"], row["redirect_uri"], row["app_id"]) == (
        ["coder:workspaces.read"], None, CHALLENGE, CALLBACK, client.app.id,
    )  # fmt: skip


@pytest.mark.requirement("CON-04")
async def test_a_client_that_changed_meanwhile_is_shown_again(world: World, person: Person):
    client = await world.make_client()
    visitor = Visitor(world.first, person)
    for change in ("name = 'another'", "scope = 'template:read'"):
        token = token_of(await visitor.open(asking(client, scope="workspace:read template:read")))
        await world.db.execute(f"update oauth2_provider_apps set {change} where id = $1", client.app.id)
        reply = await visitor.answer(asking(client, scope="workspace:read template:read"), {"csrf_token": token})
        assert is_page(reply, 400)
    assert await codes(world) == 0


@pytest.mark.requirement("CON-03")
async def test_somebody_else_may_answer(world: World, person: Person):
    client = await world.make_client()
    visitor, wanted = Visitor(world.first, person), asking(client, state="a b")
    page = await visitor.open(wanted)
    assert is_page(await visitor.answer(wanted, {"decision": "switch", "csrf_token": "x"}), 400)
    left = await visitor.answer(wanted, {"decision": "switch", "csrf_token": token_of(page)})
    back = leads_to_sign_in(left)
    assert dict(parse_qsl(urlsplit(back).query)) == wanted
    assert "coder_session_token=" in str(left.headers.get_list("set-cookie"))
    assert leads_to_sign_in(await visitor.open(wanted)) == back
    assert await codes(world) == 0
