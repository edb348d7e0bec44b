"""The tags that a Terraform template asks its daemons to have (`coder_workspace_tags`), read from its text and evaluated.

What is needed for it is kept with the version, so that a build evaluates it anew with its own values and without the archive.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from homeport.templates.rules.expressions import Evaluation, Unevaluable, Value, as_text
from homeport.templates.rules.mistakes import TemplateMistake
from homeport_sdk.hcl import Block, Body, Expression, HclError, NotLiteral, literal, parse

# Larger configurations are refused: reading takes a time that grows with them, and the server is for others too.
MOST_BYTES = 2 * 1024 * 1024
_LEFTOVER = "zzzz_homeport_override.tf.json"
_REFERENCE = re.compile(r"\b(?:(var|local)|data\s*\.\s*coder_parameter)\s*\.\s*([^\W\d][\w-]*)")
_MOST_TAGS = 60


class Piece(msgspec.Struct, frozen=True):
    """An expression of the template, and where it stands."""

    text: str
    file: str
    line: int


class ParameterPiece(msgspec.Struct, frozen=True):
    """A parameter as far as tags need it: the expressions of its name and of its default."""

    name: Piece
    default: Piece | None


class VariablePiece(msgspec.Struct, frozen=True):
    """A variable: its type, and what it is when nobody gives a value."""

    type: str
    default: str


class TagSource(msgspec.Struct, frozen=True):
    """What tags are made of: maps of tags, and what they refer to."""

    tags: list[Piece]
    locals: dict[str, Piece]
    parameters: dict[str, ParameterPiece]
    variables: dict[str, VariablePiece]


def is_configuration(name: str) -> bool:
    """Tell whether Terraform reads a file of an archive as part of the template itself."""
    if "/" in name or name.startswith(".") or name == _LEFTOVER or name.endswith("~"):
        return False
    return name.endswith((".tf", ".tf.json", ".tfvars", ".tfvars.json")) and (
        ".tfvars" not in name or name in {"terraform.tfvars", "terraform.tfvars.json"} or ".auto.tfvars" in name
    )


def read_tag_source(files: Mapping[str, bytes]) -> TagSource | None:
    """Read the configuration's files; None where the template asks for no tags. Raises TemplateMistake."""
    found = _Found()
    names = sorted(name for name in files if ".tfvars" not in name)
    for name in sorted(names, key=_is_override):
        found.add(name, _parse(name, files[name]))
    values = sorted((name for name in files if ".tfvars" in name), key=lambda name: (".auto." in name, name))
    for name in values:
        found.add_values(_parse(name, files[name]))
    return found.source()


