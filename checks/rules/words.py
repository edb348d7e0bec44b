"""Nothing in the tree knows the machine it was written on, or where packages were fetched from."""

import re
from collections.abc import Iterator

from checks.source import Source, Violation

RULE = "words"
# Written in pieces, so that this file does not break its own rule.
_BANNED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![\w.$}/-])/wo" + r"rk/(?:main|shared|\.library)\b"), "a path of one machine"),
    (re.compile(r"(?<![\w.$}/-])/tmp/h" + r"p/"), "a path of one machine"),
    (re.compile(r"(?<![\w.$}/-])/ro" + r"ot/\.pyenv"), "a path of one machine"),
    (re.compile(r"/opt/(?:py" + r"pi|wheels)"), "a path of one machine"),
    (re.compile(r"py" + r"pi\.org/simple|python" + r"hosted\.org"), "the address of a package index"),
    (
        re.compile(r"--(?:extra-)?index" + r"-url[ =]|--find" + r"-links[ =]"),
        "an option that holds the address of a package index",
    ),
)
_VENDORED = "vendor"


def check(source: Source) -> Iterator[Violation]:
    """Yield the lines that hold something banned. Vendored files are left as they came."""
    if _VENDORED in source.parts:
        return
    for pattern, what in _BANNED:
        if not pattern.search(source.text):
            continue
        for number, line in enumerate(source.lines, start=1):
            found = pattern.search(line)
            if found:
                yield source.violation(number, RULE, f"`{found[0].strip()}` is {what}")
