"""Who may use and administer a template, in the dashboard."""

from uuid import uuid4

import pytest

from homeport.organizations.schemas import CreateGroupRequest
from homeport.organizations.service.groups import create_group
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK
from tests.homeport.web.test_organizations import actions, links, text_of
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Person


async def lists(site: Site, name: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The access lists of a template: groups, users."""
    row = await site.db.fetchrow("select group_acl, user_acl from templates where name = $1", name)
    assert row is not None
    return row["group_acl"], row["user_acl"]


async def group_of(site: Site, owner: Person, name: str) -> str:
    """Make a group and return its id."""
    request = CreateGroupRequest(name=name)
    return str((await create_group(site.db, subject=owner.me, organization="default", request=request)).id)


@pytest.mark.requirement("WEB-ORG-13")
async def test_everyone_groups_and_people_get_and_lose_roles(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    template = await site.world.template()
    makers = await group_of(site, owner, "makers")
    everyone = str(DEFAULT_ORGANIZATION_ID)
    path = f"/templates/{template.name}/permissions"
    assert f"{path}?organization=coder" in links(await text_of(site, owner, f"/templates/{template.name}"))
    page = Document(await text_of(site, owner, path))
    assert [field["name"] for field in page.all("select")] == [f"group.{everyone}"]
    for search, field in (("MAKE", f"group.{makers}"), (person.username, f"user.{person.id}")):
        found = Document(await text_of(site, owner, f"{path}?organization=coder&q={search}"))
        assert field in {each["name"] for each in found.all("select")}, search
    saved = await site.post(
        owner, f"{path}?organization=coder",
        {f"group.{everyone}": "", f"group.{makers}": "use", f"user.{person.id}": "admin"},
    )  # fmt: skip
    assert saved.headers["location"] == f"{path}?organization=coder&notice=permissions"
    assert await lists(site, template.name) == ({makers: ["read", "use"]}, {str(person.id): ["*"]})
    # Whom the list has is not offered again; whoever administers the template by it changes it.
    again = await text_of(site, person, f"{path}?q=makers")
    assert [field["name"] for field in Document(again).all("select")].count(f"group.{makers}") == 1
    taken = await site.post(person, path, {f"group.{makers}": "", f"group.{everyone}": "use"})
    assert taken.status_code == 303
    assert await lists(site, template.name) == ({everyone: ["read", "use"]}, {str(person.id): ["*"]})


@pytest.mark.requirement("WEB-ORG-13")
async def test_who_may_only_use_a_template_changes_nothing(site: Site) -> None:
    owner, member, stranger = [await site.accounts.make(kind) for kind in ("owner", "member", "stranger")]
    template = await site.world.template()
    hidden = await site.world.template(group_acl={})
    before = await lists(site, template.name)
    path = f"/templates/{template.name}/permissions"
    page = await text_of(site, member, path)
    assert "disabled" in Document(page).field(f"group.{DEFAULT_ORGANIZATION_ID}")
    assert "Save permissions" not in page
    assert path not in str(links(await text_of(site, member, f"/templates/{template.name}")))
    assert (await site.post(member, path, {f"user.{member.id}": "admin"})).status_code == 403
    for person, name in ((stranger, template.name), (member, hidden.name)):
        assert (await site.get(person, f"/templates/{name}/permissions")).status_code == 404
        assert (await site.post(person, f"/templates/{name}/permissions", {})).status_code == 404
    assert await lists(site, template.name) == before
    assert (await site.post(owner, path, {})).status_code == 303
    assert actions(page) >= {"/logout"}


@pytest.mark.requirement("WEB-ORG-13")
async def test_odd_choices_change_nothing(site: Site) -> None:
    owner = await site.accounts.make("owner")
    template = await site.world.template()
    before = await lists(site, template.name)
    path = f"/templates/{template.name}/permissions"
    for odd in (
        {f"group.{uuid4()}": "use"}, {f"user.{uuid4()}": "admin"}, {"user.x": "use"}, {"group.": "use"},
        {f"group.{DEFAULT_ORGANIZATION_ID}": "own"}, {f"user.{owner.id}": ATTACK},
    ):  # fmt: skip
        reply = await site.post(owner, path, odd)
        assert reply.status_code == 400, odd
        page = Document(reply.text)
        assert page.runnables() == []
        assert 'role="alert"' in reply.text
    assert (await site.get(owner, f"{path}?q=%00")).status_code == 400
    assert "Nobody else found" in await text_of(site, owner, f"{path}?q=no-such-name")
    assert await lists(site, template.name) == before
