"""The main job in a browser: from the first user to a command in a workspace, and back to nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Camera, sign_in
from tests.support.api import Api
from tests.support.names import unique_name

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
# Chromium, a server and a workspace share few processors in these tests.
PATIENCE = 45_000
MakePage = Callable[..., Page]


@pytest.mark.requirement("WEB-JOURNEY-01")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_workspace_lives_and_ends_in_the_browser(
    width: int, scheme: str, owner: Api, make_page: MakePage, pictures: Path | None
) -> None:
    page = make_page(width=width, scheme=scheme)
    camera = Camera(pictures, f"{width}-{scheme}")
    page.goto("/login")
    camera.take(page, "login")
    sign_in(page)
    camera.take(page, "workspaces-empty")
    name = create(page, camera)
    status = page.locator("#live h1 + .badge")
    expect(page.get_by_role("log").filter(has_text=re.compile(r"\w")).first).to_be_visible(timeout=PATIENCE)
    expect(status).to_have_text("running", timeout=PATIENCE)
    expect(page.get_by_role("link", name="Terminal", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Load", exact=True)).to_be_visible()
    camera.take(page, "workspace-running")
    use_terminal(page, camera)
    page.get_by_role("link", name="Workspaces").click()
    camera.take(page, "workspaces")
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("button", name="Stop").click()
    expect(status).to_have_text("stopped", timeout=PATIENCE)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(status).to_have_text("running", timeout=PATIENCE)
    page.get_by_role("button", name="Restart").click()
    expect(page.get_by_text("Start: build 5")).to_be_visible(timeout=PATIENCE)
    expect(status).to_have_text("running", timeout=PATIENCE)
    delete(page, camera, name)


def create(page: Page, camera: Camera) -> str:
    name = unique_name("box")
    page.goto("/workspaces/new")
    camera.take(page, "choose")
    page.get_by_role("link", name="Use this template: Shell").click()
    page.get_by_label("Name of the workspace").fill(name)
    page.get_by_label("size").fill("77")
    page.get_by_label("Greeting").fill("good morning")
    page.get_by_role("radio", name="Emacs").check()
    page.get_by_role("button", name="Create workspace").click()
    expect(page.get_by_label("size")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Greeting")).to_have_value("good morning")
    expect(page.get_by_role("radio", name="Emacs")).to_be_checked()
    camera.take(page, "create-refused")
    page.get_by_label("size").fill("7")
    page.get_by_role("button", name="Create workspace").click()
    page.wait_for_url(f"**/@first/{name}")
    return name


def use_terminal(page: Page, camera: Camera) -> None:
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Terminal", exact=True).click()
    terminal = opened.value
    rows = terminal.locator(".xterm-rows")
    expect(terminal.locator("#state")).to_have_text("Connected", timeout=PATIENCE)
    run(terminal, "echo $((40 + 2))-answers")
    expect(rows).to_contain_text("42-answers", timeout=PATIENCE)
    camera.take(terminal, "terminal")
    # A reload finds the same shell: what it wrote is replayed, and what it knows is still there.
    run(terminal, "kept=still-here")
    terminal.reload()
    expect(rows).to_contain_text("42-answers", timeout=PATIENCE)
    run(terminal, "echo it-is-$kept")
    expect(rows).to_contain_text("it-is-still-here", timeout=PATIENCE)
    before = columns(terminal, "before")
    terminal.set_viewport_size({"width": terminal.evaluate("innerWidth") - 80, "height": 600})
    run(terminal, "clear")
    assert 0 < columns(terminal, "after") < before
    terminal.close()


def run(terminal: Page, command: str) -> None:
    terminal.locator(".xterm-helper-textarea").focus()
    terminal.keyboard.type(f"{command}\n")


def columns(terminal: Page, word: str) -> int:
    """Ask the shell how wide its terminal is."""
    run(terminal, f"echo {word}=$(stty size | cut -d' ' -f2)=")
    found = re.compile(f"{word}=(\\d+)=")
    expect(terminal.locator(".xterm-rows")).to_have_text(found, timeout=PATIENCE)
    match = found.search(terminal.locator(".xterm-rows").inner_text())
    assert match is not None
    return int(match.group(1))


def delete(page: Page, camera: Camera, name: str) -> None:
    page.get_by_role("link", name="Delete").click()
    camera.take(page, "delete")
    page.get_by_label(re.compile("^Type the name")).fill("something else")
    page.get_by_role("button", name="Delete workspace").click()
    expect(page.get_by_text("Nothing was deleted.")).to_be_visible()
    page.get_by_label(re.compile("^Type the name")).fill(name)
    page.get_by_role("button", name="Delete workspace").click()
    page.wait_for_url(f"**/@first/{name}/builds/6")
    expect(page.get_by_text("The workspace has been deleted.")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name="Back to the workspaces").click()
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