def evaluate_tags(
    source: TagSource, *, variables: Mapping[str, str], parameters: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the tags with these values of variables and (by name) parameters; without parameters, with their defaults.

    Raises TemplateMistake for what cannot be evaluated.
    """
    names = _Names(source, variables, parameters or {})
    tags: dict[str, str] = {}
    for piece in source.tags:
        value = names.value_of(piece)
        if not isinstance(value, dict):
            raise TemplateMistake(piece.file, piece.line, "the tags of a coder_workspace_tags are a map")
        for key, each in value.items():
            try:
                tags[key] = as_text(each)
            except Unevaluable as error:
                raise TemplateMistake(piece.file, piece.line, f"the tag '{key[:64]}': {error}") from error
    if len(tags) > _MOST_TAGS:
        raise TemplateMistake(source.tags[0].file, source.tags[0].line, f"there are more than {_MOST_TAGS} tags")
    return tags


class _Names:
    """The values behind names. Each is evaluated once; one that needs itself is a mistake."""

    def __init__(self, source: TagSource, variables: Mapping[str, str], parameters: Mapping[str, str]) -> None:
        self._source, self._variables, self._parameters = source, variables, parameters
        self._evaluation = Evaluation(self._lookup)
        self._known: dict[tuple[str, ...], Value] = {}
        self._under_way: set[tuple[str, ...]] = set()

    def value_of(self, piece: Piece) -> Value:
        try:
            return self._evaluation.value_of(piece.text)
        except Unevaluable as error:
            reason = f"this cannot be evaluated when a version is made: {error}"
            raise TemplateMistake(piece.file, piece.line, reason) from error

    def _lookup(self, path: tuple[str, ...]) -> Value:
        if path in self._known:
            return self._known[path]
        if path in self._under_way:
            raise Unevaluable(f"{'.'.join(path)} refers to itself")
        self._under_way.add(path)
        self._known[path] = value = self._find(path)
        return value

    def _find(self, path: tuple[str, ...]) -> Value:
        if len(path) == 2 and path[0] == "var" and path[1] in self._source.variables:
            return _typed(self._source.variables[path[1]], self._variables.get(path[1]))
        if len(path) == 2 and path[0] == "local" and path[1] in self._source.locals:
            return self.value_of(self._source.locals[path[1]])
        if len(path) == 4 and path[:2] == ("data", "coder_parameter") and path[3] == "value":
            return self._parameter(path[2])
        shown = ".".join(path)[:100]
        raise Unevaluable(f"'{shown}' is not known here; tags are made of variables, locals and parameters")

    def _parameter(self, label: str) -> Value:
        parameter = self._source.parameters.get(label)
        if parameter is None:
            raise Unevaluable(f"there is no coder_parameter '{label[:64]}'")
        name = as_text(self.value_of(parameter.name))
        if name in self._parameters:
            return self._parameters[name]
        if parameter.default is None:
            raise Unevaluable(f"the parameter '{name[:64]}' has no default, and tags need one")
        return as_text(self.value_of(parameter.default))


def _typed(variable: VariablePiece, given: str | None) -> Value:
    """Return a variable's value; one that must be given and is not is empty here, and the import will say so."""
    text = variable.default if given is None else given
    if variable.type == "string" or not text:
        return text
    if variable.type == "bool":
        return text.lower() in {"true", "1"}
    try:
        return json.loads(text)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        pass
    try:
        return literal(Expression(text, 0))  # type: ignore[return-value]
    except NotLiteral:
        return text


class _Found:
    """What stands in the files that were read, the later ones going before the earlier."""

    def __init__(self) -> None:
        self.tags: dict[str, Piece] = {}
        self.locals: dict[str, Piece] = {}
        self.parameters: dict[str, dict[str, Piece]] = {}
        self.variables: dict[str, VariablePiece] = {}

    def add(self, file: str, body: Body) -> None:
        for block in body.blocks:
            pieces = {
                name: Piece(expression.text, file, expression.line)
                for name, expression in block.body.attributes.items()
            }
            if block.type == "locals":
                self.locals |= pieces
            elif block.type == "variable" and len(block.labels) == 1:
                self._add_variable(block)
            elif block.type == "data" and block.labels[:1] == ("coder_parameter",) and len(block.labels) == 2:
                self.parameters.setdefault(block.labels[1], {}).update(pieces)
            elif block.type == "data" and block.labels[:1] == ("coder_workspace_tags",) and "tags" in pieces:
                self.tags[block.labels[-1]] = pieces["tags"]

    def _add_variable(self, block: Block) -> None:
        known = self.variables.get(block.labels[0], VariablePiece("string", ""))
        declared = block.body.attributes.get("type")
        default = block.body.attributes.get("default")
        self.variables[block.labels[0]] = VariablePiece(
            known.type if declared is None else declared.text.strip('"').strip(),
            known.default if default is None else _literal_text(default),
        )

    def add_values(self, body: Body) -> None:
        for name, expression in body.attributes.items():
            known = self.variables.get(name)
            if known is not None:
                self.variables[name] = VariablePiece(known.type, _literal_text(expression))

    def source(self) -> TagSource | None:
        """Return what tags refer to, directly or not, and nothing else: it is kept with the version."""
        if not self.tags:
            return None
        locals_, parameters, variables = set[str](), set[str](), set[str]()
        todo = list(self.tags.values())
        while todo:
            for kind, name in _REFERENCE.findall(todo.pop().text):
                if kind == "var":
                    variables.add(name)
                elif kind == "local" and name in self.locals and name not in locals_:
                    locals_.add(name)
                    todo.append(self.locals[name])
                elif not kind and name in self.parameters and name not in parameters:
                    parameters.add(name)
                    todo += [piece for key, piece in self.parameters[name].items() if key in {"name", "default"}]
        return TagSource(
            tags=list(self.tags.values()),
            locals={name: self.locals[name] for name in sorted(locals_)},
            parameters={name: _parameter(name, self.parameters[name]) for name in sorted(parameters)},
            variables={name: self.variables[name] for name in sorted(variables) if name in self.variables},
        )


def _parameter(label: str, pieces: Mapping[str, Piece]) -> ParameterPiece:
    return ParameterPiece(pieces.get("name", Piece(json.dumps(label), "", 0)), pieces.get("default"))


def _literal_text(expression: Expression) -> str:
    """Return a plain value as text, other values than texts as JSON; what is none is left to Terraform to refuse."""
    try:
        value = literal(expression)
    except NotLiteral:
        return ""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_override(name: str) -> bool:
    stem = name.removesuffix(".json").removesuffix(".tf")
    return stem == "override" or stem.endswith("_override")


def _parse(name: str, data: bytes) -> Body:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TemplateMistake(name, data.count(b"\n", 0, error.start) + 1, "it is no text in UTF-8") from error
    try:
        return _of_json(name, json.loads(text)) if name.endswith(".json") else parse(text)
    except HclError as error:
        raise TemplateMistake(name, error.line, str(error)) from error
    except json.JSONDecodeError as error:
        raise TemplateMistake(name, error.lineno, error.msg) from error
    except (RecursionError, ValueError) as error:
        raise TemplateMistake(name, 1, "it is nested too deep, or holds a number that is too long") from error


def _of_json(name: str, document: object) -> Body:
    """Bring the JSON form into the shape of the other: a value's JSON is an expression of the language as it is."""
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
    return {str(name): Expression(json.dumps(value, ensure_ascii=False), 1) for name, value in entry.items()}


def _listed(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]
