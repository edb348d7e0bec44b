"""What becomes of accounts: statuses and their history, dormancy, deletion, and the owners that remain."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from homeport.config import Settings
from homeport.database import CheckViolation, Database
from homeport.identity.service.dormancy import mark_dormant
from homeport.identity.service.keys import create_key
from homeport.identity.service.passwords import hash_password
from homeport.identity.types import LoginType
from homeport.kit import clock as kit_clock
from homeport.kit.clock import FakeClock
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api

PASSWORD = "Harbour-Light-77"
SETTINGS = Settings(account_dormancy_period=timedelta(days=90))


async def status_of(db: Database, user_id: Any) -> str:
    """Return the status of an account."""
    return str(await db.fetchval("select status from users where id = $1", user_id))


@pytest.mark.requirement("STATUS-DORMANT-01")
async def test_accounts_that_nobody_uses_become_dormant_and_wake_by_a_sign_in(
    api: Api, accounts: Accounts, clock: FakeClock
) -> None:
    idle, seen, owner = await accounts.make(), await accounts.make(), await accounts.make("owner")
    suspended, gone = await accounts.make(status="suspended"), await accounts.make()
    await api.db.execute("update users set hashed_password = $2 where id = $1", idle.id, await hash_password(PASSWORD))
    await api.db.execute("update users set deleted = true where id = $1", gone.id)
    clock.advance(timedelta(days=89))
    assert await mark_dormant(api.db, SETTINGS) == 0
    await api.db.execute("update users set last_seen_at = $2 where id = $1", seen.id, kit_clock.now())
    clock.advance(timedelta(days=2))
    assert await mark_dormant(api.db, SETTINGS) == 2, "an owner is no exception"
    expected = {idle: "dormant", owner: "dormant", seen: "active", suspended: "suspended", gone: "active"}
    assert {person: await status_of(api.db, person.id) for person in expected} == expected
    assert await api.db.fetchval("select status from users where is_system") == "active"
    entry = await api.db.fetchrow("select * from audit_logs where resource_id = $1 and action = 'write'", idle.id)
    assert entry is not None
    assert entry["diff"] == {"status": {"old": "active", "new": "dormant", "secret": False}}
    assert entry["additional_fields"]["subsystem"] == "dormancy"
    login = await api.call(None, "POST", "/users/login", {"email": idle.email, "password": PASSWORD})
    assert login.status_code == 201
    assert await status_of(api.db, idle.id) == "active"
    assert await mark_dormant(api.db, SETTINGS) == 0, "who has just come back is not taken for idle"


@pytest.mark.requirement("STATUS-DORMANT-02")
async def test_dormancy_is_done_by_one_server_at_a_time_and_not_where_it_is_off(
    api: Api, accounts: Accounts, clock: FakeClock
) -> None:
    await accounts.make()
    clock.advance(timedelta(days=100))
    assert await mark_dormant(api.db, Settings(account_dormancy_period=timedelta(0))) == 0
    async with api.db.transaction() as conn:
        await conn.lock("identity:dormancy")
        assert await mark_dormant(api.db, SETTINGS) == 0
    assert await mark_dormant(api.db, SETTINGS) == 1


@pytest.mark.requirement("STATUS-HISTORY-01")
async def test_each_change_of_status_is_kept(api: Api, accounts: Accounts) -> None:
    owner, person = await accounts.make("owner"), await accounts.make(status="dormant")
    for change in ("activate", "activate", "suspend", "suspend", "activate"):
        assert (await api.call(owner, "PUT", f"/users/{person.id}/status/{change}")).status_code == 200
    await api.call(owner, "PUT", f"/users/{person.id}/profile", {"username": person.username, "name": "New"})
    assert (await api.call(owner, "DELETE", f"/users/{person.id}")).status_code == 200
    rows = await api.db.fetch("select new_status from user_status_changes where user_id = $1 order by id", person.id)
    assert [row["new_status"] for row in rows] == ["dormant", "active", "suspended", "active"]
    assert await api.db.fetchval("select count(*) from user_deleted where user_id = $1", person.id) == 1


@pytest.mark.requirement("STATUS-HISTORY-02")
async def test_the_numbers_of_each_day(api: Api, accounts: Accounts, clock: FakeClock) -> None:
    owner = await accounts.make("owner", lifetime=timedelta(days=400))
    before = await accounts.make()
    clock.advance(timedelta(days=100))
    midnight = kit_clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    changes = (
        # Who, to what, how many days ago at noon.
        (await accounts.make(), [("suspended", 10), ("active", 5)]),
        (await accounts.make(status="dormant"), [("active", 3)]),
    )
    for person, steps in changes:
        await api.db.execute(
            "update user_status_changes set changed_at = $2 where user_id = $1",
            person.id,
            midnight - timedelta(days=20),
        )
        for status, ago in steps:
            moment = midnight - timedelta(days=ago) + timedelta(hours=12)
            await api.db.execute(
                "update users set status = $2::text::user_status, updated_at = $3 where id = $1",
                person.id,
                status,
                moment,
            )
    await api.db.execute(
        "update users set deleted = true, updated_at = $2 where id = $1", before.id, midnight - timedelta(days=2)
    )

    async def counts(query: str = "") -> dict[str, list[int]]:
        reply = await api.call(owner, "GET", f"/insights/user-status-counts{query}")
        assert reply.status_code == 200, reply.text
        found = reply.json()["status_counts"]
        assert set(found) == {"active", "dormant", "suspended"}
        dates = [each["date"] for each in found["active"]]
        assert len(dates) == 60
        assert dates == sorted(dates)
        return {status: [each["count"] for each in days] for status, days in found.items()}

    found = await counts()
    # From the oldest day to today; the last twelve days hold all that happens.
    assert found["active"][-12:] == [3, 2, 2, 2, 2, 2, 3, 3, 4, 3, 3, 3]
    assert found["suspended"][-12:] == [0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert found["dormant"][-12:] == [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert found["active"][0] == 2
    # Where it is a day later already, what happened at noon happened on the day after.
    assert (await counts("?tz_offset=13"))["suspended"][-12:].count(1) == 5
    for odd in ("99", "-13", "x"):
        refused = await api.call(owner, "GET", f"/insights/user-status-counts?tz_offset={odd}")
        assert refused.status_code == 400
        assert refused.json()["validations"][0]["field"] == "tz_offset"
    assert (await api.call(await accounts.make(), "GET", "/insights/user-status-counts")).status_code == 403


@pytest.mark.requirement("USER-DELETED-01")
async def test_a_deleted_user_loses_everything_by_trigger_and_is_never_revived(api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    tables = ("api_keys", "organization_members", "group_members", "oauth2_provider_grants", "git_ssh_keys")
    await api.db.execute(
        """
        with place as (
            insert into groups (id, organization_id, name, created_at, updated_at) values (gen_random_uuid(), $2, 'crew', now(), now())
            returning id
        ), member as (
            insert into group_members (group_id, user_id) select id, $1 from place
        ), app as (
            insert into oauth2_provider_apps (id, name, created_at, updated_at) values (gen_random_uuid(), 'a', now(), now()) returning id
        ), git as (
            insert into git_ssh_keys (user_id, public_key, private_key_sealed, created_at, updated_at) values ($1, '', '', now(), now())
        )
        insert into oauth2_provider_grants (id, user_id, app_id, resource_uri, scopes, created_at, updated_at)
        select gen_random_uuid(), $1, id, '', '{}', now(), now() from app
        """,
        person.id, DEFAULT_ORGANIZATION_ID,
    )  # fmt: skip

    async def held() -> dict[str, int]:
        return {
            table: await api.db.fetchval(f"select count(*) from {table} where user_id = $1", person.id)
            for table in tables
        }

    assert min((await held()).values()) == 1
    await api.db.execute("update users set deleted = true where id = $1", person.id)
    assert set((await held()).values()) == {0}
    with pytest.raises(CheckViolation):
        await api.db.execute("update users set deleted = false where id = $1", person.id)
    async with api.db.transaction() as conn:
        with pytest.raises(Exception, match="deleted"):
            await create_key(conn, user_id=person.id, login_type=LoginType.TOKEN, lifetime=timedelta(hours=1))


@pytest.mark.requirement("USER-OWNER-01")
async def test_the_last_owner_who_can_sign_in_stays(api: Api, accounts: Accounts) -> None:
    owner, program = await accounts.make("owner"), await accounts.make("owner")
    await api.db.execute("update users set login_type = 'none' where id = $1", program.id)
    for method, path, body in (
        ("PUT", "/status/suspend", None),
        ("PUT", "/roles", {"roles": ["auditor"]}),
        ("DELETE", "", None),
    ):
        refused = await api.call(program, method, f"/users/{owner.id}{path}", body)
        assert (refused.status_code, "last owner" in refused.json()["message"]) == (400, True), path
    assert (await api.call(owner, "PUT", f"/users/{program.id}/status/suspend")).status_code == 200, "it never could"
    sleeper = await accounts.make("owner", status="dormant")
    assert (await api.call(owner, "PUT", f"/users/{sleeper.id}/roles", {"roles": ["owner"]})).status_code == 200
    other = await accounts.make("owner")
    assert (await api.call(other, "PUT", f"/users/{owner.id}/status/suspend")).status_code == 200
    assert (await api.call(other, "PUT", f"/users/{sleeper.id}/status/suspend")).status_code == 200


@pytest.mark.requirement("USER-OWNER-02")
@pytest.mark.parametrize(
    "deeds", [("suspend", "demote"), ("demote", "delete"), ("delete", "suspend"), ("suspend", "suspend")]
)
async def test_owners_who_go_for_each_other_by_different_ways_leave_one(
    api: Api, accounts: Accounts, deeds: tuple[str, str]
) -> None:
    calls: dict[str, tuple[str, str, Any]] = {
        "suspend": ("PUT", "/status/suspend", None),
        "demote": ("PUT", "/roles", {"roles": []}),
        "delete": ("DELETE", "", None),
    }
    pair = [await accounts.make("owner"), await accounts.make("owner")]
    answers = await asyncio.gather(
        *(
            api.call(actor, calls[deed][0], f"/users/{target.id}{calls[deed][1]}", calls[deed][2])
            for actor, target, deed in zip(pair, reversed(pair), deeds, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} <= {200, 400, 401, 403, 404}
    left = "select count(*) from users where 'owner' = any(rbac_roles) and not deleted and status <> 'suspended'"
    assert await api.db.fetchval(left) == 1
