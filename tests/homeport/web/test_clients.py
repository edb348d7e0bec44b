"""The dashboard's pages of OAuth2 applications, for owners."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from homeport.kit import clock
from homeport.oauth2.queries import clients as queries
from homeport.oauth2.rules.registration import BY_DOCUMENT, read_metadata
from homeport.oauth2.service.grants import record_grant
from homeport.oauth2.service.registering import new_row
from homeport.oauth2.types import AppRow, ClientKind
from tests.homeport.web.site import Document, Site
from tests.support.accounts import Person

CALLBACK = "https://client.example/callback"
READ, OPERATE = "coder:workspaces.read", "coder:workspaces.operate"
GOOD: dict[str, Any] = {"name": "my-app", "callback_url": CALLBACK, "client_type": "confidential"}


async def registered(site: Site, owner: Person, **changes: Any) -> str:
    """Register an application by the form and return its path."""
    answer = await site.post(owner, "/applications/new", {**GOOD, **changes})
    assert answer.status_code == 303, answer.text
    path, _, notice = answer.headers["location"].partition("?")
    assert notice == "notice=registered"
    return path


async def stored(site: Site, path: str) -> AppRow:
    async with site.db.connection() as conn:
        (row,) = [
            each
            for each in await queries.list_apps(conn, text="", user_id=None, now=clock.now(), limit=None, offset=0)
            if path.endswith(str(each.id))
        ]
    return row


async def put(site: Site, **said: Any) -> AppRow:
    """Store a client that made itself known."""
    found = read_metadata({"redirect_uris": [CALLBACK], "client_name": "x", **said}, BY_DOCUMENT)
    row = new_row(found, ClientKind.DYNAMIC, is_scope_limit=False)
    async with site.db.transaction() as conn:
        await queries.insert_app(conn, row)
    return row


@pytest.mark.requirement("WEB-CLIENTS-01")
async def test_an_owner_registers_changes_and_deletes_an_application(site: Site) -> None:
    owner = await site.accounts.make("owner")
    path = await registered(site, owner, callback_url=f"{CALLBACK}\r\nhttp://localhost/cb\r\n", scope=[READ, OPERATE])
    row = await stored(site, path)
    assert (row.name, row.redirect_uris, row.client_type) == (
        "my-app",
        [CALLBACK, "http://localhost/cb"],
        "confidential",
    )
    assert set(row.scope_limit.split()) == {READ, OPERATE}
    page = Document((await site.get(owner, f"{path}?notice=registered")).text)
    assert row.client_id in page.text
    assert "has been registered" in page.text
    assert {box["value"] for box in page.all("input") if box.get("name") == "scope" and "checked" in box} == {
        READ,
        OPERATE,
    }
    changed = await site.post(owner, path, {"name": "renamed", "callback_url": CALLBACK, "scope": READ})
    assert changed.headers["location"] == f"{path}?notice=changed"
    row = await stored(site, path)
    assert (row.name, row.redirect_uris, row.scope_limit) == ("renamed", [CALLBACK], READ)
    listed = Document((await site.get(owner, "/applications")).text)
    assert path in {link.get("href") for link in listed.all("a")}
    assert "renamed" in listed.text
    wrong = await site.post(owner, f"{path}/delete", {"confirm": "my-app"})
    assert wrong.status_code == 400
    assert Document(wrong.text).field("confirm")["aria-invalid"] == "true"
    assert (await site.get(owner, f"{path}/delete")).status_code == 200
    gone = await site.post(owner, f"{path}/delete", {"confirm": "renamed"})
    assert gone.headers["location"] == "/applications?notice=gone"
    assert (await site.get(owner, path)).status_code == 404


@pytest.mark.requirement("WEB-CLIENTS-01")
async def test_a_secret_is_shown_once(site: Site) -> None:
    owner = await site.accounts.make("owner")
    path = await registered(site, owner)
    assert "no secret yet" in (await site.get(owner, path)).text
    made = await site.post(owner, f"{path}/secrets")
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    (secret,) = re.findall(r'<code class="secret">(hp_cs_\w+)</code>', made.text)
    again = await site.get(owner, path)
    assert secret not in again.text
    assert secret[-6:] in again.text
    action = next(form["action"] for form in Document(again.text).all("form") if form["action"].endswith("/delete"))
    ended = await site.post(owner, action)
    assert ended.headers["location"] == f"{path}?notice=secret"
    assert secret[-6:] not in (await site.get(owner, path)).text
    public = await registered(site, owner, client_type="public")
    assert "Secrets" not in (await site.get(owner, public)).text
    assert (await site.post(owner, f"{public}/secrets")).status_code == 400


@pytest.mark.requirement("WEB-CLIENTS-01")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"), ({"name": "two words"}, "name"), ({"callback_url": ""}, "callback_url"),
        ({"callback_url": "http://client.example/"}, "callback_url"), ({"callback_url": f"{CALLBACK}\njavascript:x"}, "callback_url"),
        ({"callback_url": f"{CALLBACK}\n{CALLBACK}#x"}, "callback_url"),
    ],
)  # fmt: skip
async def test_what_is_wrong_stands_at_its_field_and_the_rest_is_kept(
    site: Site, changes: dict[str, str], field: str
) -> None:
    owner = await site.accounts.make("owner")
    for path in ("/applications/new", await registered(site, owner)):
        answer = await site.post(owner, path, {**GOOD, "name": "other", "scope": OPERATE, **changes})
        assert answer.status_code == 400, path
        page = Document(answer.text)
        assert page.field(field)["aria-invalid"] == "true"
        assert page.runnables() == []
        assert {box["value"] for box in page.all("input") if box.get("name") == "scope" and "checked" in box} == {
            OPERATE
        }
        if field != "name":
            assert page.field("name")["value"] == "other"
    odd = await site.post(owner, "/applications/new", {**GOOD, "client_type": "secret", "scope": "no-such"})
    assert odd.status_code == 400


@pytest.mark.requirement("WEB-CLIENTS-02")
async def test_the_switch_of_registration(site: Site) -> None:
    owner = await site.accounts.make("owner")
    for chosen, words in (("off", "may not register themselves"), ("on", "may register themselves")):
        answer = await site.post(owner, "/applications/registration", {"registration": chosen})
        assert answer.headers["location"] == "/applications?notice=registration"
        assert words in (await site.get(owner, "/applications")).text
    (off, on) = await site.db.fetch(
        "select diff from audit_logs where resource_type = 'oauth2_provider_settings' order by time"
    )
    assert (
        off["diff"]["dynamic_client_registration_enabled"]["new"],
        on["diff"]["dynamic_client_registration_enabled"]["new"],
    ) == (False, True)


@pytest.mark.requirement("WEB-CLIENTS-02")
async def test_applications_that_made_themselves_known_are_shown_as_such(site: Site) -> None:
    owner = await site.accounts.make("owner")
    hostile = await put(
        site, client_name="<script>alert(1)</script>\"'", scope=READ, logo_uri="https://evil.example/x.png"
    )
    page = await site.get(owner, f"/applications/{hostile.id}")
    document = Document(page.text)
    assert document.runnables() == []
    assert "evil.example" not in page.text
    assert "registering itself" in document.text
    listed = await site.get(owner, "/applications?q=script")
    assert Document(listed.text).runnables() == []
    assert "itself" in Document(listed.text).text
    kept = await site.post(owner, f"/applications/{hostile.id}", {"name": hostile.name, "callback_url": CALLBACK})
    assert kept.status_code == 303, kept.text
    row = await stored(site, str(hostile.id))
    assert (row.scope, row.scope_limit) == (READ, "")
    limited = await site.post(
        owner, f"/applications/{hostile.id}", {"name": hostile.name, "callback_url": CALLBACK, "scope": OPERATE}
    )
    assert limited.status_code == 303, limited.text
    assert (await stored(site, str(hostile.id))).scope_limit == OPERATE


@pytest.mark.requirement("WEB-CLIENTS-02")
async def test_the_pages_are_for_owners_alone(site: Site) -> None:
    owner, member = await site.accounts.make("owner"), await site.accounts.make()
    path = await registered(site, owner)
    for address in ("/applications", "/applications/new", path, f"{path}/delete"):
        assert (await site.get(member, address)).status_code in {403, 404}, address
    posts = ("/applications/registration", "/applications/new", path, f"{path}/secrets", f"{path}/delete")
    for address in posts:
        assert (await site.post(member, address, {**GOOD, "confirm": "my-app"})).status_code in {403, 404}, address
    assert 'href="/applications"' in (await site.get(owner, "/workspaces")).text
    assert 'href="/applications"' not in (await site.get(member, "/workspaces")).text
    for odd in ("/applications/nope", f"/applications/{uuid4()}", "/applications/%00"):
        assert (await site.get(owner, odd)).status_code == 404, odd
    assert (await stored(site, path)).name == "my-app"


@pytest.mark.requirement("WEB-CLIENTS-02", "CON-06")
async def test_an_owner_sees_and_ends_what_people_have_allowed(site: Site) -> None:
    owner, member = await site.accounts.make("owner"), await site.accounts.make()
    app = await put(site, client_name="Allowed")
    async with site.db.transaction() as conn:
        grant = await record_grant(conn, user_id=member.id, app=app, resource_uri="", scopes=[READ])
    path = f"/applications/{app.id}"
    page = await site.get(owner, path)
    assert member.username in page.text
    refused = await site.post(member, f"{path}/grants/{grant.id}/revoke")
    assert refused.status_code in {403, 404}
    ended = await site.post(owner, f"{path}/grants/{grant.id}/revoke")
    assert ended.headers["location"] == f"{path}?notice=application"
    assert "Nobody yet" in (await site.get(owner, path)).text


def is_paged(answer: httpx.Response) -> bool:
    """Whether a list has a next page."""
    return 'aria-label="Pages"' in answer.text


@pytest.mark.requirement("WEB-CLIENTS-01")
async def test_long_lists_are_paged_and_searched(site: Site) -> None:
    owner = await site.accounts.make("owner")
    for number in range(51):
        await put(site, client_name=f"client {number:03}")
    first, second = [await site.get(owner, f"/applications?page={number}") for number in (1, 2)]
    assert is_paged(first)
    assert "client 000" in first.text
    assert "client 050" in second.text
    assert "client 000" not in second.text
    found = await site.get(owner, "/applications?q=client+007")
    assert not is_paged(found)
    assert "client 007" in found.text
    nothing = await site.get(owner, "/applications?q=%00")
    assert nothing.status_code == 200
    none = await site.get(owner, "/applications?q=no-such-thing")
    assert "No applications found" in none.text
