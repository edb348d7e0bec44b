"""Groups of an organization: the list, making one, and one with its members and settings."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.types import Identity
from homeport.kit.errors import BadRequest, HomeportError, NotFound, invalid_field
from homeport.kit.http import Page as Window
from homeport.kit.routes import requires
from homeport.organizations.rules import group_object
from homeport.organizations.schemas import CreateGroupRequest, Group, PatchGroupRequest
from homeport.organizations.service import groups
from homeport.organizations.types import MOST_ALLOWANCE
from homeport.rbac import Action, Subject, is_allowed, require
from homeport.web.forms import NO_PROBLEMS, Form, Problems, field_problem, mistyped, read_form, remaining
from homeport.web.memberships import load_member
from homeport.web.pages.workspaces import PAGE_SIZE, asked, page_number
from homeport.web.rendering import View
from homeport.web.tenancy import Place, load_place

_READ = requires("group:read", is_page=True)
_UPDATE = requires("group:update", is_page=True)
_DELETE = requires("group:delete", is_page=True)
_PATH = "/organizations/{organization:str}/groups"
_ONE = f"{_PATH}/{{group:str}}"
_FIELDS = ("name", "display_name", "avatar_url", "quota_allowance")
_KNOWN = frozenset(_FIELDS)
Page = Response[str] | Redirect


@get(_PATH, opt=_READ, include_in_schema=False)
async def show_groups(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Show the groups that one may read, and a search among them."""
    place = await load_place(db, identity, organization, "groups")
    search, number = asked(view)
    problems, found = NO_PROBLEMS, list[Group]()
    try:
        found = await _list(db, identity.subject, place, search, number)
    except BadRequest as error:
        problems = Problems(error, known=frozenset())
    return view.page(
        "groups.html",
        status=problems.status,
        place=place,
        groups=found[:PAGE_SIZE],
        has_next=len(found) > PAGE_SIZE,
        search=search,
        number=number,
        problems=problems,
    )


