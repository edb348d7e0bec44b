"""Builds: the one function that asks for them, its refusals in their order, and what is carried over."""

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from homeport.kit.clock import FakeClock
from homeport.kit.errors import BadRequest, Conflict, Forbidden, HomeportError, NotAcceptable, NotFound
from homeport.kit.ids import new_id
from homeport.rbac import PREBUILDS_USER_ID
from homeport.workspaces.errors import VersionArchived
from tests.homeport.workspaces.world import World


async def values_of(world: World, build_id: Any) -> dict[str, str]:
    found = await world.db.fetch(
        "select name, value from workspace_build_parameters where workspace_build_id = $1", build_id
    )
    return {row["name"]: row["value"] for row in found}


@pytest.mark.requirement("WS-BUILD-01")
async def test_start_stop_start_delete(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.running(ann)
    assert workspace.latest_build.status == "running"
    agent = workspace.latest_build.resources[0].agents[0]
    assert (agent.status, agent.apps[0].subdomain_name) == (
        "connecting",
        f"web--main--{workspace.name}--{ann.username}",
    )

    stop = await world.build(ann, workspace.id, "stop", reason="cli")
    assert (stop.build_number, stop.reason, stop.status) == (2, "cli", "pending")
    await world.begin(stop)
    assert (await world.read(ann, workspace.id)).latest_build.status == "stopping"
    await world.complete(stop, resources=[])
    stopped = await world.read(ann, workspace.id)
    assert (stopped.latest_build.status, stopped.latest_build.resources) == ("stopped", [])

    await world.complete(await world.build(ann, workspace.id, "start"))
    delete = await world.build(ann, workspace.id, "delete")
    await world.complete(delete, resources=[], state=b"")
    with pytest.raises(NotFound):
        await world.read(ann, workspace.id)
    gone = await world.read(ann, workspace.id, can_be_deleted=True)
    assert gone.latest_build.status == "deleted"
    assert gone.latest_build.build_number == 4
    assert await world.db.fetchval("select count(*) from workspace_agents where not deleted") == 0
    # The name is free again.
    again = await world.create(ann, await world.template(), name=workspace.name)
    assert again.id != workspace.id
    actions = [action for _, action in await world.audit_of(workspace.id)]
    assert actions == ["create", "delete"]


@pytest.mark.requirement("WS-BUILD-02")
@pytest.mark.parametrize(
    ("job", "error"),
    [("pending", NotAcceptable), ("running", NotAcceptable), ("failed", BadRequest), ("canceled", BadRequest)],
)
async def test_a_version_must_be_imported(world: World, job: str, error: type[HomeportError]) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    workspace = await world.stopped(ann, template)
    version = await world.version(template.id, job=job)
    with pytest.raises(error):
        await world.build(ann, workspace.id, "start", template_version_id=version)


@pytest.mark.requirement("WS-BUILD-02")
async def test_refusals_in_their_order(world: World) -> None:
    ann = await world.accounts.make()
    bob = await world.accounts.make()
    reader = await world.accounts.make("template-admin")
    template = await world.template(parameters=[{"name": "region", "mutable": False, "default_value": "eu"}])
    foreign = await world.template()
    workspace = await world.create(ann, template)

    async def refused(person: Any, body: dict[str, Any], workspace_id: Any = workspace.id) -> int:
        answer = await world.api.call(person, "POST", f"/workspaces/{workspace_id}/builds", body)
        assert answer.json()["message"]
        return answer.status_code

    start = {"transition": "start"}
    assert await refused(ann, {"transition": "sideways"}) == 400
    assert await refused(ann, {}) == 400
    assert await refused(ann, {**start, "orphan": True}) == 400
    assert await refused(ann, {"transition": "delete", "orphan": True, "state": "AAAA"}) == 400
    assert await refused(ann, {**start, "dry_run": True}) == 400
    assert await refused(ann, {**start, "reason": "boredom"}) == 400
    assert await refused(None, start) == 401
    # Unreadable is 404, readable and not allowed is 403.
    assert await refused(bob, start) == 404
    assert await refused(ann, start, new_id()) == 404
    assert await refused(ann, start, "seven") == 400
    for transition in ("start", "stop", "delete"):
        assert await refused(reader, {"transition": transition}) == 403
    # A state of one's own, and leaving resources behind, are for those who look after the template.
    assert await refused(ann, {**start, "state": "AAAA"}) == 403
    assert await refused(ann, {"transition": "delete", "orphan": True}) == 403
    assert await refused(ann, {**start, "log_level": "debug"}) == 400
    # The version comes before the build that is still going on.
    assert await refused(ann, {**start, "template_version_id": str(foreign.version_id)}) == 400
    assert await refused(ann, {**start, "template_version_id": str(new_id())}) == 400
    assert await refused(ann, start) == 409
    await world.complete(workspace.latest_build)
    wrong = [{"name": "region", "value": "us"}]
    assert await refused(ann, {**start, "rich_parameter_values": wrong}) == 400
    assert await refused(ann, {**start, "rich_parameter_values": [{"name": "nope", "value": ""}]}) == 400
    assert await refused(ann, {**start, "template_version_preset_id": str(new_id())}) == 400
    assert await world.db.fetchval("select count(*) from workspace_builds") == 1


@pytest.mark.requirement("WS-BUILD-03")
async def test_a_deleted_workspace_is_deleted_again_but_not_started(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.running(ann)
    await world.complete(await world.build(ann, workspace.id, "delete"), resources=[])
    for transition in ("start", "stop"):
        with pytest.raises(Conflict):
            await world.build(ann, workspace.id, transition)
    await world.complete(await world.build(ann, workspace.id, "delete"), resources=[])
    assert [action for _, action in await world.audit_of(workspace.id)] == ["create", "delete"]


@pytest.mark.requirement("WS-BUILD-04")
async def test_two_builds_at_once_are_one_build(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.running(ann)
    outcomes = await asyncio.gather(
        *(world.build(ann, workspace.id, transition) for transition in ("stop", "delete", "start", "stop")),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 3
    assert await world.db.fetchval("select max(build_number) from workspace_builds") == 2


@pytest.mark.requirement("WS-STATE-01")
async def test_state_is_carried_sealed_from_build_to_build_and_survives_failure(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    await world.complete(workspace.latest_build, state=b"first")
    sealed = await world.db.fetchval("select provisioner_state from workspace_builds")
    assert b"first" not in sealed
    stop = await world.build(ann, workspace.id, "stop")
    assert await world.state_of(stop.id) == b"first"
    # A build that ends without a state of its own keeps the one from before.
    await world.fail(stop)
    assert await world.state_of(stop.id) == b"first"
    stop = await world.build(ann, workspace.id, "stop")
    await world.fail(stop, state=b"half")
    assert await world.state_of(stop.id) == b"half"
    failed = await world.read(ann, workspace.id)
    assert (failed.latest_build.status, failed.latest_build.job.error) == ("failed", "broken")
    delete = await world.build(ann, workspace.id, "delete")
    assert await world.state_of(delete.id) == b"half"


@pytest.mark.requirement("WS-STATE-02")
async def test_state_is_read_and_replaced_by_those_who_may_change_the_template(world: World) -> None:
    ann = await world.accounts.make()
    admin = await world.accounts.make("owner")
    workspace = await world.running(ann)
    path = f"/workspacebuilds/{workspace.latest_build.id}/state"
    assert (await world.api.call(ann, "GET", path)).status_code == 403
    assert (await world.api.call(ann, "PUT", path, {"state": "AAAA"})).status_code == 403
    assert (await world.api.call(admin, "GET", path)).content == b"state"
    assert (await world.api.call(admin, "PUT", path, {"state": "aGVsbG8="})).status_code == 204
    assert (await world.api.call(admin, "GET", path)).content == b"hello"
    # Longer than other requests may be.
    large = b"s" * (11 * 1024 * 1024)
    assert (await world.api.call(admin, "PUT", path, {"state": b64encode(large).decode()})).status_code == 204
    assert (await world.api.call(admin, "GET", path)).content == large
    assert (await world.api.call(admin, "PUT", path, {"state": "?"})).status_code == 400
    own = await world.build(admin, workspace.id, "stop", state=b"own")
    assert await world.state_of(own.id) == b"own"


@pytest.mark.requirement("WS-ORPHAN-01")
async def test_an_orphan_is_deleted_at_once_where_no_daemon_lives(world: World) -> None:
    ann = await world.accounts.make()
    admin = await world.accounts.make("owner")
    workspace = await world.running(ann)
    build = await world.build(admin, workspace.id, "delete", orphan=True)
    assert build.status == "deleted"
    assert build.matched_provisioners is not None
    assert build.matched_provisioners.available == 0
    with pytest.raises(NotFound):
        await world.read(ann, workspace.id)
    assert await world.db.fetchval("select count(*) from workspace_agents where not deleted") == 0
    assert [action for _, action in await world.audit_of(workspace.id)] == ["create", "delete"]


@pytest.mark.requirement("WS-ORPHAN-01")
async def test_an_orphan_waits_for_a_living_daemon_without_state(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    admin = await world.accounts.make("owner")
    workspace = await world.running(ann)
    await world.insert(
        "provisioner_daemons",
        {
            "id": new_id(), "organization_id": world.organization_id, "name": "d", "version": "1",
            "kind": "key", "provisioners": ["echo"], "tags": {"scope": "organization", "owner": ""}, "created_at": clock.now(),
            "last_seen_at": clock.now(),
        },
    )  # fmt: skip
    build = await world.build(admin, workspace.id, "delete", orphan=True)
    assert build.status == "pending"
    assert await world.state_of(build.id) is None


@pytest.mark.requirement("WS-VERSION-01")
async def test_which_version_a_build_takes(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template()
    workspace = await world.running(ann, template)
    newer = await world.version(template.id)
    await world.activate(template, newer)
    assert (await world.read(ann, workspace.id)).outdated is True
    stop = await world.build(ann, workspace.id, "stop")
    assert stop.template_version_id == template.version_id
    await world.complete(stop, resources=[])
    start = await world.build(ann, workspace.id, "start")
    assert start.template_version_id == template.version_id
    await world.complete(start)
    await world.api.call(ann, "PUT", f"/workspaces/{workspace.id}/autoupdates", {"automatic_updates": "always"})
    start = await world.build(ann, workspace.id, "start")
    assert start.template_version_id == newer
    await world.complete(start)
    given = await world.build(ann, workspace.id, "start", template_version_id=template.version_id)
    assert given.template_version_id == template.version_id
    await world.complete(given)
    # Nobody comes to an archived version; a workspace that is there goes on.
    await world.db.execute("update template_versions set archived = true")
    again = await world.build(ann, workspace.id, "start", template_version_id=template.version_id)
    await world.complete(again)
    with pytest.raises(VersionArchived):
        await world.build(ann, workspace.id, "start", template_version_id=newer)
    with pytest.raises(VersionArchived):
        await world.create(ann, template)


@pytest.mark.requirement("WS-VERSION-01")
async def test_a_template_that_requires_its_active_version(world: World) -> None:
    ann = await world.accounts.make()
    admin = await world.accounts.make("owner")
    template = await world.template(require_active_version=True)
    workspace = await world.running(ann, template)
    await world.activate(template, await world.version(template.id))
    with pytest.raises(Forbidden):
        await world.build(ann, workspace.id, "start", template_version_id=template.version_id)
    old = await world.build(admin, workspace.id, "start", template_version_id=template.version_id)
    assert old.template_version_id == template.version_id
    await world.complete(old)
    assert (await world.build(ann, workspace.id, "start")).template_version_id != template.version_id


@pytest.mark.requirement("WS-PARAMETERS-02")
async def test_values_are_inherited_and_forgotten_as_declared(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template(
        parameters=[
            {"name": "region", "mutable": False, "default_value": "eu"},
            {"name": "size", "default_value": "1", "type": "number", "validation_max": 9},
            {"name": "seed", "default_value": "none", "ephemeral": True},
        ]
    )
    workspace = await world.create(ann, template, values={"region": "us", "seed": "x"})
    assert await values_of(world, workspace.latest_build.id) == {"region": "us", "size": "1", "seed": "x"}
    await world.complete(workspace.latest_build)
    build = await world.build(ann, workspace.id, "start", values={"size": "3"})
    assert await values_of(world, build.id) == {"region": "us", "size": "3", "seed": "none"}
    await world.complete(build)
    with pytest.raises(BadRequest) as caught:
        await world.build(ann, workspace.id, "start", values={"size": "10"})
    assert caught.value.validations[0].field == "size"


@pytest.mark.requirement("WS-PARAMETERS-03")
async def test_values_never_hold_up_a_stop_or_delete(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template(parameters=[{"name": "size", "required": True}])
    workspace = await world.running(ann, template, values={"size": "huge"})
    await world.db.execute("update template_version_parameters set options = $1", [{"name": "s", "value": "s"}])
    stop = await world.build(ann, workspace.id, "stop")
    assert await values_of(world, stop.id) == {"size": "huge"}
    await world.complete(stop, resources=[])
    with pytest.raises(BadRequest):
        await world.build(ann, workspace.id, "start")
    await world.build(ann, workspace.id, "delete")


@pytest.mark.requirement("WS-DORMANT-01")
async def test_starting_wakes_a_dormant_workspace(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.stopped(ann)
    path = f"/workspaces/{workspace.id}/dormant"
    slept = await world.api.call(ann, "PUT", path, {"dormant": True})
    assert slept.json()["dormant_at"] == "2026-01-01T12:00:00Z"
    start = await world.build(ann, workspace.id, "start")
    assert start.status == "pending"
    assert (await world.read(ann, workspace.id)).dormant_at is None
    assert sorted(action for _, action in await world.audit_of(workspace.id)) == ["create", "write", "write"]


@pytest.mark.requirement("WS-PREBUILT-01")
async def test_template_admins_delete_prebuilt_workspaces_only(world: World) -> None:
    ann = await world.accounts.make()
    admin = await world.accounts.make("template-admin")
    workspace = await world.running(ann)
    with pytest.raises(Forbidden):
        await world.build(admin, workspace.id, "delete")
    await world.db.execute("update workspaces set owner_id = $1", PREBUILDS_USER_ID)
    with pytest.raises(Forbidden):
        await world.build(admin, workspace.id, "stop")
    assert (await world.build(admin, workspace.id, "delete")).transition == "delete"
    with pytest.raises(NotFound):
        await world.build(ann, workspace.id, "delete")


@pytest.mark.requirement("WS-BUILD-05")
async def test_builds_are_listed_newest_first(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    bob = await world.accounts.make()
    workspace = await world.stopped(ann)
    base = f"/workspaces/{workspace.id}/builds"

    async def numbers(query: str = "") -> list[int]:
        return [build["build_number"] for build in (await world.api.call(ann, "GET", base + query)).json()]

    assert await numbers() == [2, 1]
    assert await numbers("?limit=1") == [2]
    assert await numbers("?offset=1") == [1]
    assert await numbers(f"?after_id={workspace.latest_build.id}") == [1]
    assert await numbers("?since=2030-01-01T00:00:00Z") == []
    assert (await world.api.call(ann, "GET", base + "?since=2030-01-01T00:00:00")).status_code == 400
    assert (await world.api.call(bob, "GET", base)).status_code == 404
    path = f"/users/me/workspace/{workspace.name}/builds"
    assert (await world.api.call(ann, "GET", f"{path}/1")).json()["transition"] == "start"
    for number in ("3", "0", "-1", str(2**40)):
        assert (await world.api.call(ann, "GET", f"{path}/{number}")).status_code == 404
    assert (await world.api.call(ann, "GET", f"{path}/one")).status_code == 400
    build = f"/workspacebuilds/{workspace.latest_build.id}"
    for part in ("", "/parameters", "/resources", "/logs", "/timings"):
        assert (await world.api.call(ann, "GET", build + part)).status_code == 200
        assert (await world.api.call(bob, "GET", build + part)).status_code == 404
        assert (await world.api.call(ann, "GET", f"/workspacebuilds/{new_id()}{part}")).status_code == 404
    assert (await world.api.call(ann, "GET", build + "/logs?format=text")).text == ""
    assert (await world.api.call(ann, "GET", build + "/logs?after=-1")).status_code == 400
    assert (await world.api.call(ann, "GET", f"/workspaces/{workspace.id}/timings")).status_code == 200
