"""One's account in Chromium: sessions and their end, and a forgotten password by the link of a real mail."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.access import violations
from tests.browser.people import EMAIL
from tests.support.api import PASSWORD
from tests.support.mail import Postbox, running_mail_server
from tests.support.server import Server, running_server
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
MakePage = Callable[..., Page]
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
NEW = "another-Long-Passphrase-42"


@pytest.fixture(scope="module")
def mail() -> Iterator[tuple[Postbox, int]]:
    """A mail server for the server of this module."""
    with running_mail_server() as found:
        yield found


@pytest.fixture(scope="module")
def mailing(mail: tuple[Postbox, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that sends mail, with its first user."""
    settings: dict[str, Any] = {
        "EMAIL_SMARTHOST": f"127.0.0.1:{mail[1]}",
        "EMAIL_FROM": "Homeport <homeport@homeport.test>",
    }
    with running_server(tmp_path_factory.mktemp("mailing"), daemons=0, **settings) as server:
        server.api.make_first_user("first", EMAIL)
        yield server


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/workspaces"))


@pytest.mark.requirement("WEB-ACCOUNT-07")
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_sessions_are_shown_and_ended(mailing: Server, make_page: MakePage, width: int, scheme: str) -> None:
    first = make_page(width=width, scheme=scheme, base_url=mailing.url)
    second = make_page(base_url=mailing.url)
    sign_in(first)
    sign_in(second)
    first.goto("/account")
    expect(first.get_by_text("This session")).to_have_count(1)
    first.get_by_text("Sign out everywhere").first.click()
    assert violations(first) == []
    assert first.evaluate("document.documentElement.scrollWidth <= innerWidth")
    first.get_by_role("button", name="End all other sessions").click()
    expect(first.get_by_text("All other sessions have ended.")).to_be_visible()
    second.goto("/account")
    expect(second.get_by_text("Your session has been ended")).to_be_visible()
    assert "/login" in second.url
    second.get_by_label("E-mail address").fill(EMAIL)
    second.get_by_label("Password", exact=True).fill(PASSWORD)
    second.get_by_role("button", name="Sign in").click()
    second.wait_for_url("**/account")
    first.get_by_text("Sign out everywhere").first.click()
    first.get_by_role("button", name="Sign out everywhere").click()
    expect(first.get_by_text("You have been signed out everywhere.")).to_be_visible()
    second.goto("/account")
    assert "/login" in second.url


@pytest.mark.requirement("OTP-PAGE-02")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_link_of_the_mail_leads_to_a_new_password(
    mailing: Server, mail: tuple[Postbox, int], make_page: MakePage, width: int, scheme: str
) -> None:
    postbox, _ = mail
    page = make_page(width=width, scheme=scheme, base_url=mailing.url)
    page.goto("/login")
    page.get_by_role("link", name="Forgotten your password?").click()
    assert violations(page) == []
    before = len(postbox.mails)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_role("button", name="Mail me a code").click()
    expect(page.get_by_text("a code is on its way to it")).to_be_visible()
    wait_for(lambda: len(postbox.mails) > before, seconds=20)
    link = re.search(r"^(http\S+#\S+)$", postbox.text(), re.MULTILINE)
    assert link is not None
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("about:blank")
    page.goto(link.group(1))
    expect(page.get_by_label("E-mail address")).to_have_value(EMAIL)
    code = page.get_by_label("Code from the mail").input_value()
    assert code in link.group(1)
    assert code not in page.url
    expect(page.get_by_label("New password")).to_be_focused()
    assert violations(page) == []
    fresh = f"{NEW}-{width}"
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("New password").fill(fresh)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Your password has been set")).to_be_visible()
    assert not any(code in url.partition("#")[0] for url in asked)
    sign_in(page, fresh)
    # As it was, for the tests beside this one.
    token = httpx.post(f"{mailing.url}/api/v2/users/login", json={"email": EMAIL, "password": fresh}).json()[
        "session_token"
    ]
    change = {"password": PASSWORD, "old_password": fresh}
    answer = httpx.put(f"{mailing.url}/api/v2/users/me/password", json=change, headers={"Coder-Session-Token": token})
    assert answer.status_code == 204, answer.text
