"""Decisions about lists, as one SQL condition (spec: authorization-and-data 5).

The text depends only on the columns and on which parts apply at all; every value is a parameter. A prepared statement
is thus shared by all requests of a kind, and whoever may see everything gets `TRUE`. Columns are compared in their own
types, so their indexes serve; a null organization is none. The condition and `is_allowed` agree on every row: a
property test holds them equal.
"""

from typing import Literal, NamedTuple
from uuid import UUID

from homeport.rbac.rules.decisions import count_decision
from homeport.rbac.rules.levels import Organizations, Reach
from homeport.rbac.rules.subjects import Rule, Subject
from homeport.rbac.types import Action, ResourceType

SqlValue = UUID | str | list[UUID] | list[str]

_TRUE, _FALSE = "TRUE", "FALSE"


class Columns(NamedTuple):
    """SQL expressions of a row's parts; None where there is none. They are trusted text: constants of `queries.py`.

    `organization` and `owner` are of type uuid, the ACLs jsonb. `is_organization_nullable` tells that rows outside of
    all organizations are among them.
    """

    id: str | None = None
    organization: str | None = None
    owner: str | None = None
    user_acl: str | None = None
    group_acl: str | None = None
    is_organization_nullable: bool = False
    id_type: Literal["uuid", "text"] = "uuid"


class Predicate(NamedTuple):
    """A condition (safe to join with AND) and its parameters, numbered from the `first_parameter` asked for."""

    sql: str
    args: tuple[SqlValue, ...] = ()

    @property
    def is_always(self) -> bool:
        """Tell whether every row passes."""
        return self.sql == _TRUE

    @property
    def is_never(self) -> bool:
        """Tell whether no row can pass, so that the query may be spared."""
        return self.sql == _FALSE


def predicate(
    subject: Subject, action: Action, type_: ResourceType, columns: Columns, *, first_parameter: int = 1
) -> Predicate:
    """Return the condition for `subject` to do `action` on rows of `type_`. Raises ValueError for an unknown pair."""
    count_decision()
    values = _Values(first_parameter)
    sql = _condition(subject, action, subject.rule(type_, action), columns, values)
    return Predicate(sql, tuple(values.args))


class _Values:
    """The parameters of one statement, numbered as they are added."""

    def __init__(self, first: int) -> None:
        self.args: list[SqlValue] = []
        self._first = first
        self._subject = ""

    def add(self, value: SqlValue, sql_type: str) -> str:
        self.args.append(value)
        return f"${self._first + len(self.args) - 1}::{sql_type}"

    def subject(self, subject: Subject) -> str:
        if not self._subject:
            self._subject = self.add(subject.id, "uuid")
        return self._subject


def _condition(subject: Subject, action: Action, rule: Rule, columns: Columns, values: _Values) -> str:
    # A value is added only where its clause is sure to stay in the text: PostgreSQL refuses a parameter without use.
    if rule.ids is not None and not _may_admit(rule.ids, columns):
        return _FALSE
    granted = (
        _TRUE if rule.is_everywhere else _within(Reach(False, rule.organizations, rule.own), subject, columns, values)
    )
    if granted != _TRUE and _has_acl(subject, rule, columns):
        scope = _within(rule.shared, subject, columns, values)
        if scope != _FALSE:
            granted = _any_of(granted, _all_of(scope, _shared(subject, action, columns, values)))
    if granted == _FALSE or rule.ids is None or columns.id is None:
        return granted
    return _all_of(_admitted(rule.ids, columns, values), granted)


def _within(reach: Reach, subject: Subject, columns: Columns, values: _Values) -> str:
    if reach.is_everywhere:
        return _TRUE
    clauses: list[str] = []
    if columns.organization and (ids := _ids(reach.organizations)):
        clauses.append(f"{columns.organization} = ANY({values.add(ids, 'uuid[]')})")
    if columns.owner and reach.own:
        clauses.append(_owned(reach.own - reach.organizations, subject, columns, values))
    return _any_of(*clauses)


def _owned(own: Organizations, subject: Subject, columns: Columns, values: _Values) -> str:
    places: list[str] = []
    ids = _ids(own) if columns.organization else []
    if None in own:
        if not columns.organization:
            places.append(_TRUE)
        elif columns.is_organization_nullable:
            places.append(f"{columns.organization} IS NULL")
    if not places and not ids:
        return _FALSE
    is_mine = f"{columns.owner} = {values.subject(subject)}"
    if ids:
        places.append(f"{columns.organization} = ANY({values.add(ids, 'uuid[]')})")
    return _all_of(is_mine, _any_of(*places))


def _has_acl(subject: Subject, rule: Rule, columns: Columns) -> bool:
    if rule.shared.is_nowhere:
        return False
    return bool(columns.user_acl or (columns.group_acl and columns.organization and subject.members))


def _shared(subject: Subject, action: Action, columns: Columns, values: _Values) -> str:
    actions = values.add([action.value, "*"], "text[]")
    clauses: list[str] = []
    if columns.user_acl:
        clauses.append(f"({columns.user_acl} -> {values.subject(subject)}::text) ?| {actions}")
    if columns.group_acl and columns.organization and subject.members:
        members = values.add(_ids(subject.members), "uuid[]")
        granted = [f"({columns.group_acl} -> {columns.organization}::text) ?| {actions}"]
        if subject.groups:
            groups = f"{values.add(list(subject.groups), 'uuid[]')}::text[]"
            # The first test is cheap and false on most rows; it spares the look at each group.
            granted.append(
                f"({columns.group_acl} ?| {groups} AND EXISTS (SELECT FROM unnest({groups}) AS held"
                f" WHERE ({columns.group_acl} -> held) ?| {actions}))"
            )
        clauses.append(_all_of(f"{columns.organization} = ANY({members})", _any_of(*granted)))
    return _any_of(*clauses)


def _may_admit(ids: frozenset[UUID | str], columns: Columns) -> bool:
    return "" in ids if columns.id is None else bool(_row_ids(ids, columns))


def _admitted(ids: frozenset[UUID | str], columns: Columns, values: _Values) -> str:
    return f"{columns.id} = ANY({values.add(_row_ids(ids, columns), f'{columns.id_type}[]')})"


def _row_ids(ids: frozenset[UUID | str], columns: Columns) -> list[UUID] | list[str]:
    if columns.id_type == "uuid":
        return [id_ for id_ in ids if isinstance(id_, UUID)]
    return [str(id_) for id_ in ids if id_ != ""]


def _ids(organizations: Organizations) -> list[UUID]:
    return [key for key in organizations if isinstance(key, UUID)]


def _all_of(*clauses: str) -> str:
    if _FALSE in clauses:
        return _FALSE
    kept = [clause for clause in clauses if clause != _TRUE]
    return _TRUE if not kept else kept[0] if len(kept) == 1 else f"({' AND '.join(kept)})"


def _any_of(*clauses: str) -> str:
    if _TRUE in clauses:
        return _TRUE
    kept = [clause for clause in clauses if clause != _FALSE]
    return _FALSE if not kept else kept[0] if len(kept) == 1 else f"({' OR '.join(kept)})"
