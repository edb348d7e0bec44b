"""The consent page in Chromium: the way from a client's link to its answer, and everything that a page elsewhere might try."""

import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from scripts.components import COMPONENTS
from tests.browser.access import violations
from tests.browser.callbacks import Callback, framing, listening, sending_form
from tests.browser.people import EMAIL, Camera, sign_in
from tests.support.api import PASSWORD, Api

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
MakePage = Callable[..., Page]
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
STATE = "a b+c%2F→🦀"
CURSOR = "cursor://anysphere.cursor-mcp/oauth/callback"
ALL_SCOPES = (
    "coder:workspaces.read coder:workspaces.create coder:workspaces.operate coder:workspaces.delete "
    "coder:workspaces.access coder:templates.author api_key:read"
)


@pytest.fixture
def callback() -> Iterator[Callback]:
    """A native client that waits for its answer."""
    with listening() as found:
        yield found


def register(server: str, *uris: str, name: str = "Editor") -> str:
    """Register a public client; returns its client_id."""
    body = {"client_name": name, "redirect_uris": list(uris), "token_endpoint_auth_method": "none"}
    reply = httpx.post(f"{server}/oauth2/register", json=body, trust_env=False)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["client_id"])


def link(client_id: str, uri: str, **changes: str) -> str:
    """The address to which a client sends its person."""
    parameters = {
        "response_type": "code", "client_id": client_id, "redirect_uri": uri, "state": STATE, "scope": ALL_SCOPES,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", **changes,
    }  # fmt: skip
    return f"/oauth2/authorize?{urlencode(parameters)}"


def type_password(page: Page) -> None:
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.requirement("AUT-08", "AUT-14", "CON-03", "WEB-ACCESS-02")
@pytest.mark.parametrize("has_scripts", [True, False])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_stranger_signs_in_and_the_client_gets_its_answer(
    server: str, owner: Api, make_page: MakePage, host: str, has_scripts: bool
) -> None:
    with listening(host) as callback:
        client_id = register(server, callback.uri.rpartition(":")[0] + "/callback")
        page = make_page(has_scripts=has_scripts)
        page.goto(link(client_id, callback.uri))
        expect(page.get_by_text("An application asks for access.")).to_be_visible()
        type_password(page)
        expect(page.locator("h1")).to_have_text("Allow Editor to use Homeport as you?")
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_text("You can close this page")).to_be_visible()
        (answer,) = callback.answers
        assert answer["state"] == STATE
        assert answer["iss"] == server
        assert answer["code"].startswith("hp_code_")


@pytest.mark.requirement("AUT-03", "AUT-14")
def test_a_person_refuses_by_button_or_by_link(
    server: str, owner: Api, make_page: MakePage, callback: Callback
) -> None:
    client_id = register(server, callback.uri)
    page = make_page()
    sign_in(page)
    page.goto(link(client_id, callback.uri))
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    page.goto(link(client_id, callback.uri))
    page.locator("#cancel-link").click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    assert [(answer["error"], answer["state"], answer["iss"]) for answer in callback.answers] == [
        ("access_denied", STATE, server)
    ] * 2


@pytest.mark.requirement("AUT-14", "RED-06")
def test_an_answer_reaches_an_application_by_its_own_scheme(server: str, owner: Api, make_page: MakePage) -> None:
    for uri in (CURSOR, "com.example.app:/oauth/callback"):
        client_id = register(server, uri)
        page = make_page()
        sign_in(page)
        tried: list[str] = []
        page.on("request", partial(_note, tried))
        page.goto(link(client_id, uri))
        page.get_by_role("button", name="Allow").click()
        # No application is there to open it, so the browser stays; what counts is that it has tried.
        page.wait_for_timeout(500)
        (address,) = [url for url in tried if url.startswith(uri)]
        assert f"{uri}?code=hp_code_" in address
        expect(page.locator("#cancel-link")).to_have_attribute("href", _starting_with(f"{uri}?error=access_denied"))


@pytest.mark.requirement("AUT-14")
def test_an_answer_may_be_led_on_by_the_client(
    server: str, owner: Api, make_page: MakePage, callback: Callback
) -> None:
    with listening() as further:
        callback.onward = further.uri
        client_id = register(server, f"{callback.origin}/hop")
        page = make_page()
        # The sign-in page's form is part of the same chain where nothing has to be asked: here it ends in an error.
        page.goto(link(client_id, f"{callback.origin}/hop", resource="https://other.example/"))
        type_password(page)
        expect(page.get_by_text("You can close this page")).to_be_visible()
        page.goto(link(client_id, f"{callback.origin}/hop"))
        page.get_by_role("button", name="Allow").click()
        expect(page.get_by_text("You can close this page")).to_be_visible()
        refused, allowed = further.answers
        assert refused["error"] == "invalid_target"
        assert "code" in allowed


