"""The words of audit: actions, what an entry is about, and the declaration of what an audited row shows."""

from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from homeport.kit.ids import NIL_ID


class AuditAction(StrEnum):
    """What was done (spec: authorization-and-data 17, audit_action)."""

    CREATE = "create"
    WRITE = "write"
    DELETE = "delete"
    START = "start"
    STOP = "stop"
    LOGIN = "login"
    LOGOUT = "logout"
    REGISTER = "register"
    REQUEST_PASSWORD_RESET = "request_password_reset"
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    OPEN = "open"
    CLOSE = "close"


class AuditResource(msgspec.Struct, frozen=True):
    """The object of an entry: its id, the name that people know it by, its organization (nil: none) and icon."""

    id: UUID
    target: str
    organization_id: UUID = NIL_ID
    icon: str = ""


class Declaration(msgspec.Struct, frozen=True):
    """Which columns of one row type an entry shows (tracked), hides the values of (secret), or leaves out (ignored)."""

    resource_type: str
    row: type[Any]
    tracked: frozenset[str]
    secret: frozenset[str]


_declared: dict[type[Any], Declaration] = {}


def declare(
    resource_type: str,
    row: type[msgspec.Struct],
    *,
    tracked: tuple[str, ...] = (),
    secret: tuple[str, ...] = (),
    ignored: tuple[str, ...] = (),
) -> Declaration:
    """Declare every column of `row`, once, at import.

    A column that is missing, unknown or named twice raises TypeError.

    So a new column cannot slip into the diffs, nor stay out of them, without a decision
    (spec: authorization-and-data 24).
    """
    fields = set(row.__struct_fields__)
    named = [*tracked, *secret, *ignored]
    missing, unknown = fields - set(named), set(named) - fields
    twice = {name for name in named if named.count(name) > 1}
    if missing or unknown or twice:
        raise TypeError(
            f"The audit declaration of {row.__name__} does not fit its columns: "
            f"missing {sorted(missing)}, unknown {sorted(unknown)}, named twice {sorted(twice)}."
        )
    declaration = Declaration(resource_type, row, frozenset(tracked), frozenset(secret))
    _declared[row] = declaration
    return declaration


def declaration_of(row: type[Any]) -> Declaration:
    """Return the declaration of a row type; undeclared types raise TypeError."""
    try:
        return _declared[row]
    except KeyError:
        raise TypeError(f"{row.__name__} is recorded in audit but declares no columns; call audit.declare.") from None


class Search(msgspec.Struct, frozen=True):
    """A parsed search of the audit log; None and empty mean "any"."""

    action: str | None = None
    resource_type: str | None = None
    resource_id: UUID | None = None
    organization_id: UUID | None = None
    request_id: UUID | None = None
    username: str | None = None
    email: str | None = None
    date_from: Any = None
    date_to: Any = None
    text: str | None = None
