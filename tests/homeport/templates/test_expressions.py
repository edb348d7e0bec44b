"""Expressions of Terraform's language that tags are made of: what they are worth, and that none takes long."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from homeport.templates.rules.configuration import Piece
from homeport.templates.rules.expressions import Unevaluable, Value, evaluate
from homeport.templates.rules.hcl_functions import FUNCTIONS, encode
from homeport.templates.rules.hcl_values import Wrong
from homeport.templates.rules.mistakes import TemplateMistake
from homeport.templates.rules.tags import TagSource, evaluate_tags

KNOWN: dict[tuple[str, ...], Value] = {
    ("var", "zone"): "eu", ("var", "many"): ["a", "b"], ("var", "map"): {"k": ["z"]}, ("local", "n"): 3,
    ("local", "on"): True, ("data", "coder_parameter", "p", "value"): "true",
}  # fmt: skip


def look(path: tuple[str, ...]) -> Value:
    if path not in KNOWN:
        raise Unevaluable(f"{'.'.join(path)} is not known")
    return KNOWN[path]


@pytest.mark.requirement("CONTENTS-TAGS-02")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a"', "a"),
        ("true", True),
        ("null", None),
        ("1.50", 1.5),
        ("-local.n", -3),
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * 3 % 5", 4),
        ('"P_${var.zone}_${local.n}"', "P_eu_3"),
        ('"${local.n}"', 3),
        ('"$${x} 100%"', "${x} 100%"),
        ('"${"${var.zone}"}!"', "eu!"),
        ('"a\\tb\\u00e9"', "a\tb\u00e9"),
        ("<<X\nhi ${var.zone}\nX\n", "hi eu\n"),
        ("<<-X\n    one\n      two\n  X\n", "one\n  two\n"),
        ('data.coder_parameter.p.value == "true" ? "with" : "without"', "with"),
        ('data.coder_parameter.p.value == true ? "with" : "without"', "without"),
        ("!local.on || 1 < 2 && 2 >= 2", True),
        ('1 == 1 != ("a" == "b")', True),
        ("local.on ? 1 : false ? 2 : 3", 1),
        ("var.map.k[0]", "z"),
        ('var.map["k"][0]', "z"),
        ("var.many[1]", "b"),
        ('{ a = 1, "b" : var.zone\n  (var.zone) = "c" }', {"a": 1, "b": "eu", "eu": "c"}),
        ("[1, 2,]", [1, 2]),
        ("merge({a = 1}, {b = 2, a = 3})", {"a": 3, "b": 2}),
        ('upper(trimspace(" x "))', "X"),
        ('join("-", var.many)', "a-b"),
        ('contains(var.many, "b")', True),
        ('coalesce("", null, "q")', "q"),
        ('lookup({a = 1}, "z", "none")', "none"),
        ('tonumber("12") + 1', 13),
        ("tostring(1.0)", "1"),
        ("1 # what follows is no matter\n", 1),
        ("/* nor this */ 1", 1),
        ("[for x in var.many : upper(x)]", ["A", "B"]),
        ('[for i, x in var.many : "${i}${x}" if x != "a"]', ["1b"]),
        ("{for k, v in var.map : v[0] => k}", {"z": "k"}),
        ("[for x in [{ n = 1 }, { n = 2 }] : [for y in [10] : x.n + y]]", [[11], [12]]),
        ("[{ n = 1 }, { n = 2 }][*].n", [1, 2]),
        ("null[*].n", []),
        ("local.on ? 1 : var.nothing", 1),
        ("!local.on && var.nothing", False),
        ('try(var.many[7], tonumber("x"), "q")', "q"),
        ("can(var.many[7])", False),
        ("[{ n = [1] }].*.n[0]", [1]),
        ('toset(["b", "a", "b"])', ["a", "b"]),
        ('jsondecode(jsonencode(["<", "b"]))', ["<", "b"]),
        ("max(1, local.n) + min([4, 5]...)", 7),
        ('length(split(",", "a,b")) == length(keys({ x = 1, y = 2 }))', True),
        ('format("%s-%d%%", title("ab cd"), 7)', "Ab Cd-7%"),
        ("one([])", None),
    ],
)
def test_what_expressions_are_worth(text: str, value: Any) -> None:
    found = evaluate(text, look)
    assert found == value
    assert isinstance(found, bool) is isinstance(value, bool)


@pytest.mark.requirement("CONTENTS-TAGS-02")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("data.coder_workspace.me.name", "is not known"),
        ("var.nothing", "is not known"),
        ('file("/etc/passwd")', "cannot be used here"),
        ("1 / 0", "divides by zero"),
        ("1 +", "a value is expected"),
        ("a b", "not expected"),
        ("1 2", "not expected"),
        ("(1", "is expected"),
        ('"a" + 1', "a number is expected"),
        ('"x" ? 1 : 2', "true or false"),
        ("tostring([1])", "cannot|a text is expected"),
        ('coalesce("", null)', "cannot take these values"),
        ('lookup({a = 1}, "z")', "cannot take these values"),
        ("upper()", "cannot take these values"),
        ("var.many[7]", "there is no"),
        ('"\\q"', "backslash"),
        ('"%{ if true }x%{ endif }"', "directives"),
        ("<<X\na ${~ var.zone ~}\n\nX\n", "blanks in a heredoc"),
        ("[for x in 1 : x]", "a list or a map"),
        ("{for x in var.many : true => x}", "the same key"),
        ("{for x in var.many : x}", "'=>' is expected"),
        ("[for x of var.many : x]", "'in' is expected"),
        ("x", "is not known"),
        ("try(var.many[7], upper())", "none of what"),
        # What Terraform may well know is no mistake.
        ('try(file("x"), var.nothing, "q")', "cannot be used here"),
        ('try(data.http.x.body, "q")', "is not known"),
        ('try(length("\U0001f600"), 7)', "counted by Terraform"),
        ("can(range(9) == [])", "compared by Terraform"),
        ("try(tostring(1 / 3), 7)", "decimals do not end"),
        ('"\\u0000"', "NUL"),
        ('jsondecode("\\"\\\\u0000\\"")', "NUL"),
        ('replace("a", "/b/", "c")', "Terraform alone"),
        ("range(1e9)", "cannot take these values"),
        ("1e400", "number"),
        ("9" * 200, "number"),
        ("@", "not expected"),
        ('"open', "closing quote"),
        ("", "a value is expected"),
    ],
)
def test_what_only_terraform_could_tell_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unevaluable, match=reason):
        evaluate(text, look)


@pytest.mark.requirement("CONTENTS-TAGS-03")
@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "1",
        "[" * 100_000,
        "!" * 100_000 + "true",
        '"${' * 100_000,
        "1" + "+1" * 1_000_000,
        "{" + "a=1," * 500_000 + "}",
        'join("' + "x" * 16_000 + '", [' + "1," * 10_000 + "])",
        '"' + "${var.zone}" * 190_000 + '"',
        "var.map" + "[0]" * 100_000,
        "true ? " * 50_000,
        "-" * 200_000 + "1",
        "[for a in range(1000) : [for b in range(1000) : 1]]",
        "[for a in range(1000) : [" + "1," * 9_000 + "]]",
        "range(1000)" + "[*]" * 300,
        "[for a in range(1000) : distinct(range(1000))]",
        "tostring(1e999999999)",
        'jsondecode("' + "[" * 15_000 + '")',
        'replace(join("", range(1000)), "", join("", range(1000)))',
    ],
    ids=lambda text: text[:12],
)
def test_no_expression_takes_long(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(Unevaluable):
        evaluate(text, look)
    assert time.process_time() - begun < 5


@pytest.mark.requirement("CONTENTS-TAGS-03")
@pytest.mark.parametrize(
    ("first", "next_", "last"),
    [
        ("[]", "[{0}, {0}]", "flatten({0})"),
        ("[]", "[{0}, {0}]", "jsonencode({0})"),
        ('"0123456789abcdef"', '"${{{0}}}${{{0}}}"', "{0}"),
        ("9", "{0} * {0}", "{0}"),
        ("1 / 3", "{0} * {0}", "{0}"),
        ('tonumber("x")', "try({0}, {0})", "{0}"),
    ],
)
def test_what_doubles_from_local_to_local_ends(first: str, next_: str, last: str) -> None:
    pieces = {"l0": first} | {f"l{place}": next_.format(f"local.l{place - 1}") for place in range(1, 37)}
    source = TagSource(
        [Piece(f"{{ a = {last.format('local.l36')} }}", "main.tf", 1)],
        {name: Piece(text, "main.tf", 1) for name, text in pieces.items()}, {}, {},
    )  # fmt: skip
    begun = time.process_time()
    with pytest.raises(TemplateMistake):
        evaluate_tags(source, variables={})
    assert time.process_time() - begun < 5


def test_expressions_are_worth_what_terraform_says() -> None:
    """The table says what Terraform 1.11 made of each expression, as JSON; `error` where it refused."""
    different: list[str] = []
    for line in Path(__file__).with_name("terraform_values.txt").read_text().splitlines():
        text, _, wanted = line.partition("\t")
        try:
            found = encode(evaluate(text, look))
        except Wrong:
            found = "error"
        except Unevaluable as error:
            found = f"only Terraform: {error}"
        if found != wanted:
            different.append(f"{text}: {found}, not {wanted}")
    assert different == []


def test_the_documentation_names_every_function() -> None:
    text = Path("docs/terraform.md").read_text()
    section = text[text.index("## What the server evaluates") :].split("\n## ")[0]
    assert {*FUNCTIONS, "can", "try"} - set(re.findall(r"`([a-z]+)`", section)) == set()
