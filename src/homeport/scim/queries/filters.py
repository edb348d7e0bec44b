"""Filters as SQL conditions: every value a parameter, every name from the tables below. What has no column is invalidFilter."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from homeport.scim.errors import invalid_filter, invalid_value
from homeport.scim.types import (
    Attribute,
    Compare,
    Every,
    Filter,
    Having,
    Negation,
    Operator,
    Present,
    Some,
    Value,
)

# Texts that compare without case, texts that compare letter by letter, ids, truths, times.
Kind = Literal["text", "exact", "id", "boolean", "moment"]
_ORDERED: Final = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


class Column(msgspec.Struct, frozen=True):
    """What an attribute is in SQL: null where there is no value. `found` is a condition for `eq` by index; `{}` is the value."""

    sql: str
    kind: Kind
    found: str = ""

    @property
    def is_constant(self) -> bool:
        """Tell whether it is the same for all rows, by which PostgreSQL does not sort."""
        return self.sql == "true" or self.sql.startswith("'")


class Many(msgspec.Struct, frozen=True):
    """An attribute of several values: `{}` in the condition is what one of them must fulfil."""

    condition: str
    columns: Mapping[str, Column]


Columns = Mapping[tuple[str, str], Column | Many]

_EMAIL: Final = {
    "value": Column("u.email", "text"),
    "type": Column("coalesce(s.email_type, 'work')", "text"),
    "primary": Column("true", "boolean"),
}
_FORMATTED: Final = Column(
    "coalesce(nullif(s.formatted_name, ''), nullif(btrim(concat_ws(' ', s.given_name, s.family_name)), ''), nullif(u.name, ''))",
    "text",
)
# Until a provider keeps an account, its address is its user name.
USER_NAME: Final = "coalesce(s.user_name, u.email)"
_USER_NAME_FOUND: Final = """u.id = any (array(
    select k.user_id from scim_users k where lower(k.user_name) = lower({})
    union all
    select a.id from users a where lower(a.email) = lower({}) and not a.deleted
        and not exists (select 1 from scim_users k where k.user_id = a.id)
))"""

PEOPLE: Final[Columns] = {
    ("id", ""): Column("u.id", "id"),
    ("externalid", ""): Column("nullif(s.external_id, '')", "exact"),
    ("username", ""): Column(USER_NAME, "text", _USER_NAME_FOUND),
    ("displayname", ""): Column("nullif(u.name, '')", "text"),
    ("name", ""): _FORMATTED,
    ("name", "formatted"): _FORMATTED,
    ("name", "givenname"): Column("nullif(s.given_name, '')", "text"),
    ("name", "familyname"): Column("nullif(s.family_name, '')", "text"),
    ("active", ""): Column("(u.status <> 'suspended')", "boolean"),
    ("emails", ""): Many("{}", _EMAIL),
    ("meta", "created"): Column("u.created_at", "moment"),
    ("meta", "lastmodified"): Column("greatest(u.updated_at, s.updated_at)", "moment"),
    ("meta", "resourcetype"): Column("'User'", "exact"),
}
TEAMS: Final[Columns] = {
    ("id", ""): Column("g.id", "id"),
    ("externalid", ""): Column("nullif(s.external_id, '')", "exact"),
    ("displayname", ""): Column("coalesce(nullif(g.display_name, ''), g.name)", "text"),
    ("members", ""): Many(
        "exists (select 1 from group_members m join users p on p.id = m.user_id and not p.deleted and not p.is_system"
        " where m.group_id = g.id and ({}))",
        {
            "value": Column("m.user_id", "id"),
            "display": Column("coalesce(nullif(p.name, ''), p.username)", "text"),
            "type": Column("'User'", "text"),
        },
    ),
    ("meta", "created"): Column("g.created_at", "moment"),
    ("meta", "lastmodified"): Column("greatest(g.updated_at, s.updated_at)", "moment"),
    ("meta", "resourcetype"): Column("'Group'", "exact"),
}


def condition(filter: Filter | None, columns: Columns, *, first_parameter: int) -> tuple[str, list[Any]]:
    """Return the SQL of a filter and its arguments. Raises invalidFilter."""
    if filter is None:
        return "true", []
    translation = _Translation(first_parameter)
    return translation.of(filter, columns), translation.arguments


def order(attribute: Attribute | None, columns: Columns, *, is_descending: bool, default: str) -> str:
    """Return what to order by: never the same for two rows, so that pages do not overlap. Raises invalidValue."""
    if attribute is None:
        return default
    column = _column(attribute, columns, invalid_value)
    if isinstance(column, Many):
        column = column.columns["value"]
        if column.sql.startswith("m."):
            raise invalid_value(f"Lists are not sorted by {attribute}.")
    if column.is_constant:
        return default
    sql = f'lower({column.sql}) collate "C"' if column.kind == "text" else column.sql
    return f"{sql} {'desc nulls first' if is_descending else 'asc nulls last'}, {default}"


class _Translation:
    """One filter on its way; gathers the arguments."""

    def __init__(self, first_parameter: int) -> None:
        self._first = first_parameter
        self.arguments: list[Any] = []

    def of(self, filter: Filter, columns: Columns) -> str:
        """Return the condition, which may be null for false; only a negation needs to tell them apart."""
        match filter:
            case Every(parts):
                return "(" + " and ".join(self.of(part, columns) for part in parts) + ")"
            case Some(parts):
                return "(" + " or ".join(self.of(part, columns) for part in parts) + ")"
            case Negation(part):
                return f"(not coalesce({self.of(part, columns)}, false))"
            case Having(attribute, part):
                many = _column(attribute, columns, invalid_filter)
                if not isinstance(many, Many) or attribute.sub:
                    raise invalid_filter(f"{str(attribute)[:64]!r} has one value only; no filter stands behind it.")
                return many.condition.format(self.of(part, _below(many)))
            case Compare(attribute, operator, value):
                return self._on(attribute, columns, lambda column: self._compare(column, operator, value, attribute))
            case Present(attribute):
                return self._on(attribute, columns, lambda column: f"({column.sql} is not null)")

    def _on(self, attribute: Attribute, columns: Columns, make: Any) -> str:
        column = _column(attribute, columns, invalid_filter)
        if isinstance(column, Many):
            return column.condition.format(make(column.columns[attribute.sub or "value"]))
        return str(make(column))

    def _compare(self, column: Column, operator: Operator, value: Value, attribute: Attribute) -> str:
        if value is None:
            if operator not in {"eq", "ne"}:
                raise invalid_filter(f"{attribute}: null is compared by eq and ne only.")
            return f"({column.sql} is {'' if operator == 'eq' else 'not '}null)"
        match column.kind:
            case "boolean":
                return self._compare_truth(column, operator, value, attribute)
            case "moment":
                return self._compare_moment(column, operator, value, attribute)
            case "id" if operator in {"eq", "ne"}:
                return self._compare_id(column, operator, value, attribute)
        if not isinstance(value, str):
            raise invalid_filter(f"{attribute} is compared with a text in quotation marks.")
        is_exact = column.kind in {"exact", "id"}
        left = column.sql if column.kind != "id" else f"{column.sql}::text"
        right = self._argument(value, "text")
        if operator == "eq" and column.found:
            return "(" + column.found.format(right, right) + ")"
        return _compare_texts(
            left if is_exact else f"lower({left})", operator, right if is_exact else f"lower({right})"
        )

    def _compare_truth(self, column: Column, operator: Operator, value: Value, attribute: Attribute) -> str:
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            value = value.lower() == "true"
        if not isinstance(value, bool) or operator not in {"eq", "ne"}:
            raise invalid_filter(f"{attribute} is compared with true or false, by eq and ne.")
        return f"({column.sql} is {'' if operator == 'eq' else 'not '}{'true' if value else 'false'})"

    def _compare_moment(self, column: Column, operator: Operator, value: Value, attribute: Attribute) -> str:
        if operator in {"co", "sw", "ew"}:
            raise invalid_filter(f"{attribute} is a time, which is compared by eq, ne, gt, ge, lt and le.")
        right = self._argument(_moment(value, attribute), "timestamptz")
        sign = {"eq": "=", "ne": "<>", **_ORDERED}[operator]
        return f"({column.sql} {sign} {right})"

    def _compare_id(self, column: Column, operator: Operator, value: Value, attribute: Attribute) -> str:
        if not isinstance(value, str):
            raise invalid_filter(f"{attribute} is compared with a text in quotation marks.")
        try:
            found = UUID(value)
        except ValueError:
            found = None
        if found is None or str(found) != value:
            return "false" if operator == "eq" else "true"
        return f"({column.sql} {'=' if operator == 'eq' else '<>'} {self._argument(found, 'uuid')})"

    def _argument(self, value: Any, type: str) -> str:
        self.arguments.append(value)
        return f"${self._first + len(self.arguments) - 1}::{type}"


def _compare_texts(left: str, operator: Operator, right: str) -> str:
    match operator:
        case "eq":
            return f"({left} = {right})"
        case "ne":
            return f"({left} is distinct from {right})"
        case "co":
            return f"(strpos({left}, {right}) > 0)"
        case "sw":
            return f"starts_with({left}, {right})"
        case "ew":
            return f"(right({left}, length({right})) = {right})"
    return f'({left} collate "C" {_ORDERED[operator]} {right})'


def _column(attribute: Attribute, columns: Columns, refuse: Any) -> Column | Many:
    found = columns.get((attribute.name, attribute.sub))
    if found is None and attribute.sub:
        many = columns.get((attribute.name, ""))
        found = many if isinstance(many, Many) and attribute.sub in many.columns else None
    if found is None or attribute.schema:
        raise refuse(f"{str(attribute)[:64]!r} is no attribute that lists are searched or sorted by.")
    return found


def _below(many: Many) -> Columns:
    return {(name, ""): column for name, column in many.columns.items()}


def _moment(value: Value, attribute: Attribute) -> datetime:
    try:
        found = datetime.fromisoformat(value if isinstance(value, str) else "").astimezone(UTC)
    except (ValueError, OverflowError):
        raise invalid_filter(f"{attribute} is compared with a time such as 2026-01-31T12:00:00Z.") from None
    return found
