"""Into a workspace that nothing isolates go site owners only, whatever custom roles grant; others may enter isolated ones."""

import json

import pytest
from websockets.exceptions import InvalidStatus

from homeport.kit.ids import new_id
from tests.homeport.agents.conftest import Builder, Deployment, Placed
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Accounts, Person

ENTER = [
    {"negate": False, "resource_type": "workspace", "action": action}
    for action in ("read", "ssh", "application_connect")
]


async def helper(accounts: Accounts, build: Builder) -> Person:
    """Make somebody whom a custom role lets into every workspace of the organization."""
    await build.db.execute(
        "insert into custom_roles (id, name, organization_id, org_permissions, created_at, updated_at)"
        " values ($1, 'helper', $2, $3, now(), now())",
        new_id(), DEFAULT_ORGANIZATION_ID, ENTER,
    )  # fmt: skip
    return await accounts.make(organization_roles=["helper"])


async def placed(build: Builder, owner: Person, *, provisioner: str, is_isolated: bool) -> Placed:
    found = await build.workspace(owner)
    await build.db.execute(
        "update provisioner_jobs set provisioner = $2, is_isolated = $3 where id = $1",
        found.job_id,
        provisioner,
        is_isolated,
    )
    return found


async def answers(deployment: Deployment, person: Person, where: Placed) -> set[tuple[int, str]]:
    """Return status and message of each way in; of an agent that is not connected, who may enter hears just that."""
    found = set()
    for path in (f"/{where.agent_id}/pty?reconnect={new_id()}", f"/{where.agent_id}/ssh"):
        with pytest.raises(InvalidStatus) as refused:
            await deployment.websocket(person.headers, path)
        response = refused.value.response
        found.add((response.status_code, json.loads(response.body or b"{}")["message"]))
    ports = await deployment.call(person.headers, "GET", f"/{where.agent_id}/listening-ports")
    return found | {(ports.status_code, ports.json()["message"])}


PASSES = {(400, "The workspace agent is not connected.")}
EXPOSED = {(403, "This workspace runs without isolation, so only owners of the deployment can enter it.")}


@pytest.mark.requirement("AGENT-EXPOSED-01")
async def test_a_custom_role_does_not_give_away_the_provisioners_machine(
    deployment: Deployment, build: Builder, accounts: Accounts
) -> None:
    owner, other_owner, friend = (
        await accounts.make("owner"),
        await accounts.make("owner"),
        await helper(accounts, build),
    )
    exposed = await placed(build, owner, provisioner="process", is_isolated=False)
    assert await answers(deployment, friend, exposed) == EXPOSED
    assert await answers(deployment, owner, exposed) == PASSES
    assert await answers(deployment, other_owner, exposed) == PASSES
    for provisioner, is_isolated in (("process", True), ("container", False), ("echo", False)):
        kept_apart = await placed(build, owner, provisioner=provisioner, is_isolated=is_isolated)
        assert await answers(deployment, friend, kept_apart) == PASSES, provisioner


@pytest.mark.requirement("AGENT-EXPOSED-01")
async def test_who_owns_the_deployment_no_more_does_not_enter_again(
    deployment: Deployment, build: Builder, accounts: Accounts
) -> None:
    once = await accounts.make("owner")
    mine = await placed(build, once, provisioner="process", is_isolated=False)
    await build.db.execute("update users set rbac_roles = '{}' where id = $1", once.id)
    assert await answers(deployment, once, mine) == EXPOSED


@pytest.mark.requirement("AGENT-EXPOSED-01")
async def test_who_may_not_enter_hears_nothing_of_isolation(
    deployment: Deployment, build: Builder, accounts: Accounts
) -> None:
    exposed = await placed(build, await accounts.make("owner"), provisioner="process", is_isolated=False)
    assert {status for status, _ in await answers(deployment, await accounts.make(), exposed)} == {404}
    admin = await answers(deployment, await accounts.make("organization-admin"), exposed)
    assert {status for status, _ in admin} == {403}
    assert not any("isolation" in message for _, message in admin)
