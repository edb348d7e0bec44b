"""Values, patterns, settings and searches: tables of what is valid."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.kit.errors import BadRequest
from homeport.kit.patterns import Pattern, UnusablePattern
from homeport.templates.rules import check_declarations, validate_parameters
from homeport.templates.rules.access_lists import apply_roles, role_of
from homeport.templates.rules.searching import parse_search
from homeport.templates.rules.settings import day_bits, day_names, nanoseconds


@dataclass
class Declared:
    name: str = "p"
    type: str = "string"
    default_value: str = ""
    options: list[Any] = field(default_factory=list)
    mutable: bool = True
    ephemeral: bool = False
    required: bool = False
    validation_regex: str = ""
    validation_min: int | None = None
    validation_max: int | None = None
    validation_monotonic: str = ""
    validation_error: str = ""


def options(*values: str) -> list[dict[str, str]]:
    return [{"name": value, "value": value} for value in values]


NUMBER: dict[str, Any] = {"type": "number", "validation_min": 1, "validation_max": 10}


@pytest.mark.requirement("TEMPLATE-PARAMETER-01")
@pytest.mark.parametrize(
    ("declared", "value", "is_valid"),
    [
        ({}, "anything", True),
        ({}, "", True),
        ({"type": "number"}, "3", True),
        ({"type": "number"}, "-3.5", True),
        ({"type": "number"}, "1e5", False),
        ({"type": "number"}, "NaN", False),
        ({"type": "number"}, "٣", False),
        ({"type": "number"}, " 3", False),
        ({"type": "number"}, "3\n", False),
        ({"type": "number"}, "", False),
        ({"type": "number"}, "9" * 101, False),
        (NUMBER, "1", True),
        (NUMBER, "10", True),
        (NUMBER, "10.001", False),
        (NUMBER, "0", False),
        ({"type": "number", "validation_min": 5}, "4", False),
        ({"type": "number", "validation_max": 5}, "6", False),
        ({"type": "bool"}, "true", True),
        ({"type": "bool"}, "True", False),
        ({"type": "bool"}, "1", False),
        ({"type": "list(string)"}, '["a","b"]', True),
        ({"type": "list(string)"}, "[]", True),
        ({"type": "list(string)"}, "[1]", False),
        ({"type": "list(string)"}, "a,b", False),
        ({"options": options("a", "b")}, "a", True),
        ({"options": options("a", "b")}, "c", False),
        ({"type": "list(string)", "options": options("a", "b")}, '["a"]', True),
        ({"type": "list(string)", "options": options("a", "b")}, '["a","c"]', False),
        ({"type": "list(string)", "options": options('["a"]')}, '["a"]', True),
        ({"validation_regex": "^[a-z]+$"}, "abc", True),
        ({"validation_regex": "^[a-z]+$"}, "ABC", False),
        ({"validation_regex": "(?<=x)y"}, "xy", False),
    ],
)
def test_a_value_by_itself(declared, value, is_valid) -> None:
    errors = validate_parameters([Declared(**declared)], {"p": value}, {}, is_first_build=True)
    assert (errors == []) is is_valid
    assert all(error.field == "p" and error.detail for error in errors)


@pytest.mark.requirement("TEMPLATE-PARAMETER-02")
@pytest.mark.parametrize(
    ("declared", "requested", "previous", "is_first_build", "is_valid"),
    [
        ({"required": True}, None, None, True, False),
        ({"required": True}, None, "a", False, True),
        ({"required": True}, "a", None, True, True),
        ({}, None, None, True, True),
        ({"mutable": False}, "b", "a", False, False),
        ({"mutable": False}, "a", "a", False, True),
        ({"mutable": False}, "b", None, False, True),
        ({"mutable": False}, "b", "a", True, True),
        ({"ephemeral": True, "mutable": False}, "b", "a", False, True),
        ({"options": options("new")}, None, "gone", False, False),
        ({"options": options("new"), "ephemeral": True}, None, "gone", False, True),
        ({**NUMBER, "validation_monotonic": "increasing"}, "3", "2", False, True),
        ({**NUMBER, "validation_monotonic": "increasing"}, "2", "2", False, True),
        ({**NUMBER, "validation_monotonic": "increasing"}, "1", "2", False, False),
        ({**NUMBER, "validation_monotonic": "decreasing"}, "3", "2", False, False),
        ({**NUMBER, "validation_monotonic": "decreasing"}, "1", "2", False, True),
        ({**NUMBER, "validation_monotonic": "increasing"}, "x", "2", False, False),
        ({**NUMBER, "validation_monotonic": "increasing"}, "3", "was a text", False, True),
    ],
)
def test_a_value_between_builds(declared, requested, previous, is_first_build, is_valid) -> None:
    errors = validate_parameters(
        [Declared(**declared)],
        {} if requested is None else {"p": requested},
        {} if previous is None else {"p": previous},
        is_first_build=is_first_build,
    )
    assert (errors == []) is is_valid


@pytest.mark.requirement("TEMPLATE-PARAMETER-02")
def test_unknown_parameters_and_own_words() -> None:
    (unknown,) = validate_parameters([], {"nope": "1"}, {}, is_first_build=True)
    assert unknown.field == "nope"
    declared = Declared(**NUMBER, validation_error="{value} is not between {min} and {max}")
    (error,) = validate_parameters([declared], {"p": "11"}, {}, is_first_build=True)
    assert error.detail == "11 is not between 1 and 10"


@pytest.mark.requirement("TEMPLATE-PARAMETER-03")
@pytest.mark.parametrize(
    "declared",
    [
        [Declared(), Declared()],
        [Declared(ephemeral=True, required=True)],
        [Declared(options=options("a", "a"))],
        [Declared(type="number", validation_min=3, validation_max=2)],
        [Declared(validation_regex="(")],
        [Declared(validation_regex=r"(a)\1")],
        [Declared(type="number", default_value="x")],
        [Declared(options=options("a"), default_value="b")],
    ],
)
def test_declarations_that_contradict_themselves(declared) -> None:
    assert [error.field for error in check_declarations(declared)] == ["p"]


def test_sound_declarations() -> None:
    assert check_declarations([Declared("a"), Declared("b", options=options("x"), default_value="x")]) == []


PATTERNS = [
    "abc", "^abc$", "a*b+c?", "a{2,3}", "(ab|cd)*", "[a-c]+", "[^a-c]", r"\d\w\s", r"\Ba", r"\bab\b", ".", "", "^$", "(?i)AbC", "a|",
    "(a+)+b", "^(?:a|ab)(?:c|bcd)$", r"^[a-z0-9]+(-[a-z0-9]+)*$", "(?s)a.c", "(?m)^b$", "a{0}", "(a|b){2}", r"[\d-]+", "a+?b",
]  # fmt: skip


@pytest.mark.requirement("TEMPLATE-PATTERN-01")
@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.text("abcdABC012- \n_", max_size=12))
def test_patterns_match_what_the_standard_library_matches(pattern: str, text: str) -> None:
    # The end of a text is its end, not the place before a last line break: Go and RE2 see it so.
    expected = re.search(pattern.replace("$", r"\Z") if "(?m)" not in pattern else pattern, text) is not None
    assert Pattern(pattern).search(text) is expected


@pytest.mark.requirement("TEMPLATE-PATTERN-02")
@pytest.mark.parametrize("pattern", ["(a+)+$", "^(a|a)*$", "(a|aa)+$", "^" + "a*" * 30 + "$", "(.*)*x"])
def test_patterns_that_backtrack_for_ever_elsewhere_are_answered(pattern: str) -> None:
    assert Pattern(pattern).search("a" * 1000 + "!") is False


@pytest.mark.requirement("TEMPLATE-PATTERN-02")
@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "(?=a)",
        "(?<!a)b",
        r"(a)\1",
        "x" * 2001,
        "(a{1000}){1000}",
        "(){4000000000}",
        "(((){1000}){1000}){1000}",
        "(?P<n>",
    ],
)
def test_patterns_that_cannot_be_used_are_named_so(pattern: str) -> None:
    with pytest.raises(UnusablePattern):
        Pattern(pattern)


def test_settings_between_wire_and_row() -> None:
    assert day_names(day_bits(["Monday", "sunday"], "d")) == ["monday", "sunday"]
    assert nanoseconds(1, "f") == 1_000_000
    for wrong in (-1, 10**18):
        with pytest.raises(BadRequest):
            nanoseconds(wrong, "f")
    with pytest.raises(BadRequest):
        day_bits(["someday"], "d")


def test_roles_in_access_lists() -> None:
    one, two = UUID(int=1), UUID(int=2)
    acl = apply_roles({str(two): ["*"]}, {one: "use", two: ""})
    assert acl == {str(one): ["read", "use"]}
    assert [role_of(actions) for actions in (["*"], ["read", "use"], [])] == ["admin", "use", ""]


def test_the_search_grammar() -> None:
    found = parse_search("deprecated:true organization:acme py")
    assert (found.is_deprecated, found.organization, found.name) == (True, "acme", "py")
    for wrong in ("odd:1", 'name:"x', "deprecated:maybe", "name:" + "x" * 300):
        with pytest.raises(BadRequest) as caught:
            parse_search(wrong)
        assert caught.value.validations[0].field == "q"
