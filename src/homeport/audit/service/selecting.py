"""From a parsed search to what the database is asked for: names become ids, and who may see what becomes a condition."""

from datetime import datetime
from uuid import UUID

from homeport.audit.queries import entries as queries
from homeport.audit.queries import names
from homeport.audit.queries.entries import NAMES_AT_MOST
from homeport.audit.queries.selections import Condition, Selection
from homeport.audit.types import Search
from homeport.database import Connection
from homeport.kit.search_terms import refuse
from homeport.rbac import Action, Columns, Object, Predicate, ResourceType, Subject, is_allowed, predicate

ME = "me"
NOBODY = Condition("false")
_COLUMNS = Columns(id="a.id", organization="a.organization_id")


def visible_entries(subject: Subject, first: int) -> Predicate:
    """Return the condition for `subject` to see an entry (`audit_log:read`, site-wide or per organization)."""
    return predicate(subject, Action.READ, ResourceType.AUDIT_LOG, _COLUMNS, first_parameter=first)


async def select(conn: Connection, subject: Subject, search: Search) -> Selection | None:
    """Return what to ask for; None: the subject can see no entry at all. Raises 400 for an unknown organization."""
    if visible_entries(subject, 1).is_never:
        return None
    period = _period(search)
    exact = [*_plain(search), *await _of_people(conn, subject, search), *await _of_organization(conn, subject, search)]
    spellings: list[str] = []
    if search.text:
        spellings = await queries.list_names(conn, search.text)
        if not spellings:
            exact.append(NOBODY)
        elif len(spellings) > NAMES_AT_MOST:
            exact += await _among_newest(conn, search.text, search.date_to)
            spellings = []
    organizations = () if exact or spellings else readable_organizations(subject, ResourceType.AUDIT_LOG)
    return Selection(
        conditions=(*exact, *period),
        visible=lambda first: visible_entries(subject, first),
        organizations=organizations,
        names=tuple(spellings),
    )


def _period(search: Search) -> list[Condition]:
    found = []
    if search.date_from is not None:
        found.append(Condition("a.time >= {}", (search.date_from,)))
    if search.date_to is not None:
        found.append(Condition("a.time <= {}", (search.date_to,)))
    return found


def _plain(search: Search) -> list[Condition]:
    """Return the conditions that need nothing but their value."""
    wanted = (
        ("a.action = {}", search.action),
        ("a.resource_type = {}", search.resource_type),
        ("a.resource_id = {}", search.resource_id),
        ("a.request_id = {}", search.request_id),
        ('lower(a.resource_target) collate "C" = lower({})', search.resource_target),
        (
            "a.resource_type = 'workspace_build' and a.additional_fields ->> 'build_reason' = {}",
            search.build_reason,
        ),
    )
    return [Condition(sql, (value,)) for sql, value in wanted if value is not None]


async def _of_people(conn: Connection, subject: Subject, search: Search) -> list[Condition]:
    found = []
    if search.username is not None:
        found.append(is_one_of("a.user_id", await ids_of_name(conn, subject, search.username)))
    if search.email is not None:
        found.append(is_one_of("a.user_id", await names.list_users_by_email(conn, search.email)))
    return found


async def ids_of_name(conn: Connection, subject: Subject, name: str) -> list[UUID]:
    """Return the accounts that a name means: `me`, an id, the living account, else all deleted ones that had the name."""
    if name.lower() == ME:
        return [subject.id]
    try:
        return [UUID(name)]
    except ValueError:
        return await names.list_users_by_name(conn, name)


def is_one_of(column: str, ids: list[UUID]) -> Condition:
    """Return the condition that a column holds one of the ids."""
    if not ids:
        return NOBODY
    return Condition(f"{column} = {{}}", (ids[0],)) if len(ids) == 1 else Condition(f"{column} = any({{}})", (ids,))


async def _of_organization(conn: Connection, subject: Subject, search: Search) -> list[Condition]:
    if search.organization is None:
        return []
    found = await organization_of(conn, subject, search.organization, ResourceType.AUDIT_LOG)
    return [Condition("a.organization_id = {}", (found,))]


async def organization_of(conn: Connection, subject: Subject, value: str, type_: ResourceType) -> UUID:
    """Return the organization of a name or id. Raises one and the same 400 where there is none or its log is not readable."""
    try:
        found: UUID | None = UUID(value)
    except ValueError:
        found = await names.find_organization_by_name(conn, value)
    if found is None or not is_allowed(subject, Action.READ, Object(type_, organization_id=found)):
        raise refuse("organization", f"There is no organization '{value[:64]}' whose log you may read.")
    return found


async def _among_newest(conn: Connection, text: str, until: datetime | None) -> list[Condition]:
    """Return the conditions for names that too many begin with: the newest entries are looked through one by one."""
    found = [Condition('starts_with(lower(a.resource_target) collate "C", lower({}))', (text,))]
    since = await queries.find_time_before(conn, until)
    return found if since is None else [*found, Condition("a.time > {}", (since,))]


def readable_organizations(subject: Subject, type_: ResourceType) -> tuple[UUID, ...]:
    """Return the organizations whose rows alone are seen; none where all are."""
    rule = subject.rule(type_, Action.READ)
    if rule.is_everywhere:
        return ()
    return tuple(sorted(found for found in rule.organizations if isinstance(found, UUID)))
