"""Terraform templates through the whole server and its own daemons."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, running_server
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.needs("terraform"),
    pytest.mark.xdist_group("terraform-server"),
    pytest.mark.timeout(240),
]
MAIN = """
variable "greeting" {
  type        = string
  default     = "hello"
  description = "What is said"
}
resource "terraform_data" "home" {}
resource "terraform_data" "machine" {
  input = var.greeting
}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("terraform"), daemons=2) as server:
        server.set_up()
        yield server


@pytest.mark.requirement("TF-BUILD-01")
def test_a_template_is_imported_built_stopped_and_deleted(server: Server) -> None:
    template = server.api.make_template("machine", "terraform", {"main.tf": MAIN, "README.md": "# Machine\n"})
    version = server.api.call("GET", f"/templateversions/{template['active_version_id']}")
    assert version["readme"] == "# Machine\n"
    [variable] = server.api.call("GET", f"/templateversions/{version['id']}/variables")
    assert (variable["name"], variable["default_value"], variable["description"]) == (
        "greeting",
        "hello",
        "What is said",
    )
    resources = server.api.call("GET", f"/templateversions/{version['id']}/resources")
    assert sorted((each["name"], each["workspace_transition"]) for each in resources) == [
        ("home", "start"), ("home", "stop"), ("machine", "start"), ("machine", "stop"),
    ]  # fmt: skip

    workspace = server.api.make_workspace(template, "dev")
    build = server.api.build_ended(workspace["latest_build"])
    assert build["job"]["status"] == "succeeded", build["job"]
    assert sorted(each["name"] for each in build["resources"]) == ["home", "machine"]
    first = state_of(server, build)
    logs = server.api.call("GET", f"/workspacebuilds/{build['id']}/logs")
    assert any("Creation complete" in line["output"] for line in logs)
    assert {line["stage"] for line in logs} >= {"Setting up", "Reading the template", "Starting the workspace"}
    timings = server.api.call("GET", f"/workspacebuilds/{build['id']}/timings")["provisioner_timings"]
    assert {each["stage"] for each in timings} >= {"init", "plan", "graph", "apply"}

    build = server.api.build(workspace, "stop")
    assert build["job"]["status"] == "succeeded", build["job"]
    build = server.api.build(workspace, "start")
    assert build["job"]["status"] == "succeeded", build["job"]
    assert home_of(state_of(server, build)) == home_of(first)
    build = server.api.build(workspace, "delete")
    assert build["job"]["status"] == "succeeded", build["job"]
    wait_for(lambda: not list((server.data_dir / "provisioner" / "terraform" / "states").glob("*")), seconds=20)


@pytest.mark.requirement("TF-STATE-01")
def test_a_failed_build_can_be_deleted(server: Server, tmp_path: Path) -> None:
    text = f"""
resource "terraform_data" "made" {{
  provisioner "local-exec" {{
    when    = destroy
    command = "touch {tmp_path}/destroyed"
  }}
}}
resource "terraform_data" "fails" {{
  input = terraform_data.made.id
  provisioner "local-exec" {{
    command = "exit 7"
  }}
}}
"""
    template = server.api.make_template("fails", "terraform", {"main.tf": text})
    workspace = server.api.make_workspace(template, "fails")
    build = server.api.build_ended(workspace["latest_build"])
    assert build["job"]["status"] == "failed"
    assert "exit status 7" in build["job"]["error"]
    assert {each["name"] for each in state_of(server, build)["resources"]} == {"made", "fails"}
    build = server.api.build(workspace, "delete")
    assert build["job"]["status"] == "succeeded", build["job"]
    assert (tmp_path / "destroyed").exists()


@pytest.mark.requirement("TF-CANCEL-01", "TF-STATE-01")
def test_a_running_build_is_canceled_and_its_state_kept(server: Server, tmp_path: Path) -> None:
    text = f"""
resource "terraform_data" "made" {{}}
resource "terraform_data" "slow" {{
  input = terraform_data.made.id
  provisioner "local-exec" {{
    command = "touch {tmp_path}/begun; exec sleep 600"
  }}
}}
"""
    template = server.api.make_template("slow", "terraform", {"main.tf": text})
    workspace = server.api.make_workspace(template, "slow")
    build = workspace["latest_build"]
    wait_for((tmp_path / "begun").exists, seconds=40)
    server.api.call("PATCH", f"/workspacebuilds/{build['id']}/cancel")
    build = server.api.build_ended(build)
    assert build["job"]["status"] == "canceled", build["job"]
    assert {each["name"] for each in state_of(server, build)["resources"]} == {"made", "slow"}
    assert server.api.build(workspace, "delete")["job"]["status"] == "succeeded"


@pytest.mark.requirement("TF-BUILD-03")
def test_mistakes_reach_the_person_with_their_line(server: Server) -> None:
    version = server.api.import_version(
        "terraform", {"main.tf": '\nresource "terraform_data" "x" {\n  colour = 1\n}\n'}
    )
    assert version["job"]["status"] == "failed"
    assert "main.tf:3: Unsupported argument" in version["job"]["error"]


def state_of(server: Server, build: dict[str, object]) -> dict[str, list[dict[str, object]]]:
    state: dict[str, list[dict[str, object]]] = server.api.call("GET", f"/workspacebuilds/{build['id']}/state")
    return state


def home_of(state: dict[str, list[dict[str, object]]]) -> object:
    [home] = [each for each in state["resources"] if each["name"] == "home"]
    return home["instances"][0]["attributes"]["id"]  # type: ignore[index]
