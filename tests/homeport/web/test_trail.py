"""The audit log and the connection log in the dashboard: fields of search, changes, failed attempts, older rows, export."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from homeport.audit.schemas import AuditLog, AuditLogOrganization
from homeport.identity.schemas import UpdateRoles
from homeport.identity.service.roles import update_roles
from homeport.kit import clock
from homeport.kit.ids import NIL_ID
from homeport.web.changes import Change, changes, object_path, outcome
from homeport.web.searching import chips, joined
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK, check
from tests.homeport.web.test_organizations import links, make_organization, text_of
from tests.support.accounts import DEFAULT_ORGANIZATION_ID


async def insert_entries(site: Site, count: int, **columns: Any) -> None:
    """Put entries into the log, a second apart."""
    for number in range(count):
        entry = {
            "id": uuid4(), "time": clock.now() - timedelta(seconds=number), "user_id": NIL_ID, "organization_id": NIL_ID,
            "ip": "192.0.2.9", "user_agent": "", "resource_type": "user", "resource_id": uuid4(),
            "resource_target": f"target-{number:04}", "resource_icon": "", "action": "write", "diff": {}, "status_code": 200,
            "additional_fields": {}, "request_id": uuid4(), **columns,
        }  # fmt: skip
        await site.world.insert("audit_logs", entry)


@pytest.mark.requirement("WEB-AUDIT-02")
async def test_changes_are_shown_with_links_and_secrets_are_kept(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    await update_roles(site.db, subject=owner.me, value=person.username, request=UpdateRoles(["auditor"]))
    diff = {
        "hashed_password": {"old": "", "new": "", "secret": True},
        "deleted": {"old": False, "new": True, "secret": False},
    }
    await insert_entries(site, 1, resource_target="secretive", diff=diff, status_code=409, action="delete")
    text = await text_of(site, owner, "/audit")
    words = Document(text).text
    assert "<del><bdi>nothing</bdi></del>" in text
    assert "<ins><bdi>auditor</bdi></ins>" in text
    assert "changed; its values are secret" in words
    assert "<del><bdi>no</bdi></del>" in text
    assert "failed, 409" in words
    assert {f"/users/{owner.id}", f"/users/{person.id}"} <= links(text)
    assert (await site.get(owner, f"/users/{person.id}")).status_code == 200


@pytest.mark.requirement("WEB-AUDIT-02")
async def test_fields_narrow_the_log_and_stay_filled_in(site: Site) -> None:
    owner, person = await site.accounts.make("owner"), await site.accounts.make("member")
    made = await make_organization(site, owner)
    group = {"action": "create", "resource_type": "group", "organization_id": made.id}
    await insert_entries(site, 1, resource_target="mine", user_id=person.id, **group)
    await insert_entries(site, 1, resource_target="other", user_id=owner.id, time=clock.now() - timedelta(days=40))
    today = f"{clock.now():%Y-%m-%d}"
    for query in (
        "q=min", "action=create&resource_type=group", f"username={person.username}",
        f"organization={made.name}&action=create&resource_type=group",
        f"date_from={today}&q=mine", f"date_to={today}&q=mine",
    ):  # fmt: skip
        text = await text_of(site, owner, f"/audit?{query}")
        assert "<bdi>mine</bdi>" in text, query
        assert "<bdi>other</bdi>" not in text, query
        page = Document(text)
        for pair in query.split("&"):
            name, _, value = pair.partition("=")
            field = page.field(name)
            options = [option["value"] for option in page.all("option") if "selected" in option]
            assert field.get("value", value) == value, query
            assert field.get("value") or value in options, query
    assert "Nothing found" in await text_of(site, owner, f"/audit?username={owner.username}&q=mine")
    for query, wrong in (
        ("date_from=yesterday", "date_from"), ("organization=no-such", "organization"), ("action=fly", "action"),
        ("resource_type=%22", "resource_type"), ("username=%22%00", "q"), ("q=nonsense:1", "q"),
    ):  # fmt: skip
        reply = await site.get(owner, f"/audit?{query}")
        assert reply.status_code in {200, 400}, query
        if reply.status_code == 400:
            assert "aria-invalid" in Document(reply.text).field(wrong) or 'role="alert"' in reply.text, query
    refused = await site.get(owner, "/audit?organization=no-such")
    assert Document(refused.text).field("organization")["aria-invalid"] == "true"


@pytest.mark.requirement("WEB-AUDIT-03")
async def test_older_entries_follow_and_the_search_stays(site: Site) -> None:
    owner = await site.accounts.make("owner")
    await insert_entries(site, 120, resource_type="template")
    path, seen = "/audit?resource_type=template", list[str]()
    for _ in range(3):
        text = await text_of(site, owner, path)
        seen += [word for word in Document(text).text.split() if word.startswith("target-")]
        older = [link for link in links(text) if "after=" in link]
        if not older:
            break
        assert "resource_type=template" in older[0]
        path = older[0]
    assert seen == [f"target-{number:04}" for number in range(120)]
    assert "/audit?resource_type=template" in links(text)
    exported = [link for link in links(text) if link.startswith("/api/v2/audit/export")]
    assert exported == ["/api/v2/audit/export?q=resource_type%3Atemplate"]
    for odd in ("after=x", f"after={uuid4()}", "after=%00"):
        assert (await site.get(owner, f"/audit?{odd}")).status_code in {200, 400}, odd


@pytest.mark.requirement("WEB-AUDIT-04", "WEB-AUDIT-03")
async def test_connections_are_shown_to_those_who_may_read_them(site: Site) -> None:
    owner, auditor, member = [await site.accounts.make(kind) for kind in ("owner", "auditor", "member")]
    workspace = await site.world.running(member)
    later = clock.now() + timedelta(seconds=65)
    visits: list[dict[str, Any]] = [
        {"type": "ssh", "connection_id": uuid4(), "disconnect_time": later, "disconnect_reason": ATTACK},
        {"type": "reconnecting_pty", "connection_id": uuid4(), "disconnect_time": None, "disconnect_reason": ""},
        {"type": "workspace_app", "slug_or_port": "docs", "status_code": 502, "user_id": NIL_ID},
    ]
    for number, columns in enumerate(visits):
        row: dict[str, Any] = {
            "id": uuid4(), "connect_time": clock.now() - timedelta(seconds=number), "organization_id": DEFAULT_ORGANIZATION_ID,
            "workspace_owner_id": member.id, "workspace_id": workspace.id, "workspace_name": workspace.name, "agent_name": "main",
            "ip": "192.0.2.4", "user_id": owner.id, **columns,
        }  # fmt: skip
        await site.world.insert("connection_logs", row)
    reply = await site.get(auditor, "/connectionlog")
    check(reply)
    words = Document(reply.text).text
    for shown in (
        "SSH",
        "terminal",
        "application docs",
        "502",
        "after 1 min 5 s",
        "somebody not signed in",
        owner.username,
    ):
        assert shown in words, shown
    assert f"/@{member.username}/{workspace.name}" in links(reply.text)
    only = Document(
        await text_of(site, auditor, f"/connectionlog?status=ongoing&type=reconnecting_pty&username={owner.username}")
    )
    assert "main" in only.text
    assert "192.0.2.4" in only.text
    assert "docs" not in only.text
    assert "Nothing found" in await text_of(site, auditor, f"/connectionlog?username={member.username}")
    refused = await site.get(auditor, "/connectionlog?organization=no-such")
    assert (refused.status_code, Document(refused.text).field("organization")["aria-invalid"]) == (400, "true")
    assert {"/connectionlog", "/audit"} <= links(reply.text)
    assert "/connectionlog" not in links(await text_of(site, member, "/workspaces"))
    assert (await site.get(member, "/connectionlog")).status_code == 404


@pytest.mark.requirement("WEB-AUDIT-02")
def test_values_of_changes_become_words() -> None:
    found = changes(
        {
            "b_list": {"old": [], "new": ["x", 1], "secret": False},
            "a_map": {"old": None, "new": {"k": ["v"]}, "secret": False},
            "long": {"old": "", "new": "x" * 5000, "secret": False},
            "key": {"old": "leaked", "new": "leaked", "secret": True},
        }
    )
    assert found[0] == Change("a map", "", '{"k": ["v"]}', False)
    assert found[1] == Change("b list", "", "x, 1", False)
    assert found[2] == Change("key", "", "", True)
    assert found[3].new.endswith("(5000 characters)")
    assert len(found[3].new) < 2100
    assert [outcome(status) for status in (200, 303, 403, 404, 409, 500)] == [
        "",
        "",
        "refused",
        "refused",
        "failed",
        "failed",
    ]


@pytest.mark.requirement("WEB-AUDIT-02")
@pytest.mark.parametrize(
    ("type_", "link", "path"),
    [
        ("user", "", "/users/{id}"), ("organization", "", "/organizations/{id}"),
        ("organization_member", "", "/organizations/acme/members/the%20thing"),
        ("group", "", "/organizations/acme/groups/the%20thing"), ("custom_role", "", "/organizations/acme/roles"),
        ("workspace", "/@ann/box", "/@ann/box"), ("template", "/templates/t", "/templates/t?organization=acme"),
        ("oauth2_provider_app", "", "/applications/{id}"), ("api_key", "", ""),
    ],
)  # fmt: skip
def test_objects_are_linked_to_their_pages(type_: str, link: str, path: str) -> None:
    entry = AuditLog(
        id=uuid4(), request_id=uuid4(), time=clock.now(), ip="", user_agent="", resource_type=type_, resource_id=uuid4(),
        resource_target="the thing", resource_icon="", action="write", diff={}, status_code=200, additional_fields={},
        description="", resource_link=link, is_deleted=False, organization_id=uuid4(),
        organization=AuditLogOrganization(uuid4(), "acme", "Acme", ""),
    )  # fmt: skip
    assert object_path(entry) == path.replace("{id}", str(entry.resource_id))
    entry.is_deleted = True
    assert object_path(entry) == ""


@pytest.mark.requirement("WEB-USERS-04")
def test_searches_are_put_together() -> None:
    assert joined([("action", " create "), ("username", ""), ("organization", 'a "b" c')], " word ") == (
        'action:create organization:"a b c" word'
    )
    found = chips('name "two words" status:active', "status", {"active": "Active", "dormant": "Dormant"})
    assert [(each.search, each.is_chosen) for each in found] == [
        ('name "two words"', True), ('name "two words" status:dormant', False),
    ]  # fmt: skip
