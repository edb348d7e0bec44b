"""Users, for those who administer them: the list, and making an account."""

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.rules import user_object
from homeport.identity.schemas import CreateUserRequestWithOrgs, GetUsersResponse
from homeport.identity.service import users
from homeport.kit.errors import BadRequest, HomeportError
from homeport.kit.routes import requires
from homeport.organizations.rules import member_object
from homeport.organizations.schemas import Organization
from homeport.organizations.service.organizations import list_organizations
from homeport.rbac import Action, Subject, built_in_roles, filter_allowed, is_allowed, require
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form, remaining
from homeport.web.pages.workspaces import PAGE_SIZE, asked, window
from homeport.web.rendering import View
from homeport.web.searching import chips

_FIELDS = ("email", "username", "name")
_KNOWN = frozenset({*_FIELDS, "password", "login_type", "organization_ids"})
_STATUSES = {"active": "Active", "dormant": "Dormant", "suspended": "Suspended"}
_ROLES = {role.name: role.display_name for role in built_in_roles() if role.name != "member"}
_CHIPS = (
    ("Status", "status", _STATUSES),
    ("Role", "role", _ROLES),
    ("Kind", "login_type", {"none": "Service accounts"}),
)


@get("/users", opt=requires("user:read", is_page=True), include_in_schema=False)
async def show_users(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show the accounts that one may read, and a search among them."""
    search, number = asked(view)
    problems, found = NO_PROBLEMS, GetUsersResponse([], 0)
    try:
        found = await users.list_users(db, subject=subject, query=search, page=window(number))
    except BadRequest as error:
        problems = Problems(error, known=frozenset())
    return view.page(
        "users.html",
        status=problems.status,
        users=found.users,
        count=found.count,
        search=search,
        number=number,
        page_size=PAGE_SIZE,
        chips=[(words, chips(search, key, choices)) for words, key, choices in _CHIPS],
        problems=problems,
        can_create=is_allowed(subject, Action.CREATE, user_object()),
    )


@get("/users/new", opt=requires("user:create", is_page=True), include_in_schema=False)
async def show_form(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show the form of a new account."""
    require(subject, Action.CREATE, user_object(), noun="user")
    return await _form_page(view, db, subject, None, NO_PROBLEMS)


@post("/users/new", opt=requires("user:create", is_page=True), include_in_schema=False, status_code=200)
async def create_user(view: View, db: Database, subject: Subject) -> Response[str] | Redirect:
    """Make an account in the chosen organizations: of a person with a password, or of a program that nobody signs in to."""
    form = await read_form(view.request)
    require(subject, Action.CREATE, user_object(), noun="user")
    try:
        made = await users.create_user(db, subject=subject, request=_request(form))
    except HomeportError as error:
        return await _form_page(view, db, subject, form, Problems(error, known=_KNOWN))
    return view.go(f"/users/{made.username}?notice=user")


def _request(form: Form) -> CreateUserRequestWithOrgs:
    is_program = form.text("login_type") == "none"
    return CreateUserRequestWithOrgs(
        email=form.text("email"),
        username=form.text("username"),
        name=form.text("name"),
        password="" if is_program else form.get("password", ""),
        login_type="none" if is_program else "password",
        user_status="active" if is_program else None,
        organization_ids=form.ids_of("organization_ids") or None,
    )


async def _form_page(
    view: View, db: Database, subject: Subject, form: Form | None, problems: Problems
) -> Response[str]:
    places = await _open_organizations(db, subject)
    chosen = (
        [str(place.id) for place in places if place.is_default] if form is None else form.all_of("organization_ids")
    )
    login_type = form.text("login_type") if form else "password"
    return view.page(
        "new_user.html",
        status=problems.status,
        values={**remaining(form or {}, *_FIELDS), "login_type": login_type},
        organizations=places,
        chosen=chosen,
        problems=problems,
    )


async def _open_organizations(db: Database, subject: Subject) -> list[Organization]:
    """Return the organizations to which the maker may add people."""
    found = await list_organizations(db, subject=subject)
    return filter_allowed(subject, Action.CREATE, found, lambda each: member_object(each.id))


routes: list[Any] = [show_users, show_form, create_user]
