"""The main job by the command line alone: from an empty clone to a command in a workspace, and back to nothing."""

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from homeport_provisioner.process.identity import COOKIE_VARIABLE
from tests.support.api import PASSWORD
from tests.support.owners import is_alive
from tests.support.program import Cli
from tests.support.server import EMAIL, USERNAME, Server, free_port, workspace_processes
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".homeport", ".cache", "__pycache__", ".*_cache", ".hypothesis")


@contextmanager
def make_serve(clone: Path) -> Iterator[tuple[str, Path]]:
    """Run `make serve` as the README says; yields the address and where its output goes."""
    address = f"127.0.0.1:{free_port()}"
    log = clone.parent / "serve.log"
    own = ("HOMEPORT_", "CODER_", "VIRTUAL_ENV", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    with log.open("wb") as output:
        command = ["make", "serve", f"ARGS=--http-address {address}"]
        process = subprocess.Popen(
            command, cwd=clone, env=environment, stdout=output, stderr=output, start_new_session=True
        )

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()[-4000:]
        try:
            is_healthy = httpx.get(f"http://{address}/healthz", timeout=1, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
        return is_healthy and "homeport login" in log.read_text()

    try:
        wait_for(is_up, seconds=240)
        yield f"http://{address}", log
        os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
        process.wait(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.needs("bubblewrap")
@pytest.mark.requirement("E2E-MAIN-01", "E2E-MAIN-02", "E2E-MAIN-03", "E2E-MAIN-04")
def test_from_an_empty_clone_to_a_command_in_a_workspace_and_back_to_nothing(tmp_path: Path):
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=LEFT_OUT)
    with make_serve(clone) as (url, log):
        shown = log.read_text()
        assert url in shown
        assert f"homeport login {url}" in shown
        server = Server(tmp_path)
        server.data_dir = clone / ".homeport"
        cli = Cli(tmp_path / "person", program=[str(clone / ".venv" / "bin" / "homeport")])
        use(cli, server, url)
    assert "Traceback" not in log.read_text()
    assert not list(server.data_dir.glob("**/postmaster.pid"))


def use(cli: Cli, server: Server, url: str) -> None:
    """Do the main job with the commands of the README."""
    first = {"EMAIL": EMAIL, "USERNAME": USERNAME, "FULL_NAME": "Ada Owner", "PASSWORD": PASSWORD}
    cli.environment |= {f"CODER_FIRST_USER_{name}": value for name, value in first.items()}
    made = cli.ok("login", url)
    assert PASSWORD not in made.out + made.err
    assert cli.json("whoami")["username"] == USERNAME
    assert stat.S_IMODE((cli.config / "session").stat().st_mode) == 0o600

    cli.ok("templates", "init", "--id", "shell", "my-template")
    cli.ok("templates", "push", "my-template", "-d", "my-template", "-y")
    assert [item["name"] for item in cli.json("templates", "list")] == ["my-template"]
    cli.ok("create", "dev", "--template", "my-template", "-y")
    workspace = cli.json("show", "dev")
    assert [item["name"] for item in cli.json("list")] == ["dev"]
    assert cli.ok("ssh", "dev", "--", "uname", "-a").out.split()[0] == "Linux"
    check_commands(cli)

    cli.ok("ssh", "dev", "--", "echo precious > ~/kept; (setsid sleep 300 >/dev/null 2>&1 &) ; mkdir -p ~/a/b")
    first_life = server.record(workspace["id"]).cookie
    before = workspace_processes(first_life)
    assert before
    cli.ok("stop", "dev", "-y")
    assert not any(is_alive(process.pid) for process in before)
    assert workspace_processes(first_life) == []
    assert cli.json("show", "dev")["latest_build"]["status"] == "stopped"

    cli.ok("start", "dev", "-y")
    assert cli.ok("ssh", "dev", "--", "cat", "kept").out == "precious\n"
    second_life = server.record(workspace["id"]).cookie
    assert second_life != first_life
    cli.ok("ssh", "dev", "--", "nohup setsid sleep 301 >/dev/null 2>&1 & echo")
    cli.ok("delete", "dev", "-y")
    assert workspace_processes(first_life) + workspace_processes(second_life) == []
    assert [str(path) for path in server.data_dir.rglob("*") if workspace["id"] in str(path)] == []
    assert cli.json("list") == []
    gone = cli.run("ssh", "dev", "--", "true")
    assert gone.status == 1
    assert "dev" in gone.err
    cli.ok("logout")
    assert "homeport login" in cli.run("list").err


def check_commands(cli: Cli) -> None:
    """A command's status, output, errors, input and arguments pass as they are, and nothing of the server does."""
    assert cli.run("ssh", "dev", "--", "exit", "37").status == 37
    both = cli.run("ssh", "dev", "--", "echo out; echo err >&2; false")
    assert (both.status, both.out, both.err) == (1, "out\n", "err\n")
    given = os.urandom(300_000)
    assert cli.bytes(*cli.words("ssh", "dev", "--", "cat"), stdin=given).stdout == given
    assert cli.run("ssh", "dev", "--", "kill -9 $$").status == 128 + 9
    shown = cli.ok("ssh", "dev", "--", "cat /proc/*/environ | tr '\\0' '\\n'").out
    assert COOKIE_VARIABLE in shown
    assert "HOMEPORT_DATA_DIR" not in shown
