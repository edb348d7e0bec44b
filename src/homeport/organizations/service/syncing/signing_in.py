"""Bringing a person into line with what their OpenID Connect provider says, at each sign-in and in its transaction.

Organizations first, then groups and roles within them: who leaves an organization leaves its groups as well. What cannot be
done is undone as a whole and logged, and the sign-in goes on: a mistake in a setting locks nobody out, and takes nothing from
anybody. The database's own troubles end the sign-in.
"""

from collections.abc import Awaitable, Callable

import msgspec

from homeport.config import Settings
from homeport.database import Connection, ConstraintViolation, DatabaseError
from homeport.identity.service.roles import set_claimed_roles
from homeport.identity.types import LoginType, SignedIn
from homeport.kit.errors import HomeportError
from homeport.kit.request import current_request, set_request
from homeport.organizations.errors import NotInAllowedGroup
from homeport.organizations.queries import members as member_queries
from homeport.organizations.queries import organizations as organization_queries
from homeport.organizations.rules.claims import UnusableClaim, claim_values
from homeport.organizations.rules.syncing import is_admitted, wanted_names
from homeport.organizations.service.syncing import groups, memberships, roles, stored
from homeport.organizations.service.syncing.defaults import defaults_of
from homeport.organizations.service.syncing.person import Person
from homeport.organizations.types import SyncDefaults
from homeport.telemetry.logs import get_logger

SUBSYSTEM = "idp_sync"
_log = get_logger(__name__)


def synchronizer(settings: Settings) -> Callable[[Connection, SignedIn], Awaitable[None]]:
    """Return the handler of sign-ins. It raises NotInAllowedGroup, which refuses the sign-in."""
    defaults = defaults_of(settings)

    async def synchronize(conn: Connection, event: SignedIn) -> None:
        if event.login_type != LoginType.OIDC:
            return
        person = Person(event.user_id, event.claims.merged_claims)
        _require_admitted(person, defaults)
        request = current_request()
        # In audit the person has done it, by signing in; that it was the sync stands beside it.
        set_request(msgspec.structs.replace(request, subsystem=SUBSYSTEM))
        try:
            async with conn.savepoint():
                await _bring_into_line(conn, person, defaults)
        except HomeportError as error:
            if isinstance(error, DatabaseError) and not isinstance(error, ConstraintViolation):
                raise
            _log.error(
                "what a provider says of a person could not be carried out; all of it is left as it was",
                user_id=str(person.user_id),
                message=error.message,
                fields=[one.field for one in error.validations],
            )
        finally:
            set_request(request)

    return synchronize


def _require_admitted(person: Person, defaults: SyncDefaults) -> None:
    if not defaults.allowed_groups:
        return
    mapping = defaults.groups.legacy_group_name_mapping
    try:
        values = claim_values(person.claims, defaults.groups.field, known={*mapping, *defaults.allowed_groups})
    except UnusableClaim as error:
        raise NotInAllowedGroup(f"The claim '{defaults.groups.field}' does not say your groups: {error}.") from None
    if not is_admitted(defaults.allowed_groups, values, mapping):
        raise NotInAllowedGroup


async def _bring_into_line(conn: Connection, person: Person, defaults: SyncDefaults) -> None:
    default_id = (await organization_queries.get_default(conn)).id
    await memberships.synchronize(conn, person, await stored.organization_sync(conn, defaults), default_id)
    joined = [row.organization_id for row in await member_queries.list_memberships(conn, person.user_id, None)]
    # In one order for everybody, so that two people do not wait for each other.
    in_force = await stored.in_force(conn, defaults, sorted(joined), default_id)
    for organization_id, of_groups in in_force.groups.items():
        await groups.synchronize(conn, person, organization_id, of_groups)
    await _site_roles(conn, person, defaults)
    for organization_id, of_roles in in_force.roles.items():
        await roles.synchronize(conn, person, organization_id, of_roles)


async def _site_roles(conn: Connection, person: Person, defaults: SyncDefaults) -> None:
    settings = defaults.site_roles
    values = person.values_of(settings.field, known=settings.mapping)
    if values is None:
        return
    wanted = wanted_names(settings.mapping, values) | set(defaults.site_roles_of_all)
    unknown = await set_claimed_roles(conn, person.user_id, wanted)
    person.note_unknown("roles of the site", unknown)
