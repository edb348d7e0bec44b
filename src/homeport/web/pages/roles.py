"""Roles of an organization: what each lets one do; making, changing and deleting custom ones."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.schemas import AssignableRoles
from homeport.identity.types import Identity
from homeport.kit.errors import HomeportError, NotFound
from homeport.kit.routes import requires
from homeport.organizations.rules import role_object
from homeport.organizations.schemas import CustomRoleRequest
from homeport.organizations.service import custom_roles
from homeport.organizations.service.roles import list_assignable_roles
from homeport.rbac import Action, require
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form
from homeport.web.permissions import chosen_of, levels, matrix, wanted_permissions
from homeport.web.rendering import View
from homeport.web.tenancy import Place, load_place

_READ = requires("assign_org_role:read", is_page=True)
_CREATE = requires("assign_org_role:create", is_page=True)
_UPDATE = requires("assign_org_role:update", is_page=True)
_DELETE = requires("assign_org_role:delete", is_page=True)
_PATH = "/organizations/{organization:str}/roles"
_ONE = f"{_PATH}/{{role:str}}"
_KNOWN = frozenset({"name", "display_name", "organization_permissions"})
Page = Response[str] | Redirect


@get(_PATH, opt=_READ, include_in_schema=False)
async def show_roles(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Show the organization's roles with what they allow."""
    place = await load_place(db, identity, organization, "roles")
    found = await _list(db, identity, place)
    return view.page(
        "roles.html",
        place=place,
        custom=[(role, levels(role)) for role in found if not role.built_in],
        built_in=[(role, levels(role)) for role in found if role.built_in],
    )


@get(f"{_PATH}/new", opt=_CREATE, include_in_schema=False)
async def show_form(view: View, organization: str, db: Database, identity: Identity) -> Response[str]:
    """Show the form of a new role."""
    place = await _authorized(db, identity, organization, Action.CREATE)
    return _form_page(view, identity, place, None, Form(), NO_PROBLEMS)


@post(f"{_PATH}/new", opt=_CREATE, include_in_schema=False, status_code=200)
async def create_role(view: View, organization: str, db: Database, identity: Identity) -> Page:
    """Make a role that grants the chosen permissions."""
    form = await read_form(view.request)
    place = await _authorized(db, identity, organization, Action.CREATE)
    try:
        await custom_roles.create_custom_role(
            db,
            subject=identity.subject,
            organization=str(place.organization.id),
            request=_request(form, form.text("name")),
        )
    except HomeportError as error:
        return _form_page(view, identity, place, None, form, Problems(error, known=_KNOWN))
    return view.go(f"{place.path}/roles?notice=role-made")


@get(_ONE, opt=_UPDATE, include_in_schema=False)
async def show_role(view: View, organization: str, role: str, db: Database, identity: Identity) -> Response[str]:
    """Show a custom role to those who may change it."""
    place = await _authorized(db, identity, organization, Action.UPDATE)
    return _form_page(view, identity, place, await _load(db, identity, place, role), None, NO_PROBLEMS)


@post(_ONE, opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_role(view: View, organization: str, role: str, db: Database, identity: Identity) -> Page:
    """Let a role grant the chosen permissions; its holders have them from their next request on."""
    form = await read_form(view.request)
    place = await _authorized(db, identity, organization, Action.UPDATE)
    known = await _load(db, identity, place, role)
    try:
        await custom_roles.update_custom_role(
            db, subject=identity.subject, organization=str(place.organization.id), request=_request(form, known.name)
        )
    except HomeportError as error:
        return _form_page(view, identity, place, known, form, Problems(error, known=_KNOWN))
    return view.go(f"{place.path}/roles?notice=role-changed")


@get(f"{_ONE}/delete", opt=_DELETE, include_in_schema=False)
async def confirm_deletion(view: View, organization: str, role: str, db: Database, identity: Identity) -> Response[str]:
    """Ask before a role goes."""
    place = await _authorized(db, identity, organization, Action.DELETE)
    return _deletion_page(view, place, await _load(db, identity, place, role), NO_PROBLEMS)


@post(f"{_ONE}/delete", opt=_DELETE, include_in_schema=False, status_code=200)
async def delete_role(view: View, organization: str, role: str, db: Database, identity: Identity) -> Page:
    """Delete a role, and take it from those who have it."""
    await read_form(view.request)
    place = await _authorized(db, identity, organization, Action.DELETE)
    known = await _load(db, identity, place, role)
    try:
        await custom_roles.delete_custom_role(
            db, subject=identity.subject, organization=str(place.organization.id), name=known.name
        )
    except HomeportError as error:
        return _deletion_page(view, place, known, Problems(error, known=frozenset()))
    return view.go(f"{place.path}/roles?notice=role-gone")


def _form_page(
    view: View,
    identity: Identity,
    place: Place,
    role: AssignableRoles | None,
    form: Form | None,
    problems: Problems,
) -> Response[str]:
    chosen = chosen_of(role) if role and form is None else form.all_of("permission") if form else []
    values = {
        "name": role.name if role else form.text("name") if form else "",
        "display_name": role.display_name if role and form is None else form.text("display_name") if form else "",
    }
    return view.page(
        "role.html",
        status=problems.status,
        place=place,
        role=role,
        base=_path(place, role.name) if role else f"{place.path}/roles/new",
        values=values,
        rows=matrix(identity.subject, place.organization.id, chosen),
        problems=problems,
    )


def _deletion_page(view: View, place: Place, role: AssignableRoles, problems: Problems) -> Response[str]:
    return view.page(
        "confirm.html",
        status=problems.status,
        heading=f"Delete the role {role.name}",
        consequences=[
            "Members who have it lose it, and what it allows, with their next request. This cannot be undone."
        ],
        problems=problems,
        action=f"{_path(place, role.name)}/delete",
        typed="",
        button="Delete role",
        back=f"{place.path}/roles",
        keep="Keep it",
    )


async def _authorized(db: Database, identity: Identity, organization: str, action: Action) -> Place:
    place = await load_place(db, identity, organization, "roles")
    require(identity.subject, action, role_object(place.organization.id), noun="role")
    return place


async def _list(db: Database, identity: Identity, place: Place) -> list[AssignableRoles]:
    return await list_assignable_roles(db, subject=identity.subject, organization=str(place.organization.id))


async def _load(db: Database, identity: Identity, place: Place, name: str) -> AssignableRoles:
    for role in await _list(db, identity, place):
        if role.name.lower() == name.lower() and not role.built_in:
            return role
    raise NotFound("There is no custom role of this name here. Built-in roles cannot be changed.")


def _request(form: Form, name: str) -> CustomRoleRequest:
    return CustomRoleRequest(
        name=name,
        display_name=form.text("display_name"),
        organization_permissions=wanted_permissions(form.all_of("permission")),
    )


def _path(place: Place, name: str) -> str:
    return f"{place.path}/roles/{quote(name, safe='')}"


routes: list[Any] = [
    show_roles,
    show_form,
    create_role,
    show_role,
    save_role,
    confirm_deletion,
    delete_role,
]
