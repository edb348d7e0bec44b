"""The example templates, built with the real engine and the real agent."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from homeport_provisioner.control_plane import ControlPlane
from homeport_provisioner.daemon import Daemon
from homeport_provisioner.process.engine import ProcessEngine
from homeport_provisioner.process.isolation import find_isolator
from homeport_provisioner.settings import Settings
from homeport_provisioner.template import read_template
from tests.homeport_provisioner.conftest import ended
from tests.homeport_provisioner.process_workspaces import Workspace, until
from tests.homeport_provisioner.stand_in import StandIn
from tests.support.served import make_repository, serve_folder

EXAMPLES = Path(__file__).parents[2] / "examples" / "templates"
# A build backend inside of the project: nothing has to be downloaded to install it.
BACKEND = """
import zipfile
METADATA = "Metadata-Version: 2.1\\nName: sample\\nVersion: 1.0\\nProvides-Extra: test\\n"
def get_requires_for_build_editable(config_settings=None):
    return []
def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "sample-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        import os
        wheel.writestr("sample.pth", os.getcwd())
        wheel.writestr("sample-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("sample-1.0.dist-info/RECORD", "")
    return name
build_wheel = build_editable
"""
PROJECT = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "sample"\nversion = "1.0"\n[project.optional-dependencies]\ntest = []\n',
    "backend.py": BACKEND,
    "sample.py": "ANSWER = 42\n",
    "install.sh": "echo done > $HOME/installed\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A git repository on loopback, by plain http."""
    origin = tmp_path / "origin"
    origin.mkdir()
    for name, content in PROJECT.items():
        (origin / name).write_text(content)
    served = tmp_path / "served"
    served.mkdir()
    make_repository(origin, served / "sample.git", "side")
    with serve_folder(served) as url:
        yield f"{url}sample.git"


@pytest.fixture
async def daemon(settings: Settings) -> AsyncIterator[Daemon]:
    settings.data_dir.mkdir(mode=0o700)
    isolator = await find_isolator(settings)
    async with ControlPlane(settings) as plane:
        daemon = Daemon(settings, plane=plane, engines={"process": ProcessEngine(settings, isolator=isolator)})
        work = asyncio.create_task(daemon.run())
        yield daemon
        daemon.leave()
        await asyncio.wait_for(work, 30)


def example(name: str) -> dict[str, str | bytes]:
    return {path.name: path.read_bytes() for path in (EXAMPLES / name).iterdir()}


def states(stand_in: StandIn) -> list[str]:
    return [body["state"] for verb, _, body in stand_in.agent_calls if verb == "lifecycle"]


async def start(workspace: Workspace, **parameters: str) -> None:
    """Start and wait for the end of the start scripts; fail with their output when they fail."""
    stand_in = workspace.stand_in
    stand_in.agent_calls.clear()
    job = await workspace.build("start", parameters=parameters)
    assert job.result, job.failure
    ends = {"ready", "start_error", "start_timeout"}
    await until(lambda: ends & set(states(stand_in)), within=100, what=workspace.log)
    assert "ready" in states(stand_in), output(stand_in)


def output(stand_in: StandIn) -> str:
    return "\n".join(
        line["output"] for verb, _, body in stand_in.agent_calls if verb == "logs" for line in body["logs"]
    )


@pytest.mark.requirement("ENGINE-TEMPLATE-03")
@pytest.mark.parametrize("name", ["python-project", "shell"])
async def test_examples_are_imported(stand_in: StandIn, daemon: Daemon, name: str) -> None:
    assert read_template(EXAMPLES / name).agents
    job = await ended(stand_in.submit_import("process", example(name)))
    assert job.result, job.failure
    readme = job.result["template_import"]["readme"]
    front = readme.split("---")[1]
    assert all(f"{key}:" in front for key in ("display_name", "description", "icon", "tags"))


@pytest.mark.needs("git", "bubblewrap")
@pytest.mark.requirement("ENGINE-TEMPLATE-03")
async def test_shell_brings_dotfiles(stand_in: StandIn, daemon: Daemon, settings: Settings, repository: str) -> None:
    workspace = Workspace(stand_in, settings, example("shell"))
    await start(workspace)
    assert not (workspace.folder.home / ".dotfiles").exists()
    await start(workspace, dotfiles=repository)
    await until((workspace.folder.home / "installed").exists, what=lambda: output(stand_in))
    (workspace.folder.home / "installed").unlink()
    await start(workspace, dotfiles=repository)
    await until((workspace.folder.home / "installed").exists, what=lambda: output(stand_in))
    assert (await workspace.build("delete")).result


@pytest.mark.needs("git", "bubblewrap")
@pytest.mark.requirement("ENGINE-TEMPLATE-03")
async def test_python_project_is_cloned_and_installed_once(
    stand_in: StandIn, daemon: Daemon, settings: Settings, repository: str
) -> None:
    workspace = Workspace(stand_in, settings, example("python-project"))
    values = {"repository": repository, "branch": "side"}
    await start(workspace, **values)
    home = workspace.folder.home
    assert (home / "project" / ".git" / "HEAD").read_text() == "ref: refs/heads/side\n"
    assert (home / "venv" / ".homeport-complete").exists()
    assert list((home / "venv").glob("lib/python3*/site-packages/sample.pth"))
    await until(lambda: "with its extra 'test'" in output(stand_in), what=lambda: output(stand_in))
    (home / "project" / "sample.py").write_text("ANSWER = 43\n")
    assert (await workspace.build("stop")).result
    await start(workspace, **values)
    await until(lambda: "The virtual environment is here already." in output(stand_in), what=lambda: output(stand_in))
    assert (home / "project" / "sample.py").read_text() == "ANSWER = 43\n"
    assert (await workspace.build("delete")).result
    assert not workspace.folder.exists
