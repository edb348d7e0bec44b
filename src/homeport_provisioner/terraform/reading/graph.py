"""The dependencies between resources, read from the DOT text of `terraform graph`. Pure."""

import re
from collections.abc import Iterator

_EDGE = re.compile(r'^\s*"((?:[^"\\]|\\.)+)"\s*->\s*"((?:[^"\\]|\\.)+)"', re.MULTILINE)
_INDEX = re.compile(r'\[(?:-?\d+|"(?:[^"\\]|\\.)*")\]')
_SUFFIX = re.compile(r" \((?:expand|close|destroy|orphan)\)$")


def label_of(address: str) -> str:
    """Return an address without indexes: what all instances of one resource have in common."""
    return _INDEX.sub("", address)


class Graph:
    """Who depends on whom, by labels. Nodes that are no resources, such as locals and variables, are walked through."""

    def __init__(self, dot: str) -> None:
        self._dependencies: dict[str, set[str]] = {}
        self._dependents: dict[str, set[str]] = {}
        for found in _EDGE.finditer(dot):
            source, target = _node(found[1]), _node(found[2])
            if source != target:
                self._dependencies.setdefault(source, set()).add(target)
                self._dependents.setdefault(target, set()).add(source)

    def below(self, label: str) -> Iterator[str]:
        """Walk what a resource depends on, the nearest first, those at one distance by their labels."""
        return _walk(self._dependencies, label)

    def above(self, label: str) -> Iterator[str]:
        """Walk what depends on a resource, the nearest first, those at one distance by their labels."""
        return _walk(self._dependents, label)


def _walk(edges: dict[str, set[str]], start: str) -> Iterator[str]:
    seen = {start}
    level = [start]
    while level:
        level = sorted({node for each in level for node in edges.get(each, ())} - seen)
        seen.update(level)
        yield from level


def _node(text: str) -> str:
    plain = text.replace('\\"', '"').replace("\\\\", "\\").removeprefix("[root] ")
    return label_of(_SUFFIX.sub("", plain))
