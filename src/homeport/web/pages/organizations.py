"""Organizations: the list, one's place in one, making, changing and deleting one."""

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.types import Identity
from homeport.kit.errors import HomeportError
from homeport.kit.http import Page as Window
from homeport.kit.routes import requires
from homeport.organizations.rules import sync_object
from homeport.organizations.schemas import CreateOrganizationRequest, Organization, UpdateOrganizationRequest
from homeport.organizations.service import organizations
from homeport.organizations.service.members import list_members
from homeport.rbac import Action, Object, ResourceType, Subject, is_allowed, require
from homeport.web.forms import NO_PROBLEMS, Form, Problems, mistyped, read_form, remaining
from homeport.web.memberships import list_memberships, load_member
from homeport.web.pages.workspaces import PAGE_SIZE, asked
from homeport.web.rendering import View
from homeport.web.tenancy import Place, load_place, organization_path

_READ = requires("organization:read", is_page=True)
_CREATE = requires("organization:create", is_page=True)
_UPDATE = requires("organization:update", is_page=True)
_DELETE = requires("organization:delete", is_page=True)
_PATH = "/organizations/{organization:str}"
_FIELDS = ("name", "display_name", "description", "icon")
_ANY = Object(ResourceType.ORGANIZATION)
Page = Response[str] | Redirect


@get("/organizations", opt=_READ, include_in_schema=False)
async def show_organizations(view: View, db: Database, identity: Identity) -> Response[str]:
    """Show the organizations that one may see, and a search among them."""
    search, number = asked(view)
    found = await organizations.list_organizations(db, subject=identity.subject)
    matching = [each for each in found if _matches(each, search)]
    start = (number - 1) * PAGE_SIZE
    return view.page(
        "organizations.html",
        organizations=matching[start : start + PAGE_SIZE],
        own=set(identity.organization_ids),
        count=len(matching),
        search=search,
        number=number,
        page_size=PAGE_SIZE,
        can_create=is_allowed(identity.subject, Action.CREATE, _ANY),
        can_sync=is_allowed(identity.subject, Action.READ, sync_object()),
    )


@get("/organizations/new", opt=_CREATE, include_in_schema=False)
async def show_form(view: View, subject: Subject) -> Response[str]:
    """Show the form of a new organization."""
    require(subject, Action.CREATE, _ANY, noun="organization")
    return view.page("new_organization.html", values=remaining({}, *_FIELDS), problems=NO_PROBLEMS)


@post("/organizations/new", opt=_CREATE, include_in_schema=False, status_code=200)
async def create_organization(view: View, db: Database, subject: Subject) -> Page:
    """Make an organization."""
    form = await read_form(view.request)
    require(subject, Action.CREATE, _ANY, noun="organization")
    request = CreateOrganizationRequest(**_texts(form))
    try:
        made = await organizations.create_organization(db, subject=subject, request=request)
    except HomeportError as error:
        problems = Problems(error, known=frozenset(_FIELDS))
        values = remaining(form, *_FIELDS)
        return view.page("new_organization.html", status=problems.status, values=values, problems=problems)
    return view.go(f"{organization_path(made.name)}?notice=organization")


@get(_PATH, opt=_READ, include_in_schema=False)
async def show_organization(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Show an organization, and what the person has in it."""
    place = await load_place(db, identity, organization)
    count = None
    if place.can.can_list_members:
        window = Window(limit=1)
        count = (await list_members(db, subject=identity.subject, organization=organization, page=window)).count
    me = await load_member(db, identity.subject, "me")
    own = await list_memberships(db, identity.subject, me, organization_id=place.organization.id, is_detailed=True)
    return view.page("organization.html", place=place, members=count, own=own[0] if own else None)


@get(f"{_PATH}/settings", opt=_UPDATE, include_in_schema=False)
async def show_settings(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Show the settings to those who may change or delete the organization."""
    place = await _changeable(db, identity, organization)
    return _settings_page(view, place, _stored(place.organization), NO_PROBLEMS)


@post(f"{_PATH}/settings", opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_settings(view: View, organization: str, db: Database, identity: Identity) -> Page:
    """Set names, description and icon."""
    form = await read_form(view.request)
    place = await _changeable(db, identity, organization)
    request = UpdateOrganizationRequest(**_texts(form))
    try:
        changed = await organizations.update_organization(
            db, subject=identity.subject, value=str(place.organization.id), request=request
        )
    except HomeportError as error:
        return _settings_page(view, place, remaining(form, *_FIELDS), Problems(error, known=frozenset(_FIELDS)))
    return view.go(f"{organization_path(changed.name)}/settings?notice=organization-changed")


@get(f"{_PATH}/delete", opt=_DELETE, include_in_schema=False)
async def confirm_deletion(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Ask before an organization goes."""
    return _deletion_page(view, await _deletable(db, identity, organization), NO_PROBLEMS)


@post(f"{_PATH}/delete", opt=_DELETE, include_in_schema=False, status_code=200)
async def delete_organization(view: View, organization: str, db: Database, identity: Identity) -> Page:
    """Delete an organization once its name was typed, or say what is still in it."""
    form = await read_form(view.request)
    place = await _deletable(db, identity, organization)
    if form.text("confirm") != place.organization.name:
        return _deletion_page(view, place, mistyped("organization"))
    try:
        await organizations.delete_organization(db, subject=identity.subject, value=str(place.organization.id))
    except HomeportError as error:
        return _deletion_page(view, place, Problems(error, known=frozenset({"confirm"})))
    return view.go("/organizations?notice=organization-gone")


def _settings_page(view: View, place: Place, values: dict[str, str], problems: Problems) -> Response[str]:
    return view.page(
        "organization_settings.html", status=problems.status, place=place, values=values, problems=problems
    )


def _deletion_page(view: View, place: Place, problems: Problems) -> Response[str]:
    name = place.organization.name
    return view.page(
        "confirm.html",
        status=problems.status,
        heading=f"Delete the organization {name}",
        consequences=[
            "Its groups, roles and memberships end at once, and its name becomes free. This cannot be undone.",
            "It is refused while there are workspaces, templates, provisioner keys, groups or further members in it.",
        ],
        problems=problems,
        action=f"{place.path}/delete",
        typed=f"the name {name}",
        button="Delete organization",
        back=f"{place.path}/settings",
        keep="Keep it",
    )


async def _changeable(db: Database, identity: Identity, organization: str) -> Place:
    place = await load_place(db, identity, organization, "settings")
    if not place.can.can_delete:
        require(identity.subject, Action.UPDATE, _object(place), noun="organization")
    return place


async def _deletable(db: Database, identity: Identity, organization: str) -> Place:
    place = await load_place(db, identity, organization, "settings")
    require(identity.subject, Action.DELETE, _object(place), noun="organization")
    return place


def _object(place: Place) -> Object:
    id_ = place.organization.id
    return Object(ResourceType.ORGANIZATION, id=id_, organization_id=id_)


def _matches(each: Organization, search: str) -> bool:
    wanted = search.strip().casefold()
    return wanted in each.name.casefold() or wanted in each.display_name.casefold()


def _texts(form: Form) -> dict[str, str]:
    return {name: form.text(name) for name in _FIELDS}


def _stored(organization: Organization) -> dict[str, str]:
    return {name: str(getattr(organization, name)) for name in _FIELDS}


routes: list[Any] = [
    show_organizations,
    show_form,
    create_organization,
    show_organization,
    show_settings,
    save_settings,
    confirm_deletion,
    delete_organization,
]
