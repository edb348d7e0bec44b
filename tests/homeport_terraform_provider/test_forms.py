"""Values of parameters: what they are, what stands in for them, what defaults are held against."""

import hashlib

import pytest

from homeport_terraform_provider.data.forms import check_default, form_types, stand_in, wrong_value
from homeport_terraform_provider.data.parameter import PARAMETER
from homeport_terraform_provider.facts import Facts, read_facts
from homeport_terraform_provider.planning import fill
from homeport_terraform_provider.values import Problems, Unknown


@pytest.mark.requirement("TF-PROVIDER-02")
@pytest.mark.parametrize(
    ("type", "more", "wanted"),
    [
        ("string", {}, ""),
        ("bool", {}, "false"),
        ("list(string)", {}, "[]"),
        ("number", {}, "0"),
        ("number", {"validation": [{"min": 3, "max": 9}]}, "3"),
        ("number", {"validation": [{"min": -3}]}, "0"),
        ("number", {"validation": [{"max": -2}]}, "-2"),
        ("number", {"validation": [{"min": 0, "max": 0}]}, "0"),
        ("string", {"option": [{"name": "B", "value": "b"}, {"name": "A", "value": "a"}]}, "b"),
        ("list(string)", {"form_type": "multi-select", "option": [{"name": "B", "value": "b"}]}, '["b"]'),
        ("list(string)", {"form_type": "radio", "option": [{"name": "B", "value": '["b", "c"]'}]}, '["b", "c"]'),
    ],
)
def test_a_plan_for_nobody_has_values_that_could_be(type: str, more: dict[str, object], wanted: str) -> None:
    assert stand_in(type, more) == wanted
    assert wrong_value(type, wanted) is None


@pytest.mark.requirement("TF-PROVIDER-05")
@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("number", ""),
        ("number", "NaN"),
        ("number", "0x10"),
        ("bool", "True"),
        ("list(string)", "[1]"),
        ("list(string)", '{"a": "b"}'),
        ("list(string)", "["),
    ],
)
def test_values_that_are_of_no_type(type: str, value: str) -> None:
    assert wrong_value(type, value)


@pytest.mark.requirement("TF-PROVIDER-05")
def test_a_default_is_held_against_what_is_known() -> None:
    problems = Problems()
    late = {"default": "x", "option": [{"name": "a", "value": Unknown()}], "validation": [{"regex": Unknown()}]}
    check_default("string", "radio", late, problems)
    check_default("string", "input", {"default": "x", "validation": [{"regex": "(?i-s:x)(?<name>"}]}, problems)
    check_default("string", "input", {"default": "x", "validation": [{"regex": "^[[:alpha:]]$"}]}, problems)
    check_default("number", "input", {"default": "5", "validation": [{"min": 5, "max": Unknown()}]}, problems)
    assert problems.found == []
    many = {"default": '["a", "c", "d"]', "option": [{"name": "a", "value": "a"}]}
    check_default("list(string)", "multi-select", many, problems)
    assert [problem.detail for problem in problems.found] == [
        "'c' is not among the options.",
        "'d' is not among the options.",
    ]


@pytest.mark.requirement("TF-PROVIDER-02")
def test_the_usual_control_is_the_first() -> None:
    assert [form_types(type, has_options=False)[0] for type in ("string", "number", "bool", "list(string)")] == [
        "input",
        "input",
        "checkbox",
        "tag-select",
    ]
    assert {form_types(type, has_options=True)[0] for type in ("string", "number", "bool", "list(string)")} == {"radio"}


@pytest.mark.requirement("TF-PROVIDER-02")
def test_a_value_is_taken_as_it_was_given() -> None:
    name = "Größe of 'it'"
    environment = {"CODER_PARAMETER_" + "0" * 64: "other"}
    values = fill(PARAMETER.block, {"name": name, "type": "number", "default": "2"})
    PARAMETER.read(values, read_facts(environment), Problems())
    assert (values["value"], values["optional"]) == ("2", True)
    environment["CODER_PARAMETER_" + hashlib.sha256(name.encode()).hexdigest()] = ""
    PARAMETER.read(values, read_facts(environment), Problems())
    assert values["value"] == ""


@pytest.mark.requirement("TF-PROVIDER-05")
@pytest.mark.parametrize(
    ("type", "more", "given", "reason"),
    [
        ("number", {"validation": [{"min": 1, "max": 8}]}, "9", "9 is not between 1 and 8."),
        ("number", {"default": "0", "validation": [{"min": 1}]}, "0", ""),
        ("number", {}, "x", "'x' is no number."),
        ("string", {"option": [{"name": "A", "value": "a"}]}, "b", "'b' is not among the options."),
        ("list(string)", {"option": [{"name": "A", "value": "a"}]}, '["a"]', ""),
        ("list(string)", {"option": [{"name": "A", "value": "a"}]}, '["b"]', "'b' is not among the options."),
        ("list(string)", {"option": [{"name": "A", "value": '["b"]'}]}, '["b"]', ""),
        ("string", {"validation": [{"regex": "^x$"}]}, "y", "'y' does not match ^x$."),
    ],
)
def test_a_value_is_held_against_what_there_is(type: str, more: dict[str, object], given: str, reason: str) -> None:
    environment = {"CODER_PARAMETER_" + hashlib.sha256(b"p").hexdigest(): given}
    for transition, told in (("start", [reason] if reason else []), ("stop", [])):
        values = fill(PARAMETER.block, {"name": "p", "type": type, **more})
        problems = Problems()
        PARAMETER.read(values, read_facts({**environment, "CODER_WORKSPACE_TRANSITION": transition}), problems)
        assert [problem.detail for problem in problems.found] == told


@pytest.mark.requirement("TF-PROVIDER-02")
def test_an_environment_that_says_nothing_is_one_for_nobody() -> None:
    assert read_facts({}) == Facts()
    assert read_facts({}).is_for_nobody
    with pytest.raises(ValueError, match="CODER_WORKSPACE_OWNER_GROUPS is no JSON"):
        read_facts({"CODER_WORKSPACE_OWNER_GROUPS": "a,b"})
    assert read_facts({"CODER_WORKSPACE_OWNER_RBAC_ROLES": '[{"name": "a"}, 3]'}).owner_roles == [
        {"name": "a", "org_id": ""}
    ]
