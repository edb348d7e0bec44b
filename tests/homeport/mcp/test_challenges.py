"""Refusals at the MCP endpoints: what a client learns from them is all that it needs to get in."""

import re
from datetime import timedelta
from itertools import product

import pytest

from homeport.kit.clock import FakeClock
from homeport.oauth2.rules.scopes import DEFAULT_SCOPES
from tests.homeport.mcp.client import PATHS, Agent, challenge, initialize
from tests.homeport.oauth2.world import World
from tests.support.accounts import ACCESS_URL, Person

METHODS = ["POST", "GET", "DELETE"]


@pytest.mark.requirement("CHL-01", "CHL-02")
async def test_a_stranger_is_told_where_the_metadata_is_and_what_to_ask_for(world: World):
    for method, path in product(METHODS, PATHS):
        answer = await world.first.request(method, path, content=b"{}", headers={"content-type": "application/json"})
        assert answer.status_code == 401
        assert challenge(answer) == {
            "resource_metadata": f"{ACCESS_URL}/.well-known/oauth-protected-resource{path}",
            "scope": " ".join(DEFAULT_SCOPES),
        }
        assert answer.headers["cache-control"] == "no-store"
        assert set(answer.json()) == {"error", "error_description"}


@pytest.mark.requirement("CHL-01")
async def test_the_address_of_the_challenge_is_that_of_a_document_about_this_endpoint(world: World):
    for path in PATHS:
        address = challenge(await world.first.request("POST", path))["resource_metadata"]
        document = await world.first.request("GET", address.removeprefix(ACCESS_URL))
        assert document.status_code == 200
        assert document.json()["resource"] == f"{ACCESS_URL}{path}"


@pytest.mark.requirement("CHL-01")
async def test_three_clients_parsers_read_the_challenge(world: World):
    text = (await world.first.request("POST", "/mcp")).headers["www-authenticate"]
    address = f"{ACCESS_URL}/.well-known/oauth-protected-resource/mcp"
    scope = " ".join(DEFAULT_SCOPES)
    # The TypeScript SDK, the Python SDK, and a tokenizer as VS Code's, in the order in which they see things.
    assert re.search(r'resource_metadata=(?:"([^"]*)"|([^\s,]*))', text)[1] == address  # type: ignore[index]
    assert re.search(r'scope=(?:"([^"]+)"|([^\s,]+))', text)[1] == scope  # type: ignore[index]
    pieces = dict(re.findall(r'(?:^Bearer |, )(\w+)="((?:[^"\\]|\\.)*)"', text))
    assert pieces == {"resource_metadata": address, "scope": scope}


@pytest.mark.requirement("CHL-03")
@pytest.mark.parametrize("path", PATHS)
async def test_a_token_that_does_not_work_is_invalid(world: World, ada: Person, clock: FakeClock, path: str):
    client = await world.make_client()
    tokens = await world.tokens(client, ada, resource=f"{ACCESS_URL}{path}")
    revoked = await world.tokens(client, await world.accounts.make(), resource=f"{ACCESS_URL}{path}")
    await world.post("/oauth2/revoke", {**client.form, "token": revoked["access_token"]})
    assert (await Agent(world.first, tokens["access_token"], path=path).post(initialize())).status_code == 200
    clock.advance(timedelta(hours=1, seconds=1))
    wrong = tokens["access_token"][:-3] + ("aaa" if not tokens["access_token"].endswith("aaa") else "bbb")
    for bad in (
        "nonsense",
        "0123456789-0123456789012345678901",
        wrong,
        revoked["access_token"],
        tokens["access_token"],
    ):
        answer = await Agent(world.first, bad, path=path).post(initialize())
        assert answer.status_code == 401, bad
        found = challenge(answer)
        assert found["error"] == "invalid_token"
        assert found["resource_metadata"].endswith(path)
        assert found["scope"] == " ".join(DEFAULT_SCOPES)
        assert answer.json()["error"] == "invalid_token"


