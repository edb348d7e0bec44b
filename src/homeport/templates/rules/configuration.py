"""Reads what the server itself needs of a Terraform configuration: variables, locals, parameters, tags, and where each stands. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from homeport.templates.rules.mistakes import TemplateMistake
from homeport_sdk.hcl import SURROGATE, Block, Body, Expression, HclError, NotLiteral, literal, parse, split_template

# Larger configurations are refused: reading takes a time that grows with them, and the server is for others too.
MOST_BYTES = 2 * 1024 * 1024
_END = "_end_of_a_text_of_json_"
_NEW_LINE = "\\n"
_LEFTOVER = "zzzz_homeport_override.tf.json"


class Piece(msgspec.Struct, frozen=True):
    """An expression of the template, and where it stands."""

    text: str
    file: str
    line: int


class VariablePiece(msgspec.Struct, frozen=True):
    """A variable: its type without blanks (empty: any), and as JSON what it is when nobody gives a value; None where one must be given."""

    type: str
    default: str | None


class InnerBlock(msgspec.Struct, frozen=True):
    """An `option` or a `validation` of a parameter; with `for_each` as many as that has elements, each known by `iterator`."""

    kind: str
    attributes: dict[str, Piece]
    for_each: Piece | None = None
    iterator: str = ""


class ParameterBlock(msgspec.Struct, frozen=True):
    """A coder_parameter: its attributes, `count` and `for_each` among them, and what is inside."""

    attributes: dict[str, Piece]
    blocks: list[InnerBlock]


def is_configuration(name: str) -> bool:
    """Tell whether Terraform reads a file of an archive as part of the template itself."""
    if "/" in name or name.startswith(".") or name == _LEFTOVER or name.endswith("~"):
        return False
    return name.endswith((".tf", ".tf.json", ".tfvars", ".tfvars.json")) and (
        ".tfvars" not in name or name in {"terraform.tfvars", "terraform.tfvars.json"} or ".auto.tfvars" in name
    )


def read_configuration(files: Mapping[str, bytes]) -> "Configuration":
    """Read the configuration's files. Raises TemplateMistake."""
    found = Configuration()
    names = sorted(name for name in files if ".tfvars" not in name)
    for name in sorted(names, key=_is_override):
        found.add(name, _parse(name, files[name]))
    values = sorted((name for name in files if ".tfvars" in name), key=lambda name: (".auto." in name, name))
    for name in values:
        found.add_values(_parse(name, files[name]))
    return found


class Configuration:
    """What stands in the files that were read, the later ones going before the earlier."""

    def __init__(self) -> None:
        self.tags: dict[str, Piece] = {}
        self.locals: dict[str, Piece] = {}
        self.parameters: dict[str, ParameterBlock] = {}
        self.variables: dict[str, VariablePiece] = {}

    def add(self, file: str, body: Body) -> None:
        """Add what a file says."""
        for block in body.blocks:
            pieces = _pieces(file, block.body)
            if block.type == "locals":
                self.locals |= pieces
            elif block.type == "variable" and len(block.labels) == 1:
                self._add_variable(block)
            elif block.type == "data" and block.labels[:1] == ("coder_parameter",) and len(block.labels) == 2:
                self._add_parameter(block.labels[1], pieces, list(_inner_blocks(file, block.body)))
            elif block.type == "data" and block.labels[:1] == ("coder_workspace_tags",) and "tags" in pieces:
                self.tags[block.labels[-1]] = pieces["tags"]

    def _add_parameter(self, label: str, pieces: dict[str, Piece], blocks: list[InnerBlock]) -> None:
        known = self.parameters.get(label, ParameterBlock({}, []))
        replaced = {block.kind for block in blocks}
        kept = [block for block in known.blocks if block.kind not in replaced]
        self.parameters[label] = ParameterBlock(known.attributes | pieces, kept + blocks)

    def _add_variable(self, block: Block) -> None:
        known = self.variables.get(block.labels[0], VariablePiece("", None))
        declared = block.body.attributes.get("type")
        default = block.body.attributes.get("default")
        self.variables[block.labels[0]] = VariablePiece(
            known.type if declared is None else "".join(declared.text.strip('"').split()),
            known.default if default is None else _literal_json(default),
        )

    def add_values(self, body: Body) -> None:
        """Add what a file of values says of variables."""
        for name, expression in body.attributes.items():
            known = self.variables.get(name)
            if known is not None:
                self.variables[name] = VariablePiece(known.type, _literal_json(expression))


