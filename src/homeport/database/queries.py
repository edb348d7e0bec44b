"""SQL of the database room itself."""

NOTIFY = "SELECT pg_notify($1, $2)"

# A name becomes a 64-bit key; two names that share one would only wait for each other.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

PING = "SELECT 1"