@pytest.mark.requirement("CHL-04")
async def test_a_call_beyond_the_scope_says_all_that_it_needs(world: World, ada: Person):
    client = await world.make_client()
    token = (await world.tokens(client, ada, resource=f"{ACCESS_URL}/mcp"))["access_token"]
    agent = Agent(world.first, token)
    assert await agent.ok("coder_list_workspaces") == []
    wanted = {
        "coder_create_workspace": "coder:workspaces.create",
        "coder_workspace_bash": "coder:workspaces.access",
        "coder_workspace_read_file": "coder:workspaces.access",
        "coder_delete_template": "coder:templates.author",
        "coder_upload_tar_file": "coder:templates.build",
    }
    for tool, scope in wanted.items():
        answer = await agent.call(tool)
        assert answer.status_code == 403, tool
        assert challenge(answer)["error"] == "insufficient_scope"
        assert challenge(answer)["scope"] == scope
        assert challenge(answer)["resource_metadata"] == f"{ACCESS_URL}/.well-known/oauth-protected-resource/mcp"
        assert answer.json()["error"] == "insufficient_scope"


@pytest.mark.requirement("CHL-04")
async def test_what_a_call_needs_follows_from_its_arguments(world: World):
    reader = await world.accounts.make(scopes=["coder:workspaces.read"])
    agent = Agent(world.first, reader.token)
    for transition, scope in (("start", "operate"), ("stop", "operate"), ("delete", "delete")):
        answer = await agent.call("coder_create_workspace_build", workspace_id="dev", transition=transition)
        assert answer.status_code == 403
        assert challenge(answer)["scope"] == f"coder:workspaces.{scope}"


@pytest.mark.requirement("CHL-05")
async def test_the_scheme_is_read_in_any_case(agent: Agent):
    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
        answer = await agent.post(initialize(), headers={"authorization": f"{scheme} {agent.token}"})
        assert answer.status_code == 200


@pytest.mark.requirement("CHL-05")
async def test_a_malformed_header_is_an_invalid_request(agent: Agent):
    for value in ("Bearer", "Bearer ", "bearer   ", "Bearer a b", f"Bearer {agent.token} {agent.token}", "Bearer a\tb"):
        answer = await agent.post(initialize(), headers={"authorization": value})
        assert answer.status_code == 400
        assert challenge(answer)["error"] == "invalid_request"


@pytest.mark.requirement("CHL-05")
async def test_two_methods_at_once_are_an_invalid_request(world: World, agent: Agent):
    bearer = ("authorization", f"Bearer {agent.token}")
    named = ("coder-session-token", agent.token)
    form = ("content-type", "application/x-www-form-urlencoded")
    json = ("content-type", "application/json")
    token = f"access_token={agent.token}".encode()
    for path, headers, content in (
        ("/mcp", [bearer, bearer, json], b"{}"),
        ("/mcp", [bearer, named, json], b"{}"),
        (f"/mcp?{token.decode()}", [bearer, json], b"{}"),
        (f"/mcp?{token.decode()}", [named, json], b"{}"),
        ("/mcp", [bearer, form], token),
    ):
        answer = await world.first.request("POST", path, headers=headers, content=content)
        assert answer.status_code == 400, (path, headers)
        assert challenge(answer)["error"] == "invalid_request"


@pytest.mark.requirement("CHL-06")
@pytest.mark.parametrize("name", ["access_token", "coder_session_token"])
async def test_a_token_in_the_query_or_a_form_does_not_count(world: World, agent: Agent, name: str):
    pair = f"{name}={agent.token}"
    for path, content in ((f"/mcp?{pair}", b"{}"), ("/mcp", pair.encode())):
        headers = {"content-type": "application/x-www-form-urlencoded" if "?" not in path else "application/json"}
        answer = await world.first.request("POST", path, content=content, headers=headers)
        assert answer.status_code == 401
        assert "error" not in challenge(answer)


@pytest.mark.requirement("CHL-06")
async def test_a_clients_token_in_the_query_does_not_count_at_the_api_either(world: World, ada: Person):
    token = (await world.tokens(await world.make_client(), ada))["access_token"]
    assert await world.works(token)
    for name in ("access_token", "coder_session_token"):
        answer = await world.first.request("GET", f"/api/v2/users/me?{name}={token}")
        assert answer.status_code == 401
    # Ordinary keys may stand there, as the reference has it.
    assert (await world.first.request("GET", f"/api/v2/users/me?access_token={ada.token}")).status_code == 200


@pytest.mark.requirement("CHL-07")
async def test_a_broader_scope_stands_for_a_narrower(world: World):
    for scopes in (
        ["coder:all"], ["all"], ["workspace:*"], ["coder:workspaces.operate"], ["workspace:read"],
        ["coder:workspaces.delete", "template:read"],
    ):  # fmt: skip
        person = await world.accounts.make(scopes=scopes)
        assert await Agent(world.first, person.token).ok("coder_list_workspaces") == []