def _pieces(file: str, body: Body) -> dict[str, Piece]:
    return {name: Piece(expression.text, file, expression.line) for name, expression in body.attributes.items()}


def _inner_blocks(file: str, body: Body) -> Iterable[InnerBlock]:
    for block in body.blocks:
        if block.type in {"option", "validation"}:
            yield InnerBlock(block.type, _pieces(file, block.body))
        elif block.type == "dynamic" and block.labels:
            outer = _pieces(file, block.body)
            iterator = outer["iterator"].text if "iterator" in outer else block.labels[0]
            for content in block.body.blocks:
                yield InnerBlock(block.labels[0], _pieces(file, content.body), outer.get("for_each"), iterator)


def _literal_json(expression: Expression) -> str | None:
    """Return a plain value as JSON; what is none is left to Terraform to refuse."""
    try:
        return json.dumps(literal(expression), ensure_ascii=False)
    except NotLiteral:
        return None


def _is_override(name: str) -> bool:
    stem = name.removesuffix(".json").removesuffix(".tf")
    return stem == "override" or stem.endswith("_override")


def _parse(name: str, data: bytes) -> Body:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TemplateMistake(name, data.count(b"\n", 0, error.start) + 1, "it is no text in UTF-8") from error
    if "\x00" in text:
        raise TemplateMistake(name, text.count("\n", 0, text.index("\x00")) + 1, "it holds a NUL character")
    try:
        return _of_json(name, _sound(json.loads(text))) if name.endswith(".json") else parse(text)
    except HclError as error:
        raise TemplateMistake(name, error.line, str(error)) from error
    except json.JSONDecodeError as error:
        raise TemplateMistake(name, error.lineno, error.msg) from error
    except (RecursionError, ValueError) as error:
        raise TemplateMistake(name, 1, "it is nested too deep, or holds a number that is too long") from error


def _sound(document: Any) -> Any:
    """Return a document without halves of characters, which no text in UTF-8 has."""
    if isinstance(document, dict):
        return {_sound(key): _sound(value) for key, value in document.items()}
    if isinstance(document, list):
        return [_sound(value) for value in document]
    return SURROGATE.sub("\ufffd", document) if isinstance(document, str) else document


def _of_json(name: str, document: object) -> Body:
    """Bring the JSON form into the shape of the other."""
    if not isinstance(document, dict):
        raise TemplateMistake(name, 1, "it must hold an object")
    body = Body()
    if ".tfvars" in name:
        body.attributes = _expressions(document)
        return body
    body.blocks += [Block("locals", (), Body(_expressions(entry)), 1) for entry in _listed(document.get("locals"))]
    for kind, labels, entry in _labelled(document):
        body.blocks.append(Block(kind, labels, Body(_expressions(entry)), 1))
    return body


def _labelled(document: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, ...], dict[str, Any]]]:
    for entry in _listed(document.get("variable")):
        for label, content in entry.items():
            yield from (("variable", (str(label),), each) for each in _listed(content))
    for entry in _listed(document.get("data")):
        for kind in ("coder_parameter", "coder_workspace_tags"):
            for group in _listed(entry.get(kind)):
                for label, content in group.items():
                    yield from (("data", (kind, str(label)), each) for each in _listed(content))


def _expressions(entry: Mapping[str, Any]) -> dict[str, Expression]:
    return {str(name): Expression(_expression(value), 1) for name, value in entry.items()}


def _expression(value: object) -> str:
    """Write a value of the JSON form as an expression: its texts are templates, in whose expressions nothing is escaped."""
    if isinstance(value, str):
        try:
            return _quoted(value)
        except HclError:
            # It cannot be evaluated here, which is told where it is needed.
            return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(_expression(each) for each in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_expression(str(key))}: {_expression(each)}' for key, each in value.items())}}}"
    return json.dumps(value)


def _quoted(template: str) -> str:
    """Return the text in quotes that is this template. Raises HclError."""
    # Without quotes around it a template stands in a heredoc, which ends it with a new line.
    parts, _ = split_template(f"<<{_END}\n{template}\n{_END}", 0)
    texts = [
        f"${{{part.text}}}"
        if isinstance(part, Expression)
        else json.dumps(part, ensure_ascii=False)[1:-1].replace("${", "$${").replace("%{", "%%{")
        for part in parts
    ]
    return f'"{"".join(texts).removesuffix(_NEW_LINE)}"'


def _listed(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]
