"""Keys with which workspaces act as their owners, for templates that read them; and the token of the owner's identity provider."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest

from homeport.config import Settings
from homeport.identity.service import accounts, tokens
from homeport.identity.types import LoginType
from homeport.kit import clock as kit_clock
from homeport.kit.clock import FakeClock
from homeport.kit.crypto import hash_token
from homeport.provisioning.schemas import AcquiredJob, BuildInput
from homeport.provisioning.service import get_job, inputs
from homeport.workspaces.schemas import WorkspaceBuild
from homeport.workspaces.service.inputs import BuildInputs
from homeport.workspaces.service.session_keys import LONGEST_LIFE
from tests.homeport.workspaces.world import Template, World
from tests.support.accounts import Person

READS = ["session_token"]


async def reading(world: World, secrets: list[str] | None) -> Template:
    """A template of which is known (or not) what it reads."""
    template = await world.template()
    await world.db.execute(
        "update template_versions set owner_secrets = $2 where id = $1", template.version_id, secrets
    )
    return template


async def acquired(world: World, build: WorkspaceBuild, engine: str = "terraform") -> BuildInput:
    """What the daemon gets for a build of a template of this engine."""
    async with world.db.transaction() as conn:
        job = msgspec.structs.replace(await get_job(conn, build.job.id), provisioner=engine)
        found = await inputs.build_input(conn, job)
    assert isinstance(found, BuildInput)
    return found


async def token_of(world: World, build: WorkspaceBuild, engine: str = "terraform") -> str:
    return (await acquired(world, build, engine)).owner.session_token


async def works(world: World, token: str) -> bool:
    key_id, _, secret = token.partition("-")
    row = await world.db.fetchrow("select hashed_secret from api_keys where id = $1", key_id)
    return row is not None and row["hashed_secret"] == hash_token(secret)


async def names(world: World, person: Person) -> list[str]:
    listed = await tokens.list_tokens(world.db, subject=person.me, value="me", has_all_users=False)
    return [each.token_name for each in listed]


@pytest.mark.requirement("WS-SESSION-01")
async def test_a_key_lives_from_start_to_stop_and_each_start_has_its_own(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await reading(world, READS), name="dev")
    first = await token_of(world, workspace.latest_build)
    answer = await world.api.call(None, "GET", "/users/me", headers={"Coder-Session-Token": first})
    assert answer.json()["username"] == ann.username
    assert await names(world, ann) == [f"dev_{workspace.id}_session_token"]
    row = await world.db.fetchrow("select * from api_keys where login_type = 'token'")
    assert row is not None
    assert (row["expires_at"] - kit_clock.now(), row["scopes"]) == (LONGEST_LIFE, ["coder:all"])
    # A job that went back into the queue is taken again: the key of the daemon before is good for nothing.
    second = await token_of(world, workspace.latest_build)
    assert (await works(world, first), await works(world, second)) == (False, True)
    await world.complete(workspace.latest_build)
    # A failed stop leaves it to what still runs, a good one ends it; a stop itself gets none.
    await world.db.execute("update workspaces set name = 'renamed' where id = $1", workspace.id)
    stop = await world.build(ann, workspace.id, "stop")
    assert await token_of(world, stop) == ""
    await world.fail(stop)
    assert await works(world, second)
    await world.complete(await world.build(ann, workspace.id, "stop"), resources=[])
    assert await names(world, ann) == []
    start = await world.build(ann, workspace.id, "start")
    third = await token_of(world, start)
    assert await names(world, ann) == [f"renamed_{workspace.id}_session_token"]
    await world.complete(start)
    await world.complete(await world.build(ann, workspace.id, "delete"), resources=[])
    assert await names(world, ann) == []
    assert not await works(world, third)
    for table in ("api_keys", "provisioner_jobs", "audit_logs", "provisioner_job_logs", "workspace_builds"):
        dump = await world.db.fetchval(f"select string_agg(t::text, '') from {table} t") or ""
        assert not [token for token in (first, second, third) if token.partition("-")[2] in dump], table
    actions = [action for kind, action in await world.audit_of(ann.id) if kind == "api_key"]
    assert actions == ["create", "delete", "create", "delete", "create", "delete"]


@pytest.mark.requirement("WS-SESSION-01")
@pytest.mark.parametrize(
    ("secrets", "engine", "has_key"),
    [
        (None, "terraform", True), (READS, "terraform", True), ([], "terraform", False), (["oidc_access_token"], "terraform", False),
        (None, "process", False), (READS, "container", False),
    ],
)  # fmt: skip
async def test_only_templates_that_read_a_key_get_one(
    world: World, secrets: list[str] | None, engine: str, has_key: bool
) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await reading(world, secrets))
    assert bool(await token_of(world, workspace.latest_build, engine)) is has_key
    assert len(await names(world, ann)) == has_key


@pytest.mark.requirement("WS-SESSION-02")
async def test_keys_end_with_the_account_and_are_not_made_for_one_that_is_shut(world: World) -> None:
    admin, ann = await world.accounts.make("owner"), await world.accounts.make()
    template = await reading(world, READS)
    running, other = await world.create(ann, template), await world.create(admin, template)
    token, others = await token_of(world, running.latest_build), await token_of(world, other.latest_build)
    await accounts.suspend_user(world.db, subject=admin.me, value=ann.username)
    assert (await works(world, token), await works(world, others)) == (False, True)
    assert await token_of(world, running.latest_build) == ""
    await accounts.activate_user(world.db, subject=admin.me, value=ann.username)
    assert await names(world, ann) == []
    assert await token_of(world, running.latest_build)


@pytest.mark.requirement("WS-SESSION-02")
async def test_a_key_lives_no_longer_than_tokens_may(world: World, clock: FakeClock) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await reading(world, READS))
    builder = BuildInputs(world.cipher, Settings(max_token_lifetime=timedelta(hours=3)))
    async with world.db.transaction() as conn:
        job = msgspec.structs.replace(await get_job(conn, workspace.latest_build.job.id), provisioner="terraform")
        assert (await builder.build_input(conn, job)).owner.session_token
    ends_at = await world.db.fetchval("select expires_at from api_keys where login_type = 'token'")
    assert ends_at - kit_clock.now() == timedelta(hours=3)


@pytest.mark.requirement("WS-SESSION-03")
@pytest.mark.parametrize(
    ("secrets", "engine", "status", "expected"),
    [
        (None, "terraform", "active", "given"), (["oidc_access_token"], "terraform", "active", "given"),
        (READS, "terraform", "active", ""), (None, "echo", "active", ""), (None, "terraform", "suspended", ""),
    ],
)  # fmt: skip
async def test_templates_that_read_it_get_what_the_provider_gave(
    world: World, secrets: list[str] | None, engine: str, status: str, expected: str
) -> None:
    ann = await world.accounts.make()
    workspace = await world.create(ann, await reading(world, secrets))
    await world.db.execute("update users set status = $2 where id = $1", ann.id, status)
    asked: list[tuple[UUID, LoginType]] = []

    async def access_token(user_id: UUID, login_type: LoginType) -> str:
        asked.append((user_id, login_type))
        return "given"

    builder = BuildInputs(world.cipher, Settings(), cast(Any, SimpleNamespace(access_token=access_token)))
    job = AcquiredJob(
        daemon_id=ann.id, job_id=workspace.latest_build.job.id, job_token="", type="workspace_build", provisioner=engine,
        organization_id=world.organization_id, initiator_username="", created_at=kit_clock.now(), file_id=None, access_url="",
        input=await acquired(world, workspace.latest_build),
    )  # fmt: skip
    completed = await builder.complete(world.db, job)
    assert isinstance(completed, BuildInput)
    assert completed.owner.oidc_access_token == expected
    assert asked == ([(ann.id, LoginType.OIDC)] if expected else [])
