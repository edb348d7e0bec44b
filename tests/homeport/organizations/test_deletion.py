"""Something comes into an organization while it is being deleted: one of the two fails cleanly, whatever it is (11, 29)."""

import asyncio
from contextlib import suppress
from uuid import UUID

import pytest

from homeport.database import CheckViolation, Connection
from homeport.database.errors import OwnerDeleted
from homeport.kit.ids import new_id
from tests.homeport.organizations.worlds import INSERTS, furnish_default, make_organization
from tests.support.accounts import Accounts, Api
from tests.support.waiting import until

DELETE = "update organizations set deleted = true where id = $1"
# What people can see and take away again; the rest keeps no organization, but may not be left behind either.
KEEPING = {"workspaces", "templates", "provisioner_keys", "groups", "organization_members"}


class GivenUp(Exception):
    """The deletion is rolled back."""


async def _is_waiting(conn: Connection, pid: int) -> bool:
    return bool(await conn.fetchval("select cardinality(pg_blocking_pids($1)) > 0", pid))


async def _pid(conn: Connection) -> int:
    pid: int = await conn.fetchval("select pg_backend_pid()")
    return pid


@pytest.mark.requirement("ORG-RACES-01", "M17")
@pytest.mark.parametrize("table", sorted(INSERTS))
async def test_nothing_comes_into_a_deleted_organization(api: Api, accounts: Accounts, table: str) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    place = UUID((await make_organization(api, owner))["id"])
    await furnish_default(api.db, owner.id)
    await api.db.execute(DELETE, place)
    with pytest.raises(OwnerDeleted) as refused:
        await api.db.execute(INSERTS[table], place, new_id(), person.id)
    assert (refused.value.status, refused.value.message) == (404, "The organization has been deleted.")
    assert refused.value.constraint == f"{table}_organization_not_deleted"


@pytest.mark.requirement("ORG-RACES-02", "M17")
@pytest.mark.parametrize("table", sorted(INSERTS))
async def test_what_comes_first_is_seen_by_a_deletion_that_waits_for_it(
    api: Api, accounts: Accounts, table: str
) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    place = UUID((await make_organization(api, owner, "blue"))["id"])
    await furnish_default(api.db, owner.id)
    async with api.db.transaction() as coming:
        await coming.execute(INSERTS[table], place, new_id(), person.id)
        holder = await _pid(coming)
        deleting = asyncio.create_task(api.call(owner, "DELETE", "/organizations/blue"))

        async def waits() -> bool:
            sql = "select exists (select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))"
            return bool(await api.db.fetchval(sql, holder))

        await until(waits)
        assert not deleting.done()
    answer = await asyncio.wait_for(deleting, 10)
    assert answer.status_code == (409 if table in KEEPING else 200), answer.text


@pytest.mark.requirement("ORG-RACES-03", "M17")
@pytest.mark.parametrize("table", sorted(INSERTS))
async def test_what_comes_during_a_deletion_waits_for_it_and_is_refused(
    api: Api, accounts: Accounts, table: str
) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    place = UUID((await make_organization(api, owner))["id"])
    await furnish_default(api.db, owner.id)
    async with api.db.connection() as observer, api.db.connection() as comer:
        pid = await _pid(comer)
        async with api.db.transaction() as deleting:
            await deleting.execute(DELETE, place)
            coming = asyncio.create_task(comer.execute(INSERTS[table], place, new_id(), person.id))
            await until(lambda: _is_waiting(observer, pid))
        with pytest.raises(OwnerDeleted):
            await asyncio.wait_for(coming, 10)


@pytest.mark.requirement("ORG-RACES-03")
async def test_a_deletion_that_is_given_up_lets_in_who_waited(api: Api, accounts: Accounts) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    place = UUID((await make_organization(api, owner))["id"])
    async with api.db.connection() as observer, api.db.connection() as comer:
        pid = await _pid(comer)
        with suppress(GivenUp):
            async with api.db.transaction() as deleting:
                await deleting.execute(DELETE, place)
                coming = asyncio.create_task(comer.execute(INSERTS["groups"], place, new_id(), person.id))
                await until(lambda: _is_waiting(observer, pid))
                raise GivenUp
        await asyncio.wait_for(coming, 10)
    with pytest.raises(CheckViolation) as refused:
        await api.db.execute(DELETE, place)
    assert "1 group" in refused.value.detail


@pytest.mark.requirement("ORG-RACES-04")
async def test_two_deletions_at_once_delete_once(api: Api, accounts: Accounts) -> None:
    owner = await accounts.make("owner")
    made = await make_organization(api, owner)
    answers = await asyncio.gather(*(api.call(owner, "DELETE", f"/organizations/{made['id']}") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404, 404]
    rows = "select count(*) from audit_logs where resource_type = 'organization' and action = 'delete'"
    assert await api.db.fetchval(rows) == 1


@pytest.mark.requirement("ORG-RACES-05", "M17")
async def test_members_and_a_deletion_at_once_leave_either_of_them(api: Api, accounts: Accounts) -> None:
    owner, person = await accounts.make("owner"), await accounts.make()
    seen = set()
    for number in range(12):
        made = await make_organization(api, owner)
        path = f"/organizations/{made['id']}"
        asks = [("POST", f"{path}/members/{person.id}"), ("DELETE", path)]
        answers = await asyncio.gather(*(api.call(owner, *ask) for ask in (asks if number % 2 else asks[::-1])))
        outcome = tuple(answer.status_code for answer in (answers if number % 2 else answers[::-1]))
        assert outcome in {(200, 409), (404, 200)}, [answer.text for answer in answers]
        seen.add(outcome)
        deleted = await api.db.fetchval("select deleted from organizations where id = $1", UUID(made["id"]))
        members = await api.db.fetchval(
            "select count(*) from organization_members where organization_id = $1", UUID(made["id"])
        )
        assert (deleted, members) in {(False, 2), (True, 1)}
    assert seen
