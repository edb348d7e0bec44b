"""Sign-in through an identity provider of other people: npm oidc-provider (clients/identity.mjs) and a whole server."""

import json
import os
import re
import subprocess
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from scripts import node_packages
from tests.support.program import Cli
from tests.support.server import Server
from tests.support.terminals import Terminal
from tests.support.waiting import wait_for

SECRET = "a secret+of/the client:100%, of at least sixty-four characters, as HMAC would want"
CALLBACK = "/api/v2/users/oidc/callback"
TOKEN_SECONDS = 3
HTML = {"Accept": "text/html"}


class Provider:
    """The provider's process, as a test and a browser reach it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def tell(self, what: str, **values: str) -> list[str]:
        """Change something about the provider; returns its log of grants."""
        reply = httpx.get(f"{self.url}/control/{what}", params=values, trust_env=False, timeout=30)
        found: list[str] = reply.json()
        return found

    def count(self, line: str) -> int:
        """Return how often the provider has noted this."""
        return self.tell("log").count(line)


class Browser:
    """Somebody's browser: it keeps cookies and follows redirects by hand, as far as a test wants."""

    def __init__(self, server: Server) -> None:
        self.http = httpx.Client(timeout=30, trust_env=False, headers=HTML)
        weakref.finalize(self, self.http.close)
        self.server = server

    def sign_in(self, *, redirect: str = "/workspaces") -> httpx.Response:
        """Go to the provider and back; returns what the callback answers to the code."""
        reply = self.http.get(f"{self.server.url}{CALLBACK}", params={"redirect": redirect})
        for _ in range(10):
            assert reply.status_code in {302, 303, 307}, f"{reply.url}: {reply.status_code} {reply.text}"
            target = urljoin(str(reply.url), reply.headers["location"])
            reply = self.http.get(target)
            if urlsplit(target).path == CALLBACK:
                return reply
        raise AssertionError("the way back was not found")

    def me(self) -> httpx.Response:
        """Ask who this browser is signed in as, as a program."""
        return self.http.get(f"{self.server.url}/api/v2/users/me", headers={"Accept": "application/json"})

    def sign_out_at(self, provider: Provider) -> None:
        """Sign out at the provider, by the form that it shows."""
        shown = self.http.get(f"{provider.url}/session/end")
        token = re.search(r'name="xsrf" value="([^"]+)"', shown.text)
        assert token, shown.text
        form = {"xsrf": token.group(1), "logout": "yes"}
        done = self.http.post(f"{provider.url}/session/end/confirm", data=form)
        assert done.status_code < 400, done.text


