"""The groups of a person in one organization, as a claim says. The field governs all groups there but the one of all members."""

from collections.abc import Collection
from uuid import UUID

from homeport.database import Connection
from homeport.kit.ids import random_text
from homeport.kit.patterns import UnusablePattern
from homeport.organizations.errors import GroupNameTaken
from homeport.organizations.queries import syncing as queries
from homeport.organizations.rules.claims import UnusableClaim
from homeport.organizations.rules.naming import is_group_name, is_made_up, is_showable, names_for
from homeport.organizations.rules.syncing import wanted_groups
from homeport.organizations.service import group_changes
from homeport.organizations.service.syncing.person import Person
from homeport.organizations.types import GroupSync, NamedGroup, WantedGroups

_TRIES = 10


async def synchronize(conn: Connection, person: Person, organization_id: UUID, settings: GroupSync) -> None:
    """Put a member of the organization into the groups that the claim says, and out of all others there."""
    known = {*settings.mapping, *settings.legacy_group_name_mapping}
    values = person.values_of(settings.field, known=known)
    if values is None:
        return
    try:
        wanted = wanted_groups(settings, values, everyone_id=organization_id)
    except (UnusableClaim, UnusablePattern) as error:
        person.note_unusable(settings.field, error)
        return
    found = await queries.list_groups(conn, organization_id, person.user_id, ids=wanted.ids, names=wanted.names)
    chosen, missing = _choose(found, wanted)
    if missing and settings.auto_create_missing_groups:
        created, missing = await _create(conn, person, organization_id, missing)
        chosen |= created
    person.note_unknown("groups", missing)
    present = {group.id for group in found if group.has_user}
    await group_changes.move_member(
        conn,
        actor_id=person.user_id,
        organization_id=organization_id,
        user_id=person.user_id,
        enters=chosen - present,
        leaves=present - chosen,
    )


def _choose(found: Collection[NamedGroup], wanted: WantedGroups) -> tuple[set[UUID], set[str]]:
    """Return the groups that are meant, and what nothing is called: a group's own name comes before what it is shown under."""
    ids = {group.id for group in found}
    by_name = {
        group.name.lower(): group.id
        for group in found
        if not (group.is_of_provider and is_made_up(group.name, group.display_name))
    }
    shown = {group.display_name: group.id for group in found if group.is_of_provider}
    chosen, missing = set(wanted.ids & ids), set[str]()
    for name in wanted.names:
        group_id = by_name.get(name.lower(), shown.get(name))
        if group_id is None:
            missing.add(name)
        else:
            chosen.add(group_id)
    missing_ids = {str(one) for one in wanted.ids - ids}
    return chosen, missing | missing_ids


async def _create(
    conn: Connection, person: Person, organization_id: UUID, missing: Collection[str]
) -> tuple[set[UUID], set[str]]:
    """Make the groups that are missing, and return them and what cannot be the name of one."""
    # The lock of all who make groups by the names of a provider; what another has made meanwhile is there now.
    await conn.lock(f"scim:groups:{organization_id}")
    names = sorted(missing)
    found = await queries.list_groups(conn, organization_id, person.user_id, ids=(), names=names)
    created, left = _choose(found, WantedGroups(frozenset(), tuple(names)))
    unfit = set[str]()
    # Those first whose name could be taken by one that is made up.
    for name in sorted(left, key=lambda one: (not is_group_name(one), one)):
        group_id = await _create_one(conn, person, organization_id, name) if is_showable(name) else None
        if group_id is None:
            unfit.add(name)
        else:
            created.add(group_id)
    return created, unfit


async def _create_one(conn: Connection, person: Person, organization_id: UUID, name: str) -> UUID | None:
    """Make a group that is called so, or shown so where its name must be another."""
    random = (random_text(4, "0123456789") for _ in range(_TRIES))
    for candidate in names_for(name, random):
        try:
            group = await group_changes.create(
                conn,
                actor_id=person.user_id,
                organization_id=organization_id,
                name=candidate,
                display_name="" if candidate == name else name,
                source="oidc",
            )
        except GroupNameTaken:
            continue
        return group.id
    return None
