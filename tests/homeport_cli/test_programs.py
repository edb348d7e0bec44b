"""What surrounds the main job: OpenSSH, terminals, the queue, tokens, users, completion, errors."""

import hashlib
import os
import signal
import subprocess

import pytest

from homeport.config.load import definitions
from tests.support.names import unique_name
from tests.support.program import Cli
from tests.support.terminals import Terminal


@pytest.fixture
def ssh_config(cli, tmp_path):
    """An OpenSSH configuration that somebody uses already, with our block."""
    path = tmp_path / "ssh_config"
    path.write_text("Host other\n  User someone\n")
    cli.ok("config-ssh", "--ssh-config-file", str(path), "-y")
    return path


@pytest.mark.needs("ssh")
@pytest.mark.requirement("CLI-CONFIG-SSH-01")
def test_openssh_reaches_a_workspace_by_both_names(cli, workspace, ssh_config, tmp_path):
    named = cli.bytes("ssh", "-F", str(ssh_config), f"coder.{workspace}", "echo here; exit 5")
    assert (named.returncode, named.stdout) == (5, b"here\n"), named
    assert cli.bytes("ssh", "-F", str(ssh_config), f"{workspace}.coder", "true").returncode == 0
    content = os.urandom(3_000_000)
    (tmp_path / "sent").write_bytes(content)
    assert (
        cli.bytes("scp", "-q", "-F", str(ssh_config), str(tmp_path / "sent"), f"coder.{workspace}:sent").returncode == 0
    )
    assert (
        cli.bytes("scp", "-q", "-F", str(ssh_config), f"coder.{workspace}:sent", str(tmp_path / "back")).returncode == 0
    )
    assert hashlib.sha256((tmp_path / "back").read_bytes()).digest() == hashlib.sha256(content).digest()


@pytest.mark.requirement("CLI-CONFIG-SSH-02")
def test_config_ssh_shows_asks_remembers_and_leaves(cli, tmp_path):
    path = tmp_path / "ssh_config"
    path.write_text("Host other\n  User someone\n")
    shown = cli.ok("config-ssh", "--ssh-config-file", str(path), "--dry-run")
    assert "+Host coder.*" in shown.out
    assert "--yes" in cli.run("config-ssh", "--ssh-config-file", str(path)).err
    assert path.read_text() == "Host other\n  User someone\n"
    cli.ok("config-ssh", "--ssh-config-file", str(path), "-y", "-o", "ForwardAgent=yes")
    first = path.read_text()
    assert "as it should be" in cli.ok("config-ssh", "--ssh-config-file", str(path), "-y").err
    assert path.read_text() == first
    assert first.count("    ForwardAgent yes") == 2
    cli.ok("config-ssh", "--ssh-config-file", str(path), "-y", "--remove")
    assert path.read_text() == "Host other\n  User someone\n"


@pytest.mark.requirement("CLI-SSH-04")
def test_a_terminal_has_this_size_and_follows_it(cli, workspace):
    with Terminal(cli.words("ssh", workspace), cli.environment, rows=33, columns=101) as terminal:
        terminal.type("stty size; echo re''ady\n", until="ready")
        assert "33 101" in terminal.seen
        terminal.resize(rows=44, columns=77)
        terminal.type("until [ \"$(stty size)\" = '44 77' ]; do sleep 0.05; done; echo resi''zed\n", until="resized")
        terminal.type("exit 9\n")
        assert terminal.status() == 9


@pytest.mark.requirement("CLI-JOBS-01")
def test_who_waits_for_a_provisioner_is_told_why_and_may_leave(cli, tmp_path):
    folder = tmp_path / "lonely"
    folder.mkdir()
    (folder / "echo.yaml").write_text("{}\n")
    command = cli.words(
        "templates", "push", unique_name("lonely"), "-d", str(folder), "-y", "--provisioner-tag", "moon=far"
    )

    # Whatever started the tests may ignore interrupts, as shells let what they run in the background.
    command = ["env", "--default-signal=INT", *command]
    with subprocess.Popen(command, env=cli.environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line.decode())
            if "moon=far" in lines[-1]:
                break
        assert "homeport provisioner start" in lines[-1], lines
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130


@pytest.mark.requirement("CLI-JOBS-03")
def test_a_template_that_lacks_a_variable_names_the_flag(cli, tmp_path):
    folder = tmp_path / "varied"
    folder.mkdir()
    (folder / "echo.yaml").write_text("variables: [{name: region, required: true}]\n")
    name = unique_name("varied")
    lacking = cli.run("templates", "push", name, "-d", str(folder), "-y")
    assert lacking.status == 1
    assert "--variable region=" in lacking.err
    misspelled = cli.run("templates", "push", name, "-d", str(folder), "-y", "--variable", "regoin=eu")
    assert "no variable 'regoin'; its value is not used. Did you mean 'region'?" in misspelled.err
    cli.ok("templates", "push", name, "-d", str(folder), "-y", "--variable", "region=eu", "--name", "v1")
    cli.ok(
        "templates",
        "push",
        name,
        "-d",
        str(folder),
        "-y",
        "--variable",
        "region=eu",
        "--name",
        "v2",
        "--activate=false",
        "--yes=true",
    )
    versions = cli.ok("templates", "versions", "list", name).out.splitlines()
    assert [("active" in line.split()) for line in versions[1:] if "v1" in line] == [True]
    cli.ok("templates", "versions", "promote", "--template", name, "--template-version", "v2")
    active = cli.ok("templates", "show", name, "-o", "json").json()["active_version_id"]
    listed = cli.ok("templates", "versions", "list", name, "-o", "json").json()
    assert [version["id"] for version in listed if version["name"] == "v2"] == [active]


