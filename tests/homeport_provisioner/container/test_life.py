"""The life of a container workspace with a real Podman: start, work, stop, start, delete."""

import pytest

from tests.homeport_provisioner.container.workspaces import Workspace
from tests.support.podman import COMPONENTS, NOTHING

pytestmark = [pytest.mark.needs(*COMPONENTS), pytest.mark.xdist_group("podman")]


@pytest.mark.requirement("CONTAINER-LIFE-01")
async def test_home_outlives_the_container_and_delete_leaves_nothing(workspace: Workspace) -> None:
    job = await workspace.start()
    [resource] = job.result["workspace_build"]["resources"]
    assert (resource["type"], resource["agents"][0]["operating_system"]) == ("container", "linux")
    assert {"key": "isolation", "value": "container"}.items() <= resource["metadata"][0].items()
    workspace.run("echo kept > ~/kept; echo gone > /srv-file; mkdir -p /root/deep/er")
    first = workspace.inspect()["Id"]

    assert (await workspace.build("stop")).result
    assert workspace.podman.things() == {**NOTHING, "volumes": [f"{workspace.name}-home"]}

    await workspace.start()
    assert workspace.inspect()["Id"] != first
    assert workspace.run("cat ~/kept; ls /srv-file 2>&1; ls -d ~/deep/er").splitlines() == [
        "kept",
        "ls: cannot access '/srv-file': No such file or directory",
        "/root/deep/er",
    ]
    deleted = await workspace.build("delete")
    assert deleted.result, deleted.failure
    assert deleted.build_state == b""
    assert workspace.podman.things() == NOTHING
