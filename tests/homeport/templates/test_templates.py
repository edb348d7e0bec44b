"""Templates over HTTP: made, listed, read, changed, shared, promoted, deleted; and for whom."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport.templates.schemas import TransitionStats
from homeport.templates.service import TemplateStatistics, register_guard, register_statistics
from homeport.templates.types import TemplateCreated, TemplateDeleted, TemplateUpdated
from tests.homeport.templates.template_world import ORGANIZATION, TemplateWorld
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Person


async def audit(world: TemplateWorld, kind: str = "template") -> list[tuple[str, dict[str, Any]]]:
    rows = await world.db.fetch("select action, diff from audit_logs where resource_type = $1 order by time", kind)
    return [(row["action"], row["diff"]) for row in rows]


async def names(world: TemplateWorld, person: Person, path: str = "/templates") -> list[str]:
    answer = await world.api.call(person, "GET", path)
    assert answer.status_code == 200, answer.text
    return [template["name"] for template in answer.json()]


@pytest.mark.requirement("TEMPLATE-CREATE-01")
async def test_a_template_is_made_of_an_imported_version(world: TemplateWorld) -> None:
    seen: list[str] = []

    async def note(_conn, event) -> None:
        seen.append(event.template.name)

    world.db.events.subscribe(TemplateCreated, note)
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    version = await world.imported(admin)
    made = await world.create(
        admin, version["id"], name="Python-3", display_name="Python 3", description="Work", icon="/icon.svg",
        default_ttl_ms=3_600_000, activity_bump_ms=60_000, allow_user_autostop=False, require_active_version=True,
        autostop_requirement={"days_of_week": ["sunday"], "weeks": 2}, autostart_requirement={"days_of_week": ["monday"]},
        max_port_share_level="public", failure_ttl_ms=1000, dormant_ttl_ms=2000, delete_ttl_ms=3000,
    )  # fmt: skip
    assert made.status_code == 201, made.text
    template = made.json()
    assert template["active_version_id"] == version["id"]
    assert (template["provisioner"], template["created_by_name"]) == ("echo", admin.username)
    assert (template["organization_name"], template["active_user_count"]) == ("coder", -1)
    assert template["build_time_stats"] == {name: {"p50": None, "p95": None} for name in ("start", "stop", "delete")}
    assert (template["default_ttl_ms"], template["activity_bump_ms"]) == (3_600_000, 60_000)
    assert template["autostop_requirement"] == {"days_of_week": ["sunday"], "weeks": 2}
    assert template["autostart_requirement"] == {"days_of_week": ["monday"]}
    assert (template["failure_ttl_ms"], template["time_til_dormant_ms"], template["time_til_dormant_autodelete_ms"]) == (
        1000, 2000, 3000,
    )  # fmt: skip
    assert not template["allow_user_autostop"]
    assert template["allow_user_autostart"]
    assert seen == ["Python-3"]
    assert (await audit(world))[0][0] == "create"
    for path in (f"/templates/{template['id']}", f"{ORGANIZATION}/templates/PYTHON-3"):
        assert (await world.api.call(member, "GET", path)).json() == template
    assert await names(world, member) == await names(world, member, f"{ORGANIZATION}/templates") == ["Python-3"]
    shown = (await world.api.call(member, "GET", f"/templateversions/{version['id']}")).json()
    assert shown["template_id"] == template["id"]


@pytest.mark.requirement("TEMPLATE-CREATE-02")
async def test_versions_that_cannot_become_a_template(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    pending = await world.version(admin)
    assert (await world.create(admin, pending["id"])).status_code == 412
    await world.fail(await world.acquire())
    assert (await world.create(admin, pending["id"])).status_code == 412
    template = await world.template(admin, name="taken")
    again = await world.create(admin, template["active_version_id"])
    assert again.status_code == 400
    assert again.json()["validations"][0]["field"] == "template_version_id"
    free = await world.imported(admin)
    clash = await world.create(admin, free["id"], name="TAKEN")
    assert (clash.status_code, clash.json()["validations"][0]["field"]) == (409, "name")
    assert (await world.create(admin, uuid4())).status_code == 404
    member = await world.accounts.make()
    assert (await world.create(member, free["id"])).status_code == 403
    assert (await world.create(admin, free["id"], name="free")).status_code == 201


@pytest.mark.requirement("TEMPLATE-SETTINGS-01")
@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "x" * 33}, "name"),
        ({"name": "new"}, "name"),
        ({"display_name": " x"}, "display_name"),
        ({"description": "é" * 64}, "description"),
        ({"description": "\x00"}, "description"),
        ({"icon": "x" * 257}, "icon"),
        ({"default_ttl_ms": -1}, "default_ttl_ms"),
        ({"default_ttl_ms": 31 * 24 * 3600 * 1000}, "default_ttl_ms"),
        ({"failure_ttl_ms": 10**18}, "failure_ttl_ms"),
        ({"autostop_requirement": {"days_of_week": ["x"]}}, "autostop_requirement.days_of_week"),
        ({"autostop_requirement": {"weeks": 17}}, "autostop_requirement.weeks"),
        ({"max_port_share_level": "world"}, "max_port_share_level"),
        ({"default_ttl_ms": "soon"}, "default_ttl_ms"),
    ],
)
async def test_settings_that_are_not_valid_name_their_field(world: TemplateWorld, setting, field) -> None:
    admin = await world.accounts.make("template-admin")
    template = await world.template(admin)
    path = f"/templates/{template['id']}"
    answer = await world.api.call(admin, "PATCH", path, setting)
    assert answer.status_code == 400, answer.text
    assert answer.json()["validations"][0]["field"] == field
    assert (await world.api.call(admin, "GET", path)).json() == template


@pytest.mark.requirement("TEMPLATE-SETTINGS-02")
async def test_only_what_is_given_changes(world: TemplateWorld) -> None:
    events: list[TemplateUpdated] = []

    async def note(_conn, event) -> None:
        events.append(event)

    world.db.events.subscribe(TemplateUpdated, note)
    admin = await world.accounts.make("template-admin")
    template = await world.template(admin, description="keep me")
    path = f"/templates/{template['id']}"
    same = await world.api.call(admin, "PATCH", path, {})
    assert (same.status_code, same.json()) == (200, template)
    assert events == []
    changed = (
        await world.api.call(admin, "PATCH", path, {"display_name": "New", "deprecation_message": "Use the other one."})
    ).json()
    assert changed == {
        **template, "display_name": "New", "deprecated": True, "deprecation_message": "Use the other one.",
        "updated_at": changed["updated_at"],
    }  # fmt: skip
    assert (events[0].before.display_name, events[0].after.display_name) == ("", "New")
    action, diff = (await audit(world))[-1]
    assert action == "write"
    assert set(diff) == {"display_name", "deprecated"}
    await world.api.call(admin, "PATCH", path, {"update_workspace_last_used_at": True})
    assert events[1].should_reset_last_used
    other = await world.template(admin, name="other")
    clash = await world.api.call(admin, "PATCH", path, {"name": other["name"]})
    assert (clash.status_code, clash.json()["validations"][0]["field"]) == (409, "name")


@pytest.mark.requirement("TEMPLATE-ACCESS-01")
async def test_everyone_uses_a_template_unless_that_is_switched_off(world: TemplateWorld) -> None:
    admin, member = await world.accounts.make("template-admin"), await world.accounts.make()
    stranger = await world.accounts.make("stranger")
    open_, closed = await world.template(admin), await world.template(admin, disable_everyone_group_access=True)
    assert await names(world, member) == [open_["name"]]
    assert await names(world, stranger) == []
    assert sorted(await names(world, admin)) == sorted([open_["name"], closed["name"]])
    for template, status in ((open_, 403), (closed, 404)):
        path = f"/templates/{template['id']}"
        assert (await world.api.call(member, "PATCH", path, {"icon": "x"})).status_code == status
        assert (await world.api.call(member, "DELETE", path)).status_code == status
        version = f"/templateversions/{template['active_version_id']}"
        assert (await world.api.call(member, "GET", version)).status_code == (200 if status == 403 else 404)
        assert (await world.api.call(member, "PATCH", version, {"name": "x"})).status_code == status
        assert (await world.api.call(stranger, "GET", path)).status_code == 404
    await world.api.call(admin, "PATCH", f"/templates/{open_['id']}", {"disable_everyone_group_access": True})
    assert await names(world, member) == []
    await world.api.call(admin, "PATCH", f"/templates/{closed['id']}", {"disable_everyone_group_access": False})
    assert await names(world, member) == [closed["name"]]


@pytest.mark.requirement("TEMPLATE-ACCESS-02")
async def test_the_access_list_gives_and_takes_roles(world: TemplateWorld) -> None:
    admin, member, other = [await world.accounts.make(kind) for kind in ("template-admin", "member", "member")]
    template = await world.template(admin, disable_everyone_group_access=True)
    path = f"/templates/{template['id']}/acl"
    assert (await world.api.call(admin, "GET", path)).json() == {"users": [], "group": []}
    everyone = str(DEFAULT_ORGANIZATION_ID)
    given = {"user_perms": {str(member.id): "admin"}, "group_perms": {everyone: "use"}}
    assert (await world.api.call(admin, "PATCH", path, given)).status_code == 200
    acl = (await world.api.call(admin, "GET", path)).json()
    assert [(user["username"], user["role"]) for user in acl["users"]] == [(member.username, "admin")]
    (group,) = acl["group"]
    assert (group["name"], group["role"], group["total_member_count"]) == ("Everyone", "use", 3)
    assert {each["username"] for each in group["members"]} == {admin.username, member.username, other.username}
    assert await names(world, other) == [template["name"]]
    assert (await world.api.call(member, "PATCH", f"/templates/{template['id']}", {"icon": "x"})).status_code == 200
    assert (await world.api.call(other, "PATCH", path, {})).status_code == 403
    nobody = str(uuid4())
    wrong = await world.api.call(admin, "PATCH", path, {"user_perms": {nobody: "use"}, "group_perms": {nobody: "use"}})
    assert wrong.status_code == 400
    assert [each["field"] for each in wrong.json()["validations"]] == [f"user_perms.{nobody}", f"group_perms.{nobody}"]
    for bad in ({"user_perms": {"x": "use"}}, {"user_perms": {str(member.id): "king"}}):
        assert (await world.api.call(admin, "PATCH", path, bad)).status_code == 400
    taken = {"user_perms": {str(member.id): "", nobody: ""}}
    assert (await world.api.call(admin, "PATCH", path, taken)).status_code == 200
    assert (await world.api.call(admin, "GET", path)).json()["users"] == []


@pytest.mark.requirement("TEMPLATE-PROMOTE-01")
async def test_another_version_is_made_active(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    template, other = await world.template(admin), await world.template(admin)
    path = f"/templates/{template['id']}/versions"
    second = await world.imported(admin, template_id=template["id"])
    pending = await world.version(admin, template_id=template["id"])
    for version_id in (other["active_version_id"], pending["id"], str(uuid4())):
        answer = await world.api.call(admin, "PATCH", path, {"id": version_id})
        assert (answer.status_code, answer.json()["validations"][0]["field"]) == (400, "id")
    assert (await world.api.call(admin, "PATCH", path, {"id": second["id"]})).status_code == 200
    shown = (await world.api.call(admin, "GET", f"/templates/{template['id']}")).json()
    assert shown["active_version_id"] == second["id"]
    first = f"/templateversions/{template['active_version_id']}"
    assert (await world.api.call(admin, "POST", f"/templateversions/{second['id']}/archive")).status_code == 400
    assert (await world.api.call(admin, "POST", f"{first}/archive")).status_code == 200
    assert (await world.api.call(admin, "POST", f"{first}/archive")).status_code == 400
    archived = await world.api.call(admin, "PATCH", path, {"id": template["active_version_id"]})
    assert archived.status_code == 400
    assert (await world.api.call(admin, "POST", f"{first}/unarchive")).status_code == 200
    assert (await world.api.call(admin, "PATCH", path, {"id": template["active_version_id"]})).status_code == 200


@pytest.mark.requirement("TEMPLATE-DELETE-01")
async def test_a_template_is_deleted_when_nothing_depends_on_it(world: TemplateWorld) -> None:
    deleted: list[UUID] = []
    reason: str | None = "3 workspaces still exist."

    async def note(_conn, event) -> None:
        deleted.append(event.template.id)

    async def guard(_conn, _template_id) -> str | None:
        return reason

    world.db.events.subscribe(TemplateDeleted, note)
    register_guard(guard)
    admin = await world.accounts.make("template-admin")
    template = await world.template(admin, name="again")
    path = f"/templates/{template['id']}"
    refused = await world.api.call(admin, "DELETE", path)
    assert (refused.status_code, refused.json()["detail"]) == (400, reason)
    reason = None
    assert (await world.api.call(admin, "DELETE", path)).status_code == 200
    assert deleted == [UUID(template["id"])]
    assert (await world.api.call(admin, "GET", path)).status_code == 404
    assert (await world.api.call(admin, "DELETE", path)).status_code == 404
    assert await names(world, admin) == []
    assert (await audit(world))[-1][0] == "delete"
    assert (await world.template(admin, name="again"))["id"] != template["id"]


async def test_statistics_come_from_whoever_knows(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    template = await world.template(admin)

    async def count(_conn, ids):
        return {ids[0]: TemplateStatistics(active_user_count=2, build_times={"start": TransitionStats(900, 1500)})}

    register_statistics(count)
    shown = (await world.api.call(admin, "GET", f"/templates/{template['id']}")).json()
    assert shown["active_user_count"] == 2
    assert shown["build_time_stats"]["start"] == {"p50": 900, "p95": 1500}


@pytest.mark.requirement("TEMPLATE-LIST-01")
async def test_lists_are_searched(world: TemplateWorld) -> None:
    admin = await world.accounts.make("template-admin")
    await world.template(admin, name="python-web")
    old = await world.template(admin, name="python-old")
    await world.api.call(admin, "PATCH", f"/templates/{old['id']}", {"deprecation_message": "old"})
    assert await names(world, admin, "/templates?q=python") == ["python-old", "python-web"]
    assert await names(world, admin, "/templates?q=exact_name:Python-Web") == ["python-web"]
    assert await names(world, admin, "/templates?q=deprecated:false") == ["python-web"]
    assert await names(world, admin, "/templates?q=organization:coder web") == ["python-web"]
    assert await names(world, admin, "/templates?q=organization:other") == []
    assert (await world.api.call(admin, "GET", "/templates?q=odd:1")).status_code == 400
    assert (await world.api.call(None, "GET", "/templates")).status_code == 401
    for path in ("/templates/x", "/templates/x/versions", "/templateversions/x"):
        assert (await world.api.call(admin, "GET", path)).status_code == 400, path
    assert (await world.api.call(admin, "GET", f"/templates/{uuid4()}")).status_code == 404
