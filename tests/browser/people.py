"""What a person does on many pages: signing in, and looking."""

from pathlib import Path

from playwright.sync_api import Page

from tests.support.api import PASSWORD

EMAIL = "first@homeport.test"


class Camera:
    """Takes pictures where wanted, and says that a page fits its width."""

    def __init__(self, folder: Path | None, prefix: str) -> None:
        self.folder, self.prefix = folder, prefix

    def take(self, page: Page, name: str) -> None:
        """Look at a page: nothing may stick out to the side."""
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} pixels too wide"
        if self.folder is not None:
            page.screenshot(path=self.folder / f"{self.prefix}-{name}.png", full_page=True)


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/workspaces")
