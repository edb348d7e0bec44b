"""How a type is declared: attributes, nested blocks, defaults, checks. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Type = Any
"""As Terraform writes types in JSON: a name, or a list of a kind and what is in it."""
STRING: Type = "string"
NUMBER: Type = "number"
BOOL: Type = "bool"
STRINGS: Type = ["list", "string"]
TEXTS: Type = ["map", "string"]
Check = Callable[[object], str | None]
"""Gets a value that is known and not null; returns what is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """One attribute. What nobody may set, and what has a default, is computed."""

    type: Type
    is_required: bool = False
    is_computed: bool = False
    is_optional: bool = False
    default: object = None
    is_sensitive: bool = False
    is_deprecated: bool = False
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Attributes and nested blocks by name."""

    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, "Nested"] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Nested:
    """A block that may be there several times; 0 as `most` means any number."""

    block: Block
    least: int = 0
    most: int = 0


def required(type: Type = STRING, *checks: Check) -> Attribute:
    """Declare what must be set."""
    return Attribute(type=type, is_required=True, checks=checks)


def optional(type: Type = STRING, *checks: Check, default: object = None, is_computed: bool = False) -> Attribute:
    """Declare what may be set. It is computed, too, when it has a default or is said to be."""
    return Attribute(
        type=type, is_optional=True, is_computed=is_computed or default is not None, default=default, checks=checks
    )


def computed(type: Type = STRING, *, is_sensitive: bool = False, is_deprecated: bool = False) -> Attribute:
    """Declare what the provider says."""
    return Attribute(type=type, is_computed=True, is_sensitive=is_sensitive, is_deprecated=is_deprecated)


def ignored(type: Type = STRING) -> Attribute:
    """Declare what older templates set and nothing reads any more."""
    return Attribute(type=type, is_optional=True, is_deprecated=True)


def nested(
    attributes: Mapping[str, Attribute],
    blocks: Mapping[str, Nested] | None = None,
    *,
    least: int = 0,
    most: int = 0,
) -> Nested:
    """Declare a nested block."""
    return Nested(block=Block(attributes=attributes, blocks=blocks or {}), least=least, most=most)
