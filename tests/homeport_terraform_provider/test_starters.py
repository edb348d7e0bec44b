"""The starter templates of Terraform, planned and applied with the bundled provider and stand-ins for the others."""

import dataclasses
import shlex
import sys
from pathlib import Path

import pytest

from homeport_provisioner.terraform.environment import Facts
from homeport_provisioner.terraform_provider.environment import COMMAND, find_environment
from tests.support.terraform_provider import SCRIPTS, Terraform, prepare_terraform

pytestmark = [pytest.mark.needs("terraform"), pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]
WORKSPACE = "6a8be5a3-3f0c-4f0c-9ee6-6a1b0a4a2e11"
FACTS = Facts(
    workspace_id=WORKSPACE, workspace_name="Dev", owner="ada", build_id="11111111-0000-4000-8000-000000000001"
)
STAND_INS = {"kreuzwerker/docker": "docker_provider.py", "hashicorp/kubernetes": "kubernetes_provider.py"}


def starter(folder: Path, name: str) -> Terraform:
    """Prepare a starter template in a folder of its own, beside a mirror of all that it asks for."""
    terraform = prepare_terraform(folder)
    environment = find_environment()
    assert environment is not None, f"The bundled provider is not set up: {COMMAND}"
    [mirror] = (folder / "provider").rglob("registry.terraform.io")
    [platform] = next((mirror / "coder" / "coder").iterdir()).iterdir()
    for source, file in STAND_INS.items():
        place = mirror / source / "9.9.9" / platform.name
        place.mkdir(parents=True)
        program = place / f"terraform-provider-{source.partition('/')[2]}_v9.9.9"
        words = [
            sys.executable,
            "-I",
            "-S",
            str(ROOT / "tests/support" / file),
            str(environment),
            str(mirror.parent.parent / "identity.pem"),
        ]
        program.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
        program.chmod(0o700)
    for path in (ROOT / "examples" / "templates" / name).glob("*.tf"):
        (terraform.folder / path.name).write_text(path.read_text())
    terraform.facts = FACTS
    return terraform


@pytest.mark.requirement("TF-STARTER-01")
@pytest.mark.parametrize("name", ["terraform-container", "kubernetes"])
def test_a_starter_is_tidy_and_valid(name: str, tmp_path: Path) -> None:
    terraform = starter(tmp_path, name)
    assert terraform.run("fmt", "-check", "-diff").output == ""
    assert terraform.run("init", "-no-color", "-input=false").status == 0
    done = terraform.run("validate", "-json")
    assert done.status == 0, done.output


@pytest.mark.requirement("TF-STARTER-01")
def test_the_container_keeps_its_volume_while_the_workspace_is_stopped(tmp_path: Path) -> None:
    terraform = starter(tmp_path, "terraform-container")
    terraform.facts = dataclasses.replace(FACTS, parameters={"memory": "8", "cpus": "4"})
    terraform.more = {"TF_VAR_server_host": "host-gateway"}
    terraform.apply()
    values = terraform.values()
    container, volume = values["docker_container.workspace[0]"], values["docker_volume.home"]
    assert (container["memory"], container["cpus"]) == (8192, "4")
    assert container["entrypoint"] == ["sh", "-c", SCRIPTS["linux_amd64"]]
    assert container["volumes"][0]["volume_name"] == volume["name"] == f"homeport-{WORKSPACE}-home"
    assert f"CODER_AGENT_TOKEN={values['coder_agent.main']['token']}" in container["env"]
    assert container["host"] == [{"host": "homeport.example.com", "ip": "host-gateway"}]
    presets = {key: each["parameters"] for key, each in values.items() if key.startswith("data.coder_workspace_preset")}
    assert presets["data.coder_workspace_preset.small"] == {"memory": "2", "cpus": "1"}
    terraform.facts = dataclasses.replace(terraform.facts, transition="stop")
    terraform.plan()
    assert terraform.changes()["docker_container.workspace[0]"] == ["delete"]
    assert "docker_volume.home" not in terraform.changes()


@pytest.mark.requirement("TF-STARTER-01")
def test_the_pod_has_what_was_chosen_and_no_rights(tmp_path: Path) -> None:
    terraform = starter(tmp_path, "kubernetes")
    terraform.facts = dataclasses.replace(FACTS, parameters={"home_size": "20", "memory": "6", "cpus": "3"})
    terraform.apply("-var=namespace=teams", "-var=storage_class=fast")
    values = terraform.values()
    claim = values["kubernetes_persistent_volume_claim_v1.home"]
    assert claim["metadata"][0]["namespace"] == "teams"
    assert claim["spec"][0]["storage_class_name"] == "fast"
    assert claim["spec"][0]["resources"][0]["requests"] == {"storage": "20Gi"}
    pod = values["kubernetes_deployment_v1.workspace[0]"]["spec"][0]["template"][0]["spec"][0]
    assert pod["container"][0]["resources"][0]["limits"] == {"cpu": "3", "memory": "6Gi"}
    assert pod["container"][0]["command"] == ["sh", "-c", SCRIPTS["linux_amd64"]]
    assert pod["automount_service_account_token"] is False
    assert pod["security_context"][0]["run_as_non_root"] is True
    assert pod["hostname"] == "dev"
    terraform.facts = dataclasses.replace(terraform.facts, transition="stop")
    terraform.plan("-var=namespace=teams", "-var=storage_class=fast")
    assert list(terraform.changes()) == ["kubernetes_deployment_v1.workspace[0]"]
