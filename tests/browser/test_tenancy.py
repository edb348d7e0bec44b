"""An organization in a browser: from its making to the entry in the audit log; and its pages, for everybody."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.access import violations
from tests.browser.people import Camera, sign_in
from tests.support.api import PASSWORD, Api
from tests.support.names import unique_name

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]
MakePage = Callable[..., Page]
LONG = "Übermäßig lange Bezeichnung einer Abteilung, die umbricht " + "x" * 6
RIGHT_TO_LEFT = "قسم البحث والتطوير"
# One of each kind: what is not here is made of the same parts.
PAGES = {
    "organizations": "/organizations",
    "organization": "{base}",
    "members": "{base}/members",
    "member": "{base}/members/{person}",
    "group": "{base}/groups/makers",
    "roles": "{base}/roles",
    "role": "{base}/roles/helper",
    "settings": "{base}/settings",
    "delete-organization": "{base}/delete",
    "user": "/users/{person}",
    "users": "/users?q=status:active",
    "permissions": "/templates/shell/permissions?q=first",
    "audit": "/audit",
    "bad-audit": "/audit?organization=no-such-place",
}


@pytest.fixture(scope="module")
def places(owner: Api) -> Iterator[dict[str, str]]:
    """An organization with a group, a role and a member, with long and right-to-left words in everything."""
    person = owner.call("POST", "/users", json={
        "email": f"{unique_name('person')}@homeport.test", "username": unique_name("person"), "name": RIGHT_TO_LEFT,
        "password": PASSWORD,
    })  # fmt: skip
    made = owner.call("POST", "/organizations", json={
        "name": unique_name("org"), "display_name": LONG, "description": f"{RIGHT_TO_LEFT} {'word ' * 60}", "icon": "🧭",
    })  # fmt: skip
    path = f"/organizations/{made['name']}"
    owner.call("POST", f"{path}/members/{person['username']}")
    role = {"name": "helper", "display_name": RIGHT_TO_LEFT, "organization_permissions": [
        {"negate": False, "resource_type": "workspace", "action": "read"},
        {"negate": False, "resource_type": "template", "action": "use"},
    ]}  # fmt: skip
    owner.call("POST", f"{path}/members/roles", json=role)
    owner.call("PUT", f"{path}/members/{person['username']}/roles", json={"roles": ["helper", "organization-auditor"]})
    group = owner.call("POST", f"{path}/groups", json={"name": "makers", "display_name": LONG, "quota_allowance": 25})
    owner.call("PATCH", f"/groups/{group['id']}", json={"add_users": [person["id"]]})
    yield {"base": path, "person": person["username"]}
    owner.call("DELETE", f"/groups/{group['id']}")
    owner.call("DELETE", f"{path}/members/{person['username']}")
    owner.call("DELETE", path)
    owner.call("DELETE", f"/users/{person['username']}")


@pytest.mark.requirement("WEB-ACCESS-01")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_of_tenancy_are_usable_by_everybody(
    width: int, scheme: str, places: dict[str, str], make_page: MakePage, pictures: Path | None
) -> None:
    page = make_page(width=width, scheme=scheme)
    camera = Camera(pictures, f"{width}-{scheme}")
    sign_in(page)
    found = {}
    for name, path in PAGES.items():
        page.goto(path.format(**places))
        for closed in page.locator("main details:not([open]) > summary").all()[:3]:
            closed.click()
        camera.take(page, f"page-{name}")
        if wrong := violations(page):
            found[name] = wrong
    assert found == {}


@pytest.mark.requirement("WEB-ORG-01", "WEB-ORG-05", "WEB-ORG-09", "WEB-ORG-11", "WEB-AUDIT-02", "WEB-ACCESS-02")
@pytest.mark.parametrize("has_scripts", [True, False])
def test_an_owner_sets_up_an_organization(owner: Api, make_page: MakePage, has_scripts: bool) -> None:
    page = make_page(has_scripts=has_scripts)
    sign_in(page)
    name, person = unique_name("acme"), unique_name("person")
    words = {"email": f"{person}@homeport.test", "username": person, "password": PASSWORD}
    owner.call("POST", "/users", json=words)
    page.get_by_role("link", name="Organizations").click()
    page.get_by_role("link", name="New organization").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("two words")
    page.get_by_label("Display name").fill("Acme & <Sons>")
    page.get_by_role("button", name="Create organization").click()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_role("button", name="Create organization").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme & <Sons>")
    tabs = page.get_by_role("navigation", name="Organization")
    tabs.get_by_role("link", name="Roles").click()
    page.get_by_role("link", name="New role").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("helper")
    page.get_by_role("group", name="Workspaces", exact=True).get_by_role("checkbox", name="read").check()
    page.get_by_role("button", name="Create role").click()
    expect(page.get_by_text("The role has been created")).to_be_visible()
    tabs.get_by_role("link", name="Groups").click()
    page.get_by_role("link", name="New group").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("makers")
    page.get_by_label("Quota allowance").fill("12")
    page.get_by_role("button", name="Create group").click()
    page.get_by_role("navigation", name="Where this is").get_by_role("link", name="Acme").click()
    tabs.get_by_role("link", name="Members").click()
    page.get_by_label("Username").fill(person)
    page.get_by_role("button", name="Add member").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(person)
    page.get_by_role("checkbox", name=re.compile("^helper")).check()
    page.get_by_role("button", name="Save roles").click()
    expect(page.get_by_role("checkbox", name=re.compile("^helper"))).to_be_checked()
    page.get_by_role("link", name="Audit").click()
    page.get_by_label("Organization").fill(name)
    page.get_by_role("button", name="Search").click()
    row = page.get_by_role("row").filter(has_text=f"changed organization member {person}")
    row.get_by_text(re.compile(r"\d+ changes?")).click()
    expect(row.get_by_role("insertion").first).to_have_text("helper")
    expect(page.get_by_role("row").filter(has_text="created custom role helper")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="created group makers")).to_be_visible()
