"""Templates as public documentation teaches them, through the real Terraform and the bundled provider."""

import dataclasses
import json
from pathlib import Path

import pytest

from homeport_provisioner.terraform.environment import Facts
from tests.support.terraform_provider import SCRIPTS, URL, Terraform, prepare_terraform

pytestmark = [pytest.mark.needs("terraform"), pytest.mark.timeout(180)]
FULL = (Path(__file__).parent / "full.tf").read_text()
MODULE = (Path(__file__).parent / "module.tf").read_text()
FACTS = Facts(
    workspace_id="6a8be5a3-3f0c-4f0c-9ee6-6a1b0a4a2e11",
    workspace_name="dev",
    build_id="11111111-0000-4000-8000-000000000001",
    owner_id="b5d13bb8-2f1e-4a5e-8a2c-1f3a6a1f8b07",
    owner="ada",
    owner_email="ada@example.com",
    owner_name="Ada Lovelace",
    owner_groups=("developers", "ops"),
    owner_roles=({"name": "member", "org_id": ""}, {"name": "organization-member", "org_id": "o1"}),
    owner_login_type="password",
    ssh_public_key="ssh-ed25519 AAAA",
    ssh_private_key="-----KEY-----",
    session_token="session",
    oidc_access_token="oidc",
    template_id="c1",
    template_name="full",
    template_version="v1",
    parameters={"region": "eu", "cpus": "3", "tools": '["git","vim"]', "again": "true"},
    external_auth={"github": "gh-token"},
)


@pytest.fixture
def full(terraform: Terraform) -> Terraform:
    terraform.facts = FACTS
    terraform.write(FULL)
    terraform.write(MODULE, "code-server/main.tf")
    return terraform


@pytest.mark.requirement("TF-PROVIDER-01")
def test_a_template_with_everything_is_planned_for_nobody(full: Terraform) -> None:
    full.facts = Facts()
    done = full.plan()
    assert done.status == 0, done.output
    assert done.warnings == []
    values = full.values(planned=True)
    agent = values["coder_agent.main"]
    assert (agent["auth"], agent["connection_timeout"], agent["api_key_scope"]) == ("token", 120, "all")
    assert agent["startup_script_behavior"] == "blocking"
    assert agent["init_script"] == SCRIPTS["linux_amd64"]
    assert "id" not in agent  # made by the apply
    assert [each["key"] for each in agent["metadata"]] == ["cpu", "ram"]
    assert agent["display_apps"] == [
        {
            "vscode": False,
            "vscode_insiders": False,
            "web_terminal": True,
            "ssh_helper": True,
            "port_forwarding_helper": True,
        }
    ]
    assert values["data.coder_workspace.me"]["start_count"] == 1
    assert values["data.coder_parameter.region"]["value"] == "us"
    assert values["data.coder_parameter.cpus"]["value"] == "2"
    assert values["data.coder_parameter.name"]["value"] == ""
    assert json.loads(values["data.coder_parameter.tools"]["value"]) == ["git"]
    assert values["terraform_data.machine[0]"]["input"]["cpus"] == 2


@pytest.mark.requirement("TF-PROVIDER-01", "TF-PROVIDER-02")
def test_a_workspace_is_made_kept_stopped_and_removed(full: Terraform) -> None:
    full.facts = dataclasses.replace(FACTS, parameters={**FACTS.parameters, "name": "x"})
    full.apply()
    first = full.values()
    agent = first["coder_agent.main"]
    machine = first["terraform_data.machine[0]"]["output"]
    assert machine["token"] == agent["token"]
    assert machine["script"] == SCRIPTS["linux_amd64"]
    assert machine["cpus"] == 3
    assert first["module.code_server[0].coder_app.code-server"]["agent_id"] == agent["id"]
    assert first['coder_env.each["EDITOR"]']["value"] == "vim"
    assert first["coder_metadata.machine[0]"]["item"] == [
        {"key": "cpus", "value": "3", "sensitive": False, "is_null": False},
        {"key": "token", "value": agent["token"], "sensitive": True, "is_null": False},
        {"key": "nothing", "value": None, "sensitive": False, "is_null": True},
    ]
    assert len({each["id"] for address, each in first.items() if address.startswith("coder_")}) >= 8
    # The same build again changes nothing.
    full.plan()
    assert full.changes() == {}
    full.facts = dataclasses.replace(full.facts, transition="stop", build_id="22222222-0000-4000-8000-000000000002")
    full.apply()
    stopped = full.values()
    assert stopped["coder_agent.main"] == agent
    assert "terraform_data.machine[0]" not in stopped
    assert stopped["terraform_data.home"] == first["terraform_data.home"]
    full.facts = dataclasses.replace(full.facts, transition="start", build_id="33333333-0000-4000-8000-000000000003")
    full.apply()
    again = full.values()
    assert again["terraform_data.home"] == first["terraform_data.home"]
    assert again["coder_agent.main"]["id"] == agent["id"]
    assert again["terraform_data.machine[0]"]["output"]["token"] == again["coder_agent.main"]["token"] != agent["token"]
    full.facts = dataclasses.replace(full.facts, transition="stop")
    done = full.run("destroy", "-auto-approve", "-json")
    assert done.status == 0, done.output
    assert full.values() == {}


