"""SQL of the database room itself."""

from typing import Final, Literal

Isolation = Literal["read_committed", "repeatable_read", "serializable"]

BEGIN: Final[dict[tuple[Isolation, bool], str]] = {
    ("read_committed", False): "BEGIN",
    ("read_committed", True): "BEGIN READ ONLY",
    ("repeatable_read", False): "BEGIN ISOLATION LEVEL REPEATABLE READ",
    ("repeatable_read", True): "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    ("serializable", False): "BEGIN ISOLATION LEVEL SERIALIZABLE",
    ("serializable", True): "BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY",
}
COMMIT = "COMMIT"
ROLLBACK = "ROLLBACK"

SAVEPOINT = "SAVEPOINT attempt"
RELEASE_SAVEPOINT = "RELEASE SAVEPOINT attempt"
ROLLBACK_TO_SAVEPOINT = "ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt"

NOTIFY = "SELECT pg_notify($1, $2)"

# A name becomes a 64-bit key; two names that share one would only wait for each other.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

PING = "SELECT 1"

# to_regclass answers NULL for an unknown name, so an empty database is no error (which would end a transaction).
HAS_SCHEMA_STATE = "SELECT to_regclass('schema_compat') IS NOT NULL"

GET_SCHEMA_STATE = "SELECT schema_version, compat_version, definitions FROM schema_compat"

CREATE_SCHEMA_STATE = """
CREATE TABLE IF NOT EXISTS schema_compat (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    schema_version integer NOT NULL,
    compat_version integer NOT NULL,
    definitions text NOT NULL
);
CREATE TABLE IF NOT EXISTS schema_definitions (
    kind text NOT NULL,
    name text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (kind, name)
);
"""

PUT_SCHEMA_STATE = """
INSERT INTO schema_compat (schema_version, compat_version, definitions) VALUES ($1, $2, $3)
ON CONFLICT (is_only) DO UPDATE
SET schema_version = EXCLUDED.schema_version,
    compat_version = EXCLUDED.compat_version,
    definitions = EXCLUDED.definitions
"""

LIST_DEFINITIONS = "SELECT name FROM schema_definitions WHERE kind = $1 ORDER BY name"

DELETE_DEFINITIONS = "DELETE FROM schema_definitions"

INSERT_DEFINITION = "INSERT INTO schema_definitions (kind, name, hash) VALUES ($1, $2, $3)"

LIST_TABLES_WITH_TRIGGER = """
SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname = $1 AND NOT tgisinternal
"""

# Names come from our own files, never from a request.
DROP_VIEW = 'DROP VIEW IF EXISTS "{name}" CASCADE'
DROP_TRIGGER = 'DROP TRIGGER IF EXISTS "{name}" ON {table}'
DROP_FUNCTION = 'DROP FUNCTION IF EXISTS "{name}" CASCADE'

# A function may name a view that is created after it.
ALLOW_FORWARD_REFERENCES = "SET LOCAL check_function_bodies = off"
