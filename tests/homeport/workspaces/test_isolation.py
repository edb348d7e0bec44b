"""Who may start workspaces of the process engine where nothing keeps them apart from the machine."""

from typing import Any
from uuid import UUID

import pytest

from homeport.config import Settings
from homeport.kit.errors import Forbidden
from homeport.kit.ids import new_id
from homeport.provisioning.service import get_job
from homeport.rbac import InternalName, system_subject
from homeport.templates.service.templates import read_template
from homeport.workspaces.queries import workspaces as workspace_queries
from homeport.workspaces.rules.isolation import can_lack_isolation, needs_isolation
from homeport.workspaces.service import BuildRequest, insert_build
from homeport.workspaces.service.inputs import BuildInputs
from homeport.workspaces.service.isolation import isolation_outlook
from tests.homeport.workspaces.isolation_world import daemon, process_template
from tests.homeport.workspaces.world import Template, World
from tests.support.accounts import Person

ADA, BOB = new_id(), new_id()


@pytest.mark.requirement("WS-ISOLATION-01")
@pytest.mark.parametrize(
    ("people", "site_owners", "is_needed"),
    [
        ({ADA}, {ADA}, False),
        ({ADA}, set(), True),
        ({ADA, BOB}, {ADA, BOB}, False),
        ({ADA, BOB}, {ADA}, True),
        ({ADA, BOB}, {BOB}, True),
    ],
)
def test_everybody_who_has_to_do_with_it_must_be_a_site_owner(people, site_owners, is_needed) -> None:
    assert needs_isolation(people=people, site_owners=site_owners) is is_needed


@pytest.mark.requirement("WS-ISOLATION-01")
def test_only_a_start_of_the_process_engine_is_a_question() -> None:
    assert can_lack_isolation(provisioner="process", transition="start")
    for provisioner, transition in (
        ("process", "stop"),
        ("process", "delete"),
        ("container", "start"),
        ("echo", "start"),
    ):
        assert not can_lack_isolation(provisioner=provisioner, transition=transition)  # type: ignore[arg-type]


async def needs(world: World, build_id: UUID) -> bool:
    sql = "select needs_isolation from provisioner_jobs where id = (select job_id from workspace_builds where id = $1)"
    return bool(await world.db.fetchval(sql, build_id))


async def outlook(world: World, person: Person, template: Template) -> str:
    async with world.db.connection() as conn:
        found = await read_template(conn, subject=person.me, template_id=template.id)
        return await isolation_outlook(conn, subject=person.me, template=found)


@pytest.mark.requirement("WS-ISOLATION-01")
async def test_a_member_is_refused_before_anything_is_made(world: World) -> None:
    await daemon(world, "none")
    ann, template = await world.accounts.make(), await process_template(world)
    body: dict[str, Any] = {"name": "dev", "template_id": str(template.id)}
    answer = await world.api.call(ann, "POST", "/users/me/workspaces", body)
    assert answer.status_code == 403
    assert "site owner" in answer.json()["message"]
    assert "Install bubblewrap" in answer.json()["message"]
    assert await world.db.fetchval("select count(*) from workspaces") == 0
    assert await world.db.fetchval("select count(*) from provisioner_jobs where type = 'workspace_build'") == 0
    assert await outlook(world, ann, template) == "refused"
    # The right to make workspaces for others gives nobody an account on the machine.
    for role in ("template-admin", "user-admin", "organization-admin"):
        with pytest.raises(Forbidden):
            await world.create(await world.accounts.make(role), template)


@pytest.mark.requirement("WS-ISOLATION-01")
async def test_an_owner_may_for_themselves_and_other_owners_but_for_nobody_else(world: World) -> None:
    await daemon(world, "none")
    ann, root, other = (
        await world.accounts.make(),
        await world.accounts.make("owner"),
        await world.accounts.make("owner"),
    )
    template = await process_template(world)
    for owner in ("me", other.username):
        made = await world.create(root, template, owner=owner)
        assert not await needs(world, made.latest_build.id)
    with pytest.raises(Forbidden, match="Install bubblewrap"):
        await world.create(root, template, owner=ann.username)
    assert await outlook(world, root, template) == "allowed"


