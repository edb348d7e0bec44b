"""SQL of the list of users. Only the conditions that a search asks for are in it, so that the indexes that fit are used."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.identity.queries.users import COLUMNS as USER_COLUMNS
from homeport.identity.types import UserFilter, UserRow
from homeport.rbac import Columns

COLUMNS = Columns(id="u.id", owner="u.id")
_QUALIFIED = ", ".join(f"u.{column.strip()}" for column in USER_COLUMNS.split(","))

_SHOWN = {True: "u.is_system", False: "not u.is_system"}
_WORD = "(u.username ilike {0} or u.email ilike {0} or u.name ilike {0})"
# One status by users_status_idx, in the order of the list.
_STATUS = "u.status = {0}::user_status"
_STATUSES = "u.status = any({0}::user_status[])"
# By users_roles_idx: few accounts have any. Everybody is a member.
_ROLE = "u.rbac_roles <> '{{}}' and u.rbac_roles && {0}::text[]"
_LOGIN_TYPE = "u.login_type = any({0}::login_type[])"
_ORGANIZATION = """exists (
    select from organization_members m join organizations o on o.id = m.organization_id and not o.deleted
    where m.user_id = u.id and (lower(o.name) = lower({0}) or o.id::text = lower({0}) or (o.is_default and lower({0}) = 'default'))
)"""
# In the order of the list; by users_username_key.
_AFTER = "lower(u.username) > (select lower(a.username) from users a where a.id = {0})"


class Selection(msgspec.Struct, frozen=True):
    """Conditions on alias `u`, and the values of their parameters from $1 on."""

    condition: str
    arguments: tuple[Any, ...]

    def narrowed(self, condition: str, arguments: Sequence[Any]) -> "Selection":
        """Add a condition whose parameters begin after those that are there."""
        return Selection(f"{self.condition} and ({condition})", (*self.arguments, *arguments))


def select(wanted: UserFilter) -> Selection:
    """Return what a search means as SQL."""
    found: list[str] = ["not u.deleted"]
    arguments: list[Any] = []

    def demand(condition: str, value: Any) -> None:
        arguments.append(value)
        found.append(condition.format(f"${len(arguments)}"))

    if wanted.is_system is not None:
        found.append(_SHOWN[wanted.is_system])
    elif not wanted.has_system_users:
        found.append(_SHOWN[False])
    for word in wanted.words:
        demand(_WORD, _anywhere(word))
    for field in ("username", "email", "name"):
        if text := getattr(wanted, field):
            demand(f"u.{field} ilike {{0}}", _anywhere(text))
    if len(wanted.statuses) == 1:
        demand(_STATUS, wanted.statuses[0])
    elif wanted.statuses:
        demand(_STATUSES, list(wanted.statuses))
    if wanted.roles and "member" not in wanted.roles:
        demand(_ROLE, list(wanted.roles))
    if wanted.login_types:
        demand(_LOGIN_TYPE, list(wanted.login_types))
    if wanted.organization:
        demand(_ORGANIZATION, wanted.organization)
    for column in ("created", "last_seen"):
        if (moment := getattr(wanted, f"{column}_before")) is not None:
            demand(f"u.{column}_at < {{0}}", moment)
        if (moment := getattr(wanted, f"{column}_after")) is not None:
            demand(f"u.{column}_at > {{0}}", moment)
    return Selection(" and ".join(found), tuple(arguments))


async def list_users(
    conn: Connection, selection: Selection, *, after_id: UUID | None, limit: int, offset: int
) -> list[UserRow]:
    """Return a page in the order of usernames."""
    if after_id is not None:
        number = len(selection.arguments) + 1
        selection = selection.narrowed(_AFTER.format(f"${number}"), [after_id])
    following = len(selection.arguments) + 1
    sql = (
        f"select {_QUALIFIED} from users u where {selection.condition}"
        f" order by lower(u.username) limit ${following} offset ${following + 1}"
    )
    rows = await conn.fetch(sql, *selection.arguments, limit, offset)
    return [UserRow(**dict(row)) for row in rows]


async def count_users(conn: Connection, selection: Selection) -> int:
    """Count all matching users, whatever the page."""
    sql = f"select count(*) from users u where {selection.condition}"
    count: int = await conn.fetchval(sql, *selection.arguments)
    return count


def _anywhere(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
