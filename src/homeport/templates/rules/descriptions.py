"""Whether a template's `homeport.yaml` is YAML at all. What it says is checked by the engine that imports it. Pure."""

from typing import Final

import yaml

from homeport.templates.rules.mistakes import TemplateMistake

FILE_NAME: Final = "homeport.yaml"
MOST_BYTES: Final = 512 * 1024
"""Larger ones are refused by engines, which say so; as are those with more of the following."""
_MOST_DEPTH: Final = 64
_MOST_EVENTS: Final = 50_000
# The one of C takes a tenth of the time, where there is one.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def require_yaml(content: bytes) -> None:
    """Read over a description. Raises TemplateMistake, with the line, where YAML ends to be YAML."""
    depth = 0
    try:
        for count, event in enumerate(yaml.parse(content.decode(), Loader=_LOADER)):
            # Parsers take a time that grows with the square of the depth.
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MOST_DEPTH or count > _MOST_EVENTS:
                return
    except UnicodeDecodeError as error:
        raise TemplateMistake(FILE_NAME, _line_of(content, error.start), "is no UTF-8 text") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        context = f" ({error.context})" if error.context else ""
        raise TemplateMistake(
            FILE_NAME, mark.line + 1 if mark else 1, f"is no YAML: {error.problem}{context}"
        ) from error
    except yaml.reader.ReaderError as error:
        raise TemplateMistake(
            FILE_NAME, _line_of(content, int(error.position)), f"is no YAML: {error.reason}"
        ) from error


def _line_of(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
