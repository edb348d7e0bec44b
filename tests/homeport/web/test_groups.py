"""Groups in the dashboard: making, members, settings, the end; Everyone explained."""

import pytest

from homeport.organizations.schemas import CreateGroupRequest
from homeport.organizations.service.groups import create_group
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK, check
from tests.homeport.web.test_organizations import RIGHT_TO_LEFT, actions, links, make_organization, text_of

GOOD = {"name": "makers", "display_name": RIGHT_TO_LEFT, "avatar_url": "", "quota_allowance": "25"}


@pytest.mark.requirement("WEB-ORG-09")
async def test_a_group_from_its_making_to_its_end(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    base = "/organizations/coder/groups"
    made = await site.post(owner, f"{base}/new", GOOD)
    assert made.headers["location"] == f"{base}/makers?notice=group"
    assert "Nobody yet" in await text_of(site, owner, f"{base}/makers")
    assert RIGHT_TO_LEFT in await text_of(site, owner, base)
    added = await site.post(owner, f"{base}/makers/members", {"username": person.username})
    assert added.headers["location"] == f"{base}/makers?notice=group-member"
    page = await text_of(site, owner, f"{base}/makers")
    assert f"/organizations/coder/members/{person.username}" in links(page)
    # Who is in the group sees it, and changes nothing.
    seen = await text_of(site, person, f"{base}/makers")
    assert actions(seen) == {"/logout"}
    assert (await site.post(person, f"{base}/makers", GOOD)).status_code == 403
    assert (await site.post(person, f"{base}/makers/delete", {"confirm": "makers"})).status_code == 403
    changed = await site.post(owner, f"{base}/makers", {**GOOD, "name": "menders", "quota_allowance": "0"})
    assert changed.headers["location"] == f"{base}/menders?notice=group-changed"
    taken = await site.post(owner, f"{base}/menders/members/{person.id}/remove")
    assert taken.headers["location"] == f"{base}/menders?notice=group-left"
    again = await site.post(owner, f"{base}/menders/members/{person.id}/remove")
    assert again.status_code == 412
    assert (await site.get(person, f"{base}/menders")).status_code == 404
    wrong = await site.post(owner, f"{base}/menders/delete", {"confirm": "makers"})
    assert wrong.status_code == 400
    gone = await site.post(owner, f"{base}/menders/delete", {"confirm": "menders"})
    assert gone.headers["location"] == f"{base}?notice=group-gone"
    assert (await site.get(owner, f"{base}/menders")).status_code == 404


@pytest.mark.requirement("WEB-ORG-09")
@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": ""}, 400, "name"), ({"name": "two words"}, 400, "name"), ({"name": "everyone"}, 400, "name"),
        ({"name": "TAKEN"}, 409, "name"), ({"name": ATTACK}, 400, "name"),
        ({"display_name": "x" * 300}, 400, "display_name"), ({"avatar_url": "javascript:alert(1)"}, 400, "avatar_url"),
        ({"quota_allowance": "-1"}, 400, "quota_allowance"), ({"quota_allowance": "1.5"}, 400, "quota_allowance"),
        ({"quota_allowance": "9" * 12}, 400, "quota_allowance"), ({"quota_allowance": "٣"}, 400, "quota_allowance"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_group_stands_at_its_field(
    site: Site, changes: dict[str, str], status: int, field: str
) -> None:
    owner = await site.accounts.make("owner")
    for name in ("taken", "other"):
        await create_group(site.db, subject=owner.me, organization="default", request=CreateGroupRequest(name=name))
    base = "/organizations/coder/groups"
    for path in (f"{base}/new", f"{base}/other"):
        if path.endswith("/other") and changes == {"name": ""}:
            continue
        reply = await site.post(owner, path, {**GOOD, "display_name": "Kept", **changes})
        assert reply.status_code == status, path
        page = Document(reply.text)
        assert page.field(field)["aria-invalid"] == "true"
        assert page.runnables() == []
        if field != "display_name":
            assert page.field("display_name")["value"] == "Kept"


@pytest.mark.requirement("WEB-ORG-09")
async def test_who_cannot_join_a_group_is_said_at_the_field(site: Site) -> None:
    owner, member, stranger = [await site.accounts.make(kind) for kind in ("owner", "member", "stranger")]
    await create_group(site.db, subject=owner.me, organization="default", request=CreateGroupRequest(name="makers"))
    path = "/organizations/coder/groups/makers/members"
    assert (await site.post(owner, path, {"username": member.username})).status_code == 303
    for username, status in (
        (member.username, 412),
        (stranger.username, 412),
        ("nobody-here", 400),
        ("", 400),
        (ATTACK, 400),
    ):
        reply = await site.post(owner, path, {"username": username})
        assert reply.status_code == status, username
        page = Document(reply.text)
        assert page.field("username")["aria-invalid"] == "true", username
        assert page.field("username")["value"] == username
    for odd in ("x", "%00", "00000000-0000-0000-0000-000000000000"):
        assert (await site.post(owner, f"{path}/{odd}/remove")).status_code in {404, 412}, odd


@pytest.mark.requirement("WEB-ORG-10")
async def test_everyone_is_explained_and_only_its_settings_change(site: Site) -> None:
    owner, member = await site.accounts.make("owner"), await site.accounts.make("member")
    base = "/organizations/coder/groups/Everyone"
    page = await text_of(site, owner, base)
    assert "Everybody who belongs to the organization is in this group" in page
    assert actions(page) == {"/logout", base}
    assert f"{base}/delete" not in links(page)
    assert f"/organizations/coder/members/{member.username}" in links(page)
    saved = await site.post(owner, base, {"display_name": "All", "avatar_url": "", "quota_allowance": "7"})
    assert saved.status_code == 303
    assert "All" in await text_of(site, owner, "/organizations/coder/groups")
    assert (await site.post(owner, f"{base}/delete", {"confirm": "Everyone"})).status_code == 400
    refused = await site.post(owner, f"{base}/members/{member.id}/remove")
    assert refused.status_code == 400
    assert Document(refused.text).runnables() == []


@pytest.mark.requirement("WEB-ORG-10")
async def test_many_groups_and_many_members_have_pages(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = await make_organization(site, owner)
    base = f"/organizations/{made.name}/groups"
    assert "Everyone" in await text_of(site, owner, base)
    await site.db.execute(
        "insert into groups (id, organization_id, name, display_name, created_at, updated_at)"
        " select gen_random_uuid(), $1, 'many-' || to_char(n, 'FM0000'), '', now(), now() from generate_series(1, 120) n",
        made.id,
    )
    seen: set[str] = set()
    for number in (1, 2, 3):
        seen |= {link for link in links(await text_of(site, owner, f"{base}?page={number}")) if "/groups/many-" in link}
    assert len(seen) == 120
    assert 'aria-label="Pages"' in await text_of(site, owner, base)
    assert 'aria-label="Pages"' not in await text_of(site, owner, f"{base}?q=many-0007")
    assert "No group found" in await text_of(site, owner, f"{base}?q=no-such")


@pytest.mark.requirement("WEB-ESCAPE-01")
async def test_words_of_groups_are_words(site: Site) -> None:
    owner = await site.accounts.make("owner")
    await create_group(site.db, subject=owner.me, organization="default", request=CreateGroupRequest(name="makers"))
    await site.db.execute("update groups set display_name = $1, avatar_url = $1 where name = 'makers'", ATTACK)
    for path in ("", "/makers", "/makers/delete"):
        reply = await site.get(owner, f"/organizations/coder/groups{path}")
        assert Document(reply.text).runnables() == []
    check(await site.get(owner, "/organizations/coder/groups"))
    check(await site.get(owner, "/organizations/coder/groups/makers"))
