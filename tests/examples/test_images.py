"""The recipes of the reference image: the one that needs no registry is made for real, and a workspace runs in it."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.podman import COMPONENTS, Podman
from tests.support.program import Cli
from tests.support.server import Server, running_server

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "images"
IMAGE = "localhost/workspace-base:test"


def settings_of_the_image() -> list[str]:
    """Return what the recipe tells people to give to `podman import`."""
    words = (FOLDER / "make-image").read_text().rpartition("podman import ")[2].partition(" $archive")[0]
    return words.replace("'", "").replace("--change ", "\n--change=").split("\n")[1:]


def origin() -> list[str]:
    """Return the options that name this machine's own release and its mirror, where that is Debian's and new enough.

    A machine that may reach its own mirror need not reach any other.
    """
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    except FileNotFoundError:
        lines = []
    found = [line.split() for line in lines if line.endswith((" bookworm", " trixie"))]
    return ["--suite", found[0][1], "--mirror", found[0][0].rstrip("/")] if found else []


@pytest.fixture(scope="module")
def archive() -> Path:
    """The image's archive: made once for a recipe, and kept with the packages, since that takes minutes."""
    recipe = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in ("make-image", "packages"))).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "homeport-tests"
    path = cache / f"reference-image-{recipe[:16]}.tar"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        command = [str(FOLDER / "make-image"), *origin(), "--keep", str(cache / "packages"), str(draft)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
        assert done.returncode == 0, done.stderr
        draft.replace(path)
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, podman_service: Podman, archive: Path) -> Iterator[Server]:
    podman_service.call("import", *(word.strip() for word in settings_of_the_image()), str(archive), IMAGE)
    environment = {"DOCKER_HOST": podman_service.url}
    with running_server(tmp_path_factory.mktemp("image"), daemons=1, environment=environment) as server:
        server.set_up()
        yield server
    podman_service.clear()
    podman_service.call("rmi", "-f", IMAGE)


@pytest.mark.requirement("IMAGE-REFERENCE-01")
@pytest.mark.needs(*COMPONENTS, "debootstrap")
@pytest.mark.xdist_group("podman")
@pytest.mark.timeout(590)
def test_a_workspace_runs_in_the_reference_image(server: Server, podman_service: Podman, tmp_path: Path) -> None:
    api = server.api
    container = {"image": IMAGE, "pull": "never"}
    files: dict[str, str | bytes] = {
        "homeport.yaml": json.dumps({"container": container, "agents": [{"name": "main"}]})
    }
    workspace = api.make_workspace(api.make_template("reference", "container", files), "dev")
    assert api.build_ended(workspace["latest_build"])["job"]["status"] == "succeeded"
    api.wait_for_agent(workspace, status="connected", lifecycle_state="ready")
    cli = Cli(tmp_path / "person")
    cli.ok("login", server.url, "--token", server.token)
    said = cli.ok("ssh", "dev", "--", "id -u; id -un; pwd; echo $SHELL; echo $LANG").out.split()
    assert said == ["1000", "dev", "/home/dev", "/bin/bash", "C.UTF-8"]
    packages = (FOLDER / "packages").read_text().split()
    asked = cli.ok("ssh", "dev", "--", f"dpkg-query -W -f '${{Package}} ${{Status}}\\n' {' '.join(packages)}").out
    assert asked.splitlines() == [f"{name} install ok installed" for name in packages]
    cli.ok(
        "ssh",
        "dev",
        "--",
        "git init -q work && cd work && git -c user.name=A -c user.email=a@b commit -q --allow-empty -m x",
    )
    assert api.build(workspace, "delete")["job"]["status"] == "succeeded"


@pytest.mark.requirement("IMAGE-REFERENCE-02")
def test_both_recipes_make_the_same() -> None:
    recipe = (FOLDER / "Containerfile").read_text()
    lines = [line for line in recipe.splitlines() if not line.startswith("#")]
    assert [line for line in lines if line.startswith(("USER", "WORKDIR", "ENV"))] == [
        "ENV LANG=C.UTF-8",
        "USER dev",
        "WORKDIR /home/dev",
    ]
    assert {change.strip().removeprefix("--change=") for change in settings_of_the_image()} == {
        "USER dev",
        "WORKDIR /home/dev",
        "ENV LANG=C.UTF-8",
    }
    user = "useradd --create-home --shell /bin/bash --uid 1000 dev"
    assert user in recipe
    assert user in (FOLDER / "make-image").read_text()
    readme = (FOLDER / "README.md").read_text()
    assert all(change.replace("--change=", "--change '").strip() in readme for change in settings_of_the_image())


@pytest.mark.requirement("IMAGE-REFERENCE-02")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "usage: make-image"),
        (["--suite"], "usage: make-image"),
        (["--speed", "9", "x.tar"], "usage: make-image"),
        (["one.tar", "two.tar"], "usage: make-image"),
        (["--mirror", "http://127.0.0.1:9/debian", "x.tar"], "127.0.0.1:9"),
    ],
)
@pytest.mark.needs("debootstrap")
def test_the_recipe_says_what_is_wrong_and_leaves_nothing(arguments: list[str], words: str, tmp_path: Path) -> None:
    if os.geteuid() != 0 and "--mirror" in arguments:
        words = "needs root"
    done = subprocess.run(
        [str(FOLDER / "make-image"), *arguments],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode in {1, 2}
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []
