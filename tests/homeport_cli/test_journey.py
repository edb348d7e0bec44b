"""The main job by the command line alone, against a real server."""

import hashlib
import os
import stat

import pytest

from tests.support.api import PASSWORD
from tests.support.names import unique_name
from tests.support.server import EMAIL


@pytest.mark.requirement("CLI-LOGIN-01", "CLI-LOGIN-03")
def test_who_signs_in_is_remembered_in_files_of_their_own(server, nobody):
    answer = nobody.run("login", server.url, CODER_FIRST_USER_EMAIL=EMAIL, CODER_FIRST_USER_PASSWORD=PASSWORD)
    assert answer.status == 0, answer
    assert "as ada" in answer.err
    assert (nobody.config / "url").read_text().strip() == server.url
    assert stat.S_IMODE(os.stat(nobody.config / "session").st_mode) == 0o600
    assert nobody.ok("whoami", "-o", "json").json()["username"] == "ada"
    nobody.ok("logout")
    assert not (nobody.config / "session").exists()
    assert "homeport login" in nobody.run("whoami").err


@pytest.mark.requirement("CLI-LOGIN-02")
def test_a_token_signs_in_and_a_wrong_one_does_not(server, nobody):
    refused = nobody.run("login", server.url, "--token", "0123456789-0123456789012345678901")
    assert refused.status == 1
    assert "error: " in refused.err
    assert not (nobody.config / "session").exists()
    nobody.ok("login", server.url, "--token", server.token)
    assert nobody.run("list", "-o", "json", HOMEPORT_SESSION_TOKEN="0123456789-wrong").status == 1


@pytest.mark.requirement("CLI-LOGIN-04")
def test_who_is_refused_is_told_what_helps(server, nobody):
    wrong = nobody.run("login", server.url, "--first-user-email", EMAIL, "--first-user-password", "not-this-one")
    assert (wrong.status, wrong.err) == (1, "error: Incorrect email or password.\n"), (
        "no advice to do what was just done"
    )
    # Signing in would change nothing: the variable goes before the session that is remembered.
    nobody.ok("login", server.url, "--token", server.token)
    other = nobody.run("whoami", HOMEPORT_SESSION_TOKEN="0123456789-0123456789012345678901")
    assert "The token came from HOMEPORT_SESSION_TOKEN" in other.err
    flag = nobody.run("--token", "0123456789-0123456789012345678901", "whoami")
    assert "The token came from --token" in flag.err
    (nobody.config / "session").write_text("0123456789-0123456789012345678901")
    assert nobody.run("whoami").err.endswith(f"Sign in again: homeport login {server.url}\n")


@pytest.mark.requirement("CLI-JOURNEY-01", "CLI-SSH-01", "CLI-LIST-01")
def test_from_a_template_to_a_deleted_workspace(cli, tmp_path):
    name, template = unique_name("dev"), unique_name("shell")
    cli.ok("templates", "init", "--id", "shell", str(tmp_path / "template"))
    pushed = cli.ok(
        "templates", "push", template, "-d", str(tmp_path / "template"), "-y", "-m", "first", "-o", "json"
    ).json()
    assert pushed["template"]["active_version_id"] == pushed["version"]["id"]
    cli.ok("create", name, "--template", template, "-y")
    listed = cli.ok("list", "-o", "json").json()
    assert [each["latest_build"]["status"] for each in listed if each["name"] == name] == ["running"]
    assert name in cli.ok("list", "-c", "workspace,status").out
    assert cli.ok("ssh", name, "--", "echo kept > ~/kept; uname -s").out == "Linux\n"
    cli.ok("stop", name)
    assert cli.ok("show", name, "-o", "json").json()["latest_build"]["status"] == "stopped"
    refused = cli.run("ssh", "--disable-autostart", name, "--", "true")
    assert refused.status == 1
    assert f"homeport start {name}" in refused.err
    cli.ok("start", name)
    assert cli.ok("ssh", name, "--", "cat ~/kept").out == "kept\n"
    unsure = cli.run("delete", name)
    assert unsure.status == 1
    assert "--yes" in unsure.err
    cli.ok("delete", name, "-y")
    assert "no workspace" in cli.run("show", name).err
    cli.ok("templates", "delete", template, "-y")


