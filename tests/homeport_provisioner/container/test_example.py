"""The example template, built and used with a real Podman; its base is the tests' image, for want of a registry."""

from pathlib import Path

import pytest

from homeport_cli.folders import guess_engine
from tests.homeport_provisioner.conftest import ended
from tests.homeport_provisioner.container.workspaces import Workspace
from tests.support.podman import COMPONENTS, IMAGE, NOTHING

EXAMPLE = Path(__file__).parents[3] / "examples" / "templates" / "container"
pytestmark = [pytest.mark.needs(*COMPONENTS), pytest.mark.xdist_group("podman")]


@pytest.mark.requirement("CONTAINER-EXAMPLE-01")
async def test_example_is_imported_and_works(workspace: Workspace) -> None:
    workspace.files = {path.name: path.read_bytes() for path in EXAMPLE.iterdir()}
    job = await ended(workspace.stand_in.submit_import("container", workspace.files))
    assert job.result, job.failure
    [agent] = job.result["template_import"]["start_resources"][0]["agents"]
    assert agent["name"] == "main"
    await workspace.start(variables=[{"name": "base_image", "value": IMAGE}])
    assert workspace.run("id -un; echo $HOME; touch ~/x && echo writable").split() == ["dev", "/home/dev", "writable"]
    assert workspace.inspect()["HostConfig"]["Memory"] == 4 * 1024**3
    assert (await workspace.build("delete")).result
    assert workspace.podman.things() == NOTHING


@pytest.mark.requirement("CONTAINER-EXAMPLE-01")
def test_engine_is_guessed_from_the_file(tmp_path: Path) -> None:
    assert guess_engine(EXAMPLE) == "container"
    assert guess_engine(EXAMPLE.parent / "shell") == "process"
    for text, engine in (
        ('{"agents": [{}], "container": {"image": "x"}}', "container"),
        ("agents:\n- metadata:\n  - key: container\n", "process"),
        ("container: [\n", "process"),
        ("- container\n", "process"),
    ):
        (tmp_path / "homeport.yaml").write_text(text)
        assert guess_engine(tmp_path) == engine
