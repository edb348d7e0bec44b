"""What operators watch of the database: sessions of the pool, transactions that were run again."""

from typing import TYPE_CHECKING

from homeport.telemetry.metrics import counter, gauge

if TYPE_CHECKING:
    from homeport.database.pool import Pool

RETRIES = counter("database_transaction_retries", "Transactions run again because a concurrent one won")

_SESSIONS = gauge("database_sessions", "Sessions of the pool by what they do", ("state",))
_WAITING = gauge("database_waiting_callers", "Callers that wait for a session")


def watch_pool(pool: "Pool") -> None:
    """Show this pool's figures from now on; the composition root calls it for the one pool of a server."""
    _SESSIONS.labels("idle").set_function(lambda: pool.idle_count)
    _SESSIONS.labels("lent").set_function(lambda: pool.open_count - pool.idle_count)
    _WAITING.set_function(lambda: pool.waiting_count)
