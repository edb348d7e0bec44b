"""What is asked of a log: conditions of one search, and of who asks, joined to one condition in SQL."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from homeport.rbac import Predicate

# The most rows that are counted, and that a page may skip.
COUNT_AT_MOST = 10_000


class Condition(msgspec.Struct, frozen=True):
    """A condition on rows of a log, and its arguments: in `sql`, `{}` stands for the number of each in turn."""

    sql: str
    args: tuple[Any, ...] = ()


class Selection(msgspec.Struct, frozen=True):
    """Which rows are meant: all conditions hold; of `organizations`, or of `names`, where those are given.

    `visible` gives the condition of what the reader may see, its parameters numbered from a first one.
    """

    conditions: tuple[Condition, ...]
    visible: Callable[[int], Predicate]
    organizations: tuple[UUID, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[list[Any], ...]:
        """Return the argument of the statements that merge by organization or name; none for the others."""
        return ([*self.organizations],) if self.organizations else ([*self.names],) if self.names else ()

    def condition(self, first: int) -> tuple[str, list[Any]]:
        """Return one SQL condition, its parameters numbered from `first`, and its arguments."""
        texts: list[str] = []
        args: list[Any] = []
        for one in self.conditions:
            numbers = range(first + len(args), first + len(args) + len(one.args))
            texts.append(one.sql.format(*(f"${number}" for number in numbers)))
            args += one.args
        seen = self.visible(first + len(args))
        return " and ".join([*texts, seen.sql]), [*args, *seen.args]
