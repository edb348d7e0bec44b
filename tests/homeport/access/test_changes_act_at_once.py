"""What authorizes a user is read with each request, and what is kept ready for that never lags behind (ACCESS-AT-ONCE)."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from homeport.database import Connection, Database, DatabaseError, SerializationFailure
from homeport.database.queries import Isolation
from homeport.kit.clock import FakeClock
from homeport.kit.ids import new_id
from homeport.rbac import Action, Object, ResourceType, is_allowed
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Api, Person
from tests.support.names import unique_name
from tests.support.waiting import until

READER = [{"negate": False, "resource_type": "organization_member", "action": "read"}]
ADD_GROUP = "insert into groups (id, organization_id, name, created_at, updated_at) values ($1, $2, $3, now(), now())"
ADD_TO_GROUP = "insert into group_members (group_id, user_id) values ($1, $2)"
ADD_ROLE = (
    "insert into custom_roles (id, name, organization_id, org_permissions, created_at, updated_at)"
    " values ($1, $2, $3, $4, now(), now())"
)
RENAME_ROLES = """
update custom_roles set name = case when name = lower(name) then upper(name) else lower(name) end where organization_id = $1
"""
SET_ROLES = "update organization_members set roles = $2 where user_id = $1"
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
LAGGING = """
select u.username, a.holdings, user_holdings(u.id) as right from users u left join user_authorizations a on a.user_id = u.id
where case when a.holdings is null
    then exists (select from organization_members m where m.user_id = u.id) or exists (select from group_members g where g.user_id = u.id)
    else a.holdings <> user_holdings(u.id) end
"""


async def sees_members(api: Api, person: Person) -> bool:
    """Whether the person sees anybody else in the list of the organization's members; its members see themselves only."""
    answer = await api.call(person, "GET", "/organizations/default/members")
    return answer.status_code == 200 and len(answer.json()) > 1


async def add_group(db: Database, organization_id: UUID = DEFAULT_ORGANIZATION_ID) -> UUID:
    """Make a group without members."""
    group_id = new_id()
    await db.execute(ADD_GROUP, group_id, organization_id, unique_name("group"))
    return group_id


async def add_role(db: Database, name: str, permissions: list[dict[str, Any]]) -> UUID:
    """Make a custom role in the default organization."""
    role_id = new_id()
    await db.execute(ADD_ROLE, role_id, name, DEFAULT_ORGANIZATION_ID, permissions)
    return role_id


