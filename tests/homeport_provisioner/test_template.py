"""The template format: every mistake is told with its line, all at once; what is right is planned."""

import textwrap
import uuid
from pathlib import Path

import pytest

from homeport_provisioner.template import TemplateError, Values, plan_environment, plan_resources, read_template
from homeport_provisioner.template.expressions import BadExpression, fill, names_in
from homeport_sdk.provisioner_protocol import VariableValue

AGENTS = "agents:\n  - name: main\n"
TAIL = "\nagents: [{name: main}]\n"


def read(tmp_path: Path, text: str):
    (tmp_path / "homeport.yaml").write_text(textwrap.dedent(text))
    return read_template(tmp_path)


def mistakes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        read(tmp_path, text)
    return str(caught.value).splitlines()


@pytest.mark.requirement("ENGINE-TEMPLATE-01")
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "is empty"),
        ("agents: [", 1, "is no YAML"),
        ("agents:\n\t- name: main\n", 2, "tab"),
        ("- agents\n", 1, "must be a table, not a list"),
        ("agents: []\n", 1, "agents: must have at least one agent"),
        ("name: x\n", 1, "'agents' is missing"),
        ("agents: {}\n", 1, "agents: must be a list, not a table"),
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases"),
        ("agents: !!python/object:os.system []\n", 1, "not allowed"),
        ("? [a]\n: b\n", 1, "a name must be a text"),
        ("agents: !own []\n", 1, "type !own is not allowed"),
        ("agents: [{name: main}]\n---\nagents: []\n", 2, "second document"),
        ("x: " + "[" * 30 + "]" * 30, 1, "nested too deeply"),
        ("name: a\nname: b" + TAIL, 2, "'name' stands here twice"),
        ("icons: x" + TAIL, 1, "icons: is not known here; did you mean 'icon'?"),
        ("name: true" + TAIL, 1, 'name: must be text, not true or false; write "true" with quotes'),
        ("daily_cost: much" + TAIL, 1, "daily_cost: must be a whole number, not text"),
        ("daily_cost: -1" + TAIL, 1, "must be between 0"),
        ("name: 'a b'" + TAIL, 1, "letters and digits"),
        ("agents:\n  - name: my_agent\n", 2, "agents[0].name: must not hold underscores"),
        ("agents:\n  - name: a--b\n", 2, "single hyphens"),
        ("agents:\n  - name: A\n  - name: a\n", 3, "agents[1]: an agent 'a' stands here already"),
        (AGENTS + "    display_apps: [vim]\n", 3, "must be one of vscode, vscode_insiders"),
        (AGENTS + "    api_key_scope: none\n", 3, "must be one of all, no_user_data"),
        (AGENTS + "    connection_timeout: 0\n", 3, "must be between 1"),
        (AGENTS + "    env:\n      A B: x\n", 4, "is no name of an environment variable"),
        (AGENTS + "    env:\n      CODER_URL: x\n", 4, "choose another name"),
        (AGENTS + "    env:\n      A: ${parameter.sise}\n", 4, "agents[0].env.A: '${parameter.sise}' is not known"),
        (AGENTS + "    env:\n      A: ${workspace.nam}\n", 4, "use one of workspace.home"),
        (AGENTS + "    env:\n      A: ${HOME}\n", 4, "write $${ for a plain ${"),
        (AGENTS + "    env:\n      A: ${x\n", 4, "is never closed"),
        (
            AGENTS + "    apps:\n      - slug: Web\n        url: http://localhost\n",
            4,
            "agents[0].apps[0].slug: must be small letters",
        ),
        (AGENTS + "    apps:\n      - url: http://localhost\n", 4, "'slug' is missing"),
        (AGENTS + "    apps:\n      - slug: a\n", 4, "needs a url"),
        (AGENTS + "    apps:\n      - {slug: a, url: 'http://x', command: ls}\n", 4, "and not both"),
        (AGENTS + "    apps:\n      - {slug: a, url: 'http://x', external: true, subdomain: true}\n", 4, "mere link"),
        (
            "agents:\n  - apps: [{slug: a, command: ls}]\n    name: b\n  - apps: [{slug: a, command: ls}]\n    name: c\n",
            4,
            "'a' is taken; a slug may stand once in the whole template",
        ),
        (AGENTS + "    apps: [{slug: a, command: 'echo ${parameter.x}'}]\n", 3, '"$HOMEPORT_PARAMETER_X"'),
        (AGENTS + "    apps: [{slug: a, url: 'http://x', share: all}]\n", 3, "must be one of owner, authenticated"),
        (AGENTS + "    apps: [{slug: a, url: 'http://x', healthcheck: {interval: 1}}]\n", 3, "'url' is missing"),
        (AGENTS + "    scripts:\n      - display_name: x\n        script: ls\n", 4, "never runs; set run_on_start"),
        (AGENTS + "    scripts:\n      - {display_name: x, run_on_start: true}\n", 4, "needs a script, or a file"),
        (
            AGENTS + "    scripts:\n      - {display_name: x, run_on_start: true, file: ../x}\n",
            4,
            "is no file of the template",
        ),
        (
            AGENTS + "    scripts:\n      - {display_name: x, cron: '* *', script: ls}\n",
            4,
            "cron expression of five fields",
        ),
        (AGENTS + "    scripts:\n      - {display_name: x, cron: '61 * * * *', script: ls}\n", 4, "cron expression"),
        (
            AGENTS
            + "    scripts:\n      - {display_name: x, run_on_stop: true, start_blocks_login: true, script: l}\n",
            4,
            "set run_on_start",
        ),
        (
            AGENTS + "    scripts:\n      - {display_name: x, run_on_start: yes please, script: l}\n",
            4,
            "must be true or false, not text",
        ),
        (
            AGENTS + "    metadata:\n      - {key: a, script: l}\n      - {key: a, script: l}\n",
            5,
            "agents[0].metadata[1].key: 'a' is taken",
        ),
        (AGENTS + "    metadata:\n      - {key: a b, script: l}\n", 4, "must hold letters"),
        (AGENTS + "    metadata:\n      - {key: a}\n", 4, "'script' is missing"),
        ("parameters:\n  - type: string" + TAIL, 2, "parameters[0]: 'name' is missing"),
        ("parameters:\n  - name: a b" + TAIL, 2, "must begin with a letter"),
        ("parameters:\n  - name: a\n  - name: a" + TAIL, 3, "'a' is taken"),
        ("parameters:\n  - name: a-b\n  - name: A_b" + TAIL, 1, "would be the same environment variable"),
        ("parameters:\n  - {name: a, type: text}" + TAIL, 2, "must be one of string, number, bool, list(string)"),
        (
            "parameters:\n  - {name: a, type: number, default: x}" + TAIL,
            2,
            "parameters[0].default: must be a number, not 'x'",
        ),
        ("parameters:\n  - {name: a, type: bool, default: 3}" + TAIL, 2, "must be true or false"),
        ("parameters:\n  - {name: a, default: x, required: true}" + TAIL, 2, "drop one of the two"),
        ("parameters:\n  - {name: a, ephemeral: true}" + TAIL, 2, "needs a default"),
        ("parameters:\n  - {name: a, default: z, options: [x, y]}" + TAIL, 2, "'z' is none of the options"),
        ("parameters:\n  - {name: a, options: [x, x]}" + TAIL, 2, "options[1]: 'x' stands here twice"),
        ("parameters:\n  - {name: a, type: number, options: [x]}" + TAIL, 2, "must be a number"),
        ("parameters:\n  - {name: a, type: bool, options: ['true']}" + TAIL, 2, "drop its options"),
        ("parameters:\n  - {name: a, form_type: slider}" + TAIL, 2, "must be one of input, textarea"),
        (
            "parameters:\n  - name: a\n    validation:\n      regex: '[a'" + TAIL,
            4,
            "validation.regex: is no regular expression",
        ),
        ("parameters:\n  - name: a\n    validation: {min: 1}" + TAIL, 3, "is for numbers; this is a string"),
        (
            "parameters:\n  - {name: a, type: number, validation: {regex: x}}" + TAIL,
            2,
            "is for strings; this is a number",
        ),
        ("parameters:\n  - {name: a, type: number, validation: {min: 5, max: 1}}" + TAIL, 2, "min is greater than max"),
        (
            "parameters:\n  - {name: a, type: number, default: 9, validation: {max: 5}}" + TAIL,
            2,
            "outside of the parameter's own",
        ),
        ("parameters:\n  - {name: a, type: list(string), default: '{}'}" + TAIL, 2, "must be a list of texts"),
        ("parameters:\n  - {name: a, type: list(string), default: [z], options: [x]}" + TAIL, 2, "none of the options"),
        ("parameters:\n  - {name: a, defualt: z}" + TAIL, 2, "did you mean 'default'?"),
        ("variables:\n  - {name: a, type: number, default: x}" + TAIL, 2, "variables[0].default: must be a number"),
        (
            "variables:\n  - {name: a, sensitive: true}\nicon: x\nmetadata:\n  - {key: k, value: '${variable.a}'}"
            + TAIL,
            5,
            "is sensitive",
        ),
        ("metadata:\n  - {key: isolation, value: x}" + TAIL, 2, "is taken"),
        ("limits:\n  memory: lots" + TAIL, 2, "limits.memory: must be a size such as 512MiB"),
        ("limits:\n  memory: 1KiB" + TAIL, 2, "at least 64MiB"),
        ("limits:\n  disk: 1" + TAIL, 2, "limits.disk: is not known here"),
        ("limits: {processes: 1}" + TAIL, 1, "at least 16"),
        ('name: "a\\0b"' + TAIL, 1, "NUL"),
        ("icon: " + "x" * 300 + TAIL, 1, "at most 256 characters"),
    ],
)
def test_mistakes_name_their_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    found = mistakes(tmp_path, text)
    assert any(item.startswith(f"homeport.yaml:{line}: ") and words in item for item in found), found


