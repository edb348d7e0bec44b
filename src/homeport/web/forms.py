"""Forms: read within limits, held against the double-submitted token, and what was wrong with their fields."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from homeport.identity.types import CSRF_COOKIE
from homeport.kit.crypto import tokens_equal
from homeport.kit.errors import BadRequest, HomeportError, invalid_field
from homeport.web.rendering import PageRequest

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 5000
_SHOWN_AGAIN = frozenset({400, 401, 403, 409, 406, 412, 413})


class Form(Mapping[str, str]):
    """The fields of a form: the first value of each name; `all_of` has every value."""

    def __init__(self, pairs: list[tuple[str, str]] | None = None) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs or ():
            # Browsers end the lines of text areas with CRLF.
            self._values.setdefault(name, []).append(value.replace("\r\n", "\n"))

    def __getitem__(self, name: str) -> str:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str:
        """Return a field without white space at its ends; empty when it is absent."""
        return self.get(name, "").strip()

    def all_of(self, name: str) -> list[str]:
        """Return every value of a name."""
        return self._values.get(name, [])

    def ids_of(self, name: str) -> list[UUID]:
        """Return every value of a name as ids. Raises a 400 at the field for what is none."""
        try:
            return [UUID(value) for value in self.all_of(name) if value]
        except ValueError:
            raise invalid_field(name, "Choose from what the page offers.") from None


async def read_form(request: PageRequest) -> Form:
    """Return the fields of a POST of ours. Raises 400 for what is no form, has NUL, or lacks the page's token."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise BadRequest("A form of this page was expected.")
    body = (await request.body()).decode("utf-8", "replace")
    try:
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadRequest("The form has too many fields.") from error
    return held_form(request, pairs)


def held_form(request: PageRequest, pairs: list[tuple[str, str]]) -> Form:
    """Return fields as a form. Raises 400 where they have NUL or lack the page's token."""
    if any("\x00" in name or "\x00" in value for name, value in pairs):
        raise BadRequest("A form cannot hold NUL characters.")
    form = Form(pairs)
    sent = form.get("csrf_token", "") or request.headers.get("x-csrf-token", "")
    held = request.cookies.get(CSRF_COOKIE, "")
    if not sent or not held or not tokens_equal(sent.encode(), held.encode()):
        raise BadRequest("The form was not sent from a current page of this site. Reload the page and try again.")
    return form


class Problems:
    """What was wrong with a form: words for single fields, and for the whole."""

    def __init__(self, error: HomeportError | None = None, *, known: frozenset[str] | None = None) -> None:
        """Fields that are not `known` to the page are told in the summary instead."""
        self.fields: dict[str, str] = {}
        self.summary = ""
        self.detail = ""
        self.status = 200
        if error is None:
            return
        if error.status not in _SHOWN_AGAIN:
            raise error
        self.status = error.status
        self.summary, self.detail = error.message, error.detail
        rest: list[str] = []
        for found in error.validations:
            if known is None or found.field in known:
                self.fields.setdefault(found.field, found.detail)
            else:
                rest.append(f"{found.field}: {found.detail}" if found.field else found.detail)
        if rest:
            self.summary = f"{self.summary} {' '.join(rest)}"

    def of(self, field: str) -> str:
        """Return what is wrong with a field, or an empty text."""
        return self.fields.get(field, "")

    def __bool__(self) -> bool:
        return bool(self.summary or self.fields)


NO_PROBLEMS = Problems()


def field_problem(field: str, words: str) -> Problems:
    """Return a problem that the page itself has found, at one field."""
    problems = Problems()
    problems.status, problems.fields[field] = 400, words
    return problems


def mistyped(noun: str) -> Problems:
    """Return the problem of a confirmation in which something else was typed than the name."""
    return field_problem("confirm", f"This is not the name of the {noun}.")


def remaining(form: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Return the values that a page shows again; absent ones are empty."""
    return {name: str(form.get(name, "")) for name in names}
