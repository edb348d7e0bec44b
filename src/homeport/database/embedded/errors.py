"""Why the embedded PostgreSQL does not run, in words for the operator."""

from homeport.database.errors import DatabaseError


class EmbeddedPostgresError(DatabaseError):
    """The embedded PostgreSQL cannot be started or was lost; the message says what to do."""
