"""Organizations in the dashboard: the list, one's place in one, making, changing and deleting one; who sees what."""

import pytest

from homeport.kit.ids import NIL_ID
from homeport.organizations.schemas import CreateOrganizationRequest, Organization
from homeport.organizations.service.organizations import create_organization
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK, check
from tests.homeport.web.test_forgery import handlers
from tests.support.accounts import Person
from tests.support.names import unique_name

RIGHT_TO_LEFT = "مؤسسة الاختبار"


async def make_organization(site: Site, owner: Person, **words: str) -> Organization:
    """Make an organization by the service."""
    request = CreateOrganizationRequest(**{"name": unique_name("org"), **words})
    return await create_organization(site.db, subject=owner.me, request=request)


def links(text: str) -> set[str]:
    """The addresses that a page links to."""
    return {link.get("href", "") for link in Document(text).all("a")}


def actions(text: str) -> set[str]:
    """Where the forms of a page go."""
    return {form.get("action", "") for form in Document(text).all("form") if form.get("method") == "post"}


@pytest.mark.requirement("WEB-ORG-01")
async def test_an_organization_from_its_making_to_its_end(site: Site) -> None:
    owner = await site.accounts.make("owner")
    words = {"name": "acme", "display_name": RIGHT_TO_LEFT, "description": "Rockets & <anvils>", "icon": "🚀"}
    made = await site.post(owner, "/organizations/new", words)
    assert (made.status_code, made.headers["location"]) == (303, "/organizations/acme?notice=organization")
    page = await site.get(owner, "/organizations/acme?notice=organization")
    assert "has been created" in page.text
    for shown in (RIGHT_TO_LEFT, "Rockets &amp; &lt;anvils&gt;", "🚀"):
        assert shown in page.text
    assert f"<bdi>{RIGHT_TO_LEFT}</bdi>" in page.text
    listed = await site.get(owner, "/organizations?q=" + RIGHT_TO_LEFT[:4])
    assert "/organizations/acme" in links(listed.text)
    assert Document(await text_of(site, owner, "/organizations/acme/settings")).field("name")["value"] == "acme"
    changed = await site.post(owner, "/organizations/acme/settings", {**words, "name": "apex", "description": ""})
    assert changed.headers["location"] == "/organizations/apex/settings?notice=organization-changed"
    assert (await site.get(owner, "/organizations/acme")).status_code == 404
    refused = await site.post(owner, "/organizations/apex/delete", {"confirm": "acme"})
    assert refused.status_code == 400
    assert Document(refused.text).field("confirm")["aria-invalid"] == "true"
    gone = await site.post(owner, "/organizations/apex/delete", {"confirm": "apex"})
    assert gone.headers["location"] == "/organizations?notice=organization-gone"
    assert (await site.get(owner, "/organizations/apex")).status_code == 404
    actions_recorded = await site.db.fetch(
        "select action from audit_logs where resource_type = 'organization' and status_code < 400 order by time, id"
    )
    assert [row["action"] for row in actions_recorded] == ["create", "write", "delete"]


async def text_of(site: Site, person: Person, path: str) -> str:
    """The text of a page that is there."""
    reply = await site.get(person, path)
    assert reply.status_code == 200, (path, reply.status_code, reply.text)
    return reply.text