@pytest.mark.requirement("CLI-TOKENS-01")
def test_a_token_works_until_it_is_removed(cli, server, nobody):
    name = unique_name("token")
    token = cli.ok("tokens", "create", "--name", name, "--lifetime", "2h").out.strip()
    nobody.environment |= {"HOMEPORT_URL": server.url, "HOMEPORT_SESSION_TOKEN": token}
    assert nobody.run("whoami").status == 0
    assert name in [each["token_name"] for each in cli.ok("tokens", "list", "-o", "json").json()]
    cli.ok("tokens", "remove", name)
    refused = nobody.run("whoami")
    assert refused.status == 1
    assert "homeport login" in refused.err
    assert "--lifetime" in cli.run("tokens", "create", "--lifetime", "soon").err


@pytest.mark.requirement("USER-SERVICE-03")
def test_a_service_account_works_by_tokens_that_are_made_for_it(cli, server, nobody):
    name = unique_name("robot")
    made = cli.ok("users", "create", "--service", "-u", name)
    assert f"homeport tokens create --user {name}" in made.err
    assert "Password" not in made.out
    assert "service account" in cli.run("users", "create", "--service", "-u", name, "-p", "x").err
    token = cli.ok("tokens", "create", "--user", name, "--name", "ci").out.strip()
    listed = cli.ok("tokens", "list", "--user", name, "-o", "json").json()
    assert [(each["token_name"], each["username"]) for each in listed] == [("ci", name)]
    nobody.environment |= {"HOMEPORT_URL": server.url, "HOMEPORT_SESSION_TOKEN": token}
    assert name in nobody.ok("whoami").out
    cli.ok("tokens", "remove", "--user", name, "ci")
    refused = nobody.run("whoami")
    assert (refused.status, "homeport login" in refused.err) == (1, True)


@pytest.mark.requirement("CLI-USERS-01")
def test_users_are_made_listed_and_shown(cli, server, nobody):
    name = unique_name()
    made = cli.ok("users", "create", "-e", f"{name}@example.com", "-u", name)
    password = made.out.partition(": ")[2].strip()
    nobody.environment |= {"HOMEPORT_FIRST_USER_EMAIL": f"{name}@example.com", "HOMEPORT_FIRST_USER_PASSWORD": password}
    nobody.ok("login", server.url)
    assert nobody.ok("users", "show", "me", "-o", "json").json()["username"] == name
    assert name in [user["username"] for user in cli.ok("users", "list", "-o", "json").json()]
    assert "already" in cli.run("users", "create", "-e", f"{name}@example.com", "-u", name).err
    cli.ok("users", "delete", name, "-y")
    assert nobody.run("whoami").status == 1


@pytest.mark.requirement("CLI-LIST-01")
@pytest.mark.parametrize(
    "command",
    [["list"], ["templates", "list"], ["tokens", "list"], ["users", "list"], ["provisioner", "list"], ["provisioner", "jobs"],
     ["provisioner", "keys", "list"]],
    ids=" ".join,
)  # fmt: skip
def test_every_listing_is_a_table_and_json(cli, shell_template, command):
    assert isinstance(cli.ok(*command, "-o", "json").json(), list)
    cli.ok(*command)


@pytest.mark.requirement("CLI-COMPLETION-01")
def test_the_shell_completes_commands_and_names(cli, nobody, workspace, shell_template):
    def complete(program: Cli, words: str) -> list[str]:
        number = str(len(words.split()) - (0 if words.endswith(" ") else 1))
        variables = {"_HOMEPORT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": number}
        return Cli(program.home, **program.environment, **variables).run().out.split()

    assert "restart" in complete(nobody, "homeport re")
    assert workspace in complete(cli, "homeport ssh ")
    assert shell_template in complete(cli, "homeport templates show ")
    assert complete(nobody, "homeport ssh ") == []
    for shell in ("bash", "zsh", "fish"):
        assert "_HOMEPORT_COMPLETE" in nobody.ok("completion", shell).out


@pytest.mark.requirement("CLI-ERRORS-01")
def test_errors_are_sentences_on_standard_error(nobody, cli):
    lost = nobody.run("list")
    assert (lost.status, lost.out) == (1, "")
    assert "homeport login URL" in lost.err
    away = nobody.run("--url", "http://127.0.0.1:9", "--token", "x", "list")
    assert away.status == 1
    assert "cannot be reached" in away.err
    assert "Traceback" not in lost.err + away.err
    assert nobody.run("no-such-command").status == 2
    assert "does not name a workspace" in cli.run("start", "a/b/c").err
    assert "unknown setting" in nobody.run("server", HOMEPORT_NO_SUCH="1", HOMEPORT_HTTPADDRESS="x").err


@pytest.mark.requirement("CLI-SERVER-01")
def test_every_setting_is_a_flag_of_the_server(nobody):
    shown = nobody.run("server", "--help", COLUMNS="300").out
    assert [item.flag for item in definitions() if item.flag not in shown] == []
    refused = nobody.run("server", "--http-address", "nowhere")
    assert refused.status == 1
    assert "--http-address" in refused.err
