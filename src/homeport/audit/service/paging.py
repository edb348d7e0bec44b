"""How both logs are read: a page and how many rows there are, or all of them piece by piece."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from homeport.audit.errors import TooFarBack
from homeport.audit.queries.selections import COUNT_AT_MOST, Condition, Selection
from homeport.database import Connection, Database
from homeport.kit.errors import invalid_field
from homeport.kit.http import Page

Row = TypeVar("Row")
_AT_ONCE = 500


class Log(msgspec.Struct, Generic[Row], frozen=True, kw_only=True):
    """One log: how its rows are read, and the two columns that give each its place."""

    list_rows: Callable[..., Awaitable[list[Row]]]
    count_rows: Callable[[Connection, Selection], Awaitable[int]]
    find_place: Callable[[Connection, UUID], Awaitable[datetime | None]]
    place_of: Callable[[Row], tuple[datetime, UUID]]
    columns: str


def require_reachable(page: Page) -> None:
    """Raise a 400 for a page that lies beyond what is counted."""
    if page.offset > COUNT_AT_MOST:
        raise TooFarBack(COUNT_AT_MOST)


async def read_page(conn: Connection, log: Log[Row], selection: Selection, page: Page) -> tuple[list[Row], int]:
    """Return a page and how many rows there are in all, at most COUNT_AT_MOST.

    The next page comes by `offset`, up to there, or by `after_id` without an end. Raises 400 for an unknown `after_id`.
    """
    shown = selection
    if page.after_id is not None:
        moment = await log.find_place(conn, page.after_id)
        if moment is None:
            raise invalid_field("after_id", "There is no row with this id; it may have been too old to be kept.")
        shown = _after(log, selection, (moment, page.after_id))
    found = await log.list_rows(conn, shown, limit=page.limit, offset=page.offset)
    # The last page says by itself how many there are.
    if page.after_id is None and len(found) < page.limit and (found or page.offset == 0):
        return found, page.offset + len(found)
    return found, await log.count_rows(conn, selection)


async def read_all(db: Database, log: Log[Row], selection: Selection) -> AsyncIterator[Row]:
    """Return an iterator over all rows, newest first. No session is held between pieces; what comes in meanwhile is left out.

    The first piece is read now, so that what can be wrong is raised now.
    """
    async with db.connection() as conn:
        first = await log.list_rows(conn, selection, limit=_AT_ONCE)
    return _rest(db, log, selection, first)


async def _rest(db: Database, log: Log[Row], selection: Selection, found: list[Row]) -> AsyncIterator[Row]:
    while found:
        for row in found:
            yield row
        if len(found) < _AT_ONCE:
            return
        async with db.connection() as conn:
            shown = _after(log, selection, log.place_of(found[-1]))
            found = await log.list_rows(conn, shown, limit=_AT_ONCE)


def _after(log: Log[Any], selection: Selection, place: tuple[datetime, UUID]) -> Selection:
    """Return what comes after a place in a selection."""
    following = Condition(f"({log.columns}) < ({{}}, {{}})", place)
    return msgspec.structs.replace(selection, conditions=(*selection.conditions, following))