@pytest.mark.requirement("WEB-ORG-02")
@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": ""}, 400, "name"), ({"name": "two words"}, 400, "name"), ({"name": "default"}, 400, "name"),
        ({"name": "x" * 200}, 400, "name"), ({"name": "CODER"}, 409, "name"), ({"name": ATTACK}, 400, "name"),
        ({"display_name": "x" * 200}, 400, "display_name"), ({"description": "x" * 9000}, 400, "description"),
        ({"icon": "x" * 9000}, 400, "icon"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_an_organization_stands_at_its_field(
    site: Site, changes: dict[str, str], status: int, field: str
) -> None:
    owner = await site.accounts.make("owner")
    other = await make_organization(site, owner)
    good = {"name": unique_name("org"), "display_name": "Kept", "description": "", "icon": ""}
    for path in ("/organizations/new", f"/organizations/{other.name}/settings"):
        if path.endswith("/settings") and changes == {"name": ""}:
            continue
        reply = await site.post(owner, path, {**good, **changes})
        assert reply.status_code == status, path
        page = Document(reply.text)
        assert page.field(field)["aria-invalid"] == "true", path
        assert page.runnables() == []
        if field != "display_name":
            assert page.field("display_name")["value"] == "Kept"
        assert not reply.text.startswith("{")


@pytest.mark.requirement("WEB-ORG-02")
async def test_an_organization_in_use_says_what_is_still_in_it(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = await make_organization(site, owner)
    await site.accounts.make("member", organization_ids=[made.id])
    await site.world.template(organization_id=made.id)
    refused = await site.post(owner, f"/organizations/{made.name}/delete", {"confirm": made.name})
    assert refused.status_code == 409
    words = Document(refused.text).text
    assert "1 template" in words
    assert "member" in words
    default = await site.post(owner, "/organizations/default/delete", {"confirm": "coder"})
    assert default.status_code == 400
    assert "/delete" not in str(links(await text_of(site, owner, "/organizations/default/settings")))


@pytest.mark.requirement("WEB-ORG-03")
async def test_who_sees_which_organization_and_which_of_its_tabs(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made, other = await make_organization(site, owner), await make_organization(site, owner)
    base = f"/organizations/{made.name}"
    tabs = {name: f"{base}/{name}" for name in ("members", "groups", "roles", "settings")}
    for kind, seen in {
        "owner": set(tabs),
        "organization-admin": set(tabs),
        "organization-user-admin": {"members", "groups", "roles"},
        "organization-auditor": {"members", "groups"},
        "organization-template-admin": {"members", "groups"},
        "member": set(),
    }.items():
        person = await site.accounts.make(kind, organization_ids=[made.id])
        text = await text_of(site, person, base)
        seen = seen | {"roles"}
        assert {name for name, path in tabs.items() if path in links(text)} == seen, kind
        assert (f"/organizations/{other.name}" in links(await text_of(site, person, "/organizations"))) is (
            kind == "owner"
        )
        assert ("/organizations/new" in links(await text_of(site, person, "/organizations"))) is (kind == "owner")
        if kind == "owner":
            continue
        assert (await site.get(person, f"/organizations/{other.name}")).status_code == 404, kind
        if "settings" not in seen:
            refused = await site.post(person, f"{base}/settings", {"name": "mine"})
            assert refused.status_code == 403, kind
            assert (await site.post(person, f"{base}/delete", {"confirm": made.name})).status_code == 403, kind
            assert (await site.get(person, f"{base}/settings")).status_code == 403, kind
        assert (await site.post(person, "/organizations/new", {"name": "mine"})).status_code == 403, kind
    stranger = await site.accounts.make("stranger")
    assert "/organizations" not in links(await text_of(site, stranger, "/workspaces"))
    assert (await site.get(stranger, base)).status_code == 404


@pytest.mark.requirement("WEB-ORG-04")
async def test_whoever_belongs_to_several_turns_from_one_to_the_other(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = [await make_organization(site, owner) for _ in range(3)]
    person = await site.accounts.make("member", organization_ids=[made[0].id, made[1].id])
    text = await text_of(site, person, f"/organizations/{made[0].name}")
    assert f"/organizations/{made[1].name}" in links(text)
    assert f"/organizations/{made[2].name}" not in links(text)
    listed = await text_of(site, person, "/organizations")
    assert {f"/organizations/{each.name}" for each in made[:2]} <= links(listed)
    account = await text_of(site, person, "/account")
    assert {f"/organizations/{each.name}" for each in made[:2]} <= links(account)


@pytest.mark.requirement("WEB-ORG-04")
async def test_many_organizations_have_pages(site: Site) -> None:
    owner = await site.accounts.make("owner")
    await site.db.execute(
        "insert into organizations (id, name, display_name, description, icon, is_default, deleted, created_at, updated_at)"
        " select gen_random_uuid(), 'many-' || to_char(n, 'FM0000'), '', '', '', false, false, now(), now()"
        " from generate_series(1, 1000) n"
    )
    seen: set[str] = set()
    for number in range(1, 22):
        found = links(await text_of(site, owner, f"/organizations?q=many-&page={number}"))
        seen |= {link for link in found if link.startswith("/organizations/many-")}
    assert len(seen) == 1000
    one = await text_of(site, owner, "/organizations/many-0001")
    assert len([link for link in links(one) if link.startswith("/organizations/many-")]) < 40
    assert "Show all" in await text_of(site, owner, "/organizations?q=no-such")


@pytest.mark.requirement("WEB-ESCAPE-01")
async def test_words_of_organizations_are_words(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = await make_organization(site, owner)
    await site.db.execute(
        "update organizations set display_name = $1, description = $1, icon = $1 where id = $2", ATTACK, made.id
    )
    base = f"/organizations/{made.name}"
    for path in ("/organizations", base, f"{base}/members", f"{base}/groups", f"{base}/roles", f"{base}/settings"):
        check(await site.get(owner, path))
    await site.db.execute("update organizations set icon = 'https://evil.example/x.png' where id = $1", made.id)
    assert "evil.example" not in await text_of(site, owner, base)


@pytest.mark.requirement("WEB-ORG-14")
async def test_pages_of_an_organization_are_nothing_to_others(site: Site) -> None:
    owner, other = await site.accounts.make("owner"), await site.accounts.make("organization-admin")
    made = await make_organization(site, owner)
    person = await site.accounts.make("member", organization_ids=[made.id])
    places = {
        "organization": made.name,
        "user": person.username,
        "group": "Everyone",
        "role": "any",
        "provisionerkey": "any",
        "job": NIL_ID,
    }
    before = await site.db.fetchval("select count(*) from audit_logs")
    seen = 0
    for handler in handlers():
        for path in handler.paths:
            if not path.startswith("/organizations/{organization:str}"):
                continue
            address = path.replace(":str}", "}").format(**places)
            method = "POST" if "POST" in handler.http_methods else "GET"
            fields = {"name": "mine", "username": other.username, "confirm": made.name}
            reply = await (site.post(other, address, fields) if method == "POST" else site.get(other, address))
            assert reply.status_code == 404, f"{method} {address}"
            assert person.username not in Document(reply.text).text.replace(address, ""), address
            seen += 1
    assert seen > 25
    assert await site.db.fetchval("select count(*) from audit_logs where status_code < 400") == before