@pytest.mark.requirement("ENGINE-TEMPLATE-01")
def test_all_mistakes_are_told_in_the_order_of_lines(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """\
        parameters:
          - name: a
            type: strng
            mutable: maybe
        agents:
          - name: x_y
            colour: red
        """,
    )
    assert [item.split(":")[1] for item in found] == ["3", "4", "6", "7"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "homeport.yaml:1: is no UTF-8"),
        (b"a: 1\nb: \xc3\x28\n", "homeport.yaml:2: is no UTF-8"),
        (b"a: \x01\n", "homeport.yaml:1: is no YAML"),
        (b"#" * 600_000, "at most"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "homeport.yaml").write_bytes(data)
    with pytest.raises(TemplateError, match=words):
        read_template(tmp_path)


def test_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"no file homeport\.yaml"):
        read_template(tmp_path)


WHOLE = """\
name: project
icon: /icon/python.svg
daily_cost: 3
variables:
  - {name: secret, sensitive: true}
  - {name: mirror, default: "https://mirror"}
parameters:
  - name: size
    type: number
    default: 2
    options: [1, {name: Two, value: 2, description: twice, icon: /x.svg}]
  - {name: address, validation: {regex: "^https://", error: "an https address"}}
  - {name: tools, type: list(string), default: [git, vim]}
  - {name: fresh, type: bool, default: no, ephemeral: true}
agents:
  - name: main
    directory: ~/${workspace.name}
    env: {MIRROR: "${variable.mirror}", TOKEN: "x${variable.secret}", SIZE: 3, ON: true}
    apps:
      - slug: web
        url: http://localhost:8${parameter.size}
        healthcheck: {url: "http://localhost:8${parameter.size}/health"}
    scripts:
      - {display_name: Set up, file: setup.sh, run_on_start: true, start_blocks_login: true, timeout: 60}
    metadata:
      - {key: cpu, script: uptime}
metadata:
  - {key: address, value: "${parameter.address}"}
limits: {memory: 2GiB, cpus: 2, processes: 500}
"""


