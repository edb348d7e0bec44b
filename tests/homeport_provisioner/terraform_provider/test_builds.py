"""Templates that name coder/coder, through a daemon with the Terraform engine: no registry is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from homeport_provisioner.daemon import Daemon
from homeport_provisioner.settings import Settings
from homeport_provisioner.terraform_provider import environment
from tests.homeport_provisioner.conftest import ended
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.terraform import Files, TerraformWorkspace, terraform_daemon
from tests.support.terraform_provider import prepare_kubernetes

pytestmark = [pytest.mark.needs("terraform"), pytest.mark.timeout(240)]
HERE = Path(__file__).parents[2] / "homeport_terraform_provider"
FULL: Files = {"main.tf": (HERE / "full.tf").read_text(), "code-server/main.tf": (HERE / "module.tf").read_text()}
VALUES = {"region": "eu", "cpus": "3", "name": "x", "tools": '["vim"]', "again": "false"}
SCRIPT = b"#!/bin/sh\nexec agent\n"


def pinned(version: str) -> Files:
    return {
        "main.tf": f'terraform {{\n  required_providers {{\n    coder = {{\n      source = "coder/coder"\n      version = "{version}"\n'
        '    }\n  }\n}\ndata "coder_workspace" "me" {}\nresource "terraform_data" "x" {\n'
        "  count = data.coder_workspace.me.start_count\n}\n"
    }


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, terraform_bundled_provider="always")


@pytest.fixture
async def daemon(settings: Settings, stand_in: StandIn) -> AsyncIterator[Daemon]:
    stand_in.init_script = SCRIPT
    async with terraform_daemon(settings) as daemon:
        yield daemon


def named(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in items}


@pytest.mark.requirement("TF-PROVIDER-01", "TF-READ-04")
async def test_an_import_tells_what_the_template_asks_for(stand_in: StandIn, daemon: Daemon) -> None:
    files = {**FULL, "code-server/run.sh.tftpl": "curl -H 'Coder-Session-Token: ${owner.session_token}'"}
    job = await ended(stand_in.submit_import("terraform", files), 60)
    assert job.result, job.failure
    result = job.result["template_import"]
    assert result["owner_secrets"] == ["session_token"]
    assert "may have an account at 'other' (coder_external_auth), and none is linked" in job.text()
    parameters = named(result["parameters"])
    assert set(parameters) == {"region", "cpus", "name", "tools", "again"}
    assert (parameters["region"]["form_type"], parameters["region"]["default_value"]) == ("dropdown", "us")
    assert [option["value"] for option in parameters["region"]["options"]] == ["eu", "us"]
    cpus = parameters["cpus"]
    assert (cpus["validation_min"], cpus["validation_max"], cpus["validation_monotonic"]) == (1, 8, "increasing")
    assert parameters["name"]["required"]
    assert not parameters["name"]["mutable"]
    assert (parameters["again"]["ephemeral"], parameters["again"]["type"]) == (True, "bool")
    [preset] = result["presets"]
    assert (preset["name"], preset["default"], preset["prebuilds"]["instances"]) == ("Big", True, 2)
    assert preset["prebuilds"]["schedules"] == [{"cron": "* 8-18 * * 1-5", "instances": 4}]
    assert named([{**each, "name": each["id"]} for each in result["external_auth"]])["other"]["optional"]
    assert sorted(named(result["start_resources"])) == ["home", "machine"]
    assert sorted(named(result["stop_resources"])) == ["home"]
    [agent] = named(result["start_resources"])["machine"]["agents"]
    assert [app["slug"] for app in agent["apps"]] == ["code-server", "docs", "top"]


@pytest.mark.requirement("TF-PROVIDER-01", "TF-PROVIDER-02", "TF-PROVIDER-03")
async def test_a_workspace_lives_its_whole_life(stand_in: StandIn, daemon: Daemon) -> None:
    workspace = TerraformWorkspace(stand_in, FULL)
    tokens, homes = [], []
    for transition in ("start", "stop", "start"):
        job = await workspace.build(transition, parameters=VALUES)
        assert job.result, job.failure
        resources = named(job.result["workspace_build"]["resources"])
        kept = json.loads(workspace.state)["resources"]
        homes += [each["instances"][0]["attributes"]["id"] for each in kept if each["name"] == "home"]
        if transition == "stop":
            assert "machine" not in resources
            continue
        machine = resources["machine"]
        assert machine["daily_cost"] == 20
        assert {each["key"]: each["value"] for each in machine["metadata"]}["cpus"] == "3"
        [agent] = machine["agents"]
        tokens.append(agent["token"])
        assert agent["env"] == {
            "EDITOR": "vim",
            "PAGER": "less",
            "PATH": "/opt/bin",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GITHUB_TOKEN": "",
        }
        assert agent["directory"] == "/home/ada"
        assert agent["display_apps"] == ["web_terminal", "ssh_helper", "port_forwarding_helper"]
        assert [each["key"] for each in agent["metadata"]] == ["cpu", "ram"]
        scripts = {each["display_name"]: each for each in agent["scripts"]}
        assert set(scripts) == {"Startup Script", "Shutdown Script", "Clone", "Nightly", "code-server"}
        assert "ready on eu" in scripts["Startup Script"]["script"]
        assert scripts["Nightly"]["cron"] == "0 0 22 * * *"
        apps = {app["slug"]: app for app in agent["apps"]}
        assert apps["code-server"]["healthcheck"] == {
            "url": "http://localhost:13337/healthz",
            "interval": 5,
            "threshold": 6,
        }
        assert apps["code-server"]["share"] == "authenticated"
        assert apps["top"]["command"] == "top"
        assert [each["name"] for each in agent["devcontainers"]] == ["project"]
        assert agent["resources_monitoring"]["memory"]["threshold"] == 80
        assert agent["token"] not in job.text()
    assert len(set(tokens)) == 2
    assert len(set(homes)) == 1
    # A version that names the provider no more still has to end what is there.
    workspace.files = {"main.tf": 'resource "terraform_data" "other" {\n}\n'}
    job = await workspace.build("delete", parameters=VALUES)
    assert job.result, job.failure
    assert workspace.state == b""


@pytest.mark.requirement("TF-PROVIDER-08", "TF-CACHE-01")
async def test_jobs_at_the_same_time_and_later_ones_get_it_through_the_cache(
    stand_in: StandIn, daemon: Daemon, settings: Settings
) -> None:
    versions = [">= 2.0", "~> 1.0", "0.6.10", "~> 2.3.0"]
    async with terraform_daemon(settings), terraform_daemon(settings):
        workspaces = [TerraformWorkspace(stand_in, pinned(version)) for version in versions * 2]
        for transition in ("start", "stop", "delete"):
            jobs = await asyncio.gather(*(workspace.build(transition) for workspace in workspaces))
            assert all(job.result for job in jobs), [job.failure for job in jobs]
    cached = settings.data_dir / "terraform" / "cache" / "plugins"
    links = [path for path in cached.rglob("linux_*") if "coder" in path.parts]
    assert len(links) == len(versions)
    assert all(path.exists() for path in links), "the cache leads to what is gone"


@pytest.mark.requirement("TF-PROVIDER-08")
async def test_after_an_upgrade_the_new_one_is_started(stand_in: StandIn, daemon: Daemon, settings: Settings) -> None:
    workspace = TerraformWorkspace(stand_in, pinned(">= 2.0"))
    job = await workspace.build()
    assert job.result, job.failure
    mirror = settings.data_dir / "terraform" / "provider"
    [program] = mirror.rglob("terraform-provider-coder_v*")
    text = program.read_text()
    program.write_text("#!/bin/sh\nexit 1\n")
    (mirror / "identity.pem").unlink()
    job = await workspace.build("stop")
    assert job.result, job.failure
    assert program.read_text() == text


@pytest.mark.requirement("TF-PROVIDER-08")
async def test_versions_that_contradict_each_other_and_a_missing_set_up_are_told(
    stand_in: StandIn, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = {**pinned("~> 1.0"), "m/main.tf": pinned("~> 2.0")["main.tf"]}
    job = await ended(stand_in.submit_import("terraform", files), 60)
    words = "No version of the provider coder/coder fits all constraints of the template: ~> 2.0; ~> 1.0."
    assert words in job.failure["error"]
    monkeypatch.setattr(environment, "_places", lambda: (tmp_path / "none",))
    job = await ended(stand_in.submit_import("terraform", pinned("~> 1.0")), 60)
    assert "homeport provisioner terraform-provider set-up" in job.failure["error"]


@pytest.mark.requirement("TF-PROVIDER-05")
async def test_mistakes_reach_the_job_with_file_and_line(stand_in: StandIn, daemon: Daemon) -> None:
    wrong = str(FULL["main.tf"]).replace('slug     = "top"', 'slug     = "Top App"')
    line = next(number for number, text in enumerate(wrong.splitlines(), 1) if "Top App" in text)
    job = await ended(stand_in.submit_import("terraform", {**FULL, "main.tf": wrong}), 60)
    assert f"main.tf:{line}: Invalid value of 'slug'" in job.failure["error"], job.failure
    assert "'Top App': it must have lower-case letters" in job.failure["error"]


@pytest.mark.requirement("TF-PROVIDER-03", "TF-SECRET-01")
async def test_an_agents_token_is_in_no_line(stand_in: StandIn, daemon: Daemon) -> None:
    text = str(pinned(">= 2.0")["main.tf"]) + (
        'resource "coder_agent" "main" {\n  os = "linux"\n  arch = "amd64"\n}\n'
        'resource "terraform_data" "y" {\n  triggers_replace = coder_agent.main.token\n'
        '  provisioner "local-exec" {\n    command = "echo it is ${coder_agent.main.token}"\n  }\n}\n'
    )
    workspace = TerraformWorkspace(stand_in, {"main.tf": text})
    for _ in range(2):
        job = await workspace.build()
        assert job.result, job.failure
        [agent] = [each for each in json.loads(workspace.state)["resources"] if each["type"] == "coder_agent"]
        token = agent["instances"][0]["attributes"]["token"]
        assert len(token) == 36
        assert token not in job.text()


@pytest.mark.requirement("TF-PROVIDER-07")
async def test_a_kubernetes_template_goes_through_a_daemon(
    stand_in: StandIn, settings: Settings, tmp_path: Path
) -> None:
    stand_in.init_script = SCRIPT
    prepared = await asyncio.to_thread(prepare_kubernetes, tmp_path, settings)
    files: Files = {"main.tf": (HERE / "kubernetes.tf").read_text()}
    async with terraform_daemon(prepared):
        job = await ended(stand_in.submit_import("terraform", files), 60)
        assert job.result, job.failure
        result = job.result["template_import"]
        assert sorted(each["type"] for each in result["start_resources"]) == [
            "kubernetes_deployment_v1",
            "kubernetes_persistent_volume_claim_v1",
        ]
        assert [each["type"] for each in result["stop_resources"]] == ["kubernetes_persistent_volume_claim_v1"]
        workspace = TerraformWorkspace(stand_in, files)
        for transition in ("start", "stop", "start", "delete"):
            job = await workspace.build(transition, parameters={"home_disk_size": "20"})
            assert job.result, job.failure
        assert workspace.state == b""
