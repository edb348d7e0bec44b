"""Accounts that an identity provider makes, reads, changes and deletes. Each request is done as a whole or not at all."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from homeport.audit import AuditAction, AuditResource, attempt
from homeport.config import Settings
from homeport.database import Connection, Database, UniqueViolation
from homeport.identity.errors import HigherRank, LastOwner, Taken, UserNotFound
from homeport.identity.rules import user_object
from homeport.identity.service import accounts, users
from homeport.identity.types import LoginType, UserRow, UserStatus
from homeport.kit import clock
from homeport.kit.errors import Conflict
from homeport.kit.ids import NIL_ID
from homeport.rbac import Action, Subject, require
from homeport.scim.errors import ScimError, not_unique, unknown
from homeport.scim.queries import people as queries
from homeport.scim.queries.filters import PEOPLE, condition, order
from homeport.scim.rules.patching import apply_operations
from homeport.scim.rules.people import document_of, username_candidates, wanted_person
from homeport.scim.rules.resources import list_answer, names_of, user_resource
from homeport.scim.service.places import organization_id, read_id, require_version, suffixes, taken
from homeport.scim.service.trail import record_person
from homeport.scim.types import Document, MemberRow, Operation, Person, PersonRow, Query, Shape

KIND = "User"
_LAST_OWNER = "This is the last active owner of the deployment; make another person an owner first."
Resource = dict[str, Any]


async def get_user(db: Database, settings: Settings, *, subject: Subject, id: str, shape: Shape) -> Resource:
    """Return an account."""
    user_id = read_id(KIND, id)
    require(subject, Action.READ, user_object(user_id), noun="user")
    async with db.connection() as conn:
        return await _resource(conn, subject, settings, await _found(conn, user_id), shape)


async def list_users(db: Database, settings: Settings, *, subject: Subject, query: Query) -> Resource:
    """Return a page of the accounts that match, oldest first where no other order is asked for."""
    require(subject, Action.READ, user_object(), noun="user")
    sql, arguments = condition(query.filter, PEOPLE, first_parameter=1)
    ordered = order(query.sort_by, PEOPLE, is_descending=query.is_descending, default=queries.BY_AGE)
    async with db.transaction(isolation="repeatable_read", read_only=True) as conn:
        total = await queries.count_people(conn, condition=sql, arguments=arguments)
        rows = []
        if query.count and query.start <= total:
            rows = await queries.list_people(
                conn, condition=sql, arguments=arguments, order=ordered, limit=query.count, offset=query.start - 1
            )
        groups = await _groups_of(conn, subject, settings, rows, query.shape)
    resources = [user_resource(row, groups.get(row.id, []), url=settings.access_url, shape=query.shape) for row in rows]
    return list_answer(resources, total=total, start=query.start)


async def create_user(
    db: Database, settings: Settings, *, subject: Subject, document: Document, shape: Shape
) -> Resource:
    """Make an account that signs in by OIDC, dormant until then, a member of the provider's organization.

    Raises uniqueness (409) for a userName, externalId or address in use, also of accounts that the provider does not keep.
    """
    wanted = wanted_person(document)
    attempt("user", subject_id=subject.id, action=AuditAction.CREATE, resource=AuditResource(NIL_ID, wanted.user_name))
    async with db.transaction() as conn:
        place = await organization_id(conn, subject, settings)
        await _claim_name(conn, wanted.user_name, NIL_ID)
        row = await _insert(conn, subject, place, wanted)
        await _keep(conn, row.id, wanted)
        if not wanted.is_active:
            await accounts.suspend(conn, subject=subject, found=row)
        return await _resource(conn, subject, settings, await _found(conn, row.id), shape)


async def replace_user(
    db: Database, settings: Settings, *, subject: Subject, id: str, document: Document, shape: Shape, if_match: str = ""
) -> Resource:
    """Let an account be what a document says; what the document leaves out becomes empty, but the account stays as active."""

    def wants(before: PersonRow) -> Person:
        return wanted_person(document, before, touched=document.keys())

    return await _change(db, settings, subject, id, wants, shape, if_match)


async def patch_user(
    db: Database,
    settings: Settings,
    *,
    subject: Subject,
    id: str,
    operations: list[Operation],
    shape: Shape,
    if_match: str = "",
) -> Resource:
    """Do all operations on an account, or none."""

    def wants(before: PersonRow) -> Person:
        document, touched = apply_operations(document_of(before), operations, id=str(before.id))
        return wanted_person(document, before, touched=touched)

    return await _change(db, settings, subject, id, wants, shape, if_match)


async def delete_user(db: Database, *, subject: Subject, id: str, if_match: str = "") -> None:
    """Delete an account. One that still owns workspaces is suspended instead, and the refusal (409) says so.

    So whoever the provider wants gone loses access at once, and what they have left is not lost without a decision.
    """
    user_id = read_id(KIND, id)
    try:
        async with db.transaction() as conn:
            await users.remove_account(conn, subject=subject, found=await _hold(conn, subject, user_id, if_match))
    except LastOwner as error:
        raise ScimError(403, _LAST_OWNER) from error
    except Conflict as error:
        async with db.transaction() as conn:
            await accounts.suspend(conn, subject=subject, found=await _account(conn, user_id))
        words = f"{error.message} Until then the account is suspended, and its sessions have ended."
        raise ScimError(409, words) from error
    except UserNotFound as error:
        raise unknown(KIND, id) from error


async def _change(
    db: Database,
    settings: Settings,
    subject: Subject,
    id: str,
    wants: Callable[[PersonRow], Person],
    shape: Shape,
    if_match: str,
) -> Resource:
    user_id = read_id(KIND, id)
    try:
        async with db.transaction() as conn:
            found = await _hold(conn, subject, user_id, if_match)
            before = await _found(conn, user_id)
            await _write(conn, subject, found, before, wants(before))
            return await _resource(conn, subject, settings, await _found(conn, user_id), shape)
    except LastOwner as error:
        raise ScimError(403, _LAST_OWNER) from error
    except HigherRank as error:
        raise ScimError(403, error.message) from error
    except UserNotFound as error:
        raise unknown(KIND, id) from error


async def _hold(conn: Connection, subject: Subject, user_id: UUID, if_match: str) -> UserRow:
    """Return an account that no other request of the provider changes until the transaction ends."""
    # Not by its row: suspending locks the owners first, then the row, and nobody may do it the other way round.
    await conn.lock(f"scim:user:{user_id}")
    found = await _account(conn, user_id)
    resource = AuditResource(found.id, found.username)
    attempt("user", subject_id=subject.id, action=AuditAction.WRITE, resource=resource)
    if if_match:
        shown = user_resource(await _found(conn, user_id), [], url="", shape=Shape())
        require_version(if_match, shown["meta"]["version"])
    return found


async def _account(conn: Connection, user_id: UUID) -> UserRow:
    found = await users.find_user(conn, user_id)
    if found is None or found.is_system:
        raise UserNotFound
    return found


async def _write(conn: Connection, subject: Subject, found: UserRow, before: PersonRow, wanted: Person) -> None:
    if not before.is_kept or before.user_name.lower() != wanted.user_name.lower():
        await _claim_name(conn, wanted.user_name, before.id)
    if before.is_active and not wanted.is_active:
        found = await accounts.suspend(conn, subject=subject, found=found)
    elif wanted.is_active and not before.is_active:
        found = await accounts.activate(conn, subject=subject, found=found)
    try:
        await accounts.update_provisioned(
            conn, subject=subject, found=found, email=wanted.email, name=wanted.display_name
        )
    except Taken as error:
        raise not_unique("Another account has this e-mail address.") from error
    if not before.is_kept or _said(before) != _said(wanted):
        await _keep(conn, before.id, wanted)
        await record_person(conn, subject.id, found, before=before, after=await _found(conn, before.id))


def _said(person: PersonRow | Person) -> tuple[str, ...]:
    """Return what stands in `scim_users`."""
    return (
        person.user_name,
        person.external_id,
        person.given_name,
        person.family_name,
        person.formatted_name,
        person.email_type,
    )


async def _claim_name(conn: Connection, user_name: str, except_id: UUID) -> None:
    """Let nobody else take a user name until the transaction ends. Raises uniqueness."""
    await conn.lock(f"scim:name:{user_name.lower()}")
    if await queries.is_name_taken(conn, user_name, except_id):
        raise not_unique(
            'Another account answers to this userName. Search for userName eq "…" and update the account that is found.'
        )


async def _keep(conn: Connection, user_id: UUID, wanted: Person) -> None:
    try:
        async with conn.savepoint():
            await queries.keep_person(conn, user_id, wanted, clock.now())
    except UniqueViolation as error:
        raise taken(error) from error


async def _insert(conn: Connection, subject: Subject, place: UUID, wanted: Person) -> UserRow:
    """Insert the account under the first username that is free."""
    for username in username_candidates(wanted.user_name, suffixes()):
        try:
            return await users.create_account(
                conn,
                subject=subject,
                email=wanted.email,
                username=username,
                name=wanted.display_name,
                login_type=LoginType.OIDC,
                status=UserStatus.DORMANT,
                organization_ids=(place,),
            )
        except Taken as error:
            if error.validations[0].field == "email":
                raise not_unique(
                    "Another account has this e-mail address. Search for the account by "
                    'emails.value eq "…" and update it; then it is kept by the provider.'
                ) from error
    raise not_unique("Every username that could be made from this userName is in use; try again.")


async def _found(conn: Connection, user_id: UUID) -> PersonRow:
    found = await queries.find_person(conn, user_id)
    if found is None:
        raise unknown(KIND, str(user_id))
    return found


async def _resource(conn: Connection, subject: Subject, settings: Settings, row: PersonRow, shape: Shape) -> Resource:
    groups = await _groups_of(conn, subject, settings, [row], shape)
    return user_resource(row, groups.get(row.id, []), url=settings.access_url, shape=shape)


async def _groups_of(
    conn: Connection, subject: Subject, settings: Settings, rows: list[PersonRow], shape: Shape
) -> dict[UUID, list[MemberRow]]:
    """Return the groups of accounts, by account; nothing is read where nobody asks for them."""
    if not rows or not shape.has("groups"):
        return {}
    place = await organization_id(conn, subject, settings)
    return names_of(await queries.list_teams_of_people(conn, [row.id for row in rows], place), "user_id")
