"""What is asked of the database while a test looks."""

from typing import Any

import pytest

from homeport.database import Database


def watch_statements(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return a list that statements and their arguments are added to from now on; those of transactions' ends are not.

    A statement is told of in a later turn of the loop: `await asyncio.sleep(0)` before you look.
    """
    seen: list[tuple[str, str]] = []
    watched: set[Any] = set()
    pool = db.pool
    acquire = pool.acquire

    def note(logged: Any) -> None:
        if logged.query not in {"BEGIN", "COMMIT", "ROLLBACK"}:
            seen.append((logged.query, repr(logged.args)))

    async def watch() -> Any:
        raw = await acquire()
        if raw not in watched:
            watched.add(raw)
            raw.add_query_logger(note)
        return raw

    monkeypatch.setattr(pool, "acquire", watch)
    return seen
