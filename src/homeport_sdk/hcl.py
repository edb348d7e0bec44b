"""Reads the outer structure of Terraform's language: blocks, their labels, their attributes and where each stands. Pure.

What an expression means is Terraform's business; only literals are evaluated here, which is all that a variable's declaration may hold.
The time it takes grows with the length of the text and with nothing else.
"""

import re
from dataclasses import dataclass, field

MOST_DEPTH = 60
_PLAIN = re.compile(r"[^\"<(\[{)\]}#/\n]+")
_PLAIN_STRING = re.compile(r"[^\"\\$%\n]+")
_PLAIN_INTERPOLATION = re.compile(r"[^\"{}#/]+")
_NAME = re.compile(r"[^\W\d][\w-]*")
_HEREDOC = re.compile(r"<<(-?)([^\W\d][\w-]*)[ \t\r]*\n")
# Half of a character, which is none: Terraform puts a mark in its place.
SURROGATE = re.compile("[\ud800-\udfff]")
_OPENING = {"(": ")", "[": "]", "{": "}"}


class HclError(Exception):
    """The text is no valid configuration; `line` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Expression:
    """The text of an attribute's value, and the line on which it begins."""

    text: str
    line: int


@dataclass
class Body:
    """What stands in a file, or between the braces of a block. Of an attribute that is set twice the last counts.

    `values` are attributes that were read from JSON, where each is a literal already.
    """

    attributes: dict[str, Expression] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)


@dataclass
class Block:
    """`type "label" { … }`."""

    type: str
    labels: tuple[str, ...]
    body: Body
    line: int


