"""Each mistake in a template is told with the line of the very attribute. All in few runs of Terraform, for each takes its time."""

import pytest

from tests.support.terraform_provider import Terraform

pytestmark = [pytest.mark.needs("terraform"), pytest.mark.timeout(180), pytest.mark.requirement("TF-PROVIDER-05")]
AGENT = 'os   = "linux"\n  arch = "amd64"'
OWN = "agent_id = coder_agent.main.id"
# What is written in a block, and the words that the error at the line marked by # ! has.
RESOURCES = [
    ("coder_agent", 'os = "linux"\n  arch = "sparc" # !', "'sparc' is none of: amd64, armv7, arm64"),
    ("coder_agent", 'os = "plan9" # !\n  arch = "amd64"', "none of: linux, darwin, windows"),
    ("coder_agent", f'{AGENT}\n  auth = "password" # !', "none of: token, google-instance-identity"),
    ("coder_agent", f'{AGENT}\n  api_key_scope = "some" # !', "none of: all, no_user_data"),
    ("coder_agent", f"{AGENT}\n  connection_timeout = -1 # !", "it must be 0 at least"),
    ("coder_agent", f'{AGENT}\n  troubleshooting_url = "help me" # !', "no address: it has blanks"),
    ("coder_agent", f'{AGENT}\n  startup_script_behavior = "maybe" # !', "none of: blocking, non-blocking"),
    (
        "coder_agent",
        f'{AGENT}\n  metadata {{\n    key = "a"\n    script = "x"\n    interval = -1 # !\n  }}',
        "it must be 0 at least",
    ),
    (
        "coder_agent",
        (
            f'{AGENT}\n  metadata {{\n    key = "a"\n    script = "x"\n    interval = 1\n  }}\n'
            '  metadata {\n    key = "a" # !\n    script = "y"\n    interval = 1\n  }'
        ),
        "The key 'a' is taken",
    ),
    (
        "coder_agent",
        f"{AGENT}\n  resources_monitoring {{\n    memory {{\n      enabled = true\n      threshold = 101 # !\n    }}\n  }}",
        "it must be 100 at most",
    ),
    (
        "coder_agent",
        (
            f'{AGENT}\n  resources_monitoring {{\n    volume {{\n      path = "home" # !\n      enabled = true\n'
            "      threshold = 5\n    }\n  }"
        ),
        "no absolute path",
    ),
    ("coder_app", f'{OWN}\n  slug = "Not_Good" # !', "'Not_Good': it must have lower-case letters"),
    ("coder_app", f'{OWN}\n  slug = "a"\n  share = "everyone" # !', "none of: owner, authenticated"),
    ("coder_app", f'{OWN}\n  slug = "a"\n  open_in = "space" # !', "none of: slim-window, tab"),
    ("coder_app", f'{OWN}\n  slug = "a"\n  url = "http://x"\n  command = "x" # !', "both a command and a url"),
    ("coder_app", f'{OWN}\n  slug = "a"\n  command = "x"\n  subdomain = true # !', "A command has no subdomain"),
    ("coder_app", f'{OWN}\n  slug = "a"\n  order = 1.5 # !', "no whole number"),
    (
        "coder_script",
        f'{OWN}\n  display_name = "a"\n  script = "b"\n  cron = "* * * * *" # !',
        "has 5 fields; it takes six",
    ),
    (
        "coder_script",
        f'{OWN}\n  display_name = "a"\n  script = "b"\n  cron = "0 0 22 * * $(x)" # !',
        "'$(x)' has no place",
    ),
    (
        "coder_script",
        f'{OWN}\n  display_name = "a"\n  script = "b"\n  run_on_stop = true\n  start_blocks_login = true # !',
        "cannot delay sign-ins",
    ),
    ("coder_env", f'{OWN}\n  name = "A=B" # !', "'A=B': it is no name of a variable"),
    ("coder_env", f'{OWN}\n  name = "A"\n  merge_strategy = "mix" # !', "none of: replace, append, prepend, error"),
    ("coder_devcontainer", f'{OWN}\n  workspace_folder = "" # !', "must not be empty"),
    (
        "coder_metadata",
        'resource_id = coder_agent.main.id\n  item {\n    key = "a"\n  }\n  item {\n    key = "a" # !\n  }',
        "The key 'a' is taken",
    ),
    ("coder_metadata", "resource_id = coder_agent.main.id\n  daily_cost = -5 # !", "it must be 0 at least"),
]
DATA = [
    ("coder_parameter", 'name = "a"\n  type = "float" # !', "none of: string, number, bool, list(string)"),
    ("coder_parameter", 'name = "a"\n  type = "number"\n  default = "many" # !', "'many' is no number"),
    ("coder_parameter", 'name = "a"\n  type = "bool"\n  default = "yes" # !', "neither true nor false"),
    ("coder_parameter", 'name = "a"\n  type = "list(string)"\n  default = "a,b" # !', "write it with jsonencode"),
    ("coder_parameter", 'name = "a"\n  form_type = "slider" # !', "A string without options takes input or textarea"),
    ("coder_parameter", 'name = "a"\n  form_type = "carousel" # !', "none of: radio, dropdown"),
    ("coder_parameter", 'name = "a"\n  ephemeral = true # !', "must be mutable"),
    (
        "coder_parameter",
        'name = "a"\n  default = "c" # !\n  option {\n    name = "A"\n    value = "a"\n  }',
        "'c' is not among the options",
    ),
    (
        "coder_parameter",
        'name = "a"\n  type = "number"\n  option {\n    name = "A"\n    value = "a" # !\n  }',
        "Invalid value of an option: 'a' is no number",
    ),
    (
        "coder_parameter",
        'name = "a"\n  option {\n    name = "A"\n    value = "a"\n  }\n  option {\n    name = "B"\n    value = "a" # !\n  }',
        "Two options with one value",
    ),
    (
        "coder_parameter",
        'name = "a"\n  type = "number"\n  default = 9 # !\n  validation {\n    max = 8\n    error = "{value} > {max}"\n  }',
        "Invalid default: 9 > 8",
    ),
    (
        "coder_parameter",
        'name = "a"\n  default = "X" # !\n  validation {\n    regex = "^[a-z]+$"\n    error = "small letters"\n  }',
        "Invalid default: small letters",
    ),
    (
        "coder_parameter",
        'name = "a"\n  validation {\n    min = 1 # !\n  }',
        "'min' is for parameters of the type number",
    ),
    (
        "coder_parameter",
        'name = "a"\n  type = "number"\n  validation {\n    min = 5 # !\n    max = 4\n  }',
        "min 5 is above max 4",
    ),
    (
        "coder_parameter",
        'name = "a"\n  type = "number"\n  validation {\n    min = 0.5 # !\n  }',
        "'0.5' is no whole number",
    ),
    (
        "coder_parameter",
        'name = "a"\n  type = "number"\n  validation {\n    monotonic = "up" # !\n  }',
        "none of: increasing, decreasing",
    ),
    ("coder_workspace_preset", 'name = "" # !', "must not be empty"),
    ("coder_workspace_preset", 'name = "a"\n  prebuilds {\n    instances = -1 # !\n  }', "it must be 0 at least"),
    (
        "coder_workspace_preset",
        (
            'name = "a"\n  prebuilds {\n    instances = 1\n    scheduling {\n      timezone = "Mars/Base" # !\n'
            '      schedule {\n        cron = "* 8 * * 1"\n        instances = 1\n      }\n    }\n  }'
        ),
        "'Mars/Base' is no time zone",
    ),
    (
        "coder_workspace_preset",
        (
            'name = "a"\n  prebuilds {\n    instances = 1\n    scheduling {\n      timezone = "UTC"\n'
            '      schedule {\n        cron = "0 8 * * 1" # !\n        instances = 1\n      }\n    }\n  }'
        ),
        "must have the form '* HOUR * * DAY-OF-WEEK'",
    ),
    (
        "coder_workspace_preset",
        (
            'name = "a"\n  prebuilds {\n    instances = 1\n    scheduling {\n      timezone = "UTC"\n'
            '      schedule {\n        cron = "* 8-24 * * 1" # !\n        instances = 1\n      }\n    }\n  }'
        ),
        "'8-24' is no hour: 0 to 23",
    ),
    ("coder_external_auth", 'id = "" # !', "must not be empty"),
    (
        "coder_script_order",
        'rule {\n    run = ["a"]\n    after = ["b"]\n    phase = "middle" # !\n  }',
        "none of: start, stop",
    ),
]


