"""PostgreSQL for every other room: sessions, transactions, events, notifications, migrations, the embedded server."""

from homeport.database.connection import Connection
from homeport.database.database import Database
from homeport.database.errors import (
    CheckViolation,
    ConstraintViolation,
    DatabaseError,
    DatabaseUnavailable,
    ForeignKeyViolation,
    SerializationFailure,
    UniqueViolation,
)
from homeport.database.events import DomainEvent, EventBus
from homeport.database.following import Follower
from homeport.database.notify import RESYNC, Listener, Subscription

__all__ = [
    "RESYNC",
    "CheckViolation",
    "Connection",
    "ConstraintViolation",
    "Database",
    "DatabaseError",
    "DatabaseUnavailable",
    "DomainEvent",
    "EventBus",
    "Follower",
    "ForeignKeyViolation",
    "Listener",
    "SerializationFailure",
    "Subscription",
    "UniqueViolation",
]
