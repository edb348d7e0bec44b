"""Decisions about lists in parts, for lists that are read in the order of an index.

A predicate joins by OR what each role gives; no index has that in order, so a page would walk over everything that the
subject may not see. A branch is one part of it that has an order of its own: all rows, the rows of some organizations, or
the subject's own. Branches never overlap, and together they are exactly the predicate; a test holds them equal.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from homeport.rbac.rules.decisions import count_decision
from homeport.rbac.rules.subjects import Rule, Subject
from homeport.rbac.types import Action, ResourceType

BranchKind = Literal["everywhere", "organizations", "own"]


class Branch(NamedTuple):
    """Rows that the subject may have: of everybody, of `organizations`, or its own that lie in `organizations`.

    `case` is the SQL condition under which a row is of the type that was decided about, "" where that makes no difference.
    Where `ids` is not None, the scope admits these objects only.
    """

    case: str
    kind: BranchKind
    organizations: tuple[UUID, ...] = ()
    ids: tuple[UUID, ...] | None = None


def branches_by_type(subject: Subject, action: Action, cases: Sequence[tuple[str, ResourceType]]) -> tuple[Branch, ...]:
    """Return the parts of what `subject` may do `action` to; none where nothing is within reach.

    For rows that belong to organizations and have an owner and no ACL. `cases` as for `predicate_by_type`: types with equal
    rights fold into one. Raises ValueError for an unknown pair.
    """
    count_decision()
    found = [_branches(subject.rule(type_, action), case) for case, type_ in cases]
    bare = [{branch._replace(case="") for branch in branches} for branches in found]
    if all(each == bare[0] for each in bare):
        return tuple(branch._replace(case="") for branch in found[0])
    return tuple(branch for branches in found for branch in branches)


def _branches(rule: Rule, case: str) -> list[Branch]:
    ids = None if rule.ids is None else tuple(sorted(id_ for id_ in rule.ids if isinstance(id_, UUID)))
    if ids == ():
        return []
    if rule.is_everywhere:
        return [Branch(case, "everywhere", ids=ids)]
    allowed = {key for key in rule.organizations if isinstance(key, UUID)}
    own = {key for key in rule.own if isinstance(key, UUID)} - allowed
    branches = []
    if allowed:
        branches.append(Branch(case, "organizations", tuple(sorted(allowed)), ids))
    if own:
        branches.append(Branch(case, "own", tuple(sorted(own)), ids))
    return branches
