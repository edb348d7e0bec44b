"""Members of an organization in the dashboard: the list, adding, roles as checkboxes, leaving."""

import pytest

from homeport.organizations.schemas import CreateGroupRequest, PatchGroupRequest
from homeport.organizations.service.groups import create_group, update_group
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK, check
from tests.homeport.web.test_organizations import actions, links, make_organization, text_of


def chosen(text: str) -> set[str]:
    """The roles that are chosen on a page."""
    boxes = [box for box in Document(text).all("input") if box.get("name") == "roles"]
    return {box["value"] for box in boxes if "checked" in box}


def open_boxes(text: str) -> set[str]:
    """The roles that can be chosen on a page."""
    boxes = [box for box in Document(text).all("input") if box.get("name") == "roles"]
    return {box["value"] for box in boxes if "disabled" not in box}


@pytest.mark.requirement("WEB-ORG-05")
async def test_a_member_is_added_gets_roles_and_leaves(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("stranger")
    made = await make_organization(site, owner)
    base = f"/organizations/{made.name}/members"
    added = await site.post(owner, base, {"username": person.username})
    assert added.headers["location"] == f"{base}/{person.username}?notice=member-added"
    assert f"{base}/{person.username}" in links(await text_of(site, owner, base))
    page = await text_of(site, owner, f"{base}/{person.username}")
    assert chosen(page) == set()
    assert "organization-admin" in open_boxes(page)
    saved = await site.post(
        owner, f"{base}/{person.username}/roles", {"roles": ["organization-auditor", "organization-template-admin"]}
    )
    assert saved.headers["location"] == f"{base}/{person.username}?notice=roles"
    assert chosen(await text_of(site, owner, f"{base}/{person.username}")) == {
        "organization-auditor",
        "organization-template-admin",
    }
    assert "Organization Auditor" in await text_of(site, owner, base)
    question = await text_of(site, owner, f"{base}/{person.username}/remove")
    assert f"{base}/{person.username}/remove" in actions(question)
    gone = await site.post(owner, f"{base}/{person.username}/remove")
    assert gone.headers["location"] == f"{base}?notice=member-gone"
    assert f"{base}/{person.username}" not in links(await text_of(site, owner, base))
    assert (await site.get(owner, f"{base}/{person.username}")).status_code == 404


@pytest.mark.requirement("WEB-ORG-05")
async def test_who_cannot_be_added_is_said_at_the_field(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    for username, status in (
        (person.username, 409),
        ("nobody-here", 400),
        ("", 400),
        (ATTACK, 400),
        ("prebuilds", None),
    ):
        reply = await site.post(owner, "/organizations/default/members", {"username": username})
        assert 400 <= reply.status_code < 500, username
        assert status is None or reply.status_code == status, username
        page = Document(reply.text)
        assert page.field("username")["aria-invalid"] == "true", username
        assert page.field("username")["value"] == username
        assert page.runnables() == []


@pytest.mark.requirement("WEB-ORG-06")
async def test_only_roles_that_one_may_give_are_open_and_the_others_stay(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = await make_organization(site, owner)
    admin = await site.accounts.make("organization-admin", organization_ids=[made.id])
    user_admin = await site.accounts.make("organization-user-admin", organization_ids=[made.id])
    auditor = await site.accounts.make("organization-auditor", organization_ids=[made.id])
    base = f"/organizations/{made.name}/members"
    page = await text_of(site, user_admin, f"{base}/{auditor.username}")
    assert (open_boxes(page), chosen(page)) == (set(), {"organization-auditor"})
    assert "do not let you give or take it" in page
    # Nothing is sent of closed boxes, and nothing is taken by that.
    kept = await site.post(user_admin, f"{base}/{auditor.username}/roles", {})
    assert kept.status_code == 303
    assert chosen(await text_of(site, admin, f"{base}/{auditor.username}")) == {"organization-auditor"}
    forged = await site.post(user_admin, f"{base}/{auditor.username}/roles", {"roles": "organization-admin"})
    assert forged.status_code == 403
    assert "organization-admin" in Document(forged.text).text
    odd = await site.post(admin, f"{base}/{auditor.username}/roles", {"roles": "no-such-role"})
    assert odd.status_code == 400
    own = await text_of(site, admin, f"{base}/{admin.username}")
    assert "Nobody changes their own roles" in own
    assert (await site.post(admin, f"{base}/{admin.username}/roles", {})).status_code == 400
    assert (await site.post(admin, f"{base}/{admin.username}/remove")).status_code == 400
    # Others may look at what concerns them, and change nothing.
    member = await site.accounts.make("member", organization_ids=[made.id])
    own = await text_of(site, member, f"{base}/{member.username}")
    assert actions(own) == {"/logout"}
    assert (await site.get(member, f"{base}/{auditor.username}")).status_code == 404
    for path in (base, f"{base}/{member.username}/roles", f"{base}/{member.username}/remove"):
        reply = await site.post(member, path, {"username": auditor.username, "roles": "organization-admin"})
        assert reply.status_code in {400, 403, 404}, path
    assert (await site.post(auditor, base, {"username": owner.username})).status_code == 403


@pytest.mark.requirement("WEB-ORG-07")
async def test_the_list_is_searched_and_paged(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = await make_organization(site, owner)
    await site.db.execute(
        "with people as (insert into users (id, email, username, name, hashed_password, status, login_type, created_at, updated_at)"
        " select gen_random_uuid(), 'many' || n || '@homeport.test', 'many-' || to_char(n, 'FM0000'), 'Number ' || n, '',"
        " 'active', 'password', now(), now() from generate_series(1, 120) n returning id)"
        " insert into organization_members (user_id, organization_id, created_at, updated_at)"
        " select id, $1, now(), now() from people",
        made.id,
    )
    base = f"/organizations/{made.name}/members"
    seen: set[str] = set()
    for number in (1, 2, 3):
        seen |= {
            link for link in links(await text_of(site, owner, f"{base}?page={number}")) if "/members/many-" in link
        }
    assert len([link for link in seen if not link.endswith("/remove")]) == 120
    for search in ("MANY-0007", "number 7", "many7@"):
        found = await text_of(site, owner, f"{base}?q={search}")
        assert f"{base}/many-0007" in links(found), search
        assert f"{base}/many-0008" not in links(found), search
    assert "Nobody found" in await text_of(site, owner, f"{base}?q=%25")
    assert (await site.get(owner, f"{base}?q=%00")).status_code == 400


@pytest.mark.requirement("WEB-ORG-08")
async def test_a_member_sees_groups_and_quota(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = await make_organization(site, owner)
    person = await site.accounts.make("member", organization_ids=[made.id])
    wanted = CreateGroupRequest(name="makers", display_name="The Makers", quota_allowance=40)
    group = await create_group(site.db, subject=owner.me, organization=made.name, request=wanted)
    await update_group(site.db, subject=owner.me, group_id=group.id, request=PatchGroupRequest(add_users=[person.id]))
    for asker, path in (
        (person, f"/organizations/{made.name}"),
        (person, "/account"),
        (owner, f"/organizations/{made.name}/members/{person.username}"),
    ):
        text = await text_of(site, asker, path)
        assert "The Makers" in text, path
        assert "0 of 40 credits a day" in text, path


@pytest.mark.requirement("WEB-ESCAPE-01")
async def test_names_of_members_are_words(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    await site.db.execute("update users set name = $1 where id = $2", ATTACK, person.id)
    check(await site.get(owner, f"/organizations/default/members?q={person.username}"))
    check(await site.get(owner, f"/organizations/default/members/{person.username}"))