@pytest.mark.requirement("ENGINE-TEMPLATE-02")
def test_whole_template_is_planned(tmp_path: Path) -> None:
    (tmp_path / "setup.sh").write_text("#!/bin/sh\necho hi\n")
    template = read(tmp_path, WHOLE)
    values = Values(
        fixed={"workspace.name": "dev"},
        parameters={"size": "2", "address": "https://x", "tools": '["git"]', "fresh": "false"},
        variables={
            "secret": VariableValue(name="secret", value="s3", sensitive=True),
            "mirror": VariableValue(name="mirror", value="https://m"),
        },
    )
    [resource] = plan_resources(template, values, is_running=True, facts={"isolation": "none"})
    [agent] = resource.agents
    assert (resource.type, resource.name, resource.daily_cost) == ("process", "project", 3)
    assert {item.key: item.value for item in resource.metadata} == {"isolation": "none", "address": "https://x"}
    assert agent.directory == "~/dev"
    assert agent.env == {"MIRROR": "https://m", "SIZE": "3", "ON": "true"}
    assert agent.apps[0].url == "http://localhost:82"
    assert agent.apps[0].healthcheck is not None
    assert agent.apps[0].healthcheck.url == "http://localhost:82/health"
    assert agent.scripts[0].script == "#!/bin/sh\necho hi\n"
    assert "vscode_insiders" not in agent.display_apps
    environment = plan_environment(template.agents[0], values)
    assert environment["TOKEN"] == "xs3"
    assert environment["HOMEPORT_PARAMETER_TOOLS"] == '["git"]'
    assert environment["HOMEPORT_VARIABLE_MIRROR"] == "https://m"
    assert "HOMEPORT_VARIABLE_SECRET" not in environment
    stopped = plan_resources(template, values, is_running=False, facts={})
    assert stopped[0].agents == []
    assert stopped[0].daily_cost == 0
    parameters = {parameter.name: parameter for parameter in template.parameters}
    assert parameters["size"].form_type == "radio"
    assert [option.name for option in parameters["size"].options] == ["1", "Two"]
    assert parameters["address"].required
    assert parameters["tools"].default_value == '["git", "vim"]'
    assert parameters["fresh"].default_value == "false"
    assert [parameter.order for parameter in template.parameters] == [0, 1, 2, 3]
    assert (template.limits.memory, template.limits.cpus, template.limits.processes) == (2 * 1024**3, 2, 500)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain $HOME {x} $", "plain $HOME {x} $"),
        ("${parameter.a}${parameter.a}", "<${workspace.id}><${workspace.id}>"),
        ("$${parameter.a}", "${parameter.a}"),
        ("$$${parameter.a}", "$${parameter.a}"),
    ],
)
def test_values_are_filled_in_once(text: str, filled: str) -> None:
    assert fill(text, {"parameter.a": "<${workspace.id}>", "workspace.id": str(uuid.UUID(int=0))}) == filled


@pytest.mark.parametrize(
    "text", ["${}", "${parameter}", "${a.b.c}", "${parameter.a", "${ parameter.a }", "${parameter.${x}}"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(BadExpression):
        list(names_in(text))
