"""Pages of somebody who belongs to several organizations: templates of one name, and where a workspace lies."""

import pytest

from tests.homeport.web.site import Document, Site


@pytest.mark.requirement("WEB-TENANTS-01")
async def test_templates_of_all_ones_organizations_are_offered_under_their_organizations_name(site: Site):
    blue, foreign = await site.world.organization(), await site.world.organization()
    names = {row["id"]: row["name"] for row in await site.db.fetch("select id, name from organizations")}
    member = await site.accounts.make(organization_ids=[site.world.organization_id, blue])
    owner = await site.accounts.make("owner")
    for place in (site.world.organization_id, blue, foreign):
        await site.world.template(organization_id=place, name="docker", display_name="Docker")
    await site.world.template(organization_id=blue, name="secret", group_acl={})
    await site.world.template(organization_id=blue, name="readable", group_acl={str(blue): ["read"]})

    page = Document((await site.get(member, "/workspaces/new")).text)
    links = {each.get("href", "") for each in page.all("a")}
    offered = {link for link in links if link.startswith("/templates/") and "/workspace?" in link}
    assert offered == {
        "/templates/docker/workspace?organization=coder",
        f"/templates/docker/workspace?organization={names[blue]}",
    }
    assert names[blue] in page.text
    assert names[foreign] not in page.text
    # Who may read everything still makes workspaces in the own organizations only.
    offered = {each.get("href", "") for each in Document((await site.get(owner, "/workspaces/new")).text).all("a")}
    assert {link for link in offered if "/workspace?" in link} == {"/templates/docker/workspace?organization=coder"}
    alone = await site.accounts.make()
    assert "coder" not in Document((await site.get(alone, "/workspaces/new")).text).text

    form = await site.get(member, f"/templates/docker/workspace?organization={names[blue]}")
    assert names[blue] in Document(form.text).text
    made = await site.post(member, f"/templates/docker/workspace?organization={names[blue]}", {"name": "blue-one"})
    assert made.status_code == 303, made.text
    assert (
        await site.post(member, "/templates/docker/workspace?organization=coder", {"name": "plain"})
    ).status_code == 303
    rows = await site.db.fetch("select name, organization_id from workspaces order by name")
    assert [(row["name"], row["organization_id"]) for row in rows] == [
        ("blue-one", blue),
        ("plain", site.world.organization_id),
    ]
    # A link from elsewhere, without an organization, means one's own, whoever else has a template of the name.
    assert (
        await site.post(await site.accounts.make(organization_ids=[blue]), "/templates/docker/workspace", {"name": "x"})
    ).status_code == 303

    listed = Document((await site.get(member, "/workspaces")).text).text
    assert f"blue-one in {names[blue]}" in listed
    assert "plain in coder" in listed
    found = Document((await site.get(member, f"/workspaces?q=organization:{names[blue]}")).text).text
    assert "blue-one" in found
    assert "plain" not in found
    assert names[blue] in Document((await site.get(member, f"/@{member.username}/blue-one")).text).text
