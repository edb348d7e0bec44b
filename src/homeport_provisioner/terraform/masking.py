"""Keeps secrets out of the log: whatever is known to be one is replaced, wherever it turns up. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MASK = "(sensitive value)"
LEAST_CHARACTERS = 3
"""Shorter secrets would blacken half of every line and hide nothing from anybody who can count."""
_MOST_SECRETS = 10_000
_FAMILIAR = frozenset({"true", "false", "null", "none"})


class Masker:
    """Grows with what the job learns: values of variables first, then whatever Terraform itself marks as sensitive."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these from now on: each whole, each of its longer lines, and as it looks inside of JSON."""
        known = len(self._secrets)
        for secret in secrets:
            self._secrets.update(form for form in _forms(secret) if len(self._secrets) < _MOST_SECRETS)
        if len(self._secrets) != known:
            # The longest first: a secret that begins with another must not leave its rest.
            forms = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, forms)))

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)


def _forms(secret: str) -> Iterator[str]:
    pieces = [secret, *(line.strip() for line in secret.splitlines() if len(line.strip()) >= 8)]
    for piece in dict.fromkeys(pieces):
        if len(piece) >= LEAST_CHARACTERS and piece.lower() not in _FAMILIAR:
            yield piece
            quoted = json.dumps(piece, ensure_ascii=False)[1:-1]
            if quoted != piece:
                yield quoted


def sensitive_values(document: Mapping[str, Any]) -> Iterator[str]:
    """Find what Terraform marks as sensitive in the output of `show -json`, of a plan or of a state."""
    for name in ("planned_values", "values"):
        yield from _in_module((document.get(name) or {}).get("root_module") or {})
    prior = document.get("prior_state") or {}
    if prior:
        yield from sensitive_values(prior)
    for change in document.get("resource_changes") or ():
        inner = change.get("change") or {}
        yield from _marked(inner.get("before"), inner.get("before_sensitive"))
        yield from _marked(inner.get("after"), inner.get("after_sensitive"))
    outputs = [*((document.get("values") or {}).get("outputs") or {}).values()]
    outputs += ((document.get("planned_values") or {}).get("outputs") or {}).values()
    for output in outputs:
        if output.get("sensitive"):
            yield from leaves(output.get("value"))


def _in_module(module: Mapping[str, Any]) -> Iterator[str]:
    for resource in module.get("resources") or ():
        yield from _marked(resource.get("values"), resource.get("sensitive_values"))
    for child in module.get("child_modules") or ():
        yield from _in_module(child)


def _marked(value: Any, marks: Any) -> Iterator[str]:
    if marks is True:
        yield from leaves(value)
    elif isinstance(marks, dict) and isinstance(value, dict):
        for key, mark in marks.items():
            yield from _marked(value.get(key), mark)
    elif isinstance(marks, list) and isinstance(value, list):
        for item, mark in zip(value, marks, strict=False):
            yield from _marked(item, mark)


def leaves(value: Any) -> Iterator[str]:
    """Return every text and number in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)
