"""A workspace is made while what it rests on goes: one of the two fails in words, and nothing is left half done."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest

from homeport.templates.api.templates import routes as template_routes
from homeport.workspaces.api import routes
from homeport.workspaces.service import creation, views
from tests.homeport.workspaces.world import Template, World
from tests.support.accounts import Api, Person, build_api
from tests.support.names import unique_name
from tests.support.waiting import until

ROUNDS = 6


class Rival(NamedTuple):
    """What goes: the request that takes it away, what that does to rows, and its answer when the workspace was first."""

    path: str
    statements: tuple[str, ...]
    answer: int


# Deletions lock the row before they look whether anything depends on it.
_LOCK_TEMPLATE = "select id from templates where organization_id = $1 for update"
_TEMPLATE = "update templates set deleted = true where organization_id = $1"
RIVALS = {
    # Its template would keep it as well: what is left of the race is told by the rows alone.
    "organization": Rival(
        "/organizations/{place}", (_TEMPLATE, "update organizations set deleted = true where id = $1"), 409
    ),
    "template": Rival("/templates/{template}", (_LOCK_TEMPLATE, _TEMPLATE), 400),
    "owner": Rival(
        "/users/{owner}",
        (
            "update users set deleted = true where id in (select user_id from organization_members where organization_id = $1)",
        ),
        409,
    ),
    # A member may leave workspaces behind.
    "membership": Rival(
        "/organizations/{place}/members/{owner}", ("delete from organization_members where organization_id = $1",), 204
    ),
}
_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
_ORPHANS = """
select exists (
    select from workspaces w
    join organizations o on o.id = w.organization_id
    join templates t on t.id = w.template_id
    join users u on u.id = w.owner_id
    where not w.deleted and (o.deleted or t.deleted or u.deleted)
) or exists (
    select from provisioner_jobs j
    where j.type = 'workspace_build' and not exists (select from workspace_builds b where b.job_id = j.id)
) or exists (
    select from workspaces w where not exists (select from workspace_builds b where b.workspace_id = w.id)
)
"""


class Scene:
    """An organization with one template and one member, who makes workspaces."""

    def __init__(self, world: World, api: Api, place: UUID, template: Template, ann: Person, admin: Person) -> None:
        self.world, self.api, self.place, self.template = world, api, place, template
        self.ann, self.admin = ann, admin

    async def create(self) -> httpx.Response:
        """Make a workspace as the member."""
        wish = {"name": unique_name("ws"), "template_id": str(self.template.id)}
        return await self.api.call(self.ann, "POST", "/users/me/workspaces", wish)

    async def remove(self, rival: Rival) -> httpx.Response:
        """Take away what the workspace rests on, as the deployment's owner."""
        path = rival.path.format(place=self.place, template=self.template.id, owner=self.ann.id)
        return await self.api.call(self.admin, "DELETE", path)

    async def count(self) -> int:
        """Count the workspaces of the organization."""
        found: int = await self.world.db.fetchval(
            "select count(*) from workspaces where organization_id = $1", self.place
        )
        return found


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    """The routes of workspaces, and those that take templates away."""
    built = build_api(world.db, routes=[*routes, *template_routes], provided={"listener": world.listener})
    yield built
    await built.gate.close()


async def scene(world: World, api: Api) -> Scene:
    place = await world.organization()
    template = await world.template(organization_id=place)
    # Of the template's author nothing is left to keep the organization.
    await world.db.execute("delete from organization_members where organization_id = $1", place)
    ann = await world.accounts.make(organization_ids=[place])
    return Scene(world, api, place, template, ann, await world.accounts.make("owner"))


async def somebody_waits(world: World) -> None:
    """Wait until a session waits for a lock of another."""

    async def is_waiting() -> bool:
        return bool(await world.db.fetchval(_WAITING))

    await until(is_waiting)


@pytest.mark.requirement("WS-GUARD-03")
@pytest.mark.parametrize("name", RIVALS)
async def test_what_goes_first_leaves_nothing_to_make_a_workspace_in(world: World, api: Api, name: str) -> None:
    rival, made = RIVALS[name], await scene(world, api)
    async with world.db.transaction() as conn:
        for statement in rival.statements:
            await conn.execute(statement, made.place)
        creation_task = asyncio.create_task(made.create())
        await somebody_waits(world)
    answer = await creation_task
    assert answer.status_code == 404, answer.text
    assert answer.json()["message"]
    assert await made.count() == 0
    assert not await world.db.fetchval(_ORPHANS)


@pytest.mark.requirement("WS-GUARD-03")
@pytest.mark.parametrize("name", RIVALS)
async def test_a_workspace_that_is_first_keeps_what_it_rests_on(
    world: World, api: Api, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival, made, is_inserted, may_commit = RIVALS[name], await scene(world, api), asyncio.Event(), asyncio.Event()
    shown = views.workspace_view

    async def held(*args: Any, **more: Any) -> Any:
        is_inserted.set()
        await may_commit.wait()
        return await shown(*args, **more)

    monkeypatch.setattr(creation, "workspace_view", held)
    creation_task = asyncio.create_task(made.create())
    await is_inserted.wait()
    removal = asyncio.create_task(made.remove(rival))
    await somebody_waits(world)
    assert not removal.done()
    may_commit.set()
    assert (await creation_task).status_code == 201
    refused = await removal
    assert refused.status_code == rival.answer, refused.text
    assert await made.count() == 1
    assert not await world.db.fetchval(_ORPHANS)


@pytest.mark.requirement("WS-GUARD-03")
@pytest.mark.parametrize("name", RIVALS)
async def test_of_many_at_once_each_is_answered_in_words(world: World, api: Api, name: str) -> None:
    rival = RIVALS[name]
    for _ in range(ROUNDS):
        made = await scene(world, api)
        *created, removed = await asyncio.gather(made.create(), made.create(), made.create(), made.remove(rival))
        statuses = {answer.status_code for answer in created}
        # Who is deleted first has no session any more.
        assert statuses <= {201, 404} | ({401} if name == "owner" else set()), [answer.text for answer in created]
        assert removed.status_code in {200, 204, rival.answer}, removed.text
        # It goes and nothing was made, or it stays; a member may leave workspaces behind.
        is_gone = removed.status_code in {200, 204}
        assert not is_gone or 201 not in statuses or name == "membership"
        assert await made.count() == [answer.status_code for answer in created].count(201)
        assert not await world.db.fetchval(_ORPHANS)
