"""Templates through the real Terraform. Its built-in resource `terraform_data` needs no provider from anywhere."""

import hashlib
import json
from pathlib import Path

import pytest

from homeport_provisioner.daemon import Daemon
from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.conftest import ended
from tests.homeport_provisioner.process_workspaces import until
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.archives import pack
from tests.support.terraform import MAIN, Files, TerraformWorkspace, names, terraform_daemon, values

pytestmark = [pytest.mark.needs("terraform"), pytest.mark.timeout(180)]


@pytest.mark.requirement("TF-BUILD-01")
async def test_workspace_is_made_stopped_started_and_deleted(
    stand_in: StandIn, daemon: Daemon, settings: Settings
) -> None:
    workspace = TerraformWorkspace(stand_in, {"main.tf": MAIN})
    job = await workspace.build()
    assert job.result, job.failure
    assert [resource["name"] for resource in job.result["workspace_build"]["resources"]] == ["home", "machine"]
    home = values(workspace.state, "home")["id"]
    assert job.result["workspace_build"]["timings"]
    assert "backend" not in job.text(), "how the engine keeps states is nobody's affair"
    for transition in ("stop", "start"):
        job = await workspace.build(transition)
        assert job.result, job.failure
        assert values(workspace.state, "home")["id"] == home
    job = await workspace.build("delete")
    assert job.result, job.failure
    assert job.result["workspace_build"]["resources"] == []
    assert workspace.state == b""
    await until(lambda: not list((settings.data_dir / "terraform" / "states").rglob("*")))
    await until(lambda: not list((settings.data_dir / "jobs").iterdir()))


@pytest.mark.requirement("TF-BUILD-01")
async def test_deleting_what_never_was_needs_no_template(stand_in: StandIn, daemon: Daemon) -> None:
    job = await TerraformWorkspace(stand_in, {"main.tf": MAIN}).build("delete")
    assert job.result, job.failure
    assert "nothing to delete" in job.text()


@pytest.mark.requirement("TF-BUILD-02")
async def test_variables_are_declared_and_their_values_arrive(stand_in: StandIn, daemon: Daemon) -> None:
    files: Files = {
        "main.tf": """
variable "text" {
  type = string # of any kind
}
variable "count_" {
  type    = number
  default = 3
}
variable "is_on" {
  type = bool
  default = false
}
variable "zones" {
  type        = list(string)
  description = "Where"
  default     = ["a", "b"]
}
variable "none" {
  default = null
}
variable "from_file" {}
resource "terraform_data" "all" {
  input = jsonencode([var.text, var.count_, var.is_on, var.zones, var.none, var.from_file])
}
""",
        "variables.tf.json": json.dumps({"variable": {"extra": {"type": "string", "default": "x", "sensitive": True}}}),
        "terraform.tfvars": 'from_file = "f"\n',
        "late_override.tf": 'variable "is_on" {\n  description = "Lamp"\n}\n',
    }
    job = await ended(stand_in.submit_import("terraform", files))
    assert job.failure["error_code"] == "REQUIRED_TEMPLATE_VARIABLES"
    [declared] = [update["variables"] for update in job.updates if update.get("variables") is not None]
    found = {each["name"]: each for each in declared}
    assert (found["text"]["type"], found["text"]["required"]) == ("string", True)
    assert (found["count_"]["type"], found["count_"]["default_value"]) == ("number", "3")
    assert (found["is_on"]["type"], found["is_on"]["default_value"], found["is_on"]["description"]) == (
        "bool",
        "false",
        "Lamp",
    )
    assert (found["zones"]["default_value"], found["zones"]["description"]) == ('["a", "b"]', "Where")
    assert found["from_file"]["default_value"] == "f"
    assert found["extra"]["sensitive"]
    assert (await ended(stand_in.submit_import("terraform", files, {"text": "t"}))).result
    workspace = TerraformWorkspace(stand_in, files)
    given = {"text": '${x} "quoted" \\ %{y}', "count_": "12345678901234567890.5", "is_on": "true", "zones": '["c"]'}
    job = await workspace.build(variables=[{"name": name, "value": value} for name, value in given.items()])
    assert job.result, job.failure
    text = str(values(workspace.state, "all")["output"]["value"])  # type: ignore[index]
    assert json.loads(text) == ['${x} "quoted" \\ %{y}', 12345678901234567890.5, True, ["c"], None, "f"]
    assert "12345678901234567890.5" in text


