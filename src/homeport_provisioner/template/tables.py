"""Reads YAML that knows its lines. Every mistake is noted with file, line and path, and reading goes on, so that all are told at once."""

import difflib
import re
from collections.abc import Callable, Sequence

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_MOST_DEPTH = 12
_MOST_NODES = 20_000
_TAG = "tag:yaml.org,2002:"
_KINDS = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "seq": "a list",
    "map": "a table",
}


class Unreadable(Exception):
    """The text is no YAML that may stand here; the message begins with the line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Problems:
    """The mistakes found so far, in the order of their lines."""

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, path: str, message: str) -> None:
        """Note a mistake at a line (from 1)."""
        where = f"{self._file_name}:{line}: " + (f"{path}: " if path else "")
        self._found.append((line, where + message))

    def texts(self) -> list[str]:
        """Return all, sorted by line."""
        return [text for _, text in sorted(self._found, key=lambda item: item[0])]


class Cell:
    """One value with its place. Reading it as a kind that it is not notes a problem and gives that kind's empty value."""

    def __init__(self, node: Node, path: str, problems: Problems) -> None:
        self._node = node
        self._problems = problems
        self.path = path
        self.line = node.start_mark.line + 1

    @property
    def kind(self) -> str:
        """One of str, int, float, bool, null, seq, map, or another tag."""
        return str(self._node.tag).removeprefix(_TAG)

    def wrong(self, message: str) -> None:
        """Note a mistake here."""
        self._problems.add(self.line, self.path, message)

    def text(self, *, most: int = 65_536) -> str:
        """Read text. A number or a switch must be quoted to be text."""
        if self.kind != "str" or not isinstance(self._node, ScalarNode):
            hint = f'; write "{self._node.value}" with quotes' if self.kind in {"int", "float", "bool"} else ""
            self._expected("text", hint)
            return ""
        return self._checked(str(self._node.value), most)

    def plain(self, *, most: int = 65_536) -> str:
        """Read text, a number or a switch, as the text that it stands for."""
        if not isinstance(self._node, ScalarNode) or self.kind not in {"str", "int", "float", "bool"}:
            self._expected("text, a number, or true or false")
            return ""
        text = str(self._node.value)
        if self.kind == "bool":
            return "true" if text.lower() in {"true", "yes", "on", "y"} else "false"
        return self._checked(text, most)

    def flag(self) -> bool:
        """Read true or false."""
        if self.kind != "bool" or not isinstance(self._node, ScalarNode):
            self._expected("true or false")
            return False
        return str(self._node.value).lower() in {"true", "yes", "on", "y"}

    def integer(self, *, least: int, most: int) -> int:
        """Read a whole number within bounds."""
        text = str(self._node.value) if isinstance(self._node, ScalarNode) else ""
        if self.kind != "int" or not re.fullmatch(r"[-+]?\d{1,19}", text):
            self._expected("a whole number")
            return least
        value = int(text)
        if not least <= value <= most:
            self.wrong(f"must be between {least} and {most}, not {value}")
            return least
        return value

    def choice(self, options: Sequence[str]) -> str:
        """Read one of a few words."""
        text = self.plain()
        if text and text not in options:
            self.wrong(f"must be one of {', '.join(options)}, not '{text}'{_similar(text, options)}")
            return options[0]
        return text or options[0]

    def cells(self, *, most: int = 200) -> list["Cell"]:
        """Read a list."""
        if not isinstance(self._node, SequenceNode):
            self._expected("a list")
            return []
        if len(self._node.value) > most:
            self.wrong(f"may have at most {most} entries, not {len(self._node.value)}")
        return [
            Cell(node, f"{self.path}[{number}]", self._problems) for number, node in enumerate(self._node.value[:most])
        ]

    def fields(self) -> dict[str, "Cell"]:
        """Read a table with free names."""
        if not isinstance(self._node, MappingNode):
            self._expected("a table")
            return {}
        found: dict[str, Cell] = {}
        for key, value in self._node.value:
            name = Cell(key, self.path, self._problems)
            if not isinstance(key, ScalarNode) or not key.value or len(key.value) > 256:
                name.wrong("a name must be a text of 1 to 256 characters")
                continue
            # Names such as `on` or `3` are meant as they are written.
            word = str(key.value)
            cell = Cell(value, f"{self.path}.{word}" if self.path else word, self._problems)
            # A value may begin below its name: mistakes are looked for at the name.
            cell.line = name.line
            if word in found:
                name.wrong(f"'{word}' stands here twice; keep one")
            found[word] = cell
        return found

    def _checked(self, text: str, most: int) -> str:
        if "\0" in text:
            self.wrong("must not hold the character NUL")
            return ""
        if len(text) > most:
            self.wrong(f"may have at most {most} characters, not {len(text)}")
            return text[:most]
        return text

    def _expected(self, what: str, hint: str = "") -> None:
        self.wrong(f"must be {what}, not {_KINDS.get(self.kind, 'a value of the type ' + self.kind)}{hint}")


