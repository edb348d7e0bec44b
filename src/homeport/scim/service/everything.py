"""Searching all resources at once (RFC 7644 3.4.3): the accounts that match, then the groups that do."""

from typing import Any

import msgspec

from homeport.config import Settings
from homeport.database import Database
from homeport.rbac import Subject
from homeport.scim.errors import ScimError
from homeport.scim.rules.resources import list_answer
from homeport.scim.service import people, teams
from homeport.scim.types import Query


async def search(db: Database, settings: Settings, *, subject: Subject, query: Query) -> dict[str, Any]:
    """Return a page of the resources that match. A kind that has none of the attributes asked for has no match."""
    found: list[dict[str, Any]] = []
    total, refusals = 0, []
    for list_kind in (people.list_users, teams.list_groups):
        # What is left of the page begins here within this kind; the kinds before it have `total` matches.
        start, count = max(1, query.start - total), query.count - len(found)
        try:
            page = await list_kind(
                db, settings, subject=subject, query=msgspec.structs.replace(query, start=start, count=count)
            )
        except ScimError as error:
            if error.scim_type not in {"invalidFilter", "invalidValue"}:
                raise
            refusals.append(error)
            continue
        total += page["totalResults"]
        found += page["Resources"]
    if len(refusals) == 2:
        raise refusals[0]
    return list_answer(found, total=total, start=query.start)