@get(f"{_PATH}/new", opt=requires("group:create", is_page=True), include_in_schema=False)
async def show_form(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Show the form of a new group."""
    place = await _creatable(db, identity, organization)
    return _form_page(view, place, {**remaining({}, *_FIELDS), "quota_allowance": "0"}, NO_PROBLEMS)


@post(f"{_PATH}/new", opt=requires("group:create", is_page=True), include_in_schema=False, status_code=200)
async def create_group(view: View, organization: str, db: Database, identity: Identity) -> Page:
    """Make a group; people are added on its page."""
    form = await read_form(view.request)
    place = await _creatable(db, identity, organization)
    try:
        request = CreateGroupRequest(
            name=form.text("name"),
            display_name=form.text("display_name"),
            avatar_url=form.text("avatar_url"),
            quota_allowance=_allowance(form),
        )
        made = await groups.create_group(
            db, subject=identity.subject, organization=str(place.organization.id), request=request
        )
    except HomeportError as error:
        return _form_page(view, place, remaining(form, *_FIELDS), Problems(error, known=_KNOWN))
    return view.go(f"{_path(place, made)}?notice=group")


@get(_ONE, opt=_READ, include_in_schema=False)
async def show_group(view: View, organization: str, group: str, db: Database, identity: Identity) -> Response[str]:
    """Show a group: its members, and its settings to those who may change them."""
    place = await load_place(db, identity, organization, "groups")
    return _group_page(view, identity.subject, place, await _load(db, identity, place, group))


@post(_ONE, opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_group(view: View, organization: str, group: str, db: Database, identity: Identity) -> Page:
    """Set names, picture and quota allowance."""
    form = await read_form(view.request)
    place = await load_place(db, identity, organization, "groups")
    known = await _load(db, identity, place, group)
    try:
        request = PatchGroupRequest(
            # Everyone keeps its name, and its form has no field for one.
            name=form.text("name"),
            display_name=form.text("display_name"),
            avatar_url=form.text("avatar_url"),
            quota_allowance=_allowance(form),
        )
        changed = await groups.update_group(db, subject=identity.subject, group_id=known.id, request=request)
    except HomeportError as error:
        problems = Problems(error, known=_KNOWN)
        return _group_page(view, identity.subject, place, known, form=form, problems=problems)
    return view.go(f"{_path(place, changed)}?notice=group-changed")


@post(f"{_ONE}/members", opt=_UPDATE, include_in_schema=False, status_code=200)
async def add_member(view: View, organization: str, group: str, db: Database, identity: Identity) -> Page:
    """Put a member of the organization into the group, by username."""
    form = await read_form(view.request)
    place = await load_place(db, identity, organization, "groups")
    known = await _load(db, identity, place, group)
    username = form.text("username")
    try:
        user = await load_member(db, identity.subject, username)
        request = PatchGroupRequest(add_users=[user.user_id])
        await groups.update_group(db, subject=identity.subject, group_id=known.id, request=request)
    except NotFound:
        words = "There is nobody of this username, or you may not see them."
        added = field_problem("username", words)
    except HomeportError as error:
        added = _member_problems(error)
    else:
        return view.go(f"{_path(place, known)}?notice=group-member")
    return _group_page(view, identity.subject, place, known, username=username, adding=added)


@post(f"{_ONE}/members/{{user:str}}/remove", opt=_UPDATE, include_in_schema=False, status_code=200)
async def remove_member(view: View, organization: str, group: str, user: str, db: Database, identity: Identity) -> Page:
    """Take somebody out of the group."""
    await read_form(view.request)
    place = await load_place(db, identity, organization, "groups")
    known = await _load(db, identity, place, group)
    request = PatchGroupRequest(remove_users=[_id(user)])
    try:
        await groups.update_group(db, subject=identity.subject, group_id=known.id, request=request)
    except HomeportError as error:
        return _group_page(view, identity.subject, place, known, adding=Problems(error, known=frozenset()))
    return view.go(f"{_path(place, known)}?notice=group-left")


@get(f"{_ONE}/delete", opt=_DELETE, include_in_schema=False)
async def confirm_deletion(
    view: View, organization: str, group: str, db: Database, identity: Identity
) -> Response[str]:
    """Ask before a group goes."""
    place = await load_place(db, identity, organization, "groups")
    return _deletion_page(view, place, await _deletable(db, identity, place, group), NO_PROBLEMS)


@post(f"{_ONE}/delete", opt=_DELETE, include_in_schema=False, status_code=200)
async def delete_group(view: View, organization: str, group: str, db: Database, identity: Identity) -> Page:
    """Delete a group once its name was typed."""
    form = await read_form(view.request)
    place = await load_place(db, identity, organization, "groups")
    known = await _deletable(db, identity, place, group)
    if form.text("confirm") != known.name:
        return _deletion_page(view, place, known, mistyped("group"))
    try:
        await groups.delete_group(db, subject=identity.subject, group_id=known.id)
    except HomeportError as error:
        return _deletion_page(view, place, known, Problems(error, known=frozenset({"confirm"})))
    return view.go(f"{place.path}/groups?notice=group-gone")


def _form_page(view: View, place: Place, values: dict[str, str], problems: Problems) -> Response[str]:
    return view.page("new_group.html", status=problems.status, place=place, values=values, problems=problems)


def _group_page(
    view: View,
    subject: Subject,
    place: Place,
    group: Group,
    *,
    form: Form | None = None,
    problems: Problems = NO_PROBLEMS,
    username: str = "",
    adding: Problems = NO_PROBLEMS,
) -> Response[str]:
    number, target = (
        page_number(view.request.query_params.get("page", "")),
        group_object(place.organization.id, group.id),
    )
    start, is_everyone = (number - 1) * PAGE_SIZE, group.id == place.organization.id
    can_update = is_allowed(subject, Action.UPDATE, target)
    return view.page(
        "group.html",
        status=max(problems.status, adding.status),
        place=place,
        base=_path(place, group),
        group=group,
        is_everyone=is_everyone,
        members=group.members[start : start + PAGE_SIZE],
        count=len(group.members),
        search="",
        number=number,
        page_size=PAGE_SIZE,
        can_update=can_update,
        can_change_members=can_update and not is_everyone,
        can_delete=is_allowed(subject, Action.DELETE, target) and not is_everyone,
        values=_stored(group) if form is None else remaining(form, *_FIELDS),
        problems=problems,
        username=username,
        adding=adding,
    )


def _deletion_page(view: View, place: Place, group: Group, problems: Problems) -> Response[str]:
    return view.page(
        "confirm.html",
        status=problems.status,
        heading=f"Delete the group {group.name}",
        consequences=[
            "Its members stay in the organization and lose what the group gave them: its quota allowance, and templates that it may use.",
        ],
        problems=problems,
        action=f"{_path(place, group)}/delete",
        typed=f"the name {group.name}",
        button="Delete group",
        back=_path(place, group),
        keep="Keep it",
    )


async def _creatable(db: Database, identity: Identity, organization: str) -> Place:
    place = await load_place(db, identity, organization, "groups")
    require(identity.subject, Action.CREATE, group_object(place.organization.id), noun="group")
    return place


async def _list(db: Database, subject: Subject, place: Place, search: str, number: int) -> list[Group]:
    """Return a page and one more, which shows that there is a next one; groups are not counted."""
    window = Window(limit=PAGE_SIZE + 1, offset=(number - 1) * PAGE_SIZE)
    return await groups.list_groups_of_organization(
        db, subject=subject, organization=str(place.organization.id), query=search, page=window
    )


async def _load(db: Database, identity: Identity, place: Place, name: str) -> Group:
    return await groups.get_group_by_name(
        db, subject=identity.subject, organization=str(place.organization.id), name=name
    )


async def _deletable(db: Database, identity: Identity, place: Place, name: str) -> Group:
    group = await _load(db, identity, place, name)
    require(identity.subject, Action.DELETE, group_object(place.organization.id, group.id), noun="group")
    return group


def _member_problems(error: HomeportError) -> Problems:
    """Return what was wrong with adding somebody; the service names the list of its request."""
    problems = Problems(error, known=frozenset({"add_users"}))
    if words := problems.fields.pop("add_users", ""):
        problems.fields["username"], problems.summary = words, ""
    return problems


def _allowance(form: Form) -> int:
    text = form.text("quota_allowance") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MOST_ALLOWANCE):
        raise invalid_field("quota_allowance", f"Give a whole number from 0 to {MOST_ALLOWANCE}.")
    return int(text)


def _stored(group: Group) -> dict[str, str]:
    return {name: str(getattr(group, name)) for name in _FIELDS}


def _path(place: Place, group: Group) -> str:
    return f"{place.path}/groups/{quote(group.name, safe='')}"


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is nobody of this id in the group.") from None


routes: list[Any] = [
    show_groups,
    show_form,
    create_group,
    show_group,
    save_group,
    add_member,
    remove_member,
    confirm_deletion,
    delete_group,
]
