"""A server and a Chromium for tests that drive pages as people do."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from scripts.components import COMPONENTS
from tests.browser.access import violations
from tests.browser.people import EMAIL
from tests.browser.showing import README, TEMPLATE
from tests.support.api import PASSWORD, Api
from tests.support.server import running_server

MakePage = Callable[..., Page]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a fresh server without users."""
    with running_server(tmp_path_factory.mktemp("server")) as server:
        yield server.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium of the system."""
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not run as root; the pages of these tests are ours.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=COMPONENTS["chromium"].path(), args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def owner(server: str, browser: Browser) -> Iterator[Api]:
    """The first user, made by the first-user page, and a template."""
    context = browser.new_context(base_url=server)
    page = context.new_page()
    page.goto("/workspaces/new")
    page.wait_for_url("**/setup")
    assert violations(page) == []
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Username").fill("not a name")
    page.get_by_label(re.compile("^Password")).fill(PASSWORD)
    page.get_by_role("button", name="Create the first user").click()
    # What was typed is still there, and the field says what is wrong with it.
    expect(page.get_by_label("Username")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("E-mail address")).to_have_value(EMAIL)
    page.get_by_label("Username").fill("first")
    page.get_by_label(re.compile("^Password")).fill(PASSWORD)
    page.get_by_role("button", name="Create the first user").click()
    page.wait_for_url("**/workspaces")
    expect(page.get_by_text("No template yet")).to_be_visible()
    gone = page.goto("/setup")
    assert gone is not None
    assert gone.status == 404
    context.close()
    api = Api(server)
    api.sign_in(EMAIL)
    words = {"display_name": "Shell", "description": "An empty shell to work in."}
    api.make_template("shell", "process", {"homeport.yaml": TEMPLATE, "README.md": README}, **words)
    yield api
    api.delete_workspaces()


@pytest.fixture
def make_page(browser: Browser, server: str) -> Iterator[MakePage]:
    """Make a page with a browser profile of its own; scripts that fail, and policy violations, fail the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def make(*, width: int = 1280, scheme: str = "light", has_scripts: bool = True, base_url: str = "") -> Page:
        context = browser.new_context(
            base_url=base_url or server,
            viewport={"width": width, "height": 844 if width < 500 else 900},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=width < 500,
            java_script_enabled=has_scripts,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: (
                problems.append(f"{page.url}: {message.text}") if "Content Security Policy" in message.text else None
            ),
        )
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Folder for screenshots, when somebody wants to look at them: BROWSER_PICTURES."""
    wanted = os.environ.get("BROWSER_PICTURES")
    if not wanted:
        return None
    folder = Path(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
