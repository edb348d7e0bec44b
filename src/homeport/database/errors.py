"""What can go wrong in the database, in our own words: no other room imports the driver to catch its exceptions."""

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


class OwnerDeleted(CheckViolation):
    """404: what the row is to belong to has been deleted meanwhile. `constraint` ends in `_not_deleted`; triggers say so."""

    status = 404

    def __init__(self, constraint: str, *, table: str = "", detail: str = "") -> None:
        super().__init__(constraint, table=table, detail=detail)
        self.message = f"{detail}."


class NotNullViolation(ConstraintViolation):
    """A value is missing. `constraint` is the column's name."""


class SerializationFailure(DatabaseError):
    """409: the transaction lost against a concurrent one (40001, or a deadlock 40P01) and may be run again."""

    status = 409


class LockNotAvailable(DatabaseError):
    """409: a lock was not free in time (55P03)."""

    status = 409


class QueryCanceled(DatabaseError):
    """503: the statement was cancelled or ran longer than the statement time-out (57014)."""

    status = 503


class DatabaseUnavailable(DatabaseError):
    """503: the connection was lost or none could be made."""

    status = 503


class DatabaseRefused(DatabaseError):
    """This server must not work on this database: PostgreSQL is too old, or the schema newer than it understands."""
