"""The page about the HTTP API: its requests carry the token of the Authorize button and never a cookie, as the browser's log shows."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.access import violations
from tests.browser.people import Camera, sign_in
from tests.support.api import Api

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
MakePage = Callable[..., Page]
ME = "#get-user-by-name"


def scripted(page: Page) -> list[Request]:
    """Note the requests that scripts of a page send from now on."""
    found: list[Request] = []
    page.on("request", lambda one: found.append(one) if one.resource_type in {"fetch", "xhr"} else None)
    return found


def ask_who_i_am(page: Page) -> str:
    """Open the operation, send it for `me`, and return the line above the answer."""
    page.get_by_label("Find").fill("/users/{user} get user by name")
    operation = page.locator(ME)
    if operation.get_attribute("open") is None:
        operation.locator("summary").first.click()
    operation.get_by_label("user (path, required)").fill("me")
    with page.expect_response("**/api/v2/users/me"):
        operation.get_by_role("button", name="Send").click()
    line = operation.locator(".api-answer p")
    expect(line).not_to_contain_text("…")
    return line.inner_text()


@pytest.mark.requirement("M26", "SWAGGER-PAGE-02")
def test_the_authorize_button_is_the_only_credential(owner: Api, make_page: MakePage) -> None:
    page = make_page()
    sign_in(page)
    cookies = {one["name"] for one in page.context.cookies()}
    assert "coder_session_token" in cookies
    sent = scripted(page)
    page.goto("/swagger")
    expect(page.locator("#state")).to_contain_text("operations of Homeport API")
    assert ask_who_i_am(page).startswith("401 "), "being signed in must not count"
    token = owner.client.headers["Coder-Session-Token"]
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Authorize").click()
    assert ask_who_i_am(page).startswith("200 ")
    expect(page.locator(f"{ME} .api-answer pre")).to_contain_text('"username": "first"')
    page.get_by_role("button", name="Forget").click()
    assert ask_who_i_am(page).startswith("401 ")
    paths = [one.url.split("/", 3)[3] for one in sent]
    assert paths == ["swagger/openapi.json", *["api/v2/users/me"] * 3]
    for one in sent:
        headers = one.all_headers()
        assert "cookie" not in headers, one.url
        answer = one.response()
        assert answer is not None
        assert "set-cookie" not in answer.all_headers(), one.url
    assert [one.all_headers().get("coder-session-token") for one in sent] == [None, None, token, None]
    assert {one["name"] for one in page.context.cookies()} == cookies
    stored = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert token not in stored


@pytest.mark.requirement("SWAGGER-PAGE-01")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_is_usable_by_everybody(
    width: int, scheme: str, make_page: MakePage, owner: Api, pictures: Path | None
) -> None:
    page = make_page(width=width, scheme=scheme)
    page.goto("/swagger/index.html")
    expect(page.locator("#state")).to_contain_text("operations of Homeport API")
    assert page.locator(".api-operation").count() > 150
    assert violations(page) == []
    ask_who_i_am(page)
    page.locator(ME).get_by_text("Fields").first.click()
    assert violations(page) == []
    Camera(pictures, f"{width}-{scheme}").take(page, "api")
    page.get_by_label("Find").fill("post users/login")
    expect(page.locator("#state")).to_contain_text("1 operations of")
    expect(page.locator("#log-in-user")).to_be_visible()
