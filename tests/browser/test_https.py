"""Under https in Chromium: cookies that no sibling host can set, and pages that work with them."""

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.tls import tls_in_front_of
from tests.support.api import PASSWORD
from tests.support.certificates import make_certificates
from tests.support.server import EMAIL, Server
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
# Browsers lead every name below localhost to loopback.
HOST, SIBLING = "homeport.localhost", "app.homeport.localhost"
SESSION, CSRF = "__Host-coder_session_token", "__Host-csrf_token"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    """A server whose access address is https, behind a proxy that ends TLS; and the proxy's port."""
    folder = tmp_path_factory.mktemp("secure")
    _, context = make_certificates(folder, HOST, SIBLING, "eu.localhost", "*.apps.localhost")
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    server = Server(folder, daemons=0, ACCESS_URL=f"https://{HOST}:{port}")
    with tls_in_front_of(int(server.url.rpartition(":")[2]), context, listener):
        try:
            server.start().set_up()
            yield server, port
        finally:
            server.end()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile that believes the test's certificate."""
    made = browser.new_context(ignore_https_errors=True)
    yield made
    made.close()


def cookies(context: BrowserContext) -> dict[str, tuple[str, bool, bool, str | None]]:
    """Return the cookies that the browser holds: domain, HttpOnly, Secure, SameSite."""
    return {one["name"]: (one["domain"], one["httpOnly"], one["secure"], one["sameSite"]) for one in context.cookies()}


@pytest.mark.requirement("COOKIE-HOST-01", "COOKIE-HOST-02")
def test_a_sibling_host_neither_sets_nor_replaces_a_session(
    secure: tuple[Server, int], context: BrowserContext
) -> None:
    server, port = secure
    home, sibling = f"https://{HOST}:{port}", f"https://{SIBLING}:{port}"
    victim = context.new_page()
    victim.goto(f"{home}/login")
    victim.get_by_label("E-mail address").fill(EMAIL)
    victim.get_by_label("Password").fill(PASSWORD)
    victim.get_by_role("button", name="Sign in").click()
    victim.wait_for_url("**/workspaces")
    assert cookies(context) == dict.fromkeys((SESSION, CSRF), (HOST, True, True, "Lax"))

    attacker = context.new_page()
    attacker.goto(f"{sibling}/nowhere")
    for name in ("coder_session_token", SESSION, "csrf_token", CSRF):
        attacker.evaluate("text => { document.cookie = text }", f"{name}={server.token}; Domain={HOST}; Path=/; Secure")
    planted = {"coder_session_token", "csrf_token"}
    assert {name for name in cookies(context) if name in planted} == planted, "plain ones can be planted"
    assert cookies(context)[SESSION] == (HOST, True, True, "Lax"), "prefixed ones cannot"

    victim.goto(f"{home}/account")
    expect(victim.get_by_role("heading", level=1)).to_be_visible()
    context.clear_cookies(name=SESSION)
    victim.goto(f"{home}/account")
    victim.wait_for_url("**/login?**")


@pytest.mark.requirement("COOKIE-HOST-01", "CSRF-WALK-01")
def test_forms_and_scripts_work_and_signing_out_leaves_nothing(
    secure: tuple[Server, int], context: BrowserContext
) -> None:
    _, port = secure
    problems: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text) if "Security Policy" in message.text else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    answer = page.goto(f"https://{HOST}:{port}/login?redirect=/account")
    assert answer is not None
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/account")
    status = page.evaluate("fetch('/api/v2/users/me').then((reply) => reply.status)")
    assert status == 200, "our own pages are signed in"
    forged = page.evaluate("fetch('/api/v2/users/me/keys', {method: 'POST'}).then((reply) => reply.status)")
    assert forged == 400, "without the token nothing is changed"
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    page.wait_for_url("**/login?notice=signed-out")
    assert SESSION not in cookies(context)
    assert problems == []


async def add_proxy(url: str, *, proxy: str, wildcard: str) -> None:
    """Write a proxy into the database of a running server, as if it had been seen just now."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "insert into workspace_proxies (id, name, url, wildcard_hostname, token_hash, last_seen_at, created_at, updated_at)"
            " values (gen_random_uuid(), 'eu', $1, $2, 'h', now(), now(), now())",
            proxy,
            wildcard,
        )
    finally:
        await connection.close()


REFUSED = """([kind, address]) => new Promise((done) => {
  const seen = (event) => done(event.effectiveDirective);
  document.addEventListener("securitypolicyviolation", seen, { once: true });
  const finish = () => setTimeout(() => { document.removeEventListener("securitypolicyviolation", seen); done(""); }, 300);
  if (kind === "socket") {
    const socket = new WebSocket(address);
    socket.onerror = socket.onopen = finish;
  } else {
    const frame = document.createElement("iframe");
    frame.onload = finish;
    frame.src = address;
    document.body.append(frame);
  }
})"""


@pytest.mark.requirement("CSP-HOSTS-03", "M09")
def test_pages_speak_with_and_frame_what_the_table_of_proxies_says(
    secure: tuple[Server, int], context: BrowserContext
) -> None:
    server, port = secure
    page = context.new_page()
    home = f"https://{HOST}:{port}/login?"
    proxy, app, other = f"eu.localhost:{port}", f"dev--app.apps.localhost:{port}", f"else.localhost:{port}"

    def refused(kind: str, address: str) -> str:
        page.goto(f"https://{HOST}:{port}/nowhere")
        return str(page.evaluate(REFUSED, [kind, address]))

    assert refused("socket", f"wss://{proxy}/x") == "connect-src"
    assert refused("frame", f"https://{app}/healthz") == "frame-src"
    with ThreadPoolExecutor(1) as thread:
        wanted = {"proxy": f"https://{proxy}", "wildcard": f"*.apps.localhost:{port}"}
        thread.submit(lambda: asyncio.run(add_proxy(server.database_url(), **wanted))).result()
    wait_for(lambda: proxy in server.api.client.get(f"{server.url}/nowhere").headers["content-security-policy"])
    assert refused("socket", f"wss://{proxy}/x") == ""
    assert refused("frame", f"https://{app}/healthz") == ""
    assert refused("socket", f"wss://{other}/x") == "connect-src"
    assert refused("frame", f"https://{other}/healthz") == "frame-src"
    answer = page.goto(home)
    assert answer is not None
    assert proxy not in answer.headers["content-security-policy"], "the page for signing in needs none of them"
