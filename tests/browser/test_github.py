"""Signing in by GitHub in Chromium: by its pages, and by a code while the page waits. The test decides what GitHub says."""

import os
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.access import violations
from tests.browser.people import EMAIL, Camera, sign_in
from tests.support.api import PASSWORD
from tests.support.github import GitHub, running_github, settings_of
from tests.support.server import Server, running_server
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
MakePage = Callable[..., Page]
TOKEN = "/login/oauth/access_token"
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
# When the page has asked our server for something, and heard the answer, by its own clock.
QUESTIONS = """
window.questions = [];
const ask = window.fetch;
window.fetch = async (...given) => {
  const question = { asked: Date.now(), heard: 0 };
  questions.push(question);
  const answer = await ask(...given);
  question.heard = Date.now();
  return answer;
};
"""
FINAL = {
    "access_denied": "was declined at GitHub",
    "expired_token": "has expired",
    "incorrect_device_code": "does not know this code",
    "unsupported_grant_type": "does not accept sign-in by code",
    "incorrect_client_credentials": "does not know the application",
    "device_flow_disabled": "does not allow sign-in by code",
    "unverified_user_email": "is not verified",
    "something_new": "did not complete the sign-in",
}


@pytest.fixture(scope="module")
def hub() -> Iterator[GitHub]:
    """A GitHub for both servers of this module."""
    with running_github() as found:
        found.interval = 1
        yield found


