"""What a search asks for (`rules/searching.py`), as conditions on a workspace `w` and parameters."""

from datetime import datetime
from uuid import UUID

from homeport.kit.ids import NIL_ID
from homeport.organizations.types import DEFAULT_ORGANIZATION_ALIAS
from homeport.workspaces.rules.agents import INACTIVE_AFTER
from homeport.workspaces.rules.searching import Search
from homeport.workspaces.rules.status import build_of_status

_OWNER = "(select id from users where lower(username) = lower({name}) and not deleted)"
_ORGANIZATION_NAMED = "(select id from organizations where lower(name) = lower({name}) and not deleted)"
_DEFAULT_ORGANIZATION = "(select id from organizations where is_default)"

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


class Conditions:
    """Conditions and their parameters; `$1` and so on are given out in the order of asking.

    `build_conditions` speak of the latest build, `latest`. `owner` and `organization` are SQL values, the ids of what was
    named, and `template` is a condition on templates `t`, of which several organizations may have one of a name; "" where
    the search does not ask.
    """

    def __init__(self) -> None:
        self.arguments: list[object] = []
        self.conditions: list[str] = ["not w.deleted"]
        self.build_conditions: list[str] = []
        self.owner = self.organization = self.template = ""

    def value(self, value: object, sql_type: str) -> str:
        """Add a parameter and return how it is written."""
        self.arguments.append(value)
        return f"${len(self.arguments)}::{sql_type}"


def conditions_of(search: Search, *, asker_id: UUID, now: datetime) -> Conditions:
    """Return what a search asks for. Whose `owner:me` is, and when agents count as silent, is given."""
    found = Conditions()
    _by_places(found, search, asker_id)
    _by_columns(found, search)
    _by_latest_build(found, search, now)
    return found


def _by_places(found: Conditions, search: Search, asker_id: UUID) -> None:
    if search.owner == "me":
        found.owner = found.value(asker_id, "uuid")
    elif search.owner is not None:
        found.owner = _OWNER.format(name=found.value(search.owner, "text"))
    if search.organization is not None:
        found.organization = _organization(found, search.organization)
    if search.template is not None:
        found.template = f"lower(t.name) = lower({found.value(search.template, 'text')})"


def _organization(found: Conditions, value: str) -> str:
    """Return the organization's id by id, alias or name, as wherever one is named."""
    if value == DEFAULT_ORGANIZATION_ALIAS:
        return _DEFAULT_ORGANIZATION
    try:
        wanted = UUID(value)
    except ValueError:
        return _ORGANIZATION_NAMED.format(name=found.value(value, "text"))
    return _DEFAULT_ORGANIZATION if wanted == NIL_ID else found.value(wanted, "uuid")


def _by_columns(found: Conditions, search: Search) -> None:
    add, conditions = found.value, found.conditions
    if search.name is not None:
        conditions.append(f"lower(w.name) = lower({add(search.name, 'text')})")
    if search.name_part is not None:
        conditions.append(f"strpos(lower(w.name), lower({add(search.name_part, 'text')})) > 0")
    if search.ids:
        conditions.append(f"w.id = any({add(search.ids, 'uuid[]')})")
    if search.is_dormant is not None:
        conditions.append(f"w.dormant_at is {'not ' if search.is_dormant else ''}null")
    if search.last_used_after is not None:
        conditions.append(f"w.last_used_at > {add(search.last_used_after, 'timestamptz')}")
    if search.last_used_before is not None:
        conditions.append(f"w.last_used_at < {add(search.last_used_before, 'timestamptz')}")


def _by_latest_build(found: Conditions, search: Search, now: datetime) -> None:
    add, conditions = found.value, found.build_conditions
    if search.statuses:
        pairs = [build_of_status(status) for status in search.statuses]
        wanted = add([f"{job}:{transition or '*'}" for job, transition in pairs], "text[]")
        job = "latest.job_status::text"
        conditions.append(f"({job} || ':*' = any({wanted}) or {job} || ':' || latest.transition = any({wanted}))")
    if search.is_outdated is not None:
        sign = "<>" if search.is_outdated else "="
        conditions.append(
            f"latest.template_version_id {sign} (select active_version_id from templates where id = w.template_id)"
        )
    if search.agent_statuses:
        moment, silence = add(now, "timestamptz"), add(INACTIVE_AFTER, "interval")
        statuses = add(list(search.agent_statuses), "text[]")
        conditions.append(_AGENT_STATUS.format(now=moment, inactive=silence, statuses=statuses))
    for name, value in search.parameters:
        conditions.append(_PARAMETER.format(name=add(name, "text"), value=add(value, "text")))