@pytest.mark.requirement("CHL-07")
async def test_several_scopes_add_up(world: World):
    most = ["template:read", "template:use", "user:read", "workspace:create", "workspace:read"]
    person = await world.accounts.make(scopes=most)
    agent = Agent(world.first, person.token)
    assert (await agent.call("coder_create_workspace", name="dev")).status_code == 403
    person = await world.accounts.make(scopes=[*most, "workspace:start"])
    words = await Agent(world.first, person.token).failure("coder_create_workspace", name="dev")
    assert "template_id" in words


@pytest.mark.requirement("CHL-08")
async def test_a_page_may_ask_before_it_sends(world: World):
    for path, origin in product(PATHS, ("http://localhost:6274", "https://inspector.example")):
        headers = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type, mcp-protocol-version",
        }
        answer = await world.first.request("OPTIONS", path, headers=headers)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "POST" in answer.headers["access-control-allow-methods"]
        allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert {"authorization", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name"} <= allowed


@pytest.mark.requirement("CHL-08")
async def test_a_page_can_read_the_challenge_and_the_answer(world: World, agent: Agent):
    page = {"origin": "http://localhost:6274"}
    for answer in (
        await Agent(world.first, "").post(initialize(), headers=page),
        await agent.post(initialize(), headers=page),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = {name.strip().lower() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert "www-authenticate" in exposed
    assert "access-control-allow-origin" not in (await agent.post(initialize())).headers


@pytest.mark.requirement("CHL-08")
async def test_pages_may_use_what_a_client_needs_on_its_way(world: World):
    page = {"origin": "https://inspector.example"}
    for method, path in (
        ("GET", "/.well-known/oauth-protected-resource"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("POST", "/oauth2/tokens"),
        ("POST", "/oauth2/register"),
        ("POST", "/oauth2/revoke"),
    ):
        asked = {**page, "access-control-request-method": method}
        preflight = await world.first.request("OPTIONS", path, headers=asked)
        assert preflight.status_code == 204, path
        assert method in preflight.headers["access-control-allow-methods"]
        answer = await world.first.request(method, path, headers=page)
        assert answer.status_code < 500
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.requirement("CHL-08")
async def test_pages_of_other_sites_read_nothing_else(world: World):
    page = {"origin": "https://inspector.example"}
    for path in ("/oauth2/authorize", "/api/v2/users/me", "/login", "/api/v2/buildinfo"):
        assert "access-control-allow-origin" not in (await world.first.request("GET", path, headers=page)).headers
        asked = {**page, "access-control-request-method": "GET"}
        preflight = await world.first.request("OPTIONS", path, headers=asked)
        assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.requirement("CHL-09")
async def test_the_cookie_of_the_dashboard_opens_nothing_here(world: World, ada: Person):
    cookie = {"cookie": f"coder_session_token={ada.token}", "content-type": "application/json"}
    for path in PATHS:
        answer = await world.first.request("POST", path, content=b"{}", headers=cookie)
        assert answer.status_code == 401
        assert "error" not in challenge(answer)


@pytest.mark.requirement("CHL-09")
async def test_pages_and_names_that_are_not_expected_are_refused(agent: Agent):
    for headers, status in (
        ({"origin": ACCESS_URL}, 200),
        ({"origin": "http://localhost:6274"}, 200),
        ({"host": "127.0.0.1:3000"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example", "origin": "http://evil.example"}, 421),
    ):
        answer = await agent.post(initialize(), headers=headers)
        assert answer.status_code == status, headers
        if status == 403:
            # The page may read why, so that the person who made it knows whom to ask.
            assert "origin" in answer.json()["message"]
            assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.requirement("CHL-09")
async def test_operators_may_expect_more_origins(world: World, ada: Person):
    wider = world.second(world.db, mcp_allowed_origins=("https://inspector.example", "http://homeport.internal"))
    agent = Agent(wider, ada.token)
    assert (await agent.post(initialize(), headers={"origin": "https://inspector.example"})).status_code == 200
    assert (await agent.post(initialize(), headers={"host": "homeport.internal:3000"})).status_code == 200
    assert (await agent.post(initialize(), headers={"origin": "https://other.example"})).status_code == 403
    every = Agent(world.second(world.db, mcp_allowed_origins=("*",)), ada.token)
    assert (
        await every.post(initialize(), headers={"origin": "https://e.example", "host": "e.example"})
    ).status_code == 200
