"""The whole product as people use it. These tests run one after the other: each of them loads the machine by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.names import unique_name
from tests.support.program import Cli
from tests.support.server import Server, running_server

EXAMPLES = Path(__file__).parents[2] / "examples" / "templates"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker, so that they share one server, and give them time on a busy machine."""
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("e2e"))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(400))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its first user."""
    with running_server(tmp_path_factory.mktemp("e2e")) as server:
        server.set_up()
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, which it may kill."""
    with running_server(tmp_path, daemons=2) as server:
        server.set_up()
        yield server


@pytest.fixture
def cli(tmp_path: Path, server: Server) -> Cli:
    """The program, signed in as the first user."""
    program = Cli(tmp_path / "person")
    program.ok("login", server.url, "--token", server.token)
    return program


@pytest.fixture
def workspace(cli: Cli) -> Iterator[str]:
    """Name of a running workspace from the example of an empty shell."""
    template, name = unique_name("shell"), unique_name("dev")
    cli.ok("templates", "push", template, "-d", str(EXAMPLES / "shell"), "-y")
    cli.ok("create", name, "--template", template, "-y")
    yield name
    cli.ok("delete", name, "-y")


@pytest.fixture(scope="module")
def mcp_template(server: Server) -> dict[str, Any]:
    """The template of an empty shell."""
    files: dict[str, str | bytes] = {path.name: path.read_bytes() for path in (EXAMPLES / "shell").iterdir()}
    return server.api.make_template(unique_name("shell"), "process", files)


@pytest.fixture(scope="module")
def place(server: Server, mcp_template: dict[str, Any]) -> Iterator[str]:
    """Name of a running workspace."""
    made = server.api.make_workspace(mcp_template, unique_name("mcp"))
    server.api.wait_for_agent(made, lifecycle_state="ready")
    yield made["name"]
    server.api.call("POST", f"/workspaces/{made['id']}/builds", json={"transition": "delete"})
