"""A Terraform template as Coder's documentation teaches it: the machine's container runs init_script, and its agent comes."""

import json
from collections.abc import Iterator

import pytest

from tests.support.api import Api
from tests.support.podman import COMPONENTS, IMAGE, Podman
from tests.support.server import Server, running_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.needs(*COMPONENTS, "terraform", "curl")
# The machines are made through Docker's API by curl: a provider of containers would have to come from a registry.
MAIN = """
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
data "coder_provisioner" "me" {}
data "coder_workspace" "me" {}
data "coder_workspace_owner" "me" {}
resource "coder_agent" "main" {
  os   = "linux"
  arch = data.coder_provisioner.me.arch
}
resource "terraform_data" "machine" {
  count            = data.coder_workspace.me.start_count
  input            = "homeport-terraform-${data.coder_workspace.me.id}"
  triggers_replace = [coder_agent.main.id]
  provisioner "local-exec" {
    command = <<-EOT
      set -e
      call() { curl -fsS --unix-socket SOCKET -H 'Content-Type: application/json' "$@" >/dev/null; }
      printf %s "$MACHINE" | call -d @- "http://engine/containers/create?name=$NAME"
      call -X POST "http://engine/containers/$NAME/start"
    EOT
    environment = {
      NAME = self.input
      MACHINE = jsonencode({
        Image      = "IMAGE"
        User       = "dev"
        Entrypoint = ["sh", "-c", coder_agent.main.init_script]
        Env = [
          "CODER_AGENT_TOKEN=${coder_agent.main.token}", "HOME=/home/dev",
          "OWNER_TOKEN=${data.coder_workspace_owner.me.session_token}",
        ]
        HostConfig = { NetworkMode = "host" }
      })
    }
  }
  provisioner "local-exec" {
    when    = destroy
    command = "curl -fsS --unix-socket SOCKET -X DELETE 'http://engine/containers/${self.input}?force=true'"
  }
}
"""


@pytest.fixture
def terraform_server(tmp_path_factory: pytest.TempPathFactory, podman_service: Podman) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("terraform")) as server:
        server.set_up()
        yield server
    podman_service.clear()


def api_with(server: Server, token: str) -> Api:
    """Return what calls the server with another token."""
    api = Api(server.url)
    api.client.headers["Coder-Session-Token"] = token
    return api


@pytest.mark.requirement("BOOT-TERRAFORM-01", "WS-SESSION-01")
@pytest.mark.timeout(400)
def test_the_agent_of_a_terraform_workspace_comes_and_goes(terraform_server: Server, podman_service: Podman) -> None:
    api = terraform_server.api
    main = MAIN.replace("SOCKET", str(podman_service.socket)).replace("IMAGE", IMAGE)
    template = api.make_template("terraform", "terraform", {"main.tf": main})
    workspace = api.make_workspace(template, "dev")
    ended = api.build_ended(workspace["latest_build"])
    assert ended["job"]["status"] == "succeeded", ended["job"]
    api.wait_for_agent(workspace, status="connected", lifecycle_state="ready")
    [name] = podman_service.things()["containers"]
    made = podman_service.inspect(name)
    assert made
    # The token is in the environment, as templates put it there, and in no command line.
    environment = dict(word.split("=", 1) for word in made["Config"]["Env"])
    token, owners = environment["CODER_AGENT_TOKEN"], environment["OWNER_TOKEN"]
    assert token not in json.dumps(made["Config"]["Entrypoint"])
    assert token not in podman_service.call("top", name, "args")
    # What runs there acts as the workspace's owner, until the workspace stops.
    assert api_with(terraform_server, owners).call("GET", "/users/me")["username"] == workspace["owner_name"]
    assert owners not in json.dumps(api.call("GET", f"/workspacebuilds/{ended['id']}/logs"))
    assert api.build(workspace, "stop")["job"]["status"] == "succeeded"
    assert api_with(terraform_server, owners).client.get("/api/v2/users/me").status_code == 401
    assert podman_service.things()["containers"] == []
    assert api.build(workspace, "start")["job"]["status"] == "succeeded"
    api.wait_for_agent(workspace, status="connected", lifecycle_state="ready")
    assert api.build(workspace, "delete")["job"]["status"] == "succeeded"
    wait_for(lambda: podman_service.things()["containers"] == [], seconds=20)