@pytest.mark.requirement("CLI-SSH-02")
def test_ssh_starts_a_stopped_workspace_and_waits_for_its_blocking_scripts(cli, shell_template):
    name = unique_name("dev")
    cli.ok("create", name, "-t", shell_template, "-y", "--parameter", "greeting=good day")
    cli.ok("stop", name)
    answer = cli.ok("ssh", name, "--", "true")
    assert "starting it" in answer.err
    assert "the greeting is good day" in cli.ok("logs", name).out
    cli.ok("delete", name, "-y")


@pytest.mark.requirement("CLI-SSH-01")
def test_a_command_gets_its_input_and_gives_its_output_errors_and_status(cli, workspace):
    answer = cli.run("ssh", workspace, "--", "cat; echo wrong >&2; exit 7", stdin="line\n")
    assert (answer.status, answer.out, answer.err) == (7, "line\n", "wrong\n")
    assert cli.run("ssh", workspace, "--", "kill -TERM $$").status == 128 + 15


@pytest.mark.requirement("CLI-SSH-03")
def test_many_bytes_arrive_as_they_were(cli, workspace, tmp_path):
    content = os.urandom(8 * 1024 * 1024)
    done = cli.bytes(*cli.words("ssh", workspace, "--", "cat > big && sha256sum big && cat big"), stdin=content)
    head, _, rest = done.stdout.partition(b"\n")
    assert head.decode().split()[0] == hashlib.sha256(content).hexdigest()
    assert rest == content


@pytest.mark.requirement("CLI-LOGS-01")
def test_logs_show_build_and_agent(cli, workspace):
    lines = cli.ok("logs", workspace).out
    assert "Starting the workspace" in lines
    assert "[agent.main] the greeting is hello" in lines
    assert "no build 99" in cli.run("logs", workspace, "-n", "99").err


@pytest.mark.requirement("CLI-JOBS-02")
def test_a_failing_build_ends_with_its_reason(cli, push_echo):
    template = push_echo("start:\n  logs: [{output: about to break, level: error}]\n  error: the disk is full\n")
    name = unique_name("dev")
    answer = cli.run("create", name, "-t", template, "-y")
    assert answer.status == 1
    assert "the disk is full" in answer.err
    assert "about to break" in answer.err
    cli.ok("delete", name, "-y")


@pytest.mark.requirement("CLI-CREATE-01")
def test_wrong_parameters_are_told_before_anything_is_made(cli, shell_template):
    name = unique_name("dev")
    misspelt = cli.run("create", name, "-t", shell_template, "-y", "--parameter", "greting=x")
    assert misspelt.status == 1
    assert "'greeting'" in misspelt.err
    assert "name=value" in cli.run("create", name, "-t", shell_template, "-y", "--parameter", "greeting").err
    assert "homeport templates list" in cli.run("create", name, "-t", "nothing-like-it", "-y").err
    assert "no workspace" in cli.run("show", name).err


@pytest.mark.requirement("CLI-CREATE-02")
def test_schedules_and_parameter_files_are_sent(cli, shell_template, tmp_path):
    (tmp_path / "values.yaml").write_text("greeting: from a file\n")
    name = unique_name("dev")
    made = cli.ok(
        "create", name, "-t", shell_template, "-y", "--rich-parameter-file", str(tmp_path / "values.yaml"),
        "--stop-after", "90m", "--start-at", "9:30AM Mon-Fri Europe/Dublin", "--automatic-updates", "always", "-o", "json",
    ).json()  # fmt: skip
    assert made["ttl_ms"] == 90 * 60 * 1000
    assert made["autostart_schedule"] == "CRON_TZ=Europe/Dublin 30 9 * * mon-fri"
    assert made["automatic_updates"] == "always"
    assert cli.ok("ssh", name, "--", "echo $HOMEPORT_PARAMETER_GREETING").out == "from a file\n"
    cli.ok("delete", name, "-y")
