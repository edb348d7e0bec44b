"""The time of day comes from the clock that tests can move: `homeport.kit.clock`, elsewhere `homeport_sdk.clock`."""

import ast
from collections.abc import Iterator

from checks.source import Source, Violation

RULE = "clock"
CLOCKS = (
    "src/homeport/kit/clock.py",
    "src/homeport_sdk/clock.py",
    # Runs alone in workspaces, before there is anything of ours.
    "src/homeport/bootstrap/service/script/bring.py",
)
_TIME_OF_DAY = frozenset(
    {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
        "time.time",
        "time.time_ns",
        "time.localtime",
        "time.gmtime",
    }
)


def check(source: Source) -> Iterator[Violation]:
    """Yield every use of the system's time of day outside the clocks, called or handed on."""
    if not source.is_python or not source.is_shipped or source.path in CLOCKS:
        return
    for node in source.nodes:
        if isinstance(node, ast.Attribute | ast.Name) and source.origin(node) in _TIME_OF_DAY:
            yield source.violation(
                node.lineno, RULE, f"`{ast.unparse(node)}`: ask the clock module, so that tests can move time"
            )
