"""What a workspace shows of its owner, organization and template: read with the workspace, by the right on it alone."""

from uuid import uuid4

import msgspec
import pytest

from homeport.database import Database
from homeport.kit.errors import NotFound
from homeport.kit.http import page
from homeport.organizations.service.organizations import get_organization
from homeport.rbac import Action, Grants, Object, Permission, ResourceType, Role, Subject, is_allowed, scope_named
from homeport.workspaces.queries.workspaces import find_workspace, list_workspace_views
from homeport.workspaces.service import list_workspaces, reading, states
from homeport.workspaces.types import WorkspaceRow, WorkspaceView
from tests.homeport.workspaces.world import World


def reader() -> Subject:
    """Somebody who may read workspaces and nothing else, and belongs to no organization."""
    held = [Permission(ResourceType.WORKSPACE, Action.READ)]
    role = Role("reader", Grants(site=held))
    return Subject.build(uuid4(), roles=[role], scope=scope_named("coder:all"), friendly_name="reader")


async def columns_of(db: Database, name: str) -> set[str]:
    found = await db.fetch("select column_name from information_schema.columns where table_name = $1", name)
    return {row["column_name"] for row in found}


@pytest.mark.requirement("M23-03")
async def test_a_row_is_the_same_by_the_view(world: World) -> None:
    ann = await world.accounts.make()
    workspace = await world.running(ann, ttl_ms=3_600_000, autostart_schedule="CRON_TZ=Europe/Dublin 30 9 * * 1-5")
    await world.api.call(ann, "PUT", f"/workspaces/{workspace.id}/favorite")
    await world.api.call(ann, "PUT", f"/workspaces/{workspace.id}/dormant", {"dormant": True})
    async with world.db.connection() as conn:
        row = await find_workspace(conn, workspace.id)
        view = (await list_workspace_views(conn, [workspace.id]))[workspace.id]
    assert msgspec.convert(view, WorkspaceRow, from_attributes=True) == row
    # Nothing of the table is left out, of the row or of what is shown.
    table = await columns_of(world.db, "workspaces")
    assert set(WorkspaceRow.__struct_fields__) == table
    assert table <= set(WorkspaceView.__struct_fields__)
    joined = await world.db.fetchrow("select * from workspaces_expanded where id = $1", workspace.id)
    assert joined is not None
    assert msgspec.convert({name: joined[name] for name in table}, WorkspaceRow) == row


@pytest.mark.requirement("M23-04")
async def test_reading_a_workspace_needs_no_right_on_what_it_names(world: World) -> None:
    ann, place = await world.accounts.make(), await world.organization()
    await world.db.execute(
        "update organizations set display_name = 'Blue', icon = '/blue.svg', description = 'd' where id = $1", place
    )
    await world.db.execute(
        "insert into organization_members (organization_id, user_id, created_at, updated_at) values ($1, $2, now(), now())",
        place, ann.id,
    )  # fmt: skip
    ann = msgspec.structs.replace(ann, subject=await world.accounts.subject(ann.token))
    template = await world.template(organization_id=place, display_name="The template", icon="/t.svg", group_acl={})
    await world.db.execute(
        "update templates set user_acl = $2 where id = $1", template.id, {str(ann.id): ["read", "use"]}
    )
    made = await world.running(ann, template)
    name = await world.db.fetchval("select name from organizations where id = $1", place)
    asker = reader()
    for type_, target in (
        (ResourceType.USER, Object(ResourceType.USER, ann.id, ann.id)),
        (ResourceType.ORGANIZATION, Object(ResourceType.ORGANIZATION, place, organization_id=place)),
        (ResourceType.TEMPLATE, Object(ResourceType.TEMPLATE, template.id, organization_id=place)),
    ):
        assert not is_allowed(asker, Action.READ, target), type_
    with pytest.raises(NotFound):
        await get_organization(world.db, subject=asker, value=str(place))

    shown = [
        await reading.get_workspace(world.db, subject=asker, workspace_id=made.id),
        *(await list_workspaces(world.db, subject=asker, query="", page=page())).workspaces,
        *(
            await list_workspaces(
                world.db, subject=asker, query=f"owner:{ann.username} organization:{name}", page=page()
            )
        ).workspaces,
    ]
    assert len(shown) == 3
    for workspace in shown:
        assert (workspace.owner_name, workspace.organization_name) == (ann.username, name)
        assert (workspace.template_name, workspace.template_display_name) == (template.name, "The template")
        assert workspace.template_icon == "/t.svg"
    build = await states.get_build(world.db, subject=asker, build_id=made.latest_build.id)
    assert (build.workspace_owner_name, build.initiator_name) == (ann.username, ann.username)


@pytest.mark.requirement("M23-04")
async def test_a_token_for_reading_workspaces_reads_their_names(world: World) -> None:
    owner = await world.accounts.make("owner", scopes=["workspace:read"])
    ann = await world.accounts.make()
    made = await world.running(ann)
    assert (await world.api.call(owner, "GET", f"/users/{ann.id}")).status_code in {403, 404}
    found = (await world.api.call(owner, "GET", f"/workspaces/{made.id}")).json()
    assert (found["owner_name"], found["organization_name"]) == (ann.username, "coder")
    assert found["template_name"] == made.template_name
    listed = (await world.api.call(owner, "GET", "/workspaces")).json()["workspaces"]
    assert [each["owner_name"] for each in listed] == [ann.username]
