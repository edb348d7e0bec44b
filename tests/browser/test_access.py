"""Every page, for everybody: nothing serious by axe-core, nothing too wide for a phone, and the essentials without scripts."""

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
PAGES = {
    "workspaces": "/workspaces",
    "search": "/workspaces?q=status:running&show=all",
    "choose": "/workspaces/new",
    "create": "/templates/shell/workspace",
    "templates": "/templates",
    "template": "/templates/shell",
    "account": "/account",
    "users": "/users",
    "new-user": "/users/new",
    "audit": "/audit",
    "sync": "/deployment/sync",
    "organization-sync": "/organizations/coder/sync",
    "missing": "/nothing/here",
    "workspace": "{workspace}",
    "build": "{workspace}/builds/1",
    "parameters": "{workspace}/parameters",
    "delete": "{workspace}/delete",
    "terminal": "{workspace}/terminal",
}


@pytest.fixture(scope="module")
def workspace(owner: Api) -> Iterator[str]:
    """Path of a running workspace, removed afterwards."""
    template = owner.call("GET", "/organizations/default/templates/shell")
    name = unique_name("seen")
    made = owner.make_workspace(template, name)
    owner.wait_for_agent(made, status="connected")
    yield f"/@first/{name}"
    owner.build(made, "delete")


@pytest.mark.requirement("WEB-ACCESS-01")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")])
def test_pages_are_usable_by_everybody(
    width: int, scheme: str, workspace: str, make_page: MakePage, pictures: Path | None
) -> None:
    page = make_page(width=width, scheme=scheme)
    camera = Camera(pictures, f"{width}-{scheme}")
    page.goto("/login")
    assert violations(page) == []
    sign_in(page)
    found = {}
    for name, path in PAGES.items():
        page.goto(path.format(workspace=workspace))
        if name == "terminal":
            expect(page.locator("#state")).to_have_text("Connected")
        camera.take(page, f"page-{name}")
        if wrong := violations(page):
            found[name] = wrong
    assert found == {}


@pytest.mark.requirement("WEB-ACCESS-02")
def test_pages_work_without_scripts(workspace: str, make_page: MakePage) -> None:
    page = make_page(has_scripts=False)
    sign_in(page)
    page.get_by_label("Search workspaces").fill("status:running")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=workspace.rpartition("/")[2], exact=True).click()
    expect(page.locator("h1")).to_have_text(workspace.rpartition("/")[2])
    expect(page.get_by_role("log").last).to_contain_text("Starting the workspace")
    page.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Greeting")).to_have_value("hello")
    expect(page.get_by_role("radio", name="Vim")).to_be_disabled()
    page.goto("/account")
    page.get_by_label(re.compile("^Name of the token")).fill("plain")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_text("it is shown this once")).to_be_visible()
    page.get_by_role("button", name="Revoke plain").click()
    expect(page.get_by_role("button", name="Revoke plain")).to_have_count(0)


@pytest.mark.requirement("WEB-THEME-01")
def test_a_chosen_theme_is_remembered(owner: Api, make_page: MakePage) -> None:
    page = make_page(scheme="light")
    page.goto("/login")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(paper) == light


@pytest.mark.requirement("WEB-ESCAPE-01")
def test_a_templates_readme_runs_nothing(owner: Api, make_page: MakePage) -> None:
    page = make_page()
    sign_in(page)
    page.goto("/templates/shell")
    expect(page.get_by_text("<script>window.isBroken = true</script>")).to_be_visible()
    assert page.evaluate("window.isBroken === undefined")
    expect(page.get_by_role("link", name="Not a link")).to_have_count(0)
    expect(page.get_by_role("link", name="a link")).to_have_attribute("href", "https://example.test/")


@pytest.mark.requirement("WEB-LOG-01")
def test_a_log_that_is_opened_in_the_middle_goes_on(owner: Api, make_page: MakePage) -> None:
    page = make_page()
    sign_in(page)
    name = unique_name("log")
    page.goto("/templates/shell/workspace")
    page.get_by_label("Name of the workspace").fill(name)
    page.get_by_role("button", name="Create workspace").click()
    page.goto(f"/@first/{name}/builds/1")
    page.reload()
    # The page itself says when the build has ended; every line stands there once.
    expect(page.locator("h1 + .badge")).to_have_text("succeeded", timeout=45_000)
    lines = page.locator(".log li.info").all_inner_texts()
    assert len([line for line in lines if line.startswith("Agent main runs")]) == 1
    assert page.locator("[data-log]").count() == 0
    page.goto(f"/@first/{name}/delete")
    page.get_by_label(re.compile("^Type the name")).fill(name)
    page.get_by_role("button", name="Delete workspace").click()
    expect(page.get_by_text("The workspace has been deleted.")).to_be_visible(timeout=45_000)


@pytest.mark.requirement("WEB-LIVE-01")
def test_a_page_follows_its_workspace_and_leaves_open_what_is_open(
    workspace: str, owner: Api, make_page: MakePage
) -> None:
    page = make_page()
    sign_in(page)
    page.goto(workspace)
    page.get_by_text("Log of its scripts").click()
    lines = page.locator("details .log")
    expect(lines).to_contain_text("greeting 5: hello")
    # The history's moments and the load are drawn anew by each refresh; a mark that the server does not know is taken off.
    page.evaluate("document.querySelector('#live h1').setAttribute('data-mark', '')")
    expect(page.locator("#live h1[data-mark]")).to_have_count(0, timeout=45_000)
    expect(lines).to_be_visible()
    page.evaluate("window.isSamePage = true")
    name = workspace.rpartition("/")[2]
    found = owner.call("GET", f"/users/me/workspace/{name}")
    owner.call("POST", f"/workspaces/{found['id']}/builds", json={"transition": "stop"})
    expect(page.locator("#live h1 + .badge")).to_have_text("stopped", timeout=45_000)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    expect(page.get_by_text("Stop: build 2")).to_be_visible()
    assert page.evaluate("window.isSamePage")
