"""What a job's end makes of its report: resources, agents, deadlines; inputs that daemons get; quotas."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from homeport.kit.clock import FakeClock
from homeport.kit.crypto import Cipher, hash_token
from homeport.kit.errors import BadRequest
from homeport.kit.ids import new_id
from homeport.provisioning import service as provisioning
from homeport.provisioning.schemas import BuildInput
from homeport.provisioning.service import inputs
from homeport.provisioning.types import (
    BuildResult,
    DryRunResult,
    ImportResult,
    ProvisionedAgent,
    ProvisionedAgentMetadata,
    ProvisionedApp,
    ProvisionedHealthcheck,
    ProvisionedMetadata,
    ProvisionedResource,
    ProvisionedScript,
)
from homeport.workspaces.errors import StateUnreadable
from homeport.workspaces.service import agent_views, resource_views, states
from homeport.workspaces.types import BuildEnded
from tests.homeport.workspaces.world import HOUR, MACHINE, World

FULL = ProvisionedResource(
    type="process",
    name="machine",
    icon="/icon/box.svg",
    daily_cost=7,
    metadata=[
        ProvisionedMetadata(key="cpus", value="2"),
        ProvisionedMetadata(key="password", value="hunter2", sensitive=True),
    ],
    agents=[
        ProvisionedAgent(
            name="main",
            operating_system="linux",
            architecture="arm64",
            directory="~/src",
            env={"A": "b"},
            token="a-token-of-the-engine-0001",
            display_apps=["vscode", "web_terminal"],
            apps=[
                ProvisionedApp(
                    slug="web",
                    order=2**40,
                    healthcheck=ProvisionedHealthcheck(url="http://localhost:1", interval=5, threshold=3),
                ),
                ProvisionedApp(slug="docs", url="https://x.test", external=True, order=-1),
            ],
            scripts=[
                ProvisionedScript(display_name="Start", script="true", run_on_start=True, start_blocks_login=True),
                ProvisionedScript(display_name="Stop", script="false", run_on_stop=True, timeout=9),
            ],
            metadata=[ProvisionedAgentMetadata(key="load", display_name="Load", script="uptime", interval=10)],
        ),
        ProvisionedAgent(name="second"),
    ],
)


@pytest.mark.requirement("WS-RESULT-02")
async def test_what_an_engine_reports_is_shown(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    await world.complete(workspace.latest_build, resources=[FULL, ProvisionedResource(type="disk", name="home")])
    shown = (await world.api.call(ann, "GET", f"/workspaces/{workspace.id}")).json()["latest_build"]
    assert shown["daily_cost"] == 7
    machine, disk = shown["resources"]
    assert (machine["name"], disk["name"], disk["agents"]) == ("machine", "home", [])
    assert machine["metadata"] == [
        {"key": "cpus", "value": "2", "sensitive": False},
        {"key": "password", "value": "", "sensitive": True},
    ]
    main, second = machine["agents"]
    assert (main["name"], second["name"]) == ("main", "second")
    assert (main["architecture"], main["environment_variables"], main["status"]) == ("arm64", {"A": "b"}, "connecting")
    assert [app["slug"] for app in main["apps"]] == ["docs", "web"]
    assert [app["health"] for app in main["apps"]] == ["disabled", "initializing"]
    assert [script["display_name"] for script in main["scripts"]] == ["Start", "Stop"]
    assert [source["display_name"] for source in main["log_sources"]] == ["Start", "Stop"]
    assert {source["id"] for source in main["log_sources"]} == {each["log_source_id"] for each in main["scripts"]}
    assert main["startup_script_behavior"] == "blocking"
    assert second["startup_script_behavior"] == "non-blocking"
    rows = await world.db.fetch("select * from workspace_agents order by display_order, name")
    assert rows[0]["auth_token_hash"] == hash_token("a-token-of-the-engine-0001")
    assert world.cipher.decrypt(rows[0]["auth_token_sealed"]) == b"a-token-of-the-engine-0001"
    assert len(world.cipher.decrypt(rows[1]["auth_token_sealed"])) == 36
    assert await world.db.fetchval("select count(*) from workspace_resource_metadata where value = 'hunter2'") == 0
    async with world.db.connection() as conn:
        views = await agent_views(conn, [rows[0]["id"], workspace.id])
    assert list(views) == [rows[0]["id"]]


@pytest.mark.requirement("WS-RESULT-01")
@pytest.mark.parametrize(
    "resources",
    [
        [ProvisionedResource(type="t", name="r", agents=[ProvisionedAgent(name="bad_name")])],
        [FULL, FULL],
        [
            ProvisionedResource(
                type="t",
                name="r",
                agents=[ProvisionedAgent(name="a", token="same" * 5), ProvisionedAgent(name="b", token="same" * 5)],
            )
        ],
    ],
)
async def test_a_report_that_cannot_be_changes_nothing(world: World, resources: list[ProvisionedResource]) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    with pytest.raises(BadRequest):
        await world.complete(workspace.latest_build, resources=resources)
    assert await world.db.fetchval("select count(*) from workspace_resources") == 0
    assert (await world.read(ann, workspace.id)).latest_build.status == "starting"


@pytest.mark.requirement("WS-RESULT-02")
async def test_an_agent_that_took_anothers_token_is_refused(world: World) -> None:
    ann = await world.accounts.make()
    await world.complete((await world.create(ann, await world.template())).latest_build, resources=[FULL])
    second = await world.create(ann, await world.template())
    with pytest.raises(BadRequest):
        await world.complete(second.latest_build, resources=[FULL])


@pytest.mark.requirement("WS-RESULT-03")
async def test_an_agent_that_stays_from_build_to_build_keeps_its_token(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    token = hash_token("a-token-of-the-engine-0001")
    whose = (
        "select b.build_number from workspace_agents a join workspace_resources r on r.id = a.resource_id "
        "join workspace_builds b on b.job_id = r.job_id where a.auth_token_hash = $1"
    )
    await world.complete(workspace.latest_build, resources=[FULL])
    # What of a workspace outlasts its stop may have an agent; a stopped workspace has none.
    await world.complete(await world.build(ann, workspace.id, "stop"), resources=[FULL])
    latest = (await world.read(ann, workspace.id)).latest_build
    assert [(resource.name, resource.agents) for resource in latest.resources] == [("machine", [])]
    assert await world.db.fetchval(whose, token) == 1
    for number in (3, 4):
        await world.complete(await world.build(ann, workspace.id, "start"), resources=[FULL])
        assert [row["build_number"] for row in await world.db.fetch(whose, token)] == [number]
    assert await world.db.fetchval("select count(*) from workspace_agents where name = 'main'") == 3
    # Nobody else takes it.
    second = await world.create(ann, await world.template())
    with pytest.raises(BadRequest):
        await world.complete(second.latest_build, resources=[FULL])


@pytest.mark.requirement("WS-IMPORT-01")
async def test_imports_and_dry_runs_leave_their_resources(world: World, clock: FakeClock) -> None:
    template = await world.template()
    version = await world.version(template.id, job="running")
    job_id = await world.db.fetchval("select job_id from template_versions where id = $1", version)
    result = ImportResult(start_resources=[FULL], stop_resources=[FULL])
    async with world.db.transaction() as conn:
        await provisioning.complete_job(conn, job_id, result, clock.now())
        views = (await resource_views(conn, [job_id]))[job_id]
    assert [(view.workspace_transition, len(view.agents)) for view in views] == [("start", 2), ("stop", 0)]
    assert views[0].agents[0].apps[0].subdomain_name is None


@pytest.mark.requirement("WS-IMPORT-01")
async def test_what_a_version_makes_is_shown_to_readers_of_the_template(world: World, clock: FakeClock) -> None:
    ann, stranger = await world.accounts.make(), await world.accounts.make("stranger")
    template = await world.template()
    version = await world.version(template.id, job="running")
    path = f"/templateversions/{version}/resources"
    assert (await world.api.call(ann, "GET", path)).status_code == 412
    job_id = await world.db.fetchval("select job_id from template_versions where id = $1", version)
    dry_run_id = new_id()
    await world.insert(
        "provisioner_jobs",
        {
            "id": dry_run_id, "organization_id": world.organization_id, "initiator_id": ann.id, "provisioner": "echo",
            "type": "template_version_dry_run", "tags": {}, "input": {"template_version_id": str(version)},
            "created_at": clock.now(), "updated_at": clock.now(), "started_at": clock.now(),
        },
    )  # fmt: skip
    dry_run = f"/templateversions/{version}/dry-run/{dry_run_id}/resources"
    assert (await world.api.call(ann, "GET", dry_run)).status_code == 412
    async with world.db.transaction() as conn:
        await provisioning.complete_job(conn, job_id, ImportResult(start_resources=[FULL]), clock.now())
        await provisioning.complete_job(conn, dry_run_id, DryRunResult(resources=[MACHINE]), clock.now())
    (machine,) = (await world.api.call(ann, "GET", path)).json()
    assert (machine["workspace_transition"], machine["agents"][0]["name"]) == ("start", "main")
    (machine,) = (await world.api.call(ann, "GET", dry_run)).json()
    assert machine["daily_cost"] == MACHINE.daily_cost
    for each in (path, dry_run):
        assert (await world.api.call(stranger, "GET", each)).status_code == 404
    other = f"/templateversions/{template.version_id}/dry-run/{dry_run_id}/resources"
    assert (await world.api.call(ann, "GET", other)).status_code == 403
    assert (await world.api.call(ann, "GET", f"/templateversions/{new_id()}/resources")).status_code == 404


@pytest.mark.requirement("USER-QUIET-06")
async def test_a_required_stop_comes_in_the_owners_quiet_hours(world: World) -> None:
    ann, ben = await world.accounts.make(), await world.accounts.make()
    answer = await world.api.call(ann, "PUT", "/users/me/quiet-hours", {"schedule": "CRON_TZ=Europe/Berlin 30 2 * * *"})
    assert answer.status_code == 200
    required = await world.template(autostop_requirement_days_of_week=127, autostop_requirement_weeks=1)
    stops = [(await world.running(person, required)).latest_build.max_deadline for person in (ann, ben)]
    assert [(stop.hour, stop.minute) for stop in stops if stop is not None] == [(1, 30), (0, 0)]


@pytest.mark.requirement("WS-DEADLINE-01")
async def test_a_start_sets_the_deadline_when_it_ends(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template(), ttl_ms=2 * 3_600_000)
    clock.advance(timedelta(minutes=10))
    await world.complete(workspace.latest_build)
    build = (await world.read(ann, workspace.id)).latest_build
    assert (build.deadline, build.max_deadline) == (clock.now() + timedelta(hours=2), None)
    stop = await world.build(ann, workspace.id, "stop")
    await world.complete(stop, resources=[])
    assert (await world.read(ann, workspace.id)).latest_build.deadline is None
    required = await world.template(autostop_requirement_days_of_week=127, autostop_requirement_weeks=1)
    workspace = await world.running(ann, required)
    build = workspace.latest_build
    assert build.deadline == build.max_deadline
    assert build.deadline is not None
    assert build.deadline - clock.now() < timedelta(hours=25)
    fixed = await world.template(allow_user_autostop=False, default_ttl=HOUR)
    workspace = await world.running(ann, fixed, ttl_ms=5 * 3_600_000)
    assert workspace.latest_build.deadline == clock.now() + timedelta(hours=1)


@pytest.mark.requirement("WS-EVENTS-01")
async def test_the_end_of_a_build_is_told_to_rooms_above(world: World) -> None:
    heard: list[BuildEnded] = []

    async def hear(_conn: Any, event: BuildEnded) -> None:
        heard.append(event)

    world.db.events.subscribe(BuildEnded, hear)
    ann = await world.accounts.make()
    workspace = await world.running(ann)
    await world.fail(await world.build(ann, workspace.id, "stop"))
    await world.complete(await world.build(ann, workspace.id, "delete"), resources=[])
    assert [(event.transition, event.status) for event in heard] == [
        ("start", "running"),
        ("stop", "failed"),
        ("delete", "deleted"),
    ]


@pytest.mark.requirement("WS-HEALTH-01")
async def test_a_workspace_is_unhealthy_while_an_agent_fails(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.running(ann)
    agent = workspace.latest_build.resources[0].agents[0]
    await world.db.execute(
        "update workspace_agents set first_connected_at = $1, last_connected_at = $1, lifecycle_state = 'ready'",
        clock.now(),
    )
    assert (await world.read(ann, workspace.id)).health.healthy
    clock.advance(timedelta(seconds=31))
    health = (await world.read(ann, workspace.id)).health
    assert (health.healthy, health.failing_agents) == (False, [agent.id])


@pytest.mark.requirement("WS-INPUT-01")
async def test_a_daemon_gets_what_it_needs(world: World) -> None:
    ann = await world.accounts.make()
    template = await world.template(parameters=[{"name": "size", "default_value": "1"}])
    workspace = await world.create(ann, template)
    await world.complete(workspace.latest_build, state=b"kept")
    build = await world.build(ann, workspace.id, "start", values={"size": "2"})
    async with world.db.transaction() as conn:
        job = await provisioning.get_job(conn, build.job.id)
        made = await inputs.build_input(conn, job)
        for_terraform = await inputs.build_input(conn, msgspec.structs.replace(job, provisioner="terraform"))
        metadata = await inputs.job_metadata(conn, [job])
    assert isinstance(made, BuildInput)
    assert isinstance(for_terraform, BuildInput)
    assert (made.workspace_name, made.build_number, made.transition) == (workspace.name, 2, "start")
    assert (made.owner.username, made.owner.groups) == (ann.username, ["Everyone"])
    assert made.owner.ssh_public_key.startswith("ssh-ed25519 ")
    assert made.owner.ssh_private_key == ""
    assert for_terraform.owner.ssh_private_key.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert made.owner.login_type == "password"
    roles = {(role.name, role.organization_id) for role in made.owner.roles}
    assert roles == {("member", ""), ("organization-member", str(made.organization.id))}
    assert (made.template.id, made.template.version_id) == (template.id, template.version_id)
    assert [(value.name, value.value) for value in made.rich_parameter_values] == [("size", "2")]
    assert [(value.name, value.value) for value in made.previous_parameter_values] == [("size", "1")]
    assert (made.state, made.agent_tokens, made.organization.name) == (b"kept", {}, "coder")
    assert metadata[job.id].workspace_name == workspace.name
    assert metadata[job.id].template_name == template.name


@pytest.mark.requirement("WS-STATE-01")
async def test_a_state_that_no_key_opens_is_said_in_words(world: World) -> None:
    ann, admin = await world.accounts.make(), await world.accounts.make("owner")
    workspace = await world.running(ann)
    foreign = Cipher([bytes(32)]).encrypt(b"x")
    await world.db.execute("update workspace_builds set provisioner_state = $1", foreign)
    build = await world.build(ann, workspace.id, "stop")
    async with world.db.transaction() as conn:
        with pytest.raises(StateUnreadable):
            await inputs.build_input(conn, await provisioning.get_job(conn, build.job.id))
    await world.fail(build)
    with pytest.raises(StateUnreadable):
        await states.get_state(world.db, world.cipher, subject=admin.me, build_id=build.id)
    # The way out: leave the resources behind.
    assert (await world.build(admin, workspace.id, "delete", orphan=True)).status == "deleted"


async def test_a_report_for_a_job_of_another_kind_is_left_alone(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await world.template())
    await world.db.execute("delete from workspace_builds")
    async with world.db.transaction() as conn:
        result = BuildResult(resources=[MACHINE])
        await provisioning.complete_job(conn, workspace.latest_build.job.id, result, clock.now())
    assert await world.db.fetchval("select count(*) from workspace_resources") == 0