@pytest.mark.requirement("ACCESS-AT-ONCE-01")
async def test_a_changed_deployment_role_counts_with_the_next_request(api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    await accounts.make()
    assert len((await api.call(person, "GET", "/users")).json()["users"]) == 1
    await api.db.execute("update users set rbac_roles = '{user-admin}' where id = $1", person.id)
    assert len((await api.call(person, "GET", "/users")).json()["users"]) > 1
    await api.db.execute("update users set rbac_roles = '{}' where id = $1", person.id)
    assert len((await api.call(person, "GET", "/users")).json()["users"]) == 1


@pytest.mark.requirement("ACCESS-AT-ONCE-01")
async def test_a_suspended_or_deleted_user_is_out_with_the_next_request(api: Api, accounts: Accounts) -> None:
    for change in ("status = 'suspended'", "deleted = true"):
        person = await accounts.make()
        assert (await api.call(person, "GET", "/users/me")).status_code == 200
        await api.db.execute(f"update users set {change} where id = $1", person.id)
        assert (await api.call(person, "GET", "/users/me")).status_code == 401


@pytest.mark.requirement("ACCESS-AT-ONCE-01")
async def test_a_changed_membership_counts_with_the_next_request(api: Api, accounts: Accounts) -> None:
    person = await accounts.make("stranger")
    await accounts.make()
    me = "/users/me"
    assert (await api.call(person, "GET", me)).json()["organization_ids"] == []
    await api.db.execute(
        "insert into organization_members (user_id, organization_id, created_at, updated_at) values ($1, $2, now(), now())",
        person.id, DEFAULT_ORGANIZATION_ID,
    )  # fmt: skip
    assert (await api.call(person, "GET", me)).json()["organization_ids"] == [str(DEFAULT_ORGANIZATION_ID)]
    assert not await sees_members(api, person)
    await api.db.execute(SET_ROLES, person.id, ["organization-admin"])
    assert await sees_members(api, person)
    await api.db.execute(SET_ROLES, person.id, [])
    assert not await sees_members(api, person)
    await api.db.execute("delete from organization_members where user_id = $1", person.id)
    assert (await api.call(person, "GET", me)).json()["organization_ids"] == []


@pytest.mark.requirement("ACCESS-AT-ONCE-01")
async def test_a_changed_group_counts_with_the_next_session(api: Api, accounts: Accounts) -> None:
    person = await accounts.make()
    group_id = await add_group(api.db)
    shared = Object(
        ResourceType.TEMPLATE, id=new_id(), organization_id=DEFAULT_ORGANIZATION_ID, group_acl={str(group_id): ["read"]}
    )

    async def may_read() -> bool:
        subject = await accounts.subject(person.token)
        return subject is not None and is_allowed(subject, Action.READ, shared)

    assert not await may_read()
    await api.db.execute(ADD_TO_GROUP, group_id, person.id)
    assert await may_read()
    await api.db.execute("delete from group_members where user_id = $1", person.id)
    assert not await may_read()
    await api.db.execute(ADD_TO_GROUP, group_id, person.id)
    await api.db.execute("delete from groups where id = $1", group_id)
    assert not await may_read()


@pytest.mark.requirement("ACCESS-AT-ONCE-01", "ACCESS-ROLES-01")
async def test_a_changed_custom_role_counts_with_the_next_request(api: Api, accounts: Accounts) -> None:
    await accounts.make()
    name = unique_name("lister")
    person = await accounts.make(organization_roles=[name])
    assert not await sees_members(api, person)
    role_id = await add_role(api.db, name, READER)
    assert await sees_members(api, person)
    await api.db.execute("update custom_roles set org_permissions = '[]' where id = $1", role_id)
    assert not await sees_members(api, person)
    await api.db.execute("update custom_roles set org_permissions = $2, name = 'other' where id = $1", role_id, READER)
    assert not await sees_members(api, person)
    await api.db.execute("update custom_roles set name = $2 where id = $1", role_id, name)
    assert await sees_members(api, person)
    await api.db.execute("delete from custom_roles where id = $1", role_id)
    assert not await sees_members(api, person)


@pytest.mark.requirement("ACCESS-AT-ONCE-02")
async def test_nothing_that_is_kept_ready_lags_whatever_happens(db: Database, accounts: Accounts) -> None:
    dice = random.Random(7)
    people = [await accounts.make(kind) for kind in ("member", "stranger", "organization-admin", "owner")]
    organizations = [DEFAULT_ORGANIZATION_ID, new_id(), new_id()]
    for organization_id in organizations[1:]:
        await db.execute(
            "insert into organizations (id, name, created_at, updated_at) values ($1, $2, now(), now())",
            organization_id, unique_name("org"),
        )  # fmt: skip
    groups = [await add_group(db, organization_id) for organization_id in organizations for _ in range(2)]
    for organization_id in organizations:
        await db.execute(ADD_ROLE, new_id(), "one", organization_id, READER)
        await db.execute(ADD_ROLE, new_id(), "two", organization_id, [])
    member = "insert into organization_members (user_id, organization_id, roles, created_at, updated_at)"
    for _ in range(150):
        person, organization_id, group_id = dice.choice(people), dice.choice(organizations), dice.choice(groups)
        roles = dice.choice([[], ["one"], ["one", "two"], ["organization-auditor"], ["gone"]])
        sql, arguments = dice.choice([
            (f"{member} values ($1, $2, $3, now(), now()) on conflict do nothing", (person.id, organization_id, roles)),
            (f"{member} select id, $1, $2, now(), now() from users where not is_system on conflict do nothing", (organization_id, roles)),
            (SET_ROLES, (person.id, roles)),
            ("update organization_members set roles = $2 where organization_id = $1", (organization_id, roles)),
            ("delete from organization_members where user_id = $1 and organization_id = $2", (person.id, organization_id)),
            (f"{ADD_TO_GROUP} on conflict do nothing", (group_id, person.id)),
            ("insert into group_members select $1, id from users where not is_system on conflict do nothing", (group_id,)),
            ("delete from group_members where user_id = $1", (person.id,)),
            ("update custom_roles set org_permissions = $2 where organization_id = $1", (organization_id, dice.choice([[], READER]))),
            (RENAME_ROLES, (organization_id,)),
        ])  # fmt: skip
        await db.execute(sql, *arguments)
        assert await db.fetch(LAGGING) == [], sql
    for last in ("delete from groups where organization_id = $1", "delete from organizations where id = $1"):
        await db.execute(last, organizations[2])
        assert await db.fetch(LAGGING) == [], last
    await db.execute("delete from users where id = $1", people[0].id)
    assert await db.fetch(LAGGING) == []


@asynccontextmanager
async def _stepwise(
    db: Database, isolation: Isolation
) -> AsyncIterator[Callable[[Callable[[Connection], Awaitable[Any]]], Awaitable[Any]]]:
    """A transaction that has its snapshot already and runs what it is handed; committed at the end of the block."""
    async with db.transaction(isolation=isolation) as conn:
        await conn.fetchval("select count(*) from users")

        async def run(work: Callable[[Connection], Awaitable[Any]]) -> Any:
            return await work(conn)

        yield run


async def _interleave(
    db: Database,
    first: Callable[[Connection], Awaitable[Any]],
    second: Callable[[Connection], Awaitable[Any]],
    isolation: Isolation,
) -> BaseException | None:
    """Run `first`, begin `second` while the first is open, commit both. Return what the second raised."""

    async def later() -> None:
        async with _stepwise(db, isolation) as run:
            ready.set()
            await begun.wait()
            await run(second)

    ready, begun = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(later())
    await ready.wait()
    async with db.transaction() as conn:
        await first(conn)
        begun.set()
        await until(lambda: db.fetchval(WAITING))
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    return outcome


@pytest.mark.requirement("ACCESS-AT-ONCE-03")
@pytest.mark.parametrize("isolation", ["read_committed", "repeatable_read"])
async def test_of_two_changes_at_once_to_one_user_none_is_lost(
    db: Database, accounts: Accounts, isolation: Isolation
) -> None:
    person = await accounts.make()
    groups = [await add_group(db) for _ in range(2)]
    failure = await _interleave(
        db,
        lambda conn: conn.execute(ADD_TO_GROUP, groups[0], person.id),
        lambda conn: conn.execute(ADD_TO_GROUP, groups[1], person.id),
        isolation,
    )
    # A snapshot that is too old for the other's change must not overwrite it: such a transaction is run again.
    assert isinstance(failure, SerializationFailure) if isolation == "repeatable_read" else failure is None
    assert await db.fetch(LAGGING) == []
    assert await db.fetchval("select count(*) from group_members where user_id = $1", person.id) == 2 - bool(failure)


@pytest.mark.requirement("ACCESS-AT-ONCE-03")
@pytest.mark.parametrize("isolation", ["read_committed", "repeatable_read"])
async def test_who_is_given_a_role_while_it_changes_holds_the_changed_one(
    db: Database, accounts: Accounts, isolation: Isolation
) -> None:
    person = await accounts.make()
    name = unique_name("role")
    role_id = await add_role(db, name, READER)
    failure = await _interleave(
        db,
        lambda conn: conn.execute("update custom_roles set org_permissions = '[]' where id = $1", role_id),
        lambda conn: conn.execute(SET_ROLES, person.id, [name]),
        isolation,
    )
    assert isinstance(failure, SerializationFailure) if isolation == "repeatable_read" else failure is None
    assert await db.fetch(LAGGING) == []


@pytest.mark.requirement("ACCESS-AT-ONCE-03")
async def test_a_role_that_changes_while_somebody_is_given_it_changes_for_them_too(
    db: Database, accounts: Accounts
) -> None:
    person = await accounts.make()
    name = unique_name("role")
    role_id = await add_role(db, name, READER)
    failure = await _interleave(
        db,
        lambda conn: conn.execute(SET_ROLES, person.id, [name]),
        lambda conn: conn.execute("update custom_roles set org_permissions = '[]' where id = $1", role_id),
        "read_committed",
    )
    assert failure is None
    assert await db.fetch(LAGGING) == []


@pytest.mark.requirement("ACCESS-AT-ONCE-03")
async def test_a_role_is_not_changed_with_a_snapshot_that_may_overlook_its_holders(db: Database) -> None:
    role_id = await add_role(db, unique_name("role"), READER)
    with pytest.raises(DatabaseError) as refused:
        async with db.transaction(isolation="repeatable_read") as conn:
            await conn.execute("delete from custom_roles where id = $1", role_id)
    assert "READ COMMITTED only" in refused.value.detail


@pytest.mark.requirement("USER-OWNER-02")
async def test_a_first_use_and_the_end_of_its_account_wait_for_each_other_in_one_order(
    api: Api, accounts: Accounts, clock: FakeClock
) -> None:
    person = await accounts.make()
    clock.advance(timedelta(hours=2))
    async with api.db.transaction() as ending:
        await ending.fetchrow("select id from users where id = $1 for update", person.id)
        use = asyncio.create_task(api.call(person, "GET", "/users/me"))
        await until(lambda: _is_anybody_waiting(api.db))
        # What holds the key and waits for the account would be waited for here: a deadlock, of which we would not be the victim.
        await ending.execute("set local lock_timeout = '200ms'")
        await ending.execute("delete from api_keys where user_id = $1", person.id)
    assert (await use).status_code in {200, 401}


async def _is_anybody_waiting(db: Database) -> bool:
    return bool(await db.fetchval(WAITING))
