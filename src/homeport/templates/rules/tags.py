"""The tags that a Terraform template asks its daemons to have (`coder_workspace_tags`), read from its text and evaluated.

What is needed for it is kept with the version, so that a build evaluates it anew with its own values and without the archive.
"""

import json
import re
from collections.abc import Mapping

import msgspec

from homeport.templates.rules.configuration import Configuration, Piece, VariablePiece
from homeport.templates.rules.hcl_values import Unevaluable, Value, as_text
from homeport.templates.rules.mistakes import TemplateMistake
from homeport.templates.rules.names import Names

_REFERENCE = re.compile(r"\b(?:(var|local)|data\s*\.\s*coder_parameter)\s*\.\s*([^\W\d][\w-]*)")
_MOST_TAGS = 60


class ParameterPiece(msgspec.Struct, frozen=True):
    """A parameter as far as tags need it: the expressions of its name and of its default."""

    name: Piece
    default: Piece | None


class TagSource(msgspec.Struct, frozen=True):
    """What tags are made of: maps of tags, and what they refer to."""

    tags: list[Piece]
    locals: dict[str, Piece]
    parameters: dict[str, ParameterPiece]
    variables: dict[str, VariablePiece]


def evaluate_tags(
    source: TagSource, *, variables: Mapping[str, str], parameters: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the tags with these values of variables and (by name) parameters; without parameters, with their defaults.

    Raises TemplateMistake for what cannot be evaluated.
    """
    names = _TagNames(source, variables, parameters or {})
    tags: dict[str, str] = {}
    for piece in source.tags:
        value = names.tag_value(piece)
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


class _TagNames(Names):
    def __init__(self, source: TagSource, variables: Mapping[str, str], parameters: Mapping[str, str]) -> None:
        super().__init__(source.variables, source.locals, variables)
        self._declared, self._parameters = source.parameters, parameters

    def tag_value(self, piece: Piece) -> Value:
        try:
            return self.value_of(piece)
        except Unevaluable as error:
            reason = f"this cannot be evaluated when a version is made: {error}"
            place: Piece = error.place or piece
            raise TemplateMistake(place.file, place.line, reason) from error

    def find(self, path: tuple[str, ...]) -> Value:
        if len(path) == 4 and path[:2] == ("data", "coder_parameter") and path[3] == "value":
            return self._parameter(path[2])
        shown = ".".join(path)[:100]
        raise Unevaluable(f"'{shown}' is not known here; tags are made of variables, locals and parameters")

    def _parameter(self, label: str) -> Value:
        parameter = self._declared.get(label)
        if parameter is None:
            raise Unevaluable(f"there is no coder_parameter '{label[:64]}'")
        name = as_text(self.value_of(parameter.name))
        if name in self._parameters:
            return self._parameters[name]
        if parameter.default is None:
            raise Unevaluable(f"the parameter '{name[:64]}' has no default, and tags need one")
        return as_text(self.value_of(parameter.default))


def tag_source(found: Configuration) -> TagSource | None:
    """Return what tags refer to, directly or not, and nothing else: it is kept with the version. None: there are no tags."""
    if not found.tags:
        return None
    locals_, parameters, variables = set[str](), set[str](), set[str]()
    todo = list(found.tags.values())
    while todo:
        for kind, name in _REFERENCE.findall(todo.pop().text):
            if kind == "var":
                variables.add(name)
            elif kind == "local" and name in found.locals and name not in locals_:
                locals_.add(name)
                todo.append(found.locals[name])
            elif not kind and name in found.parameters and name not in parameters:
                parameters.add(name)
                todo += [
                    piece for key, piece in found.parameters[name].attributes.items() if key in {"name", "default"}
                ]
    return TagSource(
        tags=list(found.tags.values()),
        locals={name: found.locals[name] for name in sorted(locals_)},
        parameters={name: _parameter(name, found.parameters[name].attributes) for name in sorted(parameters)},
        variables={name: found.variables[name] for name in sorted(variables) if name in found.variables},
    )


def _parameter(label: str, pieces: Mapping[str, Piece]) -> ParameterPiece:
    return ParameterPiece(pieces.get("name", Piece(json.dumps(label), "", 0)), pieces.get("default"))