@pytest.fixture(scope="module")
def by_pages(hub: GitHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server to which GitHub's pages lead back."""
    settings: dict[str, Any] = settings_of(hub)
    with running_server(tmp_path_factory.mktemp("pages"), daemons=0, **settings) as server:
        yield server


@pytest.fixture(scope="module")
def by_codes(hub: GitHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose people type codes at GitHub; it has an owner with a password."""
    settings: dict[str, Any] = settings_of(hub, OAUTH2_GITHUB_DEVICE_FLOW="true")
    with running_server(tmp_path_factory.mktemp("codes"), daemons=0, **settings) as server:
        server.set_up()
        yield server


@pytest.fixture(autouse=True)
def _quiet(hub: GitHub) -> Iterator[None]:
    """Leave nothing of a test to the next one."""
    yield
    hub.troubles.clear()
    hub.next_polls.clear()
    hub.interval, hub.expires_in, hub.asks, hub.keeps_pace = 1, 900, False, False


def come_by_code(page: Page, *, target: str = "/templates") -> None:
    """Go from the sign-in page to the page of the code, and wait until it shows one."""
    page.goto(f"/login?redirect={target}")
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.wait_for_url("**/login/device?state=*")
    expect(page.locator("[data-part=user-code]")).to_have_text(re.compile(r"[A-Z]{4}-[A-Z]{4}"))


def hear(page: Page, count: int) -> None:
    """Let time pass on the page until it has heard so many answers, the code among them; none passes while it asks."""

    def is_there() -> bool:
        questions = page.evaluate("questions")
        heard = [question for question in questions if question["heard"]]
        if len(heard) < count and len(heard) == len(questions):
            page.clock.run_for(500)
        return len(heard) >= count

    wait_for(is_there, seconds=60)


def shown_code(page: Page) -> str:
    return page.locator("[data-part=user-code]").inner_text()


def status(page: Page) -> Any:
    return page.locator("[data-part=status]")


@pytest.mark.requirement("GITHUB-SIGNUP-02", "GITHUB-METHODS-01", "GITHUB-REFUSAL-01")
def test_people_sign_in_by_the_pages_of_github(
    by_pages: Server, hub: GitHub, make_page: MakePage, pictures: Path | None
) -> None:
    hub.asks = True
    page = make_page(base_url=by_pages.url)
    camera = Camera(pictures, "github-pages")
    page.goto("/")
    page.wait_for_url("**/setup")
    camera.take(page, "setup")
    assert violations(page) == []
    hub.person("harriet_s", name="Harriet Sail")
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="Authorize").click()
    page.wait_for_url("**/workspaces")
    expect(page.get_by_role("link", name="harriet-s")).to_be_visible()
    expect(page.get_by_role("link", name="Users")).to_be_visible()
    # Back is where it was, and signed out means signed out here.
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login**")
    page.goto("/templates")
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/login?message=*")
    expect(page.get_by_text("The provider did not sign you in (access_denied).")).to_be_visible()
    expect(page.get_by_text("The user has denied")).to_have_count(0)
    hub.person("unproven", emails=[])
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="Authorize").click()
    expect(page.get_by_text("Your primary e-mail address at GitHub is not verified.")).to_be_visible()
    camera.take(page, "refused")
    assert violations(page) == []
    hub.before = hub.accounts[-2]
    page.goto("/login?redirect=/templates")
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="Authorize").click()
    page.wait_for_url("**/templates")


@pytest.mark.requirement("CONVERT-03", "GITHUB-FLOW-01")
def test_people_convert_their_account_by_the_pages_of_github(hub: GitHub, make_page: MakePage, tmp_path: Path) -> None:
    settings: dict[str, Any] = settings_of(hub)
    with running_server(tmp_path, daemons=0, **settings) as server:
        server.api.make_first_user("first", EMAIL)
        hub.asks = True
        hub.person("first-at-github", email=EMAIL)
        page = make_page(base_url=server.url)
        sign_in(page)
        page.goto("/account/convert")
        page.get_by_label(re.compile("^Password")).fill(PASSWORD)
        page.get_by_role("button", name="Go on to the provider").click()
        page.get_by_role("link", name="Authorize").click()
        page.wait_for_url("**/login?message=*")
        expect(page.get_by_text("Your account signs in by GitHub from now on. Sign in again.")).to_be_visible()
        page.get_by_role("link", name="Sign in with GitHub").click()
        page.get_by_role("link", name="Authorize").click()
        page.wait_for_url("**/workspaces")
        expect(page.get_by_role("link", name="first", exact=True)).to_be_visible()


@pytest.mark.requirement("M18", "DEVICE-LOGIN-04", "GITHUB-METHODS-01")
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_people_sign_in_by_a_code_while_the_page_waits(
    by_codes: Server, hub: GitHub, make_page: MakePage, pictures: Path | None, width: int, scheme: str
) -> None:
    page = make_page(base_url=by_codes.url, width=width, scheme=scheme)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    camera = Camera(pictures, f"github-{width}-{scheme}")
    page.goto("/login")
    camera.take(page, "login")
    assert violations(page) == []
    hub.person(f"coder-{width}-{scheme}")
    come_by_code(page)
    expect(status(page)).to_have_text("Waiting for the code to be typed at GitHub.")
    page.get_by_role("button", name="Copy the code").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == shown_code(page)
    wait_for(lambda: hub.last_device.polls >= 2, seconds=20)
    camera.take(page, "waiting")
    assert violations(page) == []
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open GitHub").click()
    there = opened.value
    there.wait_for_load_state()
    assert there.url == f"{hub.url}/login/device"
    assert there.evaluate("window.opener") is None
    there.get_by_label("Code").fill(shown_code(page))
    there.get_by_role("button", name="Continue").click()
    expect(there.get_by_text("all set")).to_be_visible()
    # Nobody touches the first tab: it goes on by itself.
    page.wait_for_url("**/templates")
    expect(page.get_by_role("link", name=f"coder-{width}-{scheme}")).to_be_visible()


@pytest.mark.requirement("DEVICE-LOGIN-04")
def test_the_page_asks_at_the_pace_of_github(by_codes: Server, hub: GitHub, make_page: MakePage) -> None:
    hub.interval = 5
    hub.next_polls = ["authorization_pending", "slow_down", "slow_down", "authorization_pending"]
    person = hub.person("pace")
    page = make_page(base_url=by_codes.url)
    page.clock.install()
    page.add_init_script(QUESTIONS)
    come_by_code(page)
    device = hub.last_device
    hear(page, 3)
    expect(status(page)).to_have_text("GitHub wants to be asked less often: asking every 10 seconds.")
    hear(page, 4)
    expect(status(page)).to_have_text("GitHub wants to be asked less often: asking every 15 seconds.")
    hear(page, 5)
    expect(status(page)).to_have_text("Waiting for the code to be typed at GitHub.")
    questions = page.evaluate("questions")
    pauses = [after["asked"] - before["heard"] for before, after in pairwise(questions)]
    # Never sooner; what an answer takes to be read comes on top.
    for pause, seconds in zip(pauses, (5, 5, 10, 15), strict=True):
        assert seconds * 1000 <= pause < seconds * 1000 + 2000, pauses
    hub.approve(person, device)
    page.clock.run_for(17_000)
    page.wait_for_url("**/templates")
    assert device.polls == 5


@pytest.mark.requirement("DEVICE-LOGIN-04", "DEVICE-LOGIN-02")
@pytest.mark.parametrize("outcome", FINAL)
def test_the_page_says_what_became_of_the_code(
    by_codes: Server, hub: GitHub, make_page: MakePage, pictures: Path | None, outcome: str
) -> None:
    person = hub.person(f"after-{outcome.replace('_', '-')}")
    page = make_page(base_url=by_codes.url, width=390)
    come_by_code(page)
    first = shown_code(page)
    hub.next_polls = [outcome]
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(FINAL[outcome])
    expect(page.locator("[data-part=user-code]")).to_be_hidden()
    polls = hub.last_device.polls
    if outcome in {"access_denied", "expired_token"}:
        Camera(pictures, "github-390-light").take(page, outcome)
        assert violations(page) == []
    # What is over is not asked about again, and another code does.
    page.get_by_role("button", name="Get a new code").click()
    expect(page.locator("[data-part=user-code]")).to_be_visible()
    assert shown_code(page) != first
    assert [device.polls for device in hub.devices.values() if device.user_code == first] == [polls]
    hub.approve(person)
    page.wait_for_url("**/templates")


@pytest.mark.requirement("DEVICE-LOGIN-04", "GITHUB-TROUBLE-01")
def test_the_page_goes_on_after_trouble_on_the_line(
    by_codes: Server, hub: GitHub, make_page: MakePage, pictures: Path | None
) -> None:
    person = hub.person("trouble")
    page = make_page(base_url=by_codes.url)
    page.clock.install()
    come_by_code(page)
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort()

    page.route("**/callback?code=*", lose)
    page.clock.run_for(1_100)
    expect(status(page)).to_have_text("The server cannot be reached. Trying again in 2 seconds.")
    page.clock.run_for(2_100)
    expect(status(page)).to_have_text("The server cannot be reached. Trying again in 4 seconds.")
    assert len(lost) == 2
    page.unroute("**/callback?code=*")
    hub.trouble(TOKEN, status=503, body={"message": "away"}, times=1)
    page.clock.run_for(4_100)
    expect(status(page)).to_contain_text("GitHub cannot be reached at the moment.")
    expect(status(page)).to_contain_text("Trying again in 8 seconds.")
    Camera(pictures, "github-1280-light").take(page, "trouble")
    hub.trouble(TOKEN, status=429, body={}, headers={"retry-after": "33"}, times=1)
    page.clock.run_for(8_100)
    expect(status(page)).to_contain_text("Trying again in 33 seconds.")
    page.clock.run_for(33_100)
    expect(status(page)).to_have_text("Waiting for the code to be typed at GitHub.")
    hub.approve(person)
    page.clock.run_for(1_100)
    page.wait_for_url("**/templates")


@pytest.mark.requirement("DEVICE-LOGIN-04", "DEVICE-LOGIN-03")
def test_the_page_ends_with_the_code_and_with_the_cookie(by_codes: Server, hub: GitHub, make_page: MakePage) -> None:
    hub.expires_in = 3
    page = make_page(base_url=by_codes.url)
    page.clock.install()
    come_by_code(page)
    device = hub.last_device
    page.clock.run_for(4_100)
    expect(page.get_by_role("alert")).to_contain_text("has expired")
    assert device.polls <= 3
    page.get_by_role("button", name="Get a new code").click()
    expect(page.locator("[data-part=user-code]")).to_be_visible()
    page.context.clear_cookies()
    page.clock.run_for(1_100)
    expect(page.get_by_role("alert")).to_contain_text("not begun in this browser")
    expect(page.get_by_role("button", name="Get a new code")).to_be_hidden()
    page.get_by_role("link", name="Back to the sign-in page").click()
    page.wait_for_url("**/login")
    hub.trouble("/login/device/code", status=503, body={}, times=1)
    page.get_by_role("link", name="Sign in with GitHub").click()
    expect(page.get_by_role("alert")).to_contain_text("GitHub cannot be reached")
    page.get_by_role("button", name="Get a new code").click()
    expect(page.locator("[data-part=user-code]")).to_be_visible()


@pytest.mark.requirement("DEVICE-LOGIN-04")
def test_without_a_state_the_page_says_where_to_begin(
    by_codes: Server, make_page: MakePage, pictures: Path | None
) -> None:
    page = make_page(base_url=by_codes.url, width=390, scheme="dark")
    page.goto("/login/device")
    expect(page.get_by_text("does not know which sign-in it belongs to")).to_be_visible()
    Camera(pictures, "github-390-dark").take(page, "stateless")
    assert violations(page) == []
    page.get_by_role("link", name="Go to the sign-in page").click()
    page.wait_for_url("**/login")


@pytest.mark.requirement("DEVICE-LOGIN-04")
@pytest.mark.parametrize("width", [1280, 390])
def test_without_scripts_people_ask_themselves(
    by_codes: Server, hub: GitHub, make_page: MakePage, pictures: Path | None, width: int
) -> None:
    person = hub.person(f"plain-{width}")
    page = make_page(base_url=by_codes.url, width=width, has_scripts=False)
    page.goto("/login?redirect=/templates")
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("button", name="Get a code").click()
    expect(page.get_by_text(hub.last_device.user_code)).to_be_visible()
    page.get_by_role("button", name="I have typed the code").click()
    expect(page.get_by_text("The code has not been typed at GitHub yet.")).to_be_visible()
    if pictures is not None:
        page.screenshot(path=os.fspath(pictures / f"github-{width}-plain.png"), full_page=True)
    hub.approve(person)
    page.get_by_role("button", name="I have typed the code").click()
    page.wait_for_url("**/templates")


@pytest.mark.requirement("M18", "CONVERT-03", "DEVICE-LOGIN-05")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_people_convert_their_account_by_a_code(
    by_codes: Server, hub: GitHub, make_page: MakePage, pictures: Path | None, width: int, scheme: str
) -> None:
    name = f"convert-{width}"
    address = f"{name}@corp.test"
    by_codes.api.call("POST", "/users", json={"email": address, "username": name, "password": PASSWORD})
    person = hub.person(f"{name}-at-github", email=address)
    page = make_page(base_url=by_codes.url, width=width, scheme=scheme)
    page.goto("/login")
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/workspaces")
    page.goto("/account")
    page.get_by_role("link", name="Let it sign in by GitHub instead").click()
    camera = Camera(pictures, f"github-{width}-{scheme}")
    camera.take(page, "convert")
    assert violations(page) == []
    page.get_by_label(re.compile("^Password")).fill(PASSWORD)
    page.get_by_role("button", name="Go on to the provider").click()
    page.wait_for_url("**/login/device?state=convert-*")
    expect(page.locator("[data-part=user-code]")).to_be_visible()
    # With somebody else's account at GitHub it is over, and begins again.
    hub.approve(hub.person(f"{name}-somebody-else"))
    expect(page.get_by_role("alert")).to_contain_text("different e-mail addresses")
    expect(page.get_by_role("button", name="Get a new code")).to_be_hidden()
    camera.take(page, "unconverted")
    assert violations(page) == []
    page.get_by_role("link", name="Back to your account").click()
    page.get_by_role("link", name="Let it sign in by GitHub instead").click()
    page.get_by_label(re.compile("^Password")).fill(PASSWORD)
    page.get_by_role("button", name="Go on to the provider").click()
    expect(page.locator("[data-part=user-code]")).to_be_visible()
    hub.approve(person)
    page.wait_for_url("**/login?message=*")
    expect(page.get_by_text("Your account signs in by GitHub from now on. Sign in again.")).to_be_visible()
    camera.take(page, "converted")
    page.get_by_role("link", name="Sign in with GitHub").click()
    expect(page.locator("[data-part=user-code]")).to_be_visible()
    hub.approve(person)
    page.wait_for_url("**/workspaces")
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
