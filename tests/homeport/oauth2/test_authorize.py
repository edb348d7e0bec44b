"""The authorization endpoint over HTTP: what stays on our page, what goes back to the client, and who must sign in before."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.homeport.oauth2.visitors import (
    HTML,
    PATH,
    Visitor,
    asking,
    given,
    is_page,
    leads_to_sign_in,
    query_of,
    token_of,
)
from tests.homeport.oauth2.world import CALLBACK, MCP, OAuthClient, Replica, World, is_refused
from tests.homeport.web.site import CSRF_TOKEN, Document
from tests.support.accounts import ACCESS_URL, Person
from tests.support.names import unique_name

SOMEBODY = "00000000-0000-4000-8000-000000000000"


async def dynamic(world: World, **more: Any) -> OAuthClient:
    """A public client that has registered itself."""
    return await world.make_client(is_public=True, **{"kind": "dynamic", "dynamically_registered": True, **more})


@pytest.fixture
async def person(world: World) -> Person:
    return await world.accounts.make("member")


@pytest.mark.requirement("AUT-01")
@pytest.mark.parametrize(
    "client_id",
    [
        SOMEBODY,
        "",
        "x",
        "../x",
        "'; drop table users --",
        "é",
        "\x00",
        "a" * 3000,
        "urn:uuid:" + SOMEBODY,
        SOMEBODY.replace("-", ""),
    ],
)
async def test_an_unknown_client_is_told_here_to_register_again(world: World, person: Person, client_id: str):
    client = await world.make_client()
    parameters = {**asking(client), "client_id": client_id}
    for visitor in (Visitor(world.first, None), Visitor(world.first, person)):
        page = await visitor.open(parameters)
        assert is_page(page, 401 if client_id else 400)
        assert "register" in page.text or not client_id
        assert "state" not in Document(page.text).text
    program = Visitor(world.first, person, has_browser=False)
    code, status = ("invalid_client", 401) if client_id else ("invalid_request", 400)
    assert is_refused(await program.open(parameters), code, status)
    assert is_refused(await program.answer(parameters), code, status)
    missing = {name: value for name, value in parameters.items() if name != "client_id"}
    assert is_refused(await program.open(missing), "invalid_request")
    assert is_refused(await program.open([*asking(client).items(), ("client_id", client.id)]), "invalid_request")


@pytest.mark.requirement("AUT-02", "AUT-15")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        CALLBACK + "/",
        CALLBACK + "?x=1",
        CALLBACK + "#",
        "https://client.example@evil.example/callback",
        "javascript:alert(1)",
    ],
)
async def test_a_foreign_address_is_never_redirected_to(world: World, person: Person, uri: str):
    client = await world.make_client()
    wrong = asking(client, redirect_uri=uri)
    # Whatever else is wrong with the request: nothing is sent there.
    for parameters in (wrong, {**wrong, "response_type": "token"}, {**wrong, "prompt": "none"}):
        for visitor in (Visitor(world.first, None), Visitor(world.first, person)):
            page = await visitor.open(parameters)
            assert is_page(page, 400)
            assert uri not in page.text
            assert is_page(await visitor.answer(parameters, {"csrf_token": "x"}), 400)
        assert is_refused(await Visitor(world.first, person, has_browser=False).answer(parameters), "invalid_request")
    assert await world.db.fetchval("select count(*) from oauth2_provider_app_codes") == 0


@pytest.mark.requirement("AUT-03", "AUT-04", "AUT-05", "AUT-06", "AUT-11", "RES-02")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": f"{MCP}#x"}, "invalid_target"),
        ({"scope": "x" * 5000}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
    ],
)
async def test_other_errors_go_to_the_client(world: World, person: Person, changes: dict[str, str | None], error: str):
    client = await world.make_client(is_public=True)
    parameters = asking(client, **changes)
    for visitor in (Visitor(world.first, None), Visitor(world.first, person)):
        for reply in (await visitor.open(parameters), await visitor.answer(parameters)):
            assert reply.headers["location"].startswith(f"{CALLBACK}?")
            found = given(reply)
            assert found.pop("error_description")
            assert found == {"error": error, "state": "s", "iss": ACCESS_URL}
    assert await world.db.fetchval("select count(*) from oauth2_provider_app_codes") == 0


@pytest.mark.requirement("AUT-06")
async def test_a_parameter_that_comes_twice_is_an_error_and_an_unknown_one_is_none(world: World, person: Person):
    client = await world.make_client()
    visitor = Visitor(world.first, person)
    pairs = list(asking(client).items())
    for name in ("state", "scope", "response_type", "code_challenge"):
        found = given(await visitor.open([*pairs, (name, "x")]))
        assert found["error"] == "invalid_request"
        # Nobody knows which of two states is meant.
        assert ("state" in found) is (name != "state")
    assert is_page(
        await visitor.open([*pairs, ("unknown", "1"), ("unknown", "2"), ("nonce", "n"), ("ui_locales", "")]), 200
    )
    assert is_page(await visitor.open("&".join(f"a{number}=" for number in range(500))), 400)


@pytest.mark.requirement("AUT-04")
async def test_operators_decide_whether_confidential_clients_need_pkce(world: World, person: Person):
    strict = Replica(world.db, oauth2_require_pkce=True)
    world.replicas.append(strict)
    client = await world.make_client()
    plain = asking(client, code_challenge=None, code_challenge_method=None)
    assert "code" in await Visitor(world.first, person).allow(plain)
    assert given(await Visitor(strict, person).open(plain))["error"] == "invalid_request"
    assert (
        given(
            await Visitor(world.first, person).open(
                asking(client, code_challenge=None, code_challenge_method=None, state=None)
            )
        )["error"]
        == "invalid_request"
    )


@pytest.mark.requirement("AUT-18")
async def test_nobody_is_bounced_to_a_client_that_nobody_has_allowed(world: World, person: Person):
    client = await dynamic(world)
    wrong = asking(client, scope="x" * 5000, resource="https://other.example/")
    stranger = Visitor(world.first, None)
    assert leads_to_sign_in(await stranger.open(wrong)) == f"{PATH}?{query_of(wrong)}"
    assert is_page(await stranger.open({**wrong, "prompt": "none"}), 400)
    assert is_page(await stranger.open(asking(client, prompt="none")), 400)
    assert given(await Visitor(world.first, person).open(wrong))["error"] == "invalid_target"
    # Once somebody has allowed it, its errors go back at once.
    await Visitor(world.first, person).allow(asking(client))
    assert given(await stranger.open(wrong))["error"] == "invalid_target"
    assert given(await stranger.open(asking(client, prompt="none")))["error"] == "login_required"


STATES = [
    "x" * 4096,
    "üñíçødé → 🦀",
    "a+b%2Bc d&e=f#g",
    "\\..\\x",
    "//evil.example",
    "é" * 700,
    "%",
    "\r\nSet-Cookie: x=1",
    " ",
]


@pytest.mark.requirement("AUT-08", "AUT-09")
@pytest.mark.parametrize("state", STATES)
async def test_a_request_comes_through_the_sign_in_as_it_was(world: World, state: str):
    first = {"email": "first@homeport.test", "username": "first", "name": "", "password": "a-Long-Passphrase-4711"}
    assert (await world.first.request("POST", "/api/v2/users/first", json=first)).status_code == 201
    client = await world.make_client()
    parameters = asking(client, state=state, resource=MCP, unknown="ä+ %")
    sent = await Visitor(world.first, None).open(parameters)
    assert sent.status_code == 303
    page = await world.first.request("GET", sent.headers["location"], headers={"accept": HTML})
    document = Document(page.text)
    assert "An application asks for access" in document.text
    jar = f"csrf_token={CSRF_TOKEN}"
    form = {**first, "csrf_token": CSRF_TOKEN, "redirect": document.field("redirect")["value"]}
    signed_in = await world.first.request("POST", "/login", data=form, headers={"cookie": jar})
    assert signed_in.status_code == 303
    back = signed_in.headers["location"]
    assert back.startswith(f"{PATH}?")
    assert parse_qsl(urlsplit(back).query, keep_blank_values=True) == list(parameters.items())
    session = next(c for c in signed_in.headers.get_list("set-cookie") if c.startswith("coder_session_token"))
    cookie = {"cookie": session.partition(";")[0].replace('"', ""), "accept": HTML}
    asked = await world.first.request("GET", back, headers=cookie)
    assert is_page(asked, 200)
    action = next(form["action"] for form in Document(asked.text).all("form"))
    reply = await world.first.request("POST", action, headers=cookie, data={"csrf_token": token_of(asked)})
    assert given(reply)["state"] == state
    denied = next(link["href"] for link in Document(asked.text).all("a") if link.get("id") == "cancel-link")
    assert dict(parse_qsl(urlsplit(denied).query))["state"] == state


@pytest.mark.requirement("AUT-08", "AUT-09")
async def test_bytes_that_are_no_text_come_back_as_they_were(world: World, person: Person):
    client = await world.make_client()
    query = query_of(asking(client, state=None)) + "&state=%FF%C3%28%00+%2B"
    assert leads_to_sign_in(await Visitor(world.first, None).open(query)).endswith("&state=%FF%C3%28%00%20%2B")
    visitor = Visitor(world.first, person)
    page = await visitor.open(query)
    reply = await visitor.answer(query, {"csrf_token": token_of(page)})
    assert "state=%FF%C3%28%00%20%2B&" in reply.headers["location"]


@pytest.mark.requirement("AUT-07")
async def test_a_request_may_begin_by_post(world: World, person: Person):
    client = await world.make_client()
    parameters = {**asking(client, state="a b+c"), "extra": "é"}
    for visitor in (Visitor(world.first, None), Visitor(world.first, person)):
        begun = await visitor.answer("", parameters)
        assert begun.status_code == 303
        path, _, query = begun.headers["location"].partition("?")
        assert path == PATH
        assert parse_qsl(query) == list(parameters.items())
    twice = await visitor.answer("", [*parameters.items(), ("scope", "x")])
    assert given(await visitor.open(twice.headers["location"].partition("?")[2]))["error"] == "invalid_request"
    wrong = await visitor.send("POST", "", headers={"content-type": "application/json"}, content=b"{}")
    assert is_page(wrong, 400)


@pytest.mark.requirement("AUT-07")
async def test_looking_gives_no_code(world: World, person: Person):
    client = await world.make_client(is_public=True)
    for visitor in (Visitor(world.first, person), Visitor(world.first, person, has_browser=False)):
        for _ in range(2):
            assert (await visitor.open(asking(client))).status_code == 200
    for method in ("HEAD", "PUT", "DELETE", "PATCH"):
        reply = await visitor.send(method, asking(client), headers={})
        assert reply.status_code == 405
        assert "location" not in reply.headers
    assert await world.db.fetchval("select count(*) from oauth2_provider_app_codes") == 0


@pytest.mark.requirement("AUT-09", "AUT-10", "AUT-11", "AUT-14")
@pytest.mark.parametrize("decision", ["allow", "deny"])
async def test_an_answer_names_the_server_and_repeats_the_state(world: World, person: Person, decision: str):
    uri = "https://client.example/callback?tenant=a%20b&state=old&code=old"
    client = await world.make_client(redirect_uris=[uri])
    visitor = Visitor(world.first, person)
    for state in ("s+ %", None):
        parameters = asking(client, redirect_uri=uri, state=state)
        page = await visitor.open(parameters)
        if page.status_code == 200:
            reply = await visitor.answer(parameters, {"csrf_token": token_of(page), "decision": decision})
        else:
            reply = page
        assert reply.status_code == 303
        assert reply.headers["location"].startswith("https://client.example/callback?tenant=a%20b&")
        found = given(reply)
        assert found.pop("tenant") == "a b"
        assert found.pop("iss") == ACCESS_URL
        assert found.pop("state", None) == state
        assert set(found) == ({"code"} if decision == "allow" else {"error", "error_description"})
        assert found.get("error", "access_denied") == "access_denied"


@pytest.mark.requirement("AUT-12", "AUT-13")
async def test_without_a_known_scope_the_page_shows_the_least(world: World, person: Person):
    client = await world.make_client()
    visitor = Visitor(world.first, person)
    for scope in (None, "", "openid email profile"):
        page = Document((await visitor.open(asking(client, scope=scope))).text)
        assert "coder:workspaces.read" in page.text
        assert "it gets the least" in page.text
        assert "coder:all" not in page.text
    named = Document((await visitor.open(asking(client, scope="openid coder:workspaces.read"))).text)
    assert "it gets the least" not in named.text
    tokens = await world.redeem(client, (await visitor.allow(asking(client, scope="openid")))["code"])
    assert tokens.json()["scope"] == "coder:workspaces.read"


@pytest.mark.requirement("AUT-15")
async def test_the_way_in_is_never_framed(world: World):
    for path in ("/login", f"/login?redirect={PATH}"):
        first = {"email": "first@homeport.test", "username": "first", "name": "", "password": "a-Long-Passphrase-4711"}
        await world.first.request("POST", "/api/v2/users/first", json=first)
        page = await world.first.request("GET", path, headers={"accept": HTML})
        assert page.status_code == 200
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers.get_list("referrer-policy") == ["no-referrer"]
        assert page.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        # An answer to the client may follow the sign-in at once, and its form would be held against that.
        assert "form-action" not in page.headers["content-security-policy"]


@pytest.mark.requirement("AUT-16")
async def test_pages_of_other_sites_read_nothing(world: World, person: Person):
    client = await world.make_client()
    visitor = Visitor(world.first, person)
    origin = {"origin": "https://evil.example"}
    for reply in (
        await visitor.open(asking(client), **origin),
        await visitor.open({}, **origin),
        await visitor.send("OPTIONS", asking(client), headers={**origin, "access-control-request-method": "POST"}),
    ):
        assert not [name for name in reply.headers if name.startswith("access-control-")]


@pytest.mark.requirement("AUT-17")
async def test_a_client_may_forbid_asking_or_demand_it(world: World, person: Person):
    client = await world.make_client()
    stranger, visitor = Visitor(world.first, None), Visitor(world.first, person)
    quiet, loud = asking(client, prompt="none"), asking(client, prompt="consent")
    assert given(await stranger.open(quiet))["error"] == "login_required"
    assert given(await visitor.open(quiet))["error"] == "consent_required"
    assert "code" in await visitor.allow(loud)
    assert "code" in given(await visitor.open(quiet))
    assert "code" in given(await visitor.open(asking(client)))
    for prompt in ("consent", "login", "select_account", "consent unknown"):
        assert is_page(await visitor.open(asking(client, prompt=prompt)), 200)
    assert (
        given(await visitor.open(asking(client, prompt="none", scope="coder:workspaces.create")))["error"]
        == "consent_required"
    )


async def test_only_people_allow(world: World, person: Person):
    client = await world.make_client()
    narrow = await world.accounts.make("member", scopes=("coder:workspaces.read",))
    tokens = await world.tokens(client, person, scopes=["coder:all"])
    application = Person("app", person.id, person.username, person.email, tokens["access_token"], None)
    for who in (narrow, application):
        for visitor in (Visitor(world.first, who), Visitor(world.first, who, has_browser=False)):
            for reply in (await visitor.open(asking(client)), await visitor.answer(asking(client))):
                assert reply.status_code == 403, reply.text
                assert "location" not in reply.headers
        bearer = await Visitor(world.first, None, has_browser=False).answer(
            asking(client), authorization=f"Bearer {who.token}"
        )
        assert is_refused(bearer, "access_denied", 403)


@pytest.mark.requirement("AUT-06")
async def test_a_session_in_the_query_counts_for_nothing(world: World, person: Person):
    client = await world.make_client()
    for name in ("coder_session_token", "access_token"):
        parameters = {**asking(client), name: person.token}
        stranger = Visitor(world.first, None, has_browser=False)
        assert is_refused(await stranger.open(parameters), "invalid_request")
        assert is_refused(await stranger.answer(parameters), "invalid_request")


@pytest.mark.requirement("RED-02", "RED-03", "RED-07")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
async def test_native_clients_get_their_answer_at_any_port(world: World, person: Person, host: str):
    vs_code = [
        "https://insiders.vscode.dev/redirect",
        "https://vscode.dev/redirect",
        f"http://{host}/",
        f"http://{host}:33418/",
    ]
    body = {
        "client_name": "Editor",
        "redirect_uris": vs_code,
        "token_endpoint_auth_method": "none",
        "application_type": "native",
    }
    made = await world.first.request("POST", "/oauth2/register", json=body)
    assert made.status_code == 201, made.text
    registered = await world.make_client(is_public=True, redirect_uris=[f"http://{host}/"], name=unique_name("native"))
    for client_id in (made.json()["client_id"], registered.id):
        uri = f"http://{host}:49999/"
        parameters = {**asking(registered, redirect_uri=uri), "client_id": client_id}
        found = await Visitor(world.first, person).allow(parameters)
        form = {"grant_type": "authorization_code", "client_id": client_id, "code": found["code"], "redirect_uri": uri}
        verifier = "a-verifier-of-the-tests-that-is-long-enough-0123456789"
        tokens = await world.post("/oauth2/tokens", {**form, "code_verifier": verifier})
        assert tokens.status_code == 200, tokens.text


@pytest.mark.requirement("RED-06", "RED-07")
async def test_the_addresses_of_cursor_register_and_answer(world: World, person: Person):
    uris = [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "http://localhost:8787/callback",
    ]
    body = {"client_name": "Cursor", "redirect_uris": uris, "token_endpoint_auth_method": "none"}
    made = await world.first.request("POST", "/oauth2/register", json=body)
    assert made.status_code == 201, made.text
    client = await world.make_client(is_public=True)
    visitor = Visitor(world.first, person)
    for uri in uris:
        parameters = {**asking(client, redirect_uri=uri), "client_id": made.json()["client_id"]}
        page = await visitor.open(parameters)
        reply = await visitor.answer(parameters, {"csrf_token": token_of(page)})
        assert reply.headers["location"].startswith(f"{uri}?code=hp_code_")


@pytest.mark.requirement("AUT-01")
async def test_without_the_authorization_server_there_is_no_page(world: World, person: Person):
    off = Replica(world.db, oauth2_provider_enable=False)
    world.replicas.append(off)
    client = await world.make_client()
    for path in (PATH, "/oauth2/device/verify"):
        reply = await off.request("GET", f"{path}?{query_of(asking(client))}", headers=person.headers)
        assert reply.status_code == 404
