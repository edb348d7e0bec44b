"""Who may use or administer a template: its access list, with a search for whom to add."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.kit.errors import BadRequest, HomeportError, invalid_field
from homeport.kit.http import Page as Window
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.templates.schemas import ACLAvailable, Template, TemplateACL, UpdateTemplateACL
from homeport.templates.service.access_lists import list_available, read_acl, update_acl
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form
from homeport.web.rendering import View
from homeport.web.template_place import TemplatePlace, load_template_place

_PATH = "/templates/{template:str}/permissions"
_ROLES = frozenset({"", "use", "admin"})
_MOST_FOUND = 20
Page = Response[str] | Redirect


class Entry(msgspec.Struct, frozen=True):
    """A group or user with a role on the template. `field` names its choice in the form."""

    field: str
    name: str
    words: str
    hint: str
    role: str


class Found(msgspec.Struct, frozen=True):
    """A template, whether the person may change its list, and the list."""

    place: TemplatePlace
    template: Template
    can_update: bool
    acl: TemplateACL


@get(_PATH, opt=requires("template:read", is_page=True), include_in_schema=False)
async def show_permissions(view: View, template: str, db: Database, subject: Subject) -> Response[str]:
    """Show who may use and administer a template, so far as the person may see it."""
    return await _page(view, db, subject, await _load(view, db, subject, template))


@post(_PATH, opt=requires("template:update", is_page=True), include_in_schema=False, status_code=200)
async def save_permissions(view: View, template: str, db: Database, subject: Subject) -> Page:
    """Give the groups and users of the form their roles; those that the form leaves out keep theirs."""
    form = await read_form(view.request)
    found = await _load(view, db, subject, template)
    try:
        request = _changes(form, found.acl)
        await update_acl(db, subject=subject, template_id=found.template.id, request=request)
    except HomeportError as error:
        return await _page(view, db, subject, found, problems=Problems(error, known=frozenset()))
    return view.go(f"{_path(found.template)}&notice=permissions")


async def _page(
    view: View, db: Database, subject: Subject, found: Found, *, problems: Problems = NO_PROBLEMS
) -> Response[str]:
    search = view.request.query_params.get("q", "")[:2000]
    offered, search_problems = ACLAvailable([], []), NO_PROBLEMS
    if search.strip() and found.can_update:
        try:
            offered = await _search(db, subject, found.template, search)
        except BadRequest as error:
            search_problems = Problems(error, known=frozenset())
    entries = _entries(found)
    taken = {entry.field for entry in entries if entry.role}
    return view.page(
        "template_permissions.html",
        status=problems.status if problems else search_problems.status,
        place=found.place,
        template=found.template,
        can_update=found.can_update,
        entries=entries,
        base=f"/templates/{quote(found.template.name)}/permissions",
        search=search,
        offered=[each for each in _offers(offered) if each.field not in taken],
        most=_MOST_FOUND,
        problems=problems,
        search_problems=search_problems,
    )


async def _load(view: View, db: Database, subject: Subject, name: str) -> Found:
    async with db.connection() as conn:
        place = await load_template_place(view, conn, subject, name, "permissions")
        acl = await read_acl(conn, subject=subject, template_id=place.template.id)
    return Found(place, place.template, place.can_update, acl)


async def _search(db: Database, subject: Subject, template: Template, search: str) -> ACLAvailable:
    async with db.connection() as conn:
        return await list_available(
            conn, subject=subject, template_id=template.id, query=search, page=Window(limit=_MOST_FOUND)
        )


def _entries(found: Found) -> list[Entry]:
    """Return the list, Everyone first and always: it is what most templates are for."""
    everyone = found.template.organization_id
    roles = {group.id: group.role for group in found.acl.group}
    first = Entry(
        f"group.{everyone}", "Everyone", "Everyone", "All members of the organization.", roles.get(everyone, "")
    )
    groups = [
        Entry(
            f"group.{each.id}", each.name, each.display_name or each.name, _people(each.total_member_count), each.role
        )
        for each in found.acl.group
        if each.id != everyone
    ]
    users = [Entry(f"user.{each.id}", each.username, each.username, each.name, each.role) for each in found.acl.users]
    return [first, *groups, *users]


def _offers(found: ACLAvailable) -> list[Entry]:
    groups = [
        Entry(f"group.{each.id}", each.name, each.display_name or each.name, _people(each.total_member_count), "")
        for each in found.groups
        if each.id != each.organization_id
    ]
    return [*groups, *(Entry(f"user.{each.id}", each.username, each.username, each.name, "") for each in found.users)]


def _changes(form: Form, acl: TemplateACL) -> UpdateTemplateACL:
    """Return what the form changes; what it leaves as it is may have been changed by somebody else meanwhile."""
    held: dict[tuple[str, UUID], str] = {("group", each.id): each.role for each in acl.group}
    held |= {("user", each.id): each.role for each in acl.users}
    changes: dict[str, dict[UUID, Any]] = {"group": {}, "user": {}}
    for field in form:
        kind, _, text = field.partition(".")
        if kind not in changes:
            continue
        role = form.text(field)
        try:
            key = UUID(text)
        except ValueError:
            raise invalid_field("", "Choose from what the page offers.") from None
        if role not in _ROLES:
            raise invalid_field("", "Choose one of the roles that the page offers.")
        if role != held.get((kind, key), ""):
            changes[kind][key] = role
    return UpdateTemplateACL(user_perms=changes["user"], group_perms=changes["group"])


def _people(count: int) -> str:
    return f"A group of {count} {'person' if count == 1 else 'people'}."


def _path(template: Template) -> str:
    return f"/templates/{quote(template.name)}/permissions?organization={quote(template.organization_name)}"


routes: list[Any] = [show_permissions, save_permissions]