@pytest.mark.requirement("TF-BUILD-02")
async def test_a_value_of_the_wrong_shape_is_named(stand_in: StandIn, daemon: Daemon) -> None:
    files: Files = {"main.tf": 'variable "zones" {\n  type = list(string)\n}\n'}
    job = await ended(stand_in.submit_import("terraform", files, {"zones": "a, b"}))
    assert "The variable zones is of the type list(string): give it as JSON; 'a, b' is none." in job.failure["error"]


@pytest.mark.requirement("TF-BUILD-02", "TF-PLACES-01")
async def test_a_value_that_terraform_refuses_is_named_without_paths_of_the_daemon(
    stand_in: StandIn, daemon: Daemon, settings: Settings
) -> None:
    files: Files = {"main.tf": 'variable "size" {\n  type = object({cpus = number})\n}\n'}
    job = await ended(stand_in.submit_import("terraform", files, {"size": '{"memory": 1}'}))
    assert ". values.tfvars.json:1: Invalid value for input variable." in job.failure["error"]
    assert 'var.size declared at main.tf:1,1-16: attribute "cpus" is required' in job.failure["error"]
    assert str(settings.data_dir) not in job.failure["error"] + job.text()


@pytest.mark.requirement("TF-BUILD-02")
async def test_a_value_that_no_environment_holds_is_refused_in_words(stand_in: StandIn, daemon: Daemon) -> None:
    job = await TerraformWorkspace(stand_in, {"main.tf": MAIN}).build(parameters={"x": "y" * 200_000})
    assert "longer than the 128 KiB" in job.failure["error"]
    assert (await TerraformWorkspace(stand_in, {"main.tf": MAIN}).build(parameters={"x": "a\0b"})).result


@pytest.mark.requirement("TF-BUILD-03")
@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"main.tf": 'resource "terraform_data" "x" {\n  input = [1\n}\n'}, "main.tf:2: this bracket is never"),
        ({"main.tf": '\nresource "terraform_data" "x" {\n  nput = 1\n}\n'}, "main.tf:3: Unsupported argument"),
        ({"main.tf": 'resource "terraform_data" "x" {\n  input = var.no\n}\n'}, "main.tf:2: Reference to undeclared"),
        ({"main.tf": 'module "m" {\n  source = "./m"\n}\n', "m/a.tf": "x = \n"}, "m/a.tf:1: Invalid expression"),
        ({"main.tf": 'module "m" {\n  source = "./no"\n}\n'}, "no"),
        ({"a.tf.json": '{"resource": 1,\n}'}, "a.tf.json:2:"),
        ({"README.md": "x"}, "no *.tf file"),
        ({"main.tf": b"\xff\xfe"}, "UTF-8"),
        ({"main.tf": 'variable "a" {\n  default = b()\n}\n'}, "main.tf:2: the default"),
        (
            {
                "main.tf": 'terraform {\n  required_providers {\n    x = {\n      source = "no.example/x/x"\n    }\n  }\n}\n'
            },
            "name a mirror of providers in HOMEPORT_PROVISIONER_TERRAFORM_CONFIG",
        ),
        ({"main.tf": 'module "m" {\n  source = "no.example/x/y/z"\n}\n'}, "put into a folder of the template itself"),
    ],
)
async def test_mistakes_have_their_place(stand_in: StandIn, daemon: Daemon, files: Files, words: str) -> None:
    job = await ended(stand_in.submit_import("terraform", files), 60)
    assert words in job.failure["error"], job.failure


@pytest.mark.requirement("TF-ARCHIVE-01")
@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("main.tf", 'terraform {\n  backend "s3" {}\n}\n', "main.tf:2: terraform.backend"),
        ("main.tf", "terraform {\n\n  cloud {\n  }\n}\n", "main.tf:3: terraform.cloud"),
        (
            "zzzzz_override.tf",
            'terraform {\n  backend "local" {\n    path = "/tmp/x"\n  }\n}\n',
            "zzzzz_override.tf:2:",
        ),
        ("b.tf.json", '{"terraform": [{"backend": {"http": {}}}]}', "b.tf.json:1: terraform.backend"),
    ],
)
async def test_a_backend_is_refused(stand_in: StandIn, daemon: Daemon, name: str, text: str, place: str) -> None:
    job = await ended(stand_in.submit_import("terraform", {"ok.tf": MAIN, name: text}))
    assert place in job.failure["error"]
    assert "remove this block" in job.failure["error"]


@pytest.mark.requirement("TF-ARCHIVE-01")
async def test_what_an_archive_must_not_bring_is_not_used(stand_in: StandIn, daemon: Daemon, tmp_path: Path) -> None:
    provider = f"#!/bin/sh\ntouch {tmp_path}/owned\n"
    where = "registry.terraform.io/coder/coder/2.0.0/linux_amd64/terraform-provider-coder_v2.0.0"
    foreign = json.dumps(
        {
            "version": 4, "terraform_version": "1.9.0", "serial": 9, "lineage": "x", "outputs": {},
            "resources": [
                {
                    "mode": "managed", "type": "terraform_data", "name": "foreign",
                    "provider": 'provider["terraform.io/builtin/terraform"]',
                    "instances": [{"schema_version": 0, "attributes": {"id": "x", "input": None, "output": None}}],
                }
            ],
        }
    )  # fmt: skip
    files: Files = {
        "main.tf": MAIN,
        "terraform.tfstate": foreign,
        "terraform.tfstate.backup": foreign,
        ".terraform/terraform.tfstate": foreign,
        ".terraform/environment": "other",
        f"terraform.d/plugins/{where}": provider,
        f".terraform/providers/{where}": provider,
        "zzzz_homeport_override.tf.json": '{"terraform": {"backend": {"local": {"path": "/tmp/elsewhere"}}}}',
        ".terraform.lock.hcl": "# nothing is fixed\n",
    }
    workspace = TerraformWorkspace(stand_in, files)
    job = await workspace.build()
    assert job.result, job.failure
    assert names(workspace.state) == ["home", "machine"]
    assert "terraform.tfstate in the template's archive is ignored" in job.text()
    with_provider: Files = {
        **files,
        "main.tf": 'terraform {\n  required_providers {\n    coder = {\n      source = "coder/coder"\n    }\n  }\n}\n'
        'data "coder_workspace" "me" {}\n',
    }
    await ended(stand_in.submit_import("terraform", with_provider), 60)
    assert not (tmp_path / "owned").exists()


async def test_files_that_are_part_of_nothing_do_no_harm(stand_in: StandIn, daemon: Daemon) -> None:
    files: Files = {"main.tf": MAIN, "drafts/a.tf": "{{ not yet", "drafts/b.tf.json": "[", "drafts/c.tf": b"\xff"}
    assert (await ended(stand_in.submit_import("terraform", files), 60)).result


@pytest.mark.requirement("TF-BUILD-04")
async def test_the_plan_for_the_budget_is_the_one_that_is_applied(stand_in: StandIn, daemon: Daemon) -> None:
    workspace = TerraformWorkspace(stand_in, {"main.tf": MAIN})
    job = await workspace.build()
    stages = [timing["stage"] for timing in job.result["workspace_build"]["timings"]]
    assert stages.count("plan") == 1
    assert [line["level"] for line in job.logs if "Plan to create" in line["output"]].count("info") == 2


