"""One module per rule; each has `check(source)`, which yields violations. `ALL` lists them."""

from collections.abc import Callable, Iterable

from checks.rules import (
    broad_excepts,
    clocks,
    docstrings,
    file_names,
    lazy_imports,
    routes,
    sizes,
    sql,
    unfinished,
    words,
)
from checks.source import Source, Violation

Rule = Callable[[Source], Iterable[Violation]]

ALL: tuple[Rule, ...] = (
    file_names.check,
    words.check,
    docstrings.check,
    sizes.check,
    lazy_imports.check,
    broad_excepts.check,
    clocks.check,
    sql.check,
    routes.check,
    unfinished.check,
)
