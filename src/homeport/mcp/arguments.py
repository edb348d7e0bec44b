"""Arguments of tools: structs, the JSON Schemas that clients see, and reading what clients send against the very same."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from homeport.kit.ids import NIL_ID

T = TypeVar("T", bound="Arguments")
_REF = "#/$defs/{name}"
_NOBODY = str(NIL_ID)


class Arguments(msgspec.Struct, forbid_unknown_fields=True):
    """Base of every tool's arguments: what is not declared is refused. The nil id stands for "not given"."""


class NoArguments(Arguments):
    """The tool takes none."""


class BadArguments(Exception):
    """The arguments do not fit; `problem` says where."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def read(kind: type[T], given: Mapping[str, Any]) -> T:
    """Return the arguments as `kind`, or raise BadArguments."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise BadArguments(str(error)) from error


@lru_cache(maxsize=256)
def schema(kind: type[Arguments]) -> dict[str, Any]:
    """Return the JSON Schema of arguments with everything in place: no references, every property typed. Not to be changed."""
    (top,), parts = msgspec.json.schema_components([kind], ref_template=_REF)
    found: dict[str, Any] = _in_place(top, parts)
    found.pop("title", None)
    found.pop("description", None)
    found.setdefault("properties", {})
    found.setdefault("required", [])
    return found


def _in_place(node: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_in_place(item, parts) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        inner = _in_place(parts[node["$ref"].rpartition("/")[2]], parts)
        return {**inner, **{key: value for key, value in node.items() if key != "$ref"}}
    found = {key: _in_place(value, parts) for key, value in node.items()}
    if found.get("default") == _NOBODY:
        del found["default"]
    if "enum" in found:
        found.setdefault("type", "string")
    return found
