"""Regular expressions that people write, matched in time that grows with the text and not with its square or power.

Python's own engine backtracks: one unlucky pattern and one crafted value would stop the server. Here the pattern's parse
tree becomes a nondeterministic automaton, all of whose states are walked at once (Thompson's construction). What has no
automaton (references back, look-around) is refused, as RE2 does, for which templates of this kind are written.
"""

import re
import warnings
from collections.abc import Callable
from typing import Any

MAX_PATTERN = 2000
MAX_STATES = 2000
# States times characters that one search may cost: a few hundredths of a second.
MAX_WORK = 500_000

# The only parser of this syntax in the standard library; it is not part of the public interface, which type checkers know.
_parser: Any = vars(re)["_parser"]

Test = Callable[[str], bool]
# Whether an anchor holds between two neighbours; "" stands for the end of the text on that side.
Anchor = Callable[[str, str], bool]

_CATEGORIES: dict[str, Test] = {
    "CATEGORY_DIGIT": lambda c: "0" <= c <= "9",
    "CATEGORY_SPACE": lambda c: c in " \t\n\r\f\v",
    "CATEGORY_WORD": lambda c: c == "_" or (c.isascii() and c.isalnum()),
}
_ANCHORS: dict[str, Anchor] = {
    "AT_BEGINNING": lambda before, _: before == "",
    "AT_BEGINNING_STRING": lambda before, _: before == "",
    "AT_END": lambda _, after: after == "",
    "AT_END_STRING": lambda _, after: after == "",
    "AT_BOUNDARY": lambda before, after: _is_word(before) != _is_word(after),
    "AT_NON_BOUNDARY": lambda before, after: _is_word(before) == _is_word(after),
}


class UnusablePattern(ValueError):
    """The pattern has a mistake, or needs what cannot be matched in linear time. The text says which."""


class Pattern:
    """A compiled pattern. Raises UnusablePattern when it is made."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_PATTERN:
            raise UnusablePattern(f"it is longer than {MAX_PATTERN} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = _parser.parse(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise UnusablePattern(str(error)) from None
        self._flags = int(tree.state.flags)
        self._steps: list[tuple[Test, int] | None] = []
        self._jumps: list[list[tuple[Anchor | None, int]]] = []
        self._sequences = 0
        self._start = self._state()
        self._end = self._sequence(tree, self._start)

    def cost(self, text: str) -> int:
        """Return what searching `text` costs, in states times characters."""
        return len(self._jumps) * len(text)

    def search(self, text: str) -> bool:
        """Tell whether the pattern matches anywhere in `text`. Raises UnusablePattern when that would take too long."""
        if self.cost(text) > MAX_WORK:
            raise UnusablePattern("the value is too long for it")
        current: set[int] = set()
        before = ""
        for index in range(len(text) + 1):
            after = text[index] if index < len(text) else ""
            reached = self._closure({*current, self._start}, before, after)
            if self._end in reached:
                return True
            current = {
                step[1] for state in reached if (step := self._steps[state]) is not None and after and step[0](after)
            }
            before = after
        return False

    def _closure(self, states: set[int], before: str, after: str) -> set[int]:
        reached, todo = set(states), list(states)
        while todo:
            for anchor, target in self._jumps[todo.pop()]:
                if target not in reached and (anchor is None or anchor(before, after)):
                    reached.add(target)
                    todo.append(target)
        return reached

    def _state(self) -> int:
        if len(self._jumps) >= MAX_STATES:
            raise UnusablePattern("it repeats too much")
        self._steps.append(None)
        self._jumps.append([])
        return len(self._jumps) - 1

    def _sequence(self, nodes: Any, state: int) -> int:
        # Also what makes no state (an empty group) is counted, or repeating it would go on for ever.
        self._sequences += 1
        if self._sequences > MAX_STATES:
            raise UnusablePattern("it repeats too much")
        for operation, argument in nodes:
            state = self._node(str(operation), argument, state)
        return state

    def _node(self, operation: str, argument: Any, state: int) -> int:
        if operation in {"MAX_REPEAT", "MIN_REPEAT"}:
            least, most, nodes = argument
            return self._repeat(int(least), most, nodes, state)
        if operation == "SUBPATTERN":
            if argument[1] or argument[2]:
                raise UnusablePattern("options inside of a group are not supported")
            return self._sequence(argument[3], state)
        end = self._state()
        if operation == "BRANCH":
            for branch in argument[1]:
                begin = self._state()
                self._jumps[state].append((None, begin))
                self._jumps[self._sequence(branch, begin)].append((None, end))
        elif operation == "AT":
            self._jumps[state].append((self._anchor(str(argument)), end))
        else:
            # A state of its own for each character: `state` may have a step already.
            begin = self._state()
            self._jumps[state].append((None, begin))
            self._steps[begin] = (self._folded(self._test(operation, argument)), end)
        return end

    def _repeat(self, least: int, most: Any, nodes: Any, state: int) -> int:
        for _ in range(least):
            state = self._sequence(nodes, state)
        end = self._state()
        self._jumps[state].append((None, end))
        if str(most) == "MAXREPEAT":
            begin = self._state()
            self._jumps[state].append((None, begin))
            last = self._sequence(nodes, begin)
            self._jumps[last] += [(None, begin), (None, end)]
            return end
        for _ in range(int(most) - least):
            state = self._sequence(nodes, state)
            self._jumps[state].append((None, end))
        return end

    def _anchor(self, name: str) -> Anchor:
        if self._flags & re.MULTILINE and name == "AT_BEGINNING":
            return lambda before, _: before in {"", "\n"}
        if self._flags & re.MULTILINE and name == "AT_END":
            return lambda _, after: after in {"", "\n"}
        return _ANCHORS[name]

    def _folded(self, test: Test) -> Test:
        if not self._flags & re.IGNORECASE:
            return test
        return lambda c: test(c) or test(c.lower()) or test(c.upper())

    def _test(self, operation: str, argument: Any) -> Test:
        if operation == "LITERAL":
            return _between(argument, argument)
        if operation == "NOT_LITERAL":
            unwanted = chr(argument)
            return lambda c: c != unwanted
        if operation == "ANY":
            return (lambda _: True) if self._flags & re.DOTALL else (lambda c: c != "\n")
        if operation == "IN":
            return _class(argument)
        raise UnusablePattern("references back and look-around are not supported")


def _class(items: Any) -> Test:
    tests: list[Test] = []
    is_negated = False
    for operation, argument in items:
        name = str(operation)
        if name == "NEGATE":
            is_negated = True
        elif name == "LITERAL":
            tests.append(_between(argument, argument))
        elif name == "RANGE":
            tests.append(_between(*argument))
        else:
            tests.append(_category(str(argument)))
    return lambda c: any(test(c) for test in tests) != is_negated


def _between(low: int, high: int) -> Test:
    first, last = chr(low), chr(high)
    return lambda c: first <= c <= last


def _category(name: str) -> Test:
    known = _CATEGORIES.get(name)
    if known is not None:
        return known
    positive = _CATEGORIES[name.replace("NOT_", "")]
    return lambda c: not positive(c)


def _is_word(character: str) -> bool:
    return bool(character) and _CATEGORIES["CATEGORY_WORD"](character)
