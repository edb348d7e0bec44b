"""What a container is: users, mounts, limits, networks, rights – seen from inside and by the engine."""

import json
from typing import Any

import msgspec
import pytest

from homeport_provisioner.settings import Settings
from tests.homeport_provisioner.container.workspaces import Workspace, template
from tests.homeport_provisioner.process_workspaces import until
from tests.support.podman import COMPONENTS, NOTHING

pytestmark = [pytest.mark.needs(*COMPONENTS), pytest.mark.xdist_group("podman")]


@pytest.mark.requirement("CONTAINER-SHAPE-01")
async def test_all_that_a_template_can_say(workspace: Workspace) -> None:
    workspace.files = template(
        container={
            "user": "dev",
            "env": {"GREETING": "hello ${workspace.owner}", "PLACE": "${workspace.home}"},
            # The image has /root, and it is root's there.
            "volumes": [{"name": "cache", "path": "/var/cache/build"}, {"name": "more", "path": "/root"}],
            "tmpfs": [{"path": "/scratch", "size": "1MiB"}],
            "extra_hosts": {"db.internal": "10.9.8.7", "me": "host-gateway"},
            "labels": {"team": "${template.name}"},
        }
    )
    await workspace.start()
    seen = workspace.run(
        "id -un; echo $HOME; echo $GREETING; echo $PLACE; cat ~/.profile; stat -c %U ~; grep -c db.internal /etc/hosts;"
        "df --output=fstype,size /scratch | tail -1; echo x > /scratch/x && echo y > ~/y && pwd"
    ).splitlines()
    assert seen[:7] == ["dev", "/home/dev", "hello ada", "/home/dev", "# from the image", "dev", "1"]
    assert seen[7].split() == ["tmpfs", "1024"]
    assert seen[8] == "/home/dev"
    workspace.run("echo kept > /var/cache/build/kept; echo mine > /root/mine")
    config = workspace.inspect()["Config"]
    assert config["Labels"]["team"] == "t"
    assert config["Labels"]["homeport.workspace-id"] == workspace.id
    assert config["Labels"]["homeport.daemon"] == "tester"
    assert (await workspace.build("stop")).result
    await workspace.start()
    assert workspace.run("cat /var/cache/build/kept /root/mine").split() == ["kept", "mine"]
    assert (await workspace.build("delete")).result
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-SHAPE-01")
@pytest.mark.parametrize(("home", "user"), [("/space/of/mine", "1234:2345"), ("", "4321"), ("/home/ada", "dev")])
async def test_a_home_that_the_image_has_not_belongs_to_its_user(workspace: Workspace, home: str, user: str) -> None:
    workspace.files = template(container={"user": user} | ({"home": home} if home else {}))
    await workspace.start()
    place = home or "/home/ada"
    assert workspace.run("echo $HOME; echo mine > ~/mine; cat ~/mine; pwd").splitlines() == [place, "mine", place]


@pytest.mark.requirement("CONTAINER-LIMITS-01")
async def test_memory_processors_and_processes_are_bounded(workspace: Workspace) -> None:
    workspace.files = template(limits={"memory": "128MiB", "cpus": 1, "processes": 64})
    await workspace.start()
    host = workspace.inspect()["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (128 * 1024**2, 10**9, 64)
    hungry = "python3 -c 'x = bytearray(400 * 1024 * 1024); print(len(x))' || echo refused"
    assert "refused" in workspace.run(hungry)


@pytest.mark.requirement("CONTAINER-LIMITS-01")
async def test_fork_bomb_stays_inside(workspace: Workspace) -> None:
    """The shell forks until nothing more is to be had; the machine, the daemon and other workspaces go on."""
    workspace.files = template(limits={"processes": 200})
    await workspace.start()
    workspace.podman.call("exec", "-d", workspace.name, "/bin/sh", "-c", "bomb() { bomb | bomb & }; bomb")
    other = Workspace(workspace.stand_in, workspace.podman, template())
    await other.start()
    assert other.run("echo works") == "works"
    stopped = await workspace.build("stop")
    assert stopped.result, stopped.failure
    assert not workspace.is_running
    assert other.is_running


@pytest.mark.requirement("CONTAINER-SECRETS-01")
async def test_inspect_shows_no_secret(workspace: Workspace) -> None:
    workspace.files = template(
        'printf %s "$SECRET" > ~/secret; printf %s "$QUOTED" > ~/quoted',
        agents=[
            {
                "name": "main",
                "env": {"SECRET": "${variable.key}", "QUOTED": "a'b\"c$(touch /tmp/bad)`touch /tmp/bad`\nd"},
                "scripts": [
                    {
                        "display_name": "s",
                        "script": 'printf %s "$SECRET" > ~/secret; printf %s "$QUOTED" > ~/quoted',
                        "run_on_start": True,
                    }
                ],
            }
        ],
        variables=[{"name": "key", "sensitive": True}],
    )
    job = await workspace.start(variables=[{"name": "key", "value": "hunter2-hunter2", "sensitive": True}])
    assert workspace.run("cat ~/secret") == "hunter2-hunter2"
    assert workspace.run("cat ~/quoted") == "a'b\"c$(touch /tmp/bad)`touch /tmp/bad`\nd"
    assert workspace.run("ls /tmp/bad 2>&1 | grep -c cannot") == "1"
    shown = json.dumps(workspace.inspect()) + workspace.podman.call("volume", "inspect", f"{workspace.name}-home")
    for secret in ("hunter2-hunter2", job.agents[0]["token"]):
        assert secret not in shown
        assert secret not in job.text()
        assert secret not in workspace.log()
    assert job.agents[0]["token"] in workspace.run("cat /.homeport/agents/00")
    with pytest.raises(AssertionError, match="Permission denied"):
        workspace.run("cat /.homeport/agents/00", user="dev")


@pytest.mark.requirement("CONTAINER-RIGHTS-01")
@pytest.mark.parametrize(
    ("wish", "setting"),
    [
        ({"privileged": True}, "HOMEPORT_PROVISIONER_CONTAINER_ALLOW=privileged"),
        ({"network": "host"}, "HOMEPORT_PROVISIONER_CONTAINER_ALLOW=host-network"),
        ({"devices": ["/dev/null:/dev/mine"]}, "HOMEPORT_PROVISIONER_CONTAINER_DEVICES=/dev/null"),
    ],
)
async def test_rights_on_the_machine_need_its_operator(
    workspace: Workspace, wish: dict[str, Any], setting: str
) -> None:
    workspace.files = template(container=wish)
    error = await workspace.refused()
    assert setting in error
    imported = workspace.stand_in.submit_import("container", workspace.files)
    await until(imported.ended.is_set)
    assert setting in imported.failure["error"]


class TestAllowed:
    """A daemon whose operator allows everything."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return msgspec.structs.replace(
            settings, container_allow=("privileged", "host-network"), container_devices=("/dev/null",)
        )

    @pytest.mark.requirement("CONTAINER-RIGHTS-01")
    async def test_privileges_are_given(self, workspace: Workspace) -> None:
        workspace.files = template(container={"privileged": True, "network": "host"})
        await workspace.start()
        assert workspace.inspect()["HostConfig"]["Privileged"] is True

    @pytest.mark.requirement("CONTAINER-RIGHTS-01")
    async def test_devices_are_given(self, workspace: Workspace) -> None:
        workspace.files = template(container={"devices": ["/dev/null:/dev/mine:rw"]})
        await workspace.start()
        assert workspace.run("test -c /dev/mine && echo device") == "device"