def written(kind: str, cases: list[tuple[str, str, str]]) -> str:
    blocks = [f'{kind} "{type}" "x{number}" {{\n  {body}\n}}\n' for number, (type, body, _) in enumerate(cases)]
    return f'resource "coder_agent" "main" {{\n  {AGENT}\n}}\n' + "".join(blocks)


@pytest.mark.parametrize(("kind", "cases"), [("resource", RESOURCES), ("data", DATA)])
def test_mistakes_are_told_with_their_lines(terraform: Terraform, kind: str, cases: list[tuple[str, str, str]]) -> None:
    text = written(kind, cases)
    terraform.write(text)
    done = terraform.plan()
    assert done.status == 1
    marked = [number for number, line in enumerate(text.splitlines(), 1) if "# !" in line]
    assert len(marked) == len(cases)
    missing = [
        (case, line)
        for case, line in zip(cases, marked, strict=True)
        if not any(case[2] in said and where == line for said, where in done.errors)
    ]
    assert missing == [], done.errors
    assert sorted(where for _, where in done.errors) == sorted(marked)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('resource "coder_script" "x" {\n  agent_id = "a"\n  display_name = "a"\n  script = "b"\n}\n', "never runs"),
        ('resource "coder_agent" "x" {\n  os = "linux"\n}\n', 'The argument "arch" is required'),
        (f'resource "coder_agent" "x" {{\n  {AGENT}\n  token = "mine"\n}}\n', "'token' cannot be set"),
        (f'resource "coder_agent" "x" {{\n  {AGENT}\n  speed = 3\n}}\n', "Unsupported argument"),
        (
            f'resource "coder_agent" "x" {{\n  {AGENT}\n  display_apps {{}}\n  display_apps {{}}\n}}\n',
            "Too many display_apps",
        ),
        ('data "coder_script_order" "x" {\n}\n', "rule"),
        ('resource "coder_spaceship" "x" {\n}\n', "coder_spaceship"),
    ],
)
def test_what_the_schema_says_is_told_by_terraform(terraform: Terraform, body: str, words: str) -> None:
    terraform.write(body)
    done = terraform.plan()
    assert done.status == 1
    assert any(words in said for said, _ in done.errors), done.output


