"""Whether everybody can use a page: axe-core's rules for WCAG 2 A and AA, run inside the page."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_AXE = (Path(__file__).parent / "vendor/axe-core/axe.min.js").read_text(encoding="utf-8")
_RUN = """async () => {
  const options = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"] };
  const found = await axe.run(document, options);
  return found.violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map((node) => node.html) }));
}"""


def violations(page: Page) -> list[dict[str, Any]]:
    """Return the serious and critical violations of the page that is shown."""
    page.evaluate(_AXE)
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return [each for each in found if each["impact"] in {"serious", "critical"}]
