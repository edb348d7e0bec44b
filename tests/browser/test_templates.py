"""A template in a browser: from an example, through a changed file, a dry run and a comparison, to a promotion; and its pages."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.access import violations
from tests.browser.people import Camera, sign_in
from tests.support.api import Api
from tests.support.archives import pack
from tests.support.names import unique_name

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
MakePage = Callable[..., Page]
SCRIPT = """\
parameters:
  - {name: size, display_name: Size, type: number, required: false, default_value: "3", validation_min: 1, validation_max: 9}
start:
  logs: [{output: a line}]
  resources: [{type: machine, name: big, agents: [{name: main}]}]
"""
PAGES = {
    "overview": "/templates/{name}",
    "versions": "/templates/{name}/versions",
    "version": "/templates/{name}/versions/{version}",
    "files": "/templates/{name}/versions/{version}/files",
    "comparison": "/templates/{name}/versions/{version}/compare",
    "dry-run": "/templates/{name}/versions/{version}/dry-run",
    "settings": "/templates/{name}/settings",
    "permissions": "/templates/{name}/permissions",
    "delete": "/templates/{name}/delete",
    "workspace": "/templates/{name}/workspace",
    "examples": "/templates/new",
    "example": "/templates/new/examples/kubernetes",
}


@pytest.fixture(scope="module")
def known(owner: Api) -> dict[str, str]:
    """A template of a few files."""
    name = unique_name("machine")
    long = "# Words\n\n" + "text " * 200 + "\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    owner.make_template(name, "echo", {"echo.yaml": SCRIPT, "README.md": long, "run.sh": "echo " + "x" * 300 + "\n"})
    template = owner.call("GET", f"/organizations/default/templates/{name}")
    version = owner.call("GET", f"/templateversions/{template['active_version_id']}")
    return {"name": name, "version": version["name"]}


@pytest.mark.requirement("WEB-ACCESS-01")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_pages_of_templates_are_usable_by_everybody(
    width: int, scheme: str, known: dict[str, str], make_page: MakePage, pictures: Path | None
) -> None:
    page = make_page(width=width, scheme=scheme)
    camera = Camera(pictures, f"{width}-{scheme}")
    sign_in(page)
    found = {}
    for name, path in PAGES.items():
        page.goto(path.format(**known))
        for closed in page.locator("main details:not([open]) > summary").all()[:3]:
            closed.click()
        camera.take(page, f"template-{name}")
        if wrong := violations(page):
            found[name] = wrong
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found[f"{name} is wider than the window"] = []
    assert found == {}


@pytest.mark.requirement("WEB-TPL-01", "WEB-TPL-02", "WEB-TPL-03", "WEB-ACCESS-02")
@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_file_is_changed_tried_compared_and_promoted(owner: Api, make_page: MakePage, has_scripts: bool) -> None:
    name = unique_name("machine")
    owner.make_template(name, "echo", {"echo.yaml": SCRIPT, "README.md": "# One\n"})
    page = make_page(has_scripts=has_scripts)
    sign_in(page)
    page.goto(f"/templates/{name}/versions")
    page.get_by_role("table").get_by_role("link").click()
    page.get_by_role("link", name="Edit files").click()
    page.get_by_label("Content of README.md").fill("# Two\n\nA <better> text.\n")
    page.get_by_label("Name of the version").fill("two")
    page.get_by_label("Message").fill("a better text")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("two")
    promote = page.get_by_role("button", name="Make it the active version")
    wait_for(page, promote, has_scripts)
    expect(page.get_by_role("heading", name="Two", exact=True)).to_be_visible()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("deletion").filter(has_text="# One")).to_be_visible()
    expect(page.get_by_role("insertion").filter(has_text="A <better> text.")).to_be_visible()
    page.get_by_role("link", name="two").first.click()
    page.get_by_role("link", name="Dry run").click()
    page.get_by_label("Size").fill("12")
    page.get_by_role("button", name="Begin dry run").click()
    expect(page.get_by_label("Size")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Size").fill("5")
    page.get_by_role("button", name="Begin dry run").click()
    wait_for(page, page.get_by_text("machine.big"), has_scripts)
    page.get_by_role("link", name="two").first.click()
    page.get_by_role("button", name="Make it the active version").click()
    expect(page.get_by_role("status").filter(has_text="It is the active version")).to_be_visible()
    page.get_by_role("navigation", name="Where this is").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name="Two", exact=True)).to_be_visible()


@pytest.mark.requirement("WEB-TPL-06", "WEB-TPL-04")
def test_an_example_becomes_a_template_and_gets_its_settings(owner: Api, make_page: MakePage) -> None:
    page = make_page(width=390, scheme="dark")
    sign_in(page)
    name = unique_name("started")
    page.goto("/templates")
    page.get_by_role("link", name="New template").click()
    page.get_by_role("link", name="Begin with this example: Shell").click()
    page.get_by_role("button", name="Import this example").click()
    box = page.get_by_role("textbox", name="Name", exact=True)
    expect(box).to_be_visible(timeout=60_000)
    assert violations(page) == []
    box.fill(name)
    page.get_by_role("button", name="Create template").click()
    expect(page.get_by_text("The template has been created")).to_be_visible()
    page.get_by_role("navigation", name="Template").get_by_role("link", name="Settings").click()
    page.get_by_label("Hours until a stop", exact=False).first.fill("soon")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Give a number, such as")).to_be_visible()
    page.get_by_label("Hours until a stop", exact=False).first.fill("8")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("settings of the template have been changed")).to_be_visible()
    page.get_by_role("link", name="Delete template").click()
    page.get_by_label(re.compile("to confirm")).fill(name)
    page.get_by_role("button", name="Delete template").click()
    expect(page.get_by_text("The template has been deleted")).to_be_visible()


def wait_for(page: Page, wanted: Locator, has_scripts: bool) -> None:
    """Wait for what comes when a job has ended; without scripts a person loads the page again."""
    for _ in range(60):
        if wanted.count():
            return
        page.wait_for_timeout(500)
        if not has_scripts:
            page.reload()
    raise AssertionError(f"It does not come: {page.content()[-3000:]}")


@pytest.mark.requirement("WEB-TPL-08")
@pytest.mark.parametrize("has_scripts", [True, False])
def test_an_archive_becomes_a_template_and_its_next_version(owner: Api, make_page: MakePage, has_scripts: bool) -> None:
    name = unique_name("machine")
    page = make_page(has_scripts=has_scripts)
    sign_in(page)
    page.goto("/templates/new")
    archive = page.get_by_label("Archive")
    archive.set_input_files({"name": "notes.pdf", "mimeType": "application/pdf", "buffer": b"%PDF" * 400})
    page.get_by_role("button", name="Upload and import").click()
    expect(page.get_by_text("neither a zip nor a tar archive").last).to_be_visible()
    expect(archive).to_have_attribute("aria-invalid", "true")
    assert not has_scripts or violations(page) == []
    files = pack({"box/echo.yaml": SCRIPT, "box/README.md": "# Box\n"})
    archive.set_input_files({"name": "box.tar", "mimeType": "application/x-tar", "buffer": files})
    page.get_by_role("button", name="Upload and import").click()
    page.wait_for_url("**/templates/new/versions/*")
    until_imported(page, has_scripts)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create template").click()
    page.wait_for_url(f"**/templates/{name}?**")
    page.get_by_role("link", name="Versions", exact=True).click()
    page.get_by_text("Upload a new version").click()
    archive.set_input_files({"name": "box.tar.gz", "mimeType": "application/gzip", "buffer": gzip.compress(files)})
    page.get_by_label(re.compile("^Name of the version")).fill("next")
    page.get_by_role("button", name="Upload and import").click()
    page.wait_for_url(f"**/templates/{name}/versions/next?**")
    expect(page.get_by_role("paragraph").get_by_text("Uploaded as box.tar.gz")).to_be_visible()


def until_imported(page: Page, has_scripts: bool) -> None:
    """Wait until a version can become a template; a page without scripts is read again."""
    field = page.get_by_label("Name", exact=True)
    while not has_scripts and not field.is_visible():
        page.reload()
    expect(field).to_be_visible()


@pytest.mark.requirement("WEB-FORMS-03")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_slider_and_its_number_are_one_value(owner: Api, make_page: MakePage, width: int, scheme: str) -> None:
    name = unique_name("slider")
    script = SCRIPT.replace("type: number,", "type: number, form_type: slider,")
    script = script.replace(
        "parameters:", "parameters:\n  - {name: loud, display_name: Loud, type: bool, form_type: switch}"
    )
    owner.make_template(name, "echo", {"echo.yaml": script})
    page = make_page(width=width, scheme=scheme)
    sign_in(page)
    page.goto(f"/templates/{name}/workspace")
    slider, number = page.get_by_role("slider", name="Size"), page.get_by_role("textbox", name="Size")
    expect(slider).to_have_value("3")
    slider.press("ArrowRight")
    expect(number).to_have_value("4")
    slider.press("End")
    expect(number).to_have_value("9")
    number.fill("2")
    expect(slider).to_have_value("2")
    loud = page.get_by_role("switch", name="Loud")
    expect(loud).not_to_be_checked()
    loud.press("Space")
    expect(loud).to_be_checked()
    assert violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
