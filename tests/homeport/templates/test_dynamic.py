"""Parameters that depend on others and on whose workspace it is: which there are, and what they take."""

import json
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest

from homeport.templates.rules.configuration import read_configuration
from homeport.templates.rules.dynamic import Evaluated, FormSource, evaluate_parameters, form_source
from homeport.templates.rules.judging import judge_values, left_to_terraform
from homeport.templates.types import ParameterRow

VERSION = UUID(int=7)
TEMPLATE = """
variable "most" {
  type    = number
  default = 8
}
locals {
  zones    = { eu = ["a", "b"], us = ["c"] }
  is_admin = contains(data.coder_workspace_owner.me.groups, "admin")
  tools    = jsondecode(data.coder_parameter.tools.value)
}
data "coder_parameter" "region" {
  name    = "region"
  default = "eu"
}
data "coder_parameter" "tools" {
  name    = "tools"
  type    = "list(string)"
  default = jsonencode(["go"])
}
data "coder_parameter" "zone" {
  name    = "zone"
  mutable = true
  order   = 2
  icon    = "${path.module}/zone.svg"
  dynamic "option" {
    for_each = local.zones[data.coder_parameter.region.value]
    iterator = it
    content {
      name  = upper(it.value)
      value = it.value
    }
  }
}
data "coder_parameter" "cpus" {
  name    = "cpus"
  type    = "number"
  default = data.coder_parameter.region.value == "eu" ? 2 : 4
  validation {
    min = 1
    max = local.is_admin ? 64 : var.most
  }
}
data "coder_parameter" "gpu" {
  count   = data.coder_parameter.cpus.value > 4 ? 1 : 0
  name    = "gpu"
  type    = "bool"
  default = "false"
}
data "coder_parameter" "version" {
  for_each  = toset(local.tools)
  name      = "${each.key}-version"
  default   = "latest"
  ephemeral = true
  mutable   = true
}
"""


def source_of(text: str, name: str = "main.tf") -> FormSource:
    found = form_source(read_configuration({name: text.encode()}))
    assert found is not None
    # It is kept as JSON.
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(found)), FormSource)


def row(name: str, default: str | None = "", **more: Any) -> ParameterRow:
    values: dict[str, Any] = {
        "template_version_id": VERSION, "name": name, "display_name": "", "description": "", "type": "string",
        "form_type": "input", "mutable": False, "default_value": default or "", "icon": "", "options": [],
        "validation_regex": "", "validation_min": None, "validation_max": None, "validation_monotonic": "",
        "validation_error": "", "required": default is None, "ephemeral": False, "display_order": 0, "styling": {},
    }  # fmt: skip
    return ParameterRow(**values | more)


# As an import finds them: with the defaults, and for nobody.
IMPORTED = [
    row("region", "eu"), row("tools", '["go"]', type="list(string)"), row("cpus", "2", type="number", validation_max=8),
    row("zone", None, icon="/zone.svg", form_type="radio", options=[{"name": "A", "value": "a"}]),
    row("go-version", "latest"), row("of a module", "x"),
]  # fmt: skip