@pytest.mark.requirement("AUT-14")
def test_a_policy_on_forms_would_hold_answers_back(
    server: str, owner: Api, browser: Browser, callback: Callback
) -> None:
    """Why the page has no form-action: Chromium holds it against the redirects that follow a form."""
    context = browser.new_context(base_url=server)
    page = context.new_page()
    sign_in(page)

    def restrict(route: Route) -> None:
        reply = route.fetch(max_redirects=0)
        policy = reply.headers.get("content-security-policy", "") + "; form-action 'self'"
        route.fulfill(response=reply, headers={**reply.headers, "content-security-policy": policy})

    page.route("**/oauth2/authorize?*", restrict)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(link(register(server, callback.uri), callback.uri))
    page.unroute("**/oauth2/authorize?*")
    page.get_by_role("button", name="Allow").click()
    page.wait_for_timeout(500)
    assert callback.answers == []
    assert any("form-action" in text for text in said), said
    context.close()


@pytest.mark.requirement("AUT-15")
def test_the_pages_are_never_shown_inside_another(
    server: str, owner: Api, browser: Browser, callback: Callback
) -> None:
    client_id = register(server, callback.uri)
    context = browser.new_context(base_url=server)
    page = context.new_page()
    sign_in(page)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    addresses = {
        "sign-in": "/login?redirect=/oauth2/device/verify",
        "consent": link(client_id, callback.uri),
        "device": "/oauth2/device/verify",
        "wrong": "/oauth2/authorize?client_id=x",
    }
    for name, address in addresses.items():
        if name == "sign-in":
            context.clear_cookies()
        callback.pages[f"/{name}"] = framing(f"{server}{address}")
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            page.goto(f"{callback.origin}/{name}")
        assert page.frames[1].url.startswith("chrome-error://"), name
        if name == "sign-in":
            sign_in(page)
    assert len([text for text in said if "frame-ancestors" in text]) == len(addresses)
    context.close()


@pytest.mark.requirement("CON-03", "M05")
def test_a_page_elsewhere_allows_nothing(server: str, owner: Api, make_page: MakePage, callback: Callback) -> None:
    client_id = register(server, callback.uri)
    page = make_page()
    sign_in(page)
    for host in ("127.0.0.1", "localhost"):
        # Another port is the same site, so the cookie goes along; another name is another site, and it does not.
        callback.pages["/prize"] = sending_form(f"{server}{link(client_id, callback.uri)}")
        page.goto(f"{callback.origin.replace('127.0.0.1', host)}/prize")
        page.get_by_role("button", name="Win a prize").click()
        page.wait_for_url(f"{server}/**")
        assert callback.answers == []
    grants = owner.call("GET", "/oauth2-provider/grants")
    assert [grant for grant in grants if grant["client_id"] == client_id] == []


@pytest.mark.requirement("CON-03")
def test_a_form_that_was_sent_before_is_asked_again(
    server: str, owner: Api, make_page: MakePage, callback: Callback
) -> None:
    client_id = register(server, callback.uri)
    page = make_page()
    sign_in(page)
    page.goto(link(client_id, callback.uri))
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    # The browser keeps no such page, so going back asks the server, and the new page can be answered.
    page.go_back()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    assert len(callback.answers) == 2
    page.go_back()
    stale = page.locator("input[name=csrf_token]").input_value()
    page.get_by_role("button", name="Deny").click()
    page.goto(link(client_id, callback.uri))
    page.locator("input[name=csrf_token]").evaluate("(field, value) => { field.value = value }", stale)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("alert")).to_contain_text("decide anew")
    assert len(callback.answers) == 3
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    assert "code" in callback.answers[-1]


@pytest.mark.requirement("CON-03")
def test_somebody_else_answers(server: str, owner: Api, make_page: MakePage, callback: Callback) -> None:
    client_id = register(server, callback.uri)
    page = make_page(has_scripts=False)
    sign_in(page)
    page.goto(link(client_id, callback.uri))
    page.get_by_role("button", name="Use another account").click()
    expect(page.get_by_text("An application asks for access.")).to_be_visible()
    type_password(page)
    expect(page.locator("h1")).to_have_text("Allow Editor to use Homeport as you?")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    assert callback.answers[0]["state"] == STATE


