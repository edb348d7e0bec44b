"""Every page for several people: who sees it, what its answer carries, and that nothing in it could run by itself."""

import pytest

from homeport.access.page_policy import content_security_policy
from homeport.proxies.types import AppHosts
from tests.homeport.web.site import Document, Site
from tests.support.accounts import Person

# Path: who sees it (others of the three: what they get instead).
PAGES = {
    "/": {"anonymous": 303, "member": 303, "owner": 303},
    "/login": {"anonymous": 200, "member": 303, "owner": 303},
    "/setup": {"anonymous": 404, "member": 404, "owner": 404},
    "/workspaces": {"anonymous": 303, "member": 200, "owner": 200},
    "/workspaces/new": {"anonymous": 303, "member": 200, "owner": 200},
    "/templates": {"anonymous": 303, "member": 200, "owner": 200},
    "/account": {"anonymous": 303, "member": 200, "owner": 200},
    "/users": {"anonymous": 303, "member": 200, "owner": 200},
    "/users/new": {"anonymous": 303, "member": 403, "owner": 200},
    "/audit": {"anonymous": 303, "member": 404, "owner": 200},
    "/connectionlog": {"anonymous": 303, "member": 404, "owner": 200},
    "/users/{username}": {"anonymous": 303, "member": 404, "owner": 200},
    "/users/{username}/delete": {"anonymous": 303, "member": 404, "owner": 200},
    "/organizations": {"anonymous": 303, "member": 200, "owner": 200},
    "/organizations/new": {"anonymous": 303, "member": 403, "owner": 200},
    "/organizations/coder": {"anonymous": 303, "member": 200, "owner": 200},
    "/organizations/coder/settings": {"anonymous": 303, "member": 403, "owner": 200},
    "/organizations/coder/delete": {"anonymous": 303, "member": 403, "owner": 200},
    "/organizations/coder/members": {"anonymous": 303, "member": 200, "owner": 200},
    "/organizations/coder/members/me": {"anonymous": 303, "member": 200, "owner": 200},
    "/organizations/coder/members/{username}": {"anonymous": 303, "member": 404, "owner": 200},
    "/organizations/coder/members/{username}/remove": {"anonymous": 303, "member": 404, "owner": 200},
    "/organizations/coder/groups": {"anonymous": 303, "member": 200, "owner": 200},
    "/organizations/coder/groups/new": {"anonymous": 303, "member": 403, "owner": 200},
    "/organizations/coder/groups/Everyone": {"anonymous": 303, "member": 200, "owner": 200},
    "/organizations/coder/groups/Everyone/delete": {"anonymous": 303, "member": 403, "owner": 200},
    "/organizations/coder/roles": {"anonymous": 303, "member": 200, "owner": 200},
    "/organizations/coder/roles/new": {"anonymous": 303, "member": 403, "owner": 200},
    "/organizations/no-such": {"anonymous": 303, "member": 404, "owner": 404},
    "/templates/{template}/permissions": {"anonymous": 303, "member": 200, "owner": 200},
    "/applications": {"anonymous": 303, "member": 403, "owner": 200},
    "/applications/new": {"anonymous": 303, "member": 403, "owner": 200},
    "/templates/{template}": {"anonymous": 303, "member": 200, "owner": 200},
    "/templates/{template}/workspace": {"anonymous": 303, "member": 200, "owner": 200},
    "{workspace}": {"anonymous": 303, "member": 404, "owner": 200},
    "{workspace}/builds/1": {"anonymous": 303, "member": 404, "owner": 200},
    "{workspace}/parameters": {"anonymous": 303, "member": 404, "owner": 200},
    "{workspace}/delete": {"anonymous": 303, "member": 404, "owner": 200},
    "{workspace}/terminal": {"anonymous": 303, "member": 404, "owner": 200},
    "/no/such": {"anonymous": 303, "member": 404, "owner": 404},
    "/nothing": {"anonymous": 404, "member": 404, "owner": 404},
}


