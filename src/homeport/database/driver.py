"""What the driver raises, told apart and translated into our errors."""

import asyncpg

from homeport.database.errors import (
    CheckViolation,
    ConstraintViolation,
    DatabaseError,
    DatabaseUnavailable,
    ForeignKeyViolation,
    LockNotAvailable,
    NotNullViolation,
    OwnerDeleted,
    QueryCanceled,
    SerializationFailure,
    UniqueViolation,
)

# The constraints that triggers name where the user or the organization of a new row is deleted end so.
OWNER_DELETED = "_not_deleted"


def translate(error: BaseException) -> DatabaseError:
    """Return our error for one of the driver's; unknown ones become `DatabaseError` with the message as detail."""
    detail = str(error)
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        table = error.table_name or ""
        if isinstance(error, asyncpg.NotNullViolationError):
            return NotNullViolation(error.column_name or "", table=table, detail=detail)
        name = error.constraint_name or ""
        if isinstance(error, asyncpg.CheckViolationError) and name.endswith(OWNER_DELETED):
            return OwnerDeleted(name, table=table, detail=detail)
        for theirs, ours in _VIOLATIONS:
            if isinstance(error, theirs):
                return ours(name, table=table, detail=detail)
        return ConstraintViolation(name, table=table, detail=detail)
    if isinstance(error, (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)):
        return SerializationFailure("The change met a concurrent one. Try again.", detail=detail)
    if isinstance(error, asyncpg.LockNotAvailableError):
        return LockNotAvailable("Somebody else is changing this at the moment. Try again.", detail=detail)
    if isinstance(error, asyncpg.QueryCanceledError):
        return QueryCanceled("The database took too long to answer. Try again.", detail=detail)
    if isinstance(error, LOST) or _is_closed(error):
        return DatabaseUnavailable(
            "The database is not reachable at the moment.", detail=detail or type(error).__name__
        )
    return DatabaseError("The database refused a statement.", detail=detail)


_VIOLATIONS: tuple[tuple[type[asyncpg.PostgresError], type[ConstraintViolation]], ...] = (
    (asyncpg.UniqueViolationError, UniqueViolation),
    (asyncpg.ExclusionViolationError, UniqueViolation),
    (asyncpg.ForeignKeyViolationError, ForeignKeyViolation),
    (asyncpg.RestrictViolationError, ForeignKeyViolation),
    (asyncpg.CheckViolationError, CheckViolation),
)


def _is_closed(error: BaseException) -> bool:
    """Tell whether a statement found its session closed: the news of a lost link had come before it."""
    return isinstance(error, asyncpg.InterfaceError) and "connection is closed" in str(error)


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
RAISED: tuple[type[BaseException], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
