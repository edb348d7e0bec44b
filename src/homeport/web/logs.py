"""What the pages of both logs share: their fields of search, and turning to older rows."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from homeport.kit.http import Page
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, refusal
from homeport.web.searching import joined

PAGE_SIZE = 50
_LONGEST = 500


class Identified(Protocol):
    """A row that a page can go on after."""

    id: UUID


Row = TypeVar("Row", bound=Identified)


class Asked(msgspec.Struct, frozen=True):
    """What an address asks of a log: its fields as they were typed, the search that they make, the row to go on after."""

    values: dict[str, str]
    search: str
    page: Page

    @property
    def query(self) -> str:
        """The fields that are filled in, as the query of an address."""
        return urlencode({name: value for name, value in self.values.items() if value})

    @property
    def is_first(self) -> bool:
        """Whether this is the page of the newest rows."""
        return self.page.after_id is None


def asked(params: Mapping[str, Any], keys: Sequence[str]) -> Asked:
    """Read an address: a field for each key of the search, `q` for words, `after` for the row to go on after."""
    values = {name: str(params.get(name, ""))[:_LONGEST] for name in (*keys, "q")}
    search = joined([(key, values[key]) for key in keys], values["q"])
    # One row more shows whether there are older ones.
    return Asked(values, search, Page(limit=PAGE_SIZE + 1, after_id=_row_id(str(params.get("after", "")))))


def shown(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """Return the rows of a page, and the id to go on after; empty at the end."""
    kept = list(rows[:PAGE_SIZE])
    return kept, str(kept[-1].id) if len(rows) > PAGE_SIZE else ""


def may_read(subject: Subject, type_: ResourceType) -> bool:
    """Tell whether somebody may read a log, for the deployment or for an organization."""
    return is_allowed(subject, Action.READ, Object(type_, any_organization=True))


def require_log(subject: Subject, type_: ResourceType, noun: str) -> None:
    """Refuse whoever may read no row at all, instead of an empty page."""
    if not may_read(subject, type_):
        raise refusal(subject, Action.READ, Object(type_, any_organization=True), noun=noun)


def _row_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
