"""One session as the driver opens it, with our limits and a memory of types that all sessions of a database share."""

from types import SimpleNamespace
from typing import Any

import asyncpg

from homeport.database import codecs
from homeport.database.connection import Raw

# Limits of one session. A request must never hold a row for long, and nothing of ours plans queries that JIT helps.
SESSION_SETTINGS = {
    "application_name": "homeport",
    "statement_timeout": "30s",
    "lock_timeout": "15s",
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
    "timezone": "UTC",
}

# Rows of the driver's type query by type id, in the order of their arrival: elements before their arrays.
Types = dict[int, Any]

_FROM_MEMORY = SimpleNamespace(name="from memory")


class Session(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """The driver's connection, which asks for an enum or array type once per database and not once per session.

    The driver's question takes 5 to 20 ms each time. Where a later driver no longer calls what is overridden here, it
    asks again and all else stays the same.
    """

    types: Types | None = None

    async def _introspect_types(self, typeoids: Any, timeout: Any) -> Any:
        known = self.types
        if known is None:
            return await super()._introspect_types(typeoids, timeout)
        if all(number in known for number in typeoids):
            return list(known.values()), _FROM_MEMORY
        rows, statement = await super()._introspect_types(typeoids, timeout)
        known.update((row["oid"], row) for row in rows)
        return rows, statement

    async def reload_schema_state(self) -> None:
        """Forget types: the driver calls this when the database tells it that a type has changed."""
        if self.types is not None:
            self.types.clear()
        await super().reload_schema_state()


async def open_session(url: str, settings: dict[str, str], *, types: Types | None = None) -> Raw:
    """Open a session with our codecs. Raises the driver's errors; the caller closes it."""
    raw = await asyncpg.connect(
        url,
        timeout=10,
        # The server ends long statements; this only catches a link that is dead without saying so.
        command_timeout=60,
        statement_cache_size=1024,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=64 * 1024,
        server_settings=settings,
        connection_class=Session,
    )
    raw.types = types
    try:
        await codecs.install(raw)
    except BaseException:
        raw.terminate()
        raise
    return raw
