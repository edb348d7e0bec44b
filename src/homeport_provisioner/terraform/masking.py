"""Keeps secrets out of the log: whatever is known to be one is replaced, wherever it turns up. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from homeport_provisioner.terraform.forms import forms

MASK: Final = "(sensitive value)"
HIDDEN: Final = "(not shown: the template has too many sensitive values to look for)"
_MOST_FORMS: Final = 20_000
_SHARED: Final = 8


class Masker:
    """Grows with what the job learns: values of variables first, then whatever Terraform itself marks as sensitive.

    Beyond what can be looked for in every line, no line is shown at all.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Mask these from now on, in every form in which programs write them."""
        known = len(self._forms)
        for secret in secrets:
            if secret not in self._secrets and len(self._forms) <= _MOST_FORMS:
                self._secrets.add(secret)
                self._forms.update(forms(secret))
        if len(self._forms) != known:
            self._pattern = re.compile("" if len(self._forms) > _MOST_FORMS else _alternatives(sorted(self._forms)))

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        if len(self._forms) > _MOST_FORMS:
            return HIDDEN if text.strip() else text
        return text if self._pattern is None else self._pattern.sub(MASK, text)


def _alternatives(words: Sequence[str], depth: int = 0) -> str:
    """Return a pattern of these words, which are sorted. What they begin with is shared, so that a line is not held against each.

    The longest counts: one that begins with another must not leave its rest.
    """
    if depth == _SHARED or len(words) == 1:
        return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    parts = []
    for first, group in groupby(words, key=lambda word: word[:1]):
        rests = [word[1:] for word in group]
        parts.append(f"{re.escape(first)}(?:{_alternatives(rests, depth + 1)})" if first else "")
    # Sorted, the word that ends here comes first.
    return "|".join([*(part for part in parts if part), *("" for part in parts if not part)])


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