@pytest.mark.requirement("TF-PROVIDER-02")
def test_data_sources_say_what_the_build_is_for(full: Terraform) -> None:
    full.facts = dataclasses.replace(FACTS, parameters={**FACTS.parameters, "name": "x"})
    done = full.plan()
    assert done.status == 0, done.output
    values = full.values(planned=True)
    workspace = values["data.coder_workspace.me"]
    wanted = {
        "id": FACTS.workspace_id,
        "name": "dev",
        "transition": "start",
        "start_count": 1,
        "access_url": URL,
        "access_port": 443,
        "template_id": "c1",
        "template_name": "full",
        "template_version": "v1",
        "is_prebuild": False,
        "is_prebuild_claim": False,
        "prebuild_count": 0,
        "owner": "ada",
    }
    assert {name: workspace[name] for name in wanted} == wanted
    assert values["data.coder_workspace_owner.me"] == {
        "id": FACTS.owner_id,
        "name": "ada",
        "full_name": "Ada Lovelace",
        "email": "ada@example.com",
        "groups": ["developers", "ops"],
        "rbac_roles": [{"name": "member", "org_id": ""}, {"name": "organization-member", "org_id": "o1"}],
        "login_type": "password",
        "ssh_public_key": "ssh-ed25519 AAAA",
        "ssh_private_key": "-----KEY-----",
        "session_token": "session",
        "oidc_access_token": "oidc",
    }
    assert values["data.coder_provisioner.me"]["os"] == "linux"
    assert values["data.coder_provisioner.me"]["arch"] in {"amd64", "arm64"}
    assert values["data.coder_external_auth.github"]["access_token"] == "gh-token"
    assert values["data.coder_external_auth.other"]["access_token"] == ""
    assert values["data.coder_workspace_tags.tags"]["tags"] == {"cluster": "eu", "cpus": "many"}
    assert values["data.coder_task.me"] == {"id": "", "prompt": "", "enabled": False}


@pytest.mark.requirement("TF-PROVIDER-02")
@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"transition": "stop"}, ("stop", 0, False, False, 0)),
        ({"is_prebuild": True}, ("start", 1, True, False, 1)),
        ({"is_prebuild_claim": True}, ("start", 1, False, True, 0)),
    ],
)
def test_kinds_of_builds_are_told_apart(
    terraform: Terraform, facts: dict[str, object], wanted: tuple[object, ...]
) -> None:
    terraform.facts = dataclasses.replace(FACTS, **facts)  # type: ignore[arg-type]
    terraform.write('data "coder_workspace" "me" {}\nprovider "coder" {\n  url = "http://10.0.0.1:3000/"\n}\n')
    terraform.plan()
    me = terraform.values(planned=True)["data.coder_workspace.me"]
    names = ("transition", "start_count", "is_prebuild", "is_prebuild_claim", "prebuild_count")
    assert tuple(me[name] for name in names) == wanted
    assert (me["access_url"], me["access_port"]) == ("http://10.0.0.1:3000", 3000)


AGENT = """
data "coder_workspace" "me" {}
resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"
}
resource "terraform_data" "machine" {
  count            = data.coder_workspace.me.start_count
  triggers_replace = [coder_agent.main.token]
}
"""