def evaluated(text: str = TEMPLATE, groups: Sequence[str] = (), **values: str) -> Evaluated:
    return evaluate_parameters(
        source_of(text), IMPORTED, values=values, variables={"most": "16"}, owner={"groups": list(groups)}
    )


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_parameters_follow_others_and_their_owner() -> None:
    found = evaluated()
    assert found.problems == []
    names = [each.name for each in found.rows]
    assert names == ["cpus", "go-version", "of a module", "region", "tools", "zone"]
    rows = {each.name: each for each in found.rows}
    assert rows["region"] is IMPORTED[0]
    assert [option["value"] for option in rows["zone"].options] == ["a", "b"]
    assert (rows["zone"].required, rows["zone"].form_type, rows["zone"].icon) == (True, "radio", "/zone.svg")
    assert (rows["cpus"].default_value, rows["cpus"].validation_max) == ("2", 16)
    assert (rows["go-version"].ephemeral, rows["go-version"].default_value) == (True, "latest")

    found = evaluated(groups=("admin",), region="us", cpus="32", tools='["rust", "c"]')
    rows = {each.name: each for each in found.rows}
    assert set(rows) == {"cpus", "c-version", "rust-version", "gpu", "of a module", "region", "tools", "zone"}
    assert rows["zone"].options == [{"name": "C", "value": "c", "description": "", "icon": ""}]
    assert (rows["cpus"].default_value, rows["cpus"].validation_min, rows["cpus"].validation_max) == ("4", 1, 64)
    assert (rows["gpu"].type, rows["gpu"].form_type, rows["gpu"].template_version_id) == ("bool", "checkbox", VERSION)
    # A default counts as long as nothing is given: four are not more than four.
    assert "gpu" not in {each.name for each in evaluated(region="us").rows}


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_what_only_terraform_can_tell_stays_as_imported() -> None:
    text = TEMPLATE.replace("local.is_admin ? 64 : var.most", "tonumber(file(data.coder_parameter.region.value))")
    found = evaluated(text, region="us")
    rows = {each.name: each for each in found.rows}
    assert rows["cpus"] is IMPORTED[2]
    assert [option["value"] for option in rows["zone"].options] == ["c"]
    assert len(found.problems) == 1
    assert found.problems[0].startswith(
        "main.tf:40: the parameter 'cpus' is shown as it was imported: the function 'file'"
    )
    # Values that fit nowhere are the form's to judge; nothing else goes wrong.
    cases = (("tools", "no JSON"), ("region", "mars"), ("cpus", "many"), ("tools", json.dumps(["x"] * 300)))
    for name, value in cases:
        assert {each.name for each in evaluated(TEMPLATE, (), **{name: value}).rows} >= {
            "region",
            "tools",
            "cpus",
            "zone",
        }


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_defaults_that_depend_on_nothing_are_those_of_the_import() -> None:
    text = TEMPLATE.replace('default = "eu"', 'default = file("region")')
    rows = {each.name: each for each in evaluated(text).rows}
    assert [option["value"] for option in rows["zone"].options] == ["a", "b"]
    assert [option["value"] for option in {r.name: r for r in evaluated(text, region="us").rows}["zone"].options] == [
        "c"
    ]


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_what_only_terraform_can_tell_it_judges() -> None:
    text = TEMPLATE.replace("local.zones[data.coder_parameter.region.value]", "provider::x::zones(local.tools)")
    text = text.replace("toset(local.tools)", "fileset(local.tools, 1)")
    found = evaluated(text, region="us")
    assert set(found.unsure) == {"zone", "of a module", "go-version"}
    assert not found.is_complete
    previous = {"zone": "c", "rust-version": "7"}
    given = {"region": "us", "zone": "d", "go-version": "8", "new": "9"}
    assert judge_values(found, given, {}, is_first_build=True) == []
    # Nothing is given that nobody said; what was said before stays.
    values = {each.name: each.default_value for each in found.rows} | given
    assert left_to_terraform(found, values, given, previous) == {
        **given, "cpus": "4", "tools": '["go"]', "rust-version": "7",
    }  # fmt: skip
    # What Terraform does not know of is judged here all the same, and what could be evaluated as ever.
    fixed = judge_values(
        evaluated(text.replace("mutable = true", "")), {"zone": "d"}, {"zone": "c"}, is_first_build=False
    )
    assert [error.field for error in fixed] == ["zone"]
    assert [each.field for each in judge_values(found, {"cpus": "99"}, {}, is_first_build=True)] == ["cpus"]
    whole = evaluated(region="us")
    assert [each.field for each in judge_values(whole, {"zone": "d", "new": "9"}, {}, is_first_build=True)] == [
        "zone",
        "new",
    ]


@pytest.mark.requirement("CONTENTS-FORM-05")
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('styling = "{\\"mask_input\\": 1}"', "mask_input"),
        (f'styling = "{"[" * 9000}"', "no JSON"),
        ('order = 1e30', "order"),
        ('default = "\\u0000"', "NUL"),
        ("default = data.coder_workspace_owner.me.session_token", "Terraform alone"),
        ("default = jsonencode(data.coder_workspace_owner.me)", "not all of this object"),
        ("default = jsonencode([])[0]", "there is no"),
        ("default = { a = 1 }[data.coder_workspace_owner.me.name]", "there is no such element"),
        ("type = data.coder_workspace_owner.me.name", "its type is none of"),
        ("default = element([], 0)", "cannot take"),
        ('default = element(["a"], 1.5)', "whole number"),
        ("count = 1.5", "whole number"),
        ("count = 201", "more than 200"),
    ],
)  # fmt: skip
def test_what_no_import_would_take_is_no_parameter(said: str, reason: str) -> None:
    text = f'data "coder_parameter" "a" {{\n  name = "${{data.coder_workspace_owner.me.name}}-a"\n  {said}\n}}\n'
    found = evaluate_parameters(source_of(text), IMPORTED, values={}, variables={}, owner={"name": "n-a-secret"})
    assert found.rows == sorted(IMPORTED, key=lambda row: row.name)
    assert reason in found.problems[0]
    # No value is told, which might be a secret.
    assert "n-a-secret" not in found.problems[0]


