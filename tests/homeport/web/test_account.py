"""One's account, and users for those who administer them."""

import re

import pytest

from homeport.config import Settings
from homeport.identity.login.password import sign_in
from homeport.kit.errors import HomeportError
from tests.homeport.web.site import Document, Site
from tests.support.accounts import ACCESS_URL, Person
from tests.support.names import unique_name

OLD, NEW = "a-Long-Passphrase-4711", "another-Long-Passphrase-42"


@pytest.mark.requirement("WEB-ACCOUNT-01")
async def test_a_token_is_shown_once_and_works_until_it_is_revoked(site: Site):
    member = await site.accounts.make("member")
    made = await site.post(member, "/account/tokens", {"token_name": "robot", "lifetime": "30"})
    assert made.status_code == 200
    found = re.search(r'class="secret">([A-Za-z0-9]{10}-[A-Za-z0-9]{22})<', made.text)
    assert found is not None
    headers = {"Coder-Session-Token": found.group(1)}
    assert (await site.app.raw("GET", "/api/v2/users/me", headers=headers)).status_code == 200
    page = await site.get(member, "/account")
    assert found.group(1) not in page.text
    assert "robot" in page.text
    again = await site.post(member, "/account/tokens", {"token_name": "robot"})
    assert again.status_code == 409
    assert Document(again.text).field("token_name")["aria-invalid"] == "true"
    key = found.group(1).partition("-")[0]
    other = await site.accounts.make("member")
    assert (await site.post(other, f"/account/tokens/{key}/revoke")).status_code == 404
    assert (await site.post(member, f"/account/tokens/{key}/revoke")).status_code == 303
    assert (await site.app.raw("GET", "/api/v2/users/me", headers=headers)).status_code == 401


@pytest.mark.requirement("WEB-CLI-01")
async def test_the_command_line_is_signed_in_by_a_button_and_never_by_a_link(site: Site):
    member = await site.accounts.make("member")
    stranger = await site.get(None, "/cli-auth")
    assert (stranger.status_code, stranger.headers["location"][:7]) == (303, "/login?")
    before = await site.db.fetchval("select count(*) from api_keys")
    offered = await site.get(member, "/cli-auth")
    assert offered.status_code == 200
    assert await site.db.fetchval("select count(*) from api_keys") == before
    made = await site.post(member, "/cli-auth")
    found = re.search(r'class="secret">([A-Za-z0-9]{10}-[A-Za-z0-9]{22})<', made.text)
    assert found is not None
    headers = {"Coder-Session-Token": found.group(1)}
    me = await site.app.raw("GET", "/api/v2/users/me", headers=headers)
    assert me.json()["username"] == member.username


@pytest.mark.requirement("WEB-ACCOUNT-02")
async def test_a_profile_is_saved_or_says_what_is_wrong(site: Site):
    member, other = await site.accounts.make("member"), await site.accounts.make("member")
    for username, status in (("not a name", 400), (other.username, 409)):
        refused = await site.post(member, "/account/profile", {"username": username, "name": "Kept"})
        page = Document(refused.text)
        assert refused.status_code == status
        assert page.field("username")["value"] == username
        assert page.field("username")["aria-invalid"] == "true"
        assert page.field("name")["value"] == "Kept"
    fresh = unique_name("new")
    assert (await site.post(member, "/account/profile", {"username": fresh, "name": "New"})).status_code == 303
    assert Document((await site.get(member, "/account?notice=profile")).text).field("username")["value"] == fresh


@pytest.mark.requirement("WEB-ACCOUNT-03")
async def test_a_password_changes_only_with_the_old_one(site: Site):
    settings = Settings(access_url=ACCESS_URL)
    fields = {"email": "first@homeport.test", "username": "first", "password": OLD}
    await site.post(None, "/setup", fields)
    _, token = await sign_in(site.db, settings, email=fields["email"], password=OLD)
    subject = await site.accounts.subject(token)
    assert subject is not None
    person = Person("first", subject.id, "first", fields["email"], token, subject)
    for old, new in (("wrong", NEW), ("", NEW), (OLD, "short"), (OLD, OLD)):
        refused = await site.post(person, "/account/password", {"old_password": old, "password": new})
        assert refused.status_code == 400
        assert old not in refused.text or old == ""
    assert (await site.post(person, "/account/password", {"old_password": OLD, "password": NEW})).status_code == 303
    with pytest.raises(HomeportError):
        await sign_in(site.db, settings, email=fields["email"], password=OLD)
    await sign_in(site.db, settings, email=fields["email"], password=NEW)
    assert (await site.get(person, "/account")).status_code == 200


@pytest.mark.requirement("WEB-ACCOUNT-04")
async def test_a_git_key_is_shown_and_replaced(site: Site):
    member = await site.accounts.make("member")
    key = re.compile(r"ssh-ed25519 [A-Za-z0-9+/=]+|ssh-ed25519 \S+")
    before = key.search((await site.get(member, "/account")).text)
    assert (await site.post(member, "/account/git-key")).status_code == 303
    after = key.search((await site.get(member, "/account")).text)
    assert before is not None
    assert after is not None
    assert before.group() != after.group()


@pytest.mark.requirement("WEB-USERS-01")
async def test_users_are_made_by_those_who_may(site: Site):
    owner, member = await site.accounts.make("owner"), await site.accounts.make("member")
    name = unique_name("new")
    fields = {"email": f"{name}@homeport.test", "username": name, "name": "New", "password": OLD}
    assert (await site.post(member, "/users/new", fields)).status_code == 403
    bad = await site.post(owner, "/users/new", {**fields, "email": "nothing", "password": "x"})
    page = Document(bad.text)
    assert bad.status_code == 400
    assert page.field("email")["aria-invalid"] == "true"
    assert page.field("password")["aria-invalid"] == "true"
    assert page.field("username")["value"] == name
    assert (await site.post(owner, "/users/new", fields)).headers["location"] == f"/users/{name}?notice=user"
    assert name in (await site.get(owner, "/users")).text
    assert (await site.post(owner, "/users/new", fields)).status_code == 409
    assert name not in (await site.get(member, "/users")).text
    await sign_in(site.db, Settings(access_url=ACCESS_URL), email=fields["email"], password=OLD)


@pytest.mark.requirement("WEB-AUDIT-01")
async def test_the_audit_log_shows_who_did_what(site: Site):
    owner, auditor = await site.accounts.make("owner"), await site.accounts.make("auditor")
    workspace = await site.world.running(owner)
    page = Document((await site.get(auditor, "/audit")).text).text
    assert workspace.name in page
    assert owner.username in page
    only = Document((await site.get(auditor, "/audit?q=resource_type:workspace")).text).text
    assert "create workspace" in only
    assert "start workspace build" in page
    assert "start workspace build" not in only
