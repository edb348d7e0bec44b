"""One user in the dashboard: status, roles, password, profile, the end; filters of the list; making accounts."""

import pytest

from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK, check
from tests.homeport.web.test_members import chosen, open_boxes
from tests.homeport.web.test_organizations import RIGHT_TO_LEFT, actions, links, make_organization, text_of
from tests.support.names import unique_name

PASSWORD = "a quite long pass phrase 7"


@pytest.mark.requirement("WEB-USERS-02")
async def test_an_account_is_suspended_and_active_again(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    made = await make_organization(site, owner)
    path = f"/users/{person.username}"
    assert path in links(await text_of(site, owner, "/users"))
    page = await text_of(site, owner, path)
    assert "/organizations/coder/members/" + person.username in links(page)
    assert made.name not in str(links(page))
    assert "Suspending ends sessions" in page
    suspended = await site.post(owner, f"{path}/status", {"status": "suspended"})
    assert suspended.headers["location"] == f"{path}?notice=suspended"
    assert (await site.get(person, "/account")).status_code == 303
    page = await text_of(site, owner, f"{path}?notice=suspended")
    assert "Nothing of the account works" in page
    active = await site.post(owner, f"{path}/status", {"status": "active"})
    assert active.headers["location"] == f"{path}?notice=activated"
    status = await site.db.fetchval("select status::text from users where id = $1", person.id)
    assert status == "active"


@pytest.mark.requirement("WEB-USERS-03")
async def test_roles_profile_and_password_of_an_account(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    path = f"/users/{person.username}"
    page = await text_of(site, owner, path)
    assert open_boxes(page) == {"owner", "auditor", "template-admin", "user-admin"}
    given = await site.post(owner, f"{path}/roles", {"roles": ["auditor", "template-admin"]})
    assert given.headers["location"] == f"{path}?notice=roles"
    assert chosen(await text_of(site, owner, path)) == {"auditor", "template-admin"}
    assert (await site.post(owner, f"{path}/roles", {"roles": "emperor"})).status_code == 400
    set_ = await site.post(owner, f"{path}/password", {"password": PASSWORD})
    assert set_.headers["location"] == f"{path}?notice=user-password"
    assert (await site.get(person, "/account")).status_code == 303
    for weak in ("", "short", "x" * 500):
        refused = await site.post(owner, f"{path}/password", {"password": weak})
        assert refused.status_code == 400
        assert Document(refused.text).field("password")["aria-invalid"] == "true"
        assert not weak or weak not in refused.text
    renamed = await site.post(owner, f"{path}/profile", {"username": "someone-else", "name": RIGHT_TO_LEFT})
    assert renamed.headers["location"] == "/users/someone-else?notice=user-changed"
    assert f"<bdi>{RIGHT_TO_LEFT}</bdi>" in await text_of(site, owner, "/users/someone-else")
    for changes, status in (
        ({"username": "two words"}, 400),
        ({"username": owner.username}, 409),
        ({"username": ATTACK}, 400),
    ):
        refused = await site.post(owner, "/users/someone-else/profile", {"name": "", **changes})
        assert refused.status_code == status
        assert Document(refused.text).field("username")["aria-invalid"] == "true"
        assert Document(refused.text).runnables() == []


@pytest.mark.requirement("WEB-USERS-03")
async def test_an_account_ends_after_its_name_was_typed(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    path = f"/users/{person.username}"
    assert f"{path}/delete" in links(await text_of(site, owner, path))
    wrong = await site.post(owner, f"{path}/delete", {"confirm": "somebody"})
    assert wrong.status_code == 400
    gone = await site.post(owner, f"{path}/delete", {"confirm": person.username})
    assert gone.headers["location"] == "/users?notice=user-gone"
    assert (await site.get(owner, path)).status_code == 404


@pytest.mark.requirement("WEB-USERS-03")
async def test_rank_and_the_last_owner_are_respected(site: Site) -> None:
    owner, admin = await site.accounts.make("owner"), await site.accounts.make("user-admin")
    path = f"/users/{owner.username}"
    page = await text_of(site, admin, path)
    assert "which you cannot give away" in page
    assert actions(page) <= {"/logout", f"{path}/roles"}
    assert open_boxes(page) == set()
    for part, fields in {
        "status": {"status": "suspended"}, "password": {"password": PASSWORD}, "roles": {"roles": "auditor"},
        "delete": {"confirm": owner.username},
    }.items():  # fmt: skip
        refused = await site.post(admin, f"{path}/{part}", fields)
        assert refused.status_code in {400, 403}, part
        assert 'role="alert"' in refused.text, part
    own = await text_of(site, owner, path)
    assert "This is your own account" in own
    assert not {f"{path}/status", f"{path}/password", f"{path}/profile"} & actions(own)
    for part, fields in {"status": {"status": "suspended"}, "roles": {}, "delete": {"confirm": owner.username}}.items():
        refused = await site.post(owner, f"{path}/{part}", fields)
        assert refused.status_code in {400, 403}, part
        assert 'role="alert"' in refused.text, part
    assert await site.db.fetchval("select status::text from users where id = $1", owner.id) == "active"
    member, other = await site.accounts.make("member"), await site.accounts.make("member")
    assert (await site.get(member, f"/users/{other.username}")).status_code == 404
    for part in ("status", "roles", "profile", "password", "delete"):
        assert (await site.post(member, f"/users/{other.username}/{part}", {})).status_code == 404, part
    auditor = await site.accounts.make("auditor")
    seen = await text_of(site, auditor, f"/users/{other.username}")
    assert actions(seen) == {"/logout"}
    assert (await site.post(auditor, f"/users/{other.username}/status", {"status": "suspended"})).status_code == 403
    assert (await site.get(auditor, f"/users/{other.username}/delete")).status_code == 403
    system = await site.post(owner, "/users/prebuilds/status", {"status": "suspended"})
    assert 400 <= system.status_code < 500


@pytest.mark.requirement("WEB-USERS-04")
async def test_users_are_filtered_with_one_press(site: Site) -> None:
    owner = await site.accounts.make("owner")
    sleeper = await site.accounts.make("auditor", status="suspended")
    page = await text_of(site, owner, "/users?q=homeport")
    assert "/users?q=homeport%20status%3Asuspended" in links(page)
    found = await text_of(site, owner, "/users?q=homeport%20status%3Asuspended")
    assert f"/users/{sleeper.username}" in links(found)
    assert f"/users/{owner.username}" not in links(found)
    assert 'aria-current="true">Suspended' in found
    assert {"/users?q=homeport", "/users?q=homeport%20status%3Aactive"} <= links(found)
    both = await text_of(site, owner, "/users?q=status:suspended%20role:auditor")
    assert f"/users/{sleeper.username}" in links(both)
    assert "Nobody found" in await text_of(site, owner, "/users?q=status:active%20role:auditor")


@pytest.mark.requirement("WEB-USERS-04")
async def test_accounts_are_made_in_chosen_organizations_and_for_programs(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made, other = await make_organization(site, owner), await make_organization(site, owner)
    form = Document(await text_of(site, owner, "/users/new"))
    boxes = {box["value"]: "checked" in box for box in form.all("input") if box.get("name") == "organization_ids"}
    assert boxes[str(made.id)] is boxes[str(other.id)] is False
    assert sum(boxes.values()) == 1
    name = unique_name("robot")
    fields = {
        "email": f"{name}@homeport.test", "username": name, "name": "", "login_type": "none", "password": "",
        "organization_ids": [str(made.id), str(other.id)],
    }  # fmt: skip
    reply = await site.post(owner, "/users/new", fields)
    assert reply.headers["location"] == f"/users/{name}?notice=user"
    page = await text_of(site, owner, f"/users/{name}")
    assert "service account" in page
    assert f"/users/{name}/password" not in actions(page)
    assert {f"/organizations/{each.name}/members/{name}" for each in (made, other)} <= links(page)
    assert f"/organizations/coder/members/{name}" not in links(page)
    odd = await site.post(owner, "/users/new", {**fields, "username": unique_name("x"), "organization_ids": "x"})
    assert odd.status_code == 400
    assert "organization_ids-problem" in odd.text
    foreign = await site.post(
        owner, "/users/new", {**fields, "email": "x@homeport.test", "username": unique_name("x"), "organization_ids": str(owner.id)}
    )  # fmt: skip
    assert foreign.status_code == 400
    # Who administers users of one organization makes none of the deployment.
    admin = await site.accounts.make("organization-admin", organization_ids=[made.id])
    assert (await site.get(admin, "/users/new")).status_code == 403


@pytest.mark.requirement("WEB-ESCAPE-01")
async def test_names_of_users_are_words(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    await site.db.execute("update users set name = $1 where id = $2", ATTACK, person.id)
    check(await site.get(owner, f"/users/{person.username}"))
    check(await site.get(owner, f"/templates/{(await site.world.template()).name}/permissions?q={person.username}"))
