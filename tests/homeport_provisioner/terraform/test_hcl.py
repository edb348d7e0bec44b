"""The outer structure of Terraform's language."""

import pytest

from homeport_sdk.hcl import Expression, HclError, NotLiteral, literal, parse

CONFIGURATION = r"""
# a comment with } and "
variable "a" { type = string }
variable "b" {
  type = list(object({
    name = string # not the end }
    size = optional(number, 1)
  }))
  default     = [{ name = "x", size = 2 }, {name: "y\n\u00e9"},]
  description = <<-EOT
      Hello
        there $${x}
      EOT
  sensitive = true // at the end
}
/* many
   lines } */
locals {
  text  = "${foo("a}", { b = "c" })} %{ if true }y%{ endif } \" }"
  other = var.a == "b" ? 1 : 2
  map   = { for k, v in var.m : k => v... if v != null }
  sum = (
    1 +
    2
  )
  document = <<EOF
}{ "unbalanced
${lookup(var.q, "EOT")}
EOF
  splat = a.b[*].c["x"]
}
resource "x" y { a = 1 }
resource x "y-1" {
  dynamic "e" {
    for_each = [1]
    content {}
  }
  provisioner "local-exec" { command = "echo '}' $${HOME}" }
}
"""


def test_blocks_labels_and_lines() -> None:
    blocks = parse(CONFIGURATION).blocks
    assert [(block.type, block.labels) for block in blocks] == [
        ("variable", ("a",)),
        ("variable", ("b",)),
        ("locals", ()),
        ("resource", ("x", "y")),
        ("resource", ("x", "y-1")),
    ]
    assert CONFIGURATION.splitlines()[blocks[1].line - 1] == 'variable "b" {'
    assert [inner.type for inner in blocks[4].body.blocks] == ["dynamic", "provisioner"]
    assert list(blocks[2].body.attributes) == ["text", "other", "map", "sum", "document", "splat"]


def test_literals() -> None:
    body = parse(CONFIGURATION).blocks[1].body
    assert literal(body.attributes["default"]) == [{"name": "x", "size": 2}, {"name": "y\né"}]
    assert literal(body.attributes["description"]) == "Hello\n  there ${x}\n"
    assert literal(body.attributes["sensitive"]) is True
    assert parse('a = string # why "not"').attributes["a"].text == "string"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1.5e3", -1500.0),
        ("null", None),
        ('("x")', "x"),
        ("[\n1,\n2\n]", [1, 2]),
        ("{\n a = 1\n b = [true]\n}", {"a": 1, "b": [True]}),
        (r'"\"\\$${a}%%{b}\U0001F600"', '"\\${a}%{b}\U0001f600'),
        ("<<X\n a\\n\nX", " a\\n\n"),
    ],
)
def test_each_kind_of_literal(text: str, value: object) -> None:
    assert literal(Expression(text, 1)) == value


@pytest.mark.parametrize(
    "text", ["var.a", '"${a}"', "f(1)", "[1 2]", "{1 = 2}", "1 + 2", '"\\q"', "<<X\n%{ if a }\nX", "["]
)
def test_what_is_computed_is_no_literal(text: str) -> None:
    with pytest.raises(NotLiteral):
        literal(Expression(text, 1))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('a = 1\nb = "x', 2, "no closing quote"),
        ("a = [1\nb=2", 1, r"never closed by '\]'"),
        ("a = (\n1]", 1, r"never closed by '\)'"),
        ("a = 1]", 1, "has no beginning"),
        ("x {\n", 1, "no closing brace"),
        ("\n}", 2, "has no beginning"),
        ("a b = 1", 1, "'=' or '{'"),
        ("a = \n", 1, "value is missing"),
        ("<<<<<<< HEAD\n", 1, "found '<'"),
        ("a = <<EOT\nx\n", 1, "nothing but EOT"),
        ("\n/* x", 2, "no end"),
        ("x {} y {}", 1, "expected a new line"),
        ("a {" * 100, 1, "nested"),
        ('\nb "${x}" {}', 2, "label of a block"),
        ("a = " + '"${' * 5000, 1, "nested too deep"),
    ],
)
def test_mistakes_have_a_line(text: str, line: int, words: str) -> None:
    with pytest.raises(HclError, match=words) as caught:
        parse(text)
    assert caught.value.line == line


@pytest.mark.parametrize("computed", ['x /* " } */', 'x # "}\n', 'x // "}\n', "x / y"])
def test_comments_stand_in_what_a_text_computes(computed: str) -> None:
    body = parse(f'a = "${{{computed}}}"\nb = 1\n')
    assert list(body.attributes) == ["a", "b"]


def test_a_big_file_is_read() -> None:
    body = parse("".join(f'resource "a" "b{number}" {{\n  c = "${{d.e}}"\n}}\n' for number in range(20_000)))
    assert len(body.blocks) == 20_000
