"""A real package's own tests, run in a workspace from the example for Python projects."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.e2e.conftest import EXAMPLES
from tests.support.names import unique_name
from tests.support.program import Cli
from tests.support.served import make_repository, serve_folder

PACKAGE, VERSION = "more-itertools", "10.5.0"
# What pip needs in the workspace, from the same index as the package: the workspace itself reaches loopback only.
TOOLS = ("flit_core>=3.2,<4", "pytest")


def download(folder: Path, *words: str) -> None:
    """Let pip fetch from the index that this machine uses."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A folder with the package's source as a git repository, and with the wheels that its tests need."""
    folder = tmp_path / "served"
    download(folder, "--no-deps", "--no-binary", PACKAGE, f"{PACKAGE}=={VERSION}")
    download(folder, *TOOLS)
    archives = list(folder.glob("more*itertools-*.tar.gz"))
    assert len(archives) == 1
    with tarfile.open(archives[0]) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    archives[0].unlink()
    sources = list((tmp_path / "source").iterdir())
    assert len(sources) == 1
    assert (sources[0] / "tests").is_dir()
    make_repository(sources[0], folder / "package.git")
    return folder


@pytest.mark.needs("git", "bubblewrap")
@pytest.mark.requirement("E2E-PACKAGE-01")
def test_a_packages_own_tests_pass_in_a_workspace(cli: Cli, served: Path) -> None:
    template, name = unique_name("python"), unique_name("package")
    with serve_folder(served) as url:
        variables = ["--variable", f"package_folder={url}", "--variable", f"package_index={url}no-index/"]
        cli.ok("templates", "push", template, "-d", str(EXAMPLES / "python-project"), "-y", *variables)
        cli.ok("create", name, "--template", template, "-y", "--parameter", f"repository={url}package.git")
        # The first command waits for the start script, which clones and installs.
        tests = cli.run("ssh", name, "--", "python -m pytest -q -p no:cacheprovider", seconds=300)
    assert tests.status == 0, (tests, cli.run("logs", name).out)
    last = tests.out.splitlines()[-1]
    assert int(last.split(" passed")[0].split()[-1]) > 500, last
    assert "failed" not in last
    where = cli.ok("ssh", name, "--", "python -c 'import more_itertools; print(more_itertools.__file__)'").out
    assert "/project/more_itertools/" in where
    cli.ok("delete", name, "-y")
