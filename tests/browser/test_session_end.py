"""A session that ends while a page is open: what the page does by itself next leads to the sign-in page, which says why."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import sign_in
from tests.browser.showing import README, TEMPLATE
from tests.support.api import Api
from tests.support.names import unique_name

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
MakePage = Callable[..., Page]
ENDED = "Your session has been ended, by you or by an administrator."


def end_session_of(page: Page, api: Api) -> None:
    (token,) = [one["value"] for one in page.context.cookies() if one["name"] == "coder_session_token"]
    api.call("DELETE", f"/users/me/keys/{token[:10]}")


@pytest.fixture
def workspace(owner: Api) -> Iterator[str]:
    """The path of a workspace's page."""
    template = owner.make_template(unique_name("quiet"), "process", {"homeport.yaml": TEMPLATE, "README.md": README})
    made = owner.make_workspace(template, unique_name("quiet"))
    yield f"/@{made['owner_name']}/{made['name']}"
    owner.delete_workspaces()


@pytest.mark.requirement("SESSION-REASON-03")
def test_a_search_leads_to_the_sign_in_page_and_back_to_itself(owner: Api, make_page: MakePage) -> None:
    page = make_page()
    sign_in(page)
    end_session_of(page, owner)
    page.get_by_label("Search workspaces").fill("quiet")
    expect(page.get_by_text(ENDED)).to_be_visible()
    page.get_by_label("E-mail address").fill("first@homeport.test")
    page.get_by_label("Password").fill("a-Long-Passphrase-4711")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/workspaces?q=quiet*")


@pytest.mark.requirement("SESSION-REASON-03")
def test_a_live_page_leads_to_the_sign_in_page(owner: Api, make_page: MakePage, workspace: str) -> None:
    page = make_page()
    sign_in(page)
    page.goto(workspace)
    expect(page.locator("#live")).to_be_visible()
    end_session_of(page, owner)
    expect(page.get_by_text(ENDED)).to_be_visible(timeout=30_000)
    assert f"redirect=%2F%40{workspace[2:].replace('/', '%2F')}" in page.url
