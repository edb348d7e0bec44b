"""The real program against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.names import unique_name
from tests.support.program import Cli
from tests.support.server import Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its first user."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        running.set_up()
        yield running


@pytest.fixture
def nobody(tmp_path: Path) -> Cli:
    """The program on a machine where nobody has signed in."""
    return Cli(tmp_path / "nobody")


@pytest.fixture
def cli(tmp_path: Path, server: Server) -> Cli:
    """The program, signed in as the first user."""
    program = Cli(tmp_path)
    program.ok("login", server.url, "--token", server.token)
    return program


@pytest.fixture(scope="session")
def shell_template(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a template with one agent and a parameter."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "homeport.yaml").write_text(
        "name: shell\n"
        "parameters:\n"
        "  - {name: greeting, default: hello}\n"
        "agents:\n"
        "  - name: main\n"
        "    scripts:\n"
        "      - display_name: Greet\n"
        '        script: echo "the greeting is $HOMEPORT_PARAMETER_GREETING"\n'
        "        run_on_start: true\n"
        "        start_blocks_login: true\n"
    )
    name = unique_name("shell")
    program = Cli(folder)
    program.ok("login", server.url, "--token", server.token)
    program.ok("templates", "push", name, "-d", str(folder), "-y")
    return name


@pytest.fixture(scope="session")
def workspace(server: Server, shell_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a running workspace that every test may use and leave running."""
    program = Cli(tmp_path_factory.mktemp("workspace"))
    program.ok("login", server.url, "--token", server.token)
    name = unique_name("dev")
    program.ok("create", name, "--template", shell_template, "-y")
    # Made is not yet connected: whoever comes first would read that there is something to wait for.
    program.ok("ssh", name, "--", "true")
    yield name
    program.ok("delete", name, "-y")


@pytest.fixture
def push_echo(cli: Cli, tmp_path: Path):
    """Push a template that replays a script; returns its name."""

    def push(script: str, *arguments: str) -> str:
        name = unique_name("echo")
        folder = tmp_path / name
        folder.mkdir()
        (folder / "echo.yaml").write_text(script)
        cli.ok("templates", "push", name, "-d", str(folder), "-y", *arguments)
        return name

    return push
