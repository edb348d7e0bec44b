"""Audit: declarations, diffs, the search grammar, and what is stored."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from homeport.audit import AuditAction, AuditResource, declare, record
from homeport.audit.rules import describe, difference, parse_search
from homeport.audit.service import list_audit_logs
from homeport.database import Database
from homeport.kit.errors import BadRequest
from homeport.kit.http import Page
from homeport.kit.ids import new_id
from homeport.kit.request import RequestInfo, set_request
from homeport.rbac import Subject, expand_roles, scope_named
from tests.support.names import unique_name


class Thing(msgspec.Struct):
    """A row with one column of each kind."""

    id: UUID
    name: str
    secret: bytes
    tags: list[str]
    is_on: bool
    noise: int


THING = declare("workspace", Thing, tracked=("id", "name", "tags", "is_on"), secret=("secret",), ignored=("noise",))


def thing(**changes: object) -> Thing:
    base = {"id": UUID(int=7), "name": "a", "secret": b"s1", "tags": ["x"], "is_on": False, "noise": 1}
    return Thing(**{**base, **changes})  # type: ignore[arg-type]


def subject(role: str = "owner") -> Subject:
    roles = expand_roles([role] if role != "member" else [], {})
    return Subject.build(new_id(), roles=roles, groups=(), scope=scope_named("all"), friendly_name="ada", kind="user")


@pytest.mark.requirement("AUDIT-DECLARE-01")
def test_a_column_without_a_decision_stops_the_import() -> None:
    with pytest.raises(TypeError, match=r"missing \['name'\], unknown \['nam'\]"):
        declare("workspace", Thing, tracked=("id", "nam", "tags", "is_on"), secret=("secret",), ignored=("noise",))
    with pytest.raises(TypeError, match=r"named twice \['id'\]"):
        declare(
            "workspace", Thing, tracked=("id", "name", "tags", "is_on"), secret=("secret",), ignored=("noise", "id")
        )


@pytest.mark.requirement("AUDIT-DIFF-01")
def test_the_diff_shows_tracked_hides_secret_and_leaves_out_ignored() -> None:
    assert difference(THING, thing(), thing()) == {}
    assert difference(THING, thing(), thing(noise=2)) == {}
    changed = difference(THING, thing(), thing(name="b", secret=b"s2", is_on=True))
    assert changed["name"] == {"old": "a", "new": "b", "secret": False}
    assert changed["is_on"] == {"old": False, "new": True, "secret": False}
    assert changed["secret"] == {"old": "", "new": "", "secret": True}
    assert set(changed) == {"name", "is_on", "secret"}


@pytest.mark.requirement("AUDIT-DIFF-01")
def test_a_change_of_a_secret_is_seen_and_its_value_is_not() -> None:
    changed = difference(THING, thing(), thing(secret=b"other"))
    assert changed == {"secret": {"old": "", "new": "", "secret": True}}


@pytest.mark.requirement("AUDIT-DIFF-01")
def test_creation_and_deletion_count_the_missing_side_as_empty() -> None:
    made = difference(THING, None, thing())
    assert made["name"] == {"old": "", "new": "a", "secret": False}
    assert made["tags"] == {"old": [], "new": ["x"], "secret": False}
    assert made["id"]["new"] == str(UUID(int=7))
    gone = difference(THING, thing(is_on=True), None)
    assert gone["is_on"] == {"old": True, "new": False, "secret": False}


def test_descriptions() -> None:
    assert describe("create", "workspace", "dev", 201) == "{user} created workspace dev"
    assert describe("login", "api_key", "", 201) == "{user} signed in"
    assert "unsuccessfully" in describe("delete", "template", "t", 403)


@pytest.mark.requirement("AUDIT-SEARCH-01")
def test_the_search_grammar() -> None:
    search = parse_search('action:create resource_type:workspace username:ada date_from:2026-01-02 "my dev" box')
    assert search.action == "create"
    assert search.username == "ada"
    assert search.date_from == datetime(2026, 1, 2, tzinfo=UTC)
    assert search.text == "my dev box"


@pytest.mark.requirement("AUDIT-SEARCH-01")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour:red", "q"), ('"open', "q"), (":x", "q"), ("x" * 2001, "q"), ("a\x00b", "q"), ("\ud800", "q"),
        ("action:explode", "action"), ("action:", "action"), ("action:create action:write", "action"),
        ("resource_type:shoe", "resource_type"), ("resource_id:7", "resource_id"), ("request_id:x", "request_id"),
        ("date_from:tomorrow", "date_from"), ("date_to:2026-02-30", "date_to"),
        ("date_to:2026-01-01T10:00:00", "date_to"), ("date_from:0001-01-01T00:00:00+10:00", "date_from"),
        ("build_reason:mood", "build_reason"),
    ],
)  # fmt: skip
def test_a_bad_search_names_the_field(query: str, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_search(query)
    assert caught.value.validations[0].field == field


@pytest.mark.requirement("AUDIT-SEARCH-01")
def test_values_are_read_without_case_and_moments_with_their_zone() -> None:
    search = parse_search("Action:CREATE resource_type:Workspace_Build date_to:2026-01-02T10:00:00+02:00 username:ME")
    assert (search.action, search.resource_type, search.username) == ("create", "workspace_build", "ME")
    assert search.date_to == datetime(2026, 1, 2, 8, tzinfo=UTC)
    assert parse_search("date_to:2026-01-02").date_to == datetime(2026, 1, 2, 23, 59, 59, 999999, tzinfo=UTC)
    assert parse_search('resource_target:"a b:c"').resource_target == "a b:c"


@pytest.mark.requirement("AUDIT-RECORD-01")
async def test_an_entry_is_written_with_the_change_and_gone_when_it_rolls_back(db: Database) -> None:
    name, request_id, actor = unique_name(), new_id(), new_id()
    set_request(RequestInfo(str(request_id), "192.0.2.1", "agent/1"))
    async with db.transaction() as conn:
        await record(
            conn,
            subject_id=actor,
            action=AuditAction.CREATE,
            resource=AuditResource(new_id(), name),
            after=thing(secret=b"canary"),
        )
    with pytest.raises(RuntimeError):  # noqa: PT012 the whole transaction is what fails
        async with db.transaction() as conn:
            await record(
                conn,
                subject_id=actor,
                action=AuditAction.DELETE,
                resource=AuditResource(new_id(), name),
                before=thing(),
            )
            raise RuntimeError
    page = await list_audit_logs(db, subject=subject(), query=f"resource_target:{name}", page=Page())
    assert page.count == 1
    entry = page.audit_logs[0]
    assert (entry.action, entry.ip, entry.user_agent, entry.request_id) == (
        "create",
        "192.0.2.1",
        "agent/1",
        request_id,
    )
    assert entry.diff["secret"] == {"old": "", "new": "", "secret": True}
    assert "canary" not in msgspec.json.encode(page).decode()


@pytest.mark.requirement("AUDIT-READ-01")
async def test_who_may_not_read_the_log_sees_an_empty_page(db: Database) -> None:
    async with db.transaction() as conn:
        await record(
            conn,
            subject_id=new_id(),
            action=AuditAction.WRITE,
            resource=AuditResource(new_id(), "x"),
            before=thing(),
            after=thing(name="b"),
        )
    assert (await list_audit_logs(db, subject=subject("member"), query="", page=Page())).audit_logs == []
    assert (await list_audit_logs(db, subject=subject("auditor"), query="", page=Page())).count == 1


async def test_an_undeclared_row_is_a_mistake_of_ours(db: Database) -> None:
    class Other(msgspec.Struct):
        x: int

    async with db.transaction() as conn:
        with pytest.raises(TypeError, match=r"call audit\.declare"):
            await record(
                conn,
                subject_id=new_id(),
                action=AuditAction.WRITE,
                resource=AuditResource(new_id(), "x"),
                after=Other(1),
            )


class Values(msgspec.Struct, kw_only=True):
    """A row with every kind of value that is written in a way of its own."""

    id: UUID
    parent_id: UUID | None = None
    note: str | None = None
    amount: int | None = None
    is_on: bool | None = None
    seen_at: datetime | None = None
    acl: dict[str, list[str]] = {}
    permissions: list[dict[str, object]] = []
    members: list[dict[str, str]] = []
    kind: AuditAction = AuditAction.WRITE


VALUES = declare("group", Values, tracked=Values.__struct_fields__)
EMPTY = {
    "id": "", "parent_id": "", "note": "null", "amount": None, "seen_at": "", "acl": "{}", "permissions": [], "members": [],
    "kind": "",
}  # fmt: skip
FULL = Values(
    id=UUID(int=1), parent_id=UUID(int=2), note="x", amount=3, is_on=True, seen_at=datetime(2026, 1, 1, tzinfo=UTC),
    acl={"b": ["read"], "a": ["use", "read"]},
    permissions=[
        {"resource_type": "workspace", "action": "read", "negate": False},
        {"resource_type": "template", "action": "*", "negate": True},
    ],
    members=[{"user_id": "7", "username": "ada"}], kind=AuditAction.START,
)  # fmt: skip
WRITTEN = {
    "id": str(UUID(int=1)), "parent_id": str(UUID(int=2)), "note": "x", "amount": 3, "is_on": True,
    "seen_at": "2026-01-01T00:00:00+00:00", "acl": '{"a":["use","read"],"b":["read"]}',
    "permissions": ["workspace:read", "-template:*"], "members": [{"user_id": "7", "username": "ada"}], "kind": "start",
}  # fmt: skip


@pytest.mark.requirement("AUDIT-DIFF-02")
def test_how_values_are_written() -> None:
    made, gone = difference(VALUES, None, FULL), difference(VALUES, FULL, None)
    assert {field: change["new"] for field, change in made.items()} == WRITTEN
    assert {field: change["old"] for field, change in gone.items()} == WRITTEN
    assert {field: change["old"] for field, change in made.items()} == EMPTY | {"is_on": False}
    changed = difference(VALUES, Values(id=UUID(int=0)), FULL)
    assert {field: change["old"] for field, change in changed.items()} == EMPTY | {"is_on": False, "kind": "write"}
