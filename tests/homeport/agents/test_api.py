"""What agents report over HTTP, within which limits, and sub-agents (spec: workspaces 4.2 to 4.4)."""

import asyncio
import base64
import hashlib
from typing import Any
from uuid import UUID

import httpx
import pytest

from homeport.kit.ids import new_id
from tests.homeport.agents.conftest import Builder, Deployment, Placed
from tests.support.accounts import Accounts


def field_of(answer: httpx.Response) -> str:
    return str(answer.json()["validations"][0]["field"])


@pytest.mark.requirement("AGENT-TOKEN-02")
async def test_tokens_that_open_nothing(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    for token in ("", "nonsense", str(new_id()), "x" * 5000):
        answer = await deployment.call({"Coder-Session-Token": token} if token else {}, "GET", "/me/manifest")
        assert answer.status_code == 401
    person = await deployment.call(placed.owner.headers, "GET", "/me/manifest")
    assert person.status_code == 401
    as_person = await deployment.call(placed.headers, "GET", f"/{placed.agent_id}")
    assert as_person.status_code == 401
    assert (await deployment.call(placed.headers, "GET", "/me/manifest")).status_code == 200
    await build.db.execute("update users set status = 'suspended' where id = $1", placed.owner.id)
    assert (await deployment.call(placed.headers, "GET", "/me/manifest")).status_code == 401
    await build.db.execute("update users set status = 'active' where id = $1", placed.owner.id)
    await build.db.execute("update workspace_agents set deleted = true where id = $1", placed.agent_id)
    assert (await deployment.call(placed.headers, "GET", "/me/manifest")).status_code == 401


@pytest.mark.requirement("AGENT-OUTDATED-02")
async def test_running_build_leaves_the_agents_of_the_one_before(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    _, job, _ = await build.build(placed.owner, placed.workspace_id, placed.version_id, 2, is_completed=False)
    assert (await deployment.call(placed.headers, "GET", "/me/manifest")).status_code == 200
    await build.db.execute("update provisioner_jobs set completed_at = now() where id = $1", job)
    answer = await deployment.call(placed.headers, "GET", "/me/manifest")
    assert answer.status_code == 403


@pytest.mark.requirement("AGENT-MANIFEST-01")
async def test_manifest_tells_everything(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace(environment_variables={"A": "b"}, directory="/work", motd_file="/etc/motd")
    script = await build.script(placed.agent_id, "true", run_on_start=True, timeout_seconds=5)
    await build.metadata(placed.agent_id, "cpu", "echo", interval=3, timeout=2)
    app = await build.app(placed.agent_id, "web", url="http://localhost:1", healthcheck_url="http://localhost:1/h")
    manifest = (await deployment.call(placed.headers, "GET", "/me/manifest")).json()
    assert manifest["agent_id"] == str(placed.agent_id)
    assert (manifest["owner_username"], manifest["workspace_name"]) == (placed.owner.username, placed.workspace_name)
    assert (manifest["environment_variables"], manifest["directory"], manifest["motd_path"]) == (
        {"A": "b"},
        "/work",
        "/etc/motd",
    )
    assert [each["id"] for each in manifest["scripts"]] == [str(script)]
    assert manifest["metadata"] == [
        {"key": "cpu", "display_name": "cpu", "script": "echo", "interval": 3, "timeout": 2}
    ]
    assert [each["id"] for each in manifest["apps"]] == [str(app)]
    assert manifest["ssh"]["client_public_key"].startswith("ssh-ed25519 ")


@pytest.mark.requirement("AGENT-LIFECYCLE-01")
async def test_lifecycle_in_any_order(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()

    async def post(**step: Any) -> int:
        return (await deployment.call(placed.headers, "POST", "/me/lifecycle", step)).status_code

    assert await post(state="ready", changed_at="2026-01-01T10:00:00Z") == 204
    assert str(await build.column(placed.agent_id, "started_at")) == "2026-01-01 10:00:00+00:00"
    assert await post(state="starting", changed_at="2026-01-01T09:00:00Z") == 204
    assert await build.column(placed.agent_id, "ready_at") is None
    assert await post(state="start_error", changed_at="2026-01-01T11:00:00Z") == 204
    assert str(await build.column(placed.agent_id, "started_at")) == "2026-01-01 09:00:00+00:00"
    assert str(await build.column(placed.agent_id, "ready_at")) == "2026-01-01 11:00:00+00:00"
    assert await post(state="off") == 204
    assert await build.column(placed.agent_id, "lifecycle_state") == "off"
    for wrong in ({"state": "dancing"}, {}, {"state": "ready", "changed_at": "yesterday"}):
        answer = await deployment.call(placed.headers, "POST", "/me/lifecycle", wrong)
        assert answer.status_code == 400


@pytest.mark.requirement("AGENT-STARTUP-01")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": "1.2.3"}, "version"),
        ({"version": "v1.2"}, "version"),
        ({"subsystems": ["envbox", "toaster"]}, "subsystems"),
        ({"ssh_host_key": "no key"}, "ssh_host_key"),
        ({"expanded_directory": "a\0b"}, "expanded_directory"),
    ],
)
async def test_startup_refuses(deployment: Deployment, build: Builder, change: dict[str, Any], field: str) -> None:
    placed = await build.workspace()
    answer = await deployment.call(placed.headers, "POST", "/me/startup", {"version": "v1.2.3", **change})
    assert answer.status_code == 400
    assert field_of(answer) == field


@pytest.mark.requirement("AGENT-STARTUP-01")
async def test_startup_is_stored(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace(operating_system="linux")
    body = {"version": "v1.2.3-rc.1+b", "expanded_directory": "/w", "subsystems": ["exectrace", "envbox", "envbox"]}
    assert (await deployment.call(placed.headers, "POST", "/me/startup", body)).status_code == 204
    agent = (await deployment.call(placed.owner.headers, "GET", f"/{placed.agent_id}")).json()
    assert (agent["version"], agent["expanded_directory"]) == ("v1.2.3-rc.1+b", "/w")
    assert (agent["subsystems"], agent["operating_system"]) == (["envbox", "exectrace"], "linux")


@pytest.mark.requirement("AGENT-LOGS-02")
async def test_log_limit_is_no_error(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    batch = {"logs": [{"output": "x" * 100_000}] * 6}
    answers = await asyncio.gather(*(deployment.call(placed.headers, "PATCH", "/me/logs", batch) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert any("limit" in answer.json()["message"].lower() for answer in answers)
    assert await build.column(placed.agent_id, "logs_overflowed") is True
    assert await build.column(placed.agent_id, "logs_length") == 1_000_000
    late = await deployment.call(placed.headers, "PATCH", "/me/logs", {"logs": [{"output": "late"}]})
    assert late.status_code == 200
    lines = (await deployment.call(placed.owner.headers, "GET", f"/{placed.agent_id}/logs")).json()
    assert len(lines) == 10


@pytest.mark.requirement("AGENT-METADATA-03")
async def test_metadata_limits(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    for key in ("a", "b", "c", "k" * 6000):
        await build.metadata(placed.agent_id, key, "echo")

    async def stored() -> dict[str, tuple[str, str]]:
        rows = await build.db.fetch("select key, value, error from workspace_agent_metadata")
        return {row["key"]: (row["value"], row["error"]) for row in rows}

    values = [{"key": "a", "value": "ä" * 2000}, {"key": "b", "error": "e" * 3000}]
    assert (await deployment.call(placed.headers, "POST", "/me/metadata", {"metadata": values})).status_code == 204
    found = await stored()
    assert found["a"] == ("ä" * 1024, "value of 4000 bytes exceeded 2048 bytes")
    assert found["b"] == ("", "error of 3000 bytes exceeded 2048 bytes")
    much = [{"key": "k" * 6000, "value": "1"}, {"key": "c" * 145, "value": "2"}, {"key": "c", "value": "3"}]
    answer = await deployment.call(placed.headers, "POST", "/me/metadata", {"metadata": much})
    assert (answer.status_code, field_of(answer)) == (400, "metadata")
    found = await stored()
    assert (found["k" * 6000][0], found["c"][0]) == ("1", "")


@pytest.mark.requirement("AGENT-REPORTS-01")
async def test_apps_scripts_and_stats(deployment: Deployment, build: Builder) -> None:
    placed, other = await build.workspace(), await build.workspace()
    checked = await build.app(placed.agent_id, "web", healthcheck_url="http://x/", health="initializing")
    plain = await build.app(placed.agent_id, "plain")
    foreign = await build.app(other.agent_id, "web", healthcheck_url="http://x/")
    call = deployment.call
    assert (
        await call(placed.headers, "POST", "/me/app-health", {"healths": {str(checked): "healthy"}})
    ).status_code == 204
    for wrong in (
        {str(plain): "healthy"},
        {str(foreign): "healthy"},
        {str(new_id()): "healthy"},
        {str(checked): "dead"},
    ):
        assert (await call(placed.headers, "POST", "/me/app-health", {"healths": wrong})).status_code == 400
    status = {"app_slug": "web", "state": "working", "message": "busy", "uri": "https://example.com"}
    assert (await call(placed.headers, "PATCH", "/me/app-status", status)).status_code == 200
    agent = (await call(placed.owner.headers, "GET", f"/{placed.agent_id}")).json()
    app = next(app for app in agent["apps"] if app["slug"] == "web")
    assert (app["health"], app["statuses"][0]["message"]) == ("healthy", "busy")
    for wrong in ({"app_slug": "none"}, {"state": "asleep"}, {"message": "m" * 161}):
        assert (await call(placed.headers, "PATCH", "/me/app-status", {**status, **wrong})).status_code == 400
    script = await build.script(other.agent_id, "true")
    timing = {
        "script_id": str(script), "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:01Z", "exit_code": 0,
        "stage": "start", "status": "ok",
    }  # fmt: skip
    assert (await call(other.headers, "POST", "/me/script-timings", timing)).status_code == 204
    assert field_of(await call(placed.headers, "POST", "/me/script-timings", timing)) == "script_id"
    backwards = {**timing, "ended_at": "2025-01-01T00:00:00Z"}
    assert field_of(await call(other.headers, "POST", "/me/script-timings", backwards)) == "ended_at"
    before = await build.db.fetchval("select last_used_at from workspaces where id = $1", placed.workspace_id)
    empty = await call(placed.headers, "POST", "/me/stats", None)
    assert (empty.status_code, empty.json()) == (200, {"report_interval": 30_000_000_000})
    assert await build.db.fetchval("select last_used_at from workspaces where id = $1", placed.workspace_id) == before
    assert (await call(placed.headers, "POST", "/me/stats", {"connection_count": 1, "rx_bytes": 5})).status_code == 200
    assert await build.db.fetchval("select last_used_at from workspaces where id = $1", placed.workspace_id) > before
    assert field_of(await call(placed.headers, "POST", "/me/stats", {"rx_bytes": -1})) == "rx_bytes"


@pytest.mark.requirement("AGENT-GITKEY-01")
async def test_git_key_needs_user_data(deployment: Deployment, build: Builder) -> None:
    open_, closed = await build.workspace(), await build.workspace(api_key_scope="no_user_data")
    key = await deployment.call(open_.headers, "GET", "/me/gitsshkey")
    assert key.status_code == 200
    assert key.json()["public_key"].startswith("ssh-ed25519 ")
    assert "PRIVATE KEY" in key.json()["private_key"]
    again = await deployment.call(open_.headers, "GET", "/me/gitsshkey")
    assert again.json() == key.json()
    assert (await deployment.call(closed.headers, "GET", "/me/gitsshkey")).status_code in {403, 404}


@pytest.mark.requirement("AGENT-READ-01")
async def test_strangers_find_no_agent(deployment: Deployment, build: Builder, accounts: Accounts) -> None:
    placed = await build.workspace()
    stranger, owner = await accounts.make("member"), await accounts.make("owner")
    for path in (f"/{placed.agent_id}", f"/{placed.agent_id}/logs", f"/{placed.agent_id}/connection"):
        assert (await deployment.call(stranger.headers, "GET", path)).status_code == 404
        assert (await deployment.call({}, "GET", path)).status_code == 401
        assert (await deployment.call(owner.headers, "GET", path)).status_code == 200
        assert (await deployment.call(placed.owner.headers, "GET", path)).status_code == 200
    missing = await deployment.call(placed.owner.headers, "GET", f"/{new_id()}")
    assert missing.status_code == 404
    ports = await deployment.call(placed.owner.headers, "GET", f"/{placed.agent_id}/listening-ports")
    assert (ports.status_code, ports.json()["message"]) == (400, "The workspace agent is not connected.")


async def create(deployment: Deployment, placed: Placed, **body: Any) -> httpx.Response:
    return await deployment.call(placed.headers, "POST", "/me/subagents", {"name": "child", **body})


@pytest.mark.requirement("SUBAGENT-CREATE-01", "M11")
async def test_sub_agent_lives_and_dies(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace(connection_timeout_seconds=77, troubleshooting_url="https://help.test")
    body = {
        "directory": "/d",
        "architecture": "arm64",
        "operating_system": "linux",
        "display_apps": [0, "ssh_helper", 2, 0],
    }
    made = await create(deployment, placed, **body)
    assert made.status_code == 201
    agent = made.json()["agent"]
    assert made.json()["app_creation_errors"] == []
    assert UUID(agent["auth_token"]).version == 4
    child = {"Coder-Session-Token": agent["auth_token"]}
    manifest = (await deployment.call(child, "GET", "/me/manifest")).json()
    assert (manifest["agent_name"], manifest["parent_id"]) == ("child", str(placed.agent_id))
    view = (await deployment.call(placed.owner.headers, "GET", f"/{agent['id']}")).json()
    assert (view["parent_id"], view["resource_id"]) == (str(placed.agent_id), str(placed.resource_id))
    assert (view["connection_timeout_seconds"], view["troubleshooting_url"]) == (77, "https://help.test")
    assert (view["directory"], view["display_apps"]) == ("/d", ["vscode", "ssh_helper", "web_terminal"])
    listed = (await deployment.call(placed.headers, "GET", "/me/subagents")).json()
    assert listed == {"agents": [agent]}
    entries = await build.db.fetch("select action, resource_type, diff::text as diff from audit_logs")
    assert [(row["action"], row["resource_type"]) for row in entries] == [("create", "workspace_agent")]
    assert agent["auth_token"] not in entries[0]["diff"]
    gone = await deployment.call(placed.headers, "DELETE", f"/me/subagents/{agent['id']}")
    assert gone.status_code == 204
    assert (await deployment.call(placed.headers, "GET", "/me/subagents")).json() == {"agents": []}
    assert (await deployment.call(child, "GET", "/me/manifest")).status_code == 401
    assert (await deployment.call(placed.headers, "DELETE", f"/me/subagents/{agent['id']}")).status_code == 404
    assert (await create(deployment, placed)).status_code == 201


@pytest.mark.requirement("SUBAGENT-NAME-01")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "under_score"}, "name"),
        ({"name": "-edge"}, "name"),
        ({"name": "two--hyphens"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "new\n"}, "name"),
        ({"display_apps": [1, 5]}, "display_apps[1]"),
        ({"display_apps": ["teapot"]}, "display_apps[0]"),
        ({"id": "nonsense"}, "id"),
        ({"directory": "a\0"}, "directory"),
    ],
)
async def test_sub_agent_that_cannot_be(
    deployment: Deployment, build: Builder, body: dict[str, Any], field: str
) -> None:
    placed = await build.workspace()
    answer = await create(deployment, placed, **body)
    assert answer.status_code == 400
    assert field_of(answer) == field
    assert await build.db.fetchval("select count(*) from workspace_agents where parent_id is not null") == 0


@pytest.mark.requirement("SUBAGENT-NAME-02")
async def test_sub_agent_names_are_unique_in_the_build(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    answers = await asyncio.gather(*(create(deployment, placed, name=name) for name in ("Twin", "twin", "TWIN")))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    same_as_parent = await create(deployment, placed, name="MAIN")
    assert (same_as_parent.status_code, field_of(same_as_parent)) == (409, "name")
    assert (await create(deployment, await build.workspace(), name="twin")).status_code == 201


@pytest.mark.requirement("SUBAGENT-APPS-01", "M11")
async def test_bad_apps_do_not_fail_the_call(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    apps = [
        {"slug": "good", "share": 2, "open_in": 1, "healthcheck": {"url": "http://x", "interval": 1, "threshold": 2}},
        {"slug": ""},
        {"slug": "Bad_Slug"},
        {"slug": "good"},
        {"slug": "share", "share": 4},
        {"slug": "open", "open_in": 2},
        {"slug": "plain", "display_name": "Plain", "share": "authenticated"},
    ]
    made = await create(deployment, placed, apps=apps)
    assert made.status_code == 201
    errors = {error["index"]: error.get("field") for error in made.json()["app_creation_errors"]}
    assert errors == {1: "slug", 2: "slug", 3: "slug", 4: "share", 5: "open_in"}
    view = (await deployment.call(placed.owner.headers, "GET", f"/{made.json()['agent']['id']}")).json()
    digest = base64.b32hexencode(hashlib.sha256(b"child/good").digest()).decode().lower()[:8]
    found = {app["slug"]: app for app in view["apps"]}
    assert set(found) >= {f"{digest}-good"}
    assert len(found) == 2
    good = found[f"{digest}-good"]
    # The template's highest level is "owner": more open ones are lowered without a word.
    assert (good["sharing_level"], good["open_in"], good["health"]) == ("owner", "tab", "initializing")
    plain = next(app for slug, app in found.items() if slug.endswith("-plain"))
    assert (plain["health"], plain["open_in"], plain["display_name"]) == ("disabled", "slim-window", "Plain")
    await build.db.execute(
        "update templates set max_port_sharing_level = 'authenticated' where id = $1", placed.template_id
    )
    opened = await create(deployment, placed, name="other", apps=[{"slug": "a", "share": 2}, {"slug": "b", "share": 3}])
    rows = await build.db.fetch(
        "select sharing_level::text as level from workspace_apps where agent_id = $1 order by slug desc",
        UUID(opened.json()["agent"]["id"]),
    )
    assert {row["level"] for row in rows} == {"authenticated", "organization"}


@pytest.mark.requirement("SUBAGENT-PARENT-01", "M11")
async def test_only_the_parent_handles_its_sub_agents(deployment: Deployment, build: Builder) -> None:
    placed, stranger = await build.workspace(), await build.workspace()
    sibling_id, sibling_token = await build.agent(placed.resource_id, name="sibling")
    made = (await create(deployment, placed)).json()["agent"]
    for token in (sibling_token, stranger.token):
        headers = {"Coder-Session-Token": token}
        assert (await deployment.call(headers, "DELETE", f"/me/subagents/{made['id']}")).status_code == 404
        assert (await deployment.call(headers, "GET", "/me/subagents")).json() == {"agents": []}
        taken = await deployment.call(headers, "POST", "/me/subagents", {"id": made["id"], "display_apps": []})
        assert taken.status_code == 404
    for target in (placed.agent_id, sibling_id):
        assert (await deployment.call(placed.headers, "DELETE", f"/me/subagents/{target}")).status_code == 404
    child = {"Coder-Session-Token": made["auth_token"]}
    nested = await deployment.call(child, "POST", "/me/subagents", {"name": "grandchild"})
    assert nested.status_code == 403
    assert (await deployment.call(placed.headers, "DELETE", "/me/subagents/nonsense")).status_code in {400, 404}


@pytest.mark.requirement("SUBAGENT-DECLARED-01")
async def test_declared_sub_agent_is_taken_over(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    declared, token = await build.agent(
        placed.resource_id, name="declared", parent_id=placed.agent_id, directory="/old"
    )
    body = {"id": str(declared), "name": "ignored", "directory": "", "display_apps": ["vscode"]}
    taken = await deployment.call(placed.headers, "POST", "/me/subagents", body)
    assert taken.status_code == 201
    assert taken.json()["agent"] == {"name": "declared", "id": str(declared), "auth_token": token}
    assert await build.column(declared, "directory") == "/old"
    await deployment.call(placed.headers, "POST", "/me/subagents", {**body, "directory": "/new"})
    assert await build.column(declared, "directory") == "/new"
    assert await build.column(declared, "display_apps") == ["vscode"]
    assert await build.db.fetchval("select count(*) from workspace_agents where parent_id = $1", placed.agent_id) == 1


@pytest.mark.requirement("SUBAGENT-BAN-01")
async def test_dormant_workspace_still_decides(deployment: Deployment, build: Builder) -> None:
    placed = await build.workspace()
    await build.db.execute("update workspaces set dormant_at = now() where id = $1", placed.workspace_id)
    assert (await create(deployment, placed)).status_code == 201