@pytest.mark.requirement("WS-ISOLATION-01")
async def test_one_daemon_that_isolates_is_enough_and_gets_the_build(world: World) -> None:
    await daemon(world, "none")
    await daemon(world, "bubblewrap")
    ann, root, template = await world.accounts.make(), await world.accounts.make("owner"), await process_template(world)
    assert await needs(world, (await world.create(ann, template)).latest_build.id)
    assert await needs(world, (await world.create(root, template, owner=ann.username)).latest_build.id)
    assert not await needs(world, (await world.create(root, template)).latest_build.id)
    assert await outlook(world, ann, template) == ""


@pytest.mark.requirement("WS-ISOLATION-01")
async def test_without_any_daemon_the_build_waits_for_one_that_isolates(world: World) -> None:
    ann, template = await world.accounts.make(), await process_template(world)
    made = await world.create(ann, template)
    assert made.latest_build.status == "pending"
    assert await needs(world, made.latest_build.id)
    assert await outlook(world, ann, template) == ""


@pytest.mark.requirement("WS-ISOLATION-01")
async def test_isolation_that_is_lost_keeps_nobody_from_stopping_and_deleting(world: World) -> None:
    isolating = await daemon(world, "bubblewrap")
    ann, template = await world.accounts.make(), await process_template(world)
    workspace = await world.running(ann, template)
    await world.db.execute("update provisioner_daemons set isolation = 'none' where id = $1", isolating.id)
    stop = await world.build(ann, workspace.id, "stop")
    assert not await needs(world, stop.id)
    await world.complete(stop, resources=[])
    with pytest.raises(Forbidden, match="Install bubblewrap"):
        await world.build(ann, workspace.id, "start")
    assert not await needs(world, (await world.build(ann, workspace.id, "delete")).id)


@pytest.mark.requirement("WS-ISOLATION-01")
async def test_who_is_an_owner_no_more_does_not_start_again(world: World) -> None:
    await daemon(world, "none")
    root, template = await world.accounts.make("owner"), await process_template(world)
    workspace = await world.stopped(root, template)
    await world.db.execute("update users set rbac_roles = '{}' where id = $1", root.id)
    with pytest.raises(Forbidden):
        await world.build(root, workspace.id, "start")


@pytest.mark.requirement("WS-ISOLATION-01")
async def test_scripts_of_others_do_not_run_with_the_rights_of_an_owner(world: World) -> None:
    """Else whoever may push templates would have the account of the provisioner, by way of an owner who uses them."""
    plain = await daemon(world, "none")
    root, author = await world.accounts.make("owner"), await world.accounts.make("template-admin")
    template = await process_template(world)
    workspace = await world.stopped(root, template)
    await world.db.execute("update template_versions set created_by = $2 where id = $1", template.version_id, author.id)
    with pytest.raises(Forbidden, match="from template versions that site owners have made"):
        await world.build(root, workspace.id, "start")
    with pytest.raises(Forbidden):
        await world.create(root, template)
    assert await outlook(world, root, template) == "refused"
    await world.db.execute("update provisioner_daemons set isolation = 'bubblewrap' where id = $1", plain.id)
    assert await needs(world, (await world.build(root, workspace.id, "start")).id)


@pytest.mark.requirement("WS-ISOLATION-01")
async def test_the_server_itself_acts_for_the_owner_of_the_workspace(world: World) -> None:
    await daemon(world, "none")
    root, template = await world.accounts.make("owner"), await process_template(world)
    workspace = await world.stopped(root, template)
    subject = system_subject(InternalName.AUTOSTART)
    request = BuildRequest(transition="start", reason="autostart", priority=1)
    async with world.db.transaction() as conn:
        row = await workspace_queries.lock_workspace(conn, workspace.id)
        assert row is not None
        build, _ = await insert_build(conn, world.cipher, subject=subject, workspace=row, request=request)
    assert not await needs(world, build.id)


@pytest.mark.requirement("WS-ISOLATION-01")
@pytest.mark.parametrize("role", ["owner", "member"])
async def test_the_daemon_is_told_so_that_it_can_refuse_too(world: World, role: str) -> None:
    await daemon(world, "bubblewrap")
    person = await world.accounts.make(role)
    made = await world.create(person, await process_template(world))
    async with world.db.transaction() as conn:
        given = await BuildInputs(world.cipher, Settings()).build_input(
            conn, await get_job(conn, made.latest_build.job.id)
        )
    assert given.may_lack_isolation is (role == "owner")
