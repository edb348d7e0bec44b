"""The search for users: what each key means, what is refused, and that it uses the indexes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from homeport.identity.queries import listing
from homeport.identity.rules import parse_search
from homeport.identity.types import UserFilter
from homeport.kit.errors import BadRequest
from tests.support.accounts import Accounts, Api, Person

MANY_USERS = """
insert into users (id, email, username, status, rbac_roles, created_at, updated_at)
select gen_random_uuid(), 'many' || n || '@homeport.test', 'many' || n,
    case when n % 50 = 0 then 'suspended' else 'active' end::user_status,
    case when n % 100 = 0 then '{auditor}'::text[] else '{}' end, now(), now() from generate_series(1, 4000) n
"""


@pytest.mark.requirement("USER-SEARCH-01")
@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("", {}),
        ("ada", {"words": ("ada",)}),
        ('"Ada L" search:x', {"words": ("Ada L", "x")}),
        ('search:"status:active"', {"words": ("status:active",)}),
        ("o'brien", {"words": ("o'brien",)}),
        ("status:Active,suspended", {"statuses": ("active", "suspended")}),
        ("role:owner", {"roles": ("owner",)}),
        ("login_type:none,password", {"login_types": ("none", "password")}),
        ('name:"Ada L" EMAIL:@x username:a', {"name": "Ada L", "email": "@x", "username": "a"}),
        ("organization:default", {"organization": "default"}),
        ("include_system:true", {"has_system_users": True}),
        ("is_system:false", {"is_system": False}),
        ("created_after:2026-01-31", {"created_after": datetime(2026, 1, 31, tzinfo=UTC)}),
        ("last_seen_before:2026-01-31T10:00:00+02:00", {"last_seen_before": datetime(2026, 1, 31, 8, tzinfo=UTC)}),
    ],
)  # fmt: skip
def test_what_a_search_means(query: str, meant: dict[str, Any]) -> None:
    assert parse_search(query) == UserFilter(**meant)


@pytest.mark.requirement("USER-SEARCH-02")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("planet:mars", "planet"), ("status:odd", "status"), ("status:", "status"), ("status:active,", "status"), ("search:", "search"),
        ("role:none-such", "role"), ("login_type:token", "login_type"), ("include_system:yes", "include_system"),
        ("is_system:1", "is_system"), ("created_before:yesterday", "created_before"), ("created_after:2026-02-30", "created_after"),
        ("last_seen_before:2026-01-31T10:00:00", "last_seen_before"), ("last_seen_after:0001-01-01T00:00:00+23:00", "last_seen_after"),
        ('name:"open', "q"), ("a\x00b", "q"), (":x", "q"), ("x" * 300, "q"), ("x " * 40, "q"), ("status:active status:dormant", "status"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_its_name(query: str, field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_search(query)
    assert [problem.field for problem in refused.value.validations] == [field]


@pytest.mark.requirement("USER-SEARCH-03")
async def test_each_key_finds_its_people(api: Api, accounts: Accounts) -> None:
    owner, ada = await accounts.make("owner"), await accounts.make()
    stranger = await accounts.make("stranger", status="suspended")
    await api.db.execute("update users set name = 'Ada 50%_O''Neil', created_at = '2020-01-01' where id = $1", ada.id)
    await api.db.execute("update users set last_seen_at = '2021-06-01', login_type = 'none' where id = $1", stranger.id)

    async def find(query: str, **more: Any) -> set[str]:
        answer = await api.call(owner, "GET", "/users", params={"q": query, **more})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["count"] == len(found["users"])
        return {each["username"] for each in found["users"]}

    everybody = {person.username for person in (owner, ada, stranger)}
    assert await find("") == everybody
    assert await find("name:50%_o'n") == {ada.username}
    assert await find("name:50x") == set()
    assert await find(f"username:{ada.username.upper()}") == {ada.username}
    assert await find(f"email:{stranger.email} status:suspended") == {stranger.username}
    assert await find("email:ada-50") == set(), "a key looks at its own field alone"
    assert await find("created_before:2020-01-02") == {ada.username}
    assert await find("created_after:2020-01-02") == everybody - {ada.username}
    assert await find("last_seen_after:2021-05-31 last_seen_before:2021-06-02") == {stranger.username}
    assert await find("organization:default") == {owner.username, ada.username}
    assert await find("organization:none-such") == set()
    assert await find("login_type:none") == {stranger.username}
    assert await find("role:member") == everybody
    assert await find("role:owner") == {owner.username}


@pytest.mark.requirement("SYSTEM-HIDDEN-01", "M15")
async def test_a_flag_shows_exactly_one_more(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")

    async def names(query: str) -> list[str]:
        found = (await api.call(owner, "GET", "/users", params={"q": query})).json()
        assert found["count"] == len(found["users"])
        return [each["username"] for each in found["users"]]

    people = await names("")
    assert sorted([*people, "prebuilds"]) == sorted(await names("include_system:true"))
    assert await names("is_system:true") == ["prebuilds"]
    assert await names("is_system:false include_system:true") == people
    assert await names("prebuilds") == []
    assert await names("organization:default include_system:true prebuilds") == ["prebuilds"]
    for value in ("prebuilds", "c42fdf75-3097-471c-8c33-fb52454d81c0"):
        assert (await api.call(owner, "GET", f"/users/{value}")).json()["username"] == "prebuilds"


@pytest.mark.requirement("USER-SEARCH-04")
async def test_pages_count_all_that_match(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    for _ in range(4):
        await accounts.make(status="dormant")

    async def page(**window: Any) -> tuple[int, int]:
        found = (await api.call(owner, "GET", "/users", params={"q": "status:dormant", **window})).json()
        return len(found["users"]), found["count"]

    first = (await api.call(owner, "GET", "/users?q=status:dormant&limit=2")).json()["users"]
    assert await page() == (4, 4)
    assert await page(limit=2) == (2, 4)
    assert await page(limit=2, offset=3) == (1, 4)
    assert await page(limit=2, offset=9) == (0, 4)
    assert await page(limit=3, after_id=first[-1]["id"]) == (2, 4)
    assert await page(after_id="00000000-0000-0000-0000-000000000001") == (0, 4)


@pytest.mark.requirement("USER-SEARCH-05")
async def test_a_page_comes_by_an_index(api: Api) -> None:
    await api.db.execute(MANY_USERS)
    await api.db.execute("analyze users")
    for query, index in (
        ("", "users_username_key"),
        ("include_system:true", "users_username_key"),
        ("status:suspended", "users_status_idx"),
        ("role:owner", "users_roles_idx"),
        ("role:owner,auditor x", "users_roles_idx"),
    ):
        selection = listing.select(parse_search(query))
        sql = f"explain select * from users u where {selection.condition} order by lower(u.username) limit 50"
        plan = "\n".join(row[0] for row in await api.db.fetch(sql, *selection.arguments))
        assert index in plan, query


async def test_somebody_who_reads_only_oneself_finds_only_oneself(api: Api, accounts: Accounts) -> None:
    member: Person = await accounts.make()
    await accounts.make()
    found = (await api.call(member, "GET", "/users?q=status:active")).json()
    assert [each["id"] for each in found["users"]] == [str(member.id)]
    assert found["count"] == 1
