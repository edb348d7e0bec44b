"""OpenSSH's own programs in a workspace, by nothing but what `homeport config-ssh` writes."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.support.program import Cli
from tests.support.terminals import Terminal

MEGABYTE = 1024 * 1024


class OpenSsh:
    """Runs OpenSSH's programs with the configuration that `homeport config-ssh` has written for a person."""

    def __init__(self, cli: Cli, workspace: str) -> None:
        self.cli, self.host = cli, f"coder.{workspace}"
        self.config = cli.home / "ssh_config"
        cli.ok("config-ssh", "--ssh-config-file", str(self.config), "-y")
        self.ssh = ["ssh", "-F", str(self.config)]

    def run(self, *command: str, stdin: bytes = b"", status: int = 0) -> bytes:
        """Run a program and return its output; fails on another exit status."""
        done = self.cli.bytes(*command, stdin=stdin)
        assert done.returncode == status, done
        return done.stdout


@pytest.fixture
def openssh(cli: Cli, workspace: str) -> OpenSsh:
    return OpenSsh(cli, workspace)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.needs("ssh", "rsync", "git", "bubblewrap")
@pytest.mark.requirement("E2E-OPENSSH-01")
def test_openssh_scp_sftp_rsync_and_git(openssh: OpenSsh) -> None:
    home, scp = openssh.cli.home, ["scp", "-q", "-F", str(openssh.config)]
    check_commands(openssh)

    (home / "sent").write_bytes(os.urandom(50 * MEGABYTE))
    openssh.run(*scp, "sent", f"{openssh.host}:sent")
    assert openssh.run(*openssh.ssh, openssh.host, "sha256sum sent").split()[0].decode() == digest(home / "sent")
    openssh.run(*scp, f"{openssh.host}:sent", "back")
    assert digest(home / "back") == digest(home / "sent")
    openssh.run(*scp, "-O", "sent", f"{openssh.host}:legacy")
    assert openssh.run(*openssh.ssh, openssh.host, "cmp sent legacy && rm legacy") == b""
    assert b"No such file" in openssh.cli.bytes(*scp, f"{openssh.host}:missing", "x").stderr

    batch = (
        b"mkdir box\nput back box/put\nrename box/put box/moved\nchmod 600 box/moved\nget box/moved got\nls -l box\n"
    )
    listed = openssh.run("sftp", "-q", "-F", str(openssh.config), "-b", "-", openssh.host, stdin=batch)
    assert b"-rw-------" in listed
    assert digest(home / "got") == digest(home / "sent")

    check_rsync(openssh)
    check_git(openssh)


def check_commands(openssh: OpenSsh) -> None:
    for status in (0, 1, 42, 255):
        openssh.run(*openssh.ssh, openssh.host, f"exit {status}", status=status)
    data = os.urandom(MEGABYTE)
    assert openssh.run(*openssh.ssh, openssh.host, "cat", stdin=data) == data
    by_suffix = openssh.host.removeprefix("coder.") + ".coder"
    assert openssh.run(*openssh.ssh, by_suffix, "echo here") == b"here\n"
    openssh.run(*openssh.ssh, "coder.no-such-workspace", "true", status=255)


def check_rsync(openssh: OpenSsh) -> None:
    home, shell = openssh.cli.home, f"ssh -F {openssh.config}"
    tree = home / "tree"
    for number in range(200):
        path = tree / f"folder {number % 7}" / f"file{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(number * 50))
    (tree / "link").symlink_to("folder 1/file1")
    openssh.run("rsync", "-a", "-e", shell, "tree/", f"{openssh.host}:tree/")
    (tree / "folder 3" / "file3").unlink()
    openssh.run("rsync", "-a", "--delete", "-e", shell, "tree/", f"{openssh.host}:tree/")
    openssh.run("rsync", "-a", "-e", shell, f"{openssh.host}:tree/", "returned/")
    openssh.run("diff", "-r", "--no-dereference", "tree", "returned")


def check_git(openssh: OpenSsh) -> None:
    git = [
        "git",
        "-c",
        f"core.sshCommand=ssh -F {openssh.config}",
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=a@example.com",
    ]
    openssh.run(*openssh.ssh, openssh.host, "git init -q --bare -b trunk repository.git")
    openssh.run(*git, "init", "-q", "-b", "trunk", "work")
    (openssh.cli.home / "work" / "large").write_bytes(os.urandom(3 * MEGABYTE))
    openssh.run(*git, "-C", "work", "add", ".")
    openssh.run(*git, "-C", "work", "commit", "-q", "-m", "Begin")
    openssh.run(*git, "-C", "work", "push", "-q", f"{openssh.host}:repository.git", "HEAD:trunk")
    openssh.run(*git, "clone", "-q", f"{openssh.host}:repository.git", "cloned")
    assert digest(openssh.cli.home / "cloned" / "large") == digest(openssh.cli.home / "work" / "large")


@pytest.mark.needs("ssh", "bubblewrap")
@pytest.mark.requirement("E2E-OPENSSH-02")
def test_openssh_terminal_resizes_and_ends_with_the_shells_status(openssh: OpenSsh) -> None:
    command = [*openssh.ssh, openssh.host]
    with Terminal(command, openssh.cli.environment, rows=31, columns=97) as terminal:
        terminal.type("stty size; echo re''ady\n", until="ready")
        assert "31 97" in terminal.seen
        for rows, columns in ((50, 132), (20, 60)):
            terminal.resize(rows=rows, columns=columns)
            wanted = f"until [ \"$(stty size)\" = '{rows} {columns}' ]; do sleep 0.05; done; echo is''-{rows}\n"
            terminal.type(wanted, until=f"is-{rows}")
        # The program says itself that it runs: an interrupt before that is for the shell, which may then lose its terminal.
        terminal.type("sh -c \"echo beg''un; exec sleep 100\"\n", until="begun")
        terminal.type("\x03", until="$ ")
        terminal.type("echo inter''rupted\n", until="interrupted")
        terminal.type("exit 23\n")
        assert terminal.status() == 23