def parse(text: str) -> Body:
    """Read a file. Raises HclError."""
    reader = _Reader(text.removeprefix("\ufeff"))
    body = reader.body(depth=0)
    if reader.at < len(reader.text):
        raise reader.error("this closing brace has no beginning")
    return body


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self._counted, self._lines = 0, 1

    def error(self, message: str, at: int | None = None) -> HclError:
        return HclError(message, self.line(at))

    def line(self, at: int | None = None) -> int:
        at = self.at if at is None else at
        if at < self._counted:
            return self._lines - self.text.count("\n", at, self._counted)
        self._lines += self.text.count("\n", self._counted, at)
        self._counted = at
        return self._lines

    def peek(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def skip_space(self, *, across_lines: bool) -> None:
        """Pass over blanks and comments."""
        while self.at < len(self.text):
            if self.peek() in " \t\r" or (across_lines and self.peek() == "\n"):
                self.at += 1
            elif self.peek() == "#" or self.peek(2) == "//":
                self.skip_to_line_end()
            elif self.peek(2) == "/*":
                self.skip_comment()
            else:
                return

    def skip_to_line_end(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    def skip_comment(self) -> None:
        end = self.text.find("*/", self.at + 2)
        if end < 0:
            raise self.error("this comment has no end")
        self.at = end + 2

    def name(self) -> str:
        found = _NAME.match(self.text, self.at)
        if not found:
            shown = self.peek() or "the end of the file"
            raise self.error(f"expected the name of an argument or a block, and found '{shown}'")
        self.at = found.end()
        return found[0]

    def body(self, *, depth: int) -> Body:
        if depth > MOST_DEPTH:
            raise self.error(f"blocks are nested more than {MOST_DEPTH} deep")
        body = Body()
        while True:
            self.skip_space(across_lines=True)
            if self.at >= len(self.text) or self.peek() == "}":
                return body
            line = self.line()
            name = self.name()
            self.skip_space(across_lines=False)
            if self.peek() == "=" and self.peek(2) != "==":
                self.at += 1
                self.skip_space(across_lines=False)
                body.attributes[name] = self.expression()
            else:
                body.blocks.append(self.block(name, line, depth=depth))
            self.end_of_item()

    def end_of_item(self) -> None:
        self.skip_space(across_lines=False)
        if self.at < len(self.text) and self.peek() not in "\n}":
            raise self.error(f"expected a new line, and found '{self.peek()}'")

    def block(self, name: str, line: int, *, depth: int) -> Block:
        labels = []
        while True:
            self.skip_space(across_lines=False)
            if self.peek() == "{":
                break
            if self.peek() == '"':
                begin = self.at
                self.skip_string()
                labels.append(self.label(begin))
            elif _NAME.match(self.text, self.at):
                labels.append(self.name())
            else:
                raise self.error(f"expected '=' or '{{' after '{name}'")
        opened = self.at
        self.at += 1
        body = self.body(depth=depth + 1)
        if self.peek() != "}":
            raise self.error(f"the block '{name}' has no closing brace", opened)
        self.at += 1
        return Block(type=name, labels=tuple(labels), body=body, line=line)

    def label(self, begin: int) -> str:
        try:
            return str(literal(Expression(self.text[begin : self.at], 0)))
        except NotLiteral:
            raise self.error("the label of a block is a plain text", begin) from None

    def expression(self) -> Expression:
        begin = self.at
        end: int | None = None
        waiting: list[tuple[str, int]] = []
        while self.at < len(self.text):
            plain = _PLAIN.match(self.text, self.at)
            if plain:
                self.at = plain.end()
            elif self.peek() == "\n" and not waiting:
                break
            elif self.peek() == '"':
                self.skip_string()
            elif self.peek() in _OPENING:
                waiting.append((_OPENING[self.peek()], self.at))
                self.at += 1
            elif self.peek() in ")]}":
                if not waiting and self.peek() == "}":
                    break
                if not waiting:
                    raise self.error(f"this '{self.peek()}' has no beginning")
                if waiting[-1][0] != self.peek():
                    break
                waiting.pop()
                self.at += 1
            elif self.peek() == "#" or self.peek(2) == "//":
                end = end if waiting else self.at
                self.skip_to_line_end()
            elif self.peek(2) == "/*":
                self.skip_comment()
            elif self.peek(2) == "<<" and _HEREDOC.match(self.text, self.at):
                self.skip_heredoc()
            else:
                self.at += 1
        if waiting:
            raise self.error(f"this bracket is never closed by '{waiting[-1][0]}'", waiting[-1][1])
        text = self.text[begin : self.at if end is None else end].strip()
        if not text:
            raise self.error("a value is missing after '='", begin)
        return Expression(text, self.line(begin))

    def skip_string(self) -> None:
        begin, self.at = self.at, self.at + 1
        while self.at < len(self.text):
            plain = _PLAIN_STRING.match(self.text, self.at)
            if plain:
                self.at = plain.end()
            elif self.peek() == "\\":
                self.at += 2
            elif self.peek(3) in {"$${", "%%{"}:
                self.at += 3
            elif self.peek(2) in {"${", "%{"}:
                self.skip_interpolation()
            elif self.peek() == '"':
                self.at += 1
                return
            elif self.peek() == "\n":
                break
            else:
                self.at += 1
        raise self.error("this text has no closing quote", begin)

    def skip_interpolation(self) -> None:
        """Pass over `${ … }`, in which there may be strings with further ones."""
        begin = self.at
        self.at += 2
        depth = 1
        while self.at < len(self.text):
            plain = _PLAIN_INTERPOLATION.match(self.text, self.at)
            if plain:
                self.at = plain.end()
            elif self.peek() == '"':
                self.skip_nested_string(begin)
            elif self.peek() == "#" or self.peek(2) == "//":
                self.skip_to_line_end()
            elif self.peek(2) == "/*":
                self.skip_comment()
            elif self.peek() in "{}":
                depth += 1 if self.peek() == "{" else -1
                self.at += 1
                if not depth:
                    return
            else:
                self.at += 1
        raise self.error("this '${' or '%{' is never closed", begin)

    def skip_nested_string(self, begin: int) -> None:
        try:
            self.skip_string()
        except RecursionError as error:
            raise self.error("texts are nested too deep", begin) from error

    def skip_heredoc(self) -> None:
        found = _HEREDOC.match(self.text, self.at)
        assert found is not None
        begin, self.at = self.at, found.end()
        while self.at < len(self.text):
            end = self.text.find("\n", self.at)
            end = len(self.text) if end < 0 else end
            begun, self.at = self.at, end
            if self.text[begun:end].strip() == found[2]:
                return
            self.at += 1
        raise self.error(f"this text has no end: a line with nothing but {found[2]}", begin)


class NotLiteral(Exception):
    """The value is computed by Terraform."""


def literal(expression: Expression) -> object:
    """Return the value of a literal: text, number, bool, None, list or dict. Raises NotLiteral."""
    reader = _Literal(expression.text)
    try:
        value = reader.value()
        reader.skip_space(across_lines=True)
    except (HclError, RecursionError) as error:
        raise NotLiteral from error
    if reader.at != len(reader.text):
        raise NotLiteral
    return value


def split_template(text: str, at: int) -> tuple[list[str | Expression], int]:
    """Split the text in quotes, or the heredoc, that begins at `at` into what stands there and what is computed.

    Returns the parts and where it ends; parts of text are unescaped. Raises HclError, also for directives (`%{ … }`).
    """
    reader = _Literal(text)
    reader.at = at
    is_quoted = reader.peek() == '"'
    if is_quoted:
        reader.skip_string()
        inner = text[at + 1 : reader.at - 1]
    elif _HEREDOC.match(text, at):
        inner = reader.heredoc_text()
    else:
        raise reader.error("a text is expected")
    return _parts(inner, has_escapes=is_quoted), reader.at


def _parts(inner: str, *, has_escapes: bool) -> list[str | Expression]:
    reader = _Reader(inner)
    parts: list[str | Expression] = []
    begin, is_trimmed = 0, False
    for found in _MARK.finditer(inner):
        if found.start() < reader.at or found[0] not in {"${", "%{"}:
            continue
        if found[0] == "%{":
            raise reader.error("directives in texts (%{ … }) cannot be evaluated here")
        reader.at = found.start()
        before = _plain(inner[begin : reader.at], has_escapes=has_escapes)
        before = before.lstrip() if is_trimmed else before
        reader.skip_interpolation()
        # `${~ … ~}` takes away the blanks around it; in a heredoc within its line.
        computed = inner[found.end() : reader.at - 1]
        if not has_escapes and "~" in computed[:1] + computed[-1:]:
            raise reader.error("blanks in a heredoc (${~ … ~}) cannot be taken away here")
        before = before.rstrip() if computed.startswith("~") else before
        is_trimmed = computed.endswith("~")
        parts += [before] if before else []
        parts.append(Expression(computed.removeprefix("~").removesuffix("~"), reader.line(found.start())))
        begin = reader.at
    rest = _plain(inner[begin:], has_escapes=has_escapes)
    rest = rest.lstrip() if is_trimmed else rest
    return [*parts, rest] if rest or not parts else parts


def _plain(text: str, *, has_escapes: bool) -> str:
    try:
        return _unescape(text, has_escapes=has_escapes)
    except NotLiteral:
        raise HclError("a backslash is followed by what it cannot escape", 1) from None


# What is escaped is found first, so that it is passed over.
_MARK = re.compile(r"\\.|\$\$\{|%%\{|\$\{|%\{", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|\$\$\{|%%\{|\$\{|%\{", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None}


class _Literal(_Reader):
    def value(self) -> object:
        self.skip_space(across_lines=False)
        mark = self.peek()
        if mark == '"':
            begin = self.at
            self.skip_string()
            return _unescape(self.text[begin + 1 : self.at - 1], has_escapes=True)
        if mark in _OPENING:
            return {"(": self.bracketed, "[": self.sequence, "{": self.mapping}[mark]()
        if _HEREDOC.match(self.text, self.at):
            return self.heredoc()
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return float(number[0]) if number[1] or number[2] else int(number[0])
        word = self.name()
        if word not in _WORDS:
            raise NotLiteral
        return _WORDS[word]

    def bracketed(self) -> object:
        self.at += 1
        self.skip_space(across_lines=True)
        value = self.value()
        self.skip_space(across_lines=True)
        self.expect(")")
        return value

    def sequence(self) -> list[object]:
        self.at += 1
        values: list[object] = []
        while True:
            self.skip_space(across_lines=True)
            if self.peek() == "]":
                self.at += 1
                return values
            values.append(self.value())
            self.skip_space(across_lines=True)
            if self.peek() != "]":
                self.expect(",")

    def mapping(self) -> dict[str, object]:
        self.at += 1
        values: dict[str, object] = {}
        while True:
            self.skip_space(across_lines=True)
            if self.peek() == "}":
                self.at += 1
                return values
            key = self.value() if self.peek() in '"(' else self.name()
            if not isinstance(key, str):
                raise NotLiteral
            self.skip_space(across_lines=False)
            self.expect("=" if self.peek() == "=" else ":")
            values[key] = self.value()
            self.skip_space(across_lines=False)
            if self.peek() == ",":
                self.at += 1
            elif self.peek() not in "\n}" or not self.peek():
                raise NotLiteral

    def heredoc(self) -> str:
        return _unescape(self.heredoc_text(), has_escapes=False)

    def heredoc_text(self) -> str:
        found = _HEREDOC.match(self.text, self.at)
        assert found is not None
        begin = found.end()
        self.skip_heredoc()
        lines = self.text[begin : self.at].split("\n")[:-1]
        if found[1]:
            margins = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
            lines = [line[min(margins, default=0) :] for line in lines]
        return "".join(f"{line}\n" for line in lines)

    def expect(self, mark: str) -> None:
        if self.peek() != mark:
            raise NotLiteral
        self.at += 1


def _unescape(text: str, *, has_escapes: bool) -> str:
    def replace(found: re.Match[str]) -> str:
        if found[0] in {"${", "%{"}:
            raise NotLiteral
        if found[0] in {"$${", "%%{"}:
            return found[0][1:]
        if not has_escapes:
            return found[0]
        if found[1] or found[2]:
            return SURROGATE.sub("\ufffd", chr(int(found[1] or found[2], 16)))
        if found[3] not in _ESCAPES:
            raise NotLiteral
        return _ESCAPES[found[3]]

    try:
        return _ESCAPE.sub(replace, text)
    except (ValueError, OverflowError) as error:
        raise NotLiteral from error
