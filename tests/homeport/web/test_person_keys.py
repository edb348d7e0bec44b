"""Tokens of service accounts, and signing somebody out, in the dashboard."""

import re

import pytest

from tests.homeport.web.site import Document, Site
from tests.support.accounts import Accounts
from tests.support.names import unique_name


async def works(site: Site, token: str) -> bool:
    answer = await site.app.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": token})
    return answer.status_code == 200


@pytest.mark.requirement("USER-SERVICE-02")
async def test_an_administrator_makes_a_service_account_and_its_tokens(site: Site):
    owner = await site.accounts.make("owner")
    name = unique_name("robot")
    fields = {"email": f"{name}@service.invalid", "username": name, "login_type": "none", "organization_ids": ""}
    made = await site.post(owner, "/users/new", fields)
    assert made.status_code == 303, made.text
    path = f"/users/{name}"
    page = await site.get(owner, path)
    assert "service account" in page.text
    shown = await site.post(owner, f"{path}/tokens", {"token_name": "ci", "lifetime": "30"})
    found = re.search(r'class="secret">([A-Za-z0-9]{10}-[A-Za-z0-9]{22})<', shown.text)
    assert found is not None, shown.text
    token = found.group(1)
    me = await site.app.raw("GET", "/api/v2/users/me", headers={"Coder-Session-Token": token})
    assert (me.json()["username"], me.json()["login_type"]) == (name, "none")
    again = await site.post(owner, f"{path}/tokens", {"token_name": "ci"})
    assert again.status_code == 409
    assert Document(again.text).field("token_name")["aria-invalid"] == "true"
    listed = await site.get(owner, path)
    assert token not in listed.text
    assert "ci" in Document(listed.text).text
    ended = await site.post(owner, f"{path}/keys/{token[:10]}/revoke")
    assert ended.headers["location"] == f"{path}?notice=key-gone#keys"
    assert not await works(site, token)


@pytest.mark.requirement("USER-SERVICE-02")
async def test_nobody_else_makes_tokens_or_ends_them(site: Site):
    owner, person, other = [await site.accounts.make(kind) for kind in ("owner", "member", "member")]
    path = f"/users/{person.username}"
    for url in (f"{path}/tokens", f"{path}/sign-out", f"{path}/keys/{person.token[:10]}/revoke"):
        assert (await site.post(other, url)).status_code in {403, 404}
        assert (await site.send("POST", owner, url, data={"csrf_token": "x" * 43})).status_code == 400
    assert await works(site, person.token)
    assert "Create token" not in (await site.get(owner, path)).text, "people make their own"


@pytest.mark.requirement("SESSION-LIST-02")
async def test_an_administrator_signs_somebody_out(site: Site):
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    path = f"/users/{person.username}"
    assert "by password" in Document((await site.get(owner, path)).text).text
    token = (await site.app.call(person, "POST", "/users/me/keys/tokens", {})).json()["key"]
    out = await site.post(owner, f"{path}/sign-out")
    assert out.headers["location"] == f"{path}?notice=person-out#keys"
    assert [await works(site, each) for each in (person.token, token, owner.token)] == [False, True, True]
    await site.post(owner, f"{path}/sign-out", {"tokens": "yes"})
    assert not await works(site, token)


@pytest.mark.requirement("USER-SERVICE-01", "USER-SERVICE-02")
async def test_a_service_account_is_found_and_has_no_way_in(site: Site, accounts: Accounts):
    owner = await site.accounts.make("owner")
    name = unique_name("robot")
    body = {"email": f"{name}@service.invalid", "username": name, "login_type": "none"}
    assert (await site.app.call(owner, "POST", "/users", body)).status_code == 201
    found = (await site.app.call(owner, "GET", "/users?q=login_type:none")).json()["users"]
    assert [user["username"] for user in found] == [name]
    login = {"email": body["email"], "password": ""}
    assert (await site.app.call(None, "POST", "/users/login", login)).status_code == 401
    assert (await site.app.call(owner, "POST", f"/users/{name}/keys")).status_code == 400
    change = {"password": "a-Long-Passphrase-4711"}
    assert (await site.app.call(owner, "PUT", f"/users/{name}/password", change)).status_code == 400
