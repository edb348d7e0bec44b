"""Between Terraform's messages and plain values: MessagePack with unknown values, schemas, problems with paths."""

import json
from typing import Any

import msgpack
from tf.gen import tfplugin_pb2 as messages

from homeport_terraform_provider.schema import Attribute, Block, Nested
from homeport_terraform_provider.values import Problem, Problems, Unknown

_UNKNOWN_CODES = (0, 12)
"""An unknown value, and one of which something is known already."""
VERSION = 1
"""Of all schemas: states of this and of the older version are taken."""


def read(value: Any) -> Any:
    """Read a value. Raises ValueError."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, ext_hook=_read_unknown, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def write(value: Any) -> Any:
    """Write a value."""
    return messages.DynamicValue(msgpack=msgpack.packb(value, default=_write_unknown))


def write_problems(problems: Problems) -> list[Any]:
    """Write what was found."""
    return [_write_problem(problem) for problem in problems.found]


def write_schema(block: Block) -> Any:
    """Write the declaration of a type."""
    return messages.Schema(version=VERSION, block=_write_block(block))


def _read_unknown(code: int, data: bytes) -> Unknown:
    if code not in _UNKNOWN_CODES:
        raise ValueError(f"Terraform sent a value of the unknown kind {code}.")
    return Unknown(code, data)


def _write_unknown(value: object) -> Any:
    if isinstance(value, Unknown):
        return msgpack.ExtType(value.code, value.data)
    raise TypeError(f"{type(value).__name__} is no value of Terraform's.")


def _write_problem(problem: Problem) -> Any:
    steps = [
        messages.AttributePath.Step(attribute_name=step)
        if isinstance(step, str)
        else messages.AttributePath.Step(element_key_int=step)
        for step in problem.path
    ]
    return messages.Diagnostic(
        severity=messages.Diagnostic.WARNING if problem.is_warning else messages.Diagnostic.ERROR,
        summary=problem.summary,
        detail=problem.detail,
        attribute=messages.AttributePath(steps=steps) if steps else None,
    )


def _write_block(block: Block) -> Any:
    return messages.Schema.Block(
        attributes=[_write_attribute(name, attribute) for name, attribute in sorted(block.attributes.items())],
        block_types=[_write_nested(name, nested) for name, nested in sorted(block.blocks.items())],
    )


def _write_attribute(name: str, attribute: Attribute) -> Any:
    return messages.Schema.Attribute(
        name=name,
        type=json.dumps(attribute.type).encode(),
        required=attribute.is_required,
        optional=attribute.is_optional,
        computed=attribute.is_computed,
        sensitive=attribute.is_sensitive,
        deprecated=attribute.is_deprecated,
    )


def _write_nested(name: str, nested: Nested) -> Any:
    return messages.Schema.NestedBlock(
        type_name=name,
        block=_write_block(nested.block),
        nesting=messages.Schema.NestedBlock.NestingMode.LIST,
        min_items=nested.least,
        max_items=nested.most,
    )