@pytest.mark.requirement("TF-PROVIDER-03")
@pytest.mark.parametrize("by", ["claim", "running token", "nothing"])
def test_a_claim_and_running_agents_keep_their_tokens(terraform: Terraform, by: str) -> None:
    terraform.facts = dataclasses.replace(FACTS, is_prebuild=True)
    terraform.write(AGENT)
    terraform.apply()
    before = terraform.values()
    token = before["coder_agent.main"]["token"]
    later = dataclasses.replace(FACTS, build_id="22222222-0000-4000-8000-000000000002", is_prebuild_claim=by == "claim")
    terraform.facts = dataclasses.replace(later, agent_tokens={"main": token} if by == "running token" else {})
    terraform.apply()
    is_kept = by != "nothing"
    assert (terraform.values()["coder_agent.main"]["token"] == token) is is_kept
    assert (
        terraform.values()["terraform_data.machine[0]"]["id"] == before["terraform_data.machine[0]"]["id"]
    ) is is_kept


@pytest.mark.requirement("TF-PROVIDER-03")
def test_an_agent_that_proves_itself_by_its_machine_has_no_token(terraform: Terraform) -> None:
    terraform.facts = FACTS
    terraform.write(
        """
resource "coder_agent" "main" {
  os   = "linux"
  arch = "arm64"
  auth = "aws-instance-identity"
}
resource "terraform_data" "machine" {
  input = coder_agent.main.init_script
}
resource "coder_agent_instance" "main" {
  agent_id    = coder_agent.main.id
  instance_id = terraform_data.machine.id
}
"""
    )
    terraform.apply()
    values = terraform.values()
    assert values["coder_agent.main"]["token"] == ""
    assert values["coder_agent.main"]["init_script"] == SCRIPTS["linux_arm64"]
    assert values["coder_agent_instance.main"]["instance_id"] == values["terraform_data.machine"]["id"]
    terraform.plan()
    assert terraform.changes() == {}


@pytest.mark.requirement("TF-PROVIDER-04")
def test_what_is_not_known_yet_is_planned_around(terraform: Terraform) -> None:
    terraform.facts = FACTS
    terraform.write(
        """
resource "terraform_data" "before" {
  input = { arch = "amd64", auth = "token", slug = "web", keys = ["a", "b"], cron = "0 0 22 * * *", url = "http://localhost" }
}
locals { late = terraform_data.before.output }
resource "coder_agent" "main" {
  os   = "linux"
  arch = local.late.arch
  auth = local.late.auth
  env  = { KEY = local.late.slug }
  dynamic "metadata" {
    for_each = local.late.keys
    content {
      key      = metadata.value
      script   = "date"
      interval = 5
    }
  }
}
resource "coder_app" "web" {
  agent_id = coder_agent.main.id
  slug     = local.late.slug
  url      = local.late.url
}
resource "coder_script" "nightly" {
  agent_id     = coder_agent.main.id
  display_name = "Nightly"
  cron         = local.late.cron
  script       = "true"
}
resource "coder_metadata" "about" {
  resource_id = terraform_data.before.id
  item {
    key   = "late"
    value = local.late.slug
  }
}
data "coder_parameter" "late" {
  name    = "late"
  type    = "string"
  default = local.late.slug
}
resource "terraform_data" "after" {
  input = [coder_agent.main.init_script, data.coder_parameter.late.value, coder_agent.main.id]
}
"""
    )
    terraform.apply()
    values = terraform.values()
    assert [each["key"] for each in values["coder_agent.main"]["metadata"]] == ["a", "b"]
    assert values["coder_metadata.about"]["item"][0]["is_null"] is False
    assert values["terraform_data.after"]["output"] == [SCRIPTS["linux_amd64"], "web", values["coder_agent.main"]["id"]]
    terraform.plan()
    assert terraform.changes() == {}


@pytest.mark.requirement("TF-PROVIDER-04")
def test_changes_are_made_in_place(terraform: Terraform) -> None:
    terraform.facts = FACTS
    terraform.write(AGENT)
    terraform.apply()
    before = terraform.values()["coder_agent.main"]
    terraform.write(
        AGENT.replace('arch = "amd64"', 'arch = "arm64"\n  dir  = "/work"\n  order = 3\n  display_apps {\n  }')
    )
    terraform.plan()
    assert terraform.changes() == {"coder_agent.main": ["update"]}
    terraform.apply()
    after = terraform.values()["coder_agent.main"]
    assert (after["id"], after["token"]) == (before["id"], before["token"])
    assert (after["dir"], after["order"], after["init_script"]) == ("/work", 3, SCRIPTS["linux_arm64"])


