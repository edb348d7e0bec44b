"""Clients of other people against a whole server: the real programs, and a person who allows what they ask for."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import node_packages
from scripts.components import must_be_complete
from tests.interop.issuers import Homeport, Issuer, Peer
from tests.interop.published import Publisher, publisher
from tests.support.server import Server, running_server

CLIENTS = Path(__file__).parent / "clients"
EXAMPLES = Path(__file__).parents[2] / "examples" / "templates"
SCIM_TOKEN = "a-token-of-the-deployment-for-scim-0123456789"
RunNode = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker, so that they share one server."""
    for item in items:
        if "tests/interop/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("interop"))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """A host from which the server takes clients' documents."""
    with publisher(tmp_path_factory.mktemp("published")) as running:
        yield running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, published: Publisher) -> Iterator[Server]:
    """A server with its first user and the template `shell`."""
    with running_server(
        tmp_path_factory.mktemp("interop"),
        environment=published.environment,
        OAUTH2_CLIENT_METADATA_PRIVATE_HOSTS=published.authority,
        SCIM_AUTH_HEADER=SCIM_TOKEN,
    ) as server:
        server.set_up()
        files: dict[str, str | bytes] = {path.name: path.read_bytes() for path in (EXAMPLES / "shell").iterdir()}
        server.api.make_template("shell", "process", files)
        yield server


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the node clients beside their packages."""
    if not node_packages.is_here():
        if must_be_complete():
            pytest.fail(f"the npm packages of tests/interop are missing: {node_packages.HOW_TO_BRING}", pytrace=False)
        pytest.skip(f"the npm packages of tests/interop are missing: {node_packages.HOW_TO_BRING}")
    folder = tmp_path_factory.mktemp("node")
    (folder / "node_modules").symlink_to(node_packages.folder() / "node_modules")
    for path in CLIENTS.glob("*.mjs"):
        (folder / path.name).write_text(path.read_text())
    return folder


@pytest.fixture
def run_node(node: Path, server: Server) -> RunNode:
    """Run one of the node clients to its end; returns what it printed."""

    def run(name: str, **environment: str) -> str:
        program = node_packages.node()
        assert program is not None
        variables = {
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(node),
            "SERVER_URL": server.url,
            "PERSON_TOKEN": server.token,
            **environment,
        }
        done = subprocess.run(
            [program, str(node / name)], env=variables, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == 0, f"{name}: {done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    return run


@pytest.fixture(scope="session", params=["homeport", "peer"])
def issuer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """Two authorization servers, one after the other: ours, and one of other people's (clients/peer.mjs).

    Refresh tokens are used up at once: our grace is switched off, for the other server has none.
    """
    if request.param == "homeport":
        with running_server(tmp_path_factory.mktemp("black-box"), OAUTH2_REFRESH_GRACE="0s") as server:
            server.set_up()
            yield Homeport(server)
        return
    folder, program = request.getfixturevalue("node"), node_packages.node()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NODE_ENV": "test"}
    command = [str(program), str(folder / "peer.mjs")]
    with (
        (folder / "peer.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "peer.log").read_text()
            yield Peer(json.loads(line)["url"])
        finally:
            process.terminate()