@pytest.mark.requirement("TF-SECRET-01")
async def test_secrets_are_in_no_log(stand_in: StandIn, daemon: Daemon) -> None:
    files: Files = {
        "main.tf": """
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "x" {
  input = nonsensitive(var.password)
  provisioner "local-exec" {
    command = "echo the password is ${nonsensitive(var.password)}; echo $HIDDEN; exit 1"
    environment = {
      HIDDEN = nonsensitive(sensitive("marked-by-terraform"))
    }
  }
}
resource "terraform_data" "y" {
  input = sensitive("marked-by-terraform")
}
output "o" {
  value = nonsensitive(var.password)
}
"""
    }
    workspace = TerraformWorkspace(stand_in, files)
    variables = [{"name": "password", "value": "hunter2hunter2", "sensitive": True}]
    job = await workspace.build(variables=variables)
    said = job.text() + json.dumps({name: value for name, value in job.failure.items() if name != "workspace_build"})
    assert "the password is (sensitive value)" in said
    assert "hunter2" not in said
    assert "marked-by-terraform" not in said


@pytest.mark.requirement("TF-BUILD-02")
async def test_values_that_no_plan_holds_reach_the_apply(stand_in: StandIn, daemon: Daemon, tmp_path: Path) -> None:
    text = f"""
variable "once" {{
  type      = map(string)
  ephemeral = true
}}
variable "plain" {{
  type = string
}}
resource "terraform_data" "x" {{
  provisioner "local-exec" {{
    command     = "echo $ONCE > {tmp_path}/once"
    environment = {{ ONCE = "${{var.once["k"]}} ${{var.plain}}" }}
  }}
}}
"""
    workspace = TerraformWorkspace(stand_in, {"main.tf": text})
    given = {"once": '{"k": "only now"}', "plain": "p"}
    job = await workspace.build(variables=[{"name": name, "value": value} for name, value in given.items()])
    assert job.result, job.failure
    assert (tmp_path / "once").read_text() == "only now p\n"
    assert b"only now" not in workspace.state


@pytest.mark.requirement("TF-SECRET-02")
async def test_the_environment_is_made_from_nothing(
    stand_in: StandIn, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "HOMEPORT_PROVISIONER_KEY",
        "HOMEPORT_SESSION_TOKEN",
        "CODER_SESSION_TOKEN",
        "SECRET",
        "TF_LOG",
        "TF_CLI_ARGS_plan",
    ):
        monkeypatch.setenv(name, "daemon-secret")
    monkeypatch.setenv("AWS_PROFILE", "dev")
    files: Files = {
        "main.tf": 'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n    command = "env"\n  }\n}\n'
    }
    async with terraform_daemon(settings):
        job = await TerraformWorkspace(stand_in, files).build(parameters={"size": "9"})
    assert job.result, job.failure
    assert "daemon-secret" not in job.text()
    assert "k" * 43 not in job.text()
    for line in (
        "AWS_PROFILE=dev",
        "CODER_WORKSPACE_NAME=dev",
        "CODER_WORKSPACE_TRANSITION=start",
        "CODER_WORKSPACE_OWNER=ada",
        f"CODER_AGENT_URL={stand_in.url}",
        f"CODER_PARAMETER_{hashlib.sha256(b'size').hexdigest()}=9",
    ):
        assert line in job.text()


@pytest.mark.requirement("TF-ARCHIVE-01")
async def test_links_between_modules_work(stand_in: StandIn, daemon: Daemon) -> None:
    archive = pack(
        {"main.tf": 'module "m" {\n  source = "./linked"\n}\n', "real/a.tf": 'resource "terraform_data" "inner" {}\n'},
        {"linked": "real"},
    )
    job = await ended(stand_in.submit("template_version_import", "terraform", IMPORT, archive), 60)
    assert [each["name"] for each in job.result["template_import"]["start_resources"]] == ["inner"]
    outside = pack({"main.tf": MAIN}, {"linked": "../../.."})
    job = await ended(stand_in.submit("template_version_import", "terraform", IMPORT, outside), 60)
    assert "outside of the archive" in job.failure["error"]


IMPORT = {"template_version_id": "5e4a1c6e-8f0b-4a67-9d3c-6b1f0d2a7e10"}