class Table:
    """A table with agreed names. `finish` notes the names that nobody asked for."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._fields = cell.fields()
        self._asked: set[str] = set()

    def find(self, name: str) -> Cell | None:
        """Return the value of a name; None when it is absent or null."""
        self._asked.add(name)
        cell = self._fields.get(name)
        return None if cell is None or cell.kind == "null" else cell

    def need(self, name: str) -> Cell | None:
        """Return the value of a name that must be there; note its absence."""
        cell = self.find(name)
        if cell is None:
            self.cell.wrong(f"'{name}' is missing")
        return cell

    def text(
        self, name: str, default: str = "", *, most: int = 65_536, rule: Callable[[Cell, str], None] | None = None
    ) -> str:
        """Read text; `rule` looks at it."""
        cell = self.find(name)
        if cell is None:
            return default
        value = cell.text(most=most)
        if rule is not None:
            rule(cell, value)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Read true or false."""
        cell = self.find(name)
        return default if cell is None else cell.flag()

    def integer(self, name: str, default: int = 0, *, least: int = 0, most: int = 2**31 - 1) -> int:
        """Read a whole number."""
        cell = self.find(name)
        return default if cell is None else cell.integer(least=least, most=most)

    def choice(self, name: str, options: Sequence[str]) -> str:
        """Read one of a few words; the first is meant when there is none."""
        cell = self.find(name)
        return options[0] if cell is None else cell.choice(options)

    def cells(self, name: str, *, most: int = 200) -> list[Cell]:
        """Read a list; absent is empty."""
        cell = self.find(name)
        return [] if cell is None else cell.cells(most=most)

    def finish(self) -> None:
        """Note every name that was not asked for."""
        for name, cell in self._fields.items():
            if name not in self._asked:
                cell.wrong(
                    f"is not known here{_similar(name, sorted(self._asked))}; known are {', '.join(sorted(self._asked))}"
                )


def compose(text: str) -> Node:
    """Parse YAML into nodes with lines. Raises Unreadable: no YAML, several documents, anchors, own types, too deep, too much."""
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, _explain(error)) from error
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise Unreadable(line, f"is no YAML: {getattr(error, 'reason', error)}") from error
    if node is None:
        raise Unreadable(1, "is empty")
    return node


def _check_events(text: str) -> None:
    depth = documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Unreadable(line, "a second document begins here; a template is one document")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable(line, "anchors and aliases (& and *) are not allowed; write the value out, or quote it")
        tag = getattr(event, "tag", None)
        if tag and tag != "!" and tag.removeprefix(_TAG) not in _KINDS:
            raise Unreadable(line, f"the type {tag} is not allowed; leave it out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MOST_DEPTH or count > _MOST_NODES:
            raise Unreadable(line, "is nested too deeply or too long for a template")


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "is no YAML"
    if r"'\t'" in problem:
        return "a tab stands where YAML wants spaces; indent with spaces"
    context = f" ({error.context})" if error.context else ""
    return f"is no YAML: {problem}{context}"


def _similar(word: str, options: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, options, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
