"""Values given as `name=value` on the command line or in a file."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from homeport_cli.errors import CliError


def parse_pairs(pairs: Iterable[str], *, flag: str) -> dict[str, str]:
    """Read `name=value` texts; a later one wins. Raises CliError that names the flag."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise CliError(f"{flag}: '{pair}' is not of the form name=value.")
        found[name.strip()] = value
    return found


def read_values(path: Path | None, *, flag: str) -> dict[str, str]:
    """Read a YAML or JSON file that maps names to plain values; lists become JSON texts. Raises CliError."""
    if path is None:
        return {}
    import yaml  # lazy: only who passes a file waits for the parser

    try:
        content: Any = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise CliError(f"{flag}: {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CliError(f"{flag}: {path} is not YAML: {error}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CliError(f"{flag}: {path} must map names to values.")
    return {str(name): _text(value, f"{flag}: {path}: {name}") for name, value in content.items()}


def suggest(name: str, known: Iterable[str]) -> str:
    """Return what helps whoever gave a name that is not among those that are known."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"It has: {', '.join(names) or 'none'}."


def _text(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return msgspec.json.encode([str(item) for item in value]).decode()
    raise CliError(f"{where} must be a text, a number, true, false or a list.")
