"""The page of a listing: which workspaces, in which order, and how many there are.

The text is put together from constant parts, only those that a search asks for, so that each kind of search is one
prepared statement. What the asker may see comes in branches (`rbac.branches_by_type`); each is a walk along an index in
the order of the listing that stops at the end of the page, and the walks are merged. So a page costs as much as it holds,
whatever lies between its rows that the asker may not see.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from homeport.database import Connection
from homeport.rbac import Branch
from homeport.workspaces.queries.searching import conditions_of
from homeport.workspaces.rules.searching import Search

# How many rows behind the end of a page are counted: see `count_workspaces`.
COUNTED_AHEAD = 1000

_ORDER = "last_used_at desc, id"
_LIMIT = "{limit}"
_ORGANIZATIONS = "unnest({ids}) as place (id)"
_TEMPLATES = "(select t.id from templates t where {conditions}) place"


class _Lead(NamedTuple):
    """What a walk keeps to: rows whose `column` is `value`, which may be one of several `places`; nothing: all rows."""

    column: str = ""
    value: str = ""
    places: str = ""

    @property
    def conditions(self) -> list[str]:
        return [f"w.{self.column} >= {self.value}", f"w.{self.column} <= {self.value}"] if self.column else []


class Listing:
    """The statement of one listing, and its parameters."""

    def __init__(self, search: Search, branches: Sequence[Branch], *, asker_id: UUID, now: datetime) -> None:
        """Put it together. There is at least one branch: with none, nothing can be found."""
        self._conditions = conditions_of(search, asker_id=asker_id, now=now)
        self._search = search
        self._asker_id = asker_id
        self._walks = [self._walk(branch) for branch in branches]

    @property
    def arguments(self) -> list[object]:
        """The parameters of `page`; behind them come its limit and offset, or the most that `count` counts."""
        return self._conditions.arguments

    @property
    def page(self) -> str:
        """The statement that returns the ids of one page."""
        limit, offset = (f"${len(self.arguments) + number}::bigint" for number in (1, 2))
        return f"select id from ({self._merged(f'{limit} + {offset}')}) found order by {_ORDER} limit {limit} offset {offset}"

    @property
    def count(self) -> str:
        """The statement that counts up to a number. It follows the same walks: rows that are deleted cost nothing."""
        most = f"${len(self.arguments) + 1}::bigint"
        return f"select count(*) from (select from ({self._merged(most)}) found limit {most}) counted"

    def _merged(self, limit: str) -> str:
        return " union all ".join(f"({walk.replace(_LIMIT, limit)})" for walk in self._walks)

    def _walk(self, branch: Branch) -> str:
        """Return the walk of a branch, with a place left for its limit."""
        found = self._conditions
        me = found.value(self._asker_id, "uuid") if branch.kind == "own" else ""
        organizations = found.value(list(branch.organizations), "uuid[]") if branch.organizations else ""
        lead = self._lead(branch, me, organizations)
        conditions = [*lead.conditions, *found.conditions]
        if branch.case:
            conditions.append(branch.case)
        if branch.ids is not None:
            conditions.append(f"w.id = any({found.value(list(branch.ids), 'uuid[]')})")
        if me and found.owner:
            conditions.append(f"{found.owner} = {me}")
        if found.organization and lead.column != "organization_id":
            conditions.append(f"w.organization_id = {found.organization}")
        if found.template and lead.column != "template_id":
            conditions.append(f"w.template_id = any(array(select t.id from templates t where {found.template}))")
        if organizations and not (lead.column == "organization_id" and lead.places):
            conditions.append(f"{found.organization or 'w.organization_id'} = any({organizations})")
        walk = _walk(conditions, found.build_conditions, f"w.{lead.column}, " if lead.column else "")
        return _walks(lead.places, walk) if lead.places else walk

    def _lead(self, branch: Branch, me: str, organizations: str) -> _Lead:
        """Return what narrows most."""
        found = self._conditions
        if me or found.owner:
            return _Lead("owner_id", me or found.owner)
        if branch.ids is not None or self._search.ids:
            return _Lead()
        if found.template:
            # Workspaces lie in their template's organization.
            places = [found.template]
            places += [f"t.organization_id = {found.organization}"] if found.organization else []
            places += [f"t.organization_id = any({organizations})"] if organizations else []
            return _Lead("template_id", "place.id", _TEMPLATES.format(conditions=" and ".join(places)))
        if found.organization:
            return _Lead("organization_id", found.organization)
        if organizations:
            return _Lead("organization_id", "place.id", _ORGANIZATIONS.format(ids=organizations))
        return _Lead()


def _walk(conditions: Sequence[str], build_conditions: Sequence[str], lead: str) -> str:
    """Return one walk along one of workspaces_*_last_used_idx.

    Where it keeps to the rows of one owner, organization or template, that column leads the order, and the conditions say
    it as a range: so no other index has this order. Said as an equality, the column would be dropped from the order, and
    where statistics say that such rows are frequent the planner walks over everybody's, in the hope of a page of them soon.
    """
    order, rows = f"{lead}w.last_used_at desc, w.id", f"from workspaces w where {' and '.join(conditions)}"
    if not build_conditions:
        return f"select w.id, w.last_used_at {rows} order by {order} limit {_LIMIT}"
    # How many of the latest builds fit cannot be estimated, so the order is fixed before they are looked at.
    return f"""
    select w.id, w.last_used_at
    from (
        select w.id, w.owner_id, w.organization_id, w.template_id, w.last_used_at {rows} order by {order}
    ) w
    join lateral (
        select b.id, b.transition, b.job_id, b.template_version_id, j.job_status
        from workspace_builds b join provisioner_jobs j on j.id = b.job_id
        where b.workspace_id = w.id order by b.build_number desc limit 1
    ) latest on true
    where {" and ".join(build_conditions)}
    order by {order} limit {_LIMIT}
    """


def _walks(places: str, walk: str) -> str:
    """Return a walk for each of a few places. No index has the rows of several together in order; this reads one page each."""
    return f"select walk.id, walk.last_used_at from {places} cross join lateral ({walk}) walk"


async def list_page(conn: Connection, listing: Listing, *, limit: int, offset: int) -> list[UUID]:
    """Return the ids of one page, used last first."""
    return [record["id"] for record in await conn.fetch(listing.page, *listing.arguments, limit, offset)]


async def count_workspaces(conn: Connection, listing: Listing, *, end: int) -> int:
    """Count the matches up to `COUNTED_AHEAD` behind row `end`, so that the cost does not grow with the total.

    The number is exact until there are more; whoever walks on sees it grow.
    """
    return int(await conn.fetchval(listing.count, *listing.arguments, end + COUNTED_AHEAD))