@pytest.mark.requirement("CONTENTS-FORM-05")
@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        ("default = null", "", "null"),
        ("default = null\n  type = string", None, "null"),
        ("default = 5", "5", "5"),
        ("type = any\n  default = 5", "[1.50]", "[1.5]"),
        ("type = string\n  default = 5", "5", '"5"'),
        ("type = bool\n  default = false", "true", "true"),
        ("type = list(\n    string)\n  default = []", "[1, true]", '["1","true"]'),
        ("type = set(string)\n  default = []", '["b", "a", "b"]', '["a","b"]'),
        ("type = map(number)\n  default = {}", '{"a": "7"}', '{"a":7}'),
        ("type = list(string)\n  default = null", "", "null"),
        ("type = string", "\u0065\u0301", '"\u00e9"'),
    ],
)
def test_variables_are_worth_what_terraform_gets(declared: str, given: str | None, value: str) -> None:
    text = f"""
        variable "v" {{
          {declared}
        }}
        data "coder_parameter" "a" {{
          name    = "a${{data.coder_workspace_owner.me.name}}"
          default = jsonencode(var.v)
        }}
    """
    variables = {} if given is None else {"v": given}
    [row] = evaluate_parameters(source_of(text), [], values={}, variables=variables, owner={"name": ""}).rows
    assert row.default_value == value


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_values_of_the_last_build_count_but_for_ephemeral_ones() -> None:
    text = """
        data "coder_parameter" "kept" {
          count = data.coder_workspace_owner.me.name == "n" ? 1 : 0
          name  = "kept"
        }
        data "coder_parameter" "once" {
          count     = data.coder_workspace_owner.me.name == "n" ? 1 : 0
          name      = "once"
          default   = "no"
          ephemeral = true
        }
        data "coder_parameter" "next" {
          name    = "next"
          default = "${data.coder_parameter.kept[0].value}-${data.coder_parameter.once[0].value}"
        }
    """
    last = {"kept": "a", "once": "yes"}
    for values, wanted in (({}, "a-no"), ({"once": "now"}, "a-now"), ({"kept": "b"}, "b-no")):
        found = evaluate_parameters(
            source_of(text), [], values=values, previous=last, variables={}, owner={"name": "n"}
        )
        assert {row.name: row.default_value for row in found.rows}["next"] == wanted


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_each_text_is_read_once_however_many_name_it() -> None:
    blocks = "".join(f'data "coder_parameter" "p{place}" {{ default = local.long }}\n' for place in range(400))
    found = read_configuration({"main.tf": f'locals {{ long = "{"local.x " * 100_000}" }}\n{blocks}'.encode()})
    begun = time.process_time()
    assert form_source(found) is None
    assert time.process_time() - begun < 2


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_checks_are_taken_as_an_import_takes_them() -> None:
    text = """
        data "coder_parameter" "a" {
          name = "a${data.coder_workspace_owner.me.name}"
          validation {
            min       = 1
            max       = 2.5
            monotonic = "sideways"
          }
        }
    """
    [row] = evaluate_parameters(source_of(text), [], values={}, variables={}, owner={"name": ""}).rows
    assert (row.validation_min, row.validation_max, row.validation_monotonic) == (None, None, "")


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_the_problems_of_a_form_stay_few() -> None:
    blocks = (
        f'data "coder_parameter" "p{place}" {{ default = data.coder_parameter.x.value }}\n' for place in range(90)
    )
    found = evaluate_parameters(source_of("".join(blocks)), [], values={}, variables={}, owner={})
    assert len(found.problems) == 21
    assert found.problems[-1] == "70 more parameters are shown as they were imported."


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_forms_that_turn_in_circles_or_grow_without_end_are_left_to_terraform() -> None:
    circle = """
        data "coder_parameter" "a" { default = data.coder_parameter.b.value }
        data "coder_parameter" "b" { default = data.coder_parameter.a.value }
        data "coder_parameter" "c" { count = 1000000 + length(data.coder_parameter.d.value) }
        data "coder_parameter" "d" { default = join("", [for x in range(1000) : join("", range(1000))]) }
    """
    found = evaluated(circle)
    assert [each.name for each in found.rows] == sorted(each.name for each in IMPORTED)
    assert len(found.problems) == 3
    assert "refers to itself" in found.problems[0]


@pytest.mark.requirement("CONTENTS-FORM-05")
def test_only_templates_with_dependent_parameters_keep_a_form() -> None:
    plain = 'locals {\n  x = data.coder_workspace.me.name\n}\ndata "coder_parameter" "a" {\n  name = local.x\n}\n'
    assert form_source(read_configuration({"main.tf": plain.encode()})) is None
    document = {
        "data": {
            "coder_parameter": {
                "size": {"name": "size", "default": "s"},
                "disk": {
                    "name": "disk",
                    "count": '${data.coder_parameter.size.value == "l" ? 1 : 0}',
                    "option": [{"name": "Big ${1 + 1}", "value": "b"}],
                },
            }
        }
    }
    source = source_of(json.dumps(document), "main.tf.json")
    assert source.dependent == ["disk"]
    none = evaluate_parameters(source, [], values={}, variables={}, owner={})
    assert none == Evaluated([], [])
    [disk] = evaluate_parameters(source, [], values={"size": "l"}, variables={}, owner={}).rows
    assert disk.options == [{"name": "Big 2", "value": "b", "description": "", "icon": ""}]