@pytest.mark.requirement("TF-PROVIDER-01")
def test_a_task_and_an_agent_outside(terraform: Terraform) -> None:
    terraform.facts = FACTS
    terraform.more = {"CODER_TASK_ID": "t1", "CODER_TASK_PROMPT": "Mend the roof"}
    terraform.write(
        AGENT
        + """
data "coder_task" "me" {}
resource "coder_app" "chat" {
  agent_id = coder_agent.main.id
  slug     = "chat"
  url      = "http://localhost:3284"
}
resource "coder_ai_task" "task" {
  count  = data.coder_task.me.enabled ? data.coder_workspace.me.start_count : 0
  app_id = coder_app.chat.id
}
resource "coder_ai_task" "older" {
  sidebar_app {
    id = coder_app.chat.id
  }
}
resource "coder_external_agent" "main" {
  agent_id = coder_agent.main.id
}
"""
    )
    terraform.apply()
    values = terraform.values()
    assert values["data.coder_task.me"] == {"id": "t1", "prompt": "Mend the roof", "enabled": True}
    task = values["coder_ai_task.task[0]"]
    assert (task["app_id"], task["prompt"], task["enabled"]) == (values["coder_app.chat"]["id"], "Mend the roof", True)
    assert values["coder_external_agent.main"]["agent_id"] == values["coder_agent.main"]["id"]
    terraform.plan()
    assert terraform.changes() == {}


@pytest.mark.requirement("TF-PROVIDER-06")
def test_a_state_of_the_real_provider_is_taken_over(terraform: Terraform) -> None:
    """Written by hand: an older schema, attributes that ours does not have, and its own private data."""
    attributes = {
        "id": "a0000000-0000-4000-8000-000000000001",
        "os": "linux",
        "arch": "amd64",
        "auth": "token",
        "token": "kept",
        "init_script": "old",
        "of_another_version": {"x": 1},
        "order": None,
        "display_apps": [{"vscode": True, "vscode_insiders": False}],
        "metadata": [],
    }
    state = {
        "version": 4, "terraform_version": "1.9.0", "serial": 3, "lineage": "l", "outputs": {},
        "resources": [
            {
                "mode": "managed", "type": "coder_agent", "name": "main",
                "provider": 'provider["registry.terraform.io/coder/coder"]',
                "instances": [{"schema_version": 0, "attributes": attributes, "private": "eyJzY2hlbWFfdmVyc2lvbiI6IjEifQ=="}],
            }
        ],
    }  # fmt: skip
    (terraform.folder / "terraform.tfstate").write_text(json.dumps(state))
    terraform.facts = dataclasses.replace(FACTS, is_prebuild_claim=True)
    terraform.write(AGENT)
    terraform.apply()
    agent = terraform.values()["coder_agent.main"]
    assert (agent["id"], agent["token"]) == (attributes["id"], "kept")
    assert agent["init_script"] == SCRIPTS["linux_amd64"]
    terraform.facts = dataclasses.replace(FACTS, build_id="22222222-0000-4000-8000-000000000002")
    terraform.apply()
    assert terraform.values()["coder_agent.main"]["token"] != "kept"


@pytest.mark.requirement("TF-PROVIDER-06")
def test_nothing_can_be_imported(terraform: Terraform) -> None:
    terraform.write(AGENT)
    terraform.run("init")
    done = terraform.run("import", "coder_agent.main", "x")
    assert done.status == 1
    assert "coder_agent cannot be imported" in done.output


@pytest.mark.requirement("TF-PROVIDER-07")
def test_a_kubernetes_template_is_planned_and_applied(tmp_path: Path) -> None:
    terraform = prepare_terraform(tmp_path, with_kubernetes=True)
    terraform.write((Path(__file__).parent / "kubernetes.tf").read_text())
    done = terraform.run("init")
    assert done.status == 0, done.output
    done = terraform.run("validate", "-json")
    assert json.loads(done.output)["valid"], done.output
    terraform.facts = FACTS
    terraform.apply()
    values = terraform.values()
    container = values["kubernetes_deployment_v1.main[0]"]["spec"][0]["template"][0]["spec"][0]["container"][0]
    assert container["command"] == ["sh", "-c", SCRIPTS["linux_amd64"]]
    assert container["env"][0]["value"] == values["coder_agent.main"]["token"]
    assert values["kubernetes_persistent_volume_claim_v1.home"]["id"] == f"workspaces/home-{FACTS.workspace_id}"
    terraform.plan()
    assert terraform.changes() == {}
    terraform.facts = dataclasses.replace(FACTS, transition="stop")
    terraform.apply()
    assert sorted(address for address in terraform.values() if address.startswith("kubernetes")) == [
        "kubernetes_persistent_volume_claim_v1.home"
    ]
