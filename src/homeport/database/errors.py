"""What can go wrong in the database, in our own words: no other room imports the driver to catch its exceptions."""

import asyncpg

from homeport.kit.errors import HomeportError


class DatabaseError(HomeportError):
    """500: the database refused a statement. `detail` is the server's own message and never reaches a client."""


class ConstraintViolation(DatabaseError):
    """A row breaks a rule of the schema. `constraint` is the rule's name, `table` the table's."""

    def __init__(self, constraint: str, *, table: str = "", detail: str = "") -> None:
        super().__init__("The change breaks a rule of the database.", detail=detail)
        self.constraint = constraint
        self.table = table


class UniqueViolation(ConstraintViolation):
    """There is already a row with this value."""


class ForeignKeyViolation(ConstraintViolation):
    """The row refers to one that does not exist, or is still referred to."""


class CheckViolation(ConstraintViolation):
    """A value is outside what a CHECK constraint (or a trigger that raises check_violation) allows."""


class NotNullViolation(ConstraintViolation):
    """A value is missing. `constraint` is the column's name."""


class SerializationFailure(DatabaseError):
    """The transaction lost against a concurrent one (40001, or a deadlock 40P01) and may be run again."""


class LockNotAvailable(DatabaseError):
    """A lock was not free in time (55P03)."""


class QueryCanceled(DatabaseError):
    """The statement was cancelled or ran longer than the statement time-out (57014)."""


class DatabaseUnavailable(DatabaseError):
    """503: the connection was lost or none could be made."""

    status = 503


class DatabaseRefused(DatabaseError):
    """This server must not work on this database: too old a PostgreSQL, or a schema that is newer than it understands."""


def translate(error: BaseException) -> DatabaseError:
    """Return our error for one of the driver's. Unknown ones become `DatabaseError` with the server's message as detail."""
    detail = str(error)
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        table = error.table_name or ""
        if isinstance(error, asyncpg.NotNullViolationError):
            return NotNullViolation(error.column_name or "", table=table, detail=detail)
        name = error.constraint_name or ""
        for theirs, ours in _VIOLATIONS:
            if isinstance(error, theirs):
                return ours(name, table=table, detail=detail)
        return ConstraintViolation(name, table=table, detail=detail)
    if isinstance(error, (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)):
        return SerializationFailure("The change met a concurrent one.", detail=detail)
    if isinstance(error, asyncpg.LockNotAvailableError):
        return LockNotAvailable("Somebody else is changing this at the moment.", detail=detail)
    if isinstance(error, asyncpg.QueryCanceledError):
        return QueryCanceled("The database took too long to answer.", detail=detail)
    if isinstance(error, LOST):
        return DatabaseUnavailable("The database is not reachable at the moment.", detail=detail or type(error).__name__)
    return DatabaseError("The database refused a statement.", detail=detail)


_VIOLATIONS: tuple[tuple[type[asyncpg.PostgresError], type[ConstraintViolation]], ...] = (
    (asyncpg.UniqueViolationError, UniqueViolation),
    (asyncpg.ExclusionViolationError, UniqueViolation),
    (asyncpg.ForeignKeyViolationError, ForeignKeyViolation),
    (asyncpg.RestrictViolationError, ForeignKeyViolation),
    (asyncpg.CheckViolationError, CheckViolation),
)

# What the driver raises when the link is gone, the server goes down or is not up yet.
LOST: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
    ConnectionError,
    OSError,
    TimeoutError,
)

# Everything that the driver may raise from a statement; anything else is a mistake of ours and passes untouched.
RAISED: tuple[type[BaseException], ...] = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
