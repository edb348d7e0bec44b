"""The page of a listing: which workspaces, in which order, and how many there are.

The text is put together from constant conditions, only those that a search asks for, so that each kind of search is one
prepared statement whose plan walks an index in the order of the listing and stops at the end of the page.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.database import Connection
from homeport.rbac import Columns
from homeport.workspaces.rules.agents import INACTIVE_AFTER
from homeport.workspaces.rules.searching import Search
from homeport.workspaces.rules.status import build_of_status

COLUMNS = Columns(id="w.id", organization="w.organization_id", owner="w.owner_id")

# How many rows behind the end of a page are counted: see `count_workspaces`.
COUNTED_AHEAD = 1000

_LATEST_BUILD = """
join lateral (
    select b.id, b.transition, b.job_id, b.template_version_id
    from workspace_builds b where b.workspace_id = w.id order by b.build_number desc limit 1
) latest on true
"""
_JOB = "join provisioner_jobs j on j.id = latest.job_id"

_AGENT_STATUS = """
exists (
    select from workspace_agents a join workspace_resources r on r.id = a.resource_id
    where r.job_id = latest.job_id and not a.deleted and case
        when a.first_connected_at is null or a.last_connected_at is null then
            case
                when a.connection_timeout_seconds > 0
                    and {now} - a.created_at > make_interval(secs => a.connection_timeout_seconds) then 'timeout'
                else 'connecting'
            end
        when a.disconnected_at >= a.last_connected_at then 'disconnected'
        when {now} - a.last_connected_at > {inactive} then 'disconnected'
        else 'connected'
    end = any({statuses})
)
"""

# A parameter that the latest build was given: by name, or by name and value.
_PARAMETER = """
exists (
    select from workspace_build_parameters p where p.workspace_build_id = latest.id
        and p.name = {name} and ({value} is null or p.value = {value})
)
"""


class Statement:
    """Conditions and their parameters; `$1` and so on are given out in the order of asking."""

    def __init__(self, arguments: Sequence[object] = ()) -> None:
        self.arguments: list[object] = list(arguments)
        self.conditions: list[str] = ["not w.deleted"]
        self.needs_build = False
        self.needs_job = False

    def value(self, value: object, sql_type: str) -> str:
        """Add a parameter and return how it is written."""
        self.arguments.append(value)
        return f"${len(self.arguments)}::{sql_type}"

    @property
    def source(self) -> str:
        """The FROM and WHERE clauses."""
        joins = (_LATEST_BUILD if self.needs_build or self.needs_job else "") + (_JOB if self.needs_job else "")
        return f"from workspaces w {joins} where {' and '.join(self.conditions)}"


def filtered(
    search: Search, *, predicate: str, arguments: Sequence[object], asker_id: UUID, now: datetime
) -> Statement:
    """Build the statement for a search under an access condition whose parameters come first."""
    statement = Statement(arguments)
    if predicate != "TRUE":
        statement.conditions.append(predicate)
    _by_names(statement, search, asker_id)
    _by_columns(statement, search)
    _by_latest_build(statement, search, now)
    return statement


async def list_page(conn: Connection, statement: Statement, *, limit: int, offset: int) -> list[UUID]:
    """Return the ids of one page, used last first. Served by workspaces_*_last_used_idx without sorting."""
    count = len(statement.arguments)
    records = await conn.fetch(
        f"select w.id {statement.source} order by w.last_used_at desc, w.id limit ${count + 1} offset ${count + 2}",
        *statement.arguments,
        limit,
        offset,
    )
    return [record["id"] for record in records]


async def count_workspaces(conn: Connection, statement: Statement, *, end: int) -> int:
    """Count the matches up to `COUNTED_AHEAD` behind row `end`, so that the cost does not grow with the total.

    The number is exact until there are more; whoever walks on sees it grow.
    """
    most = end + COUNTED_AHEAD
    return int(
        await conn.fetchval(
            f"select count(*) from (select 1 {statement.source} limit ${len(statement.arguments) + 1}) counted",
            *statement.arguments,
            most,
        )
    )


def _by_names(statement: Statement, search: Search, asker_id: UUID) -> None:
    add, conditions = statement.value, statement.conditions
    if search.owner == "me":
        conditions.append(f"w.owner_id = {add(asker_id, 'uuid')}")
    elif search.owner is not None:
        owner = add(search.owner, "text")
        conditions.append(f"w.owner_id = (select id from users where lower(username) = lower({owner}) and not deleted)")
    if search.template is not None:
        template = add(search.template, "text")
        conditions.append(f"w.template_id in (select id from templates where lower(name) = lower({template}))")
    if search.organization is not None:
        name = add(search.organization, "text")
        conditions.append(
            "w.organization_id in (select id from organizations where not deleted"
            f" and (lower(name) = lower({name}) or id::text = lower({name})))"
        )
    if search.name is not None:
        conditions.append(f"lower(w.name) = lower({add(search.name, 'text')})")
    if search.name_part is not None:
        conditions.append(f"strpos(lower(w.name), lower({add(search.name_part, 'text')})) > 0")


def _by_columns(statement: Statement, search: Search) -> None:
    add, conditions = statement.value, statement.conditions
    if search.ids:
        conditions.append(f"w.id = any({add(search.ids, 'uuid[]')})")
    if search.is_dormant is not None:
        conditions.append(f"w.dormant_at is {'not ' if search.is_dormant else ''}null")
    if search.last_used_after is not None:
        conditions.append(f"w.last_used_at > {add(search.last_used_after, 'timestamptz')}")
    if search.last_used_before is not None:
        conditions.append(f"w.last_used_at < {add(search.last_used_before, 'timestamptz')}")


def _by_latest_build(statement: Statement, search: Search, now: datetime) -> None:
    add, conditions = statement.value, statement.conditions
    if search.statuses:
        statement.needs_job = True
        pairs = [build_of_status(status) for status in search.statuses]
        wanted = add([f"{job}:{transition or '*'}" for job, transition in pairs], "text[]")
        job = "j.job_status::text"
        conditions.append(f"({job} || ':*' = any({wanted}) or {job} || ':' || latest.transition = any({wanted}))")
    if search.is_outdated is not None:
        statement.needs_build = True
        sign = "<>" if search.is_outdated else "="
        conditions.append(
            f"latest.template_version_id {sign} (select active_version_id from templates where id = w.template_id)"
        )
    if search.agent_statuses:
        statement.needs_build = True
        conditions.append(
            _AGENT_STATUS.format(
                now=add(now, "timestamptz"),
                inactive=add(INACTIVE_AFTER, "interval"),
                statuses=add(list(search.agent_statuses), "text[]"),
            )
        )
    for name, value in search.parameters:
        statement.needs_build = True
        conditions.append(_PARAMETER.format(name=add(name, "text"), value=add(value, "text")))
