"""Domain events: lower rooms tell what happened, upper rooms act on it inside the same transaction.

A room declares its events in its `types.py` and calls `connection.emit(event)`; the composition root subscribes the
handlers. What must reach other processes goes through `Connection.notify` instead.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from homeport.database.connection import Connection


class DomainEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every event: says what has happened, with ids and not with rows.

    Subclasses are declared `class WorkspaceCreated(DomainEvent, frozen=True)`.
    """


E = TypeVar("E", bound=DomainEvent)
Handler = Callable[["Connection", E], Awaitable[None]]


class EventBus:
    """The handlers of this process by type of event. Filled at start-up, only read afterwards."""

    def __init__(self) -> None:
        self._handlers: dict[type[DomainEvent], list[Callable[[Any, Any], Awaitable[None]]]] = {}

    def subscribe(self, event_type: type[E], handler: Handler[E]) -> None:
        """Call `handler(connection, event)` for every event of exactly this type, in the order of subscription."""
        self._handlers.setdefault(event_type, []).append(handler)

    async def publish(self, connection: "Connection", event: DomainEvent) -> None:
        """Run the handlers one after another. An error of any of them ends the transaction that emitted the event."""
        for handler in self._handlers.get(type(event), ()):
            await handler(connection, event)