@pytest.fixture(scope="module")
def provider_and_server(node: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, Server]]:
    """The provider, and a server whose people come through it alone; each needs the other's address first."""
    server = Server(tmp_path_factory.mktemp("oidc"), daemons=0)
    program = node_packages.node()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(node),
        "NODE_ENV": "test",
        "CALLBACK": f"{server.url}{CALLBACK}",
        "CLIENT_SECRET": SECRET,
        "ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS),
    }
    with (
        (node / "identity.log").open("wb") as log,
        subprocess.Popen(
            [str(program), str(node / "identity.mjs")], env=environment, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (node / "identity.log").read_text()
            provider = Provider(json.loads(line)["url"])
            server.settings |= {
                "OIDC_ISSUER_URL": provider.url,
                "OIDC_CLIENT_ID": "homeport",
                "OIDC_CLIENT_SECRET": SECRET,
                "OIDC_SIGN_IN_TEXT": "Example Corp",
            }
            yield provider, server.start()
        finally:
            server.end()
            process.terminate()


@pytest.fixture
def provider(provider_and_server: tuple[Provider, Server]) -> Provider:
    """The provider, whose next person is ada."""
    found = provider_and_server[0]
    found.tell("person", name="ada")
    return found


@pytest.fixture
def browser(provider_and_server: tuple[Provider, Server]) -> Browser:
    """A fresh browser."""
    return Browser(provider_and_server[1])


def _message(reply: httpx.Response) -> str:
    assert reply.status_code == 303, reply.text
    return parse_qs(urlsplit(reply.headers["location"]).query)["message"][0]


@pytest.mark.requirement("OIDC-PEER-01")
def test_people_sign_in_by_code_and_pkce(provider: Provider, browser: Browser) -> None:
    reply = browser.sign_in(redirect="/workspaces?tab=mine")
    assert (reply.status_code, reply.headers["location"]) == (307, "/workspaces?tab=mine")
    person: dict[str, Any] = browser.me().json()
    assert (person["username"], person["email"], person["name"]) == ("ada", "ada@example.com", "ada of the provider")
    assert [role["name"] for role in person["roles"]] == ["owner"]
    assert person["login_type"] == "oidc"
    provider.tell("person", name="grace")
    other = Browser(browser.server)
    assert other.sign_in().status_code == 307
    second = other.me().json()
    assert (second["username"], second["roles"], second["id"] == person["id"]) == ("grace", [], False)
    again = Browser(browser.server)
    provider.tell("person", name="ada")
    again.sign_in()
    assert again.me().json()["id"] == person["id"]


@pytest.mark.requirement("CLI-LOGIN-05")
def test_the_command_line_leads_people_of_providers_to_the_browser(browser: Browser, tmp_path: Path) -> None:
    browser.sign_in()
    token = browser.http.cookies["coder_session_token"]
    cli = Cli(tmp_path)
    with Terminal(cli.words("login", browser.server.url), cli.environment) as terminal:
        terminal.type("", until="Email: ")
        assert "Leave the email empty to sign in in the browser." in terminal.seen
        terminal.type("\n", until="paste the token here: ")
        assert f"{browser.server.url}/cli-auth" in terminal.seen
        terminal.type(f"{token}\n", until="as ada")
    assert cli.ok("whoami", "-o", "json").json()["email"] == "ada@example.com"


@pytest.mark.requirement("OIDC-PEER-02", "M12")
def test_a_session_outlives_the_tokens_by_refreshing_them(provider: Provider, browser: Browser) -> None:
    """The tokens last three seconds, and each refresh token is good once."""
    browser.sign_in()
    before = provider.count("refresh_token granted")

    def has_refreshed(times: int) -> bool:
        assert browser.me().status_code == 200
        return provider.count("refresh_token granted") >= before + times

    wait_for(lambda: has_refreshed(1), seconds=20)
    wait_for(lambda: has_refreshed(2), seconds=20)
    assert provider.count("refresh_token invalid_grant") == 0


@pytest.mark.requirement("OIDC-PEER-03")
def test_new_keys_are_found(provider: Provider, browser: Browser) -> None:
    assert browser.sign_in().status_code == 307
    provider.tell("rotate")
    # Somebody else, whose sign-in renews nothing of the first one. Keys are not asked for more often than every few seconds.
    provider.tell("person", name="grace")
    wait_for(lambda: Browser(browser.server).sign_in().status_code == 307, seconds=30)
    # What was granted before goes on, though its ID tokens are signed anew.
    _await_refresh(provider, browser)
    assert browser.me().status_code == 200


@pytest.mark.requirement("OIDC-PEER-03", "CLOCK-REFRESH-04")
def test_a_session_outlives_keys_that_change_faster_than_they_are_asked_for(
    provider: Provider, browser: Browser
) -> None:
    assert browser.sign_in().status_code == 307
    refused = provider.count("refresh_token invalid_grant")
    for _ in range(3):
        provider.tell("rotate")
        _await_refresh(provider, browser)
    wait_for(lambda: browser.me().status_code == 200, seconds=20)
    assert provider.count("refresh_token invalid_grant") == refused


def _await_refresh(provider: Provider, browser: Browser) -> None:
    before = provider.count("refresh_token granted")

    def has_refreshed() -> bool:
        browser.me()
        return provider.count("refresh_token granted") > before

    wait_for(has_refreshed, seconds=20)


@pytest.mark.requirement("OIDC-PEER-04", "M12")
def test_after_signing_out_at_the_provider_the_session_ends_readably(provider: Provider, browser: Browser) -> None:
    browser.sign_in()
    assert browser.me().status_code == 200
    browser.sign_out_at(provider)
    wait_for(lambda: browser.me().status_code == 401, seconds=20)
    reply = browser.me().json()
    assert "Example Corp" in reply["detail"]
    assert "Your session at the provider has ended" in reply["message"]
    shown = browser.http.get(f"{browser.server.url}/workspaces")
    assert "Your session at the provider has ended" in _message(shown)
    page = browser.http.get(urljoin(browser.server.url, shown.headers["location"]))
    assert page.status_code == 200
    assert "Your session at the provider has ended" in page.text
    # Signing in anew is all it takes.
    assert browser.sign_in().status_code == 307
    assert browser.me().status_code == 200


@pytest.mark.requirement("OIDC-CLAIMS-02", "OIDC-PEER-04")
def test_a_provider_whose_clock_runs_ahead(provider: Provider, browser: Browser) -> None:
    """Half a minute is nothing; after two days refresh tokens have run out, and its ID tokens come from the future."""
    browser.sign_in()
    provider.tell("clock", seconds="30")
    assert Browser(browser.server).sign_in().status_code == 307
    provider.tell("clock", seconds=str(2 * 86400))
    try:
        wait_for(lambda: browser.me().status_code == 401, seconds=20)
        refused = Browser(browser.server).sign_in()
        assert "ID token" in _message(refused)
        page = browser.http.get(urljoin(browser.server.url, refused.headers["location"]))
        assert "ID token" in page.text
    finally:
        provider.tell("clock", seconds=str(-2 * 86400 - 30))