@pytest.fixture
def plain_browser(browser: Browser) -> Iterator[Browser]:
    """A Chromium for which a name that is not loopback leads here: over plain http it sends no Sec-Fetch-Site."""
    arguments = ["--host-resolver-rules=MAP homeport.test 127.0.0.1", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    started = browser.browser_type.launch(executable_path=COMPONENTS["chromium"].path(), args=arguments)
    yield started
    started.close()


@pytest.mark.requirement("CON-03")
def test_a_server_on_plain_http_takes_the_forms_too(
    server: str, owner: Api, plain_browser: Browser, callback: Callback
) -> None:
    client_id = register(server, callback.uri)
    context = plain_browser.new_context(base_url=server.replace("127.0.0.1", "homeport.test"))
    page = context.new_page()
    sent: list[dict[str, str]] = []
    page.on("request", lambda request: sent.append(request.all_headers()) if request.method == "POST" else None)
    page.goto(link(client_id, callback.uri))
    type_password(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("You can close this page")).to_be_visible()
    assert "code" in callback.answers[0]
    # Chromium says nothing of where these forms come from.
    assert [(headers.get("origin"), headers.get("sec-fetch-site")) for headers in sent] == [("null", None)] * 2
    context.close()


def open_device(server: str, client_id: str) -> dict[str, Any]:
    """Let a device ask for its codes."""
    reply = httpx.post(f"{server}/oauth2/device", data={"client_id": client_id, "scope": ALL_SCOPES}, trust_env=False)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def device_client(server: str) -> str:
    """Register a client for devices; returns its client_id."""
    body = {
        "client_name": "Build robot", "token_endpoint_auth_method": "none",
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    }  # fmt: skip
    reply = httpx.post(f"{server}/oauth2/register", json=body, trust_env=False)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["client_id"])


@pytest.mark.requirement("DEV-03", "WEB-ACCESS-02")
def test_a_device_is_connected(server: str, owner: Api, make_page: MakePage) -> None:
    client_id = device_client(server)
    device = open_device(server, client_id)
    page = make_page(has_scripts=False, width=390)
    page.goto("/oauth2/device/verify")
    type_password(page)
    page.get_by_label("Code").fill("BCDF-GHJK")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("No device waits with this code")
    page.get_by_label("Code").fill(device["user_code"].lower())
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#user-code")).to_have_text(device["user_code"])
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("h1")).to_have_text("The device is connected")
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": client_id,
        "device_code": device["device_code"],
    }  # fmt: skip
    assert httpx.post(f"{server}/oauth2/tokens", data=form, trust_env=False).status_code == 200


@pytest.mark.requirement("CON-01", "CON-02", "WEB-ACCESS-01")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")])
def test_pages_of_the_authorization_server_are_usable_by_everybody(
    width: int, scheme: str, server: str, owner: Api, make_page: MakePage, callback: Callback, pictures: Path | None
) -> None:
    page = make_page(width=width, scheme=scheme)
    camera = Camera(pictures, f"{width}-{scheme}")
    found: dict[str, Any] = {}

    def look(name: str) -> None:
        camera.take(page, f"oauth2-{name}")
        if wrong := violations(page):
            found[name] = wrong

    loopback = register(server, callback.uri)
    other = register(
        server, "https://agents.example/callback", CURSOR, name="A client with a very long name " + "w" * 33
    )
    page.goto(link(loopback, callback.uri))
    look("sign-in")
    type_password(page)
    look("consent-loopback")
    page.goto(link(other, "https://agents.example/callback", scope="all", resource=f"{server}/mcp"))
    look("consent-everything")
    page.goto(link(other, CURSOR, scope=""))
    look("consent-scheme")
    token = page.locator("input[name=csrf_token]")
    token.evaluate("field => { field.value = 'x' }")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look("consent-again")
    page.goto("/oauth2/authorize?client_id=00000000-0000-4000-8000-000000000000")
    look("unknown-client")
    page.goto(link(loopback, "https://evil.example/"))
    look("wrong-address")
    page.goto("/oauth2/device/verify")
    look("device")
    page.goto("/oauth2/device/verify?user_code=BCDF-GHJK")
    look("device-wrong")
    device = open_device(server, device_client(server))
    page.goto(f"/oauth2/device/verify?user_code={device['user_code']}")
    look("device-consent")
    page.get_by_role("button", name="Allow").click()
    look("device-done")
    page.goto("/account#applications")
    page.get_by_text("What it may do").first.click()
    look("applications")
    assert found == {}


def _note(seen: list[str], request: Request) -> None:
    seen.append(request.url)


def _starting_with(text: str) -> re.Pattern[str]:
    return re.compile("^" + re.escape(text))
