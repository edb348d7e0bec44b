"""The pages of OAuth2 applications: usable by everybody at any width, and without scripts."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.access import violations
from tests.browser.people import Camera, sign_in
from tests.support.api import Api
from tests.support.names import unique_name

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
MakePage = Callable[..., Page]
CALLBACK = "https://client.example/callback"


@pytest.fixture(scope="module")
def application(owner: Api) -> Iterator[str]:
    """Path of an application with a secret and with long words in everything."""
    wanted = {
        "name": "x" * 64,
        "redirect_uris": [f"https://client.example/{'long' * 40}", CALLBACK],
        "scope": "coder:workspaces.read",
    }
    made = owner.call("POST", "/oauth2-provider/apps", json=wanted)
    owner.call("POST", f"/oauth2-provider/apps/{made['id']}/secrets")
    yield f"/applications/{made['id']}"
    owner.call("DELETE", f"/oauth2-provider/apps/{made['id']}")


@pytest.mark.requirement("WEB-ACCESS-01")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_of_applications_are_usable_by_everybody(
    width: int, scheme: str, application: str, make_page: MakePage, pictures: Path | None
) -> None:
    page = make_page(width=width, scheme=scheme)
    camera = Camera(pictures, f"{width}-{scheme}")
    sign_in(page)
    found = {}
    for name, path in {
        "applications": "/applications",
        "no-application": "/applications?q=no-such-thing",
        "new-application": "/applications/new",
        "application": application,
        "delete-application": f"{application}/delete",
    }.items():
        page.goto(path)
        camera.take(page, f"page-{name}")
        if wrong := violations(page):
            found[name] = wrong
    assert found == {}


@pytest.mark.requirement("WEB-ACCESS-02", "WEB-CLIENTS-01")
@pytest.mark.parametrize("has_scripts", [True, False])
def test_an_application_from_its_registration_to_its_end(owner: Api, make_page: MakePage, has_scripts: bool) -> None:
    page = make_page(has_scripts=has_scripts)
    sign_in(page)
    name = unique_name("app")
    page.get_by_role("link", name="Applications").click()
    page.get_by_role("link", name="New application").click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_label("Callback addresses").fill("http://client.example/")
    page.get_by_role("checkbox", name=re.compile("Create workspaces")).check()
    page.get_by_role("button", name="Register application").click()
    expect(page.get_by_label("Callback addresses")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("checkbox", name=re.compile("Create workspaces"))).to_be_checked()
    page.get_by_label("Callback addresses").fill(CALLBACK)
    page.get_by_role("button", name="Register application").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.get_by_role("button", name="Make a secret").click()
    secret = page.locator("code.secret").inner_text()
    assert secret.startswith("hp_cs_")
    if has_scripts:
        assert violations(page) == []
    page.get_by_role("button", name=f"Delete the secret that ends in {secret[-6:]}").click()
    expect(page.get_by_text("The secret works no more")).to_be_visible()
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_label(re.compile("^Type the name")).fill(name)
    page.get_by_role("button", name="Delete application").click()
    expect(page.get_by_text("The application has been deleted.")).to_be_visible()
