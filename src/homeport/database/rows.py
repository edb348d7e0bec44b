"""Rows into structs by column name. Nothing is converted: what the driver returns is what the struct must declare."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import asyncpg

Record: TypeAlias = asyncpg.Record

T = TypeVar("T")


def one(struct: type[T], record: Mapping[str, Any] | Record) -> T:
    """Build a `struct` from one row: every column is a field of the same name. An unknown column raises TypeError."""
    return struct(**dict(record))


def maybe(struct: type[T], record: Mapping[str, Any] | Record | None) -> T | None:
    """Like `one`; None stays None."""
    return None if record is None else struct(**dict(record))


def many(struct: type[T], records: Iterable[Mapping[str, Any] | Record]) -> list[T]:
    """Build a list of structs from rows."""
    return [struct(**dict(record)) for record in records]
