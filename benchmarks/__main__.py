"""`python -m benchmarks [names…]`: run every benchmark module, or the named ones, and print one table.

A benchmark is a module of this folder with `run()`, plain or async, that returns its figures (benchmarks/figures.py).
"""

import argparse
import asyncio
import importlib
import inspect
import os
import pkgutil
import platform
import sys
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.table import Table

import benchmarks
from benchmarks.figures import Figure

_VERDICTS = {True: "reached", False: "MISSED", None: ""}


def find(names: Sequence[str] = ()) -> dict[str, Callable[[], object]]:
    """Return the `run` functions by module name. Raises SystemExit for a name that has none."""
    found: dict[str, Callable[[], object]] = {}
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name == "__main__" or (names and module.name not in names):
            continue
        run = getattr(importlib.import_module(f"benchmarks.{module.name}"), "run", None)
        if run is not None:
            found[module.name] = run
    unknown = set(names) - found.keys()
    if unknown:
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}")
    return found


def measure(run: Callable[[], object]) -> list[Figure]:
    """Run one benchmark to its end and return its figures."""
    outcome = run()
    if inspect.iscoroutine(outcome):
        outcome = asyncio.run(outcome)
    if not isinstance(outcome, Iterable):
        raise TypeError(f"{run.__module__}.run() must return its figures")
    figures = list(outcome)
    if not all(isinstance(figure, Figure) for figure in figures):
        raise TypeError(f"{run.__module__}.run() must return benchmarks.figures.Figure values only")
    return figures


def show(results: dict[str, list[Figure]], console: Console) -> None:
    """Print one table of all figures."""
    version = platform.python_version()
    table = Table(title=f"Python {version}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    for heading in ("benchmark", "figure"):
        table.add_column(heading)
    for heading in ("value", "goal"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for name, figures in results.items():
        for figure in figures:
            sign = "≤" if figure.direction == "at_most" else "≥"
            goal = "" if figure.goal is None else f"{sign} {figure.goal:g} {figure.unit}"
            value = f"{figure.value:,.3g}" if abs(figure.value) < 1000 else f"{figure.value:,.0f}"
            table.add_row(name, figure.name, f"{value} {figure.unit}", goal, _VERDICTS[figure.is_reached])
        table.add_section()
    console.print(table)


def described() -> str:
    """Return the benchmarks by name, each with the first sentence of its module."""
    lines = [
        f"  {name:<10} {(inspect.getdoc(inspect.getmodule(run)) or '').splitlines()[0]}" for name, run in find().items()
    ]
    return "\n".join(["benchmarks:", *lines])


def main(arguments: Sequence[str]) -> int:
    """Measure and print; a missed goal is shown, not an error."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description="Measure, and print one table of figures.", epilog=described(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="name", help="a benchmark; without one all are run")
    results: dict[str, list[Figure]] = {}
    for name, run in find(parser.parse_args(arguments).names).items():
        sys.stderr.write(f"measuring {name} …\n")
        results[name] = measure(run)
    show(results, Console(width=None if sys.stdout.isatty() else 120))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
