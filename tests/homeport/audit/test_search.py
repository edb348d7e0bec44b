"""Searching the log: every key finds its entries and no others, names mean who and what they should, pages follow each other."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from homeport.audit.queries import entries as queries
from homeport.audit.service import list_audit_logs
from homeport.database import Database
from homeport.kit.errors import BadRequest
from homeport.kit.http import Page
from homeport.kit.ids import new_id
from homeport.rbac import Subject
from tests.homeport.audit.entries import T0, make_organization, reader, write
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts

AUDITOR = reader("auditor")


async def find(db: Database, query: str = "", subject: Subject = AUDITOR, **page: Any) -> list[UUID]:
    """Return the ids of what a search finds."""
    found = await list_audit_logs(db, subject=subject, query=query, page=Page(**page))
    return [entry.id for entry in found.audit_logs]


async def refused(db: Database, query: str, subject: Subject = AUDITOR, **page: Any) -> str:
    """Return the field that a refusal names."""
    with pytest.raises(BadRequest) as caught:
        await list_audit_logs(db, subject=subject, query=query, page=Page(**page))
    return caught.value.validations[0].field


@pytest.mark.requirement("AUDIT-SEARCH-01")
async def test_every_key_finds_its_entries_and_no_others(db: Database, accounts: Accounts) -> None:
    ann, bob = await accounts.make(), await accounts.make()
    other = await write(db, 60, user_id=bob.id, resource_target="other", resource_type="template", action="create")
    values = {
        "user_id": ann.id, "organization_id": DEFAULT_ORGANIZATION_ID, "resource_type": "workspace_build", "action": "start",
        "resource_target": "My Box", "additional_fields": {"build_reason": "autostart"},
    }  # fmt: skip
    resource, request = new_id(), new_id()
    one = await write(db, 0, resource_id=resource, request_id=request, **values)
    for query in (
        "action:start", "ACTION:Start", "resource_type:workspace_build", f"resource_id:{resource}", f"request_id:{request}",
        'resource_target:"my box"', f"username:{ann.username.upper()}", f"username:{ann.id}", f"email:{ann.email}",
        f"organization:{DEFAULT_ORGANIZATION_ID}", "organization:coder", "organization:Coder", "build_reason:autostart",
        "date_from:2026-03-01T11:30:00Z", "my", "MY BOX", '"my b"',
        f"action:start username:{ann.username} date_from:2026-03-01 date_to:2026-03-01 my",
    ):  # fmt: skip
        assert await find(db, query) == [one], query
    for query in ("date_to:2026-03-01T11:30:00Z", "action:create", "oth", f"username:{bob.username}"):
        assert await find(db, query) == [other], query
    for query in ("box", "username:nobody", "action:start oth", "date_from:2026-03-02", "resource_target:my"):
        assert await find(db, query) == [], query
    assert await find(db, "") == [one, other]
    assert await find(db, "date_from:2026-03-01 date_to:2026-03-01") == [one, other]


@pytest.mark.requirement("AUDIT-SEARCH-02")
async def test_me_is_who_asks(db: Database) -> None:
    mine = await write(db, user_id=AUDITOR.id)
    await write(db)
    assert await find(db, "username:me") == [mine]


@pytest.mark.requirement("AUDIT-SEARCH-02")
async def test_a_name_means_the_living_account_and_else_every_deleted_one(db: Database, accounts: Accounts) -> None:
    first, second, alive = [await accounts.make() for _ in range(3)]
    of_first, of_second = [await write(db, at, user_id=one.id) for at, one in ((1, first), (2, second))]
    await db.execute("update users set deleted = true where id = any($1)", [first.id, second.id])
    await db.execute("update users set username = 'twin', email = 'twin@x.test' where id = $1", first.id)
    assert await find(db, "username:twin") == [of_first] == await find(db, "email:TWIN@x.test")
    await db.execute("update users set username = 'Twin', email = 'twin@x.test' where id = $1", second.id)
    assert await find(db, "username:twin") == [of_first, of_second]
    await db.execute("update users set username = 'twin' where id = $1", alive.id)
    assert await find(db, "username:twin") == []
    assert await find(db, f"username:{first.id}") == [of_first]


@pytest.mark.requirement("AUDIT-SEARCH-03")
async def test_an_organization_whose_log_is_not_readable_looks_like_none(db: Database) -> None:
    elsewhere = await make_organization(db, "elsewhere")
    local = reader(f"organization-auditor:{DEFAULT_ORGANIZATION_ID}")
    here, there = [await write(db, organization_id=one) for one in (DEFAULT_ORGANIZATION_ID, elsewhere)]
    assert await find(db, "", local) == [here]
    assert await find(db, "organization:coder", local) == [here]
    assert await find(db, "organization:elsewhere") == [there]
    for value in ("elsewhere", "nowhere", str(elsewhere), str(new_id())):
        assert await refused(db, f"organization:{value}", local) == "organization"
    assert await refused(db, "organization:nowhere") == "organization"


@pytest.mark.requirement("AUDIT-SEARCH-04")
async def test_where_too_many_names_begin_so_the_newest_entries_are_looked_through(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "NAMES_AT_MOST", 3)
    monkeypatch.setattr("homeport.audit.service.selecting.NAMES_AT_MOST", 3)
    monkeypatch.setattr(queries, "LOOKED_THROUGH", 4)
    ids = [await write(db, minute, resource_target=f"Dev-{minute}") for minute in range(6)]
    assert await find(db, "dev-0") == ids[:1]
    assert await find(db, "dev") == ids[:4]
    assert await find(db, "dev date_to:2026-03-01T11:58:00Z") == ids[2:6]


@pytest.mark.requirement("AUDIT-PAGE-01")
async def test_pages_follow_each_other_by_offset_and_by_entry_also_at_the_same_moment(db: Database) -> None:
    places = [new_id() for _ in range(3)]
    readers = [AUDITOR, reader(*(f"organization-auditor:{one}" for one in places))]
    for number in range(7):
        await write(db, number // 3, organization_id=places[number % 3], resource_target=f"dev-{number}")
    for subject in readers:
        for query in ("", "action:write", "dev"):
            everything = await find(db, query, subject)
            assert len(set(everything)) == 7
            by_offset = [await find(db, query, subject, limit=2, offset=offset) for offset in range(0, 8, 2)]
            assert [one for page in by_offset for one in page] == everything
            walked: list[UUID] = []
            while page := await find(db, query, subject, limit=3, after_id=walked[-1] if walked else None):
                walked += page
            assert walked == everything, query
    assert await refused(db, "", after_id=new_id()) == "after_id"
    assert await refused(db, "", offset=queries.COUNT_AT_MOST + 1) == "offset"


@pytest.mark.requirement("AUDIT-PAGE-02")
async def test_counting_stops(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "COUNT_AT_MOST", 5)
    places = [new_id() for _ in range(3)]
    for number in range(8):
        await write(db, number, organization_id=places[number % 3])
    local = reader(*(f"organization-auditor:{one}" for one in places))
    for subject in (AUDITOR, local):
        for query in ("", "action:write", "dev"):
            found = await list_audit_logs(db, subject=subject, query=query, page=Page(limit=2))
            assert (len(found.audit_logs), found.count) == (2, 5), query
    assert (await list_audit_logs(db, subject=AUDITOR, query="action:create", page=Page(limit=2))).count == 0


@pytest.mark.requirement("AUDIT-READ-01")
async def test_readers_see_what_their_roles_and_scopes_let_them_see(db: Database, accounts: Accounts) -> None:
    here, other = DEFAULT_ORGANIZATION_ID, new_id()
    ids = {one: await write(db, minute, organization_id=one) for minute, one in enumerate((here, other, UUID(int=0)))}
    assert await find(db, "", reader("auditor")) == [*ids.values()] == await find(db, "", reader("owner"))
    for role in ("organization-auditor", "organization-admin"):
        assert await find(db, "", reader(f"{role}:{here}")) == [ids[here]]
    for role in ("user-admin", "template-admin", f"organization-user-admin:{here}", f"organization-member:{here}"):
        assert await find(db, "", reader(role)) == [], role
    scoped = await accounts.make("auditor", scopes=("audit_log:read",), allow_list=(f"audit_log:{ids[other]}",))
    assert await find(db, "", scoped.me) == [ids[other]]


@pytest.mark.requirement("AUDIT-VIEW-01")
async def test_an_entry_says_who_and_what_and_links_what_is_still_there(db: Database, accounts: Accounts) -> None:
    ann = await accounts.make()
    gone = await accounts.make()
    await db.execute("update users set deleted = true where id = $1", gone.id)
    await write(db, 0, user_id=ann.id, organization_id=DEFAULT_ORGANIZATION_ID, diff={"name": {"old": "a", "new": "b"}})
    await write(db, 1, user_id=gone.id, resource_type="user", resource_id=gone.id, status_code=403)
    await write(db, 2)
    first, second, third = (await list_audit_logs(db, subject=AUDITOR, query="", page=Page())).audit_logs
    assert first.user is not None
    assert (first.user.id, first.user.username, first.user.email) == (ann.id, ann.username, ann.email)
    assert first.organization is not None
    assert (first.organization.name, first.diff) == ("coder", {"name": {"old": "a", "new": "b"}})
    assert second.user is not None, "an account that is deleted keeps its name here"
    assert (second.is_deleted, second.resource_link) == (True, "")
    assert "unsuccessfully" in second.description
    assert third.user is None
    assert first.time == T0 > second.time > third.time == T0 - timedelta(minutes=2)
