"""Templates from the command line: their files, versions, settings, trials and presets."""

import io
import json
import tarfile
import zipfile
from types import SimpleNamespace
from typing import Any

import pytest

from homeport_cli.commands.templates.comparing import differences
from homeport_cli.commands.templates.push import read_tags
from homeport_cli.errors import CliError
from homeport_cli.folders import unpack
from homeport_cli.parameters import complete_values
from homeport_cli.presets import choose_preset, preset_values
from homeport_cli.switches import without_values
from homeport_sdk.models import Preset, PresetParameter
from tests.support.api import PASSWORD
from tests.support.names import unique_name
from tests.support.terminals import Terminal

SCRIPT = """\
parameters:
  - {name: size, type: number, required: false, default_value: "3", validation_min: 1, validation_max: 9}
  - {name: place, required: false, default_value: here}
start:
  resources: [{type: machine, name: big, daily_cost: 7, agents: [{name: main}]}]
"""


def names(answer) -> set[str]:
    """Names of listed versions."""
    return {each["name"] for each in answer.json()}


@pytest.fixture
def template(push_echo) -> str:
    """A template with the version `one`."""
    return push_echo(SCRIPT, "--name", "one", "-m", "the first")


def push(cli, tmp_path, template: str, name: str, *more: str, **files: str) -> None:
    """Push one more version."""
    folder = tmp_path / unique_name("files")
    folder.mkdir()
    (folder / "echo.yaml").write_text(SCRIPT)
    for file, text in files.items():
        (folder / file).write_text(text)
    cli.ok("templates", "push", template, "-d", str(folder), "-y", "--name", name, *more)


@pytest.mark.requirement("CLI-TEMPLATES-01")
def test_a_pushed_folder_comes_back_as_it_was(cli, tmp_path):
    folder, name = tmp_path / "made", unique_name("shell")
    cli.ok("templates", "init", "--id", "shell", str(folder))
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    cli.ok("templates", "push", name, "-d", str(folder), "-y")
    cli.ok("templates", "pull", name, str(tmp_path / "pulled"))
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    for relative, path in files.items():
        assert (tmp_path / "pulled" / relative).read_bytes() == path.read_bytes()
    assert (tmp_path / "pulled" / "run.sh").stat().st_mode & 0o111
    again = cli.run("templates", "pull", name, str(tmp_path / "pulled"))
    assert again.status == 1
    assert "not empty" in again.err
    tar = cli.bytes(*cli.words("templates", "pull", name, "--tar")).stdout
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert {str(each) for each in files} == set(archive.getnames())
    packed = cli.bytes(*cli.words("templates", "pull", name, "--zip")).stdout
    assert zipfile.ZipFile(io.BytesIO(packed)).read("run.sh") == b"#!/bin/sh\n"
    assert "no version 'nothing'" in cli.run("templates", "pull", name, "--version", "nothing").err


