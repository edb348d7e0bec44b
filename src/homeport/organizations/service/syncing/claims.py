"""Which claims people have and what is in them, for whoever sets up the sync. Bounded, by one query each."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from homeport.database import Connection, Database
from homeport.organizations.queries import syncing as queries
from homeport.organizations.rules import sync_object
from homeport.organizations.rules.claims import MOST_TEXT, UnusableClaim, split_claim
from homeport.organizations.rules.sync_settings import check_claim_field
from homeport.organizations.service.organizations import resolve_organization
from homeport.organizations.service.syncing.changing import NOUN
from homeport.rbac import Action, Subject, require

MOST_SHOWN: Final = 1000


async def list_fields(db: Database, *, subject: Subject, organization: str | None = None) -> list[str]:
    """Return the names of claims that people have, or members of one organization. Needs idpsync_settings:read there."""
    async with db.connection() as conn:
        place = await _place(conn, subject, organization)
        return await queries.list_fields(conn, place, limit=MOST_SHOWN)


async def list_values(db: Database, *, subject: Subject, field: str, organization: str | None = None) -> list[str]:
    """Return the values of a claim as the sync would see them, of everybody or of members. Needs idpsync_settings:read there."""
    async with db.connection() as conn:
        place = await _place(conn, subject, organization)
        name = check_claim_field(field)
        found = await queries.list_values(conn, place, name, limit=MOST_SHOWN, longest=MOST_TEXT)
    values = {text for value, is_alone in found for text in _texts(value, name, is_alone=is_alone)}
    return sorted(values)[:MOST_SHOWN]


def _texts(value: Any, field: str, *, is_alone: bool) -> Iterator[str]:
    try:
        yield from split_claim(value if is_alone else [value], field=field)
    except UnusableClaim:
        return


async def _place(conn: Connection, subject: Subject, organization: str | None) -> UUID | None:
    place = None if organization is None else (await resolve_organization(conn, subject, organization)).id
    require(subject, Action.READ, sync_object(place), noun=NOUN)
    return place