def test_what_is_wrong_only_later_is_told_then(terraform: Terraform) -> None:
    text = """
resource "terraform_data" "late" {
  input = "Not Good"
}
resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"
}
resource "coder_app" "x" {
  agent_id = coder_agent.main.id
  slug     = terraform_data.late.output
}
data "coder_parameter" "x" {
  name    = "x"
  type    = "number"
  default = terraform_data.late.output
}
"""
    terraform.write(text)
    assert terraform.plan().status == 0
    done = terraform.run("apply", "-json", "plan")
    assert done.status == 1
    assert any("'Not Good' is no number" in said for said, _ in done.errors), done.output
    assert any("'Not Good'" in said and "slug" in said for said, _ in done.errors), done.output
    # What is there by then can be ended nevertheless.
    terraform.more = {"CODER_WORKSPACE_TRANSITION": "stop"}
    done = terraform.plan()
    assert done.status == 0, done.output
    done = terraform.run("destroy", "-auto-approve", "-json")
    assert done.status == 0, done.output


def test_platforms_without_an_agent_are_warned_of(terraform: Terraform) -> None:
    terraform.write('resource "coder_agent" "main" {\n  os   = "windows"\n  arch = "amd64"\n}\n')
    done = terraform.plan()
    assert done.status == 0
    [(said, line)] = done.warnings
    assert "No agent for windows/amd64" in said
    assert line == 3


def test_a_missing_value_is_told_when_it_matters(terraform: Terraform) -> None:
    terraform.write('data "coder_parameter" "size" {\n  name = "size"\n  type = "number"\n}\n')
    assert terraform.plan().status == 0
    terraform.more = {"CODER_WORKSPACE_ID": "6a8be5a3-3f0c-4f0c-9ee6-6a1b0a4a2e11"}
    done = terraform.plan()
    assert done.errors == [("A value is missing: The parameter 'size' has no default, and no value was given.", 2)]
    terraform.more["CODER_WORKSPACE_TRANSITION"] = "stop"
    assert terraform.plan().status == 0
