"""What an agent may do follows its owner: read with each of its requests, by the same text as the owner's own."""

import pytest

from homeport.agents.service.authentication import authenticate_agent
from homeport.database import Database
from homeport.kit.ids import new_id
from homeport.rbac import Subject
from tests.homeport.agents.conftest import Builder
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts
from tests.support.names import unique_name

ADD_ROLE = (
    "insert into custom_roles (id, name, organization_id, org_permissions, created_at, updated_at)"
    " values ($1, $2, $3, $4, now(), now())"
)
READER = [{"negate": False, "resource_type": "organization_member", "action": "read"}]


@pytest.mark.requirement("ACCESS-AT-ONCE-01")
async def test_an_agent_holds_at_once_what_its_owner_does(db: Database, accounts: Accounts, build: Builder) -> None:
    role, group_id = unique_name("role"), new_id()
    owner = await accounts.make(organization_roles=[role])
    placed = await build.workspace(owner)

    async def now() -> Subject:
        return (await authenticate_agent(db, placed.token)).subject

    def roles(subject: Subject) -> set[str]:
        return {each.name for each in subject.roles if each.organization_id == DEFAULT_ORGANIZATION_ID}

    assert role not in roles(await now())
    await db.execute(ADD_ROLE, new_id(), role, DEFAULT_ORGANIZATION_ID, READER)
    assert role in roles(await now())
    await db.execute("insert into groups (id, organization_id, name, created_at, updated_at) values ($1, $2, 'g', now(), now())",
                     group_id, DEFAULT_ORGANIZATION_ID)  # fmt: skip
    await db.execute("insert into group_members (group_id, user_id) values ($1, $2)", group_id, owner.id)
    assert group_id in (await now()).groups
    await db.execute("delete from organization_members where user_id = $1", owner.id)
    assert not roles(await now())
    assert group_id not in (await now()).groups