@pytest.mark.requirement("WEB-PAGES-01", "WEB-HEADERS-01")
@pytest.mark.identities("anonymous", "member", "owner")
async def test_each_page_shows_itself_to_those_who_may_see_it(site: Site, identity: Person):
    somebody = await site.accounts.make("owner")
    template = await site.world.template(display_name="Thing")
    workspace = await site.world.running(somebody, template)
    places = {
        "template": template.name,
        "username": somebody.username,
        "workspace": f"/@{somebody.username}/{workspace.name}",
    }
    for path, expected in PAGES.items():
        reply = await site.get(identity, path.format(**places))
        assert reply.status_code == expected[identity.kind], path
        assert reply.headers["cache-control"] == "no-store", path
        if reply.status_code == 303:
            assert reply.headers["location"].startswith("/"), path
            continue
        assert reply.headers["content-type"].startswith("text/html"), path
        is_way_in = path == "/login"
        hosts = None if is_way_in else AppHosts(frame=("homeport.test",))
        policy = content_security_policy(host="homeport.test", hosts=hosts, leads_away=is_way_in)
        assert reply.headers["content-security-policy"] == policy, path
        page = Document(reply.text)
        assert page.runnables() == [], path
        assert len(page.all("h1")) == 1, path
        assert len(page.all("main")) == 1, path
        assert page.all("html")[0]["lang"] == "en", path


@pytest.mark.requirement("WEB-PAGES-02")
async def test_an_unreadable_workspace_looks_like_none(site: Site):
    somebody, other = await site.accounts.make("member"), await site.accounts.make("member")
    workspace = await site.world.running(somebody)
    hidden = await site.get(other, f"/@{somebody.username}/{workspace.name}")
    missing = await site.get(other, f"/@{somebody.username}/no-such")
    assert hidden.status_code == missing.status_code == 404
    assert Document(hidden.text).text.replace(workspace.name, "") == Document(missing.text).text.replace("no-such", "")


@pytest.mark.requirement("WEB-PAGES-03")
@pytest.mark.parametrize(
    "path",
    [
        "/workspaces?q=%00",
        "/workspaces?q=nonsense:1",
        "/workspaces?page=-5&show=%27",
        "/workspaces?q=" + "x" * 5000,
        "/workspaces?page=99999999999999999999",
        "/templates?q=%22",
        "/templates?q=deprecated:maybe",
        "/templates/..%2f..%2fetc",
        "/templates/%00",
        "/templates/a%00b/workspace",
        "/templates/x?organization=%00",
        "/users?q=status:odd",
        "/users?q=%00",
        "/audit?q=action:%00",
        "/audit?q=nonsense:1",
        "/@/x",
        "/@%00/x",
        "/@nobody/x%00",
        "/@nobody/%F0%9F%98%80",
        "/@me/x/builds/abc",
        "/@me/x/builds/99999999999999999999",
        "/plain/x",
        "/login?redirect=%00",
        "/workspaces?notice=%3Cscript%3E",
        "/static/0/../../../etc/passwd",
        "/static/0/no.css",
    ],
)
async def test_odd_addresses_get_a_page_and_no_error(site: Site, path: str):
    owner = await site.accounts.make("owner")
    reply = await site.get(owner, path)
    assert reply.status_code in {200, 303, 400, 404}, reply.text
    assert "<script>" not in reply.text


@pytest.mark.requirement("WEB-PAGES-01")
async def test_build_numbers_that_do_not_exist_are_not_found(site: Site):
    owner = await site.accounts.make("owner")
    workspace = await site.world.stopped(owner)
    base = f"/@{owner.username}/{workspace.name}/builds"
    statuses = [(await site.get(owner, f"{base}/{n}")).status_code for n in ("1", "2", "0", "3", "-1", "x", "9" * 30)]
    assert statuses == [200, 200, 404, 404, 404, 404, 404]


@pytest.mark.requirement("WEB-PAGES-04")
async def test_errors_outside_the_api_are_pages_and_inside_it_json(site: Site):
    page = await site.get(None, "/nothing")
    assert (page.status_code, page.headers["content-type"][:9]) == (404, "text/html")
    api = await site.get(None, "/api/v2/nothing")
    assert (api.status_code, api.headers["content-type"][:16]) == (404, "application/json")


@pytest.mark.requirement("WEB-PAGES-05")
async def test_only_what_one_may_read_is_in_the_head(site: Site):
    member, owner = await site.accounts.make("member"), await site.accounts.make("owner")
    for person, has_audit in ((member, False), (owner, True)):
        links = [link["href"] for link in Document((await site.get(person, "/workspaces")).text).all("a")]
        assert ("/audit" in links) is has_audit
        assert "/templates" in links