@pytest.mark.requirement("CLI-TEMPLATES-01")
def test_an_archive_writes_nothing_outside_of_its_folder(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../escaped"), io.BytesIO())
    with pytest.raises(CliError, match="cannot be written"):
        unpack(buffer.getvalue(), tmp_path / "inside")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.requirement("CLI-TEMPLATES-02")
def test_versions_are_pushed_aside_compared_promoted_renamed_and_archived(cli, tmp_path, template):
    push(cli, tmp_path, template, "two", "--no-activate", **{"README.md": "# Two\n\ttabs\n"})
    listed = {each["name"]: each for each in cli.ok("templates", "versions", "list", template, "-o", "json").json()}
    assert set(listed) == {"one", "two"}
    assert listed["one"]["message"] == "the first"
    shown = cli.ok("templates", "show", template, "-o", "json").json()
    assert shown["active_version_id"] == listed["one"]["id"]
    compared = cli.ok("templates", "versions", "compare", template, "one", "two").out
    assert compared.splitlines() == ["--- /dev/null", "+++ two/README.md", "@@ -0,0 +1,2 @@", "+# Two", "+\ttabs"]
    assert cli.run("templates", "versions", "compare", template, "one", "two", "--exit-code").status == 1
    refused = cli.run("templates", "versions", "archive", template, "one", "-y")
    assert refused.status == 1
    assert "active" in refused.err
    cli.ok("templates", "versions", "promote", "-t", template, "--template-version", "two")
    cli.ok("templates", "versions", "edit", template, "one", "--name", "old", "-m", "was the first")
    cli.ok("templates", "versions", "archive", template, "old", "-y")
    assert names(cli.ok("templates", "versions", "list", template, "-o", "json")) == {"two"}
    both = cli.ok("templates", "versions", "list", template, "--include-archived")
    assert "archived" in both.out
    assert "was the first" in both.out
    cli.ok("templates", "versions", "unarchive", template, "old")
    cli.ok("templates", "archive", template, "--all", "-y")
    assert names(cli.ok("templates", "versions", "list", template, "-o", "json")) == {"two"}


@pytest.mark.requirement("TEMPLATE-TAGS-01")
def test_a_push_names_all_tags_or_none_or_leaves_them_as_they_are():
    assert (read_tags(None), read_tags([]), read_tags(["-"])) == (None, None, {})
    assert read_tags(["zone=us", "gpu=1"]) == {"zone": "us", "gpu": "1"}
    with pytest.raises(CliError, match="--provisioner-tag"):
        read_tags(["-", "zone=us"])


@pytest.mark.requirement("CLI-TEMPLATES-02")
def test_a_comparison_tells_every_kind_of_difference():
    old = {"same": b"x", "gone": b"", "bytes": b"\x00a", "ends": b"a\r\nb", "text": b"one\ntwo\n"}
    new = {"same": b"x", "bytes": b"\x00b", "ends": b"a\nb", "text": b"one\n2\n"}
    assert list(differences(old, new, "a", "b")) == [
        "Binary file bytes differs", "Only the ends of the lines of ends differ", "Empty file gone removed",
        "--- a/text", "+++ b/text", "@@ -1,2 +1,2 @@", " one", "-two", "+2",
    ]  # fmt: skip
    with pytest.raises(CliError, match="two different"):
        list(differences(old, new, "a", "a"))


@pytest.mark.requirement("CLI-TEMPLATES-03")
def test_a_dry_run_tells_what_a_start_would_make(cli, template):
    answer = cli.ok("templates", "versions", "dry-run", template, "-y", "--parameter", "size=5")
    assert "machine.big" in answer.out
    assert "main" in answer.out
    made = json.loads(cli.ok("templates", "versions", "dry-run", template, "-y", "-o", "json").out)
    assert [each["daily_cost"] for each in made] == [7]
    for wrong, words in (("size=12", "from 1 to 9"), ("size=x", "number"), ("sise=1", "Did you mean 'size'")):
        refused = cli.run("templates", "versions", "dry-run", template, "-y", "--parameter", wrong)
        assert refused.status == 1, wrong
        assert words in refused.err
    listed = cli.ok("list", "-o", "json").json()
    assert not [each for each in listed if each["template_name"] == template]


@pytest.mark.requirement("CLI-TEMPLATES-04")
def test_settings_are_changed_and_what_is_wrong_is_named(cli, template):
    changed = cli.ok(
        "templates", "edit", template, "--display-name", "A machine", "--default-ttl", "8h", "--activity-bump", "0",
        "--no-allow-user-autostart", "--deprecated", "Use another", "-o", "json",
    ).json()  # fmt: skip
    assert (changed["display_name"], changed["default_ttl_ms"], changed["activity_bump_ms"]) == (
        "A machine",
        28_800_000,
        0,
    )
    assert (changed["allow_user_autostart"], changed["deprecation_message"]) == (False, "Use another")
    assert cli.ok("templates", "edit", template, "--deprecated", "", "-o", "json").json()["deprecated"] is False
    days = cli.ok(
        "templates", "edit", template, "--autostart-requirement-weekdays", "monday, friday", "--autostop-requirement-weekdays",
        "sunday", "--max-port-share-level", "organization", "--cors-behavior", "passthru", "--use-classic-parameter-flow",
        "-o", "json",
    ).json()  # fmt: skip
    assert days["autostart_requirement"] == {"days_of_week": ["monday", "friday"]}
    assert (days["max_port_share_level"], days["cors_behavior"]) == ("organization", "passthru")
    assert days["use_classic_parameter_flow"] is True
    weeks = cli.ok("templates", "edit", template, "--autostop-requirement-weeks", "2", "-o", "json").json()
    assert weeks["autostop_requirement"] == {"days_of_week": ["sunday"], "weeks": 2}
    for words, said in (
        ((), "Nothing to change"),
        (("--default-ttl", "long"), "--default-ttl"),
        (("--name", "a b"), "name"),
        (("--autostop-requirement-weekdays", "someday"), "is not a day of the week"),
        (("--max-port-share-level", "all"), "max_port_share_level"),
    ):
        refused = cli.run("templates", "edit", template, *words)
        assert refused.status == 1
        assert said in refused.err


@pytest.mark.requirement("CLI-TEMPLATES-08")
def test_a_workspace_is_updated_and_keeps_its_values(cli, server, tmp_path, push_echo):
    declared = "parameters: [{name: size, type: number, required: true}"
    template, name = push_echo(f"{declared}]\nstart: {{resources: []}}\n"), unique_name("dev")
    cli.ok("create", name, "-t", template, "-y", "--parameter", "size=3")
    assert "runs the active version already" in cli.ok("update", name, "-y").err
    folder = tmp_path / "second"
    folder.mkdir()
    (folder / "echo.yaml").write_text(f"{declared}, {{name: place, required: true}}]\nstart: {{resources: []}}\n")
    cli.ok("templates", "push", template, "-d", str(folder), "-y")
    assert cli.json("show", name)["outdated"]

    refused = cli.run("update", name, "-y")
    assert refused.status == 1
    assert "place" in refused.err
    assert cli.json("show", name)["latest_build"]["transition"] == "start", (
        "nothing was stopped for a value that is missing"
    )
    assert "runs the active version" in cli.ok("update", name, "-y", "--parameter", "place=here").err
    shown = cli.json("show", name)
    assert (shown["outdated"], shown["latest_build"]["build_number"]) == (False, 3)
    values = server.api.call("GET", f"/workspacebuilds/{shown['latest_build']['id']}/parameters")
    assert {each["name"]: each["value"] for each in values} == {"size": "3", "place": "here"}


RULES = """\
parameters:
  - {name: disk, type: number, required: true, mutable: true, validation_min: 10, validation_max: 100, validation_monotonic: increasing}
  - {name: ticket, type: string, required: true, mutable: false, validation_regex: "^[A-Z]+-[0-9]+$", validation_error: Like ABC-1.}
  - {name: loud, type: bool, required: true}
  - {name: tools, type: list(string), required: true, options: [{name: vim, value: vim}, {name: git, value: git}]}
start:
  resources: []
"""


@pytest.mark.requirement("CLI-SWITCHES-01")
def test_switches_take_true_and_false():
    switches = {"--activate": {"true": "--activate", "false": "--no-activate"}, "--yes": {"true": "--yes", "false": ""}}
    given = ["--activate=false", "--yes=false", "--yes=true", "--name=true", "", "--activate=maybe", "--", "--yes=true"]
    assert without_values(given, switches) == [
        "--no-activate", "--yes", "--name=true", "", "--activate=maybe", "--", "--yes=true",
    ]  # fmt: skip


@pytest.mark.requirement("CLI-TEMPLATES-07")
def test_answers_are_judged_as_the_server_will_judge_them(cli, server, push_echo):
    template, name = push_echo(RULES), unique_name("asked")
    create = cli.words("create", name, "-t", template)
    with Terminal(create, cli.environment) as terminal:
        terminal.type("", until="disk: ")
        terminal.type("7\n", until="disk: ")
        assert "Give a number from 10 to 100." in terminal.seen
        terminal.type("many\n", until="disk: ")
        terminal.type("12\n", until="loud: ")
        terminal.type("perhaps\n", until="loud: ")
        assert "Give true or false." in terminal.seen
        terminal.type("Yes\n", until="ticket: ")
        terminal.type("abc\n", until="ticket: ")
        assert "Like ABC-1." in terminal.seen
        terminal.type("ABC-7\n", until="[some of vim, git]: ")
        terminal.type("vi\n", until="[some of vim, git]: ")
        assert "Choose one of: git, vim." in terminal.seen
        terminal.type("vim, git\n")
        assert terminal.status() == 0, terminal.seen
    build = cli.json("show", name)["latest_build"]["id"]
    values = {each["name"]: each["value"] for each in server.api.call("GET", f"/workspacebuilds/{build}/parameters")}
    assert values == {"disk": "12", "ticket": "ABC-7", "loud": "true", "tools": '["vim","git"]'}
    for wrong, words in (
        ("disk=11", "disk: It can only grow; it is 12 now."),
        ("ticket=B-1", "ticket: It cannot be changed after the first build."),
    ):
        refused = cli.run("restart", name, "-y", "--parameter", wrong)
        assert refused.status == 1
        assert words in refused.err
    assert cli.json("show", name)["latest_build"]["build_number"] == 1, "nothing was stopped for a value that is wrong"
    with Terminal([*create, "--parameter", "disk=7"], cli.environment) as terminal:
        terminal.type("")
        assert terminal.status() == 1
        assert "The template does not take these values." in terminal.seen
        assert "disk: Give a number from 10 to 100." in terminal.seen
    refused = cli.run("create", unique_name("no"), "-t", template, "-y", "--parameter", "disk=7", "--parameter", "ticket=A-1",
                      "--parameter", "tools=[]")  # fmt: skip
    assert refused.status == 1
    assert "disk" in refused.err


@pytest.mark.requirement("CLI-TEMPLATES-06")
def test_who_may_use_a_template_is_shown_granted_and_revoked(cli, server, template):
    person, group, access = unique_name("ann"), unique_name("devs"), ("templates", "access")
    account = {"email": f"{person}@example.com", "username": person, "password": PASSWORD}
    place = server.api.call("GET", "/organizations/default")["id"]
    server.api.call("POST", "/users", json={**account, "organization_ids": [place]})
    cli.ok("groups", "create", group)

    def rows(answer) -> set[tuple[str, ...]]:
        return {tuple(line.split()) for line in answer.out.splitlines()[1:]}

    everyone = ("group", "everyone", "use")
    assert rows(cli.ok(*access, "show", template)) == {everyone}
    granted = cli.ok(*access, "grant", template, "--user", person, "--group", group, "--role", "admin")
    assert rows(granted) == {everyone, ("user", person, "admin"), ("group", group, "admin")}
    assert ("user", person, "use") in rows(cli.ok(*access, "grant", template, "--user", person))
    left = cli.ok(*access, "revoke", template, "--user", person, "--group", "Everyone")
    assert rows(left) == {("group", group, "admin")}
    assert "names nobody" in cli.ok(*access, "revoke", template, "--group", group).err
    assert cli.ok(*access, "show", template, "-o", "json").json() == {"users": [], "group": []}
    assert rows(cli.ok(*access, "grant", template, "--group", "everyone")) == {everyone}
    for words, said in (
        ((), "Say whom: --user or --group"),
        (("--user", unique_name("no")), "nobody"),
        (("--group", unique_name("no")), "There is no group"),
        (("--user", person, "--role", "owner"), "owner"),
    ):
        refused = cli.run(*access, "grant", template, *words)
        assert refused.status in {1, 2}
        assert said in refused.err


@pytest.mark.requirement("CLI-TEMPLATES-05")
def test_presets_are_chosen_by_name_by_default_or_not_at_all():
    small = Preset(Default=False, Description="", ID="1", Icon="", Name="Small", Parameters=[])
    large = Preset(
        Default=True,
        Description="",
        ID="2",
        Icon="",
        Name="Large",
        Parameters=[PresetParameter(Name="size", Value="8")],
    )
    presets = [large, small]
    assert choose_preset(presets, "", is_asking=False) is large
    assert choose_preset([small], "", is_asking=False) is None
    assert choose_preset(presets, "Small", is_asking=True) is small
    assert choose_preset(presets, "none", is_asking=True) is None
    assert choose_preset([], "", is_asking=True) is None
    for known, words in ((presets, "It has: Large, Small"), ([], "has no presets")):
        with pytest.raises(CliError, match=words):
            choose_preset(known, "Huge", is_asking=False)
    assert preset_values(large, {"size": "8", "place": "x"}) == {"size": "8"}
    assert preset_values(None, {"size": "9"}) == {}
    with pytest.raises(CliError, match="sets size=8"):
        preset_values(large, {"size": "9"})


async def test_what_a_preset_says_of_parameters_that_there_are_not_is_passed_over():
    class Stand:
        """A server whose template has one parameter."""

        async def evaluate_parameters(self, version_id: str, inputs: dict[str, str], *, workspace_id: str | None):
            size = SimpleNamespace(name="size", diagnostics=[], ephemeral=False, required=False)
            return SimpleNamespace(parameters=[size], diagnostics=diagnostics)

    diagnostics: list[Any] = []
    client: Any = SimpleNamespace(templates=Stand())
    values = await complete_values(client, "1", {}, is_asking=False, preset={"size": "8", "gone": "x"})
    assert values == {"size": "8"}
    with pytest.raises(CliError, match="no parameter 'gone'"):
        await complete_values(client, "1", {"gone": "x"}, is_asking=False)
    # Where Terraform alone knows which parameters there are, the name is the server's to judge.
    diagnostics.append(SimpleNamespace(extra=SimpleNamespace(code="incomplete_form")))
    assert await complete_values(client, "1", {"gone": "x"}, is_asking=False) == {"gone": "x"}
